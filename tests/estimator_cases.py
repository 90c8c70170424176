"""What the tests of the estimators share: samples, targets, small networks, options of every kind."""

import ctypes
import ctypes.util
import pickle

import numpy as np
import pytest
import scipy.sparse
from scipy import LowLevelCallable
from sklearn.datasets import load_iris

from fastmlp import MLPClassifier, MLPRegressor
from fastmlp.activations import Activation
from fastmlp.losses import NAMED_LOSSES
from fastmlp.optimizers import Optimizer
from fastmlp.schedules import Cosine

ESTIMATORS = [MLPClassifier, MLPRegressor]
X_IRIS, Y_IRIS = load_iris(return_X_y=True)


def parameters(estimator):
    return np.concatenate([part.ravel() for part in estimator.coefs_ + estimator.intercepts_])


X_BAD = np.where(np.arange(X_IRIS.size).reshape(X_IRIS.shape) == 37, np.nan, X_IRIS)
X_INF = np.where(np.isnan(X_BAD), np.inf, X_IRIS)
ONES = np.ones(150)
Y_NAN, Y_INF = np.where(np.arange(150) == 3, np.nan, 1.5), np.where(np.arange(150) == 3, np.inf, 1.5)
OBJECTS = np.array([["a", 1.0, 2, 3]] * 150, dtype=object)
NEGATIVE = -ONES


def assert_fails_without_a_trace(call, estimator, error, message):
    # Parameters may be functions, which have no pickle.
    parameters = estimator.get_params(deep=False)

    def learned():
        return pickle.dumps({name: value for name, value in vars(estimator).items() if name not in parameters})

    before, identities = learned(), {name: id(value) for name, value in vars(estimator).items()}
    with np.errstate(all="ignore"), pytest.raises(error, match=message) as raised:
        call()
    assert {name: id(value) for name, value in vars(estimator).items()} == identities
    assert learned() == before
    return raised.value


RNG = np.random.default_rng(0)
X_SMALL = RNG.standard_normal((90, 5))
Y_NUMBERS = X_SMALL[:, 0] * X_SMALL[:, 1] + X_SMALL[:, 2]
TARGETS = {
    "binary": (Y_NUMBERS > 0).astype(int),
    "multiclass": (X_SMALL @ RNG.standard_normal((5, 3))).argmax(axis=1),
    "multilabel": (X_SMALL @ RNG.standard_normal((5, 3)) > 0).astype(int),
}
# As the engine reads it: in either type, dense or not.
FORMS = {
    f"{kind} {dtype}": form(X_SMALL.astype(dtype))
    for kind, form in (("dense", np.asarray), ("CSR", scipy.sparse.csr_array))
    for dtype in ("float32", "float64")
}


def small(cls, **params):
    return cls(**{"hidden_layer_sizes": (8, 6), "max_iter": 30, "random_state": 0, **params})


def own_target(cls):
    return TARGETS["multiclass"] if cls is MLPClassifier else Y_NUMBERS


def assert_learns(estimator, X, y):
    estimator.fit(X, y)
    assert np.isfinite(estimator.loss_curve_).all()
    assert estimator.loss_curve_[-1] < estimator.loss_curve_[0]


def answers(estimator, X):
    """What the estimator says of rows at its most precise."""
    for name in ("predict_proba", "decision_function"):
        if hasattr(estimator, name):
            return getattr(estimator, name)(X)
    return estimator.predict(X)


def everything(estimator):
    """All numbers of a fitted network, one after another."""
    parts = [*estimator.coefs_, *estimator.intercepts_]
    for name in ("gains_", "activation_parameters_", "projections_", "running_moments_"):
        parts += [part for part in getattr(estimator, name, []) if part is not None]
    return np.concatenate([part.ravel() for part in parts])


LOSS_CASES = [(name, kind) for name, loss in NAMED_LOSSES.items() for kind in loss.engine_losses]


class Heavy(Optimizer):
    """A user's: two methods."""

    def __init__(self, learning_rate=0.05):
        self.learning_rate = learning_rate

    def init(self, params):
        return [np.zeros_like(p) for p in params]

    def step(self, params, grads, state):
        for p, g, v in zip(params, grads, state, strict=True):
            v *= 0.9
            v -= self.learning_rate * g
            p += v


class Sine(Activation):
    def __call__(self, z):
        return np.sin(z)

    def derivative(self, z):
        return np.cos(z)


def squared(y_true, y_pred, sample_weight):
    weights = np.ones(len(y_true)) if sample_weight is None else sample_weight
    error = y_pred - y_true
    return float(weights @ (error**2).mean(axis=1) / 2 / weights.sum()), weights[:, None] * error / weights.sum()


def falling(step):
    return 0.1 / (1 + step)


OPTIONS = {
    "ema": {"ema": 0.9},
    "schedule-free": {"solver": "schedulefreeadamw"},
    "schedule-free, ema": {"solver": "schedulefreeadamw", "ema": 0.9},
    "muon": {"solver": "muon"},
    "muon, ema": {"solver": "muon", "ema": 0.9},
    "rprop": {"solver": "rprop"},
    "batch": {"normalization": "batch", "activation": "prelu"},
    "batch, ema": {"normalization": "batch", "ema": 0.9},
    "layer": {"normalization": "layer", "activation": ["swish", "tanh"]},
    "standardize": {"standardize": True},
    "penalties": {"l1": 0.1, "max_norm": 0.5, "gradient_clip_norm": 0.1, "gradient_clip_value": 0.05},
    "initializers": {"weight_init": "orthogonal", "bias_init": "normal", "solver": "adamw"},
    "user's optimizer": {"solver": Heavy()},
    "user's optimizer, all": {"solver": Heavy(), "ema": 0.9, "normalization": "batch", "max_norm": 0.5, "l1": 0.1},
    "user's activation": {"activation": ["relu", Sine()]},
    "user's loss": {"loss": squared},
    "plateaus": {"solver": "adamw", "learning_rate": "reduce_on_plateau"},
    "scheduled": {"solver": Heavy(Cosine(0.1, 20, final_rate=0.01))},
    "function": {"solver": "sgd", "learning_rate": falling},
    "dropout": {"dropout": [0.3, 0.1], "input_dropout": 0.1},
    "noise": {"input_noise": 0.1},
    "augmented": {"augment": "mixup"},
}
RANDOM = {"dropout", "noise", "augmented"}


def classes_of(cls):
    return {"classes": [0, 1, 2]} if cls is MLPClassifier else {}


def libm(name):
    function = getattr(ctypes.CDLL(ctypes.util.find_library("m")), name)
    function.restype, function.argtypes = ctypes.c_double, (ctypes.c_double,)
    return LowLevelCallable(function)


def tiny(cls=MLPClassifier, **options):
    return cls(hidden_layer_sizes=(4,), max_iter=2, random_state=0, **options)
