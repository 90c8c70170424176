"""The update of tiles: factors of rate and decay, each part beside an optimizer of its own."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse
from sklearn.base import clone

from fastmlp.inputs.rows import rows_of
from fastmlp.network import HiddenLayer, Regularization, check_gradients
from fastmlp.optimizers import SGD, Adam, AdamW, Lion, Muon, Nadam, ScheduleFreeAdamW
from tests import reference
from tests.engine.problems import data_for, network_of, passed
from tests.test_loop import Hearing, training

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
    trainer = network.trainer(
        rule=optimizer.rule, max_batch=10, n_threads=2, isa=isa, regularization=regularization.validate()
    )
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
            trainer = network.trainer(
                rule="adamw",
                max_batch=150,
                n_threads=n_threads,
                isa=isa,
                regularization=Regularization(rate_factors=factors),
            )
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
            network.trainer(rule="sgd", max_batch=5, regularization=Regularization(**{name: {"gains.0": 1.0}}))
    with pytest.raises(ValueError, match="rate_factors need a rule with a learning rate, which 'rprop' has not"):
        network.trainer(rule="rprop", max_batch=5, regularization=Regularization(rate_factors={"coefs.0": 1.0}))
    with pytest.raises(ValueError, match="expected 4 factors or none, got 3 and 0"):
        network.trainer(rule="sgd", max_batch=5, rate_factors=[1.0] * 3)
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


def test_projections_have_factors_of_their_own():
    """They have no biases, whose factor would be another part's."""
    network = network_of("tanh", "squared_error", "layer", (5, 7, 4, 2), kind="residual")
    X, targets, _ = data_for(network)
    still = {"projections.0": 0.0, "gains.1": 0.0, "intercepts.1": 0.0}
    regularization = Regularization(rate_factors=still)
    trainer = network.trainer(rule="sgd", max_batch=len(X), regularization=regularization)
    trainer.attach(rows_of(X, network.params.dtype), targets)
    passed(trainer, np.arange(len(X)), len(X), 0.1, [0.5])
    params = np.empty_like(network.params)
    trainer.store(params)
    moves = network.named_parameters(params - network.params)
    assert {name for name, part in moves.items() if not part.any()} == still.keys()


def test_a_training_with_factors(dtype):
    """The loop of epochs and the optimizer's state go through: a part with factor 0 stays as it was."""
    network, _, loop = training(dtype, AdamW, regularization=Regularization(rate_factors={"coefs.0": 0.0}))
    before = network.arrays()["params"]
    loop.run(3, Hearing())
    loop.finish()
    moves = network.named_parameters(network.params - before)
    assert not moves.pop("coefs.0").any()
    assert all(part.all() for part in moves.values())
