"""Centres near rows, beside distances that NumPy finds one by one."""

import numpy as np
import pytest
import scipy.sparse

from fastmlp import engine
from fastmlp.inputs.rows import rows_of

# Rows, features and centres: fewer than a vector, whole panels, a part of one, more rows than a block and a part have.
SHAPES = [(1, 1, 1), (7, 3, 2), (130, 5, 4), (300, 16, 33), (5, 40, 70), (1100, 33, 16), (70, 13, 300), (3, 2, 5000)]


def problem(n, n_features, n_centers, dtype, offset=0.0):
    random = np.random.default_rng(n + n_centers)
    X = random.standard_normal((n, n_features)) + offset
    centers = random.standard_normal((n_centers, n_features)) + offset
    return X.astype(dtype), centers.astype(dtype)


def all_squares(X, centers):
    """The oracle."""
    return np.stack([((X.astype(float) - center) ** 2).sum(axis=1) for center in centers.astype(float)], axis=1)


def tolerance(dtype):
    return 1e-5 if dtype == np.float32 else 1e-12


@pytest.mark.parametrize("shape", SHAPES)
def test_nearest(shape, dtype, isa):
    X, centers = problem(*shape, dtype)
    squares = all_squares(X, centers)
    order = squares.argsort(axis=1, kind="stable")
    found = engine.Centers(centers, isa=isa)
    first, second, least = found.two_nearest(rows_of(X, dtype))
    np.testing.assert_array_equal(first, order[:, 0])
    if len(centers) > 1:
        np.testing.assert_array_equal(second, order[:, 1])
    np.testing.assert_allclose(least, squares.min(axis=1), rtol=tolerance(dtype))
    again, same = found.nearest(rows_of(X, dtype))
    np.testing.assert_array_equal(again, first)
    np.testing.assert_array_equal(same, least)
    np.testing.assert_allclose(found.squared_distances(rows_of(X, dtype)), squares, rtol=tolerance(dtype))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("is_weighted", [False, True])
def test_sums_of_nearest(shape, is_weighted, dtype, isa):
    X, centers = problem(*shape, dtype)
    weights = np.random.default_rng(0).integers(0, 4, len(X)).astype(float) if is_weighted else None
    first, _, sums, counts = engine.Centers(centers, isa=isa).sums_of_nearest(rows_of(X, dtype), weights)
    np.testing.assert_array_equal(first, all_squares(X, centers).argmin(axis=1))
    each = np.ones(len(X)) if weights is None else weights
    for center in range(len(centers)):
        mine = first == center
        np.testing.assert_allclose(sums[center], each[mine] @ X[mine].astype(float), rtol=1e-5, atol=1e-4 * mine.sum())
        assert counts[center] == each[mine].sum()
    np.testing.assert_allclose(sums.sum(axis=0), each @ X.astype(float), rtol=tolerance(dtype), atol=1e-4)


@pytest.mark.parametrize("n_threads", [2, 3, 7])
def test_the_same_bits_for_any_number_of_threads(n_threads, dtype):
    X, centers = problem(20_000, 11, 40, dtype)
    one, more = (
        engine.Centers(centers).sums_of_nearest(rows_of(X, dtype), n_threads=n) for n in (1, n_threads)
    )  # fmt: skip
    for a, b in zip(one, more, strict=True):
        np.testing.assert_array_equal(a, b)
    found = engine.Centers(centers)
    np.testing.assert_array_equal(
        found.squared_distances(rows_of(X, dtype)), found.squared_distances(rows_of(X, dtype), n_threads=n_threads)
    )


@pytest.mark.parametrize("source", ["uint8", "int32", "float16", "float32", "bool"])
def test_rows_of_any_type_are_read_in_place(source, dtype):
    X = np.random.default_rng(0).integers(0, 2 if source == "bool" else 200, (90, 9)).astype(source)
    centers = np.random.default_rng(1).uniform(0, 200, (20, 9)).astype(dtype)
    plain = engine.Centers(centers).two_nearest(rows_of(X.astype(dtype), dtype))
    for a, b in zip(engine.Centers(centers).two_nearest(rows_of(X, dtype)), plain, strict=True):
        np.testing.assert_array_equal(a, b)


def test_sparse_rows_are_like_dense_ones(dtype):
    X = scipy.sparse.random_array((300, 50), density=0.1, rng=np.random.default_rng(0), dtype=dtype).tocsr()
    centers = np.random.default_rng(1).uniform(0, 1, (20, 50)).astype(dtype)
    found = engine.Centers(centers)
    for method in (found.two_nearest, found.sums_of_nearest, found.squared_distances):
        for a, b in zip(method(rows_of(X, dtype)), method(rows_of(X.toarray(), dtype)), strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("offset", [1e3, 1e6])
def test_large_numbers_do_not_cancel(offset):
    """Halves of squares would have no digit left that tells these centres apart."""
    X, centers = problem(500, 6, 30, np.float64, offset)
    first, squares = engine.Centers(centers).nearest(rows_of(X, np.float64))
    np.testing.assert_array_equal(first, all_squares(X, centers).argmin(axis=1))
    np.testing.assert_allclose(squares, all_squares(X, centers).min(axis=1), rtol=1e-8)


def test_centers_among_the_rows_are_found_exactly(dtype):
    X, _ = problem(200, 7, 1, dtype, 40.0)
    first, squares = engine.Centers(X).nearest(rows_of(X, dtype))
    np.testing.assert_array_equal(first, np.arange(200))
    np.testing.assert_array_equal(squares, 0)
    assert not np.diag(engine.Centers(X).squared_distances(rows_of(X, dtype))).any()


def test_of_equal_centers_the_first_is_found(dtype, isa):
    centers = np.repeat(np.array([[5.0, 1.0], [2.0, 3.0]], dtype), 40, axis=0)
    first, second, _ = engine.Centers(centers, isa=isa).two_nearest(rows_of(np.array([[2.0, 3.0]], dtype), dtype))
    assert (first[0], second[0]) == (40, 41)


def test_no_rows(dtype):
    found = engine.Centers(np.ones((3, 2), dtype))
    nothing = rows_of(np.empty((0, 2), dtype), dtype)
    assert [len(each) for each in found.two_nearest(nothing)] == [0, 0, 0]
    assert found.squared_distances(nothing).shape == (0, 3)
    _, _, sums, counts = found.sums_of_nearest(nothing)
    assert not sums.any() and not counts.any()


def test_what_is_refused():
    with pytest.raises(ValueError, match="centers must be a contiguous matrix that is not empty"):
        engine.Centers(np.ones((2, 3)).T)
    with pytest.raises(ValueError, match="centers must be a contiguous matrix that is not empty"):
        engine.Centers(np.ones((0, 3)))
    found = engine.Centers(np.ones((2, 3)))
    with pytest.raises(ValueError, match="rows of 4 features do not go with centers of 3"):
        found.nearest(rows_of(np.ones((5, 4)), np.float64))
    with pytest.raises(ValueError, match="2 weights do not go with 5 rows"):
        found.sums_of_nearest(rows_of(np.ones((5, 3)), np.float64), np.ones(2))
    with pytest.raises(ValueError, match="a sparse matrix must be of the type of the centers, float64"):
        found.nearest(rows_of(scipy.sparse.csr_array(np.ones((5, 3), np.float32)), np.float32))
    with pytest.raises(ValueError, match="n_threads must be from 1 to 1024"):
        found.nearest(rows_of(np.ones((5, 3)), np.float64), n_threads=0)
