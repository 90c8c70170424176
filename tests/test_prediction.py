"""Predictions: those of the fitted numbers, whatever becomes of them; bare predictors."""

import copy
import pickle

import numpy as np
import pytest
import scipy.sparse
import sklearn.neural_network
from sklearn.exceptions import NotFittedError
from sklearn.preprocessing import StandardScaler

from fastmlp import MLPClassifier, MLPRegressor
from fastmlp.activations import LeakyReLU
from fastmlp.engine import NORMALIZATION_EPSILON
from tests.estimator_cases import (
    OBJECTS,
    X_BAD,
    X_INF,
    X_IRIS,
    X_SMALL,
    Y_IRIS,
    Y_NUMBERS,
    Sine,
    answers,
    assert_fails_without_a_trace,
    own_target,
    small,
)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


# ---- bad input -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (X_BAD, "Input X contains NaN"),
        (X_INF, "Input X contains infinity"),
        (X_IRIS[:, :3], "X has 3 features, but MLP.* is expecting 4 features as input"),
        (X_IRIS[:0], r"Found array with 0 sample\(s\)"),
        (OBJECTS, "could not convert string to float: 'a'"),
        (X_IRIS[0], "Expected 2D array, got 1D array"),
    ],
    ids=str,
)
def test_bad_predict(cls, X, message):
    estimator = cls(hidden_layer_sizes=(5,), max_iter=2, random_state=0).fit(X_IRIS, Y_IRIS)
    assert_fails_without_a_trace(lambda: estimator.predict(X), estimator, ValueError, message)


@pytest.mark.parametrize("bad", [{"n_jobs": 0}, {"dtype": "int8"}], ids=str)
def test_predict_with_bad_parameters(cls, bad):
    estimator = cls(hidden_layer_sizes=(5,), max_iter=2, random_state=0).fit(X_IRIS, Y_IRIS).set_params(**bad)
    ((name, value),) = bad.items()
    message = f"{name}.* got {value!r}"
    assert_fails_without_a_trace(lambda: estimator.predict(X_IRIS), estimator, ValueError, f"(?i){message}")


def test_predict_before_fit(cls):
    with pytest.raises(NotFittedError, match="is not fitted yet"):
        cls().predict(X_IRIS)


# ---- predictions -----------------------------------------------------------------------------------------------------


def forward_in_numpy(estimator, X):
    """Of a net of prelu units with batch normalization and standardized inputs."""
    a = (X - estimator.input_means_) * estimator.input_scales_
    for i, (W, b) in enumerate(zip(estimator.coefs_, estimator.intercepts_, strict=True)):
        z = a @ W
        if i == len(estimator.coefs_) - 1:
            return z + b
        mean, variance = estimator.running_moments_[i]
        z = (z - mean) / np.sqrt(variance + NORMALIZATION_EPSILON) * estimator.gains_[i] + b
        a = np.where(z > 0, z, estimator.activation_parameters_[i] * z)


@pytest.fixture
def normalized():
    """A network that has one of everything, its inputs far from 0."""
    params = {"normalization": "batch", "activation": "prelu", "standardize": True, "batch_size": 30}
    return small(MLPRegressor, **params).fit(X_SMALL + 7, Y_NUMBERS)


def test_predictions_are_the_fitted_networks(normalized):
    X = X_SMALL + 7
    expected = forward_in_numpy(normalized, X).ravel()
    np.testing.assert_allclose(normalized.predict(X), expected, rtol=1e-10)
    np.testing.assert_allclose(normalized._network(np.dtype(np.float64)).forward(X).ravel(), expected, rtol=1e-10)
    np.testing.assert_array_equal(normalized.predictor()(X), normalized.predict(X))
    np.testing.assert_allclose(normalized.predict(scipy.sparse.csr_array(X)), expected, rtol=1e-10)
    np.testing.assert_allclose(normalized.predict(X.astype(np.float32)), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    "name",
    ["coefs_", "intercepts_", "gains_", "activation_parameters_", "running_moments_", "input_means_", "input_scales_"],
)
def test_predictions_follow_what_is_edited_in_place(normalized, name):
    X = X_SMALL + 7
    before, held = normalized.predict(X), getattr(normalized, name)
    for array in held if isinstance(held, list) else [held]:
        array[...] = array * 1.5
    after = normalized.predict(X)
    assert not np.array_equal(after, before)
    np.testing.assert_allclose(after, forward_in_numpy(normalized, X).ravel(), rtol=1e-10)
    np.testing.assert_array_equal(normalized.predictor()(X), after)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(normalized)).predict(X), after)


@pytest.mark.parametrize(
    ("params", "name"),
    [
        ({"normalization": "layer"}, "gains_"),
        ({"activation": "prelu"}, "activation_parameters_"),
        ({"standardize": True}, "input_means_"),
        ({"standardize": True}, "input_scales_"),
    ],
)
def test_predictions_follow_what_stands_beside_the_weights(cls, params, name):
    """Where weights are what a prediction multiplies with, as well: of features that are standard already, too."""
    X = StandardScaler().fit_transform(X_SMALL)
    estimator = small(cls, **params).fit(X, own_target(cls))
    if "standardize" in params:
        estimator.input_means_[:], estimator.input_scales_[:] = 0, 1
    before, held = answers(estimator, X), getattr(estimator, name)
    for array in held if isinstance(held, list) else [held]:
        array += 0.5
    after = answers(estimator, X)
    assert not np.array_equal(after, before)
    np.testing.assert_array_equal(answers(copy.deepcopy(estimator), X), after)


def test_predictions_follow_the_activation(cls):
    estimator = small(cls).fit(X_SMALL, own_target(cls))
    seen = [answers(estimator, X_SMALL)]
    for activation in ("tanh", ["tanh", "mish"], [Sine(), "relu"], LeakyReLU(0.5)):
        seen.append(answers(estimator.set_params(activation=activation), X_SMALL))
        assert not np.array_equal(seen[-1], seen[-2])
    np.testing.assert_array_equal(answers(estimator.set_params(activation="relu"), X_SMALL), seen[0])


@pytest.mark.parametrize(
    ("first", "then", "name"),
    [
        ({}, {"normalization": "layer"}, "no gains_"),
        ({}, {"activation": "prelu"}, "no activation_parameters_"),
        ({"normalization": "layer"}, {"normalization": None}, "its gains_"),
        ({"normalization": "layer"}, {"normalization": "batch"}, "no running_moments_"),
        ({"normalization": "batch"}, {"normalization": "layer"}, "its running_moments_"),
        ({"activation": "prelu"}, {"activation": "relu"}, "its activation_parameters_"),
    ],
)
def test_a_fitted_network_is_not_read_as_another(cls, first, then, name):
    estimator = small(cls, **first, max_iter=2).fit(X_SMALL, own_target(cls)).set_params(**then)
    message = f"Hidden layer 0 of the fitted network has {name}, unlike what activation="
    for call in (
        lambda: estimator.predict(X_SMALL),
        lambda: estimator.predict(X_SMALL[:, ::-1]),
        estimator.predictor,
        lambda: estimator.partial_fit(X_SMALL, own_target(cls)),
    ):
        assert_fails_without_a_trace(call, estimator, ValueError, message)
    estimator.set_params(warm_start=True)
    refit = lambda: estimator.fit(X_SMALL, own_target(cls))  # noqa: E731
    assert_fails_without_a_trace(refit, estimator, ValueError, message)
    estimator.set_params(warm_start=False).fit(X_SMALL, own_target(cls)).predict(X_SMALL)


# ---- the rest --------------------------------------------------------------------------------------------------------


def test_attributes_are_the_source_of_truth(cls):
    estimator = cls(hidden_layer_sizes=(5,), max_iter=2, random_state=0).fit(X_IRIS, Y_IRIS)
    estimator.coefs_[-1] = np.zeros_like(estimator.coefs_[-1])
    estimator.intercepts_[-1] = np.zeros_like(estimator.intercepts_[-1])
    if cls is MLPClassifier:
        np.testing.assert_allclose(estimator.predict_proba(X_IRIS), 1 / 3)
    else:
        np.testing.assert_array_equal(estimator.predict(X_IRIS), 0)


@pytest.mark.parametrize("params", [{}, {"standardize": True}, {"normalization": "batch"}], ids=str)
@pytest.mark.parametrize(
    "of", [np.asarray, np.asfortranarray, np.ndarray.tolist, scipy.sparse.csr_array], ids=lambda of: of.__name__
)
def test_changes_of_a_fitted_model_show_in_its_next_prediction(of, params, cls):
    estimator = cls(hidden_layer_sizes=(5,), max_iter=2, random_state=0, **params).fit(X_IRIS, Y_IRIS)
    answer = estimator.predict_proba if cls is MLPClassifier else estimator.predict
    samples = of(X_IRIS)
    seen = [answer(samples)]
    for change in (
        lambda: estimator.coefs_[0].__setitem__((0, 0), 5.0),
        lambda: estimator.intercepts_[-1].__setitem__(0, 5.0),
        lambda: estimator.set_params(activation="identity"),
        lambda: setattr(estimator, "out_activation_", "logistic"),
        lambda: estimator.fit(X_IRIS[::2], Y_IRIS[::2]),
    ):
        change()
        seen.append(answer(samples))
        assert not np.array_equal(seen[-1], seen[-2])
        copied = copy.deepcopy(estimator)
        np.testing.assert_array_equal(
            (copied.predict_proba if cls is MLPClassifier else copied.predict)(samples), seen[-1]
        )


def test_names_of_features_are_looked_at_in_every_call(cls):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X_IRIS, columns=list("abcd"))
    estimator = cls(hidden_layer_sizes=(5,), max_iter=2, random_state=0).fit(frame, Y_IRIS)
    for _ in range(2):
        with pytest.warns(UserWarning, match="X does not have valid feature names"):
            estimator.predict(X_IRIS)


def test_assume_finite(cls):
    estimator = cls(hidden_layer_sizes=(5,), max_iter=2, random_state=0).fit(X_IRIS, Y_IRIS)
    with sklearn.config_context(assume_finite=True):
        estimator.predict(X_BAD)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_targets", [1, 2])
def test_predictor_gives_what_the_checked_methods_give(cls, dtype, n_targets):
    X, y = X_IRIS.astype(dtype), np.stack([Y_IRIS > 0, Y_IRIS > 1], axis=1)[:, :n_targets].squeeze().astype(int)
    for target in (Y_IRIS, y):
        estimator = cls(hidden_layer_sizes=(5,), max_iter=2, random_state=0).fit(X, target)
        expected = (estimator.predict_proba if cls is MLPClassifier else estimator.predict)(X)
        # The long way, which an array in Fortran order takes, gives the same.
        long_way = (estimator.predict_proba if cls is MLPClassifier else estimator.predict)(np.asfortranarray(X))
        predictor = estimator.predictor()
        np.testing.assert_array_equal(predictor(X), expected)
        np.testing.assert_array_equal(long_way, expected)
        assert predictor(X).dtype == dtype
        estimator.fit(X[::3], target[::3])
        np.testing.assert_array_equal(predictor(X), expected)


@pytest.mark.parametrize("code", ["e", "g", ">f8", ">f4", "l"])
def test_weights_of_any_type_predict(cls, code):
    estimator = cls(hidden_layer_sizes=(5,), max_iter=2, random_state=0).fit(X_IRIS, Y_IRIS)
    dtype = np.dtype(code)
    estimator.coefs_ = [(10 * W).astype(dtype) for W in estimator.coefs_]
    estimator.intercepts_ = [(10 * b).astype(dtype) for b in estimator.intercepts_]
    answer = estimator.predict_proba if cls is MLPClassifier else estimator.predict
    single = dtype.newbyteorder("=") == np.float32
    X = X_IRIS.astype(np.float32 if single else np.float64)
    expected = answer(X)
    np.testing.assert_array_equal(estimator.predictor()(X), expected)
    if dtype.kind != "i":
        np.testing.assert_allclose(answer(X_IRIS.astype(dtype)), expected, rtol=1e-2, atol=1e-3)


def test_predictor_computes_in_the_type_asked_for(cls):
    estimator = cls(hidden_layer_sizes=(5,), max_iter=2, random_state=0).fit(X_IRIS.astype(np.float32), Y_IRIS)
    estimator.set_params(dtype="float64")
    answer = estimator.predict_proba if cls is MLPClassifier else estimator.predict
    np.testing.assert_array_equal(estimator.predictor()(X_IRIS), answer(X_IRIS))
    assert answer(X_IRIS).dtype == np.float64


def test_an_estimator_need_not_be_hashable(cls):
    class Comparable(cls):
        __eq__ = object.__eq__
        __hash__ = None

    estimator = Comparable(hidden_layer_sizes=(5,), max_iter=2, random_state=0).fit(X_IRIS, Y_IRIS)
    assert estimator.predict(X_IRIS).shape == (150,)


def test_width_of_samples_is_that_of_fit_whatever_the_weights(cls):
    estimator = cls(hidden_layer_sizes=(5,), max_iter=2, random_state=0).fit(X_IRIS, Y_IRIS)
    estimator.coefs_[0] = estimator.coefs_[0][:3].copy()
    with pytest.raises(ValueError, match=r"X has 3 features, but MLP.* is expecting 4 features as input"):
        estimator.predict(np.ascontiguousarray(X_IRIS[:, :3]))


def test_predictor_before_fit_and_with_bad_parameters(cls):
    with pytest.raises(NotFittedError, match="is not fitted yet"):
        cls().predictor()
    estimator = cls(hidden_layer_sizes=(5,), max_iter=2, random_state=0).fit(X_IRIS, Y_IRIS).set_params(n_jobs=0)
    with pytest.raises(ValueError, match=r"n_jobs.* Got 0"):
        estimator.predictor()


# ---- what is switched, edited or mixed between calls -----------------------------------------------------------------


def test_sparse_predictions_after_a_standardized_dense_fit_with_layer_normalization():
    X = np.random.default_rng(0).standard_normal((1500, 4)) + 3
    X[X < 2] = 0
    clf = MLPClassifier((8,), standardize=True, normalization="layer", max_iter=5, random_state=0).fit(X, X[:, 0] > 3)
    np.testing.assert_allclose(clf.predict_proba(scipy.sparse.csr_array(X)), clf.predict_proba(X), atol=1e-12)
