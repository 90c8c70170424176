"""The gradients of networks against finite differences of the loss, for everything that a network may have."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse

from fastmlp import engine
from fastmlp.activations import ACTIVATIONS, GELU, BuiltIn, SiLU
from fastmlp.inputs.rows import rows_of
from fastmlp.losses import CLASS_TARGET_LOSSES, LOSSES
from fastmlp.network import Network, Objective, Regularization, Structure, check_gradients, hidden_layer
from tests.engine.problems import N_ROWS, Sine, data_for, native, network_of, squared_errors

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
    assert names | {"step"} == set(engine.ACTIVATIONS)
    learned = {
        hidden_layer(activation).activation
        for activation in DIFFERENTIABLE.values()
        if hidden_layer(activation).learned
    }
    assert learned == engine.LEARNABLE_ACTIVATIONS


@pytest.mark.parametrize(
    ("activation", "loss", "normalization"),
    [
        pytest.param(activation, loss, NORMALIZATIONS[(i + j) % 3], id=f"{name}-{loss}")
        for i, (name, activation) in enumerate(DIFFERENTIABLE.items())
        for j, loss in enumerate(LOSSES)
    ],
)
def test_gradients_are_slopes_of_the_loss(activation, loss, normalization):
    """Any two of an activation, a loss and a normalization meet, though not any three."""
    weights = np.random.default_rng(2).uniform(0, 2, N_ROWS)
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
        network.objective = Objective(loss, output_weights=[0.5, 2.0, 1.0])
        assert_gradients(network, X, targets, isa=isa)


@pytest.mark.parametrize("sizes", [(5, 3), (5, 1, 1, 2), (3, 40, 2), (70, 33, 20, 1)], ids=str)
def test_gradients_of_other_shapes(sizes):
    """Several panels of units; one unit; no hidden layer; another activation and normalization in each layer."""
    kinds = [hidden_layer("tanh", "batch"), hidden_layer("silu", "layer")]
    structure = Structure.of(sizes, kinds[: len(sizes) - 2])
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
    in_python = network.astype(np.float64)
    in_python.objective = Objective(function=squared_errors)
    for alpha, regularization in REGULARIZATIONS.values():
        assert_gradients(in_python, X, targets, weights, alpha=alpha, regularization=regularization)
        value, gradient = in_python.loss_and_gradients(X, targets, weights, regularization=regularization)
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


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"step": 0.0}, "step must be a finite number above 0; got 0.0"),
        ({"step": "1"}, "step must be a finite number above 0; got '1'"),
        ({"n_directions": 0}, "n_directions must be an integer of at least 1; got 0"),
        ({"n_directions": 1.5}, "n_directions must be an integer of at least 1; got 1.5"),
    ],
)
def test_directions_that_can_not_be(options, message):
    with pytest.raises(ValueError, match=message):
        check_gradients(network_of("tanh", "squared_error"), np.zeros((2, 5)), np.zeros((2, 3)), **options)
