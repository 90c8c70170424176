"""Networks: views of the parameters, passes forward and back against the oracle, copies, what they refuse."""

import copy
import pickle

import numpy as np
import pytest
import scipy.sparse

from fastmlp import engine
from fastmlp.initializers import initial_params
from fastmlp.inputs.rows import rows_of
from fastmlp.losses import CLASS_TARGET_LOSSES, LOSSES
from fastmlp.network import (
    HiddenLayer,
    Network,
    Objective,
    Regularization,
    Structure,
    check_gradients,
    forward_in_pieces,
)
from fastmlp.threads import Team
from tests import reference
from tests.engine.problems import SIZES, data_for, n_params, network_of, problem
from tests.test_differences import NORMALIZATIONS, differentiable

ORACLE_CASES = [
    (activation, loss, normalization)
    for activation, loss in zip(sorted(engine.ACTIVATIONS), (*LOSSES, *LOSSES), strict=False)
    for normalization in NORMALIZATIONS
]


@pytest.mark.parametrize(("activation", "loss", "normalization"), ORACLE_CASES)
def test_network_is_the_oracles(activation, loss, normalization, dtype):
    """Loss and gradients, learned numbers and gains among them, and outputs with running moments."""
    learned = activation in engine.LEARNABLE_ACTIVATIONS
    layer = HiddenLayer(activation, reference.PARAMETERS.get(activation, 0.0), learned, normalization)
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
    learned = activation in engine.LEARNABLE_ACTIVATIONS
    layer = HiddenLayer(activation, reference.PARAMETERS.get(activation, 0.0), learned, normalization)
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
    structure = Structure.of(network.structure.sizes, (layer,) * len(network.structure.hidden))
    other = Network(structure, objective=network.objective)
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
    network = Network(Structure.of(SIZES, "relu"), params, objective="log_loss")
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
    network, rows = Network(Structure.of(SIZES, "tanh"), params, objective="log_loss"), rows_of(X, dtype)
    whole = network.forward(rows)
    for module in (engine, engine.predictor):
        monkeypatch.setattr(module, "FLOPS_PER_PIECE", 1.0)
    np.testing.assert_array_equal(network.predictor("columns", 2)(X), whole)
    np.testing.assert_array_equal(network.forward(rows, n_threads=2), whole)
    order = np.random.default_rng(0).permutation(len(X))
    np.testing.assert_array_equal(forward_in_pieces(network.packed(), rows, order, Team(2, False)), whole[order])


def test_gradients_can_be_asked_for_again(dtype):
    params, X, targets, _ = problem(SIZES, "log_loss", dtype)
    network = Network(Structure.of(SIZES, "tanh"), params, objective="log_loss")
    gradients = network.gradients(rows_of(X, dtype), targets, None, alpha=0.1, n_threads=2)
    first_value, first = gradients(params)
    _, other = gradients(params * 2)
    value, again = gradients(params)
    assert value == first_value
    np.testing.assert_array_equal(again, first)
    assert not np.array_equal(other, first)


def test_create(dtype):
    net = Network.create([4, 6, 3], ["silu"], "log_loss", normalization="batch", random_state=0, dtype=dtype)
    assert net.params.dtype == dtype
    assert net.structure == Structure.of([4, 6, 3], "silu", "batch")
    assert net.objective == Objective("log_loss")
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


# ---- what a network is given -----------------------------------------------------------------------------------------


def regression(sizes=(3, 4, 1), loss="squared_error", **options):
    return Network.create(sizes, "relu", loss, random_state=0, **options)


X3, Y3 = np.random.default_rng(0).standard_normal((6, 3)), np.zeros((6, 1))


def test_no_rows_have_outputs_but_no_loss(dtype):
    """Without rows there is no mean; the engine would divide by their number."""
    network = regression(dtype=dtype)
    for X in (np.zeros((0, 3), dtype), scipy.sparse.csr_array((0, 3), dtype=dtype), rows_of(np.zeros((0, 3)), dtype)):
        assert network.forward(X).shape == (0, 1)
        assert [array.shape for array in network.activations(X)] == [(0, 4), (0, 1)]
        message = r"Found array with 0 sample\(s\) \(shape=\(0, 3\)\) while a minimum of 1 is required"
        with pytest.raises(ValueError, match=message):
            network.loss_and_gradients(X, np.zeros((0, 1)))
    with pytest.raises(ValueError, match=message):
        check_gradients(network.astype(float), np.zeros((0, 3)), np.zeros((0, 1)))
    assert network.predictor("flat", 1)(np.zeros((0, 3), dtype)).shape == (0,)


@pytest.mark.parametrize("loss", sorted(CLASS_TARGET_LOSSES))
@pytest.mark.parametrize("wrong", [3, -1, 10**9, -5, 2**32])
def test_class_numbers_beyond_the_classes(loss, wrong):
    network = regression((3, 4, 3), loss)
    for function in (network.loss_and_gradients, lambda *data: check_gradients(network, *data)):
        with pytest.raises(
            ValueError, match=f"targets of the loss '{loss}' must be class numbers from 0 to 2; got {wrong}"
        ):
            function(X3, [0, 1, 2, 0, 1, wrong])


@pytest.mark.parametrize(
    ("n_threads", "what"),
    [(0, "0"), (-1, "-1"), (1.5, "1.5"), (2.0, "2.0"), ("2", "'2'"), (None, "None"), (True, "True")],
)
def test_threads_that_can_not_be(n_threads, what):
    network = regression()
    for call in (
        lambda: network.forward(X3, n_threads),
        lambda: network.activations(X3, n_threads),
        lambda: network.loss_and_gradients(X3, Y3, n_threads=n_threads),
    ):
        with pytest.raises(ValueError, match=f"n_threads must be an integer of at least 1; got {what}"):
            call()
    if n_threads not in (-1, None):  # of the estimators' n_jobs these have a meaning
        with pytest.raises(ValueError, match=f"n_jobs must .*got {what}"):
            network.predictor("flat", n_threads)


def test_too_many_threads_are_no_mistake():
    """As many as may be; and no more are started than there is work for."""
    network = regression()
    np.testing.assert_array_equal(network.forward(X3, 10**9), network.forward(X3))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"loss": "squared_errors"}, r"loss='squared_errors' is not known; known are 'squared_error', "),
        ({"loss": "log_los"}, r"loss='log_los' is not known; known are 'log_loss', "),
        ({"loss": None}, "loss: None is not known; known are "),
        ({"activation": "rleu"}, r"activation='rleu' is not known; known are 'relu', "),
        ({"activation": ["relu", "relu"]}, r"activation must be one value, or one for each of 1 hidden layers; got \["),
        ({"activation": []}, "activation must be one value, or one for each of 1 hidden layers"),
        ({"normalization": "btach"}, r"normalization='btach' is not known; known are 'batch', 'layer'"),
        ({"normalization": True}, "normalization: True is not known"),
        ({"dtype": "float16"}, "dtype must be float32 or float64; got 'float16'"),
        ({"dtype": int}, "dtype must be float32 or float64; got <class 'int'>"),
        ({"dtype": "bfloat16"}, "dtype must be float32 or float64; got 'bfloat16'"),
        ({"dtype": ">f8"}, "dtype must be float32 or float64; got '>f8'"),
        ({"random_state": "x"}, "'x' cannot be used to seed"),
        ({"weight_init": "he_norm"}, r"weight_init='he_norm' is not known; known are 'he_normal', "),
        ({"bias_init": "zeroes"}, r"bias_init='zeroes' is not known; known are 'zeros', "),
    ],
    ids=str,
)
def test_what_create_refuses(options, message):
    with pytest.raises(ValueError, match=message):
        Network.create([3, 4, 1], **options)


def test_what_is_no_structure():
    with pytest.raises(TypeError, match=r"structure must be a Structure, as Structure.of makes it; got \[3, 4, 1\]"):
        Network([3, 4, 1])
    with pytest.raises(ValueError, match="loss='msee' is not known"):
        Network(Structure.of((3, 1), ()), objective="msee")


@pytest.mark.parametrize(
    "vector",
    [
        np.zeros(20), np.zeros(22), np.zeros((21, 1)), np.zeros(42)[::2], np.zeros(21, int), np.zeros(21, np.float16),
        np.zeros(21, ">f8"), np.zeros(21, complex), [0.0] * 21, 0.0, "x", np.frombuffer(b"x" * 169, offset=1),
    ],
    ids=repr,
)  # fmt: skip
def test_vectors_that_can_not_be_parameters(vector):
    network = regression()
    message = r"must be a contiguous array of float32 or float64, of shape \(21,\); got "
    with pytest.raises(ValueError, match=f"params {message}"):
        Network(network.structure, vector)
    with pytest.raises(ValueError, match=f"vector {message}"):
        network.named_parameters(vector)


def test_parameters_that_are_read_only_predict_and_have_gradients():
    network = regression()
    params = network.params.copy()
    params.flags.writeable = False
    other = Network(network.structure, params)
    np.testing.assert_array_equal(other.forward(X3), network.forward(X3))
    np.testing.assert_array_equal(other.loss_and_gradients(X3, Y3)[1], network.loss_and_gradients(X3, Y3)[1])


def test_lists_and_other_arrays_are_converted(dtype):
    network, X = regression(dtype=dtype), np.arange(6).reshape(2, 3)
    expected = network.loss_and_gradients(X.astype(dtype), np.ones((2, 1), dtype), np.array([1.0, 2.0]))
    for samples in (X.tolist(), X, X.astype(np.float16), np.asfortranarray(X), X.astype(object), X.astype(">f4")):
        np.testing.assert_array_equal(network.forward(samples), network.forward(X.astype(dtype)))
        for targets in ([1, 1], [[1], [1]], np.ones(4)[::2], np.ones(2, np.int8)):
            for weights in ([1, 2], np.array([1, 2], np.float32), np.array([1.0, 0, 2.0, 0])[::2]):
                value, gradient = network.loss_and_gradients(samples, targets, weights)
                assert value == expected[0]
                np.testing.assert_array_equal(gradient, expected[1])


@pytest.mark.parametrize(
    ("X", "message"),
    [
        ([1.0, 2.0, 3.0], "Expected 2D array, got 1D array instead"),
        (5, "Expected 2D array, got scalar array instead"),
        (np.zeros((2, 4)), "X has 4 features, but Network is expecting 3 features as input"),
        (rows_of(np.zeros((2, 4)), np.float64), "X has 4 features, but Network is expecting 3 features as input"),
        ([[1, 2, np.nan]], "Input X contains NaN"),
        ([[1, 2, -np.inf]], "Input X contains infinity"),
        ([["a", "b", "c"]], "could not convert string to float"),
        (scipy.sparse.csr_array(np.eye(4)), "X has 4 features, but Network is expecting 3 features as input"),
    ],
    ids=str,
)
def test_samples_that_can_not_be(X, message):
    network = regression()
    for call in (
        network.forward,
        network.activations,
        lambda X: network.loss_and_gradients(X, [0.0]),
        lambda X: check_gradients(network, X, [0.0]),
    ):
        with pytest.raises(ValueError, match=message):
            call(X)


def test_sparse_samples_that_lie():
    network = regression()
    X = scipy.sparse.csr_array(np.eye(3))
    X.indices[1] = 3
    for call in (network.forward, network.activations, lambda X: network.loss_and_gradients(X, np.zeros(3))):
        with pytest.raises(ValueError, match=r"X.indices must be from 0 to 2, got 3 as element 1"):
            call(X)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1.0] * 5, r"weights must have shape \(6,\); got shape \(5,\)"),
        ([[1.0]] * 6, r"weights must have shape \(6,\); got shape \(6, 1\)"),
        (1.0, r"weights must have shape \(6,\); got shape \(\)"),
        ([-1.0] + [1.0] * 5, "weights must be at least 0; got -1.0"),
        ([np.nan] * 6, "weights must be finite in float64; got nan"),
        ([np.inf] * 6, "weights must be finite in float64; got inf"),
        (np.zeros(6), "weights must not all be 0"),
        (["a"] * 6, "weights must be real numbers"),
    ],
    ids=str,
)
def test_weights_that_can_not_be(weights, message):
    with pytest.raises(ValueError, match=message):
        regression().loss_and_gradients(X3, Y3, weights)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"alpha": -1}, "alpha must be a finite number of at least 0; got -1"),
        ({"alpha": np.nan}, "alpha must be a finite number of at least 0; got nan"),
        ({"alpha": "0.1"}, "alpha must be a finite number of at least 0; got '0.1'"),
        ({"seed": -1}, "seed must be an integer of at least 0; got -1"),
        ({"seed": 0.5}, "seed must be an integer of at least 0; got 0.5"),
        ({"seed": 2**64}, r"seed must be an integer below 2\*\*64; got 18446744073709551616"),
        ({"regularization": {"l1": 1.0}}, "regularization must be a Regularization; got {'l1': 1.0}"),
        ({"regularization": Regularization(l1=-1.0)}, "regularization: l1 must be at least 0, and finite; got -1.0"),
        ({"regularization": Regularization(max_norm=np.nan)}, "regularization: max_norm must be at least 0"),
        (
            {"regularization": Regularization(average_decay=1.0)},
            "average_decay must be at least 0 and below 1; got 1.0",
        ),
        ({"regularization": Regularization(dropout=[0.5, 1.0])}, "dropout must be at least 0 and below 1; got"),
        ({"regularization": Regularization(dropout=0.5)}, "dropout must be a sequence of rates, .*; got 0.5"),
        ({"regularization": Regularization(dropout=[0.5])}, r"expected 2 rates of dropout, got \[0.5\]"),
    ],
    ids=str,
)
def test_options_that_can_not_be(options, message):
    network = regression()
    with pytest.raises(ValueError, match=message):
        network.loss_and_gradients(X3, Y3, **options)
    with pytest.raises(ValueError, match=message):
        check_gradients(network, X3, Y3, **options)


def test_weights_next_to_nothing_are_refused():
    with pytest.raises(ValueError, match="weights must not all be next to 0; got at most 1e-310: divide them by that"):
        regression().loss_and_gradients(X3, Y3, np.full(len(X3), 1e-310))


@pytest.mark.parametrize("name", ["dropout", "max_batch", "n_jobs", "seeds"])
def test_options_that_there_are_not(name):
    for call in (regression().loss_and_gradients, lambda *args, **what: check_gradients(regression(), *args, **what)):
        with pytest.raises(TypeError, match=f"Network takes no option '{name}'; there are .*'seed'"):
            call(X3, Y3, **{name: 1})


def test_a_batch_of_one_has_no_moments():
    network = regression(normalization="batch")
    with pytest.raises(ValueError, match="normalization='batch' needs 2 samples or more in a batch; got 1 sample"):
        network.loss_and_gradients(X3[:1], Y3[:1])
    assert network.forward(X3[:1]).shape == (1, 1)


def test_arrays_and_types_that_are_not_the_networks():
    network = regression(normalization="batch")
    good = network.arrays()
    for arrays in ({}, {"params": good["params"]}, {**good, "params": 0.0}, {**good, "running.0": np.zeros((2, 1))}):
        with pytest.raises(ValueError, match=r"arrays must hold '.*', of shape .*; got "):
            network.with_arrays(arrays)
    with pytest.raises(ValueError, match="dtype must be float32 or float64; got 'float16'"):
        network.astype("float16")
    with pytest.raises(ValueError, match=r"form='rows' is not known; known are 'columns', 'flat', 'pair'"):
        network.predictor("rows", 1)
    network.input_means = np.zeros(3)
    with pytest.raises(ValueError, match="input_means and input_scales go together; got only one of them"):
        network.forward(X3)
    network.input_scales = np.ones(4)
    with pytest.raises(ValueError, match="expected 3 means and scales, got shape"):
        network.forward(X3)
    network.input_means = network.input_scales = None
    network.running = [None]
    with pytest.raises(ValueError, match=r"running\[0\] must be the mean and the variance of hidden layer 0; got None"):
        network.forward(X3)


@pytest.mark.parametrize("X", [X3.tolist(), X3.astype(np.float32), X3.T, X3[:, :2], X3[0], None, X3[::2], X3[:, ::-1]])
def test_a_predictor_takes_what_it_can_read(X):
    with pytest.raises(
        ValueError, match=r"X must be a C-contiguous array of shape \(n_samples, 3\) and type float64, got"
    ):
        regression().predictor("flat", 1)(X)


def test_a_predictor_is_made_where_it_is_used():
    for copied in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="cannot be converted to a Python object"):
            copied(regression().predictor("flat", 1))


@pytest.mark.parametrize(
    ("everyday", "canonical"),
    [
        ({"activation": "Sigmoid"}, {"activation": "logistic"}),
        ({"activation": ["LeakyReLU", "linear"]}, {"activation": ["leaky_relu", "identity"]}),
        ({"loss": "mse"}, {"loss": "squared_error"}),
        ({"loss": "BCE"}, {"loss": "binary_log_loss"}),
        ({"loss": "cross_entropy"}, {"loss": "log_loss"}),
        ({"loss": "MAE"}, {"loss": "absolute_error"}),
        ({"normalization": "BatchNorm"}, {"normalization": "batch"}),
        ({"weight_init": "Xavier", "bias_init": "ZEROS"}, {"weight_init": "glorot_uniform", "bias_init": "zeros"}),
        ({"weight_init": "auto", "activation": "sigmoid"}, {"activation": "logistic"}),
    ],
    ids=str,
)
def test_everyday_names(everyday, canonical):
    ours, expected = (
        Network.create([3, 4, 5, 1], **{"activation": "relu", **given}, random_state=0)
        for given in (everyday, canonical)
    )
    assert (ours.structure, ours.objective) == (expected.structure, expected.objective)
    np.testing.assert_array_equal(ours.params, expected.params)


def test_a_network_without_hidden_layers_has_an_activation_all_the_same():
    """Its initial weights follow it, as scikit-learn's do."""
    ours, expected = (Network.create([3, 1], name, random_state=0).params for name in ("sigmoid", "logistic"))
    np.testing.assert_array_equal(ours, expected)
    assert abs(ours).max() < abs(Network.create([3, 1], "relu", random_state=0).params).max()
