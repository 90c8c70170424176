"""Labels and numbers of any type: what scikit-learn takes is learned as what it is, and missing ones are refused."""

import datetime
import enum
import pickle
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse
import sklearn.neural_network
from sklearn.base import clone

from fastmlp import MLPClassifier, MLPRegressor
from fastmlp.inputs.plain_targets import is_missing, plain_targets
from tests.estimator_cases import assert_fails_without_a_trace, everything
from tests.files import returned, same

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

N = 24
X = np.random.default_rng(0).standard_normal((N, 3))


class Size(str, enum.Enum):  # noqa: UP042 - NumPy makes the beginnings of their names of them
    """Texts that are longer than one character, so that the beginnings of names differ from them."""

    SMALL = "sm"
    LARGE = "la"
    HUGE = "hu"


class Level(enum.StrEnum):
    """Texts whose names are others."""

    LOW = "sm"
    MIDDLE = "la"
    HIGH = "hu"


class Number(enum.IntEnum):
    """Numbers with names."""

    ONE = 1
    TWO = 2
    THREE = 3


def small(cls, **parameters):
    return cls(hidden_layer_sizes=(2,), max_iter=2, random_state=0, **parameters)


def rows(values):
    """Values over and over again, as many as X has rows."""
    return [values[i % len(values)] for i in range(N)]


def objects(values):
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def but(values, missing, row=5):
    """A list of the values, one of which is missing."""
    return [*list(values)[:row], missing, *list(values)[row + 1 :]]


TEXTS, WHOLE, TRUTH = rows(["sm", "la", "hu"]), rows([1, 2, 3]), rows([True, False])
DATES = np.array(rows(["2024-01-01", "2025-01-01", "2026-01-01"]), "M8[D]")
SEVERAL = np.array([[i % 2, i // 2 % 2] for i in range(N)])
MASK = np.arange(N) == 5
# y of some type, and the same in a type that scikit-learn learns as it is.
LABELS = {
    "enumeration of texts": (rows(list(Size)), np.array(TEXTS)),
    "objects of an enumeration of texts": (objects(rows(list(Size))), np.array(TEXTS)),
    "series of an enumeration of texts": (pd.Series(rows(list(Size))), np.array(TEXTS)),
    "categories of an enumeration of texts": (pd.Series(rows(list(Size)), dtype="category"), np.array(TEXTS)),
    "StrEnum": (rows(list(Level)), np.array(TEXTS)),
    "objects of a StrEnum": (objects(rows(list(Level))), np.array(TEXTS)),
    "IntEnum": (rows(list(Number)), np.array(WHOLE)),
    "objects of an IntEnum": (objects(rows(list(Number))), np.array(WHOLE)),
    "np.str_": (objects([np.str_(text) for text in TEXTS]), np.array(TEXTS)),
    "NumPy's long texts": (np.array(TEXTS, np.dtypes.StringDType()), np.array(TEXTS)),
    "objects of integers": (objects(WHOLE), np.array(WHOLE)),
    "series of objects of integers": (pd.Series(WHOLE, dtype=object), np.array(WHOLE)),
    "objects of truth values": (objects(TRUTH), np.array(TRUTH)),
    "objects of numbers": (objects(but(WHOLE, 3.0)), np.array(WHOLE, float)),
    "long floats": (np.array(WHOLE, np.longdouble), np.array(WHOLE, float)),
    "nothing masked": (np.ma.masked_array(WHOLE, np.zeros(N, bool)), np.array(WHOLE)),
    "nullable integers": (pd.Series(WHOLE, dtype="Int64"), np.array(WHOLE, float)),
    "nullable integers beyond floats": (pd.Series(WHOLE, dtype="Int64") + 2**53, np.array(WHOLE) + 2**53),
    "nullable truth values": (pd.Series(TRUTH, dtype="boolean"), np.array(TRUTH, float)),
    "string": (pd.Series(TEXTS, dtype="string"), np.array(TEXTS)),
    "categories": (pd.Categorical(TEXTS), np.array(TEXTS)),
    "polars": (pl.Series(TEXTS, dtype=pl.Categorical), np.array(TEXTS)),
    "polars' dates": (pl.Series(DATES.tolist()), DATES),
    "pyarrow": (pa.chunked_array([TEXTS]), np.array(TEXTS)),
    "dates": (pd.Series(DATES), DATES.astype("M8[s]")),
    "spans": (pd.Series(DATES - DATES[0]), (DATES - DATES[0]).astype("m8[s]")),
    "integers beyond int64": (np.array(WHOLE, np.uint64) + np.uint64(2**63), np.array(WHOLE, np.uint64) + 2**63),
    "objects of several labels": (SEVERAL.astype(object), SEVERAL),
    "nullable numbers of several labels": (pd.DataFrame(SEVERAL).astype({0: "Int64", 1: "boolean"}), SEVERAL),
}
every_label = pytest.mark.parametrize(("y", "plain"), LABELS.values(), ids=LABELS)


@every_label
def test_labels_are_learned_as_what_they_are(y, plain, tmp_path):
    """The model is that of plain labels, to the last bit, and scores, checks and files know the labels as well."""
    expected, clf = small(MLPClassifier).fit(X, plain), small(MLPClassifier).fit(X, y, X_val=X, y_val=y)
    np.testing.assert_array_equal(everything(clf), everything(expected))
    np.testing.assert_array_equal(clf.classes_, expected.classes_)
    np.testing.assert_array_equal(clf.predict(X), expected.predict(X))
    assert clf.predict(X).dtype.kind == expected.predict(X).dtype.kind == plain.dtype.kind
    assert clf.score(X, y) == expected.score(X, plain) == clf.history_["validation_score"][-1]
    for copied in (returned(clf, tmp_path / "model"), pickle.loads(pickle.dumps(clf))):
        assert same(copied.classes_, clf.classes_)
        assert same(copied.predict(X), clf.predict(X))
        np.testing.assert_array_equal(
            everything(copied.partial_fit(X, y)), everything(clone(clf).fit(X, y).partial_fit(X, y))
        )
    first = small(MLPClassifier).partial_fit(X, y, classes=[0, 1] if plain.ndim == 2 else y)
    np.testing.assert_array_equal(
        everything(first), everything(small(MLPClassifier).partial_fit(X, plain, classes=clf.classes_))
    )
    warm = small(MLPClassifier, warm_start=True).fit(X, y).fit(X, y)
    np.testing.assert_array_equal(
        everything(warm), everything(small(MLPClassifier, warm_start=True).fit(X, plain).fit(X, plain))
    )


@every_label
def test_where_scikit_learn_takes_labels_classes_are_its(y, plain):
    try:
        theirs = small(sklearn.neural_network.MLPClassifier).fit(X, y)
    except (ValueError, TypeError):
        return
    ours = small(MLPClassifier).fit(X, y)
    if theirs.classes_.tolist() != ours.classes_.tolist():  # It has classes that there are not.
        assert not set(theirs.classes_.tolist()) <= set(plain.ravel().tolist())
    elif theirs.classes_.dtype != np.longdouble:  # which no file has
        assert theirs.classes_.dtype == ours.classes_.dtype


@pytest.mark.parametrize("weights", [{Size.SMALL: 2.0}, {"sm": 2.0}, {Level.LOW: 2.0}, {np.str_("sm"): 2.0}], ids=repr)
@pytest.mark.parametrize("y", [rows(list(Size)), rows(list(Level)), TEXTS], ids=["texts", "StrEnum", "str"])
def test_weights_of_classes_of_enumerations(weights, y):
    expected = small(MLPClassifier).fit(X, TEXTS, np.where(np.array(TEXTS) == "sm", 2.0, 1.0))
    np.testing.assert_array_equal(
        everything(small(MLPClassifier, class_weight=weights).fit(X, y)), everything(expected)
    )


@pytest.mark.parametrize("unit", ["D", "s", "ns"])
@pytest.mark.parametrize("label", [DATES[1], datetime.date(2025, 1, 1), pd.Timestamp("2025-01-01")], ids=repr)
def test_weights_of_classes_that_are_dates(unit, label, tmp_path):
    expected = small(MLPClassifier).fit(X, DATES, np.where(np.arange(N) % 3 == 1, 3.0, 1.0))
    clf = small(MLPClassifier, class_weight={label: 3.0}).fit(X, DATES.astype(f"M8[{unit}]"))
    np.testing.assert_array_equal(everything(clf), everything(expected))
    if isinstance(label, np.datetime64):
        assert same(returned(clf, tmp_path / "model").class_weight, {label: 3.0})
    with pytest.raises(ValueError, match=r"class_weight names the class 7, which is none of \[.*2024-01-01"):
        clf.set_params(class_weight={7: 1.0}).fit(X, DATES.astype(f"M8[{unit}]"))


def test_dates_of_other_units_are_the_same_dates():
    clf = small(MLPClassifier).fit(X, DATES)
    assert clf.score(X, DATES.astype("M8[ns]")) == clf.score(X, DATES)
    expected, warm = (clone(clf).set_params(warm_start=True).fit(X, DATES) for _ in range(2))
    np.testing.assert_array_equal(everything(warm.fit(X, DATES.astype("M8[ns]"))), everything(expected.fit(X, DATES)))
    with pytest.raises(
        ValueError, match=r"X_val: y has the labels \[np.datetime64\('2030-01-01.*none of \[.*2024-01-01"
    ):
        clf.fit(X, DATES, X_val=X[:1], y_val=np.array(["2030-01-01"], "M8[ns]"))


# ---- missing targets -------------------------------------------------------------------------------------------------

OF_LABELS = {
    "masked": np.ma.masked_array(WHOLE, MASK),
    "masked texts": np.ma.masked_array(np.array(TEXTS), MASK),
    "masked objects": np.ma.masked_array(objects(TEXTS), MASK),
    "masked truth values": np.ma.masked_array(TRUTH, MASK),
    "None": but(TEXTS, None),
    "NaN among texts": but(TEXTS, np.nan),
    "masked among texts": but(TEXTS, np.ma.masked),
    "NaN among objects": objects(but(TEXTS, np.nan)),
    "NaT among objects": objects(but(TEXTS, pd.NaT)),
    "pandas.NA": objects(but(TEXTS, pd.NA)),
    "None in an enumeration": but(rows(list(Size)), None),
    "string": pd.Series(but(TEXTS, None), dtype="string"),
    "str": pd.Series(but(TEXTS, None)),
    "categories": pd.Series(but(TEXTS, None), dtype="category"),
    "NumPy's long texts": np.array(but(TEXTS, None), np.dtypes.StringDType(na_object=None)),
    "NaT": np.array(but(DATES, "NaT"), "M8[D]"),
    "NaT of spans": np.array(but(range(N), "NaT"), "m8[D]"),
    "series of dates": pd.Series(pd.to_datetime(but(DATES, None))),
    "polars": pl.Series(but(TEXTS, None)),
    "pyarrow": pa.array(but(TEXTS, None)),
}
OF_NUMBERS = {
    "masked numbers": np.ma.masked_array(np.arange(float(N)), MASK),
    "NaN": np.array(but(WHOLE, np.nan)),
    "long floats": np.array(but(WHOLE, np.nan), np.longdouble),
    "None among numbers": but(WHOLE, None),
    "pandas.NA among numbers": but(WHOLE, pd.NA),
    "decimals": but(list(map(Decimal, WHOLE)), Decimal("nan")),
    "decimals that signal": but(list(map(Decimal, WHOLE)), Decimal("snan")),
    "Int64": pd.Series(but(WHOLE, None), dtype="Int64"),
    "Float64": pd.Series(but(WHOLE, None), dtype="Float64"),
    "boolean": pd.Series(but(TRUTH, None), dtype="boolean"),
    "pyarrow's of pandas": pd.Series(but(WHOLE, None), dtype="int64[pyarrow]"),
    "polars' numbers": pl.Series(but(WHOLE, None)),
    "pyarrow's numbers": pa.array(but(WHOLE, None)),
}
COUNTED = "Input y contains NaN: 1 of 24 targets is missing, the first in row 5, counted from 0: leave them out"


@pytest.mark.parametrize(
    ("cls", "y"),
    [(MLPClassifier, y) for y in [*OF_LABELS.values(), *OF_NUMBERS.values()]]
    + [(MLPRegressor, y) for y in OF_NUMBERS.values()],
    ids=[*OF_LABELS, *OF_NUMBERS, *(f"regressor, {name}" for name in OF_NUMBERS)],
)
def test_missing_targets_are_refused_by_row(cls, y):
    good = WHOLE if cls is MLPRegressor else TEXTS
    fresh, fitted = small(cls), small(cls).fit(X, good)
    assert_fails_without_a_trace(lambda: fresh.fit(X, y), fresh, ValueError, COUNTED)
    assert_fails_without_a_trace(lambda: fitted.partial_fit(X, y), fitted, ValueError, COUNTED)
    assert_fails_without_a_trace(lambda: fitted.score(X, y), fitted, ValueError, COUNTED)
    assert_fails_without_a_trace(
        lambda: fitted.fit(X, good, eval_set=(X, y)), fitted, ValueError, f"eval_set 'validation': {COUNTED}"
    )
    if cls is MLPClassifier:
        of_classes = COUNTED.replace("Input y", "Input classes")
        assert_fails_without_a_trace(lambda: fresh.partial_fit(X, good, classes=y), fresh, ValueError, of_classes)


@pytest.mark.parametrize("cls", [MLPClassifier, MLPRegressor])
@pytest.mark.parametrize(
    "y",
    [
        np.ma.masked_array(SEVERAL, np.column_stack([MASK, MASK])),
        pd.DataFrame({"a": pd.Series(but(WHOLE, None), dtype="Int64"), "b": but(TRUTH, None)}),
    ],
    ids=["masked", "frame"],
)
def test_missing_targets_of_several_columns(cls, y):
    message = "Input y contains NaN: 2 of 48 targets are missing, the first in row 5, counted from 0"
    with pytest.raises(ValueError, match=message):
        small(cls).fit(X, y)


# ---- numbers ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "y",
    [
        list(map(Decimal, WHOLE)),
        [Fraction(number) for number in WHOLE],
        objects(WHOLE),
        objects(rows(list(Number))),
        np.array(WHOLE, np.longdouble),
        np.ma.masked_array(WHOLE, np.zeros(N, bool)),
        pd.Series(WHOLE, dtype="Float64"),
        pd.Series(WHOLE, dtype="int64[pyarrow]"),
        pl.Series(list(map(Decimal, WHOLE))),
        pa.array(list(map(Decimal, WHOLE))),
        np.array(list(map(str, WHOLE)), np.dtypes.StringDType()),
    ],
    ids=lambda y: f"{type(y).__name__} of {getattr(y, 'dtype', type(y[0]).__name__)}",
)
def test_numbers_of_any_type_are_numbers(y):
    expected, reg = small(MLPRegressor).fit(X, np.array(WHOLE, float)), small(MLPRegressor).fit(X, y, X_val=X, y_val=y)
    np.testing.assert_array_equal(everything(reg), everything(expected))
    np.testing.assert_allclose(reg.history_["validation_score"][-1], expected.score(X, WHOLE), rtol=1e-12)
    if not isinstance(y, np.ndarray) or y.dtype.kind != "T":  # scikit-learn's score takes no texts
        np.testing.assert_allclose(reg.score(X, y), expected.score(X, WHOLE), rtol=1e-12)


# ---- the function ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "y",
    [
        None, 3, "text", [], [[1, 2], [3]], {1: 2}, np.zeros((2, 2, 2)), scipy.sparse.csr_array(SEVERAL), WHOLE, TEXTS,
        TRUTH, [0, 1, "a"], np.array(WHOLE), np.array(TEXTS), np.array([0.5, np.inf]), np.array([b"a", b"b"]), DATES,
        pd.Series(WHOLE, dtype="Int64"), pd.Series([0.5, 1.5]), pl.Series(WHOLE), pa.array(WHOLE), np.array([1j, 2]),
    ],
    ids=lambda y: f"{type(y).__name__} {y!s:.20}",
)  # fmt: skip
def test_what_scikit_learn_reads_right_comes_back_as_it_is(y):
    assert plain_targets(y) is y


@pytest.mark.parametrize("value", [None, np.nan, np.float32("nan"), pd.NA, pd.NaT, np.datetime64("NaT"), np.ma.masked])
def test_what_is_missing(value):
    assert is_missing(value)


@pytest.mark.parametrize("value", [0, "", "nan", False, np.inf, Decimal(0), Fraction(1, 2), 1j, [], b"", DATES[0]])
def test_what_is_not_missing(value):
    assert not is_missing(value)
