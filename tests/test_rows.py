"""Samples as the engine reads them: what is shared, what is copied, what is refused."""

import numpy as np
import pytest
import scipy.sparse

from fastmlp import engine
from fastmlp.inputs.rows import checked_rows, in_place_dtype, refuse_broken, rows_of

RNG = np.random.default_rng(0)


def read(X, dtype):
    """Return X as the engine reads it: through a linear layer of unit weights, one output per feature."""
    rows = rows_of(X, dtype)
    n = rows.n_features
    network = engine.PackedNetwork((n, n), "identity", "squared_error", dtype)
    network.load(np.concatenate([np.eye(n).ravel(), np.zeros(n)]).astype(dtype))
    return network.forward(rows)


@pytest.mark.parametrize("code", engine.SOURCE_CODES)
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


# ---- matrices that lie -----------------------------------------------------------------------------------------------


def _set(name, change):
    """Return a function that changes one of a sparse matrix's arrays."""

    def lie(X):
        array = getattr(X, name).copy()
        changed = change(array)
        setattr(X, name, array if changed is None else changed)
        return X

    return lie


def _at(i, value):
    def change(array):
        array[i] = value

    return change


#: What is done to a matrix of 7 vectors (rows of CSR, columns of CSC) with at most 5 indices, and what is said of it.
LIES = {
    "an index beyond": (_set("indices", _at(3, 5)), r"X.indices must be from 0 to 4, got 5 as element 3"),
    "the largest index": (_set("indices", _at(3, 2**31 - 1)), r"X.indices must be from 0 to 4, got 2147483647"),
    "a negative index": (_set("indices", _at(-1, -1)), r"X.indices must be from 0 to 4, got -1"),
    "the least index": (_set("indices", _at(0, -(2**31))), r"X.indices must be from 0 to 4, got -2147483648"),
    "backwards": (_set("indptr", _at(3, 1)), r"X.indptr must not decrease, got \d+ and then 1 as elements 2 and 3"),
    "far backwards": (_set("indptr", _at(3, -(10**9))), r"X.indptr must not decrease, got \d+ and then -1000000000"),
    "there and back": (_set("indptr", _at(3, 10**9)), r"X.indptr must not decrease, got 1000000000 and then"),
    "beyond the data": (_set("indptr", _at(-1, 10**6)), r"X.indptr must not go beyond the \d+ elements there are"),
    "begins late": (_set("indptr", _at(0, 1)), r"X.indptr must begin with 0, got 1"),
    "begins early": (_set("indptr", _at(0, -4)), r"X.indptr must begin with 0, got -4"),
    "a short indptr": (_set("indptr", lambda a: a[:-2]), r"X.indptr must have 8 elements, got 6"),
    "a long indptr": (_set("indptr", lambda a: np.append(a, a[-1])), r"X.indptr must have 8 elements, got 9"),
    "no indptr": (_set("indptr", lambda a: a[:0]), r"X.indptr must have 8 elements, got 0"),
    "few indices": (_set("indices", lambda a: a[:-1]), r"X.indices and X.data must be of one length"),
    "few data": (_set("data", lambda a: a[:-1]), r"X.indices and X.data must be of one length"),
    "numbers for indices": (_set("indices", lambda a: a.astype(float)), r"X.indices must be integers, got float64"),
    "objects for indptr": (_set("indptr", lambda a: a.astype(object)), r"X.indptr must be integers, got object"),
    "a matrix of indices": (_set("indices", lambda a: a[np.newaxis]), r"X.indices must be a contiguous vector"),
    "a matrix of data": (_set("data", lambda a: a[np.newaxis]), r"X.data must be a"),
}


def compressed(container, index_type, lie=None):
    """A matrix of 7 vectors with indices below 5, in its own arrays, and what a lie makes of it."""
    dense = np.random.default_rng(0).integers(0, 3, (7, 5)).astype(float)
    dense[:, 0] = 1
    X = container(dense if container(dense).format != "csc" else dense.T)
    X.indices, X.indptr = X.indices.astype(index_type), X.indptr.astype(index_type)
    return X if lie is None else lie(X)


@pytest.mark.parametrize("index_type", [np.int32, np.int64])
@pytest.mark.parametrize("container", [scipy.sparse.csr_array, scipy.sparse.csr_matrix, scipy.sparse.csc_array])
@pytest.mark.parametrize("kind", LIES)
def test_lies_of_a_compressed_matrix_are_refused(kind, container, index_type):
    lie, message = LIES[kind]
    for look in (refuse_broken, lambda X: rows_of(X, np.float32), lambda X: checked_rows(X, np.float64)):
        with pytest.raises(ValueError, match=message):
            look(compressed(container, index_type, lie))
    refuse_broken(compressed(container, index_type))


@pytest.mark.parametrize("index", [2**32, 2**32 + 1, -(2**32), 2**62, -(2**63)])
def test_indices_are_looked_at_before_they_are_made_narrow(index):
    """Of 64 bits, of which the lower 32 would be good."""
    for X in (compressed(scipy.sparse.csr_array, np.int64), compressed(scipy.sparse.csc_array, np.int64)):
        X.indices[2] = index
        with pytest.raises(ValueError, match=f"X.indices must be from 0 to 4, got {index} as element 2"):
            rows_of(X, np.float64)


@pytest.mark.parametrize("index_type", [np.int32, np.int64])
def test_the_engine_looks_at_csr_itself(index_type):
    for lie, message in LIES.values():
        X = compressed(scipy.sparse.csr_array, index_type, lie)
        if X.indptr.dtype.kind == "i":
            X.indptr = X.indptr.astype(np.int64)
        with pytest.raises(ValueError, match="Buffer dtype mismatch" if "integers" in message else message):
            engine.Rows(X)


def test_rows_that_are_not_canonical_can_not_be_used():
    for indices in ([0, 2, 1, 0], [0, 0, 1, 3]):
        X = scipy.sparse.csr_array((np.ones(4), np.array(indices, np.int32), np.array([0, 3, 4])), shape=(2, 4))
        X.indptr = X.indptr.astype(np.int64)
        rows = engine.Rows(X)
        assert not rows.is_canonical
        assert rows_of(X, np.float64).is_canonical
        network = engine.PackedNetwork((4, 1), "identity", "squared_error", np.float64)
        with pytest.raises(ValueError, match="must be sorted and without duplicates"):
            network.forward(rows)


@pytest.mark.parametrize("n_rows", [1, 2, 7, 100])
@pytest.mark.parametrize("index_type", [np.int32, np.int64])
def test_what_is_canonical(n_rows, index_type):
    """Against SciPy, on rows of every length, empty ones and a few elements in disorder among them."""
    rng = np.random.default_rng(n_rows)
    found = []
    for _ in range(200):
        lengths = rng.integers(0, 4, n_rows)
        indices = np.concatenate([np.sort(rng.choice(9, n, replace=False)) for n in lengths]).astype(index_type)
        if rng.random() < 0.5 and indices.size:
            indices[rng.integers(indices.size)] = rng.integers(9)
        indptr = np.concatenate([[0], lengths.cumsum()])
        X = scipy.sparse.csr_array((np.ones(len(indices)), indices, indptr), shape=(n_rows, 9))
        found.append(bool(engine.check_compressed(indptr, indices, len(indices), n_rows, 9)))
        assert found[-1] == bool(X.has_canonical_format)
    assert set(found) == {True, False}


def test_elements_behind_the_last_row_do_not_count(dtype):
    """SciPy allows room for more; what is there may be anything."""
    X = scipy.sparse.csr_array(np.array([[1.0, 0, 2], [0, 3, 0]]))
    dense = X.toarray()
    X.indices, X.data = np.append(X.indices, np.int32(77)), np.append(X.data, np.nan)
    np.testing.assert_array_equal(read(X, dtype), dense)


def _coo(change):
    X = scipy.sparse.coo_array(np.eye(4, 3))
    X.coords = tuple(np.array(each) for each in X.coords)
    return change(X) or X


def _lil(change):
    X = scipy.sparse.lil_array(np.eye(4, 3))
    return change(X) or X


OTHER_LIES = {
    "coo, row beyond": (lambda: _coo(lambda X: X.row.__setitem__(1, 10**6)), r"X.row must be from 0 to 3, got 1000000"),
    "coo, negative column": (lambda: _coo(lambda X: X.col.__setitem__(1, -1)), r"X.col must be from 0 to 2, got -1"),
    "coo, few rows": (
        lambda: _coo(lambda X: setattr(X, "coords", (X.row[:-1], X.col))),
        r"X.row and X.data must be of one length, got 2 and 3",
    ),
    "lil, column beyond": (
        lambda: _lil(lambda X: (X.rows[1].append(77), X.data[1].append(1.0), None)[-1]),
        r"X.indices must be from 0 to 2, got 77",
    ),
    "lil, few columns": (lambda: _lil(lambda X: X.data[1].extend([1.0] * 99)), r"lists of the same lengths"),
    "bsr, index beyond": (
        lambda: _set("indices", _at(1, 2))(scipy.sparse.bsr_array(np.ones((4, 4)), blocksize=(2, 2))),
        r"X.indices must be from 0 to 1, got 2",
    ),
    "bsr, backwards": (
        lambda: _set("indptr", _at(1, 99))(scipy.sparse.bsr_array(np.ones((4, 4)), blocksize=(2, 2))),
        r"X.indptr must not decrease, got 99 and then 4",
    ),
    "dia, few offsets": (
        lambda: _set("offsets", lambda a: a[:-1])(scipy.sparse.dia_array(np.ones((3, 3)))),
        r"X.offsets must have an element for each row of X.data",
    ),
}


@pytest.mark.parametrize("kind", OTHER_LIES)
def test_lies_of_other_formats_are_refused(kind):
    made, message = OTHER_LIES[kind]
    with pytest.raises(ValueError, match=message):
        rows_of(made(), np.float64)
    with pytest.raises(ValueError, match=message):
        checked_rows(made(), np.float64)


@pytest.mark.parametrize("fmt", ["csr", "csc", "bsr", "coo", "lil", "dia", "dok"])
def test_every_format_is_read(fmt, dtype):
    dense = RNG.integers(0, 3, (6, 4)).astype(float)
    X = scipy.sparse.csr_array(dense).asformat(fmt)
    refuse_broken(X)
    np.testing.assert_array_equal(read(X, dtype), dense)
    assert checked_rows(X, dtype).n_rows == 6


# ---- samples that may be anything ------------------------------------------------------------------------------------


def test_what_is_checked_is_converted(dtype):
    for X in (
        [[1, 2], [3, 4]],
        ((1.0, 2.0), (3.0, 4.0)),
        np.array([[1, 2], [3, 4]], np.float16),
        np.ones((2, 2), object),
    ):
        rows = checked_rows(X, dtype)
        assert (rows.n_rows, rows.n_features) == (2, 2)
    frame = pytest.importorskip("pandas").DataFrame({"a": [1, 2], "b": [0.5, 1.5]})
    assert checked_rows(frame, dtype).n_features == 2
    assert checked_rows(np.zeros((0, 3)), dtype).n_rows == 0
    X = np.ones((3, 2), dtype)
    assert engine.Rows(X).n_rows == checked_rows(X, dtype).n_rows


@pytest.mark.parametrize(
    ("X", "message"),
    [
        ([1.0, 2.0], "Expected 2D array, got 1D array instead"),
        (3.0, "Expected 2D array, got scalar array instead"),
        (np.zeros((2, 2, 2)), "Found array with dim 3"),
        (np.zeros((2, 0)), r"Found array with 0 feature\(s\)"),
        ([[1.0, np.nan]], "Input X contains NaN"),
        ([[1.0, np.inf]], "Input X contains infinity"),
        (scipy.sparse.csr_array([[1.0, np.nan]]), "Input X contains NaN"),
        ([["a", "b"]], "could not convert string to float"),
        (np.zeros((2, 2), complex), "Complex data not supported"),
        (scipy.sparse.csr_array(np.ones(3)), "Expected 2D input"),
    ],
    ids=str,
)
def test_samples_that_can_not_be_are_refused_as_the_estimators_do(X, message, dtype):
    with pytest.raises(ValueError, match=message):
        checked_rows(X, dtype)
