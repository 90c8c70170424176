"""Every optimizer on the same problem: a convex quadratic; and what each rule does at its first steps."""

import numpy as np
import pytest

from fastmlp import _engine
from fastmlp.optimizers import LBFGS, OPTIMIZERS, SGD, Adam

LEARNING_RATES = {"sgd": 0.02, "adam": 0.1}


@pytest.fixture(params=OPTIMIZERS)
def name(request):
    return request.param


def variants(name):
    rate = LEARNING_RATES[name]
    if name == "sgd":
        return [SGD(rate, momentum=m, nesterov=nesterov) for m in (0.0, 0.9) for nesterov in (False, True)]
    return [OPTIMIZERS[name](rate)]


def test_minimises_a_quadratic(name, dtype):
    curvature = np.array([1.0, 5.0, 20.0], dtype)
    target = np.array([1.0, -2.0, 0.5], dtype)
    for optimizer in variants(name):
        w = np.zeros(3, dtype)
        state = optimizer.init([w])
        for _ in range(2000):
            optimizer.step([w], [curvature * (w - target)], state)
        np.testing.assert_allclose(w, target, rtol=1e-4)
        assert state["step"] == 2000
        assert w.dtype == dtype


def test_names_a_fused_rule_of_as_many_slots(name):
    for optimizer in variants(name):
        assert optimizer.rule in _engine.RULES
        assert optimizer.n_slots == _engine.RULE_SLOTS[optimizer.rule]
        assert optimizer.hyper()[0] == optimizer.learning_rate


def test_state_is_shaped_like_the_parameters(name, dtype):
    params = [np.zeros((3, 2), dtype), np.zeros(2, dtype)]
    for optimizer in variants(name):
        assert optimizer.state is None
        state = optimizer.init(params)
        assert state["step"] == 0
        assert [[a.shape for a in slot] for slot in state["slots"]] == [[(3, 2), (2,)]] * optimizer.n_slots
        assert all(a.dtype == dtype for slot in state["slots"] for a in slot)


def test_hyper_follows_the_learning_rate(name):
    for optimizer in variants(name):
        optimizer.learning_rate = 7.0
        assert optimizer.hyper()[0] == 7.0
        assert optimizer.learning_rate_init == LEARNING_RATES[name]


def test_momentum_by_hand():
    for nesterov, expected in [(False, [-0.1, -0.25]), (True, [-0.15, -0.325])]:
        sgd, w = SGD(0.1, momentum=0.5, nesterov=nesterov), np.zeros(1)
        state = sgd.init([w])
        for value in expected:
            sgd.step([w], [np.ones(1)], state)
            np.testing.assert_allclose(w, value)


def test_adam_first_steps_are_the_learning_rate():
    adam, w = Adam(0.1), np.zeros(3)
    state = adam.init([w])
    gradient = np.array([1e-3, -1.0, 1e3])
    for step in (1, 2):
        adam.step([w], [gradient], state)
        np.testing.assert_allclose(w, -0.1 * step * np.sign(gradient), rtol=1e-3)


def rosenbrock(w):
    a, b = 1 - w[0], w[1] - w[0] ** 2
    return a**2 + 100 * b**2, np.array([-2 * a - 400 * w[0] * b, 200 * b])


def test_lbfgs_minimises_and_reports():
    seen = []
    result = LBFGS(tol=1e-8).minimize(rosenbrock, np.zeros(2), lambda n, loss: seen.append((n, loss)))
    np.testing.assert_allclose(result.x, 1, rtol=1e-6)
    assert [n for n, _ in seen] == list(range(1, result.nit + 1))
    assert seen[-1][1] == result.fun


def test_lbfgs_limits():
    assert LBFGS(max_iter=3).minimize(rosenbrock, np.zeros(2)).nit == 3
    calls = []
    LBFGS(max_fun=5).minimize(lambda w: calls.append(0) or rosenbrock(w), np.zeros(2))
    assert 5 <= len(calls) < 10


def test_lbfgs_keeps_the_last_iterate_on_ctrl_c():
    iterates = []

    def interrupted(n_iter, loss):
        iterates.append(loss)
        if n_iter == 3:
            raise KeyboardInterrupt

    result = LBFGS().minimize(rosenbrock, np.zeros(2), interrupted)
    assert (result.status, result.nit) == ("interrupted", 3)
    assert rosenbrock(result.x)[0] == result.fun == iterates[-1]
