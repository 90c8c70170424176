"""Updates of flat vectors: beside the rules in NumPy, and from fit to fit."""

import numpy as np
import pytest

from fastmlp.fitting.flat_descent import FlatDescent
from fastmlp.optimizers import SGD, Adam, Descent, Muon
from fastmlp.schedules import Exponential
from tests.test_optimizers import FUSED

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("optimizer", FUSED, ids=str)
def test_updates_are_those_of_the_rule_in_numpy(optimizer):
    params, gradients = RNG.standard_normal(1000), RNG.standard_normal((20, 1000))
    expected, plain = params.copy(), Descent(optimizer)
    flat = FlatDescent(params, Descent(optimizer), n_threads=2)
    for number, gradient in enumerate(gradients):
        plain.step([expected], [gradient], number)
        flat.update(gradient)
    assert flat.params is params
    np.testing.assert_allclose(params, expected, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("optimizer", [Adam(Exponential(0.1, 0.9)), Muon(0.1)], ids=str)
def test_another_goes_on_where_one_ended(optimizer):
    gradients, whole, parts = RNG.standard_normal((6, 40)), np.ones(40), np.ones(40)
    flat = FlatDescent(whole, Descent(optimizer))
    for gradient in gradients:
        flat.update(gradient)
    descent = Descent(optimizer)
    for some in (gradients[:3], gradients[3:]):
        flat = FlatDescent(parts, descent)
        before = descent.n_updates
        for gradient in some:
            flat.update(gradient)
        assert descent.n_updates == before
        flat.finish()
    assert descent.n_updates == 6
    np.testing.assert_array_equal(parts, whole)


def test_the_state_may_be_of_another_type():
    descent, params = Descent(Adam(0.1)), np.ones(5)
    flat = FlatDescent(params, descent)
    flat.update(np.ones(5))
    flat.finish()
    narrow = FlatDescent(params.astype(np.float32), descent)
    narrow.update(np.ones(5, np.float32))
    flat.update(np.ones(5))
    np.testing.assert_allclose(narrow.params, params, rtol=1e-6)


def test_the_learning_rate_may_be_set():
    descent, params = Descent(SGD(0.5, momentum=0.0, nesterov=False)), np.zeros(3)
    flat = FlatDescent(params, descent)
    flat.update(np.ones(3))
    descent.set_rate(0.25)
    flat.update(np.ones(3))
    np.testing.assert_allclose(params, -0.75)
