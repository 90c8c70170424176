"""Initial weights: ranges, order of the draws, types. test_parity.py holds them against scikit-learn's."""

import numpy as np
import pytest

from fastmlp.activations import ACTIVATIONS
from fastmlp.initializers import glorot_uniform
from tests.reference import layer_views

SIZES = (50, 40, 30)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_draws(activation):
    params = glorot_uniform(SIZES, activation, np.float64, np.random.RandomState(3))
    expected = np.random.RandomState(3)
    factor = 2 if activation == "logistic" else 6
    for W, b in zip(*layer_views(params, SIZES), strict=True):
        bound = np.sqrt(factor / sum(W.shape))
        np.testing.assert_array_equal(W, expected.uniform(-bound, bound, W.shape))
        np.testing.assert_array_equal(b, expected.uniform(-bound, bound, b.shape))
        assert 0.98 * bound < np.abs(W).max() <= bound


def test_float32_is_float64_rounded():
    double, single = (glorot_uniform(SIZES, "relu", t, np.random.RandomState(0)) for t in (np.float64, np.float32))
    assert single.dtype == np.float32
    np.testing.assert_array_equal(single, double.astype(np.float32))
