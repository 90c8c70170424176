"""Networks: views of the parameters, and gradients against finite differences of the loss."""

import numpy as np
import pytest

from fastmlp import _engine
from fastmlp.activations import ACTIVATIONS
from fastmlp.losses import LOSSES
from fastmlp.network import Gradients, Network, Structure, forward_in_pieces
from fastmlp.rows import rows_of
from tests.test_engine import n_params, problem

SIZES = (6, 9, 7, 4)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", sorted(set(ACTIVATIONS) - {"step"}))  # whose derivative is another function's
def test_gradient_is_that_of_the_loss(activation, loss, weighted):
    params, X, targets, _ = problem(SIZES, loss, np.float64, n_rows=20)
    rows = rows_of(X, params.dtype)
    structure = Structure.of(SIZES, activation, loss)
    params = np.concatenate([params, np.full(structure.n_params - params.size, 0.6)])
    weights = np.random.default_rng(0).uniform(0, 2, len(X)) if weighted else None
    alpha = 0.3

    def loss_at(p, alpha=0.0):
        return Network(structure, p).loss_and_gradients(rows, targets, weights, alpha=alpha)

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
    network = Network(structure, decay)
    for name, view in network.named_parameters().items():
        if not name.startswith("coefs"):
            view[:] = 0
    np.testing.assert_allclose(penalised - gradient, alpha * decay / total, atol=1e-12)
    np.testing.assert_allclose(
        value - loss_at(params)[0], 0.5 * alpha * sum((W**2).sum() for W in network.coefs) / total
    )


def test_layers_are_views_of_the_parameters(dtype):
    params = np.arange(n_params(SIZES)).astype(dtype)
    network = Network(Structure.of(SIZES, "relu", "log_loss"), params)
    assert network.params is params
    layers = list(zip(network.coefs, network.intercepts, strict=True))
    assert [W.shape for W, _ in layers] == [(6, 9), (9, 7), (7, 4)]
    np.testing.assert_array_equal(np.concatenate([part.ravel() for layer in layers for part in layer]), params)
    for part in network.coefs + network.intercepts:
        assert np.shares_memory(part, params)
        part[:] = -1
    assert (params == -1).all()


def test_from_arrays_copies(dtype):
    structure = Structure.of(SIZES, "tanh", "poisson")
    original = Network(structure, np.arange(n_params(SIZES), dtype=np.float64))
    copy = Network.from_arrays(structure, dtype, coefs=original.coefs, intercepts=original.intercepts)
    assert copy.params.dtype == dtype
    assert copy.structure == structure
    np.testing.assert_array_equal(copy.params, original.params)
    copy.params[:] = 0
    assert original.params.any()


def test_forward_in_pieces_is_forward_at_once(monkeypatch, dtype):
    params, X, _, _ = problem(SIZES, "log_loss", dtype, 3000)
    network, rows = Network(Structure.of(SIZES, "tanh", "log_loss"), params), rows_of(X, dtype)
    whole = network.forward(rows)
    monkeypatch.setattr(_engine, "FLOPS_PER_PIECE", 1.0)
    np.testing.assert_array_equal(network.predictor("columns", 2)(X), whole)
    np.testing.assert_array_equal(network.forward(rows, n_threads=2), whole)
    order = np.random.default_rng(0).permutation(len(X))
    np.testing.assert_array_equal(forward_in_pieces(network.packed(), rows, order, 2), whole[order])


def test_gradients_can_be_asked_for_again(dtype):
    params, X, targets, _ = problem(SIZES, "log_loss", dtype)
    network = Network(Structure.of(SIZES, "tanh", "log_loss"), params)
    gradients = Gradients(network, rows_of(X, dtype), targets, None, alpha=0.1, n_threads=2)
    first_value, first = gradients(params)
    _, other = gradients(params * 2)
    value, again = gradients(params)
    assert value == first_value
    np.testing.assert_array_equal(again, first)
    assert not np.array_equal(other, first)
