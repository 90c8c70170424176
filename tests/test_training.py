"""The training loops: epochs, callbacks, state written back, Ctrl-C."""

import numpy as np
import pytest

from fastmlp.batching import RowOrder
from fastmlp.network import Network, Structure
from fastmlp.optimizers import LBFGS, OPTIMIZERS, Adam, Descent, Fused
from fastmlp.rows import rows_of
from fastmlp.training import MinibatchTraining, minimize_full_batch
from tests.test_engine import problem

SIZES, LOSS = (5, 11, 3), "log_loss"
FUSED = [cls for cls in OPTIMIZERS.values() if issubclass(cls, Fused)]


def training(dtype, cls=Adam, n_threads=1):
    params, X, targets, _ = problem(SIZES, LOSS, dtype, 45)
    network, optimizer = Network(Structure.of(SIZES, "tanh", LOSS), params), Descent(cls(0.01))
    order = RowOrder(np.arange(45), True, np.random.RandomState(0))
    return (
        network,
        optimizer,
        MinibatchTraining(
            network,
            optimizer,
            rows_of(X, dtype),
            targets,
            None,
            order=order,
            batch_size=10,
            alpha=0.1,
            n_threads=n_threads,
        ),
    )


def test_runs_until_told_or_done(dtype):
    _, _, loop = training(dtype)
    losses = []
    loop.run(20, losses.append)
    assert len(losses) == 20
    assert losses[-1] < losses[0]
    loop.run(20, lambda loss: losses.append(loss) or len(losses) == 23)
    assert len(losses) == 23


@pytest.mark.parametrize("cls", FUSED)
def test_finish_writes_back_and_another_loop_goes_on(cls, dtype):
    """Two loops, one after the other, leave what a single longer one leaves."""
    network, optimizer, loop = training(dtype, cls)
    before = network.params.copy()
    loop.run(2, lambda loss: False)
    np.testing.assert_array_equal(network.params, before)
    assert optimizer.state is None
    now = loop.present().params
    loop.finish()
    np.testing.assert_array_equal(network.params, now)
    assert optimizer.state["step"] == 10
    assert len(optimizer.state["slots"]) == optimizer.optimizer.n_slots

    params, X, targets, _ = problem(SIZES, LOSS, dtype, 45)
    orders = [RowOrder(np.arange(45), False, None) for _ in range(3)]
    results = []
    for epochs in ([4], [1, 3]):
        network, optimizer = Network(Structure.of(SIZES, "tanh", LOSS), params.copy()), Descent(cls(0.01))
        for n in epochs:
            loop = MinibatchTraining(
                network, optimizer, rows_of(X, dtype), targets, None,
                order=orders.pop(), batch_size=10, alpha=0.1, n_threads=1,
            )  # fmt: skip
            loop.run(n, lambda loss: False)
            loop.finish()
        results.append((network.params, optimizer.state))
    np.testing.assert_array_equal(results[0][0], results[1][0])
    assert results[0][1]["step"] == results[1][1]["step"] == 20
    for a, b in zip(results[0][1]["slots"], results[1][1]["slots"], strict=True):
        np.testing.assert_array_equal(a, b)


def test_outputs_are_the_present_networks(dtype):
    network, _, loop = training(dtype)
    _, X, _, _ = problem(SIZES, LOSS, dtype, 45)
    loop.run(2, lambda loss: False)
    order = np.array([3, 1, 44])
    present = loop.present().forward(rows_of(X[order], dtype))
    np.testing.assert_array_equal(loop.outputs(order), present)
    assert not np.array_equal(present, network.forward(rows_of(X[order], dtype)))


def test_epochs_unheard_run_together(dtype):
    """What after_epoch hears is the same, and so is what comes of it."""
    heard = []
    for unheard in (1, 3, np.inf):
        network, optimizer, loop = training(dtype)
        calls = []
        loop.run(8, lambda loss, calls=calls: calls.append(loss), lambda unheard=unheard: unheard)
        loop.finish()
        heard.append((calls, network.params, optimizer.state["step"]))
    for other in heard[1:]:
        for a, b in zip(heard[0], other, strict=True):
            np.testing.assert_array_equal(a, b)
    assert heard[0][2] == 40


def test_ctrl_c_among_epochs_unheard_keeps_those_that_are_done(dtype, monkeypatch):
    _, optimizer, loop = training(dtype)
    engine, heard = loop._engine, []

    class Interrupted:
        def __getattr__(self, name):
            return getattr(engine, name)

        def run(self):
            engine.run()
            raise KeyboardInterrupt

    monkeypatch.setattr(loop, "_engine", Interrupted())
    with pytest.warns(UserWarning, match=r"Training interrupted by user\."):
        loop.run(20, heard.append, lambda: 4)
    loop.finish()
    assert len(heard) == 4
    assert optimizer.state["step"] == 20


def test_ctrl_c_ends_the_loop_with_a_warning(dtype):
    network, optimizer, loop = training(dtype)

    def interrupt(loss):
        raise KeyboardInterrupt

    with pytest.warns(UserWarning, match=r"Training interrupted by user\."):
        loop.run(20, interrupt)
    loop.finish()
    assert optimizer.state["step"] == 5
    assert np.isfinite(network.params).all()


def test_full_batch():
    params, X, targets, _ = problem(SIZES, LOSS, np.float64, 45)
    network = Network(Structure.of(SIZES, "tanh", LOSS), params)
    rows, losses = rows_of(X, np.float64), []
    result = minimize_full_batch(
        network, LBFGS(), rows, targets, None,
        alpha=0.1, n_threads=2, after_iteration=lambda n, loss: losses.append(loss),
    )  # fmt: skip
    np.testing.assert_array_equal(network.params, result.x)
    value, gradient = network.loss_and_gradients(rows, targets, alpha=0.1)
    assert value == result.fun
    assert losses == sorted(losses, reverse=True)
    assert np.abs(gradient).max() < 1e-3


def test_full_batch_interrupted():
    params, X, targets, _ = problem(SIZES, LOSS, np.float64, 45)
    network = Network(Structure.of(SIZES, "tanh", LOSS), params)

    def interrupt(n_iter, loss):
        raise KeyboardInterrupt

    with pytest.warns(UserWarning, match=r"Training interrupted by user\."):
        result = minimize_full_batch(
            network, LBFGS(), rows_of(X, np.float64), targets, None,
            alpha=0.1, n_threads=1, after_iteration=interrupt,
        )  # fmt: skip
    assert result.nit == 1
    np.testing.assert_array_equal(network.params, result.x)
