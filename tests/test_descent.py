"""An optimizer at work: its steps and numbers, its learning rate as it is now, schedules with hooks, copies."""

import copy
import pickle

import numpy as np
import pytest

from fastmlp.components import Component
from fastmlp.optimizers import SGD, Adam, Descent, Muon, Optimizer, ScheduleFreeAdamW
from tests.test_optimizers import FUSED, GOLDENS, MINIBATCH, Line, hyper_of, parts


@pytest.mark.parametrize("optimizer", MINIBATCH, ids=repr)
def test_descent_steps_as_its_optimizer(optimizer):
    """From where a copy or a pickle left off, too."""
    params, again = ([p.copy() for p in parts(GOLDENS["start"])] for _ in range(2))
    state, descent = optimizer.init(params), Descent(optimizer)
    assert descent.state is None
    for number, gradient in enumerate(GOLDENS["gradients"][:20].astype(np.float64)):
        optimizer.step(params, parts(gradient), state)
        descent.step(again, parts(gradient), number)
        assert descent.learning_rate == optimizer.rates(np.array([number]))[0]
        if number == 10:
            descent = pickle.loads(pickle.dumps(copy.copy(descent)))
    for a, b in zip(params, again, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("optimizer", FUSED, ids=repr)
def test_descent_gives_the_engine_its_numbers(optimizer):
    descent = Descent(optimizer)
    given, expected = np.broadcast_arrays(descent.hyper(0, 7), hyper_of(optimizer, 0, 7))
    np.testing.assert_array_equal(given, expected)
    assert len(descent.hyper(7, 5)) == 1 or optimizer.varies
    assert descent.learning_rate == (
        optimizer.rates(np.array([11])) if callable(optimizer.learning_rate) else descent.learning_rate_init
    )


def test_a_learning_rate_that_is_set():
    """It is taken to the last bit where the plan is constant, and scales a plan that moves."""
    for plan in (0.1, lambda step: 0.1):
        descent = Descent(SGD(plan))
        for _ in range(5):
            before = descent.learning_rate
            descent.learning_rate /= 3
            np.testing.assert_array_equal(np.unique(descent.hyper(0, 4)[:, 0]), before / 3)
        assert descent.learning_rate_init == 0.1
    descent = Descent(SGD(lambda step: 1.0 - step / 10))
    np.testing.assert_allclose(descent.hyper(0, 11)[:, 0], 1 - np.arange(11) / 10, atol=1e-15)
    assert descent.learning_rate == 0
    descent.hyper(0, 6)
    descent.learning_rate /= 4
    np.testing.assert_allclose(descent.hyper(5, 6)[:, 0], (0.5 - np.arange(6) / 10) / 4, atol=1e-15)
    np.testing.assert_allclose(descent.hyper(0, 1)[:, 0], 0.25)
    w = np.zeros(1)
    descent.step([w], [np.ones(1)], 2)
    np.testing.assert_allclose(w, -0.2 * 1.9)
    assert callable(descent.optimizer.learning_rate)


class Falling(Component):
    """A schedule with all that a schedule may have."""

    every_epoch = True

    def __init__(self, learning_rate=0.1):
        self.learning_rate = learning_rate

    def __call__(self, step):
        return self.learning_rate + 0 * step

    def bound(self, n_steps, steps_per_epoch):
        return type(self)(n_steps / steps_per_epoch)

    def after_epoch(self, at_work, n_samples_seen):
        at_work.learning_rate = at_work.learning_rate_init / n_samples_seen

    def on_plateau(self, at_work):
        at_work.learning_rate /= 2
        return False, "half"


@pytest.mark.parametrize("arguments", [(SGD(Falling()),), (SGD(0.1), Falling())], ids=str)
def test_schedules_with_hooks_change_the_learning_rate(arguments):
    descent = Descent(*arguments)
    assert descent.every_epoch
    descent.after_epoch(4)
    assert descent.learning_rate == descent.hyper(9, 2)[-1, 0] == 0.025
    assert descent.on_plateau() == (False, "half")
    assert descent.learning_rate == descent.hyper(9, 2)[-1, 0] == 0.0125


def test_without_a_schedule_a_plateau_is_the_end():
    descent = Descent(Adam())
    descent.after_epoch(10)
    assert (descent.every_epoch, descent.on_plateau(), descent.learning_rate) == (False, (True, "Stopping."), 0.001)


def test_schedules_learn_how_long_a_fit_is():
    muon = Muon(Falling(), momentum=Line(0.5, 0.9), rest=SGD(Falling()))
    descent = Descent(muon, length=(600, 200))
    assert descent.learning_rate == descent.optimizer.rest.learning_rate(7) == 3.0
    assert descent.optimizer.momentum(400) == 0.9
    assert muon.learning_rate(7) == muon.rest.learning_rate(7) == 0.1


def test_any_rule_with_the_two_methods_descends():
    class Halving(Optimizer):
        def init(self, params):
            return [0]

        def step(self, params, grads, state):
            state[0] += 1
            for w in params:
                w /= 2

    descent, w = Descent(Halving()), np.array([8.0])
    for number in range(3):
        descent.step([w], [np.zeros(1)], number)
    assert (w[0], descent.state, descent.learning_rate, Halving().rule) == (1.0, [3], 0.0, None)


def test_an_optimizer_that_predicts_elsewhere_says_so_by_its_method():
    class Averaging(Adam):
        def evaluation_params(self, params, state):
            return [w / 2 for w in params]

    class Renamed(Averaging):
        pass

    optimizers = [Adam(), ScheduleFreeAdamW(), Averaging(), Renamed()]
    assert [Descent(one).evaluates_elsewhere for one in optimizers] == [False, True, True, True]
