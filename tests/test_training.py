"""The training loops: epochs, callbacks, state written back, Ctrl-C."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse
from sklearn.base import clone

from fastmlp import _engine
from fastmlp.fitting.batching import RowOrder
from fastmlp.fitting.training import Listener, MinibatchTraining, minimize_full_batch
from fastmlp.inputs.rows import rows_of
from fastmlp.network import HiddenLayer, Network, Regularization, Structure, check_gradients, hidden_layer
from fastmlp.optimizers import (
    LBFGS,
    OPTIMIZERS,
    SGD,
    Adam,
    AdamW,
    Descent,
    Fused,
    Lion,
    Muon,
    Nadam,
    Optimizer,
    ScheduleFreeAdamW,
)
from tests import reference
from tests.test_engine import data_for, network_of, problem

SIZES, LOSS = (5, 11, 3), "log_loss"
FUSED = [cls for cls in OPTIMIZERS.values() if issubclass(cls, Fused)]


def training(dtype, optimizer=Adam, n_threads=1, layer="tanh", **options):
    params, X, targets, _ = problem(SIZES, LOSS, dtype, 45)
    network = Network(Structure.of(SIZES, [layer], LOSS), dtype=dtype)
    network.params[: len(params)] = params
    optimizer = Descent(optimizer if isinstance(optimizer, Optimizer) else optimizer(0.01))
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
    orders = [RowOrder(np.arange(45), False, None) for _ in range(3)]
    results = []
    for epochs in ([4], [1, 3]):
        network, optimizer = Network(Structure.of(SIZES, "tanh", LOSS), params.copy()), Descent(cls(0.01))
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

    structure, results = Structure.of(SIZES, "tanh", "soft_log_loss"), []
    one_hot = np.eye(3, dtype=dtype)[targets]
    network = Network(structure, problem(SIZES, LOSS, dtype, 45)[0])
    loop = MinibatchTraining(
        network, Descent(Adam(0.01)), rows_of(X, dtype), one_hot, None, order=RowOrder(np.arange(45), False, None),
        batch_size=20, alpha=0.1, n_threads=1, augment=moved, samples=X, seed=3,
    )  # fmt: skip
    loop.run(1, Hearing(results.append))
    loop.finish()
    assert [len(batch) for batch in seen] == [20, 20, 5]
    np.testing.assert_array_equal(np.concatenate(seen), X)

    by_hand, rng, losses = Network(structure, problem(SIZES, LOSS, dtype, 45)[0]), np.random.default_rng([3, 0]), []
    descent = Descent(Adam(0.01))
    for start in (0, 20, 40):
        rows = slice(start, start + 20)
        batch, y = moved(X[rows], one_hot[rows], rng)
        loop = MinibatchTraining(
            by_hand, descent, rows_of(batch.astype(dtype), dtype), np.ascontiguousarray(y), None,
            order=RowOrder(np.arange(len(y)), False, None), batch_size=20, alpha=0.1, n_threads=1,
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


def test_full_batch():
    params, X, targets, _ = problem(SIZES, LOSS, np.float64, 45)
    network = Network(Structure.of(SIZES, "tanh", LOSS), params)
    rows, losses = rows_of(X, np.float64), []
    result = minimize_full_batch(
        network, LBFGS(), rows, targets, None,
        alpha=0.1, n_threads=2, after_iteration=lambda x, loss: losses.append(loss),
    )  # fmt: skip
    np.testing.assert_array_equal(network.params, result.x)
    value, gradient = network.loss_and_gradients(rows, targets, alpha=0.1)
    assert value == result.fun
    assert losses == sorted(losses, reverse=True)
    assert np.abs(gradient).max() < 1e-3


def test_full_batch_interrupted():
    params, X, targets, _ = problem(SIZES, LOSS, np.float64, 45)
    network = Network(Structure.of(SIZES, "tanh", LOSS), params)

    def interrupt(x, loss):
        raise KeyboardInterrupt

    with pytest.warns(UserWarning, match=r"Training interrupted by user\."):
        result = minimize_full_batch(
            network, LBFGS(), rows_of(X, np.float64), targets, None,
            alpha=0.1, n_threads=1, after_iteration=interrupt,
        )  # fmt: skip
    assert result.nit == 1
    np.testing.assert_array_equal(network.params, result.x)


# ---- factors of parts ------------------------------------------------------------------------------------------------

FACTORS = Regularization(
    rate_factors={"coefs.*": 0.5, "coefs.1": 0.0, "intercepts.0": 3.0, "gains.0": 2.0, "activation_parameters.1": 0.1},
    decay_factors={"coefs.0": 2.0, "coefs.1": 0.0, "intercepts.*": 0.3},
)
FACTORED = {
    "sgd": SGD(0.05, momentum=0.0),
    "momentum": SGD(0.05, momentum=0.8, nesterov=False),
    "nesterov": SGD(lambda step: 0.05 / (1 + step), momentum=0.8),
    "adam": Adam(0.02),
    "adamw": AdamW(0.02, weight_decay=0.3),
    "nadam": Nadam(0.02),
    "lion": Lion(0.01, weight_decay=0.3),
    "schedule-free": ScheduleFreeAdamW(0.02, weight_decay=0.3),
}


def factored(optimizer, rate, decay):
    """The optimizer of a part."""
    optimizer = clone(optimizer)
    given = optimizer.learning_rate
    optimizer.learning_rate = (lambda step: rate * given(step)) if callable(given) else rate * given
    if "weight_decay" in optimizer.get_params():
        optimizer.weight_decay = decay * optimizer.weight_decay
    return optimizer


@pytest.mark.parametrize(
    "more", [{}, {"l1": 0.1}, {"clip_norm": 0.5}, {"max_norm": 0.7, "average_decay": 0.9}], ids=str
)
@pytest.mark.parametrize("name", FACTORED)
def test_factors_of_parts(name, more, isa):
    """Each part has an optimizer of its own, in NumPy, with the rate and the decay that its factors make."""
    layers = [HiddenLayer("tanh", normalization="layer"), HiddenLayer("prelu", 0.3, learned=True)]
    network = network_of(layers, "log_loss", sizes=(5, 11, 7, 3))
    X, targets, y = data_for(network, 40)
    regularization, alpha, optimizer = replace(FACTORS, **more), 0.8, FACTORED[name]
    parts = list(network.named_parameters())
    rates, decays = (dict(zip(parts, factors, strict=True)) for factors in regularization.factors(parts))
    assert len(set(rates.values())) == 6
    batches = np.random.default_rng(0).permutation(40).reshape(4, 10)
    trainer = _engine.Trainer(
        *network.structure, np.float64, rule=optimizer.rule, max_batch=10, n_threads=2, isa=isa,
        regularization=regularization.validate(),
    )  # fmt: skip
    network.load_into(trainer)
    start = {part: [view.copy()] for part, view in network.named_parameters().items()}
    trainer.load(network.params, [slot[0] for slot in optimizer.init([network.params])["slots"]])
    trainer.attach(rows_of(X, np.float64), targets)
    order = batches.reshape(1, -1)
    steps = np.arange(4)
    trainer.begin(order, 10, alpha, optimizer.hyper(steps, optimizer.rates(steps)), 0)
    while not trainer.run():
        pass
    found = np.empty_like(network.params)
    trainer.store(found)

    own = {part: factored(optimizer, rates[part], decays[part]) for part in parts}
    states, losses = {part: own[part].init(start[part]) for part in parts}, []
    for batch in batches:
        value, gradients = reference.loss_and_gradients(network, X[batch], y[batch], None, 0.0, more.get("l1", 0.0))
        for i, W in enumerate(network.coefs):
            gradients.coefs[i][:] += alpha * decays[f"coefs.{i}"] * W / 10
            value += alpha / 2 * decays[f"coefs.{i}"] * (W**2).sum() / 10
        losses.append(value)
        if "clip_norm" in more:
            gradients.params *= min(1, more["clip_norm"] / np.linalg.norm(gradients.params))
        for part, view in network.named_parameters().items():
            own[part].step([view], [gradients.named_parameters()[part]], states[part])
        for W in network.coefs[:-1] if "max_norm" in more else ():
            W *= np.minimum(1, more["max_norm"] / np.linalg.norm(W, axis=0))
    np.testing.assert_allclose(found, network.params, rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(trainer.losses(), np.mean(losses))
    if "max_norm" not in more:
        np.testing.assert_array_equal(network.named_parameters(found)["coefs.1"], start["coefs.1"][0])


@pytest.mark.parametrize("sizes", [(4, 9, 1), (9, 40, 12, 1), (4, 9, 3)], ids=str)
def test_factors_of_one_are_none(sizes, dtype, isa):
    """On any number of threads, of sparse rows too; the kernels for shallow networks are not used."""
    network = network_of("relu", "squared_error", sizes=sizes).astype(dtype)
    X, targets, _ = data_for(network, 300)
    targets, found = targets.astype(dtype), []
    for factors in ({}, {"coefs.*": 1.0}, {"coefs.*": 1.0, "intercepts.0": 0.0}):
        for n_threads, rows in ((1, X), (3, X), (2, scipy.sparse.csr_array(X.astype(dtype)))):
            trainer = _engine.Trainer(
                *network.structure, dtype, rule="adamw", max_batch=150, n_threads=n_threads, isa=isa,
                regularization=Regularization(rate_factors=factors),
            )  # fmt: skip
            network.load_into(trainer)
            trainer.attach(rows_of(rows, dtype), targets)
            assert not (factors and trainer.shallow)
            trainer.begin(np.arange(300)[np.newaxis], 150, 0.1, [0.01, 0.9, 0.999, 1e-8, 0.0, 0.1], 0)
            while not trainer.run():
                pass
            found.append(np.empty_like(network.params))
            trainer.store(found[-1])
    biases = slice(sizes[0] * sizes[1], (sizes[0] + 1) * sizes[1])
    for other in found[1:6]:
        np.testing.assert_allclose(other, found[0], rtol=1e-4 if dtype == np.float32 else 1e-9, atol=1e-6)
    for other in found[4:6]:
        np.testing.assert_array_equal(other, found[3])
    for other in found[6:]:
        np.testing.assert_array_equal(other, found[6])
    np.testing.assert_array_equal(found[6][biases], network.intercepts[0])


def test_factors_that_cannot_be():
    network = network_of("relu", "squared_error", sizes=(5, 4, 3))
    for name in ("rate_factors", "decay_factors"):
        with pytest.raises(ValueError, match=f"regularization: {name} must map names of parts to numbers; got 0.5"):
            Regularization(**{name: 0.5}).validate()
        with pytest.raises(ValueError, match=f"regularization: {name} must be at least 0, and finite; got"):
            Regularization(**{name: {"coefs.0": -1.0}}).validate()
        with pytest.raises(ValueError, match=rf"{name} has 'gains\.0', but the parts are 'coefs\.0', 'intercepts\.0'"):
            _engine.Trainer(
                *network.structure, np.float64, rule="sgd", max_batch=5,
                regularization=Regularization(**{name: {"gains.0": 1.0}}),
            )  # fmt: skip
    with pytest.raises(ValueError, match="rate_factors need a rule with a learning rate, which 'rprop' has not"):
        _engine.Trainer(
            *network.structure, np.float64, rule="rprop", max_batch=5,
            regularization=Regularization(rate_factors={"coefs.0": 1.0}),
        )  # fmt: skip
    with pytest.raises(
        ValueError, match=r"rate_factors and decay_factors need an optimizer with a fused rule; got Muon"
    ):
        training(np.float64, Muon, regularization=Regularization(rate_factors={"coefs.0": 1.0}))


def test_factors_of_decay_are_in_the_gradient():
    network = network_of("tanh", "log_loss", "batch", (5, 11, 7, 3))
    X, targets, _ = data_for(network)
    for more in ({}, {"l1": 0.2}):
        regularization = Regularization(decay_factors={"coefs.0": 0.0, "coefs.1": 3.0}, **more)
        errors = check_gradients(network, X, targets, alpha=0.5, regularization=regularization)
        assert max(errors.values()) < 1e-6
    plain, other = (
        network.loss_and_gradients(X, targets, alpha=0.5, regularization=Regularization(decay_factors=factors))
        for factors in ({}, {"coefs.1": 3.0})
    )
    np.testing.assert_allclose(other[0] - plain[0], 0.5 * (network.coefs[1] ** 2).sum() / len(X))
    difference = network.named_parameters(other[1] - plain[1])
    np.testing.assert_allclose(difference.pop("coefs.1"), network.coefs[1] / len(X), rtol=1e-9)
    assert not any(part.any() for part in difference.values())


def test_a_training_with_factors(dtype):
    """The loop of epochs and the optimizer's state go through: a part with factor 0 stays as it was."""
    network, _, loop = training(dtype, AdamW, regularization=Regularization(rate_factors={"coefs.0": 0.0}))
    before = network.arrays()["params"]
    loop.run(3, Hearing())
    loop.finish()
    moves = network.named_parameters(network.params - before)
    assert not moves.pop("coefs.0").any()
    assert all(part.all() for part in moves.values())
