"""Networks that learn from gradients that others hand them: beside backward() of networks, and rules in NumPy."""

import numpy as np
import pytest

from fastmlp.fitting.learning_pass import LearningPass
from fastmlp.inputs.rows import rows_of
from fastmlp.network import Network, Regularization
from fastmlp.optimizers import SGD, Adam, Descent
from fastmlp.schedules import Exponential

RNG = np.random.default_rng(0)
X, TARGETS = RNG.standard_normal((30, 3)), RNG.random((30, 4))


class InPython(SGD):
    """The rule without its fused form."""

    def step(self, params, grads, state):
        super().step(params, grads, state)


def network_of(loss="binary_log_loss", normalization=None):
    return Network.create([3, 5, 4], "tanh", loss, normalization=normalization, random_state=0)


def plain(rate):
    return SGD(rate, momentum=0.0, nesterov=False)


def learned(rule, n_steps=6, regularization=None, normalization=None):
    """The losses, the parameters to predict with, the optimizer, and what came back from so many steps."""
    network, descent, losses = network_of(normalization=normalization), Descent(rule), []
    learns = LearningPass(network, descent, max_rows=10, regularization=regularization)
    rows = rows_of(X, np.float64)
    for i in range(n_steps):
        batch = np.arange(10 * (i % 3), 10 * (i % 3) + 10)
        losses.append(learns.meet(rows, TARGETS, order=batch, weight=10)[0].sum())
    learns.finish()
    return losses, network, descent


@pytest.mark.parametrize("regularization", [None, Regularization(average_decay=0.8), Regularization(max_norm=0.5)])
@pytest.mark.parametrize("normalization", [None, "batch"])
def test_a_rule_in_python_learns_as_that_of_the_engine(regularization, normalization):
    assert InPython(0.1).rule is None
    (losses, ours, descent), (others, theirs, other) = (
        learned(cls(0.1), regularization=regularization, normalization=normalization) for cls in (SGD, InPython)
    )
    np.testing.assert_allclose(losses, others, rtol=1e-10)
    np.testing.assert_allclose(ours.params, theirs.params, rtol=1e-9, atol=1e-12)
    for a, b in zip(ours.running, theirs.running, strict=True):
        assert (a is None and b is None) or np.allclose(a, b, rtol=1e-10)
    assert descent.n_updates == other.n_updates == 6


def test_gradients_go_back_through_a_link():
    network, gradients = network_of(), RNG.random((30, 4))
    network.forward(X, keep=True)
    expected = network.backward(gradients, inputs=True)
    learns = LearningPass(network, Descent(plain(1.0)), max_rows=30)
    learns.forward(rows_of(X, np.float64), linked=True)
    np.testing.assert_allclose(learns.backward(gradients, inputs=True), expected[1], rtol=1e-12)
    np.testing.assert_allclose(network.params - learns.arrays()["params"], expected[0], rtol=1e-9)


def test_without_learning_nothing_changes():
    network = network_of()
    learns, rows = LearningPass(network, Descent(Adam(0.1)), max_rows=30), rows_of(X, np.float64)
    outputs = learns.forward(rows)
    first = learns.backward(outputs, inputs=True, learns=False)
    np.testing.assert_array_equal(learns.backward(outputs, inputs=True, learns=False), first)
    losses, gradients = learns.meet(rows, TARGETS, learns=False)
    assert gradients is None
    np.testing.assert_allclose(losses.mean(), network.objective.mean_loss(network.forward(X, linked=False), TARGETS))
    np.testing.assert_array_equal(learns.arrays()["params"], network.params)
    learns.forward(rows)
    learns.backward(outputs)
    with pytest.raises(ValueError, match=r"ahead\(\) comes before back\(\)"):
        learns.backward(outputs)


def test_a_fit_goes_on_where_another_ended():
    rule = Adam(Exponential(0.05, 0.9))
    _, whole, _ = learned(rule, n_steps=6)
    _, network, descent = learned(rule, n_steps=3)
    learns = LearningPass(network, descent, max_rows=10)
    for i in range(3):
        learns.meet(rows_of(X, np.float64), TARGETS, order=np.arange(10 * i, 10 * i + 10), weight=10)
    np.testing.assert_array_equal(learns.arrays()["params"], whole.params)


@pytest.mark.parametrize("rule", [SGD(0.1), InPython(0.1)], ids=["engine", "python"])
@pytest.mark.parametrize("decay", [0.0, 0.5])
def test_restored_parameters_are_gone_on_from(rule, decay):
    learns = LearningPass(
        network_of(normalization="batch"), Descent(rule), max_rows=30,
        regularization=Regularization(average_decay=decay),
    )  # fmt: skip
    rows, before = rows_of(X, np.float64), learns.arrays()
    learns.meet(rows, TARGETS, weight=30)
    assert not np.allclose(learns.arrays()["params"], before["params"])
    learns.restore(before)
    for name, array in learns.arrays().items():
        np.testing.assert_array_equal(array, before[name])
    again = learns.meet(rows, TARGETS, learns=False)[0]
    fresh = LearningPass(network_of(normalization="batch"), Descent(rule), max_rows=30)
    np.testing.assert_array_equal(again, fresh.meet(rows, TARGETS, learns=False)[0])


def test_the_learning_rate_may_be_set():
    network = network_of()
    learns, rows = LearningPass(network, Descent(plain(0.5)), max_rows=30), rows_of(X, np.float64)
    steps = []
    for rate in (None, 0.25):
        learns.restore({"params": network.params})
        if rate is not None:
            learns.learning_rate = rate
        learns.meet(rows, TARGETS, weight=30)
        steps.append(learns.arrays()["params"] - network.params)
    np.testing.assert_allclose(steps[0], 2 * steps[1], rtol=1e-9)
    assert learns.learning_rate == 0.25
