"""Fitted attributes as a network."""

import copy
import pickle
import warnings
from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError

import fastmlp
from fastmlp import MLPClassifier, MLPRegressor, Network, check_gradients
from fastmlp.activations import LeakyReLU
from fastmlp.losses import Focal, Huber, Pinball
from fastmlp.optimizers import LBFGS
from tests.estimator_cases import TARGETS, X_SMALL, Y_NUMBERS, answers

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def own_cross_entropy(y_true, y_pred, sample_weight):
    share = 1 / (1 + np.exp(-y_pred))
    return np.logaddexp(0, y_pred - 2 * y_true * y_pred).sum(axis=1).mean(), (share - y_true) / len(y_true)


NETWORKS = {
    "plain": (MLPClassifier, {}, "multiclass"),
    "two classes": (MLPClassifier, {}, "binary"),
    "labels": (MLPClassifier, {}, "multilabel"),
    "numbers": (MLPRegressor, {}, "numbers"),
    "several numbers": (MLPRegressor, {}, "several numbers"),
    "lbfgs": (MLPClassifier, {"solver": "lbfgs"}, "multiclass"),
    "lbfgs, numbers": (MLPRegressor, {"solver": LBFGS(20), "max_iter": 200}, "numbers"),
    "no hidden layer": (MLPClassifier, {"hidden_layer_sizes": ()}, "multiclass"),
    "batch": (MLPClassifier, {"normalization": "batch", "standardize": True}, "multiclass"),
    "layer": (MLPClassifier, {"normalization": "layer", "standardize": True}, "binary"),
    "prelu": (MLPRegressor, {"activation": "prelu"}, "numbers"),
    "activations": (MLPRegressor, {"activation": ["gelu", LeakyReLU(0.2)], "hidden_layer_sizes": (7, 5)}, "numbers"),
    "ema": (MLPClassifier, {"ema": 0.9}, "multiclass"),
    "schedule-free": (MLPClassifier, {"solver": "schedulefreeadamw"}, "binary"),
    "quantiles": (MLPRegressor, {"loss": Pinball([0.1, 0.5, 0.8])}, "numbers"),
    "huber": (MLPRegressor, {"loss": Huber(0.3)}, "numbers"),
    "poisson": (MLPRegressor, {"loss": "poisson"}, "counts"),
    "hinge": (MLPClassifier, {"loss": "hinge"}, "multiclass"),
    "focal": (MLPClassifier, {"loss": Focal(1.0)}, "multiclass"),
    "quadratic": (MLPClassifier, {"loss": "squared_error"}, "binary"),
    "one's own": (MLPClassifier, {"loss": own_cross_entropy}, "binary"),
    "weighted outputs": (MLPClassifier, {"loss_weights": [1.0, 2.0, 3.0]}, "multilabel"),
    "mixup": (MLPClassifier, {"augment": "mixup"}, "multiclass"),
    "label smoothing": (MLPClassifier, {"label_smoothing": 0.2}, "multiclass"),
}


def encoded(model, y):
    """Targets as to_network's docstring says."""
    if isinstance(model, MLPRegressor):
        columns = np.ascontiguousarray(y, float).reshape(len(y), -1)
        return np.tile(columns, 3) if isinstance(model.loss, Pinball) else columns
    if np.ndim(y) == 2:
        return y.astype(float)
    numbers = np.searchsorted(model.classes_, y)
    if len(model.classes_) == 2:
        return numbers[:, np.newaxis].astype(float)
    if model.label_smoothing:
        return (1 - model.label_smoothing) * np.eye(3)[numbers] + model.label_smoothing / 3
    if model.loss == "log_loss" or isinstance(model.loss, Focal):
        return numbers.astype(np.int32)
    return np.eye(3)[numbers]


def fitted_network(name, X=X_SMALL, **more):
    cls, given, kind = NETWORKS[name]
    y = {"several numbers": X_SMALL[:, :2], "counts": np.abs(Y_NUMBERS), "numbers": Y_NUMBERS, **TARGETS}[kind]
    model = cls(random_state=0, max_iter=20, alpha=0.0).set_params(**{"hidden_layer_sizes": (7,)} | given | more)
    with warnings.catch_warnings(action="ignore", category=ConvergenceWarning):
        return model.fit(X, y), y


@pytest.mark.parametrize("name", NETWORKS)
def test_to_network_gives_what_the_estimator_predicts(name, dtype):
    X = X_SMALL.astype(dtype)
    model, _ = fitted_network(name, X)
    network = model.to_network()
    assert type(network) is Network and network.params.dtype == dtype
    expected = answers(model, X).reshape(len(X), -1)[:, -model.n_outputs_ :]
    for given in (X, scipy.sparse.csr_array(X)):
        if scipy.sparse.issparse(given) and model.standardize:
            continue  # CSR rows are not centred as they are read
        found = network.forward(given)
        np.testing.assert_allclose(found, expected, rtol=1e-12 if dtype == np.float64 else 1e-4, atol=1e-6)
        *hidden, outputs = network.activations(given)
        np.testing.assert_array_equal(outputs, found)
        assert [layer.shape for layer in hidden] == [(len(X), W.shape[1]) for W in model.coefs_[:-1]]


@pytest.mark.parametrize("name", NETWORKS)
def test_to_networks_gradients_are_those_of_the_loss(name):
    """Against differences of the loss, with the loss's own numbers; which is what training ended with."""
    model, y = fitted_network(name)
    network, targets = model.to_network(), encoded(model, y)
    errors = check_gradients(network, X_SMALL, targets)
    assert max(errors.values()) < 1e-5
    loss, gradient = network.loss_and_gradients(X_SMALL, targets)
    assert gradient.shape == network.params.shape
    if "lbfgs" in name:
        assert loss == pytest.approx(model.loss_, rel=1e-9)
    history = clone(model).set_params(max_iter=1 if isinstance(model.solver, str) else 200, augment=None)
    with warnings.catch_warnings(action="ignore", category=ConvergenceWarning):
        history.fit(X_SMALL, y, eval_set=(X_SMALL, y))
    again = history.to_network()
    if "batch" not in name:  # whose moments in predictions are other ones
        found = again.loss_and_gradients(X_SMALL, targets)[0]
        assert found == pytest.approx(history.history_["validation_loss"][-1], rel=1e-9)


def test_to_network_is_a_copy():
    model, y = fitted_network("plain")
    before = model.predict_proba(X_SMALL)
    network = model.to_network()
    network.params[:] = 0
    np.testing.assert_array_equal(model.predict_proba(X_SMALL), before)
    other = model.to_network()
    copied = other.astype(np.float32)
    model.fit(X_SMALL[:50], y[:50])
    np.testing.assert_allclose(other.forward(X_SMALL), before, rtol=1e-12)
    np.testing.assert_allclose(copied.forward(X_SMALL), before, atol=1e-5)


def test_copies_of_a_network_keep_its_loss():
    model, y = fitted_network("quantiles")
    network, targets = model.to_network(), encoded(model, y)
    expected = network.loss_and_gradients(X_SMALL, targets)[0]
    for copied in (network.astype(np.float64), network.with_arrays(network.arrays()), network.folded()):
        assert copied.loss_and_gradients(X_SMALL, targets)[0] == pytest.approx(expected, rel=1e-12)
    network.objective = replace(network.objective, options=(0.9, 0.9, 0.9))
    told = network.loss_and_gradients(X_SMALL, targets)[0]
    assert told != pytest.approx(expected, rel=1e-3)


def test_to_network_of_bfloat16_and_of_other_types():
    model, _ = fitted_network("plain", dtype="bfloat16")
    network = model.to_network()
    assert network.params.dtype == np.float32
    np.testing.assert_allclose(network.forward(X_SMALL), model.predict_proba(X_SMALL), rtol=1e-4)
    model, _ = fitted_network("plain", X=X_SMALL.astype(np.float32))
    assert model.to_network().params.dtype == np.float32
    assert model.set_params(dtype="float64").to_network().params.dtype == np.float64


def test_to_network_refuses_what_is_not_fitted_or_is_no_longer_true(tmp_path):
    for cls in (MLPClassifier, MLPRegressor):
        with pytest.raises(NotFittedError, match=r"This MLP\w+ instance is not fitted yet"):
            cls().to_network()
    model, _ = fitted_network("plain")
    with pytest.raises(
        ValueError, match="loss='hinge' goes with outputs of 'identity', but those of the fitted network"
    ):
        copy.copy(model).set_params(loss="hinge").to_network()
    with pytest.raises(ValueError, match="unlike what activation='prelu'"):
        copy.copy(model).set_params(activation="prelu").to_network()
    model.save(tmp_path / "model")
    for other in (fastmlp.load(tmp_path / "model"), pickle.loads(pickle.dumps(model))):
        np.testing.assert_array_equal(other.to_network().params, model.to_network().params)
