"""The penalty of a hidden layer's outputs, and rows as their own targets: against finite differences and NumPy."""

import numpy as np
import pytest
import scipy.sparse

from fastmlp import engine
from fastmlp.inputs.rows import rows_of
from fastmlp.network import Network, Regularization, hidden_layer

X = np.random.default_rng(0).random((70, 5))
WEIGHTS = np.arange(70) % 3.0


def network(objective="binary_log_loss", code="logistic", normalization=None):
    layers = ["tanh", hidden_layer(code, normalization), "tanh"]
    return Network.create([5, 6, 3, 6, 5], layers, objective, random_state=0)


def regularization(activity, **options):
    return Regularization(
        **{"activity": activity, "activity_weight": 0.3, "activity_target": 0.1, "activity_layer": 1, **options}
    )


def penalty(net, activity, weights):
    """The penalty in NumPy, as the loss has it."""
    weights = np.ones(len(X)) if weights is None else weights
    code = net.activations(X)[1]
    if activity == "l1":
        return 0.3 * np.average(np.abs(code).sum(axis=1), weights=weights)
    q = np.average(code, axis=0, weights=weights)
    return 0.3 * (0.1 * np.log(0.1 / q) + 0.9 * np.log(0.9 / (1 - q))).sum()


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["alike", "weighted"])
@pytest.mark.parametrize(
    ("activity", "code"), [("l1", "tanh"), ("l1", "silu"), ("kl", "logistic"), ("kl", "hard_sigmoid")]
)
def test_the_gradient_is_that_of_loss_and_penalty(activity, code, weights):
    net, what = network(code=code), regularization(activity)

    def loss(params):
        return net.with_arrays({"params": params}).loss_and_gradients(X, X, weights, regularization=what)[0]

    found, gradient = net.loss_and_gradients(X, X, weights, regularization=what)
    plain = net.loss_and_gradients(X, X, weights)[0]
    np.testing.assert_allclose(found, plain + penalty(net, activity, weights), rtol=1e-12)
    steps = 1e-5 * np.eye(len(net.params))
    numbers = [(loss(net.params + step) - loss(net.params - step)) / 2e-5 for step in steps]
    np.testing.assert_allclose(gradient, numbers, atol=1e-8)


def test_a_normalized_layer_is_penalised_before_its_normalization_is_taken_back():
    net, what = network(code="tanh", normalization="layer"), regularization("l1")

    def loss(params):
        return net.with_arrays({"params": params}).loss_and_gradients(X, X, regularization=what)[0]

    gradient = net.loss_and_gradients(X, X, regularization=what)[1]
    steps = 1e-5 * np.eye(len(net.params))
    numbers = [(loss(net.params + step) - loss(net.params - step)) / 2e-5 for step in steps]
    np.testing.assert_allclose(gradient, numbers, atol=1e-8)


@pytest.mark.parametrize("activity", ["", "l1", "kl"])
@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["alike", "weighted"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rows_as_targets_are_the_same_to_the_last_bit(activity, weights, dtype):
    net, options = network().astype(dtype), {}
    if activity:
        options["regularization"] = regularization(activity)
    integers = (X * 2).astype(np.uint8)
    for samples in (X.astype(dtype), X, integers, np.asfortranarray(X), scipy.sparse.csr_array(np.round(X))):
        dense = samples.toarray() if scipy.sparse.issparse(samples) else samples
        loss, gradient = net.loss_and_gradients(samples, np.minimum(dense, 1).astype(dtype), weights, **options)
        if dense is integers:
            continue  # Numbers beyond 1 are no targets of this loss.
        for n_threads in (1, 2, 3):
            found, other = net.loss_and_gradients(samples, None, weights, n_threads=n_threads, **options)
            assert found == loss
            np.testing.assert_array_equal(other, gradient)


def test_what_the_engine_refuses():
    rows = rows_of(X, np.float64)
    trainer = engine.Trainer([5, 3, 4], "tanh", "squared_error", np.float64, rule="sgd", max_batch=10)
    with pytest.raises(ValueError, match="rows of 5 features are no targets of the loss squared_error of 4 outputs"):
        trainer.attach(rows, None)
    trainer = engine.Trainer([5, 3, 5], "tanh", "log_loss", np.float64, rule="sgd", max_batch=10)
    with pytest.raises(ValueError, match="are no targets of the loss log_loss"):
        trainer.attach(rows, None)
    trainer = engine.Trainer([5, 3, 5], "tanh", "squared_error", np.float64, rule="sgd", max_batch=10)
    with pytest.raises(ValueError, match="70 contiguous float64 weights"):
        trainer.attach(rows, None, np.ones(3))
    with pytest.raises(ValueError, match="a dense hidden layer, got layer 3"):
        network().loss_and_gradients(X, X, regularization=regularization("l1", activity_layer=3))
    learned = Network.create([5, 3, 5], "prelu", random_state=0)
    with pytest.raises(ValueError, match="whose activation has nothing to learn"):
        learned.loss_and_gradients(X, X, regularization=regularization("l1", activity_layer=0))
    with pytest.raises(ValueError, match="activity must be 'l1', 'kl' or ''; got 'l2'"):
        Regularization(activity="l2").validate()
    with pytest.raises(ValueError, match=r"activity_target must be at least 0 and below 1; got 1\.0"):
        Regularization(activity="kl", activity_target=1.0).validate()
