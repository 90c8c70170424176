"""Errors about data that are no numbers: they say where, and what learns from such data."""

import enum
import re
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse
from sklearn.base import clone

from fastmlp import MLPClassifier, MLPRegressor
from fastmlp.inputs.validation import labels_of, validated

N = 40
NUMBERS = pd.DataFrame(np.random.default_rng(0).standard_normal((N, 3)), columns=["a", "b", "c"])
Y = np.arange(N) % 2
WITH_TEXTS = NUMBERS.assign(city=["Bonn", "Ulm"] * 20)
DAYS = pd.date_range("2020", periods=N)
GAPS = NUMBERS.where(NUMBERS > -1)
Colour = enum.Enum("Colour", ["RED", "BLUE"])


def small(cls):
    return cls(hidden_layer_sizes=(3,), max_iter=1)


@pytest.fixture(params=[MLPClassifier, MLPRegressor])
def model(request):
    return small(request.param)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning", "ignore:X has feature names:UserWarning")
@pytest.mark.parametrize("later", [False, True], ids=["fit", "predict"])
@pytest.mark.parametrize(
    ("X", "column", "value"),
    [
        (WITH_TEXTS, "city", "Bonn"),
        (NUMBERS.assign(city=pd.Categorical(["Bonn", "Ulm"] * 20)), "city", "Bonn"),
        (NUMBERS.astype(object).assign(a=[*range(N - 1), "x"]), "a", "x"),
        (NUMBERS.assign(a=pd.array(["x", None] * 20, dtype="string")), "a", "x"),
        (pl.from_pandas(WITH_TEXTS), "city", "Bonn"),
        (pl.from_pandas(WITH_TEXTS).with_columns(pl.col("city").cast(pl.Categorical)), "city", "Bonn"),
        (pa.Table.from_pandas(WITH_TEXTS), "city", "Bonn"),
        (WITH_TEXTS.to_numpy(), 3, "Bonn"),
        (WITH_TEXTS.to_numpy().tolist(), 3, "Bonn"),
        (np.array([["1", "2", "3", "x"]] * N), 3, "x"),
    ],
    ids=[
        "frame",
        "categorical",
        "objects",
        "strings",
        "polars",
        "polars categories",
        "pyarrow",
        "array",
        "list",
        "texts",
    ],
)
def test_texts_lead_to_table_model(model, X, column, value, later):
    told = rf"^X has columns that are not numbers: {column!r} \(such as {value!r}\)\. fastmlp\.TableModel .*Encoder"
    if later:
        n_features = len(X[0]) if isinstance(X, list) else X.shape[1]
        model.fit(np.random.default_rng(0).standard_normal((N, n_features)), Y)
    with pytest.raises(ValueError, match=told):
        model.predict(X) if later else model.fit(X, Y)


def test_what_is_said_of_texts_runs():
    """The way to TableModel that the message shows, in a fit of a frame."""
    from fastmlp import TableModel

    X, y = WITH_TEXTS, np.where(WITH_TEXTS["a"] > 0, "up", "down")
    with pytest.raises(ValueError, match=re.escape("TableModel('y').fit(X.assign(y=y))")):
        small(MLPClassifier).fit(X, y)
    model = TableModel("y", effort="fast", random_state=0).fit(X.assign(y=y))
    assert set(model.predict(X)) <= {"up", "down"}


def test_many_columns_are_counted():
    X = pd.DataFrame({f"c{i}": ["x"] * N for i in range(9)})
    with pytest.raises(ValueError, match=r"'c4' \(such as 'x'\) and 4 more\."):
        small(MLPClassifier).fit(X, Y)


def test_texts_beyond_the_first_rows_are_found():
    X = np.zeros((30_000, 2), dtype=object)
    X[25_000, 1] = "here"
    with pytest.raises(ValueError, match=r"not numbers: 1 \(such as 'here'\)"):
        small(MLPRegressor).fit(X, np.zeros(30_000))


@pytest.mark.parametrize(
    "X",
    [
        NUMBERS.assign(day=DAYS),
        NUMBERS.assign(day=DAYS)[["day"]],
        NUMBERS.assign(day=DAYS.tz_localize("UTC")),
        NUMBERS.assign(day=pd.timedelta_range("1D", periods=N)),
        NUMBERS.assign(day=pd.period_range("2020", periods=N)),
        pl.DataFrame({"a": range(N)}).with_columns(day=pl.date(2020, 1, 1)),
        pa.table({"a": list(range(N)), "day": DAYS.to_pydatetime().tolist()}),
        np.array(DAYS).reshape(-1, 1),
    ],
    ids=["mixed", "alone", "zone", "span", "period", "polars", "pyarrow", "array"],
)
def test_dates_are_no_numbers(model, X):
    """scikit-learn would learn from some of them as nanoseconds since 1970."""
    with pytest.raises((ValueError, TypeError), match=r"^X has columns that are not numbers: (0|'day') .* make years"):
        model.fit(X, Y)


@pytest.mark.parametrize(
    ("X", "where"),
    [
        (GAPS, "columns 'a' (11 of 40 rows), 'b' (4 of 40 rows), 'c' (3 of 40 rows)"),
        (GAPS.to_numpy(np.float32), "columns 0 (11 of 40 rows), 1 (4 of 40 rows), 2 (3 of 40 rows)"),
        (GAPS.astype(object).where(GAPS.notna(), None)[["c"]], "column 'c' (3 of 40 rows)"),
        (NUMBERS.assign(n=pd.array([1, None] * 20, dtype="Int64")), "column 'n' (20 of 40 rows)"),
        (pl.DataFrame({"n": [1.0, None] * 20}), "column 'n' (20 of 40 rows)"),
        (pa.table({"n": [1.0, None] * 20}), "column 'n' (20 of 40 rows)"),
    ],
    ids=["frame", "array", "None", "NA", "polars", "pyarrow"],
)
def test_missing_values_lead_to_table_model(model, X, where):
    with pytest.raises(ValueError) as raised:
        model.fit(X, Y)
    text = str(raised.value)
    assert text.startswith(
        f"Input X contains NaN.\n{type(model).__name__} does not accept missing values encoded as NaN"
    )
    assert where in text
    assert "fastmlp.TableModel" in text
    assert "SimpleImputer" in text
    assert "HistGradientBoosting" not in text


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    "gap", [None, pd.NA, pd.NaT, np.nan, np.float32("nan")], ids=["None", "NA", "NaT", "NaN", "float32"]
)
@pytest.mark.parametrize("kind", [list, tuple, "object"])
def test_missing_values_in_rows_to_predict(model, gap, kind):
    """Each kind of them, in lists too, is refused: none becomes a prediction that is NaN, or a class."""
    fitted = clone(model).fit(NUMBERS.to_numpy(), Y)
    rows = [[1.0, 2.0, 3.0], [1.0, gap, 3.0]]
    X = np.array(rows, dtype=object) if kind == "object" else kind(rows)
    for method in ("predict", "score" if isinstance(model, MLPRegressor) else "predict_proba"):
        arguments = (X, [0, 1]) if method == "score" else (X,)
        with pytest.raises((ValueError, TypeError), match=r"(?s)^Input X contains NaN.*in column 1 \(1 of 2 rows\)"):
            getattr(fitted, method)(*arguments)


def test_missing_values_of_pandas_among_objects(model):
    with pytest.raises((ValueError, TypeError), match=r"(?s)^Input X contains NaN.*in column 'n' \(20 of 40 rows\)"):
        model.fit(NUMBERS.assign(n=[pd.NA, 1] * 20), Y)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_infinite_values_among_objects():
    fitted = small(MLPClassifier).fit(NUMBERS.to_numpy(), Y)
    with pytest.raises(ValueError, match=r"^Input X contains infinity .*: there are some in column 2 \(1 of 1 rows\)"):
        fitted.predict([np.array([1, 2, np.inf], dtype=object)])


def test_missing_values_of_sparse_samples():
    X = scipy.sparse.csr_array(GAPS.to_numpy())
    with pytest.raises(ValueError, match=r"(?s)^Input X contains NaN.*natively\. fastmlp\.TableModel") as raised:
        small(MLPClassifier).fit(X, Y)
    assert "column" not in str(raised.value)


def test_infinite_values_are_found():
    X = NUMBERS.copy()
    X.loc[3, "b"] = -np.inf
    with pytest.raises(
        ValueError, match=r"^Input X contains infinity .*: there are some in column 'b' \(1 of 40 rows\)\.$"
    ):
        small(MLPClassifier).fit(X, Y)


@pytest.mark.parametrize(
    ("X", "told"),
    [
        (None, r"X must be an array or a frame of shape \(n_samples, n_features\); got None\."),
        ("table.csv", r"X must be .*; got 'table\.csv': read it with pandas\.read_csv"),
        ({"a": [1, 2]}, r"X must be .*; got \{'a': \[1, 2\]\}: make it a pandas\.DataFrame\."),
        ([{"a": 1}] * 40, r"X must be .*; got a list of dicts: make a pandas\.DataFrame of them\."),
        ([[1, 2], [1]] * 20, "X has rows of different lengths, 2 and 1"),
        (NUMBERS.to_numpy() + 1j, "Complex data not supported"),
    ],
    ids=["None", "path", "dict", "dicts", "ragged", "complex"],
)
def test_what_is_no_matrix(model, X, told):
    with pytest.raises((ValueError, TypeError), match=f"^{told}"):
        model.fit(X, Y)


# ---- targets ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "y",
    [
        ["yes", "no"] * 20,
        np.array(["yes", "no"] * 20),
        np.array(["yes", "no"] * 20, dtype=object),
        np.array(["yes", 1] * 20, dtype=object),
        pd.Series(["yes", "no"] * 20),
        pd.Series(["yes", "no"] * 20, dtype="category"),
        pd.DataFrame({"a": ["yes", "no"] * 20, "b": [1, 2] * 20}),
        pl.Series(["yes", "no"] * 20),
    ],
    ids=["list", "array", "objects", "mixed", "series", "categories", "frame", "polars"],
)
def test_a_regressor_names_the_classifier(y):
    with pytest.raises(
        ValueError, match=r"^y holds texts such as 'yes': MLPRegressor learns numbers, MLPClassifier classes"
    ):
        small(MLPRegressor).fit(NUMBERS.to_numpy(), y)


@pytest.mark.parametrize(
    ("y", "told"),
    [
        (DAYS, r"y holds .*2020.*, which is not a number: MLPRegressor learns numbers\."),
        ([{1}] * N, r"y holds \{1\}, which is not a number"),
        (pd.Series(DAYS), r"y holds 2020-01-01T00:00:00.*, which is not a number: MLPRegressor learns numbers\."),
        (pd.Series(DAYS - DAYS[0]), r"y holds 0 .*seconds, which is not a number"),
        ([Decimal("inf"), Decimal(1)] * 20, r"Input y contains infinity or a value too large for dtype\('float64'\)"),
        (np.array([None, 1.0] * 20, dtype=object), "Input y contains NaN: 20 of 40 targets are missing"),
        (set(range(N)), r"y must be an array .*; got \{0, 1"),
        (3, r"y must be an array of shape \(n_samples,\) or \(n_samples, n_outputs\); got 3\."),
        ("price", r"y must be an array .*; got 'price'\."),
        ([[1, 2], [1]] * 20, r"y has rows of different lengths, 2 and 1\."),
    ],
    ids=["dates", "sets", "series of dates", "spans", "infinite", "None", "set", "number", "name", "ragged"],
)
def test_what_are_no_numbers(y, told):
    with pytest.raises(ValueError, match=f"^{told}"):
        small(MLPRegressor).fit(NUMBERS, y)


@pytest.mark.parametrize("incremental", [False, True], ids=["fit", "partial_fit"])
@pytest.mark.parametrize(
    ("y", "told"),
    [
        (np.linspace(0, 1, N), r"Unknown label type: continuous\. y holds .* MLPRegressor learns numbers\."),
        (np.linspace(0, 1, 2 * N).reshape(N, 2), r"Unknown label type: continuous-multioutput\. .*MLPRegressor"),
        (
            scipy.sparse.csr_array(np.linspace(0, 1, 2 * N).reshape(N, 2)),
            r"Unknown label type: continuous-multioutput\. y holds real numbers such as 0\.01.* MLPRegressor",
        ),
        (np.arange(2 * N).reshape(N, 2), r"Multioutput target data is not supported: y has 2 columns of classes\."),
        (np.array([None, 1] * 20, dtype=object), "Input y contains NaN: 20 of 40 targets are missing"),
        (list(Colour) * 20, r"y holds labels of type Colour, such as Colour.RED: .* as \[label.name for label in y\]"),
        ([Decimal(1), Decimal(2)] * 20, "y holds labels of type Decimal, such as 1: MLPClassifier learns classes that"),
        (np.array([True, 2] * 20, dtype=object), "y holds labels of type bool and int, such as True"),
        ([DAYS[0].date(), DAYS[1].date()] * 20, r"y holds labels of type date, such as 2020-01-01: .*astype\(str\)"),
        (pd.Series(DAYS.tz_localize("UTC")), "y holds labels of type Timestamp, such as 2020-01-01"),
        (pd.Series([bytearray(b"a"), bytearray(b"b")] * 20), "y holds labels of type bytearray"),
        ([2**70, 2**71] * 20, "y holds labels of type int, such as 1180591620717411303424: .* at most 64 bits"),
        ([1e300, 1.0] * 20, r"Unknown label type: continuous\. y holds real numbers such as 1e\+300"),
        (["a\0", "a"] * 20, r"y has the text 'a\\x00', which ends in NUL"),
        (np.array(["a", 1] * 20, dtype=object), "y mixes labels of different types: int, str"),
        ([{1, 2}, {1}] * 20, "Unknown label type: set.*MultiLabelBinarizer"),
        ([[1, 2], [1]] * 20, "y has rows of different lengths, 2 and 1; .*MultiLabelBinarizer"),
        (3, "y must be an array of shape"),
    ],
    ids=[
        "real", "real matrix", "sparse real matrix", "matrix", "None", "enumeration", "decimals", "truth and number",
        "days", "times with a zone", "bytearrays", "huge integers", "huge floats", "NUL", "mixed", "sets", "ragged",
        "number",
    ],
)  # fmt: skip
def test_what_are_no_labels(y, told, incremental):
    clf = small(MLPClassifier)
    with pytest.raises(ValueError, match=f"^{told}"):
        if incremental:
            clf.partial_fit(NUMBERS, y, classes=[0, 1])
        else:
            clf.fit(NUMBERS, y)
    assert not hasattr(clf, "classes_")


def test_what_is_good_comes_back():
    X, y = validated(small(MLPRegressor), NUMBERS, Y, y_numeric=True)
    np.testing.assert_array_equal(X, NUMBERS)
    np.testing.assert_array_equal(y, Y)
    with labels_of(Y, "MLPClassifier"):
        pass
    with pytest.raises(ValueError, match=r"^mine$"), labels_of(Y, "MLPClassifier"):
        raise ValueError("mine")


def test_integers_beyond_all_floats():
    huge, labels = [[1.0], [10**400], [2.0]], [0, 1, 0]
    for call in (
        lambda: MLPClassifier().fit(huge, labels),
        lambda: MLPRegressor().fit(huge, [1.0, 2.0, 3.0]),
        lambda: MLPClassifier((2,), solver="lbfgs").fit([[1.0], [3.0], [2.0]], labels).predict(huge),
    ):
        with pytest.raises(ValueError, match=r"^Input X contains infinity or a value too large for dtype\('float64'\)"):
            call()
    with pytest.raises(ValueError, match=r"^Input y contains infinity or a value too large"):
        MLPRegressor().fit([[1.0], [3.0], [2.0]], [1, 10**400, 2])
