"""Labels of any type come back as they were; targets that are wrong are named with their row."""

import copy
import enum
from decimal import Decimal

import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from numpy.testing import assert_array_equal
from sklearn.exceptions import DataConversionWarning

from fastmlp.tabular import ClassTargets, number_targets

NAME = "TabularClassifier"


@pytest.mark.parametrize(
    ("y", "classes"),
    [
        ([True, False, True], np.array([False, True])),
        (np.array([3, -1, 3], np.int8), np.array([-1, 3], np.int8)),
        ([1.0, 0.0, 2.0], np.array([0.0, 1.0, 2.0])),
        (["b", "a", "c"], np.array(["a", "b", "c"])),
        (np.array(["b", "a", "b"], object), np.array(["a", "b"], object)),
        (pd.Series(["b", "a", "b"]), np.array(["a", "b"], object)),
        (pd.Series(["b", "a", "b"], dtype="category"), np.array(["a", "b"], object)),
        (pd.Series([3, 1, 3], dtype="category"), np.array([1, 3])),
        (pd.Series([3, 1, 3], dtype="Int64"), np.array([1, 3])),
        (pd.Series([True, False, True], dtype="boolean"), np.array([False, True])),
        (nw.from_native(pl.Series([3, 1, 3]), series_only=True), np.array([1, 3])),
        (pl.Series([3, 1, 3]), np.array([1, 3])),
        (pl.Series(["b", "a", "b"], dtype=pl.Categorical), np.array(["a", "b"], object)),
        (pa.chunked_array([["b"], ["a", "b"]]), np.array(["a", "b"], object)),
        (pa.array(["b", "a", "b"]), np.array(["a", "b"], object)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_labels_come_back_as_they_were(y, classes):
    targets = ClassTargets()
    numbers = targets.fit_transform(y, NAME)
    assert numbers.dtype == np.int32 and numbers.shape == (3,)
    assert_array_equal(targets.classes, classes, strict=True)
    values = y.to_pylist() if isinstance(y, pa.Array | pa.ChunkedArray) else list(y)
    assert_array_equal(targets.labels(numbers), np.array(values, classes.dtype), strict=True)
    assert_array_equal(targets.transform(y, NAME), numbers)
    targets.check_state()


@pytest.mark.parametrize(
    "form",
    [np.asarray, pd.DataFrame, pl.DataFrame, lambda y: pa.table({"a": y[:, 0], "b": y[:, 1]})],
    ids=["array", "pandas", "polars", "arrow"],
)
def test_several_targets(form):
    y = np.array([[1, 5], [2, 5], [1, 7]])
    targets = ClassTargets()
    numbers = targets.fit_transform(form(y), NAME)
    assert_array_equal(numbers, [[0, 0], [1, 0], [0, 1]])
    assert [classes.tolist() for classes in targets.classes] == [[1, 2], [5, 7]]
    assert_array_equal(targets.labels(numbers), y, strict=True)
    targets.check_state()
    assert_array_equal(number_targets(form(y), NAME), y)


def test_several_targets_of_different_types():
    y = pd.DataFrame({"a": [1, 2, 1], "b": ["u", "v", "v"]})
    targets = ClassTargets()
    numbers = targets.fit_transform(y, NAME)
    assert_array_equal(targets.labels(numbers), y.to_numpy(object), strict=True)
    assert [classes.tolist() for classes in targets.classes] == [[1, 2], ["u", "v"]]


def test_a_column_is_a_vector_with_scikit_learns_warning():
    for y in (np.array([[1], [2], [1]]), pd.DataFrame({"y": [1, 2, 1]})):
        with pytest.warns(DataConversionWarning, match="A column-vector y was passed when a 1d array was expected"):
            assert ClassTargets().fit_transform(y, NAME).tolist() == [0, 1, 0]
        with pytest.warns(DataConversionWarning):
            assert number_targets(y, NAME).tolist() == [1, 2, 1]


@pytest.mark.parametrize(
    "y",
    [
        ["a", None, None, "b"],
        pd.Series(["a", None, pd.NA, "b"]),
        pd.Series([1, None, None, 2], dtype="Int64"),
        pl.Series(["a", None, None, "b"]),
        pa.array([1, None, None, 2]),
        np.array([0, np.nan, np.nan, 1]),
        np.array(["a", np.nan, None, "b"], object),
    ],
    ids=lambda y: type(y).__name__,
)
def test_missing_targets_are_counted(y):
    message = "Input y contains NaN: 2 of 4 targets are missing, the first in row 1, counted from 0: leave them out"
    with pytest.raises(ValueError, match=message):
        ClassTargets().fit_transform(y, NAME)
    with pytest.raises(ValueError, match=message):
        number_targets(y, NAME)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (["a", "a", "a"], "y has only one class, 'a', in 3 rows: TabularClassifier needs samples of at least two"),
        (pd.Series([3, 3]), "y has only one class, 3, in 2 rows"),
        ([3], "y has only one class, 3, in 1 row: "),
        ([[0, 1], [0, 2]], r"y\[:, 0\] has only one class, 0, in 2 rows"),
        ([0.5, 1.5], "(?s)Unknown label type: continuous.*TabularClassifier learns classes, TabularRegressor"),
        (np.array([1, "a"], object), "y mixes labels of different types: int, str"),
        ([0.0, np.inf], "Input y contains infinity .* in row 1"),
        ([[1, 2], [3]], "y must be an array of shape .* got"),
        ("text", "y must be an array"),
        (None, "y must be an array"),
        ([], "needs at least one sample"),
        (np.zeros((2, 2, 2)), "y must be an array"),
        (np.array([1j, 2j]), "Complex data not supported"),
    ],
    ids=lambda value: "" if not isinstance(value, str) else value[:20],
)
def test_classes_that_are_wrong(y, message):
    with pytest.raises(ValueError, match=message):
        ClassTargets().fit_transform(y, NAME)


@pytest.mark.parametrize("new", ["z", 0, False, ""])
def test_labels_that_were_not_learned(new):
    targets = ClassTargets()
    targets.fit_transform(np.array(["a", "b"], object), NAME)
    with pytest.raises(ValueError, match=f"y has the label {new!r} in row 1, .* TabularClassifier learned: 'a', 'b'"):
        targets.transform(np.array(["a", new], object), NAME)
    with pytest.raises(ValueError, match="y has 2 targets, but TabularClassifier learned 1"):
        targets.transform([["a", "b"]], NAME)


@pytest.mark.parametrize(
    "y",
    [
        [1, 2, 3],
        [True, False, True],
        np.array([1, 2, 3], np.float32),
        np.array([1, 2, 3], object),
        pd.Series([1, 2, 3], dtype="Int64"),
        pd.Series([1, 2, 3], dtype="float[pyarrow]"),
        pl.Series([1, 2, 3]).cast(pl.Decimal(5, 2)),
        pa.array([1, 2, 3]),
    ],
    ids=lambda y: type(y).__name__,
)
def test_numbers_to_learn(y):
    found = number_targets(y, "TabularRegressor")
    assert_array_equal(found, [1, 0, 1] if y[1] is False else [1, 2, 3])
    assert found.dtype == np.float64


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (["a", "b"], "y holds texts such as 'a': TabularRegressor learns numbers, TabularClassifier classes"),
        (pd.Series(["1", "2"]), "y holds texts such as '1'"),
        (
            pd.Series(pd.to_datetime(["2024-01-01"])),
            "y holds dates such as '2024-01-01 00:00:00': TabularRegressor",
        ),
        (
            np.array(["2024-01-01"], "M8[D]"),
            "y holds dates such as '2024-01-01 00:00:00': TabularRegressor",
        ),
        ([1, np.inf, 3], "Input y contains infinity or a value too large for dtype.'float64'.: in row 1"),
        (
            np.array([1, 10**400], object),
            "Input y contains infinity or a value too large for dtype.'float64'.: in row 1",
        ),
        ([[1], [2, 3]], "y must be an array"),
        (np.array([b"a"]), "y holds no numbers: TabularRegressor learns numbers"),
    ],
    ids=lambda value: "" if not isinstance(value, str) else value[:20],
)
def test_numbers_that_are_wrong(y, message):
    with pytest.raises(ValueError, match=message):
        number_targets(y, "TabularRegressor")


@pytest.mark.parametrize(
    "attributes",
    [
        {"outputs_": []},
        {"outputs_": [np.array([1])]},
        {"outputs_": [[1, 2]]},
        {"outputs_": [np.array([2, 1])]},
        {"outputs_": [np.array([1, 1])]},
        {"outputs_": [np.array(["a", 1], object)]},
        {"outputs_": [np.array([None, None])]},
        {"outputs_": [np.array([np.nan, np.nan])]},
        {"outputs_": [np.array([1, 2]), np.array([1, 2])]},
        {"outputs_": [np.ones((2, 2))], "is_matrix_": True},
        {"is_matrix_": 0},
    ],
    ids=repr,
)
def test_what_a_file_must_not_say_of_classes(attributes):
    targets = ClassTargets()
    targets.fit_transform([1, 2], NAME)
    made = copy.copy(targets)
    vars(made).update(attributes)
    with pytest.raises(ValueError, match=r"Targets|classes"):
        made.check_state()


class Level(enum.StrEnum):
    """Its values are shorter than its names with that of the class, and begin alike."""

    LOW = "l"
    HIGH = "h"


class Size(str, enum.Enum):  # noqa: UP042 - they are others
    """As enumerations of texts were before there was StrEnum."""

    SMALL = "s"
    LARGE = "l"


@pytest.mark.parametrize("given", [list, lambda y: np.array(y, dtype=object), pd.Series, lambda y: [[a, a] for a in y]])
@pytest.mark.parametrize("labels", [[Level.LOW, Level.HIGH], [Size.SMALL, Size.LARGE], [np.str_("l"), np.str_("a")]])
def test_enumerations_of_texts_are_their_texts(given, labels):
    y = given([labels[0], labels[1], labels[0]])
    targets = ClassTargets()
    numbers = targets.fit_transform(y, "TabularClassifier")
    assert numbers.reshape(3, -1)[:, 0].tolist() == [1, 0, 1]
    for classes in targets.outputs_:
        assert classes.tolist() == sorted(map(str.__str__, labels))
    targets.check_state()
    assert np.array_equal(targets.transform(y, "TabularClassifier"), numbers)
    assert targets.are(targets.labels(numbers), y, "TabularClassifier").all()


def test_labels_that_files_have_in_another_type():
    for y in (np.array([0, 1, 0], np.longdouble), np.array(["b", "a"], np.dtypes.StringDType())):
        targets = ClassTargets()
        targets.fit_transform(y, "TabularClassifier")
        targets.check_state()
        assert targets.classes.dtype in (np.float64, object)


@pytest.mark.parametrize(
    ("y", "what"),
    [
        (np.array(["2024", "2025"], "M8[Y]"), "datetime64, such as 2024"),
        (np.array([1, 2], "m8[D]"), "timedelta64, such as 1 days"),
        (pd.Series(pd.to_datetime(["2024-01-01", "2025-01-01"])), "Timestamp, such as 2024-01-01 00:00:00"),
        (pd.Series([True, 2], dtype=object), "bool and int, such as True"),
        (pd.Series([Decimal(1), Decimal(2)]), "Decimal, such as 1"),
        (pd.Series(pd.interval_range(0, 2)), "Interval, such as"),
    ],
)
def test_labels_of_other_types(y, what):
    with pytest.raises(ValueError, match=f"y holds labels of type {what}.*Make texts of them first"):
        ClassTargets().fit_transform(y, "TabularClassifier")


def test_masked_targets_are_missing():
    y = np.ma.masked_array([0, 1, 0], mask=[False, True, False])
    with pytest.raises(ValueError, match="1 of 3 targets is missing, the first in row 1"):
        ClassTargets().fit_transform(y, "TabularClassifier")
    with pytest.raises(ValueError, match="1 of 3 targets is missing, the first in row 1"):
        number_targets(y.astype(float), "TabularRegressor")
    assert number_targets(np.ma.masked_array([0, 1.5]), "TabularRegressor").tolist() == [0, 1.5]
