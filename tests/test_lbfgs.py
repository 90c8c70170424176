"""L-BFGS: minima, limits, and what interrupts it."""

import numpy as np

from fastmlp.optimizers import LBFGS


def rosenbrock(w):
    a, b = 1 - w[0], w[1] - w[0] ** 2
    return a**2 + 100 * b**2, np.array([-2 * a - 400 * w[0] * b, 200 * b])


def test_lbfgs_minimises_and_reports():
    seen = []
    result = LBFGS(tol=1e-8).minimize(rosenbrock, np.zeros(2), lambda w, loss: seen.append((w, loss)))
    np.testing.assert_allclose(result.x, 1, rtol=1e-6)
    assert len(seen) == result.nit
    assert [rosenbrock(w)[0] for w, _ in seen] == [loss for _, loss in seen]
    np.testing.assert_array_equal(seen[-1][0], result.x)
    assert seen[-1][1] == result.fun


def test_lbfgs_stops_where_it_is_told_to():
    def stop(w, loss):
        seen.append(w)
        if len(seen) == 3:
            raise StopIteration

    seen = []
    result = LBFGS().minimize(rosenbrock, np.zeros(2), stop)
    assert (result.status, result.nit) == ("stopped", 3)
    np.testing.assert_array_equal(result.x, seen[-1])


def test_lbfgs_limits():
    assert LBFGS(max_iter=3).minimize(rosenbrock, np.zeros(2)).nit == 3
    calls = []
    LBFGS(max_fun=5).minimize(lambda w: calls.append(0) or rosenbrock(w), np.zeros(2))
    assert 5 <= len(calls) < 10


def test_lbfgs_memory():
    """The curvature of 50 directions is not found with one pair of changes at a time."""
    curvature = 10.0 ** np.linspace(0, 4, 50)
    few, many = (
        LBFGS(5000, tol=1e-6, memory=m).minimize(lambda w: (w @ (curvature * w) / 2, curvature * w), np.ones(50)).nit
        for m in (1, 50)
    )
    assert few > 2 * many


def test_lbfgs_keeps_the_last_iterate_on_ctrl_c():
    iterates = []

    def interrupted(w, loss):
        iterates.append(loss)
        if len(iterates) == 3:
            raise KeyboardInterrupt

    result = LBFGS().minimize(rosenbrock, np.zeros(2), interrupted)
    assert (result.status, result.nit) == ("interrupted", 3)
    assert rosenbrock(result.x)[0] == result.fun == iterates[-1]
