"""A first layer of embeddings of encoded columns: a dense layer whose weights are blocks, with zeros beside them."""

import numpy as np
import pytest

from fastmlp import engine
from fastmlp.activations import SiLU
from fastmlp.inputs.columns import ColumnsLayout, EncodedColumns
from fastmlp.inputs.rows import rows_of
from fastmlp.network import Dense, Embeddings, Network, Regularization, Structure, check_gradients, hidden_layer
from tests import reference
from tests.engine.problems import (
    DETERMINISTIC,
    REGULARIZATIONS,
    assert_close,
    assert_same,
    encoded_columns,
    orders_of,
    trained,
    trainer_of,
)
from tests.test_optimizers import ORACLES

DOUBLE = np.dtype(np.float64)
# Numbers and categories, of which one has no known value; either alone; one column; columns of several strips, and
# strips of several columns; codes of two bytes.
LAYOUTS = {
    "both": ColumnsLayout((4, 1, 20), (3, 0, 9)),
    "numbers": ColumnsLayout((2, 7), ()),
    "categories": ColumnsLayout((), (5, 1)),
    "one number": ColumnsLayout((6,), ()),
    "one category": ColumnsLayout((), (4,)),
    "scaled numbers": ColumnsLayout((1,) * 9, ()),
    "wide": ColumnsLayout((300, 3), (400,)),
}
layouts = pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS.keys())
# Pieces of four, eight and sixteen units; less than a panel of units, several, and embeddings wider than one.
sizes = pytest.mark.parametrize("size", [4, 8, 12, 16, 40])
N_ROWS = 57


def network_on(layout, size=8, hidden=(9,), activation="relu", normalization=None, loss="squared_error", kind="dense"):
    """A network in whose every number there is something, embeddings normalized as other layers are."""
    first = hidden_layer(activation, normalization, "embeddings")
    others = [hidden_layer(activation, normalization, kind)] * len(hidden)
    widths = [layout.total_inputs, layout.n_columns * size, *hidden, 3]
    network = Network(Structure.of(widths, [first, *others], columns=layout), objective=loss)
    rng = np.random.default_rng(0)
    for name, view in network.named_parameters().items():
        view += rng.standard_normal(view.shape) / (
            np.sqrt(len(view)) if name.startswith("coefs") and name != "coefs.0" else 2
        )
    return network


def samples_for(network, n_rows=N_ROWS, codes=np.uint8, fractions=np.float64):
    """Encoded columns, targets as the engine reads them and as the oracle does, and weights, of which some are 0."""
    layout, rng = network.structure.columns, np.random.default_rng(1)
    X = encoded_columns(layout, n_rows, np.promote_types(codes, layout.code_dtype), fractions)
    shape = (n_rows, network.structure.sizes[-1])
    targets, y = reference.random_targets(network.objective.loss, shape, network.params.dtype, rng)
    return X, targets, y, rng.integers(0, 4, n_rows) / 2


def batches_of(orders, batch_size):
    return [order[at : at + batch_size] for order in orders for at in range(0, len(order), batch_size)]


# ---- the dense product -----------------------------------------------------------------------------------------------


@layouts
@sizes
@pytest.mark.parametrize(("codes", "fractions"), [(np.uint8, np.float32), (np.uint16, np.float64)])
def test_outputs_are_those_of_blocks(layout, size, codes, fractions, isa, dtype):
    network = network_on(layout, size).astype(dtype)
    X, *_ = samples_for(network, 300, codes=codes, fractions=fractions)
    structure = network.structure
    packed = engine.PackedNetwork(structure.sizes, structure.hidden, "squared_error", dtype, columns=layout, isa=isa)
    network.load_into(packed)
    _, layers = reference.forward(network.astype(DOUBLE), X.dense())
    rows = rows_of(X, dtype)
    assert_close(packed.forward(rows, depth=1), layers[0][-1], dtype, 10)
    found = packed.forward(rows)
    assert_close(found, layers[-1][-1], dtype, 10)
    order = np.random.default_rng(3).permutation(300)[:200]
    assert_same(packed.forward(rows, order=order), found[order])
    assert_same(packed.forward(rows, start=7, stop=150), found[7:150])


@layouts
@sizes
def test_gradients_are_those_of_blocks(layout, size, isa, dtype):
    network = network_on(layout, size).astype(dtype)
    X, targets, y, weights = samples_for(network)
    value, gradient = network.loss_and_gradients(X, targets, weights, alpha=0.2, isa=isa)
    wanted, gradients = reference.loss_and_gradients(network.astype(DOUBLE), X.dense(), y, weights, 0.2)
    assert value == pytest.approx(wanted, rel=1e-5 if dtype == np.float32 else 1e-12)
    assert_close(gradient, gradients.params, dtype, 30)


@pytest.mark.parametrize("normalization", [None, "layer", "batch"])
@pytest.mark.parametrize("kind", ["dense", "residual"])
@pytest.mark.parametrize("activation", ["tanh", "prelu", "gelu"])
def test_gradients_are_slopes_of_the_loss(normalization, kind, activation, isa):
    network = network_on(LAYOUTS["both"], 4, (24, 9, 6), activation, normalization, "log_loss", kind)
    X, targets, *_ = samples_for(network)
    regularization = Regularization(dropout=[0, 0.2, 0.3, 0.1, 0.2], l1=0.1)
    errors = check_gradients(network, X, targets, alpha=0.2, regularization=regularization, isa=isa, n_directions=2)
    assert max(errors.values()) < 1e-6, errors


@layouts
@pytest.mark.parametrize("normalization", [None, "layer", "batch"])
@pytest.mark.parametrize(("rule", "dtype"), [("sgd", DOUBLE), ("adam", DOUBLE), ("sgd", np.dtype(np.float32))], ids=str)
def test_trainings_are_those_of_blocks(layout, normalization, rule, dtype, isa):
    """Adam makes large steps of the rounding errors of single precision, where a gradient should be 0."""
    network = network_on(layout, normalization=normalization)
    X, _, y, weights = samples_for(network)
    orders, rate = orders_of(N_ROWS), {"float32": 1e-3, "float64": 1e-8}[dtype.name]
    expected = network.astype(DOUBLE)
    reference.train(expected, X.dense(), y, batches_of(orders, 20), ORACLES[rule], weights=weights, alpha=0.3)
    _, params, *_ = trained(network.astype(dtype), X, y.astype(dtype), orders, 20, weights, rule=rule, isa=isa)
    np.testing.assert_allclose(params, expected.params, rtol=rate, atol=rate)


@pytest.mark.parametrize("name", DETERMINISTIC)
@pytest.mark.parametrize("size", [4, 16, 40])
def test_trainings_with_all_that_changes_gradients_and_weights(name, size, isa):
    network = network_on(LAYOUTS["both"], size, (40,))
    X, targets, y, weights = samples_for(network)
    orders, given = orders_of(N_ROWS), REGULARIZATIONS[name]
    expected = network.astype(DOUBLE)
    losses, average = reference.train(
        expected, X.dense(), y, batches_of(orders, 20), ORACLES["adam"], weights=weights, alpha=0.3,
        regularization=Regularization(**given),
    )  # fmt: skip
    lengths = np.array([len(batch) for batch in batches_of(orders, 20)]).reshape(2, -1)
    found = trained(network, X, targets, orders, 20, weights, given=given, isa=isa)
    np.testing.assert_allclose(found[0], (np.reshape(losses, (2, -1)) * lengths).sum(axis=1) / N_ROWS, rtol=1e-9)
    np.testing.assert_allclose(found[1], expected.params, rtol=1e-8, atol=1e-9)
    if "average_decay" in given:
        np.testing.assert_allclose(found[-1], average, rtol=1e-8, atol=1e-9)
    if given:
        plain = trained(network, X, targets, orders, 20, weights, isa=isa)
        changed = -1 if name == "average" else 1
        assert np.abs(plain[changed] - found[changed]).max() > 1e-3


@pytest.mark.parametrize("name", ["none", "clip_norm", "l1"])
def test_a_batch_of_several_chunks(name, dtype):
    """The sums of a batch go on from chunk to chunk."""
    network = network_on(LAYOUTS["both"], 8, (40,))
    X, _, y, weights = samples_for(network, 2500)
    orders, given = orders_of(2500), REGULARIZATIONS[name]
    expected = network.astype(DOUBLE)
    reference.train(
        expected, X.dense(), y, orders, ORACLES["adam"], weights=weights, alpha=0.3,
        regularization=Regularization(**given),
    )  # fmt: skip
    found = trained(network.astype(dtype), X, y.astype(dtype), orders, 2500, weights, given=given)
    np.testing.assert_allclose(found[1], expected.params, atol=1e-3 if dtype == np.float32 else 1e-9)


# ---- what does not change the bits -----------------------------------------------------------------------------------


@layouts
@pytest.mark.parametrize("size", [4, 8, 16, 40])
@pytest.mark.parametrize("name", ["none", "all"])
def test_threads_give_the_same_bits(layout, size, name, isa, dtype):
    network = network_on(layout, size, normalization="batch" if name == "none" else None).astype(dtype)
    X, targets, _, weights = samples_for(network, 150)
    given = {key: value for key, value in REGULARIZATIONS[name].items() if key != "input_noise"}
    if "dropout" in given:
        given["dropout"] = [0, *given["dropout"][1:]]
    first, *others = (
        trained(network, X, targets, orders_of(150), 60, weights, given=given, isa=isa, n_threads=n) for n in (1, 2, 3)
    )
    for other in others:
        assert_same(first, other)


def test_many_threads_with_few_rows_give_the_same_bits():
    network = network_on(LAYOUTS["one category"])
    X, targets, *_ = samples_for(network, 9)
    one, many = (trained(network, X, targets, orders_of(9), 2, n_threads=n) for n in (1, 8))
    assert_same(one, many)


def test_types_of_codes_and_fractions_do_not_matter(isa, dtype):
    network = network_on(LAYOUTS["both"]).astype(dtype)
    X, targets, *_ = samples_for(network, fractions=np.float32)
    wide = EncodedColumns(X.codes.astype(np.uint16), X.fractions.astype(np.float64), X.layout)
    ours, theirs = (trained(network, each, targets, orders_of(N_ROWS), 20, isa=isa) for each in (X, wide))
    assert_same(ours, theirs)


def test_fractions_of_missing_numbers_have_no_effect(isa, dtype):
    network = network_on(LAYOUTS["both"]).astype(dtype)
    X, targets, *_ = samples_for(network)
    other = EncodedColumns(X.codes, np.where(X.codes[:, : X.layout.n_numbers] == 0, 1e30, X.fractions), X.layout)
    assert (other.fractions == 1e30).any()
    ours, theirs = (trained(network, each, targets, orders_of(N_ROWS), 20, isa=isa) for each in (X, other))
    assert_same(ours, theirs)


def test_embeddings_of_one_column_are_a_layer_on_it(dtype):
    layout = LAYOUTS["one number"]
    network = network_on(layout).astype(dtype)
    first = network.structure.layers[0]
    same = Structure.of([first.n_inputs, first.n_units, 9, 3], "relu", columns=layout)
    X, targets, *_ = samples_for(network)
    orders = orders_of(N_ROWS)
    ours = trained(network, X, targets, orders, 20)
    theirs = trained(Network(same, network.params.copy()), X, targets, orders, 20)
    for one, other in zip(ours, theirs, strict=True):
        assert_close(one, other, dtype, 100)


# ---- bfloat16 --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_threads", [1, 2, 3])
def test_bfloat16_products_are_for_other_layers(n_threads, isa):
    network = network_on(LAYOUTS["both"]).astype(np.float32)
    X, targets, *_ = samples_for(network, 200)
    orders, given = orders_of(200), {"max_norm": 3.0, "clip_norm": 5.0}
    rounded, one, plain = (
        trained(network, X, targets, orders, 50, given=given, bfloat16=b, n_threads=n, isa=isa)
        for b, n in ((True, n_threads), (True, 1), (False, 1))
    )
    assert_same(rounded, one)
    assert not np.array_equal(rounded[1], plain[1])
    np.testing.assert_allclose(rounded[1], plain[1], atol=0.1)
    packed = (trainer_of(network, rule="adam", max_batch=50, bfloat16=b, isa=isa) for b in (True, False))
    outputs = []
    for each in packed:
        network.load_into(each)
        outputs.append(each.forward(rows_of(X, np.float32), depth=1))
    assert_same(*outputs)


# ---- passes that are kept --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize("normalization", [None, "layer", "batch"])
def test_kept_passes_go_back_to_parameters_alone(n_threads, normalization, dtype):
    network = network_on(LAYOUTS["both"], 8, (9,), SiLU(0.9, learn_beta=True), normalization).astype(dtype)
    X, *_ = samples_for(network)
    gradients = np.random.default_rng(5).standard_normal((N_ROWS, 3))
    outputs = network.forward(X, n_threads, keep=True)
    assert_close(outputs, network.astype(DOUBLE).forward(X), dtype, 10)
    expected = _slopes(network.astype(DOUBLE), X, gradients)
    for _ in range(2):
        found = network.backward(gradients)
        direction = np.random.default_rng(6).standard_normal(found.size)
        assert found @ direction == pytest.approx(expected(direction), rel=1e-3 if dtype == np.float32 else 1e-6)
    with pytest.raises(ValueError, match="codes of encoded columns have no gradients"):
        network.backward(gradients, inputs=True)


def _slopes(network, X, gradients, step=1e-6):
    """A function that returns the slope of (outputs * gradients).sum() along a direction of the parameters."""

    def slope(direction):
        values = []
        for sign in (1, -1):
            moved = network.astype(DOUBLE)
            moved.params += sign * step * direction
            values.append((moved.forward(X) * gradients).sum())
        return (values[0] - values[1]) / (2 * step)

    return slope


def test_hidden_activations():
    network = network_on(LAYOUTS["both"])
    X, *_ = samples_for(network)
    _, layers = reference.forward(network, X.dense())
    for i, (ours, theirs) in enumerate(zip(network.activations(X), layers, strict=True)):
        np.testing.assert_allclose(ours, theirs[-1], atol=1e-12)
        np.testing.assert_array_equal(network.activations(X, layer=i), ours)


# ---- predictors, and what is refused ---------------------------------------------------------------------------------


def test_predictors_know_their_parameters(dtype):
    network = network_on(LAYOUTS["both"]).astype(dtype)
    X, *_ = samples_for(network, 2000)
    predictor = network.predictor("columns", 2)
    assert_same(predictor(X), network.forward(X))
    assert predictor.holds(network.coefs, network.intercepts)
    for array in (network.coefs[0], network.intercepts[0], network.coefs[1]):
        array.flat[-1] += 1
        assert not predictor.holds(network.coefs, network.intercepts)
        array.flat[-1] -= 1
    assert not predictor.holds([network.coefs[0][:, :-1].copy(), *network.coefs[1:]], network.intercepts)


def test_embeddings_are_a_first_layer_with_another_after_it():
    layout, relu = LAYOUTS["both"], hidden_layer("relu", kind="embeddings")
    n_inputs = layout.total_inputs
    with pytest.raises(ValueError, match="layers must begin with the one that looks columns up"):
        Structure((Dense(3, n_inputs, relu), Embeddings(n_inputs, 24, relu, layout=layout), Dense(24, 2)))
    with pytest.raises(
        ValueError, match="hidden must be a HiddenLayer, since embeddings have another layer after them"
    ):
        Embeddings(n_inputs, 24, layout=layout)
    with pytest.raises(ValueError, match="n_units must be a multiple of 24, 4 for each of 6 columns; got 30"):
        Embeddings(n_inputs, 30, relu, layout=layout)
    with pytest.raises(ValueError, match="layout must be a ColumnsLayout; got None"):
        Structure.of([n_inputs, 24, 2], [relu])
    with pytest.raises(ValueError, match="layer 0 cannot look columns up"):
        engine.PackedNetwork([3, 4, 2], [relu], "squared_error", "float64")
    for wrong in (30, 0):
        with pytest.raises(ValueError, match=f"embeddings of 6 columns must have a multiple of 24 units, got {wrong}"):
            engine.PackedNetwork([n_inputs, wrong, 2], [relu], "squared_error", "float64", columns=layout)


def test_codes_are_neither_dropped_nor_noisy():
    network = network_on(LAYOUTS["both"])
    for regularization in (Regularization(dropout=[0.1, 0, 0]), Regularization(input_noise=0.1)):
        with pytest.raises(ValueError, match="codes of encoded columns can neither be dropped nor be noisy"):
            trainer_of(network, rule="adam", max_batch=5, regularization=regularization)
