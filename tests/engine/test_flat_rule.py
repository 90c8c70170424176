"""Rules on flat vectors: every rule on every instruction set, any length, any number of threads; and errors."""

import numpy as np
import pytest

from fastmlp import engine
from tests.test_optimizers import ORACLES, hyper_of, slots_of

RNG = np.random.default_rng(0)


def updated(rule, params, gradients, **options):
    """The parameters and the state after updates by these gradients."""
    optimizer, flat = ORACLES[rule], engine.FlatRule(len(params), params.dtype, rule, **options)
    flat.load(params, slots_of(optimizer, params))
    out, slots = np.empty_like(params), slots_of(optimizer, params)
    for number, gradient in enumerate(gradients):
        flat.update(gradient, hyper_of(optimizer, number), number, out)
    stored = np.empty_like(params)
    flat.store(stored, slots)
    np.testing.assert_array_equal(stored, out)
    return stored, slots


@pytest.mark.parametrize("rule", ORACLES)
def test_updates_are_those_of_numpy(rule, dtype, isa):
    """Of vectors that are shorter than a panel, end within a strip, and have many strips."""
    optimizer = ORACLES[rule]
    for n in (1, 31, 64, 1000, 5003):
        params, gradients = RNG.standard_normal(n), RNG.standard_normal((5, n))
        expected, state = [params.copy()], optimizer.init([params])
        for gradient in gradients:
            optimizer.step(expected, [gradient], state)
        found, slots = updated(rule, params.astype(dtype), gradients.astype(dtype), isa=isa, n_threads=2)
        tolerance = {"float32": 2e-4, "float64": 1e-10}[dtype.name]
        np.testing.assert_allclose(found, expected[0], rtol=tolerance, atol=tolerance)
        for ours, (theirs,) in zip(slots, state["slots"], strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("n", [5, 300, 4099])
def test_same_bits_for_any_threads(n, dtype, isa):
    params, gradients = RNG.standard_normal(n).astype(dtype), RNG.standard_normal((3, n)).astype(dtype)
    one, *others = (updated("adam", params, gradients, isa=isa, n_threads=n_threads) for n_threads in (1, 2, 3, 8))
    for params, slots in others:
        np.testing.assert_array_equal(params, one[0])
        np.testing.assert_array_equal(slots, one[1])


def test_errors():
    flat = engine.FlatRule(4, np.float32, "momentum")
    good = np.zeros(4, np.float32)
    for wrong in (np.zeros(4), np.zeros(5, np.float32), np.zeros(8, np.float32)[::2], [0.0] * 4):
        for call in (flat.load, flat.store, lambda vector: flat.update(vector, [0.1, 0.9], 0)):
            with pytest.raises(ValueError, match="expected a contiguous float32 vector of 4 elements"):
                call(wrong)
    fixed = good.copy()
    fixed.flags.writeable = False
    with pytest.raises(ValueError, match="expected a vector that can be written to"):
        flat.update(good, [0.1, 0.9], 0, fixed)
    with pytest.raises(ValueError, match="the rule momentum has 1 arrays of state, got 2"):
        flat.load(good, [good, good])
    with pytest.raises(ValueError, match="a rule has at most 8 hyperparameters, got 9"):
        flat.update(good, [0.0] * 9, 0)
    with pytest.raises(ValueError, match="expected a parameter or more, got 0"):
        engine.FlatRule(0, np.float32, "sgd")
