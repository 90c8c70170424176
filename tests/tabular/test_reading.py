"""Tables of every form are opened, and what is none is refused with a message that says what is needed."""

import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse
from numpy.testing import assert_array_equal

from fastmlp.tabular.reading import open_table

FRAME = pd.DataFrame({"a": [1.5, 2.5], "b": ["u", "v"]})


@pytest.mark.parametrize(
    "X",
    [
        FRAME,
        pl.from_pandas(FRAME),
        pl.from_pandas(FRAME)[:1],
        pa.Table.from_pandas(FRAME),
        nw.from_native(FRAME),
        pa.Table.from_pandas(FRAME).to_batches()[0],
        FRAME.to_numpy(),
        FRAME.to_numpy().tolist(),
    ],
    ids=lambda X: type(X).__name__,
)
def test_forms_of_tables(X):
    table = open_table(X)
    assert table.n_columns == 2 and table.n_rows == len(X)
    assert table.names == (["x0", "x1"] if isinstance(X, np.ndarray | list) else ["a", "b"])
    for read in (table.values, table.typed_values):
        assert_array_equal(read(0).data, [1.5, 2.5][: len(X)])
        assert read(1).texts == ["u", "v"][: len(X)]
    row = table.single_row()
    assert row is None if len(X) > 1 else list(row) == [1.5, "u"]


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        (None, ValueError, "X must be an array or a frame of shape .* got None"),
        ("table.csv", ValueError, "read it with pandas.read_csv"),
        ({"a": [1]}, ValueError, "make it a pandas.DataFrame"),
        ([{"a": 1}], ValueError, "got a list of dicts: make a pandas.DataFrame of them"),
        ([[1, 2], [3]], ValueError, "rows of different lengths, 2 and 1"),
        ([1, 2, 3], ValueError, "(?s)Expected 2D array, got 1D array instead.*Reshape your data"),
        (np.arange(3.0), ValueError, "Reshape your data"),
        (np.zeros((2, 2, 2)), ValueError, "Found array with dim 3"),
        (np.array(3.0), ValueError, "got scalar array instead"),
        (FRAME["a"], ValueError, "Expected a 2-dimensional container"),
        (np.zeros((0, 2)), ValueError, r"Found array with 0 sample\(s\) \(shape=\(0, 2\)\)"),
        (np.zeros((2, 0)), ValueError, r"Found array with 0 feature\(s\) \(shape=\(2, 0\)\)"),
        (FRAME[:0], ValueError, r"Found array with 0 sample\(s\) \(shape=\(0, 2\)\) .* required by TableColumns"),
        (pl.from_pandas(FRAME)[:0], ValueError, r"0 sample\(s\)"),
        (FRAME[[]], ValueError, r"Found array with 0 feature\(s\) \(shape=\(2, 0\)\)"),
        (scipy.sparse.csr_array(np.eye(2)), TypeError, "Sparse data was passed"),
        (np.ones((2, 2)) * 1j, ValueError, "Complex data not supported"),
        (pl.from_pandas(FRAME).lazy(), TypeError, r"give X\.collect\(\)"),
        (pd.concat([FRAME, FRAME], axis=1), ValueError, "several columns of the same name: 'a', 'b'"),
    ],
    ids=lambda value: "" if not isinstance(value, str) else value[:20],
)
def test_what_is_no_table(X, error, message):
    with pytest.raises(error, match=message):
        open_table(X)


def test_columns_of_arrow_with_the_same_name():
    table = pa.table([pa.array([1]), pa.array([2])], names=["a", "a"])
    with pytest.raises(ValueError, match="several columns of the same name: 'a'"):
        open_table(table)


def test_masked_numbers_are_missing():
    table = open_table(np.ma.MaskedArray([[1, 2], [3, 4]], [[False, True], [False, False]]))
    assert_array_equal(table.values(1).data, [np.nan, 4])


def test_whole_numbers_in_lists_with_texts_stay_numbers():
    assert open_table([[1, "a"], [2, "b"]]).values(0).kind == "numbers"
    assert open_table(np.array([["1", "a"], ["2", "b"]])).values(0).kind == "texts"
    assert open_table([[1, 2], [3, 4]]).numeric_block() is not None


@pytest.mark.parametrize(
    "values",
    [
        pd.arrays.SparseArray([0.0, 0.0, 1.5]),
        pd.array([0, 0, 1.5], dtype="Float32"),
        np.array([0, 0, 1.5], np.float16),
        np.array([0, 0, 1.5], np.longdouble),
        pd.array([0, 0, 1.5], dtype="float64[pyarrow]"),
    ],
    ids=lambda values: str(values.dtype),
)
def test_types_of_numbers(values):
    found = open_table(pd.DataFrame({"a": values})).typed_values(0)
    assert found.data.dtype == np.float64
    assert_array_equal(found.data, [0, 0, 1.5])


def test_dictionaries_in_several_chunks_are_one():
    chunks = pa.chunked_array([pa.array(["a", "b"]).dictionary_encode(), pa.array(["c", None]).dictionary_encode()])
    found = open_table(pa.table({"c": chunks})).typed_values(0)
    assert [found.texts[k] if k >= 0 else None for k in found.data] == ["a", "b", "c", None]
    assert found.is_categorical
