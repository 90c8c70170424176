"""Residual layers: gradients, outputs and whole trainings against the oracle, and what does not change the bits."""

import numpy as np
import pytest
import scipy.sparse

from fastmlp import engine
from fastmlp.inputs.rows import rows_of
from fastmlp.network import Dense, Network, Regularization, Residual, Structure, check_gradients, hidden_layer
from tests import reference
from tests.engine.problems import (
    DETERMINISTIC,
    REGULARIZATIONS,
    Sine,
    assert_close,
    assert_same,
    data_for,
    native,
    network_of,
    orders_of,
    passed,
    trained,
    trainer_of,
    typed,
)
from tests.test_optimizers import ORACLES

N_ROWS = 30
DOUBLE = np.dtype(np.float64)
# Projections in each layer; in none; in the middle, of several panels; of many inputs, and before a turned layer.
EACH_SIZES = [(5, 7, 6, 3), (6, 6, 6, 3), (70, 70, 33, 33, 8), (40, 3, 3, 2)]

sizes_of_each = pytest.mark.parametrize("sizes", EACH_SIZES, ids=str)
normalizations = pytest.mark.parametrize("normalization", [None, "layer", "batch"])


def residual(activation, normalization=None, sizes=EACH_SIZES[0], loss="log_loss"):
    return network_of(activation, loss, normalization, sizes, kind="residual")


def dropout_of(network):
    return [0.1] + [0.3] * len(network.structure.hidden)


@pytest.mark.parametrize("activation", ["identity", "relu", "tanh", "gelu", "prelu"])
@normalizations
@sizes_of_each
def test_outputs_and_gradients(sizes, normalization, activation, isa, dtype):
    network = residual(activation, normalization, sizes)
    X, targets, y = data_for(network, N_ROWS)
    weights = np.random.default_rng(2).uniform(0, 2, N_ROWS)
    value, expected = reference.loss_and_gradients(network, X, y, weights, 0.3, 0.2)
    outputs = reference.outputs(network, X)
    network, X, targets = typed(network, X, targets, dtype)
    found, gradient = network.loss_and_gradients(
        X, targets, weights, alpha=0.3, regularization=Regularization(l1=0.2), isa=isa
    )
    assert found == pytest.approx(value, rel=1e-5 if dtype == np.float32 else 1e-12)
    assert_close(gradient, expected.params, dtype, 20)
    structure = network.structure
    packed = engine.PackedNetwork(structure.sizes, structure.hidden, network.objective.loss, dtype, isa=isa)
    network.load_into(packed)
    assert_close(packed.forward(rows_of(X, dtype)), outputs, dtype, 20)


@pytest.mark.parametrize(
    "activation", ["relu", "prelu", Sine(), native("sin", "cos")], ids=["relu", "prelu", "py", "c"]
)
@normalizations
@sizes_of_each
def test_gradients_are_slopes_of_the_loss(sizes, normalization, activation, isa):
    """With dropout, noise, penalties and scaled inputs, which the oracle does not have."""
    network = residual(activation, normalization, sizes)
    X, targets, _ = data_for(network, N_ROWS)
    network.input_means, network.input_scales = np.full(sizes[0], 0.3), np.linspace(0.5, 2, sizes[0])
    regularization = Regularization(dropout=dropout_of(network), input_noise=0.2, l1=0.1)
    errors = check_gradients(network, X, targets, alpha=0.2, regularization=regularization, isa=isa, n_directions=2)
    assert list(errors) == list(network.named_parameters())
    assert max(errors.values()) < 1e-6, errors


@pytest.mark.parametrize("kinds", ["residual dense", "dense residual", "residual dense residual"])
@pytest.mark.parametrize("width", [5, 7])
def test_beside_dense_layers(width, kinds, isa):
    """The deltas of a dense layer below, and of its learned numbers, are made of slopes that are complete."""
    each = zip(kinds.split(), [None, "layer", "batch"], strict=False)
    hidden = [hidden_layer("prelu", normalization, kind) for kind, normalization in each]
    network = network_of(hidden, "log_loss", sizes=(5, *[width] * len(hidden), 3))
    X, targets, y = data_for(network, N_ROWS)
    value, expected = reference.loss_and_gradients(network, X, y, None, 0.3)
    found, gradient = network.loss_and_gradients(X, targets, alpha=0.3, isa=isa)
    assert found == pytest.approx(value, rel=1e-12)
    assert_close(gradient, expected.params, DOUBLE, 20)
    regularization = Regularization(dropout=dropout_of(network))
    errors = check_gradients(network, X, targets, regularization=regularization, isa=isa)
    assert max(errors.values()) < 1e-6, errors


@pytest.mark.parametrize("name", DETERMINISTIC)
@normalizations
def test_training_steps(name, normalization, isa):
    network = residual("tanh", normalization)
    X, targets, y = data_for(network)
    orders, weights = orders_of(len(X)), np.random.default_rng(3).integers(0, 3, len(X)).astype(float)
    found = trained(network, X, targets, orders, 6, weights, rule="sgd", given=REGULARIZATIONS[name], isa=isa)
    expected, given = network.astype(DOUBLE), Regularization(**REGULARIZATIONS[name])
    batches = [order[at : at + 6] for order in orders for at in range(0, len(X), 6)]
    reference.train(expected, X, y, batches, ORACLES["sgd"], weights=weights, alpha=0.3, regularization=given)
    np.testing.assert_allclose(found[1], expected.params, rtol=1e-9, atol=1e-9)


@normalizations
@pytest.mark.parametrize("sizes", [(5, 7, 6, 3), (6, 6, 6, 3), (40, 64, 64, 1)], ids=str)
@pytest.mark.parametrize("terms", ["none", "bfloat16", "split"])
def test_threads_do_not_change_the_bits(terms, sizes, normalization, isa):
    """Nor does it matter how many passes are begun at once. Of the widest, row blocks sum the gradients apart."""
    network = residual("gelu", normalization, sizes, "squared_error")
    X, targets, _ = data_for(network, 150)
    given = {"dropout": dropout_of(network), "clip_norm": 0.2, "max_norm": 0.9, "average_decay": 0.7}
    for dtype in (np.float32, np.float64) if terms == "none" else (np.float32,):
        each, options = typed(network, X, targets, np.dtype(dtype)), {} if terms == "none" else {terms: True}
        for regularization in ({}, given):
            runs = [
                trained(
                    *each, orders_of(150), 100, given=regularization, n_threads=n, together=passes, isa=isa, **options
                )
                for n, passes in ((1, None), (2, 1), (3, None))
            ]
            assert np.isfinite(runs[0][1]).all()
            assert_same(runs[0], runs[1])
            assert_same(runs[0], runs[2])


@normalizations
def test_more_rows_than_a_chunk(normalization):
    network = residual("silu", normalization, (6, 6, 9, 3))
    X, targets, y = data_for(network, 1100)
    value, expected = reference.loss_and_gradients(network, X, y, None, 2.0)
    found, gradient = network.loss_and_gradients(X, targets, alpha=2.0, n_threads=2)
    assert found == pytest.approx(value, rel=1e-12)
    assert_close(gradient, expected.params, DOUBLE, 20)


@normalizations
@pytest.mark.parametrize("sizes", [(5, 7, 3), (6, 6, 3), (70, 70, 3)], ids=str)
def test_csr_rows_give_what_dense_ones_give(sizes, normalization, isa, dtype):
    network = residual("tanh", normalization, sizes)
    X, targets, _ = data_for(network, N_ROWS)
    network, X, targets = typed(network, X, targets, dtype)
    network.input_means, network.input_scales = np.zeros(sizes[0]), np.linspace(0.5, 2, sizes[0])
    sparse = scipy.sparse.csr_array(X)
    np.testing.assert_array_equal(network.forward(sparse), network.forward(X))
    given = {"regularization": Regularization(dropout=dropout_of(network)), "isa": isa, "seed": 3}
    value, gradient = network.loss_and_gradients(X, targets, alpha=0.2, **given)
    found, gradient_of_sparse = network.loss_and_gradients(sparse, targets, alpha=0.2, **given)
    assert found == value
    np.testing.assert_array_equal(gradient_of_sparse, gradient)


@normalizations
@sizes_of_each
@pytest.mark.parametrize("terms", ["bfloat16", "split"])
def test_products_of_bfloat16_terms(terms, sizes, normalization, isa):
    """Operands are rounded, which shows; or split, which gives what float32 products give."""
    network = residual("tanh", normalization, sizes)
    X, targets, y = data_for(network, N_ROWS)
    _, expected = reference.loss_and_gradients(network, X, y)
    network, X, targets = typed(network, X, targets, np.dtype(np.float32))
    _, gradient = network.loss_and_gradients(X, targets, isa=isa, **{terms: True})
    error = np.abs(gradient - expected.params).max() / np.abs(expected.params).max()
    assert error < (5e-2 if terms == "bfloat16" else 1e-4)
    assert (error > 1e-4) == (terms == "bfloat16")


def test_what_goes_past_the_products_is_not_rounded():
    """Layers without weights hand on what they project, of which a last layer's biases get the slopes."""
    network = Network(Structure.of((6, 6, 4, 4), "relu", kind="residual"), dtype=np.float32)
    rng = np.random.default_rng(0)
    network.projections[1][:], network.projections[0] = rng.standard_normal((6, 4)), None
    X = rng.standard_normal((20, 6)).astype(np.float32)
    gradients = [
        network.named_parameters(network.loss_and_gradients(X, X @ network.projections[1], bfloat16=rounds)[1])
        for rounds in (False, True)
    ]
    assert gradients[0]["coefs.2"].any()
    np.testing.assert_array_equal(gradients[1]["intercepts.2"], gradients[0]["intercepts.2"])
    np.testing.assert_allclose(gradients[1]["coefs.2"], gradients[0]["coefs.2"], rtol=2e-2, atol=1e-2)


@pytest.mark.parametrize("options", [{}, {"bfloat16": True}], ids=["float32", "bfloat16"])
@pytest.mark.parametrize("sizes", [(6, 8, 8, 3), (6, 6, 8, 3)], ids=str)
def test_dense_x_after_csr_rows(sizes, options):
    """A trainer to which other data are attached chooses its products anew."""
    network = residual("tanh", None, sizes)
    X, targets, _ = data_for(network)
    network, X, targets = typed(network, X, targets, np.dtype(np.float32))
    gradients = []
    for turns in ([X], [scipy.sparse.csr_array(X), X]):
        trainer = trainer_of(network, rule="gradient", max_batch=len(X), **options)
        network.load_into(trainer)
        for each in turns:
            trainer.attach(rows_of(each, np.dtype(np.float32)), targets)
            passed(trainer, np.arange(len(X)), len(X))
        gradients.append(np.empty_like(network.params))
        trainer.store(None, [gradients[-1]])
    np.testing.assert_array_equal(*gradients)


@normalizations
def test_activations_folding_and_copies(normalization):
    network = residual("prelu", normalization, (6, 6, 9, 3))
    network.input_means, network.input_scales = np.full(6, 0.3), np.linspace(0.5, 2, 6)
    X, _, _ = data_for(network)
    expected = [outputs for *_, outputs in reference.forward(network, X)[1]]
    for copy in (network, network.folded(), network.with_arrays(network.arrays())):
        for found, right in zip(copy.activations(X), expected, strict=True):
            np.testing.assert_allclose(found, right, atol=1e-12)
        np.testing.assert_array_equal(copy.forward(X), copy.activations(X)[-1])


def test_kinds_that_cannot_be():
    with pytest.raises(ValueError, match=r"kind.*residual"):
        Structure.of((3, 4, 1), "relu", kind="residul")
    residual_layer = hidden_layer("relu", kind="residual")
    assert Dense(3, 4, residual_layer).hidden.kind == "dense"
    assert Residual(3, 4, hidden_layer("relu")).hidden == residual_layer
