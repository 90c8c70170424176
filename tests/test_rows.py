"""Samples as the engine reads them: what is shared, what is copied, what is refused."""

import numpy as np
import pytest
import scipy.sparse

from fastmlp import _engine
from fastmlp.rows import in_place_dtype, rows_of

RNG = np.random.default_rng(0)


def read(X, dtype):
    """Return X as the engine reads it: through a linear layer of unit weights, one output per feature."""
    rows = rows_of(X, dtype)
    n = rows.n_features
    network = _engine.PackedNetwork((n, n), "identity", "squared_error", dtype)
    network.load(np.concatenate([np.eye(n).ravel(), np.zeros(n)]).astype(dtype))
    return network.forward(rows)


@pytest.mark.parametrize("code", _engine.SOURCE_CODES)
def test_every_type_is_read_in_place(code, dtype):
    X = RNG.integers(0, 2, (5, 3)).astype(code)
    assert in_place_dtype(X)
    np.testing.assert_array_equal(read(X, dtype), X.astype(dtype))


@pytest.mark.parametrize(
    "X", [np.zeros(2, "c16"), np.array(["a"]), np.array([None]), [[1.0]], scipy.sparse.eye_array(2)]
)
def test_others_are_not(X):
    assert not in_place_dtype(X)


ARRANGEMENTS = {
    "C order": lambda X: X,
    "every other row": lambda X: np.repeat(X, 2, axis=0)[::2],
    "rows backwards": lambda X: X[::-1].copy()[::-1],
    "columns of a wider array": lambda X: np.hstack([X, X])[:, : X.shape[1]],
    "the same row again": lambda X: np.broadcast_to(X[:1], X.shape),
    "read-only": lambda X: np.frombuffer(X.tobytes(), X.dtype).reshape(X.shape),
    "Fortran order": np.asfortranarray,
    "every other column": lambda X: np.repeat(X, 2, axis=1)[:, ::2],
    "columns backwards": lambda X: X[:, ::-1].copy()[:, ::-1],
    "other byte order": lambda X: X.astype(X.dtype.newbyteorder(">")),
    "not aligned": lambda X: np.frombuffer(b"x" + X.tobytes(), X.dtype, offset=1).reshape(X.shape),
}


@pytest.mark.parametrize("source", ["int16", "float32", "float64"])
@pytest.mark.parametrize("arrangement", ARRANGEMENTS)
def test_arrangements(arrangement, source, dtype):
    X = ARRANGEMENTS[arrangement]((RNG.standard_normal((6, 5)) * 10).astype(source))
    np.testing.assert_array_equal(read(X, dtype), X.astype(dtype))


@pytest.mark.parametrize("shape", [(1, 1), (6, 1), (1, 5)])
def test_single_rows_and_columns_are_contiguous_in_any_order(shape, dtype):
    X = np.asfortranarray(RNG.standard_normal(shape).astype(dtype))
    np.testing.assert_array_equal(read(X, dtype), X)


@pytest.mark.parametrize("index_type", [np.int32, np.int64])
@pytest.mark.parametrize("container", [scipy.sparse.csr_array, scipy.sparse.csr_matrix, scipy.sparse.csc_array])
def test_sparse(container, index_type, dtype):
    dense = RNG.integers(0, 3, (7, 5)).astype(np.float64)
    X = container(dense)
    X.indices, X.indptr = X.indices.astype(index_type), X.indptr.astype(index_type)
    np.testing.assert_array_equal(read(X, dtype), dense)
    np.testing.assert_array_equal(X.toarray(), dense)


def test_unsorted_and_repeated_indices_are_put_right_without_touching_x():
    data, indices = np.array([1.0, 2.0, 3.0, 4.0]), np.array([2, 0, 2, 1])
    X = scipy.sparse.csr_array((data, indices, np.array([0, 3, 4])), shape=(2, 3))
    np.testing.assert_array_equal(read(X, np.float64), [[2, 0, 4], [0, 4, 0]])
    np.testing.assert_array_equal(X.data, [1, 2, 3, 4])
    np.testing.assert_array_equal(X.indices, [2, 0, 2, 1])


@pytest.mark.parametrize("container", [np.array, scipy.sparse.csr_array], ids=["dense", "sparse"])
def test_too_large_for_float32(container):
    X = container([[1.0, 1e39], [0.0, -1e39]])
    with pytest.raises(ValueError, match=r"Input X contains infinity or a value too large for dtype\('float32'\)"):
        rows_of(X, np.float32)
    np.testing.assert_array_equal(read(X, np.float64)[:, 1], [1e39, -1e39])
