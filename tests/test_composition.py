"""Ways back from given output gradients: against finite differences, other passes, and networks in one piece."""

import copy
import pickle

import numpy as np
import pytest
import scipy.sparse

from fastmlp import engine
from fastmlp.activations import ACTIVATIONS
from fastmlp.losses import LOSSES, OUTPUT_ACTIVATIONS
from fastmlp.network import HiddenLayer, Network, Objective, Structure, composition, hidden_layer
from fastmlp.network.composition import LINK_GRADIENTS
from tests import reference
from tests.engine.problems import Sine, data_for, network_of
from tests.test_differences import NORMALIZATIONS, differentiable

# Widths that fill panels, and that do not; the second hidden layer is as wide as the turned output layers need.
SIZES = (5, 11, 7, 3)
normalized = pytest.mark.parametrize("normalization", NORMALIZATIONS)
linking = pytest.mark.parametrize("loss", ["squared_error", "poisson", "binary_log_loss", "log_loss"])


@pytest.fixture(autouse=True)
def on_isa(request, monkeypatch):
    """Networks of tests that ask for instruction sets have theirs."""
    if "isa" in request.fixturenames:
        monkeypatch.setattr(engine, "ISA", request.getfixturevalue("isa"))


def scaled(network, seed=3, *, centred=True):
    """The network, with scaled inputs."""
    rng, n_inputs = np.random.default_rng(seed), network.structure.sizes[0]
    network.input_means = rng.standard_normal(n_inputs) * centred
    network.input_scales = rng.uniform(0.5, 2, n_inputs)
    return network


def value_of(network, X, output_gradients, params=None, **options):
    """The sum of outputs times their gradients, whose gradients those are, at the network's parameters or others."""
    other = network.with_arrays({**network.arrays(), "params": network.params if params is None else params})
    return float((other.forward(X, keep=True, **options) * output_gradients).sum())


def assert_slopes(network, X, seed=4, **options):
    """Hold what backward gives against central finite differences, for each part of the parameters and each input."""
    rng, step = np.random.default_rng(seed), 1e-6
    network = network.with_arrays(network.arrays())  # whose running moments may move
    output_gradients = rng.standard_normal((len(X), network.structure.sizes[-1]))
    before = network.arrays()
    network.forward(X, keep=True, **options)
    gradient, input_gradients = network.backward(output_gradients, inputs=True)
    network = network.with_arrays(before)
    parts = network.named_parameters(gradient)
    for name, part in parts.items():
        direction = np.zeros_like(gradient)
        network.named_parameters(direction)[name][...] = rng.choice([-1.0, 1.0], part.shape)
        ends = [
            value_of(network, X, output_gradients, network.params + sign * step * direction, **options)
            for sign in (1, -1)
        ]
        np.testing.assert_allclose(gradient @ direction, (ends[0] - ends[1]) / (2 * step), rtol=1e-6, atol=1e-6)
    assert all(part.any() for name, part in parts.items()), "something is tested"
    for j in range(X.shape[1]):
        direction = np.zeros_like(X)
        direction[:, j] = rng.choice([-1.0, 1.0], len(X))
        ends = [value_of(network, X + sign * step * direction, output_gradients, **options) for sign in (1, -1)]
        slope = (ends[0] - ends[1]) / (2 * step)
        np.testing.assert_allclose((input_gradients * direction).sum(), slope, rtol=1e-6, atol=1e-6)
    return gradient, input_gradients


@normalized
@differentiable
def test_gradients_are_slopes(activation, normalization, isa):
    network = scaled(network_of(activation, "squared_error", normalization, SIZES))
    X, *_ = data_for(network, 20)
    assert_slopes(network, X)
    assert_slopes(network, X, training=True)


@normalized
@pytest.mark.parametrize("sizes", [(5, 7, 6, 3), (6, 6, 6, 2), (40, 3, 3, 2)], ids=str)
def test_gradients_of_residual_networks_are_slopes(sizes, normalization, isa):
    """Gradients of the inputs go past the layers as well as through them, by projections or as they are."""
    network = scaled(network_of("tanh", "squared_error", normalization, sizes, kind="residual"))
    X, *_ = data_for(network, 20)
    assert_slopes(network, X)
    assert_slopes(network, X, training=True)


@normalized
@pytest.mark.parametrize("activation", [name for name in ACTIVATIONS if name != "step"])
def test_float32_is_float64_but_for_rounding(activation, normalization, isa):
    network = scaled(network_of(activation, "log_loss", normalization, SIZES))
    X = np.random.default_rng(0).standard_normal((70, 5)).astype(np.float32)
    output_gradients = np.random.default_rng(1).standard_normal((70, 3)).astype(np.float32)
    for options in ({}, {"training": True}, {"linked": False}):
        found = []
        for each in (network.astype(np.float32), network.astype(np.float64)):
            each.forward(X, keep=True, **options)
            found.append(each.backward(output_gradients, inputs=True))
        for narrow, wide in zip(*found, strict=True):
            assert narrow.dtype == np.float32
            assert np.linalg.norm(narrow - wide) < 3e-5 * np.linalg.norm(wide)


@pytest.mark.parametrize("sizes", [(4, 3), (4, 1), (20, 1), (3, 40, 1), (17, 16, 16, 5), (1, 9, 33)], ids=str)
@linking
def test_shapes_and_links(loss, sizes, isa):
    """No hidden layer, one output, one input, and layers of few outputs, which the engine lays out in another way."""
    if loss == "log_loss" and sizes[-1] == 1:
        sizes = (*sizes[:-1], 2)  # the softmax of one output is 1
    network = network_of("tanh", loss, None, sizes)
    X, *_ = data_for(network, 9)
    for linked in (True, False):
        assert_slopes(network, X, linked=linked)


def test_every_link_has_a_gradient():
    assert set(LINK_GRADIENTS) == set(OUTPUT_ACTIVATIONS.values())


@normalized
@pytest.mark.parametrize("activation", sorted(engine.ACTIVATIONS))
def test_parameter_gradients_are_those_of_training(activation, normalization, dtype, isa):
    """Of the squared error, whose gradient by the outputs is the error; the slopes of step among them."""
    network = scaled(
        network_of([HiddenLayer(activation, 0.3, normalization=normalization)] * 2, "squared_error", sizes=SIZES)
    )
    network = network.astype(dtype)
    X, targets, _ = data_for(network, 70)
    _, expected = network.loss_and_gradients(X, targets, isa=engine.ISA)
    outputs = network.forward(X, keep=True, training=True)
    gradient = network.backward((outputs - targets) / 70)
    assert np.linalg.norm(gradient - expected) < {"float32": 3e-6, "float64": 1e-14}[dtype.name] * np.linalg.norm(
        expected
    )


@normalized
@pytest.mark.parametrize("n_rows", [2, 129, 1500])
def test_threads_give_the_same_bits(n_rows, normalization, dtype, isa):
    network = scaled(network_of(hidden_layers(normalization), "log_loss", sizes=(9, 40, 33, 4))).astype(dtype)
    X = np.random.default_rng(0).standard_normal((n_rows, 9))
    output_gradients = np.random.default_rng(1).standard_normal((n_rows, 4))
    for options in ({}, {"training": True, "dropout": (0.2, 0.5, 0.1), "seed": 5}):
        found = []
        for n_threads in (1, 2, 3):
            each = network.with_arrays(network.arrays())
            outputs = each.forward(X, n_threads, keep=True, **options)
            found.append([outputs, *each.backward(output_gradients, inputs=True), *each.arrays().values()])
        for others in found[1:]:
            for one, other in zip(found[0], others, strict=True):
                np.testing.assert_array_equal(one, other)


def hidden_layers(normalization):
    """One with a learned activation, and one without."""
    return [HiddenLayer("prelu", 0.25, learned=True, normalization=normalization), hidden_layer("gelu", normalization)]


@normalized
def test_sparse_rows_are_dense_ones(normalization, dtype, isa):
    network = scaled(network_of(hidden_layers(normalization), "log_loss", sizes=(40, 33, 20, 4)), centred=False)
    network = network.astype(dtype)
    X = np.random.default_rng(0).standard_normal((150, 40)).astype(dtype)
    X[np.random.default_rng(1).random(X.shape) < 0.8] = 0
    output_gradients = np.random.default_rng(2).standard_normal((150, 4))
    for options in ({}, {"training": True, "dropout": (0.3, 0.2, 0.0), "seed": 1}):
        found = []
        for rows in (X, scipy.sparse.csr_array(X)):
            for n_threads in (1, 3):
                each = network.with_arrays(network.arrays())
                outputs = each.forward(rows, n_threads, keep=True, **options)
                found.append([outputs, *each.backward(output_gradients, inputs=True)])
        for others in found[1:]:
            for one, other in zip(found[0], others, strict=True):
                np.testing.assert_array_equal(one, other)
    csr = scipy.sparse.csr_array(X)
    np.testing.assert_array_equal(network.jacobian(csr), network.jacobian(X))
    np.testing.assert_array_equal(network.input_gradients(csr, output=2), network.jacobian(X)[:, 2])


@normalized
def test_dropout(normalization, isa):
    """The units that a seed drops have no part in the outputs, and so none in the gradients."""
    network = scaled(network_of("tanh", "squared_error", normalization, (5, 11, 7, 3)))
    X, *_ = data_for(network, 60)
    options = {"dropout": (0.4, 0.3, 0.2), "seed": 7}
    assert_slopes(network, X, **options)
    assert_slopes(network, X, training=True, **options)
    _, inputs = assert_slopes(network, X, dropout=(0.4, 0.0, 0.0), seed=7)
    assert 0.3 < (inputs == 0).mean() < 0.5
    with_other = network.forward(X, keep=True, dropout=(0.4, 0.3, 0.2), seed=8)
    assert (with_other != network.forward(X, keep=True, **options)).all()
    np.testing.assert_allclose(network.forward(X, keep=True, dropout=()), network.forward(X), rtol=1e-13)


@normalized
def test_outputs_are_those_of_a_prediction(normalization, dtype, isa):
    network = scaled(network_of(hidden_layers(normalization), "log_loss", sizes=SIZES)).astype(dtype)
    X, *_ = data_for(network, 200)
    for linked in (True, False):
        np.testing.assert_allclose(
            network.forward(X, keep=True, linked=linked), network.forward(X, linked=linked),
            rtol=100 * np.finfo(dtype).eps, atol=20 * np.finfo(dtype).eps,
        )  # fmt: skip


@normalized
def test_ways_back_can_be_repeated(normalization):
    """On what was kept, whatever became of outputs and parameters since; what is not asked for is not made."""
    network = network_of(hidden_layers(normalization), "log_loss", sizes=SIZES)
    X, *_ = data_for(network, 30)
    rng = np.random.default_rng(0)
    first, second = rng.standard_normal((2, 30, 3))
    for options in ({}, {"training": True}):
        outputs = network.forward(X, keep=True, **options)
        expected = [network.backward(gradients, inputs=True) for gradients in (first, second)]
        assert not np.array_equal(expected[0][0], expected[1][0])
        network.params += 0.1
        outputs += 1
        for gradients, (params, inputs) in zip((first, second), expected, strict=True):
            np.testing.assert_array_equal(network.backward(gradients), params)
            found, input_gradients = network.backward(gradients, inputs=True, params=False)
            assert found is None
            np.testing.assert_array_equal(input_gradients, inputs)
        both = network.backward(first + second, inputs=True)
        for sums, one, other in zip(both, *expected, strict=True):
            np.testing.assert_allclose(sums, one + other, rtol=1e-9, atol=1e-11)


@normalized
def test_one_pass_after_another(normalization):
    """Buffers that are used again hold nothing of the pass before, whichever of them was larger."""
    network = network_of(hidden_layers(normalization), "log_loss", sizes=SIZES)
    rng = np.random.default_rng(0)
    for n_rows, options in [(9, {}), (30, {}), (8, {}), (8, {"linked": False}), (8, {"training": True}), (30, {})]:
        X, gradients = rng.standard_normal((n_rows, 5)), rng.standard_normal((n_rows, 3))
        network.params += 0.01 * rng.standard_normal(network.params.size)
        fresh = network.with_arrays(network.arrays())
        for each in (network, fresh):
            each.forward(X, keep=True, **options)
        network.forward(X + 1)  # which keeps nothing
        for one, other in zip(
            network.backward(gradients, inputs=True), fresh.backward(gradients, inputs=True), strict=True
        ):
            np.testing.assert_array_equal(one, other)
    network.input_means, network.input_scales = np.ones(5), np.full(5, 2.0)
    scaled_outputs = network.forward(X, keep=True)
    np.testing.assert_allclose(scaled_outputs, network.forward(X), rtol=1e-12)
    network.input_means = network.input_scales = None
    np.testing.assert_allclose(network.forward(X, keep=True), network.forward(X), rtol=1e-12)


def test_running_moments_move_in_training():
    network = network_of("tanh", "squared_error", "batch", (5, 11, 3))
    X, *_ = data_for(network, 30)
    before = network.running[0].copy()
    network.forward(X, keep=True)
    np.testing.assert_array_equal(network.running[0], before)
    network.forward(X, keep=True, training=True)
    z = X @ network.coefs[0]
    np.testing.assert_allclose(
        network.running[0], 0.9 * before + 0.1 * np.array([z.mean(axis=0), z.var(axis=0, ddof=1)])
    )
    network.forward(X, keep=True, training=True)
    assert not np.allclose(network.running[0], 0.9 * before + 0.1 * np.array([z.mean(axis=0), z.var(axis=0, ddof=1)]))


# ---- losses ----------------------------------------------------------------------------------------------------------

SETTINGS = {
    "huber": {"options": 0.7},
    "pinball": {"options": (0.1, 0.5, 0.8)},
    "tweedie": {"options": 1.3},
    "focal": {"options": 1.5},
    "binary_focal": {"output_weights": (0.5, 1.0, 2.0)},
    "absolute_error": {"output_weights": (0.5, 1.0, 2.0)},
}


@pytest.mark.parametrize("loss", LOSSES)
def test_input_gradients_of_the_loss(loss, dtype, isa):
    """Of each row's own loss: that of a batch of this row alone, and of no other row."""
    network = scaled(network_of("tanh", Objective(loss, **SETTINGS.get(loss, {})), "layer", (4, 9, 3)))
    X, targets, _ = data_for(network, 12)
    found, step = network.input_gradients(X, targets=targets), 1e-6
    for i in range(len(X)):
        for j in range(X.shape[1]):
            ends = []
            for sign in (1, -1):
                row = X[i : i + 1].copy()
                row[0, j] += sign * step
                ends.append(network.loss_and_gradients(row, targets[i : i + 1])[0])
            np.testing.assert_allclose(found[i, j], (ends[0] - ends[1]) / (2 * step), rtol=1e-5, atol=1e-7)
    assert found.any()
    narrow, targets = network.astype(dtype), targets if targets.dtype == np.int32 else targets.astype(dtype)
    np.testing.assert_allclose(narrow.input_gradients(X, targets=targets), found, rtol=1e-3, atol=1e-5)
    few = narrow.input_gradients(X[3:5], targets=targets[3:5])
    np.testing.assert_array_equal(few, narrow.input_gradients(X, targets=targets, n_threads=2)[3:5])


def test_input_gradients_of_a_loss_in_python():
    def log_cosh(y, outputs, weights):
        return np.log(np.cosh(outputs - y)).mean(), np.tanh(outputs - y) / y.size

    network = network_of("tanh", log_cosh, None, (4, 9, 3))
    X, targets, _ = data_for(network, 12)
    jacobian, errors = network.jacobian(X), network.forward(X) - targets
    expected = (np.tanh(errors)[:, :, np.newaxis] * jacobian).sum(axis=1) / 3
    np.testing.assert_allclose(network.input_gradients(X, targets=targets), expected, rtol=1e-12)


# ---- Jacobians -------------------------------------------------------------------------------------------------------


@normalized
@linking
def test_jacobians_are_slopes(loss, normalization, isa):
    network = scaled(network_of(hidden_layers(normalization), loss, sizes=SIZES))
    X, *_ = data_for(network, 20)
    for linked in (True, False):
        jacobian, step = network.jacobian(X, linked=linked), 1e-6
        assert jacobian.shape == (20, 3, 5)
        for j in range(5):
            shift = step * np.eye(5)[j]
            ends = [network.forward(X + shift, linked=linked), network.forward(X - shift, linked=linked)]
            np.testing.assert_allclose(jacobian[:, :, j], (ends[0] - ends[1]) / (2 * step), rtol=1e-6, atol=1e-7)
        for k in range(3):
            np.testing.assert_array_equal(network.input_gradients(X, output=k, linked=linked), jacobian[:, k])


def test_blocks_of_rows(dtype, monkeypatch):
    """The result does not depend on the blocks, nor on threads."""
    network = network_of("gelu", "log_loss", "batch", SIZES).astype(dtype)
    X, targets, _ = data_for(network, 700)
    jacobian, gradients = network.jacobian(X), network.input_gradients(X, targets=targets)
    kept = []
    monkeypatch.setattr(composition, "_BLOCK_BYTES", 1)
    for n_threads in (1, 2):
        a_pass, blocks = network._blocks(700, n_threads)
        kept.append(a_pass.max_rows)
        assert [start for start, _ in blocks[1:]] == [stop for _, stop in blocks[:-1]]
        assert (blocks[0][0], blocks[-1][1]) == (0, 700)
        np.testing.assert_array_equal(network.jacobian(X, n_threads=n_threads), jacobian)
        np.testing.assert_array_equal(network.input_gradients(X, targets=targets, n_threads=n_threads), gradients)
        sparse = network.input_gradients(scipy.sparse.csr_array(X.astype(dtype)), targets=targets, n_threads=n_threads)
        np.testing.assert_array_equal(sparse, gradients)
    assert kept == [128, 256]


def test_no_rows():
    network = network_of("tanh", "squared_error", None, SIZES)
    assert network.jacobian(np.zeros((0, 5))).shape == (0, 3, 5)
    assert network.input_gradients(np.zeros((0, 5)), output=0).shape == (0, 5)


# ---- compositions ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("normalization", [None, "layer"])
def test_an_autoencoder_of_two_networks_is_the_one_network_of_both(normalization, dtype, isa):
    rng = np.random.default_rng(0)
    hidden = [hidden_layer("tanh", normalization), hidden_layer("identity"), hidden_layer("gelu", normalization)]
    whole = network_of(hidden, "squared_error", sizes=(6, 20, 2, 17, 6)).astype(dtype)
    encoder = Network(Structure.of((6, 20, 2), [hidden[0]]), dtype=dtype)
    decoder = Network(Structure.of((2, 17, 6), [hidden[2]]), dtype=dtype)

    def place_of(name):
        kind, i = name.split(".")
        network, first = (encoder, 0) if int(i) < 2 else (decoder, 2)
        return network, f"{kind}.{int(i) - first}"

    for name, values in whole.named_parameters().items():
        network, own = place_of(name)
        network.named_parameters()[own][...] = values
    X = rng.standard_normal((50, 6)).astype(dtype)
    _, expected = whole.loss_and_gradients(X, X, isa=engine.ISA)
    code = encoder.forward(X, keep=True)
    outputs = decoder.forward(code, keep=True)
    gradient_of_decoder, code_gradients = decoder.backward((outputs - X) / len(X), inputs=True)
    gradients = {id(decoder): gradient_of_decoder, id(encoder): encoder.backward(code_gradients)}
    eps = np.finfo(dtype).eps
    for name, values in whole.named_parameters(expected).items():
        network, own = place_of(name)
        found = network.named_parameters(gradients[id(network)])[own]
        assert np.linalg.norm(found - values) < 100 * eps * np.linalg.norm(expected), name


# ---- what cannot be --------------------------------------------------------------------------------------------------


def test_errors():
    network = network_of("tanh", "log_loss", "batch", SIZES)
    X, targets, _ = data_for(network, 10)
    with pytest.raises(
        RuntimeError, match=r"backward needs a pass to go back on: call forward\(X, keep=True\) before it"
    ):
        network.backward(np.zeros((10, 3)))
    with pytest.raises(ValueError, match=r"training and dropout are for a pass that is kept: forward\(X, keep=True"):
        network.forward(X, training=True)
    with pytest.raises(ValueError, match="are for a pass that is kept"):
        network.forward(X, dropout=(0.1, 0.0, 0.0))
    with pytest.raises(ValueError, match=r"dropout must have 3 rates, of the inputs .*; got \(0.1,\)"):
        network.forward(X, keep=True, dropout=(0.1,))
    with pytest.raises(ValueError, match="dropout must be at least 0 and below 1"):
        network.forward(X, keep=True, dropout=(0.1, 1.0, 0.0))
    with pytest.raises(ValueError, match="seed must be an integer of at least 0; got -1"):
        network.forward(X, keep=True, seed=-1)
    with pytest.raises(ValueError, match="seed must be an integer below"):
        network.forward(X, keep=True, seed=2**64)
    with pytest.raises(ValueError, match="a minimum of 1 is required"):
        network.forward(X[:0], keep=True)
    with pytest.raises(ValueError, match="needs 2 samples or more in a batch; got 1 sample"):
        network.forward(X[:1], keep=True, training=True)
    network.forward(X[:1], keep=True)
    with pytest.raises(ValueError, match="X has 4 features, but Network is expecting 5"):
        network.forward(X[:, :4], keep=True)
    with pytest.raises(RuntimeError):  # what failed has kept nothing
        network.backward(np.zeros((1, 3)))
    network.forward(X, keep=True)
    for wrong in (np.zeros(10), np.zeros((9, 3)), np.zeros((10, 1))):
        with pytest.raises(ValueError, match=r"output_gradients must have shape \(10, 3\); got shape"):
            network.backward(wrong)
    with pytest.raises(ValueError, match="output_gradients must be finite in float64; got nan"):
        network.backward(np.full((10, 3), np.nan))
    with pytest.raises(ValueError, match="output_gradients must be real numbers"):
        network.backward([["a"] * 3] * 10)
    with pytest.raises(ValueError, match="backward needs inputs=True or params=True"):
        network.backward(np.zeros((10, 3)), params=False)
    for either in ({}, {"output": 0, "targets": targets}):
        with pytest.raises(ValueError, match="input_gradients needs either output, from 0 to 2, or targets"):
            network.input_gradients(X, **either)
    for output in (3, -1):
        with pytest.raises(ValueError, match=r"output must be .* 0"):
            network.input_gradients(X, output=output)
    with pytest.raises(ValueError, match="must be class numbers"):
        network.input_gradients(X, targets=np.full(10, 3))
    with pytest.raises(ValueError, match="n_threads must be an integer of at least 1"):
        network.jacobian(X, n_threads=0)


def test_a_single_output():
    network = network_of("tanh", "binary_log_loss", None, (5, 6, 1))
    X, *_ = data_for(network, 10)
    network.forward(X, keep=True)
    gradients = np.random.default_rng(0).standard_normal(10)
    np.testing.assert_array_equal(network.backward(gradients), network.backward(gradients[:, np.newaxis]))
    np.testing.assert_array_equal(network.input_gradients(X), network.jacobian(X)[:, 0])


class Failing(Sine):
    """Raises on the way forward as soon as it is told to."""

    fails = False

    def __call__(self, z):
        if self.fails:
            raise ArithmeticError("on purpose")
        return np.sin(z)


def test_an_activation_that_raises():
    activation = Failing()
    network = network_of(activation, "squared_error", None, SIZES)
    X, *_ = data_for(network, 10)
    network.forward(X, keep=True)
    activation.fails = True
    with pytest.raises(ArithmeticError, match="on purpose"):
        network.forward(X, keep=True)
    activation.fails = False
    with pytest.raises(RuntimeError):
        network.backward(np.zeros((10, 3)))
    assert_slopes(network, X)


def test_copies_do_not_hold_the_pass():
    network = network_of("tanh", "log_loss", "batch", SIZES)
    X, *_ = data_for(network, 10)
    outputs = network.forward(X, keep=True)
    for other in (copy.copy(network), copy.deepcopy(network), pickle.loads(pickle.dumps(network))):
        with pytest.raises(RuntimeError):
            other.backward(outputs)
        np.testing.assert_allclose(other.forward(X, keep=True), outputs)
    network.backward(outputs)


# ---- hidden layers ---------------------------------------------------------------------------------------------------


@normalized
def test_activations_of_one_layer(normalization, dtype, isa):
    network = scaled(network_of(hidden_layers(normalization), "log_loss", sizes=SIZES), centred=False).astype(dtype)
    X, *_ = data_for(network, 1500)
    oracle = [layer[-1] for layer in reference.forward(network.astype(np.float64), X)[1]]
    for rows in (X, scipy.sparse.csr_array(X.astype(dtype))):
        for n_threads in (1, 3):
            layers = network.activations(rows, n_threads)
            assert [layer.shape for layer in layers] == [(1500, width) for width in SIZES[1:]]
            np.testing.assert_array_equal(layers[-1], network.forward(rows))
            for i in range(-3, 3):
                np.testing.assert_array_equal(network.activations(rows, n_threads, layer=i), layers[i])
            for layer, expected in zip(layers, oracle, strict=True):
                eps = np.finfo(dtype).eps
                np.testing.assert_allclose(layer, expected, rtol=500 * eps, atol=100 * eps)


def test_layers_that_there_are_not():
    network = network_of("tanh", "squared_error", None, SIZES)
    for layer in (3, -4):
        with pytest.raises(ValueError, match=f"layer must be from -3 to 2; got {layer}"):
            network.activations(np.zeros((2, 5)), layer=layer)
    with pytest.raises(ValueError, match=r"layer must be an integer; got 1\.0"):
        network.activations(np.zeros((2, 5)), layer=1.0)
