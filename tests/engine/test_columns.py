"""A first layer on encoded columns: the numbers of the dense layer on the matrix which they stand for, and its bits."""

import numpy as np
import pytest

from fastmlp import engine
from fastmlp.inputs.columns import ColumnsLayout, EncodedColumns
from fastmlp.inputs.rows import rows_of
from fastmlp.network import Columns, Dense, Network, Regularization, Structure, check_gradients, hidden_layer
from tests import reference
from tests.engine.problems import (
    REGULARIZATIONS,
    assert_close,
    assert_same,
    encoded_columns,
    passed,
    trainer_of,
)

DOUBLE = np.dtype(np.float64)
# Numbers and categories, of which one has no known value; either alone; one column; columns of several strips, and
# strips of several columns.
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
N_ROWS = 57
# One panel of units, which is not full; several.
HIDDEN = [(5,), (70, 3)]


def network_on(layout, hidden=(70, 9), activation="relu", normalization=None, loss="squared_error", kind="dense"):
    """A network in whose every number there is something."""
    sizes = [layout.total_inputs, *hidden, 3]
    network = Network(Structure.of(sizes, activation, normalization, kind, columns=layout), objective=loss)
    rng = np.random.default_rng(0)
    for view in network.named_parameters().values():
        view += rng.standard_normal(view.shape) / np.sqrt(layout.n_columns if len(view) == sizes[0] else len(view))
    return network


def dense_twin(network):
    """The network whose first layer multiplies the matrix, with a copy of the same parameters."""
    first, *rest = network.structure.layers
    structure = Structure((Dense(first.n_inputs, first.n_units, first.hidden), *rest))
    return Network(structure, network.params.copy(), objective=network.objective)


def samples_for(network, n_rows=N_ROWS, codes=np.uint8, fractions=np.float64):
    """Encoded columns, targets as the engine reads them, and weights of the rows, of which some are 0."""
    layout, rng = network.structure.columns, np.random.default_rng(1)
    X = encoded_columns(layout, n_rows, np.promote_types(codes, layout.code_dtype), fractions)
    shape = (n_rows, network.structure.sizes[-1])
    targets, _ = reference.random_targets(network.objective.loss, shape, network.params.dtype, rng)
    return X, targets, rng.integers(0, 4, n_rows) / 2


def trained_on(network, X, targets, weights=None, *, order=None, n_passes=3, batch_size=20, rule="adam", **options):
    """The parameters and outputs after some passes, and the mean loss of the last."""
    n_rows = len(targets)
    trainer = trainer_of(network, rule=rule, max_batch=batch_size, **options)
    network.load_into(trainer)
    rows = rows_of(X, network.params.dtype)
    trainer.attach(rows, targets, weights)
    order = np.random.default_rng(2).permutation(n_rows) if order is None else order
    hyper = {"adam": (0.01, 0.9, 0.999, 1e-8), "gradient": ()}[rule]
    for k in range(n_passes):
        loss = passed(trainer, order, batch_size, 0.1, hyper, k * -(-n_rows // batch_size))
    params = np.empty_like(network.params)
    trainer.store(params)
    return params, trainer.forward(rows), loss


# ---- the dense product -----------------------------------------------------------------------------------------------


@layouts
@pytest.mark.parametrize("hidden", [(), *HIDDEN], ids=str)
@pytest.mark.parametrize(("codes", "fractions"), [(np.uint8, np.float32), (np.uint16, np.float64)])
def test_outputs_are_those_of_the_matrix(layout, hidden, codes, fractions, isa, dtype):
    network = network_on(layout, hidden).astype(dtype)
    X, _, _ = samples_for(network, 300, codes=codes, fractions=fractions)
    packed = engine.PackedNetwork(
        network.structure.sizes, network.structure.hidden, "squared_error", dtype, columns=layout, isa=isa
    )
    network.load_into(packed)
    h = X.dense()
    for i, (weights, biases) in enumerate(zip(network.coefs, network.intercepts, strict=True)):
        h = (np.maximum(h, 0) if i else h) @ weights.astype(float) + biases
    found = packed.forward(rows_of(X, dtype))
    assert_close(found, h, dtype, 10)
    order = np.random.default_rng(3).permutation(300)[:200]
    assert_same(packed.forward(rows_of(X, dtype), order=order), found[order])
    assert_same(packed.forward(rows_of(X, dtype), start=7, stop=150), found[7:150])


@layouts
@pytest.mark.parametrize("hidden", [(), *HIDDEN], ids=str)
def test_gradients_are_those_of_the_matrix(layout, hidden, isa, dtype):
    network = network_on(layout, hidden).astype(dtype)
    X, targets, weights = samples_for(network)
    value, gradient = network.loss_and_gradients(X, targets, weights, alpha=0.2, isa=isa)
    expected_value, expected = dense_twin(network.astype(DOUBLE)).loss_and_gradients(
        X.dense(), targets.astype(float), weights, alpha=0.2
    )
    assert value == pytest.approx(expected_value, rel=1e-5 if dtype == np.float32 else 1e-12)
    assert_close(gradient, expected, dtype, 30)


@pytest.mark.parametrize("normalization", [None, "layer", "batch"])
@pytest.mark.parametrize("kind", ["dense", "residual"])
@pytest.mark.parametrize("activation", ["relu", "prelu", "gelu"])
def test_gradients_are_slopes_of_the_loss(normalization, kind, activation, isa):
    network = network_on(LAYOUTS["both"], (9, 9, 6), activation, normalization, "log_loss", kind)
    X, targets, _ = samples_for(network)
    regularization = Regularization(dropout=[0, 0.2, 0.3, 0.1], l1=0.1)
    errors = check_gradients(network, X, targets, alpha=0.2, regularization=regularization, isa=isa, n_directions=2)
    assert max(errors.values()) < 1e-6, errors


@layouts
@pytest.mark.parametrize("normalization", [None, "layer", "batch"])
def test_trainings_are_those_of_the_matrix(layout, normalization, isa):
    network = network_on(layout, normalization=normalization)
    X, targets, weights = samples_for(network)
    found = trained_on(network, X, targets, weights, isa=isa)
    expected = trained_on(dense_twin(network), X.dense(), targets, weights, isa=isa)
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("name", [name for name, given in REGULARIZATIONS.items() if "input_noise" not in given])
def test_trainings_with_all_that_changes_gradients_and_weights(name, isa):
    network = network_on(LAYOUTS["both"], (40, 9))
    X, targets, weights = samples_for(network)
    given = dict(REGULARIZATIONS[name])
    if "dropout" in given:
        given["dropout"] = [0, *given["dropout"][1:]]
    options = {"regularization": Regularization(**given), "isa": isa}
    found = trained_on(network, X, targets, weights, **options)
    expected = trained_on(dense_twin(network), X.dense(), targets, weights, **options)
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-8, atol=1e-9)


def test_trainings_in_single_precision_are_close(isa):
    network = network_on(LAYOUTS["both"]).astype(np.float32)
    X, targets, _ = samples_for(network, fractions=np.float32)
    found, outputs, _ = trained_on(network, X, targets, isa=isa)
    expected, expected_outputs, _ = trained_on(dense_twin(network.astype(DOUBLE)), X.dense(), targets.astype(float))
    np.testing.assert_allclose(found, expected, atol=2e-4)
    np.testing.assert_allclose(outputs, expected_outputs, atol=1e-3)


@pytest.mark.parametrize("rule", ["adam", "gradient"])
def test_a_batch_of_several_chunks(rule, dtype):
    """The sums of a batch go on from chunk to chunk."""
    network = network_on(LAYOUTS["both"], (40,)).astype(dtype)
    X, targets, weights = samples_for(network, 2500)
    found = trained_on(network, X, targets, weights, batch_size=2500, rule=rule, n_passes=2)
    expected = trained_on(
        dense_twin(network.astype(DOUBLE)), X.dense(), targets.astype(float), weights, batch_size=2500, rule=rule,
        n_passes=2,
    )  # fmt: skip
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-3 if dtype == np.float32 else 1e-9)


# ---- what does not change the bits -----------------------------------------------------------------------------------


@layouts
@pytest.mark.parametrize("name", ["none", "all but randomness"])
def test_threads_give_the_same_bits(layout, name, isa, dtype):
    network = network_on(layout, normalization="batch" if name == "none" else None).astype(dtype)
    X, targets, weights = samples_for(network, 150)
    options = {"regularization": Regularization(**REGULARIZATIONS[name]), "isa": isa, "batch_size": 60}
    first, *others = (trained_on(network, X, targets, weights, n_threads=n, **options) for n in (1, 2, 3))
    for other in others:
        assert_same(first, other)


def test_many_threads_with_few_rows_give_the_same_bits():
    network = network_on(LAYOUTS["one category"], (5,))
    X, targets, _ = samples_for(network, 9)
    one, many = (trained_on(network, X, targets, batch_size=2, n_threads=n) for n in (1, 8))
    assert_same(one[0], many[0])


def test_types_of_codes_and_fractions_do_not_matter(isa, dtype):
    network = network_on(LAYOUTS["both"]).astype(dtype)
    X, targets, _ = samples_for(network, fractions=np.float32)
    wide = EncodedColumns(X.codes.astype(np.uint16), X.fractions.astype(np.float64), X.layout)
    assert_same(trained_on(network, X, targets, isa=isa)[0], trained_on(network, wide, targets, isa=isa)[0])


def test_fractions_of_missing_numbers_have_no_effect(isa, dtype):
    network = network_on(LAYOUTS["both"]).astype(dtype)
    X, targets, _ = samples_for(network)
    other = EncodedColumns(X.codes, np.where(X.codes[:, : X.layout.n_numbers] == 0, 1e30, X.fractions), X.layout)
    assert (other.fractions == 1e30).any()
    assert_same(trained_on(network, X, targets, isa=isa)[0], trained_on(network, other, targets, isa=isa)[0])


def test_unseen_inputs_keep_their_weights():
    network = network_on(LAYOUTS["both"])
    X, targets, _ = samples_for(network)
    codes = np.minimum(X.codes, np.uint8([2, 1, 5, 1, 0, 3]))
    params, *_ = trained_on(network, EncodedColumns(codes, X.fractions, X.layout), targets, rule="gradient")
    assert_same(params, network.params)
    trainer = trainer_of(network, rule="gradient", max_batch=N_ROWS)
    network.load_into(trainer)
    trainer.attach(rows_of(EncodedColumns(codes, X.fractions, X.layout), DOUBLE), targets)
    passed(trainer, np.arange(N_ROWS), N_ROWS)
    trainer.store(None, [params])
    gradient = next(view for part, view in network.structure.views(params) if part.name == "coefs")
    seen = gradient.any(axis=1)
    for column, (offset, width) in enumerate(zip(X.layout.offsets, X.layout.n_inputs, strict=True)):
        np.testing.assert_array_equal(seen[offset : offset + width], np.arange(width) <= codes[:, column].max())


# ---- bfloat16 --------------------------------------------------------------------------------------------------------


def test_bfloat16_products_are_for_other_layers(isa):
    network = network_on(LAYOUTS["both"], ()).astype(np.float32)
    X, targets, _ = samples_for(network)
    plain, rounded = (trained_on(network, X, targets, bfloat16=b, isa=isa) for b in (False, True))
    assert_same(plain[0], rounded[0])


@pytest.mark.parametrize("n_threads", [1, 2, 3])
def test_bfloat16_is_close(n_threads):
    network = network_on(LAYOUTS["both"]).astype(np.float32)
    X, targets, _ = samples_for(network, 200)
    regularization = Regularization(max_norm=3.0, clip_norm=5.0)
    rounded, one, plain = (
        trained_on(network, X, targets, bfloat16=b, n_threads=n, batch_size=50, regularization=regularization)
        for b, n in ((True, n_threads), (True, 1), (False, 1))
    )
    assert_same(rounded[0], one[0])
    assert not np.array_equal(rounded[0], plain[0])
    np.testing.assert_allclose(rounded[1], plain[1], atol=0.1)


# ---- passes that are kept --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_threads", [1, 2])
def test_kept_passes_go_back_to_parameters_alone(n_threads, dtype):
    network = network_on(LAYOUTS["both"], normalization="layer").astype(dtype)
    X, _, _ = samples_for(network)
    gradients = np.random.default_rng(5).standard_normal((N_ROWS, 3))
    outputs = network.forward(X, n_threads, keep=True)
    twin = dense_twin(network.astype(DOUBLE))
    assert_close(outputs, twin.forward(X.dense(), keep=True), dtype, 10)
    expected = twin.backward(gradients)
    for _ in range(2):
        assert_close(network.backward(gradients), expected, dtype, 30)
    for refused in (
        lambda: network.backward(gradients, inputs=True),
        lambda: network.jacobian(X),
        lambda: network.input_gradients(X, output=0),
    ):
        with pytest.raises(ValueError, match="codes of encoded columns have no gradients"):
            refused()
    kept = engine.KeptPass(
        network.structure.sizes, network.structure.hidden, "squared_error", dtype, columns=X.layout, max_rows=N_ROWS
    )
    network.load_into(kept)
    found = kept.ahead(rows_of(X, dtype))
    with pytest.raises(ValueError, match="have no gradients"):
        kept.back(found, inputs=np.empty(X.shape, dtype))


def test_hidden_activations():
    network = network_on(LAYOUTS["both"])
    X, _, _ = samples_for(network)
    expected = dense_twin(network).activations(X.dense())
    for i, (ours, theirs) in enumerate(zip(network.activations(X), expected, strict=True)):
        np.testing.assert_allclose(ours, theirs, atol=1e-12)
        np.testing.assert_array_equal(network.activations(X, layer=i), ours)


# ---- what is refused -------------------------------------------------------------------------------------------------


def test_predictors_take_columns(dtype):
    network = network_on(LAYOUTS["both"]).astype(dtype)
    X, _, _ = samples_for(network, 2000)
    predictor = network.predictor("columns", 2)
    assert_same(predictor(X), network.forward(X))
    assert_same(predictor(X.take([3])), predictor(X)[3:4])
    assert predictor(X.take([])).shape == (0, 3)
    assert predictor.if_valid(X.dense(dtype)) is None
    with pytest.raises(ValueError, match=r"X must be EncodedColumns of the layout .*, got ndarray"):
        predictor(X.dense(dtype))
    with pytest.raises(ValueError, match="the network is expecting"):
        predictor(encoded_columns(ColumnsLayout((X.layout.total_inputs - 1,), ()), 3))


def test_rows_that_contradict_their_layout_are_refused():
    """The engine would read weights that are not there."""
    for layout in (LAYOUTS["both"], LAYOUTS["wide"]):
        X = encoded_columns(layout, 20, layout.code_dtype)
        assert engine.Rows(X).n_features == layout.total_inputs
        X.codes[7, 1] = layout.n_inputs[1]
        with pytest.raises(ValueError, match=f"codes of column 1 must be from 0 to {layout.n_inputs[1] - 1}, got"):
            engine.Rows(X)
        X.codes = X.codes[:, :1]
        with pytest.raises(ValueError, match="codes must be a contiguous array of uint8 or uint16, of shape"):
            engine.Rows(X)
        X.codes, X.fractions = np.zeros((20, layout.n_columns), np.uint8), X.fractions[:3]
        with pytest.raises(ValueError, match="fractions must be a contiguous array of float32 or float64, of shape"):
            engine.Rows(X)
        X.fractions = np.zeros((20, layout.n_numbers), np.int64)
        with pytest.raises(ValueError, match="fractions must be"):
            engine.Rows(X)


def test_other_layouts_and_rows_are_refused():
    network = network_on(LAYOUTS["both"])
    X, targets, _ = samples_for(network)
    trainer = trainer_of(network, rule="adam", max_batch=5)
    other = ColumnsLayout((X.layout.total_inputs - 1,), ())
    for rows in (rows_of(X.dense(), DOUBLE), rows_of(encoded_columns(other, N_ROWS), DOUBLE)):
        with pytest.raises(ValueError, match="X has columns of the layout"):
            trainer.attach(rows, targets)
        with pytest.raises(ValueError, match=r"X must be EncodedColumns of .*, as Network is expecting; got"):
            network.forward(rows)
    with pytest.raises(ValueError, match="X must be rows of numbers"):
        dense_twin(network).forward(X)
    X.fractions[0, 0] = 1e300
    with pytest.raises(ValueError, match="too large for dtype"):
        network.astype(np.float32).forward(X)


def test_codes_are_neither_dropped_nor_noisy():
    network = network_on(LAYOUTS["both"])
    for regularization in (Regularization(dropout=[0.1, 0, 0]), Regularization(input_noise=0.1)):
        with pytest.raises(ValueError, match="codes of encoded columns can neither be dropped nor be noisy"):
            trainer_of(network, rule="adam", max_batch=5, regularization=regularization)


def test_only_the_first_layer_looks_up():
    layout = LAYOUTS["both"]
    relu = hidden_layer("relu")
    with pytest.raises(ValueError, match="layers must begin with the one that looks columns up"):
        Structure((Dense(3, layout.total_inputs, relu), Columns(layout.total_inputs, 2, layout=layout)))
    with pytest.raises(ValueError, match="layout must be a ColumnsLayout; got None"):
        Structure.of([layout.total_inputs, 3, 2], "relu", kind="columns")
    with pytest.raises(ValueError, match=f"n_inputs must be {layout.total_inputs}, as the layout has; got 5"):
        Structure.of([5, 3, 2], "relu", columns=layout)
    with pytest.raises(ValueError, match="layer 0 cannot look columns up"):
        engine.PackedNetwork([3, 4, 2], [relu._replace(kind="columns")], "squared_error", "float64")
    with pytest.raises(ValueError, match=f"columns have {layout.total_inputs} inputs, but the first layer has 3"):
        engine.PackedNetwork([3, 4, 2], "relu", "squared_error", "float64", columns=layout)
