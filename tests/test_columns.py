"""Encoded columns: layouts, the matrix which they stand for, what is refused; networks and estimators on them."""

import copy
import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import cross_val_predict, train_test_split

import fastmlp
from fastmlp import MLPClassifier, MLPRegressor, Network
from fastmlp.callbacks import LayerStatistics, ModelCheckpoint
from fastmlp.exceptions import IgnoredParameterWarning
from fastmlp.initializers import INITIALIZERS, Constant
from fastmlp.inputs.columns import ColumnsLayout, EncodedColumns
from fastmlp.inputs.validation import validated
from fastmlp.inspection.loss_landscape import filter_normalised_direction
from fastmlp.network import Regularization, Structure, hidden_layer
from tests import reference
from tests.engine.problems import encoded_columns

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

LAYOUT = ColumnsLayout((3, 1), (2,))
CODES = np.array([[1, 1, 0], [3, 1, 2], [0, 0, 1], [2, 1, 1]], np.uint8)
FRACTIONS = np.array([[-0.5, 2.0], [1.5, -3.0], [7.0, 7.0], [0.25, 0.0]])


def test_layouts_count_inputs():
    assert LAYOUT.n_inputs == (4, 2, 3)
    assert LAYOUT.offsets == (0, 4, 6)
    assert (LAYOUT.total_inputs, LAYOUT.n_columns, LAYOUT.n_numbers) == (9, 3, 2)
    assert ColumnsLayout([np.int64(3), 1], [2]) == LAYOUT
    assert LAYOUT.n_looked_up == 5
    assert hash(LAYOUT) == hash(ColumnsLayout((3, 1), (2,)))
    assert ColumnsLayout((255,), ()).code_dtype == np.uint8
    assert ColumnsLayout((), (256,)).code_dtype == np.uint16


@pytest.mark.parametrize(
    ("n_bins", "n_categories", "message"),
    [
        ((), (), "must name a column or more"),
        ((0,), (), r"n_bins must be integers from 1 to 65535; got \(0,\)"),
        ((2.5,), (), "n_bins must be integers"),
        ((True,), (), "n_bins must be integers"),
        (3, (), "n_bins must be integers"),
        ((), (-1,), "n_categories must be integers from 0 to 65535"),
        ((), (65536,), "n_categories must be integers from 0 to 65535"),
    ],
)
def test_layouts_that_cannot_be_are_refused(n_bins, n_categories, message):
    with pytest.raises(ValueError, match=message):
        ColumnsLayout(n_bins, n_categories)


def test_layouts_check_themselves():
    LAYOUT.check_state()
    for state in ({"n_bins": [3], "n_categories": ()}, {"n_bins": (0,), "n_categories": ()}, {"n_bins": (1,)}):
        forged = ColumnsLayout.__new__(ColumnsLayout)
        forged.__dict__.update(state)
        with pytest.raises(ValueError, match=r"ColumnsLayout|n_bins"):
            forged.check_state()


def test_dense_is_what_the_codes_say():
    wanted = [
        [0, -0.5, 0, 0, 0, 2, 1, 0, 0],
        [0, 1, 1, 1.5, 0, -3, 0, 0, 1],
        [1, 0, 0, 0, 1, 0, 0, 1, 0],
        [0, 1, 0.25, 0, 0, 0, 0, 1, 0],
    ]
    for codes in (CODES, CODES.astype(np.uint16)):
        for fractions in (FRACTIONS, FRACTIONS.astype(np.float32)):
            X = EncodedColumns(codes, fractions, LAYOUT)
            assert X.shape == (4, 9)
            for dtype in (np.float32, np.float64):
                assert X.dense(dtype).dtype == dtype
                np.testing.assert_array_equal(X.dense(dtype), wanted)


def test_means_are_those_of_the_dense_rows():
    random = np.random.default_rng(0)
    layout = ColumnsLayout((1, 2, 7), (0, 3))
    codes = np.stack([random.integers(0, n_inputs, 60) for n_inputs in layout.n_inputs], axis=1).astype(np.uint16)
    X = EncodedColumns(codes, random.uniform(-1, 2, (60, 3)), layout)
    weights = random.integers(0, 3, 60)
    np.testing.assert_allclose(X.mean(), X.dense().mean(axis=0), atol=1e-14)
    np.testing.assert_allclose(X.mean(weights), np.average(X.dense(), axis=0, weights=weights), atol=1e-14)


@pytest.mark.parametrize("rows", [[2, 0], np.array([True, False, True, False]), slice(1, 3), []])
def test_take(rows):
    X = EncodedColumns(CODES, FRACTIONS, LAYOUT)
    index = np.asarray(rows, int) if isinstance(rows, list) else rows
    np.testing.assert_array_equal(X.take(index).dense(), X.dense()[index])
    assert not np.shares_memory(X.take(index).codes, CODES)
    assert X.take(index).codes.flags.c_contiguous


def test_rows_that_are_none_are_refused():
    with pytest.raises(ValueError, match="rows must be a slice or a vector"):
        EncodedColumns(CODES, FRACTIONS, LAYOUT).take(1)


@pytest.mark.parametrize(
    ("codes", "fractions", "layout", "error", "message"),
    [
        (CODES.astype(int), FRACTIONS, LAYOUT, TypeError, "codes must be an array of uint8 or uint16; got an array of"),
        (CODES.tolist(), FRACTIONS, LAYOUT, TypeError, "codes must be an array .*; got list"),
        (CODES.astype(">u2"), FRACTIONS, LAYOUT, TypeError, "codes must be"),
        (CODES[:, :2], FRACTIONS, LAYOUT, ValueError, r"codes must be of shape \(n_rows, 3\); got \(4, 2\)"),
        (np.asfortranarray(CODES), FRACTIONS, LAYOUT, ValueError, "codes must be C-contiguous"),
        (CODES, FRACTIONS.astype(np.float16), LAYOUT, TypeError, "fractions must be an array of float32 or float64"),
        (CODES, FRACTIONS[:, 0], LAYOUT, ValueError, r"fractions must be of shape \(n_rows, 2\)"),
        (CODES, FRACTIONS[:2], LAYOUT, ValueError, "as many rows; got 4 and 2"),
        (CODES, np.where(FRACTIONS == 0.25, np.nan, FRACTIONS), LAYOUT, ValueError, "got nan in row 3, column 0"),
        (CODES + np.uint8([0, 0, 1]), FRACTIONS, LAYOUT, ValueError, "codes of column 2 must be from 0 to 2; got 3"),
        (CODES, FRACTIONS, ((3, 1), (2,)), TypeError, "layout must be a ColumnsLayout"),
    ],
)
def test_arrays_that_contradict_the_layout_are_refused(codes, fractions, layout, error, message):
    with pytest.raises(error, match=message):
        EncodedColumns(codes, fractions, layout)


def test_no_numbers_and_no_rows():
    X = EncodedColumns(np.zeros((0, 1), np.uint16), np.zeros((0, 0)), ColumnsLayout((), (0,)))
    assert X.dense().shape == (0, 1)
    assert len(X) == 0


def test_rows_as_scikit_learn_asks_for_them():
    X = EncodedColumns(CODES, FRACTIONS, LAYOUT)
    np.testing.assert_array_equal(X[np.array([2, 0]), ...].dense(), X.dense()[[2, 0]])
    np.testing.assert_array_equal(X[1:].dense(), X.dense()[1:])
    first, second = train_test_split(X, random_state=0)
    assert (len(first), len(second)) == (3, 1)
    with pytest.raises(TypeError, match=r"EncodedColumns are codes, and no array: dense\(\) gives the matrix"):
        np.asarray(X)


# ---- networks --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("weight_init", sorted(INITIALIZERS))
@pytest.mark.parametrize("hidden", [(300,), (300, 5)], ids=str)
def test_initial_weights_have_the_columns_for_their_inputs(weight_init, hidden):
    """What is summed for a row is as large as what a dense layer sums that has as many inputs as there are columns."""
    layout = ColumnsLayout((32, 1, 8), (3, 60))
    options = {"weight_init": weight_init, "random_state": 0}
    network = Network.create([layout.total_inputs, *hidden, 3], columns=layout, **options)
    usual = Network.create([layout.n_columns, *hidden, 3], **options)
    weights = network.coefs[0]
    assert not weights[list(layout.offsets)].any()
    sums = [weights[1:33].sum(axis=0), weights[34], weights[36:44].sum(axis=0), *weights[45:48], *weights[49:]]
    np.testing.assert_allclose(np.std(sums), usual.coefs[0].std(), rtol=0.3)
    for ours, theirs in zip(network.coefs[1:] + network.intercepts, usual.coefs[1:] + usual.intercepts, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_initial_weights_of_ones_own():
    shapes = []

    def counted(rng, fan_in, fan_out, dtype):
        shapes.append((fan_in, fan_out))
        return np.ones((fan_in, fan_out))

    network = Network.create([9, 4, 1], columns=LAYOUT, weight_init=counted, random_state=0)
    assert set(shapes[:-1]) == {(3, 4), (4, 1)}
    np.testing.assert_allclose(network.coefs[0][:, 0], [0, *[3**-0.5] * 3, 0, 1, 0, 1, 1])


def test_networks_that_are_copied_keep_the_layout():
    network = Network.create([9, 4, 1], columns=LAYOUT, normalization="batch", random_state=0)
    X = EncodedColumns(CODES, FRACTIONS, LAYOUT)
    outputs = network.forward(X)
    for other in (copy.deepcopy(network), pickle.loads(pickle.dumps(network)), network.with_arrays(network.arrays())):
        assert other.structure.columns == LAYOUT
        np.testing.assert_array_equal(other.forward(X), outputs)
    np.testing.assert_allclose(network.folded().forward(X), outputs, rtol=1e-12)
    assert network.flops_per_row == 6 * (network.params.size - (9 - 5) * 4)


# ---- estimators ------------------------------------------------------------------------------------------------------

TABLE = ColumnsLayout((6, 1, 12), (4, 7))
N_ROWS = 240


def samples(fractions=np.float64, seed=0):
    X = encoded_columns(TABLE, N_ROWS, fractions=fractions, seed=seed)
    signal = X.dense() @ np.random.default_rng(7).standard_normal((TABLE.total_inputs, 1))[:, 0]
    return X, signal, np.digitize(signal, np.quantile(signal, [0.3, 0.6]))


def small(cls, **parameters):
    return cls(**{"hidden_layer_sizes": (20, 9), "max_iter": 5, "batch_size": 32, "random_state": 0, **parameters})


FITS = {
    "plain": {},
    "early stopping": {"early_stopping": True, "max_iter": 8},
    "normalization": {"normalization": "batch"},
    "dropout": {"dropout": 0.2, "normalization": "layer"},
    "all else": {"ema": 0.9, "l1": 0.01, "gradient_clip_norm": 1.0, "max_norm": 2.0, "activation": "prelu"},
    "no hidden layer": {"hidden_layer_sizes": ()},
    "lbfgs": {"solver": "lbfgs"},
    "muon": {"solver": "muon"},
    "schedule-free": {"solver": "schedulefree"},
}


@pytest.mark.parametrize("parameters", FITS.values(), ids=FITS.keys())
def test_fits_are_those_to_the_matrix(cls, parameters):
    """From the same weights, which a warm start takes."""
    X, signal, labels = samples()
    y, weights = labels if cls is MLPClassifier else signal, np.random.default_rng(1).uniform(0, 2, N_ROWS)
    fitted = []
    for given in (X, X.dense()):
        model = small(cls, warm_start=True, **parameters | {"max_iter": 1, "early_stopping": False}).fit(given, y)
        if fitted:
            for name in ("coefs_", "intercepts_", "gains_", "activation_parameters_", "running_moments_"):
                for ours, first in zip(getattr(model, name, ()), getattr(fitted[0], name, ()), strict=True):
                    ours[:] = first
        fitted.append(model)
    for model in fitted:
        model.set_params(**{"max_iter": 5, "early_stopping": False} | parameters)
    for model, given in zip(fitted, (X, X.dense()), strict=True):
        model.fit(given, y, weights, eval_set=None if "early_stopping" in parameters else (given[:50], y[:50]))
    ours, theirs = fitted
    assert set(ours.history_) == set(theirs.history_)
    for name in set(ours.history_) - {"seconds"}:  # the first epoch was before they had the same weights
        np.testing.assert_allclose(ours.history_[name][1:], theirs.history_[name][1:], rtol=1e-5)
    np.testing.assert_allclose(ours.coefs_[0], theirs.coefs_[0], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(
        ours._outputs(X, ours._decoding()), theirs._outputs(X.dense(), theirs._decoding()), rtol=1e-5
    )


def test_later_layers_may_be_residual(path):
    X, _, y = samples()
    model = small(MLPClassifier, residual=True, hidden_layer_sizes=(20, 20, 9), n_jobs=2).fit(X, y)
    assert [projections is None for projections in model.projections_] == [True, True, False]
    model.save(path)
    np.testing.assert_array_equal(fastmlp.load(path).predict_proba(X), model.predict_proba(X))


def test_predictions_and_files(cls, path, dtype):
    X, signal, labels = samples(dtype)
    y = labels if cls is MLPClassifier else signal
    model = small(cls).fit(X, y)
    assert (model.columns_layout_, model.n_features_in_) == (TABLE, TABLE.total_inputs)
    assert model.coefs_[0].dtype == dtype
    outputs = model.predict_proba(X) if cls is MLPClassifier else model.predict(X)
    network = model.to_network()
    np.testing.assert_allclose(np.squeeze(network.forward(X)), outputs)
    np.testing.assert_array_equal(model.predictor()(X), outputs)
    np.testing.assert_array_equal(model.predict(X.take([5])), model.predict(X)[5:6])
    np.testing.assert_array_equal(model.transform(X, 0), network.activations(X, layer=0))
    model.save(path)
    for other in (fastmlp.load(path), pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        assert other.columns_layout_ == TABLE
        np.testing.assert_array_equal(other.predict(X), model.predict(X))
        other.coefs_[0][TABLE.offsets[0] + 1] += 1
        assert not np.array_equal(other.predictor()(X), outputs)


def test_fits_that_go_on(path):
    X, _, y = samples()
    whole = small(MLPClassifier, early_stopping=True, max_iter=6).fit(X, y)
    small(MLPClassifier, early_stopping=True, max_iter=6, callbacks=[ModelCheckpoint(path, every=3)]).fit(X, y)
    resumed = fastmlp.load(path)
    resumed.resume(X, y)
    for ours, theirs in zip(resumed.coefs_, whole.coefs_, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    one, two = small(MLPClassifier), small(MLPClassifier, n_jobs=3)
    for _ in range(3):
        one.partial_fit(X, y, classes=[0, 1, 2])
        two.partial_fit(X, y, classes=[0, 1, 2])
    np.testing.assert_array_equal(one.coefs_[0], two.coefs_[0])


def test_callbacks_scorers_and_cross_validation():
    X, _, y = samples()
    model = small(
        MLPClassifier, callbacks=[LayerStatistics()], scoring=["accuracy", "neg_log_loss"], early_stopping=True
    ).fit(X, y)
    assert len(model.history_["validation_accuracy"]) == 5
    assert len(model.callbacks[0].records_) == 5
    assert np.isfinite(model.callbacks[0].records_[-1]["dead"]).all()
    assert cross_val_predict(clone(model).set_params(callbacks=None), X, y, cv=3).shape == y.shape


def test_what_was_fitted_to_other_rows_is_told_apart():
    X, _, y = samples()
    model = small(MLPClassifier).fit(X, y)
    other = encoded_columns(ColumnsLayout((TABLE.total_inputs - 1,), ()), 4)
    for given in (X.dense(), other, X.dense().tolist()):
        with pytest.raises(ValueError, match=r"X must be EncodedColumns of .*, as MLPClassifier was fitted to; got"):
            model.predict(given)
        with pytest.raises(ValueError, match=r"X must be EncodedColumns of .*, as MLPClassifier was fitted to; got"):
            model.partial_fit(given, y[: len(given)])
    with pytest.raises(ValueError, match="eval_set 'validation': X must be EncodedColumns"):
        model.fit(X, y, eval_set=(X.dense(), y))
    assert model.columns_layout_ == TABLE
    model.fit(X.dense(), y)
    assert not hasattr(model, "columns_layout_")
    with pytest.raises(
        ValueError, match="X must be rows of numbers, as MLPClassifier was fitted to; got EncodedColumns"
    ):
        model.predict(X)


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ({"input_noise": 0.1}, "input_noise"),
        ({"input_dropout": 0.1}, "input_dropout"),
        ({"augment": "mixup"}, "augment"),
        ({"standardize": True}, "standardize"),
    ],
)
def test_parameters_for_numbers_are_refused(cls, parameters, name):
    X, _, y = samples()
    with pytest.raises(ValueError, match=f"{name}=.* is for X of numbers; got EncodedColumns"):
        small(cls, **parameters).fit(X, y)


def test_samples_that_cannot_be_used_are_refused(cls):
    X, _, y = samples()
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        small(cls).fit(X, y[:-1])
    with pytest.raises(ValueError, match="Found array with 0 sample"):
        small(cls).fit(X.take([]), y[:0])
    with pytest.raises(ValueError, match="requires y to be passed"):
        validated(small(cls), X, None)
    with pytest.raises(ValueError, match="y contains NaN"):
        small(cls).fit(X, np.where(y == 0, np.nan, y))
    X.codes[3, 4] = 200
    with pytest.raises(ValueError, match="codes of column 4 must be from 0 to 7, got 200"):
        small(cls).fit(X, y)


# ---- networks that embed columns -------------------------------------------------------------------------------------


SIZE = 8


def embedding(cls, **parameters):
    return small(cls, **{"embedding_size": SIZE} | parameters)


def outputs_of(model, X):
    return model.predict_proba(X) if hasattr(model, "predict_proba") else model.predict(X)


@pytest.mark.parametrize("weight_init", sorted(set(INITIALIZERS) - {"zeros", "constant", "normal", "uniform"}))
@pytest.mark.parametrize("size", [4, 8, 16])
def test_initial_embeddings_are_neither_small_nor_large(weight_init, size):
    layout = ColumnsLayout((32,) * 30 + (8,) * 30, (300, 600))
    network = Network.create(
        [layout.total_inputs, 20, 3], columns=layout, embedding_size=size, weight_init=weight_init, random_state=0
    )
    weights = network.coefs[0]
    assert weights.shape == (layout.total_inputs, size)
    assert not weights[list(layout.offsets)].any()
    # The sums of a number's bins up to one in its middle vary as a category's weights do.
    of_categories = weights[layout.offsets[60] :].std()
    for numbers, n_bins in ((layout.offsets[:30], 32), (layout.offsets[30:60], 8)):
        middles = [weights[first + 1 : first + 1 + n_bins // 2].sum(axis=0) for first in numbers]
        assert np.std(middles) == pytest.approx(of_categories, rel=0.25)
    assert 0.24 < of_categories < (1.6 if weight_init.startswith("he") else 1.1)


def test_initial_embeddings_of_ones_own():
    shapes = []

    def counted(rng, fan_in, fan_out, dtype):
        shapes.append((fan_in, fan_out))
        return np.ones((fan_in, fan_out))

    layout = ColumnsLayout((8, 1), (2,))
    network = Network.create(
        [14, 5, 1], columns=layout, embedding_size=4, weight_init=counted, bias_init=Constant(0.5), random_state=0
    )
    assert shapes == [(1, 4)] * 14 + [(12, 5), (5, 1)]
    np.testing.assert_allclose(network.coefs[0][:, 0], [0, *[0.5] * 8, 0, 1, 0, 1, 1])
    np.testing.assert_array_equal(network.intercepts[0], np.full(12, 0.5))

    def wrong(rng, fan_in, fan_out, dtype):
        return np.ones(3)

    with pytest.raises(ValueError, match="weight_init: embedding 0"):
        Network.create([14, 5, 1], columns=layout, embedding_size=4, weight_init=wrong)


def test_embeddings_come_before_the_layers_of_sizes():
    options = {"columns": TABLE, "embedding_size": 8, "random_state": 0, "normalization": "layer"}
    first = Network.create([TABLE.total_inputs, 9, 3], "tanh", **options)
    assert [(layer.kind, layer.normalization) for layer in first.structure.hidden] == [
        ("embeddings", None),
        ("dense", "layer"),
    ]
    usual = Network.create([40, 9, 3], "tanh", normalization="layer", random_state=0)
    assert [part.shape for part in first.structure.parts()][2:] == [part.shape for part in usual.structure.parts()]


def test_networks_that_are_copied_keep_the_embeddings():
    hidden = [hidden_layer("tanh", "batch", kind) for kind in ("embeddings", "dense")]
    structure = Structure.of([TABLE.total_inputs, 20, 7, 3], hidden, columns=TABLE)
    network = Network(structure)
    rng = np.random.default_rng(0)
    network.params += rng.standard_normal(network.params.shape)
    for moments in network.running:
        moments[:] = rng.standard_normal(moments.shape[1]), rng.uniform(0.5, 2, moments.shape[1])
    X, *_ = samples()
    outputs = network.forward(X)
    np.testing.assert_allclose(outputs, reference.outputs(network, X.dense()), rtol=1e-9)
    for other in (copy.deepcopy(network), pickle.loads(pickle.dumps(network)), network.with_arrays(network.arrays())):
        assert other.structure == structure
        np.testing.assert_array_equal(other.forward(X), outputs)
    np.testing.assert_allclose(network.folded().forward(X), outputs, rtol=1e-9)
    assert network.flops_per_row == 6 * (network.params.size - (TABLE.total_inputs - TABLE.n_looked_up) * 4)


def test_norms_of_weights_are_those_of_units():
    network = Network.create([TABLE.total_inputs, 9, 3], columns=TABLE, embedding_size=SIZE, random_state=0)
    layer, weights = network.structure.layers[0], network.coefs[0]
    whole = reference.spread(layer, weights)
    norms = layer.weight_norms(weights)
    np.testing.assert_allclose(norms, np.linalg.norm(whole, axis=0))
    np.testing.assert_allclose(reference.spread(layer, weights * layer.by_weight(norms)), whole * norms)
    direction = network.named_parameters(filter_normalised_direction(network, np.random.RandomState(0)))
    np.testing.assert_allclose(layer.weight_norms(direction["coefs.0"]), norms)


def test_factors_of_parts():
    network = Network.create([TABLE.total_inputs, 9, 3], columns=TABLE, embedding_size=SIZE, random_state=0)
    X, signal, _ = samples()
    for still in ("coefs.0", "intercepts.0", "coefs.1", "intercepts.1"):
        regularization = Regularization(rate_factors={still: 0.0})
        trainer = network.trainer(rule="adam", max_batch=N_ROWS, regularization=regularization)
        trainer.attach(network._rows(X), np.stack([signal] * 3, axis=1))
        trainer.begin(np.arange(N_ROWS)[np.newaxis], N_ROWS, 0.1, (0.01, 0.9, 0.999, 1e-8), 0)
        while not trainer.run():
            pass
        params = np.empty_like(network.params)
        trainer.store(params)
        changed = {name: (view != network.named_parameters()[name]).any() for name, view in
                   network.named_parameters(params).items()}  # fmt: skip
        assert changed == {name: name != still for name in changed}


@pytest.mark.parametrize(
    ("size", "message"), [(6, "multiple of 4; got 6: write 8"), (0, "embedding_size"), (2.5, "emb")]
)
def test_sizes_of_embeddings_that_cannot_be_are_refused(size, message):
    with pytest.raises(ValueError, match=message):
        Structure.of([TABLE.total_inputs, 9, 3], "relu", columns=TABLE, embedding_size=size)


def test_embeddings_need_columns():
    with pytest.raises(ValueError, match="embedding_size is for encoded columns; got 8 without columns"):
        Network.create([5, 9, 3], embedding_size=8)
    network = Network.create([TABLE.total_inputs, 9, 3], columns=TABLE, embedding_size=8, random_state=0)
    X, *_ = samples()
    with pytest.raises(ValueError, match=r"the codes of encoded columns have no gradients\.$"):
        network.input_gradients(X, output=0)


# ---- estimators that embed columns -----------------------------------------------------------------------------------


EMBEDDING_FITS = {
    "plain": {},
    "early stopping": {"early_stopping": True, "max_iter": 8},
    "dropout": {"dropout": [0.2, 0.1], "input_dropout": 0.2, "normalization": "batch"},
    "all else": {"ema": 0.9, "l1": 0.01, "gradient_clip_norm": 1.0, "max_norm": 2.0, "activation": ["prelu", "tanh"]},
    "no hidden layer": {"hidden_layer_sizes": ()},
    "residual": {"residual": True, "hidden_layer_sizes": (40, 40, 9), "normalization": "layer"},
    "lbfgs": {"solver": "lbfgs"},
    "muon": {"solver": "muon", "max_norm": 1.5},
    "schedule-free": {"solver": "schedulefree"},
}


@pytest.mark.parametrize("parameters", EMBEDDING_FITS.values(), ids=EMBEDDING_FITS.keys())
def test_embeddings_in_fits_predictions_and_files(cls, parameters, path, dtype):
    X, signal, labels = samples(dtype)
    y, weights = labels if cls is MLPClassifier else signal, np.random.default_rng(1).uniform(0, 2, N_ROWS)
    sets = None if "early_stopping" in parameters else (X[:50], y[:50])
    model, other = (embedding(cls, n_jobs=n, **parameters).fit(X, y, weights, eval_set=sets) for n in (1, 3))
    assert model.coefs_[0].shape == (TABLE.total_inputs, SIZE)
    assert model.intercepts_[0].shape == (TABLE.n_columns * SIZE,)
    assert model.coefs_[0].dtype == dtype
    assert model.n_layers_ == len(model.coefs_) + 1
    outputs = outputs_of(model, X)
    np.testing.assert_array_equal(outputs_of(other, X), outputs)
    expected = reference.outputs(model._network(np.dtype(np.float64)), X.dense())
    close = {"rtol": 1e-9} if dtype == np.float64 else {"rtol": 1e-4, "atol": 1e-5}
    np.testing.assert_allclose(np.squeeze(expected), outputs, **close)
    np.testing.assert_allclose(np.squeeze(model.to_network().forward(X)), outputs, **close)
    np.testing.assert_array_equal(model.predictor()(X), outputs)
    np.testing.assert_array_equal(model.predict(X.take([5])), model.predict(X)[5:6])
    np.testing.assert_array_equal(model.transform(X, 0), model.to_network().activations(X, layer=0))
    assert model.transform(X, 0).shape == (N_ROWS, TABLE.n_columns * SIZE)
    model.save(path)
    for copied in (fastmlp.load(path), pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        np.testing.assert_array_equal(copied.predict(X), model.predict(X))
        copied.coefs_[0][TABLE.offsets[3] + 1] += 1
        assert not np.array_equal(outputs_of(copied, X), outputs)
    clone(model).fit(X, y)


def test_embeddings_take_the_first_activation():
    X, signal, _ = samples()
    model = embedding(MLPRegressor, activation=["tanh", "relu"]).fit(X, signal)
    assert [layer.activation for layer in model.to_network().structure.hidden] == ["tanh", "tanh", "relu"]
    assert np.abs(model.transform(X, 0)).max() <= 1
    assert (model.transform(X, 0) < 0).any()
    alone = embedding(MLPRegressor, hidden_layer_sizes=(), activation="tanh").fit(X, signal)
    assert [layer.activation for layer in alone.to_network().structure.hidden] == ["tanh"]


def test_input_dropout_is_that_of_embeddings():
    X, signal, _ = samples()
    plain, dropped, hidden = (
        embedding(MLPRegressor, **given).fit(X, signal) for given in ({}, {"input_dropout": 0.5}, {"dropout": 0.5})
    )
    for one, other in ((plain, dropped), (plain, hidden), (dropped, hidden)):
        assert not np.array_equal(one.coefs_[0], other.coefs_[0])
    with pytest.raises(ValueError, match=r"input_dropout=0\.1 is for X of numbers"):
        embedding(MLPRegressor, embedding_size=None, input_dropout=0.1).fit(X, signal)


def test_fits_learn_what_one_column_says():
    """A function of each column by itself, summed: embeddings without other hidden layers can learn it."""
    X, signal, _ = samples()
    model = embedding(MLPRegressor, hidden_layer_sizes=(), learning_rate_init=0.01, max_iter=300).fit(X, signal)
    assert model.score(X, signal) > 0.95


def test_fits_of_embeddings_that_go_on(path):
    X, _, y = samples()
    whole = embedding(MLPClassifier, early_stopping=True, max_iter=6).fit(X, y)
    embedding(MLPClassifier, early_stopping=True, max_iter=6, callbacks=[ModelCheckpoint(path, every=3)]).fit(X, y)
    resumed = fastmlp.load(path)
    resumed.resume(X, y)
    for ours, theirs in zip(resumed.coefs_, whole.coefs_, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    one, two = embedding(MLPClassifier), embedding(MLPClassifier, n_jobs=3)
    for _ in range(3):
        one.partial_fit(X, y, classes=[0, 1, 2])
        two.partial_fit(X, y, classes=[0, 1, 2])
    np.testing.assert_array_equal(one.coefs_[0], two.coefs_[0])
    warm = embedding(MLPClassifier, warm_start=True).fit(X, y)
    before = warm.loss_
    assert warm.set_params(max_iter=20).fit(X, y).loss_ < before


def test_callbacks_hear_of_embeddings():
    X, _, y = samples()
    model = embedding(MLPClassifier, callbacks=[LayerStatistics()]).fit(X, y)
    assert len(model.callbacks[0].records_[-1]["dead"]) == 3


# ---- what is refused of embeddings -----------------------------------------------------------------------------------


def test_embeddings_are_for_encoded_columns(cls):
    X, _, y = samples()
    with pytest.raises(ValueError, match="embedding_size=8 is for EncodedColumns; got X of numbers"):
        embedding(cls).fit(X.dense(), y)
    with pytest.raises(ValueError, match="embedding_size must be a multiple of 4; got 6: write 8"):
        embedding(cls, embedding_size=6).fit(X, y)
    with pytest.raises(ValueError, match="'embedding_size' parameter"):
        embedding(cls, embedding_size=0).fit(X, y)
    with pytest.raises(TypeError, match="embedding_size"):
        cls(embedding_dim=8)


@pytest.mark.parametrize(("fitted", "then"), [(8, 4), (8, None), (None, 8), (8, 16)])
def test_another_size_than_the_fitted_one_is_refused(fitted, then):
    X, _, y = samples()
    model = embedding(MLPClassifier, embedding_size=fitted, warm_start=True).fit(X, y)
    model.set_params(embedding_size=then)
    for call in (lambda: model.fit(X, y), lambda: model.partial_fit(X, y), lambda: model.predict(X), model.to_network):
        with pytest.raises(ValueError, match=f"embedding_size={then} is not that of the fitted network"):
            call()
    np.testing.assert_array_equal(
        model.set_params(embedding_size=fitted).predict(X),
        embedding(MLPClassifier, embedding_size=fitted).fit(X, y).predict(X),
    )


def test_parameters_without_effect_beside_embeddings():
    X, signal, _ = samples()
    with pytest.warns(IgnoredParameterWarning, match=r"^dropout=0.1 has no effect without hidden layers\.$"):
        embedding(MLPRegressor, hidden_layer_sizes=(), activation="gelu", max_norm=1.0, dropout=0.1).fit(X, signal)


def test_files_that_say_another_size_are_refused(path):
    X, _, y = samples()
    model = embedding(MLPClassifier).fit(X, y)
    for name, value in (
        ("embedding_size", None),
        ("embedding_size", 4),
        ("coefs_", [model.coefs_[0][:, :4].copy(), *model.coefs_[1:]]),
        ("intercepts_", [model.intercepts_[0][:-8].copy(), *model.intercepts_[1:]]),
        ("columns_layout_", ColumnsLayout((TABLE.total_inputs - 1,), ())),
        ("columns_layout_", None),
    ):
        forged = copy.deepcopy(model)
        setattr(forged, name, value)
        with pytest.raises(ValueError, match=r"embedding_size=|intercepts_\[0\]|coefs_\[1\]|columns_layout_"):
            forged.check_state()
        with pytest.raises(ValueError, match=r"embedding_size=|intercepts_\[0\]|coefs_\[1\]|columns_layout_"):
            forged.save(path)
