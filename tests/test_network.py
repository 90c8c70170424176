"""Networks: views of the parameters, and gradients against finite differences of the loss."""

import numpy as np
import pytest

from fastmlp import _engine
from fastmlp.activations import ACTIVATIONS
from fastmlp.losses import LOSSES
from fastmlp.network import Gradients, Network, forward_in_pieces, layer_views
from fastmlp.rows import rows_of
from tests.test_engine import n_params, problem

SIZES = (6, 9, 7, 4)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_gradient_is_that_of_the_loss(activation, loss, weighted):
    params, X, targets, _ = problem(SIZES, loss, np.float64, n_rows=20)
    rows = rows_of(X, params.dtype)
    weights = np.random.default_rng(0).uniform(0, 2, len(X)) if weighted else None
    alpha = 0.3

    def loss_at(p, alpha=0.0):
        return Network(p, SIZES, activation, loss).loss_and_gradients(rows, targets, weights, alpha=alpha)

    # Without the penalty, since squared_error's gradient is n_outputs times that of its loss, the penalty's is not.
    factor = SIZES[-1] if loss == "squared_error" else 1
    _, gradient = loss_at(params)
    step, numeric = 1e-5, np.empty_like(params)
    for i in range(params.size):
        shift = np.zeros_like(params)
        shift[i] = step
        numeric[i] = (loss_at(params + shift)[0] - loss_at(params - shift)[0]) / (2 * step)
    assert np.linalg.norm(gradient - factor * numeric) <= 1e-6 * np.linalg.norm(gradient)

    # The penalty: alpha / 2 times the squared weights over the rows' weight, biases free.
    total = len(X) if weights is None else weights.sum()
    value, penalised = loss_at(params, alpha)
    decay = params.copy()
    coefs, intercepts = layer_views(decay, SIZES)
    for b in intercepts:
        b[:] = 0
    np.testing.assert_allclose(penalised - gradient, alpha * decay / total, atol=1e-12)
    np.testing.assert_allclose(value - loss_at(params)[0], 0.5 * alpha * sum((W**2).sum() for W in coefs) / total)


def test_layers_are_views_of_the_parameters(dtype):
    params = np.arange(n_params(SIZES)).astype(dtype)
    network = Network(params, SIZES, "relu", "log_loss")
    assert network.params is params
    layers = list(zip(network.coefs, network.intercepts, strict=True))
    assert [W.shape for W, _ in layers] == [(6, 9), (9, 7), (7, 4)]
    np.testing.assert_array_equal(np.concatenate([part.ravel() for layer in layers for part in layer]), params)
    for part in network.coefs + network.intercepts:
        assert np.shares_memory(part, params)
        part[:] = -1
    assert (params == -1).all()


def test_from_layers_copies(dtype):
    original = Network(np.arange(n_params(SIZES), dtype=np.float64), SIZES, "tanh", "poisson")
    copy = Network.from_layers(original.coefs, original.intercepts, "tanh", "poisson", dtype)
    assert copy.params.dtype == dtype
    assert copy.sizes == list(SIZES)
    np.testing.assert_array_equal(copy.params, original.params)
    copy.params[:] = 0
    assert original.params.any()


def test_forward_in_pieces_is_forward_at_once(monkeypatch, dtype):
    params, X, _, _ = problem(SIZES, "log_loss", dtype, 3000)
    network, rows = Network(params, SIZES, "tanh", "log_loss"), rows_of(X, dtype)
    whole = network.forward(rows)
    monkeypatch.setattr(_engine, "FLOPS_PER_PIECE", 1.0)
    np.testing.assert_array_equal(network.predictor("columns", 2)(X), whole)
    np.testing.assert_array_equal(network.forward(rows, n_threads=2), whole)
    order = np.random.default_rng(0).permutation(len(X))
    np.testing.assert_array_equal(forward_in_pieces(network.packed(), rows, order, 2), whole[order])


def test_gradients_can_be_asked_for_again(dtype):
    params, X, targets, _ = problem(SIZES, "log_loss", dtype)
    network = Network(params, SIZES, "tanh", "log_loss")
    gradients = Gradients(network, rows_of(X, dtype), targets, None, alpha=0.1, n_threads=2)
    first_value, first = gradients(params)
    _, other = gradients(params * 2)
    value, again = gradients(params)
    assert value == first_value
    np.testing.assert_array_equal(again, first)
    assert not np.array_equal(other, first)
