"""The layers of a network: what fits, what does not, and the parts of the flat vector."""

import re

import numpy as np
import pytest

from fastmlp.activations import GELU, PReLU
from fastmlp.network import Dense, HiddenLayer, Network, Structure, hidden_layer


@pytest.mark.parametrize(
    "sizes",
    [[], [3], [3, 0, 1], [3, -1, 1], [3, 4.0, 1], [3, True, 1], [3, None, 1], [3, "4", 1], [3, [4], 1], 3, "341", None],
    ids=repr,
)
def test_sizes_that_can_not_be(sizes):
    message = f"sizes must be integers of at least 1, inputs and outputs included; got {re.escape(repr(sizes))}"
    for made in (Network.create, lambda given: Structure.of(given, "relu")):
        with pytest.raises(ValueError, match=message):
            made(sizes)


@pytest.mark.parametrize("sizes", [np.array([3, 4, 1], np.int8), (3, 4, 1), iter([3, 4, 1]), [np.int64(3), 4, 1]])
def test_sizes_of_other_types(sizes):
    network = Network.create(sizes)
    assert network.structure.sizes == (3, 4, 1)
    assert all(type(size) is int for size in network.structure.sizes)


@pytest.mark.parametrize(
    ("hidden", "message"),
    [
        ((), r"activation must be one value, or one for each of 1 hidden layers; got \(\)"),
        ((HiddenLayer("rleu"),), "activation='rleu' is not known; known are 'relu', "),
        ((HiddenLayer("relu", learned=True),), "activation='relu' has nothing to learn"),
        ((HiddenLayer("elu", np.nan),), "parameter must be a finite number; got nan"),
        ((HiddenLayer("elu", "1"),), "parameter must be a finite number; got '1'"),
        ((HiddenLayer("relu", normalization="group"),), "normalization='group' is not known"),
        ((HiddenLayer("native"),), "parameter of NativeActivation must be an instance of .*LowLevelCallable"),
        ((HiddenLayer("native", function=(1, 2)),), "parameter of NativeActivation must be an instance of"),
    ],
    ids=str,
)
def test_structures_that_can_not_be(hidden, message):
    with pytest.raises(ValueError, match=message):
        Structure.of((3, 4, 1), hidden)


RELU = hidden_layer("relu")


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        (lambda: [], r"layers must all have a HiddenLayer, but for the last, which has none; got \(\)"),
        (lambda: [Dense(3, 4, RELU)], "layers must all have a HiddenLayer, but for the last"),
        (lambda: [Dense(3, 4), Dense(4, 1)], "layers must all have a HiddenLayer, but for the last"),
        (lambda: [Dense(3, 4, RELU), Dense(5, 1)], "layers must fit each other; got 5 inputs after 4 units"),
        (lambda: [(3, 1)], r"layers must consist of Layers, such as Dense; got \(3, 1\)"),
        (lambda: [Dense(3, 0)], "n_units must be an integer of at least 1; got 0"),
        (lambda: [Dense(3.0, 1)], "n_inputs must be an integer of at least 1; got 3.0"),
        (lambda: [Dense(3, 4, "relu"), Dense(4, 1)], "hidden must be a HiddenLayer, as hidden_layer makes it; got 're"),
    ],
)
def test_layers_that_do_not_make_a_network(layers, message):
    with pytest.raises(ValueError, match=message):
        Structure(layers())


def test_what_is_no_activation():
    with pytest.raises(TypeError, match="activation must be a name or an Activation, got None"):
        Structure.of((3, 4, 1), (HiddenLayer("python"),))


@pytest.mark.parametrize("activation", ["relu", "prelu", GELU("tanh")], ids=str)
@pytest.mark.parametrize("normalization", [None, "layer", "batch"])
def test_parts_are_products_first_then_what_each_unit_has(activation, normalization):
    structure = Structure.of([5, 7, 6, 3], activation, normalization)
    products = [(5, 7), (7,), (7, 6), (6,), (6, 3), (3,)]
    names = [name for name in ("coefs", "intercepts")] * 3
    assert [(part.name, part.shape) for part in structure.parts()[:6]] == list(zip(names, products, strict=True))
    of_units = ["gains"] * (normalization is not None) + ["activation_parameters"] * (activation == "prelu")
    expected = [(name, i, (width,)) for i, width in enumerate((7, 6)) for name in of_units]
    assert [tuple(part[:3]) for part in structure.parts()[6:]] == expected
    vector = np.arange(structure.n_params)
    views = [view for _, view in structure.views(vector)]
    np.testing.assert_array_equal(np.concatenate([view.ravel() for view in views]), vector)
    assert all(np.shares_memory(view, vector) for view in views)


def test_a_new_network_has_the_initial_value_of_each_part():
    network = Network(Structure.of([5, 7, 3], PReLU(0.125), "layer"))
    for part, view in network.structure.views(network.params):
        assert (view == {"gains": 1, "activation_parameters": 0.125}.get(part.name, 0)).all()


def test_a_structure_is_its_layers():
    layers = [Dense(3, 4, RELU), Dense(4, 1)]
    structure = Structure(layers)
    assert structure == Structure.of([3, 4, 1], "relu")
    assert (structure.sizes, structure.hidden) == ((3, 4, 1), (RELU,))
    assert hash(structure) == hash(Structure(tuple(layers)))


@pytest.mark.parametrize("names", [("sigmoyd", "logistic"), ("gelo", "gelu")], ids=str)
def test_unknown_names_are_answered_with_the_nearest(names):
    with pytest.raises(ValueError, match=f"activation={names[0]!r} is not known; known are {names[1]!r}"):
        Structure.of([3, 4, 1], names[0])
    with pytest.raises(ValueError, match=r"normalization='bach' is not known; known are 'batch', 'layer'"):
        Structure.of([3, 4, 1], "relu", "bach")


def test_a_structure_without_batch_normalization_has_layers_of_the_same_kinds():
    class Wide(Dense):
        kind = "wide"

    hidden = [hidden_layer("relu", normalization) for normalization in ("batch", "layer", None)]
    structure = Structure((Wide(3, 4, hidden[0]), Dense(4, 5, hidden[1]), Wide(5, 6, hidden[2]), Dense(6, 2)))
    folded = structure.without_batch_normalization()
    assert [layer.kind for layer in folded.layers] == ["wide", "dense", "wide", "dense"]
    assert [each.normalization for each in folded.hidden] == [None, "layer", None]
    assert folded.sizes == structure.sizes
    assert structure != Structure.of(structure.sizes, hidden)  # which is all dense
