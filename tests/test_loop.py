"""The training loops: epochs, callbacks, state written back, Ctrl-C."""

import numpy as np
import pytest

from fastmlp.fitting.batching import SampleOrder
from fastmlp.fitting.loop import Listener, MinibatchTraining
from fastmlp.inputs.rows import rows_of
from fastmlp.network import Network, Regularization, Structure, hidden_layer
from fastmlp.optimizers import OPTIMIZERS, Adam, Descent, Fused, Optimizer
from tests.engine.problems import problem

SIZES, LOSS = (5, 11, 3), "log_loss"
FUSED = [cls for cls in OPTIMIZERS.values() if issubclass(cls, Fused)]


def training(dtype, optimizer=Adam, n_threads=1, layer="tanh", **options):
    params, X, targets, _ = problem(SIZES, LOSS, dtype, 45)
    network = Network(Structure.of(SIZES, [layer]), objective=LOSS, dtype=dtype)
    network.params[: len(params)] = params
    optimizer = Descent(optimizer if isinstance(optimizer, Optimizer) else optimizer(0.01))
    order = SampleOrder(np.arange(45), True, np.random.RandomState(0))
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
            **options,
        ),
    )


class Hearing(Listener):
    """Hears of the epochs' losses, with a function that may end training."""

    def __init__(self, after_epoch=lambda loss: False, unheard=1):
        self.heard, self.unheard = after_epoch, unheard

    def epochs_unheard(self):
        return self.unheard

    def after_epoch(self, epoch):
        assert epoch.seconds > 0
        return bool(self.heard(epoch.loss))


def test_runs_until_told_or_done(dtype):
    _, _, loop = training(dtype)
    losses = []
    loop.run(20, Hearing(losses.append))
    assert len(losses) == 20
    assert losses[-1] < losses[0]
    loop.run(20, Hearing(lambda loss: losses.append(loss) or len(losses) == 23))
    assert len(losses) == 23


@pytest.mark.parametrize("cls", FUSED)
def test_finish_writes_back_and_another_loop_goes_on(cls, dtype):
    """Two loops, one after the other, leave what a single longer one leaves."""
    network, optimizer, loop = training(dtype, cls)
    before = network.params.copy()
    loop.run(2, Listener())
    np.testing.assert_array_equal(network.params, before)
    assert optimizer.state is None
    now = loop.present().params
    loop.finish()
    np.testing.assert_array_equal(network.params, now)
    assert optimizer.state["step"] == 10
    assert len(optimizer.state["slots"]) == optimizer.optimizer.n_slots

    params, X, targets, _ = problem(SIZES, LOSS, dtype, 45)
    orders = [SampleOrder(np.arange(45), False, None) for _ in range(3)]
    results = []
    for epochs in ([4], [1, 3]):
        network = Network(Structure.of(SIZES, "tanh"), params.copy(), objective=LOSS)
        optimizer = Descent(cls(0.01))
        for n in epochs:
            loop = MinibatchTraining(
                network, optimizer, rows_of(X, dtype), targets, None,
                order=orders.pop(), batch_size=10, alpha=0.1, n_threads=1,
            )  # fmt: skip
            loop.run(n, Listener())
            loop.finish()
        results.append((network.params, optimizer.state))
    np.testing.assert_array_equal(results[0][0], results[1][0])
    assert results[0][1]["step"] == results[1][1]["step"] == 20
    for a, b in zip(results[0][1]["slots"], results[1][1]["slots"], strict=True):
        np.testing.assert_array_equal(a, b)


def in_python(cls):
    """The optimizer without its fused rule."""
    return type(f"{cls.__name__}InPython", (cls,), {"step": cls.step})


def falling(step):
    return 0.02 / (1 + step)


@pytest.mark.parametrize("rate", [0.01, falling], ids=["constant", "falling"])
@pytest.mark.parametrize(
    "regularization",
    [
        None,
        Regularization(l1=0.1, clip_value=0.02),
        Regularization(clip_norm=0.05, max_norm=0.9),
        Regularization(average_decay=0.8),
        Regularization((0.1, 0.2), 0.1, 0.01, 0.05, 0.1, 0.9, 0.7),
    ],
    ids=["plain", "l1, clip_value", "clip_norm, max_norm", "average", "all"],
)
@pytest.mark.parametrize("cls", FUSED)
def test_steps_in_python_are_the_engines(cls, regularization, rate):
    """Whatever is done beside them, whether in the engine or around it; and in what is shown of them on the way."""
    results, (_, X, _, _) = [], problem(SIZES, LOSS, np.float64, 45)
    for optimizer in (cls, in_python(cls)):
        network, descent, loop = training(
            np.float64, optimizer(rate), layer=hidden_layer("prelu", "layer"), regularization=regularization, seed=7
        )
        losses, shown = [], []

        def after_epoch(loss, losses=losses, shown=shown, loop=loop):
            losses.append(loss)
            shown.append(loop.outputs(rows_of(X, np.float64), np.arange(5)))

        loop.run(3, Hearing(after_epoch))
        present = loop.present().params
        loop.finish()
        np.testing.assert_array_equal(network.params, present)
        results.append((descent.optimizer.rule, losses, shown, network.params))
    assert (results[0][0] is None, results[1][0]) == (False, None)
    for fused, python in zip(results[0][1:], results[1][1:], strict=True):
        np.testing.assert_allclose(python, fused, rtol=1e-9, atol=1e-12)


def test_a_step_in_python_must_stay_in_place_and_finite(dtype):
    class Careless(Optimizer):
        def __init__(self, value=None):
            self.value = value

        def init(self, params):
            return None

        def step(self, params, grads, state):
            if self.value is None:
                params[0] = params[0] - grads[0]
            else:
                params[0][0, 0] = self.value

    for optimizer, message in (
        (Careless(), r"solver=Careless\(\): step must change the arrays in params, not put others there"),
        (Careless(np.inf), r"solver=Careless\(value=inf\) made non-finite parameter weights in step 1"),
    ):
        network, descent, loop = training(dtype, optimizer)
        before = network.params.copy()
        with pytest.raises(ValueError, match=message):
            loop.run(1, Listener())
        np.testing.assert_array_equal(network.params, before)
        assert descent.n_updates == 0


def test_augmented_batches_are_what_is_learned_from(dtype):
    """As if the rows had been there; each batch is drawn anew."""
    _, X, targets, _ = problem(SIZES, LOSS, dtype, 45)
    seen = []

    def moved(X, y, rng):
        seen.append(X)
        return X + rng.normal(size=X.shape[1]), y[::-1]

    structure, results = Structure.of(SIZES, "tanh"), []
    one_hot = np.eye(3, dtype=dtype)[targets]
    network = Network(structure, problem(SIZES, LOSS, dtype, 45)[0], objective="soft_log_loss")
    loop = MinibatchTraining(
        network, Descent(Adam(0.01)), rows_of(X, dtype), one_hot, None, order=SampleOrder(np.arange(45), False, None),
        batch_size=20, alpha=0.1, n_threads=1, augment=moved, samples=X, seed=3,
    )  # fmt: skip
    loop.run(1, Hearing(results.append))
    loop.finish()
    assert [len(batch) for batch in seen] == [20, 20, 5]
    np.testing.assert_array_equal(np.concatenate(seen), X)

    by_hand = Network(structure, problem(SIZES, LOSS, dtype, 45)[0], objective="soft_log_loss")
    rng, losses = np.random.default_rng([3, 0]), []
    descent = Descent(Adam(0.01))
    for start in (0, 20, 40):
        rows = slice(start, start + 20)
        batch, y = moved(X[rows], one_hot[rows], rng)
        loop = MinibatchTraining(
            by_hand, descent, rows_of(batch.astype(dtype), dtype), np.ascontiguousarray(y), None,
            order=SampleOrder(np.arange(len(y)), False, None), batch_size=20, alpha=0.1, n_threads=1,
        )  # fmt: skip
        loop.run(1, Hearing(losses.append))
        loop.finish()
    np.testing.assert_array_equal(network.params, by_hand.params)
    np.testing.assert_allclose(results, [np.average(losses, weights=[20, 20, 5])], rtol=1e-12)


def test_outputs_are_the_present_networks(dtype):
    network, _, loop = training(dtype)
    _, X, _, _ = problem(SIZES, LOSS, dtype, 45)
    loop.run(2, Listener())
    order = np.array([3, 1, 44])
    present = loop.present().forward(rows_of(X[order], dtype))
    np.testing.assert_array_equal(loop.outputs(rows_of(X, dtype), order), present)
    assert not np.array_equal(present, network.forward(rows_of(X[order], dtype)))


def test_epochs_unheard_run_together(dtype):
    """What after_epoch hears is the same, and so is what comes of it."""
    heard = []
    for unheard in (1, 3, np.inf):
        network, optimizer, loop = training(dtype)
        calls = []
        loop.run(8, Hearing(calls.append, unheard))
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
        loop.run(20, Hearing(heard.append, 4))
    loop.finish()
    assert len(heard) == 4
    assert optimizer.state["step"] == 20


def test_ctrl_c_ends_the_loop_with_a_warning(dtype):
    network, optimizer, loop = training(dtype)

    def interrupt(loss):
        raise KeyboardInterrupt

    with pytest.warns(UserWarning, match=r"Training interrupted by user\."):
        loop.run(20, Hearing(interrupt))
    loop.finish()
    assert optimizer.state["step"] == 5
    assert np.isfinite(network.params).all()
