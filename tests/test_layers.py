"""Kinds of layers in estimators: residual ones, what deep networks learn with them, files, what is refused."""

import numpy as np
import pytest
import scipy.sparse
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import fastmlp
from fastmlp import MLPClassifier, MLPRegressor, Network
from fastmlp.callbacks import ModelCheckpoint
from tests import reference
from tests.estimator_cases import TARGETS, X_SMALL, Y_NUMBERS, answers, everything

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

normalizations = pytest.mark.parametrize("normalization", [None, "layer", "batch"])
SIZES = (5, 5, 7)  # X_SMALL has 5 features: layers with projections and without.
SMALL = {"hidden_layer_sizes": SIZES, "residual": True, "random_state": 0, "batch_size": 20, "max_iter": 4}


def deep_classifier(**parameters):
    given = {
        "hidden_layer_sizes": (64,) * 40,
        "standardize": True,
        "batch_size": 100,
        "max_iter": 40,
        "dtype": "float32",
    }
    return MLPClassifier(**given, n_iter_no_change=40, random_state=1, **parameters)


def test_forty_layers_learn_digits():
    X, X_test, y, y_test = train_test_split(*load_digits(return_X_y=True), random_state=0)
    assert deep_classifier(residual=True).fit(X, y).score(X_test, y_test) >= 0.97
    assert deep_classifier().fit(X, y).score(X_test, y_test) <= 0.6


@normalizations
@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_gradients_of_forty_layers_are_of_one_size(activation, normalization):
    """At the start; with relu they are not without residual layers."""
    X, y = load_digits(return_X_y=True)
    X = (X - X.mean(axis=0)) / np.maximum(X.std(axis=0), 1e-9)
    spreads = {}
    for kind in ("residual", "dense"):
        network = Network.create(
            [64] * 41 + [10], activation, "log_loss", normalization=normalization, kind=kind, random_state=0
        )
        gradient = network.loss_and_gradients(X, y.astype(np.int32))[1]
        norms = [np.linalg.norm(part) for part in Network(network.structure, gradient).coefs]
        spreads[kind] = max(norms) / min(norms)
    assert spreads["residual"] < 10
    assert activation != "relu" or spreads["dense"] > 20


@normalizations
def test_predictions_are_the_oracles(normalization):
    model = MLPClassifier(**SMALL, normalization=normalization, standardize=True).fit(X_SMALL, TARGETS["multiclass"])
    assert [part is None for part in model.projections_] == [True, True, False]
    assert model.projections_[2].shape == (5, 7)
    network = model.to_network()
    np.testing.assert_allclose(model.predict_proba(X_SMALL), reference.outputs(network, X_SMALL), atol=1e-12)
    np.testing.assert_array_equal(model.predictor()(X_SMALL), model.predict_proba(X_SMALL))
    assert network.projections[2].any()


def test_without_it_nothing_is_projected():
    model = MLPClassifier((5, 7), max_iter=2).fit(X_SMALL, TARGETS["multiclass"])
    assert not model.residual
    assert not hasattr(model, "projections_")
    assert not hasattr(MLPClassifier((5, 5), residual=True, max_iter=2).fit(X_SMALL, Y_NUMBERS > 0), "projections_")


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs", "muon", "schedule_free_adamw"])
def test_solvers_learn(solver):
    rate = {"sgd": 0.1, "muon": 0.02}.get(solver, 0.01)
    model = MLPRegressor(**SMALL | {"max_iter": 200}, solver=solver, learning_rate_init=rate, n_iter_no_change=200)
    assert model.fit(X_SMALL, Y_NUMBERS).score(X_SMALL, Y_NUMBERS) > 0.9


@pytest.mark.parametrize(
    "parameters", [{"dropout": 0.2, "normalization": "batch"}, {"dtype": "bfloat16"}, {"ema": 0.9}]
)
def test_files_and_fits_that_go_on(parameters, tmp_path):
    X, y, path = X_SMALL, TARGETS["multiclass"], tmp_path / "model"
    whole = MLPClassifier(**SMALL | {"max_iter": 8}, **parameters).fit(X, y)
    whole.save(path)
    loaded = fastmlp.load(path)
    np.testing.assert_array_equal(everything(loaded), everything(whole))
    np.testing.assert_array_equal(answers(loaded, X), answers(whole, X))
    MLPClassifier(**SMALL | {"max_iter": 5}, **parameters, callbacks=[ModelCheckpoint(path, every=3)]).fit(X, y)
    resumed = fastmlp.load(path).set_params(callbacks=None, max_iter=8).resume(X, y)
    np.testing.assert_array_equal(everything(resumed), everything(whole))


def test_partial_fit_and_warm_starts_go_on():
    X, y = X_SMALL, TARGETS["multiclass"]
    partly = MLPClassifier(**SMALL, shuffle=False)
    for _ in range(4):
        partly.partial_fit(X, y, classes=[0, 1, 2])
    whole = MLPClassifier(**SMALL, shuffle=False).fit(X, y)
    np.testing.assert_array_equal(everything(partly), everything(whole))
    warm = MLPClassifier(**SMALL, warm_start=True).fit(X, y)
    first = warm.loss_
    assert warm.fit(X, y).loss_ < first
    assert warm.projections_[2].shape == (5, 7)


@pytest.mark.parametrize("n_jobs", [2, 3])
def test_threads_do_not_change_the_bits(n_jobs):
    fits = [MLPRegressor(**SMALL, dropout=0.1, n_jobs=n).fit(X_SMALL, Y_NUMBERS) for n in (1, n_jobs)]
    np.testing.assert_array_equal(everything(fits[0]), everything(fits[1]))


@pytest.mark.parametrize("sizes", [(5, 5), (7, 5)])
def test_sparse_samples(sizes):
    """Scaled alike, they teach what dense ones teach, and are centred where these have been."""
    X, sparse = np.maximum(X_SMALL, 0), scipy.sparse.csr_array(np.maximum(X_SMALL, 0))
    given = SMALL | {"hidden_layer_sizes": sizes}
    dense = MLPRegressor(**given, input_dropout=0.1).fit(X, Y_NUMBERS)
    np.testing.assert_array_equal(
        everything(MLPRegressor(**given, input_dropout=0.1).fit(sparse, Y_NUMBERS)), everything(dense)
    )
    np.testing.assert_array_equal(dense.predict(sparse), dense.predict(X))
    centred = MLPRegressor(**given, standardize=True).fit(X, Y_NUMBERS)
    np.testing.assert_allclose(centred.predict(sparse), centred.predict(X), rtol=1e-12)


def test_a_change_after_the_fit_is_seen_or_refused():
    model = MLPRegressor(hidden_layer_sizes=(5, 5), residual=True, random_state=0, max_iter=3).fit(X_SMALL, Y_NUMBERS)
    before = model.predict(X_SMALL)
    assert not np.allclose(model.set_params(residual=False).predict(X_SMALL), before)
    np.testing.assert_array_equal(model.set_params(residual=True).predict(X_SMALL), before)
    model = MLPRegressor(hidden_layer_sizes=(7,), residual=True, random_state=0, max_iter=3).fit(X_SMALL, Y_NUMBERS)
    message = "its projections_, unlike what .* residual=False ask for"
    with pytest.raises(ValueError, match=message):
        model.set_params(residual=False).predict(X_SMALL)
    with pytest.raises(ValueError, match=message):
        model.partial_fit(X_SMALL, Y_NUMBERS)


@pytest.mark.parametrize("cls", [MLPClassifier, MLPRegressor])
@pytest.mark.parametrize("bad", ["yes", 2, None, [True, False]])
def test_what_is_no_truth_value(cls, bad):
    with pytest.raises(ValueError, match="'residual' parameter of MLP"):
        cls(residual=bad).fit(X_SMALL, TARGETS["binary"])


def test_initial_weights_are_smaller_the_more_layers_there_are():
    """Only those of 'auto'; the dense ones are what they are without residual layers."""
    sizes = [5, 5, 7, 3]
    for normalization in (None, "layer"):
        made = [
            Network.create(sizes, normalization=normalization, kind=kind, weight_init=init, random_state=0)
            for init in ("auto", "he_normal")
            for kind in ("dense", "residual")
        ]
        for i in range(3):
            factor = 2 if i < 2 else 1
            np.testing.assert_array_equal(made[1].coefs[i] * factor, made[0].coefs[i])
            np.testing.assert_array_equal(made[1].intercepts[i] * factor, made[0].intercepts[i])
            np.testing.assert_array_equal(made[3].coefs[i], made[2].coefs[i])
        assert made[1].projections[1].std() == pytest.approx(np.sqrt(2 / 12), rel=0.2)
        if normalization:
            np.testing.assert_allclose([made[1].gains[0][0], made[3].gains[0][0]], [np.sqrt(0.5), 1])
