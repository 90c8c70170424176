"""The online map, beside a loop over rows and units in NumPy."""

import numpy as np
import pytest
import scipy.sparse

from fastmlp import engine
from fastmlp.inputs.rows import rows_of


def oracle(units, shape, X, order, shares):
    units, total = units.astype(float), 0.0
    for x in X[order].astype(float):
        distances = np.sqrt(((units - x) ** 2).sum(axis=1))
        best = distances.argmin()
        total += distances[best]
        row, column = divmod(best, shape[1])
        for unit in range(len(units)):
            down, right = unit // shape[1] - row, unit % shape[1] - column
            share = shares[row % len(shares), down + shape[0] - 1, right + shape[1] - 1]
            units[unit] += share * (x - units[unit])
    return units, total


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (5, 1), (4, 6), (7, 11)])
@pytest.mark.parametrize("n_features", [1, 5, 40])
@pytest.mark.parametrize("parities", [1, 2])
def test_online_map(shape, n_features, parities, dtype, isa):
    random = np.random.default_rng(0)
    X = random.standard_normal((50, n_features)).astype(dtype)
    units = random.standard_normal((shape[0] * shape[1], n_features)).astype(dtype)
    shares = random.uniform(0, 0.3, (parities, 2 * shape[0] - 1, 2 * shape[1] - 1)).astype(dtype)
    order = random.permutation(50)[:30]
    learner = engine.OnlineMap(units, shape, isa=isa)
    np.testing.assert_array_equal(learner.units(), units)
    total = learner.learn(rows_of(X, dtype), order, shares)
    expected, expected_total = oracle(units, shape, X, order, shares)
    tolerance = 1e-4 if dtype == np.float32 else 1e-12
    np.testing.assert_allclose(learner.units(), expected, rtol=tolerance, atol=tolerance)
    assert total == pytest.approx(expected_total, rel=tolerance)


def test_sparse_rows_are_like_dense_ones(dtype):
    X = scipy.sparse.random_array((60, 20), density=0.2, rng=np.random.default_rng(0), dtype=dtype).tocsr()
    units = np.random.default_rng(1).uniform(0, 1, (12, 20)).astype(dtype)
    shares = np.full((1, 5, 7), 0.1, dtype)
    sparse, dense = engine.OnlineMap(units, (3, 4)), engine.OnlineMap(units, (3, 4))
    order = np.arange(60)[::-1].copy()
    assert sparse.learn(rows_of(X, dtype), order, shares) == dense.learn(rows_of(X.toarray(), dtype), order, shares)
    np.testing.assert_array_equal(sparse.units(), dense.units())


def test_what_is_refused():
    with pytest.raises(ValueError, match="units must be a contiguous matrix that is not empty"):
        engine.OnlineMap(np.ones((2, 3)).T, (1, 3))
    with pytest.raises(ValueError, match="6 units do not fill a map of 2 x 4"):
        engine.OnlineMap(np.ones((6, 3)), (2, 4))
    with pytest.raises(ValueError, match="6 units do not fill a map of -2 x -3"):
        engine.OnlineMap(np.ones((6, 3)), (-2, -3))
    units, rows = engine.OnlineMap(np.ones((6, 3)), (2, 3)), rows_of(np.ones((5, 3)), np.float64)
    shares, order = np.ones((2, 3, 5)), np.arange(5)
    for wrong in (shares[:, :2], shares[..., :4], np.ones((3, 3, 5)), shares.astype(np.float32), shares[0], [[[1.0]]]):
        with pytest.raises(ValueError, match="shares must be a contiguous array of float64, of shape"):
            units.learn(rows, order, wrong)
    for wrong in (order + 1, order - 1):
        with pytest.raises(ValueError, match="order must have numbers of rows from 0 to 4"):
            units.learn(rows, wrong, shares)
    with pytest.raises(ValueError, match="rows of 2 features do not go with centers of 3"):
        units.learn(rows_of(np.ones((5, 2)), np.float64), order, shares)
    np.testing.assert_array_equal(units.units(), 1)
    assert units.learn(rows, order[:0], shares) == 0
