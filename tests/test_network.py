"""Networks: views of the parameters, and gradients against finite differences of the loss."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse

from fastmlp import _engine
from fastmlp.activations import ACTIVATIONS, GELU, BuiltIn, SiLU
from fastmlp.initializers import initial_params
from fastmlp.losses import CLASS_TARGET_LOSSES, LOSSES
from fastmlp.network import (
    Gradients,
    HiddenLayer,
    Network,
    Regularization,
    Structure,
    check_gradients,
    forward_in_pieces,
    hidden_layer,
)
from fastmlp.rows import rows_of
from fastmlp.threads import Team
from tests import reference
from tests.test_engine import N_ROWS, SIZES, Sine, data_for, n_params, native, network_of, problem, squared_errors

NORMALIZATIONS = [None, "layer", "batch"]
REGULARIZATIONS = {
    "none": (0.0, Regularization()),
    "l1 and l2": (0.7, Regularization(l1=0.4)),
    "dropout and noise": (0.0, Regularization(dropout=[0.2, 0.4, 0.1], input_noise=0.3)),
    "all": (0.7, Regularization(dropout=[0.2, 0.4, 0.1], input_noise=0.3, l1=0.4)),
}


# All with their own derivatives: not step, whose is another function's.
DIFFERENTIABLE = {name: cls() for name, cls in ACTIVATIONS.items() if name not in ("step", "swish")} | {
    "gelu, tanh": GELU("tanh"),
    "silu, learned": SiLU(1.5, learn_beta=True),
    "native": native("sin", "cos"),
    "python": Sine(),
}
differentiable = pytest.mark.parametrize("activation", DIFFERENTIABLE.values(), ids=list(DIFFERENTIABLE))


def assert_gradients(network, X, targets, weights=None, **options):
    errors = check_gradients(network, X, targets, weights, **options)
    assert list(errors) == list(network.named_parameters())
    assert max(errors.values()) < 1e-6, errors
    assert any(errors.values())


def test_every_function_of_the_engine_is_differentiated():
    names = {activation.engine_name for activation in DIFFERENTIABLE.values() if isinstance(activation, BuiltIn)}
    assert names | {"step"} == set(_engine.ACTIVATIONS)
    learned = {
        hidden_layer(activation).activation
        for activation in DIFFERENTIABLE.values()
        if hidden_layer(activation).learned
    }
    assert learned == _engine.LEARNABLE_ACTIVATIONS


@pytest.mark.parametrize("loss", LOSSES)
@differentiable
def test_gradients_are_slopes_of_the_loss(activation, loss):
    weights = np.random.default_rng(2).uniform(0, 2, N_ROWS)
    for normalization in NORMALIZATIONS:
        network = network_of(activation, loss, normalization)
        X, targets, _ = data_for(network)
        for alpha, regularization in REGULARIZATIONS.values():
            assert_gradients(network, X, targets, weights, alpha=alpha, regularization=regularization, n_directions=2)


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
@differentiable
def test_gradients_on_every_instruction_set(activation, normalization, isa):
    network = network_of(activation, "log_loss", normalization)
    X, targets, _ = data_for(network)
    for alpha, regularization in REGULARIZATIONS.values():
        assert_gradients(network, X, targets, alpha=alpha, regularization=regularization, isa=isa)


@pytest.mark.parametrize("loss", LOSSES)
def test_gradients_of_losses_on_every_instruction_set(loss, isa):
    network = network_of("tanh", loss, "batch", sizes=(5, 7, 3))
    X, targets, _ = data_for(network)
    assert_gradients(network, X, targets, isa=isa)
    if loss not in CLASS_TARGET_LOSSES:
        assert_gradients(network, X, targets, isa=isa, output_weights=[0.5, 2.0, 1.0])


@pytest.mark.parametrize("sizes", [(5, 3), (5, 1, 1, 2), (3, 40, 2), (70, 33, 20, 1)], ids=str)
def test_gradients_of_other_shapes(sizes):
    """Several panels of units; one unit; no hidden layer; another activation and normalization in each layer."""
    kinds = [hidden_layer("tanh", "batch"), hidden_layer("silu", "layer")]
    structure = Structure.of(sizes, kinds[: len(sizes) - 2], "squared_error")
    network = Network(structure)
    network.params[:] = np.random.default_rng(0).standard_normal(structure.n_params) / np.sqrt(sizes[0])
    X, targets, _ = data_for(network, 50)
    dropout = [0.2, 0.3, 0.0][: len(sizes) - 1]
    assert_gradients(network, X, targets, alpha=0.1, regularization=Regularization(dropout=dropout))


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
def test_gradients_of_many_rows(normalization):
    """More than a chunk of them."""
    network = network_of("silu", "log_loss", normalization)
    X, targets, _ = data_for(network, 1100)
    weights = np.random.default_rng(2).integers(0, 3, 1100).astype(float)
    regularization = Regularization(dropout=[0.2, 0.4, 0.1], l1=3.0)
    assert_gradients(network, X, targets, weights, alpha=2.0, regularization=regularization, seed=3)


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
def test_gradients_of_csr_rows_and_scaled_inputs(normalization):
    network = network_of("tanh", "log_loss", normalization)
    X, targets, _ = data_for(network)
    network.input_means, network.input_scales = np.full(5, 0.3), np.linspace(0.5, 2, 5)
    assert_gradients(network, X, targets, regularization=Regularization(dropout=[0.2, 0.1, 0.0], input_noise=0.2))
    network.input_means = np.zeros(5)
    regularization = Regularization(dropout=[0.2, 0.1, 0.0])
    assert_gradients(network, scipy.sparse.csr_array(X), targets, regularization=regularization)


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
@pytest.mark.parametrize("weighted", [False, True])
def test_gradients_of_a_loss_in_python(weighted, normalization):
    network = network_of("gelu", "squared_error", normalization)
    X, targets, _ = data_for(network)
    weights = np.random.default_rng(2).uniform(0, 2, N_ROWS) if weighted else None
    for alpha, regularization in REGULARIZATIONS.values():
        in_python = {"regularization": regularization, "python_loss": squared_errors}
        assert_gradients(network, X, targets, weights, alpha=alpha, **in_python)
        value, gradient = network.loss_and_gradients(X, targets, weights, **in_python)
        own, expected = network.loss_and_gradients(X, targets, weights, regularization=replace(regularization, l1=0.0))
        penalty = value - 3 * own
        np.testing.assert_allclose(gradient - expected, sign_gradient(network, regularization.l1, weights), atol=1e-14)
        assert penalty == pytest.approx(l1_of(network, regularization.l1, weights), abs=1e-12)


def total_of(weights):
    return N_ROWS if weights is None else weights.sum()


def l1_of(network, l1, weights):
    return l1 * sum(np.abs(W).sum() for W in network.coefs) / total_of(weights)


def sign_gradient(network, l1, weights):
    """The gradient of an L1 term."""
    gradient = Network(network.structure)
    for to, W in zip(gradient.coefs, network.coefs, strict=True):
        to[:] = l1 * np.sign(W) / total_of(weights)
    for vector in gradient.gains + gradient.activation_parameters:
        if vector is not None:
            vector[:] = 0
    return gradient.params


def test_check_gradients_finds_what_is_wrong():
    class Wrong(Sine):
        def derivative(self, z):
            return np.cos(z) * (1 + 1e-4 * (z > 0))

    for activation in (Wrong(), "step"):
        network = network_of(activation, "log_loss")
        X, targets, _ = data_for(network)
        errors = check_gradients(network, X, targets)
        wrong = {name for name, error in errors.items() if error > 1e-6}
        assert wrong == set(errors) - {"coefs.2", "intercepts.2"}


def test_check_gradients_is_repeatable():
    network = network_of("tanh", "log_loss")
    X, targets, _ = data_for(network)
    before = network.params.copy()
    first = check_gradients(network, X, targets, random_state=3)
    assert check_gradients(network, rows_of(X, np.float64), targets, random_state=np.random.default_rng(3)) == first
    assert check_gradients(network, X, targets, random_state=4) != first
    np.testing.assert_array_equal(network.params, before)


def test_check_gradients_refuses():
    network = network_of("tanh", "log_loss")
    X, targets, _ = data_for(network)
    with pytest.raises(ValueError, match="network must be float64 for finite differences, got float32"):
        check_gradients(network.astype(np.float32), X.astype(np.float32), targets)
    for clipping in (Regularization(clip_norm=1.0), Regularization(clip_value=0.1)):
        with pytest.raises(ValueError, match=r"regularization must not clip .*, got Regularization\("):
            check_gradients(network, X, targets, regularization=clipping)


ORACLE_CASES = [
    (activation, loss, normalization)
    for activation, loss in zip(sorted(_engine.ACTIVATIONS), (*LOSSES, *LOSSES), strict=False)
    for normalization in NORMALIZATIONS
]


@pytest.mark.parametrize(("activation", "loss", "normalization"), ORACLE_CASES)
def test_network_is_the_oracles(activation, loss, normalization, dtype):
    """Loss and gradients, learned numbers and gains among them, and outputs with running moments."""
    learned = activation in _engine.LEARNABLE_ACTIVATIONS
    layer = HiddenLayer(activation, reference.NUMBERS.get(activation, 0.0), learned, normalization)
    network = network_of("relu", loss, normalization)
    network = with_layers(network, layer)
    X, targets, y = data_for(network, 40)
    weights = np.random.default_rng(2).uniform(0, 2, 40)
    if targets.dtype != np.int32:
        targets = targets.astype(dtype)
    narrow, wide = network.astype(dtype), network.astype(dtype).astype(np.float64)
    rows, regularization = X.astype(dtype), Regularization(l1=0.3)
    options = {"alpha": 0.7, "regularization": regularization}
    value, gradient = narrow.loss_and_gradients(rows, targets, weights, **options)
    expected_value, expected = reference.loss_and_gradients(
        wide, rows.astype(np.float64), y, weights, alpha=0.7, l1=0.3
    )
    tolerance = {"float32": 1e-4, "float64": 1e-12}[dtype.name]
    assert value == pytest.approx(expected_value, rel=tolerance)
    largest = np.abs(expected.params).max()
    np.testing.assert_allclose(gradient, expected.params, rtol=tolerance, atol=tolerance * largest)

    outputs = narrow.forward(rows)
    np.testing.assert_allclose(
        outputs, reference.outputs(wide, rows.astype(np.float64)), rtol=tolerance, atol=tolerance
    )


@pytest.mark.parametrize(("activation", "loss", "normalization"), ORACLE_CASES)
def test_activations_are_the_oracles_and_end_with_the_outputs(activation, loss, normalization, dtype):
    learned = activation in _engine.LEARNABLE_ACTIVATIONS
    layer = HiddenLayer(activation, reference.NUMBERS.get(activation, 0.0), learned, normalization)
    network = with_layers(network_of("relu", loss, normalization), layer)
    X, _, _ = data_for(network, 300)
    network.input_means, network.input_scales = np.zeros(X.shape[1]), 1 / X.std(axis=0)
    narrow = network.astype(dtype)
    rows = X.astype(dtype)
    found = narrow.activations(rows)
    _, expected = reference.forward(narrow.astype(np.float64), rows.astype(np.float64))
    assert len(found) == len(expected)
    tolerance = {"float32": 1e-4, "float64": 1e-12}[dtype.name]
    for array, (*_, a) in zip(found, expected, strict=True):
        assert array.dtype == dtype
        np.testing.assert_allclose(array, a, rtol=tolerance, atol=tolerance)
    np.testing.assert_array_equal(found[-1], narrow.forward(rows))
    for others in (narrow.activations(scipy.sparse.csr_array(rows)), narrow.activations(rows, n_threads=3)):
        for array, other in zip(found, others, strict=True):
            np.testing.assert_array_equal(array, other)


@differentiable
def test_activations_of_a_users_functions_and_centred_inputs(activation):
    network = network_of(activation, "log_loss", "batch")
    X, _, _ = data_for(network)
    network.input_means, network.input_scales = np.full(5, 0.3), np.linspace(0.5, 2, 5)
    *hidden, outputs = network.activations(X)
    np.testing.assert_array_equal(outputs, network.forward(X))
    assert [array.shape for array in hidden] == [(len(X), width) for width in SIZES[1:-1]]


def test_activations_without_hidden_layers():
    network = network_of("relu", "log_loss", sizes=(5, 3))
    X, _, _ = data_for(network)
    (outputs,) = network.activations(X)
    np.testing.assert_array_equal(outputs, network.forward(X))


def with_layers(network, layer):
    """The network with other hidden layers, of the same numbers."""
    other = Network(network.structure._replace(hidden=(layer,) * len(network.structure.hidden)))
    for name, view in network.named_parameters().items():
        other.named_parameters()[name][:] = view
    other.running = network.running
    return other


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
@differentiable
def test_folding_keeps_the_outputs(activation, normalization, dtype):
    network = network_of(activation, "log_loss", normalization).astype(dtype)
    X, _, _ = data_for(network, 300)
    X = (5 + X).astype(dtype)
    network.input_means, network.input_scales = X.mean(axis=0), 1 / X.std(axis=0)
    folded = network.folded()
    assert (folded.input_means is None) == (normalization != "layer")  # whose bias comes too late for the means
    assert all(layer.normalization != "batch" for layer in folded.structure.hidden)
    outputs = network.forward(X)
    np.testing.assert_allclose(folded.forward(X), outputs, atol=100 * np.finfo(dtype).eps)
    np.testing.assert_array_equal(network.predictor("columns", 1)(X), folded.forward(X))
    network.input_means = np.zeros(5, dtype)
    csr = scipy.sparse.csr_array(X)
    np.testing.assert_array_equal(network.forward(csr), network.forward(X))
    np.testing.assert_array_equal(network.forward(csr, n_threads=3), network.forward(X))


def test_layers_are_views_of_the_parameters(dtype):
    params = np.arange(n_params(SIZES)).astype(dtype)
    network = Network(Structure.of(SIZES, "relu", "log_loss"), params)
    assert network.params is params
    layers = list(zip(network.coefs, network.intercepts, strict=True))
    assert [W.shape for W, _ in layers] == [(5, 7), (7, 6), (6, 3)]
    np.testing.assert_array_equal(np.concatenate([part.ravel() for layer in layers for part in layer]), params)
    for part in network.coefs + network.intercepts:
        assert np.shares_memory(part, params)
        part[:] = -1
    assert (params == -1).all()


def test_forward_in_pieces_is_forward_at_once(monkeypatch, dtype):
    params, X, _, _ = problem(SIZES, "log_loss", dtype, 3000)
    network, rows = Network(Structure.of(SIZES, "tanh", "log_loss"), params), rows_of(X, dtype)
    whole = network.forward(rows)
    monkeypatch.setattr(_engine, "FLOPS_PER_PIECE", 1.0)
    np.testing.assert_array_equal(network.predictor("columns", 2)(X), whole)
    np.testing.assert_array_equal(network.forward(rows, n_threads=2), whole)
    order = np.random.default_rng(0).permutation(len(X))
    np.testing.assert_array_equal(forward_in_pieces(network.packed(), rows, order, Team(2, False)), whole[order])


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


def test_create(dtype):
    net = Network.create([4, 6, 3], ["silu"], "log_loss", normalization="batch", random_state=0, dtype=dtype)
    assert net.params.dtype == dtype
    assert net.structure == Structure.of([4, 6, 3], "silu", "log_loss", "batch")
    expected = initial_params([4, 6, 3], "silu", dtype, np.random.RandomState(0))
    np.testing.assert_array_equal(net.params[: expected.size], expected)
    np.testing.assert_array_equal(net.params[expected.size :], 1)
    zeros = Network.create([4, 3], weight_init="zeros", bias_init="constant", dtype=dtype)
    assert not zeros.params.any()


def test_views_of_another_vector(dtype):
    net = Network.create([4, 6, 3], "prelu", normalization="layer", dtype=dtype)
    vector = np.arange(net.params.size).astype(dtype)
    views = net.named_parameters(vector)
    assert {name: view.shape for name, view in views.items()} == {
        name: view.shape for name, view in net.named_parameters().items()
    }
    assert all(np.shares_memory(view, vector) for view in views.values())
    np.testing.assert_array_equal(np.concatenate([view.ravel() for view in views.values()]), vector)
