"""The estimators: scikit-learn's own tests, bad input, the defects mended, the parameters scikit-learn has not."""

import copy
import ctypes
import ctypes.util
import pickle
import re
import subprocess
import sys
import unittest
import warnings

import numpy as np
import pytest
import scipy.sparse
import sklearn.neural_network
from scipy import LowLevelCallable
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris, make_multilabel_classification
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.estimator_checks import estimator_checks_generator

import fastmlp
from fastmlp import MLPClassifier, MLPRegressor, Network, check_gradients, engine
from fastmlp.activations import ACTIVATIONS, Activation, LeakyReLU, NativeActivation
from fastmlp.augmentation import AUGMENTATIONS, Compose, Noise
from fastmlp.callbacks import EarlyStopping, ModelCheckpoint
from fastmlp.engine import NORMALIZATION_EPSILON
from fastmlp.exceptions import IgnoredParameterWarning
from fastmlp.initializers import INITIALIZERS, HeNormal
from fastmlp.losses import CLASS_TARGET_LOSSES, NAMED_LOSSES, Focal, Huber, LogLoss, Pinball, Tweedie, loss_of
from fastmlp.optimizers import LBFGS, OPTIMIZERS, SGD, Adam, AdamW, Optimizer
from fastmlp.schedules import SCHEDULES, Cosine, OneCycle, Schedule
from fastmlp.targets import label_kind
from tests.conftest import ROOT, exhaustive
from tests.test_rows import LIES, OTHER_LIES, compressed

ESTIMATORS = [MLPClassifier, MLPRegressor]
X_IRIS, Y_IRIS = load_iris(return_X_y=True)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture(params=ESTIMATORS, ids=lambda cls: cls.__name__)
def cls(request):
    return request.param


def parameters(estimator):
    return np.concatenate([part.ravel() for part in estimator.coefs_ + estimator.intercepts_])


# ---- scikit-learn's own tests ----------------------------------------------------------------------------------------


def test_scikit_learns_own_suite():
    """All of test_mlp.py but test_gradient, with fastmlp's classes in the place of scikit-learn's."""
    options = ["-p", "tests.sklearn_suite", "-p", "no:cacheprovider", "-o", "filterwarnings=", "-o", "testpaths="]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, "--pyargs", "sklearn.neural_network.tests.test_mlp"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert re.search(r"\b58 passed, 1 deselected\b", done.stdout), done.stdout[-5000:]
    assert done.returncode == 0


@pytest.mark.filterwarnings("ignore")  # the checks provoke warnings and look at those they mean
@pytest.mark.parametrize(
    ("estimator", "check"),
    [
        pytest.param(estimator, check, id=f"{type(estimator).__name__}-{getattr(check, 'func', check).__name__}-{i}")
        for cls in ESTIMATORS
        for i, (estimator, check) in enumerate(estimator_checks_generator(cls(max_iter=50), legacy=True))
    ],
)
def test_check_estimator(estimator, check):
    check(estimator)


# Each row has a mask of its own.
WEIGHTS_ARE_NOT_REPETITIONS = {
    "check_sample_weight_equivalence_on_dense_data",
    "check_sample_weight_equivalence_on_sparse_data",
}


@exhaustive
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("options", "failing"),
    [
        ({"normalization": "layer", "activation": "prelu"}, set()),
        ({"normalization": "batch"}, set()),
        ({"dropout": 0.1}, WEIGHTS_ARE_NOT_REPETITIONS),
        ({"solver": AdamW()}, set()),
        ({"solver": "muon"}, set()),
        ({"solver": "schedulefreeadamw", "ema": 0.9}, set()),
        ({"standardize": True}, set()),
        ({"loss": None}, set()),
    ],
    ids=str,
)
def test_check_estimator_with_options(cls, options, failing):
    if "loss" in options:
        options = {"loss": "hinge" if cls is MLPClassifier else "huber"}
    failed = set()
    for estimator, check in estimator_checks_generator(cls(max_iter=50, **options), legacy=True):
        try:
            check(estimator)
        except AssertionError:
            failed.add(check.func.__name__)
        except unittest.SkipTest:
            pass
    assert failed == failing


# ---- bad input -------------------------------------------------------------------------------------------------------

X_BAD = np.where(np.arange(X_IRIS.size).reshape(X_IRIS.shape) == 37, np.nan, X_IRIS)
X_INF = np.where(np.isnan(X_BAD), np.inf, X_IRIS)
ONES = np.ones(150)
Y_NAN, Y_INF = np.where(np.arange(150) == 3, np.nan, 1.5), np.where(np.arange(150) == 3, np.inf, 1.5)
OBJECTS = np.array([["a", 1.0, 2, 3]] * 150, dtype=object)
NEGATIVE = -ONES

# name: (parameters, arguments of fit, exception, message)
BAD_FITS = {
    "NaN in X": ({}, (X_BAD, Y_IRIS), ValueError, "Input X contains NaN"),
    "infinity in X": ({}, (X_INF, Y_IRIS), ValueError, "Input X contains infinity"),
    "NaN in sparse X": ({}, (scipy.sparse.csr_array(X_BAD), Y_IRIS), ValueError, "Input X contains NaN"),
    "too large for float32": (
        {"dtype": "float32"}, (X_IRIS * 1e39, Y_IRIS), ValueError, r"Input X contains .* too large for .*float32",
    ),
    "empty X": ({}, (X_IRIS[:0], Y_IRIS[:0]), ValueError, r"Found array with 0 sample\(s\)"),
    "no features": ({}, (X_IRIS[:, :0], Y_IRIS), ValueError, r"Found array with 0 feature\(s\)"),
    "one dimension": ({}, (X_IRIS[:, 0], Y_IRIS), ValueError, "Expected 2D array, got 1D array"),
    "three dimensions": ({}, (X_IRIS[:, :, None], Y_IRIS), ValueError, "Found array with dim 3"),
    "object columns": ({}, (OBJECTS, Y_IRIS), ValueError, "could not convert string to float: 'a'"),
    "strings": ({}, (np.full((150, 2), "a"), Y_IRIS), ValueError, "could not convert string to float"),
    "complex X": ({}, (X_IRIS * 1j, Y_IRIS), ValueError, "Complex data not supported"),
    "y too short": ({}, (X_IRIS, Y_IRIS[:-1]), ValueError, r"inconsistent numbers of samples: \[150, 149\]"),
    "no y": ({}, (X_IRIS, None), ValueError, "requires y to be passed, but the target y is None"),
    "negative weights": ({}, (X_IRIS, Y_IRIS, NEGATIVE), ValueError, "Negative values in data passed to `sample_w"),
    "all weights zero": ({}, (X_IRIS, Y_IRIS, 0 * ONES), ValueError, "must contain at least one non-zero number"),
    "NaN weights": ({}, (X_IRIS, Y_IRIS, Y_NAN), ValueError, "Input sample_weight contains NaN"),
    "too few weights": ({}, (X_IRIS, Y_IRIS, ONES[:-1]), ValueError, r"sample_weight.shape == \(149,\), expected"),
    "n_jobs=0": ({"n_jobs": 0}, (X_IRIS, Y_IRIS), ValueError, r"The 'n_jobs' parameter .* Got 0 instead"),
    "n_jobs=1.5": ({"n_jobs": 1.5}, (X_IRIS, Y_IRIS), ValueError, r"The 'n_jobs' parameter .* Got 1\.5 instead"),
    "dtype='int8'": ({"dtype": "int8"}, (X_IRIS, Y_IRIS), ValueError, r"The 'dtype' parameter .* Got 'int8' instead"),
    "unknown activation": ({"activation": "rely"}, (X_IRIS, Y_IRIS), ValueError, r"activation=.rely. .* are .relu."),
    "unknown solver": ({"solver": "rms"}, (X_IRIS, Y_IRIS), ValueError, r"solver=.rms. is not known; .* .rmsprop."),
    "negative alpha": ({"alpha": -1.0}, (X_IRIS, Y_IRIS), ValueError, r"The 'alpha' parameter .* Got -1\.0 instead"),
    "hidden_layer_sizes=(3, 0)": (
        {"hidden_layer_sizes": (3, 0)}, (X_IRIS, Y_IRIS), ValueError, r"hidden_layer_sizes must be > 0, got \[3, 0\]\.",
    ),
    "small validation set": (
        {"early_stopping": True, "validation_fraction": 0.001, "warm_start": False},
        (X_IRIS, Y_IRIS), ValueError, "The validation set is too small. Increase 'validation_fraction' or the size",
    ),
    "warm start with other layers": (
        {"hidden_layer_sizes": (8,), "warm_start": True}, (X_IRIS, Y_IRIS), ValueError,
        r"hidden_layer_sizes=\[8\] differs from the fitted network's \[5\]",
    ),
    "warm start with other features": (
        {"warm_start": True}, (X_IRIS[:, :3], Y_IRIS), ValueError, "X has 3 features, but .* is expecting 4 features",
    ),
    "diverging": (
        {"solver": "sgd", "learning_rate_init": 1e200, "activation": "identity"}, (X_IRIS, Y_IRIS), ValueError,
        r"Solver produced non-finite parameter weights\. The learning rate of 1e\+200 is likely too high: take a",
    ),
    "large inputs": (
        {"solver": "sgd"}, (X_IRIS * 1e300, Y_IRIS), ValueError,
        r"Solver produced non-finite parameter weights\. The input data may contain large values and need to be"
        r" preprocessed\. X reaches 7\.9e\+300: scale it, with StandardScaler or standardize=True\.",
    ),
}  # fmt: skip

BAD_CLASSIFICATIONS = {
    "NaN in y": ({}, (X_IRIS, Y_NAN), ValueError, "Input y contains NaN"),
    "real y": ({}, (X_IRIS, ONES * 1.5), ValueError, "Unknown label type"),
    "several classes per output": (
        {}, (X_IRIS, np.c_[Y_IRIS, Y_IRIS]), ValueError, "Multioutput target data is not supported: y has 2 columns",
    ),
    "warm start with other classes": (
        {"warm_start": True}, (X_IRIS, Y_IRIS + 1), ValueError,
        r"warm_start can only be used where `y` has the same classes as in the previous call to fit\."
        r" Previously got \[0 1 2\], `y` has \[1 2 3\]",
    ),
}  # fmt: skip

BAD_REGRESSIONS = {
    "NaN in y": ({}, (X_IRIS, Y_NAN), ValueError, "Input y contains NaN"),
    "infinity in y": ({}, (X_IRIS, Y_INF), ValueError, "Input y contains infinity"),
    "y too large": ({"dtype": "float32"}, (X_IRIS, ONES * 1e39), ValueError, "Input y contains .* too large for"),
    "negative y": ({"loss": "poisson"}, (X_IRIS, NEGATIVE), ValueError, r"range of the loss 'poisson': y has .*-1"),
    "unknown loss": ({"loss": "l3"}, (X_IRIS, Y_IRIS), ValueError, r"loss='l3' is not known; known are "),
    "warm start with other outputs": (
        {"warm_start": True}, (X_IRIS, X_IRIS), ValueError, "y has 4 outputs, but the fitted network has 1",
    ),
}  # fmt: skip

BAD_CASES = [
    pytest.param(cls, *case, id=f"{cls.__name__}-{name}")
    for cls, own in ((MLPClassifier, BAD_CLASSIFICATIONS), (MLPRegressor, BAD_REGRESSIONS))
    for name, case in {**BAD_FITS, **own}.items()
]


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


@pytest.mark.parametrize(("cls", "params", "arguments", "error", "message"), BAD_CASES)
def test_bad_fit(cls, params, arguments, error, message):
    unfitted = cls(hidden_layer_sizes=(5,), max_iter=2, random_state=0)
    fitted = copy.deepcopy(unfitted).fit(X_IRIS, Y_IRIS)
    started_warm = params.get("warm_start")
    for estimator in [fitted] if started_warm else [unfitted, fitted]:
        estimator.set_params(**params)
        assert_fails_without_a_trace(lambda e=estimator: e.fit(*arguments), estimator, error, message)


@pytest.mark.parametrize(
    ("params", "arguments", "error", "message"),
    [
        ({}, (X_BAD, Y_IRIS), ValueError, "Input X contains NaN"),
        ({}, (X_IRIS[:, :3], Y_IRIS), ValueError, "X has 3 features, but .* is expecting 4 features as input"),
        ({}, (X_IRIS, Y_IRIS, NEGATIVE), ValueError, "Negative values in data passed to `sample_weight`"),
        ({}, (X_IRIS, Y_IRIS, 0 * ONES), ValueError, "must contain at least one non-zero number"),
        ({"early_stopping": True}, (X_IRIS, Y_IRIS), ValueError, "partial_fit does not support early_stopping=True"),
        ({"hidden_layer_sizes": (8,)}, (X_IRIS, Y_IRIS), ValueError, r"hidden_layer_sizes=\[8\] differs"),
        ({"n_jobs": 0}, (X_IRIS, Y_IRIS), ValueError, r"The 'n_jobs' parameter .* Got 0 instead"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_bad_partial_fit(cls, params, arguments, error, message):
    estimator = cls(hidden_layer_sizes=(5,), random_state=0)
    first = {"classes": [0, 1, 2]} if cls is MLPClassifier else {}
    estimator.partial_fit(X_IRIS, Y_IRIS, **first)
    estimator.set_params(**params)
    assert_fails_without_a_trace(lambda: estimator.partial_fit(*arguments), estimator, error, message)


def test_wrong_class_lists():
    fresh = MLPClassifier((5,))
    assert_fails_without_a_trace(
        lambda: fresh.partial_fit(X_IRIS, Y_IRIS), fresh, ValueError,
        r"classes must be passed on the first call to partial_fit\.",
    )  # fmt: skip
    assert_fails_without_a_trace(
        lambda: fresh.partial_fit(X_IRIS, Y_IRIS, classes=[0, 1]), fresh, ValueError,
        r"`y` has classes not in `self\.classes_`\. `self\.classes_` has \[0 1\]\. 'y' has \[0 1 2\]\.",
    )  # fmt: skip
    fitted = MLPClassifier((5,)).partial_fit(X_IRIS, Y_IRIS, classes=[0, 1, 2])
    assert_fails_without_a_trace(
        lambda: fitted.partial_fit(X_IRIS, Y_IRIS, classes=[0, 1, 3]), fitted, ValueError,
        r"`classes=\[0, 1, 3\]` is not the same as on last call to partial_fit, was: .*\[0, 1, 2\]",
    )  # fmt: skip
    assert_fails_without_a_trace(
        lambda: fitted.partial_fit(X_IRIS, Y_IRIS + 1), fitted, ValueError, r"`y` has classes not in `self\.classes_`"
    )


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


class Failing(Activation):
    """A user's, with a mistake."""

    def __init__(self, mistake):
        self.mistake = mistake

    def __call__(self, z):
        return {"raises": lambda: 1 / 0, "shape": lambda: z[:1], "NaN": lambda: z * np.nan}.get(
            self.mistake, lambda: z
        )()

    def derivative(self, z):
        return {"slope's shape": z[:1], "slope's NaN": z * np.nan}.get(self.mistake, np.ones_like(z))


class FailingOptimizer(Optimizer):
    """A user's, with a mistake in its third step."""

    def __init__(self, mistake):
        self.mistake = mistake

    def init(self, params):
        if self.mistake == "init raises":
            raise ZeroDivisionError
        return {"step": 0}

    def step(self, params, grads, state):
        state["step"] += 1
        if state["step"] < 3:
            return
        if self.mistake == "raises":
            raise ZeroDivisionError
        if self.mistake == "not in place":
            params[0] = params[0] - grads[0]
        else:
            params[-1][...] = np.nan if self.mistake == "NaN" else np.zeros(7)


def returning(*values):
    return lambda *arguments: values if len(values) > 1 else values[0]


def raising(*arguments):
    raise ZeroDivisionError


UNKNOWN = "is not known; known are"
# Of both estimators; fit is given iris.
BAD_PARAMETERS = [
    ({"activation": ["relu", "tanh"]}, r"activation must be one value, or one for each of 1 hidden layers; got \["),
    ({"activation": []}, r"activation must be one value, or one for each of 1 hidden layers; got \[\]"),
    ({"activation": [None]}, "activation must be a name or an Activation, got None"),
    ({"activation": LeakyReLU}, r"The 'activation' parameter of MLP\w+ must be"),
    ({"activation": LeakyReLU(-1.0)}, r"The 'negative_slope' parameter of LeakyReLU must be .* Got -1\.0 instead"),
    ({"activation": ["rel"]}, f"activation='rel' {UNKNOWN} 'relu', "),
    ({"activation": Failing("raises")}, r"division by zero\nRaised by activation=Failing\(mistake='raises'\)"),
    ({"activation": Failing("shape")}, r"activation=Failing\(.*\): __call__ must return .* shape \(\d+, 5\)"),
    ({"activation": Failing("NaN")}, r"activation=Failing\(mistake='NaN'\): __call__ returned NaN"),
    ({"activation": Failing("slope's shape")}, r"activation=Failing\(.*\): derivative must return .* shape \(\d+, 5\)"),
    ({"activation": Failing("slope's NaN")}, r"activation=Failing\(.*\): derivative returned NaN"),
    ({"solver": Adam}, r"The 'solver' parameter of MLP\w+ must be"),
    ({"solver": None}, r"The 'solver' parameter of MLP\w+ must be .* Got None instead"),
    ({"solver": "addam"}, f"solver='addam' {UNKNOWN} 'adam', "),
    ({"solver": Adam(beta_1=1.0)}, r"The 'beta_1' parameter of Adam must be .* Got 1\.0 instead"),
    ({"solver": Adam(lambda step: -1.0)}, r"The 'learning_rate' parameter of Adam .* Got -1\.0 for step 0 instead"),
    ({"solver": Adam(raising)}, "^\nRaised by learning_rate=<function raising .* of Adam"),
    ({"solver": Adam(), "learning_rate": "cosine"}, "learning_rate='cosine' is for solvers by name"),
    ({"solver": FailingOptimizer("init raises")}, "^\nRaised by solver=FailingOptimizer"),
    ({"solver": FailingOptimizer("raises")}, "^\nRaised by solver=FailingOptimizer"),
    ({"solver": FailingOptimizer("shape")}, "could not broadcast .*\nRaised by solver=FailingOptimizer"),
    ({"solver": FailingOptimizer("NaN")}, r"solver=FailingOptimizer\(.*\) made non-finite parameter weights in step 3"),
    ({"solver": FailingOptimizer("not in place")}, r"solver=Failing.*: step must change the arrays in params"),
    ({"learning_rate": "cosin"}, f"learning_rate='cosin' {UNKNOWN} 'cosine', "),
    ({"learning_rate": 0.1}, r"The 'learning_rate' parameter of MLP\w+ must be .* Got 0\.1 instead"),
    ({"learning_rate": Cosine}, r"learning_rate must be an object instead of its class: Cosine\(\); got <class"),
    ({"learning_rate": Cosine(-1.0)}, r"The 'learning_rate' parameter of Cosine must be .* Got -1\.0 instead"),
    ({"learning_rate": returning(np.nan)}, "The schedule <function .* gave nan at step 0"),
    ({"learning_rate": lambda step: 0.1 if step < 2 else np.nan}, "The schedule <function .* gave nan at step 2"),
    ({"learning_rate": returning("fast")}, "The schedule <function .* gave 'fast' at step 0"),
    ({"learning_rate": raising}, "^\nRaised by learning_rate=.*function raising"),
    ({"loss": None}, r"The 'loss' parameter of MLP\w+ must be .* Got None instead"),
    ({"loss": (20,)}, r"Got \(20,\) instead\. Units of hidden layers are hidden_layer_sizes=\(20,\)\."),
    ({"loss": Huber}, "loss must be a name, a Loss or a callable, got <class"),
    ({"loss": "hube"}, f"loss='hube' {UNKNOWN} 'huber', "),
    ({"loss": returning(0.0)}, r"loss=<function .*> must return a pair \(loss, gradient\); got 0\.0"),
    ({"loss": returning(0.0, np.zeros(3))}, r"loss=.*: the gradient must have shape \(150, .\); got shape \(3,\)"),
    ({"loss": lambda y, p, w: (0.0, p * np.nan)}, "loss=<function .*: the gradient must be finite in float64; got nan"),
    ({"loss": lambda y, p, w: (np.nan, p)}, "loss=<function .*: the loss must be finite in float64; got nan"),
    ({"loss": raising}, "^\nRaised by loss=<function raising"),
    ({"weight_init": "hee"}, f"weight_init='hee' {UNKNOWN} 'he_normal', "),
    ({"weight_init": None}, r"The 'weight_init' parameter of MLP\w+ must be .* Got None instead"),
    ({"weight_init": returning(np.zeros(3))}, r"weight_init: coefs_\[0\] must have shape \(4, 5\); got shape \(3,\)"),
    ({"bias_init": returning(np.full(5, np.nan))}, r"bias_init: intercepts_\[0\] must be finite in float64; got nan"),
    ({"weight_init": raising}, r"^\nRaised by weight_init: coefs_\[0\]"),
    ({"standardize": "yes"}, r"The 'standardize' parameter of MLP\w+ must be .* Got 'yes' instead"),
    ({"dropout": 1.0}, r"The 'dropout' parameter of MLP\w+ must be .*\[0\.0, 1\.0\).* Got 1\.0 instead"),
    ({"dropout": -0.1}, r"The 'dropout' parameter of MLP\w+ must be .* Got -0\.1 instead"),
    ({"dropout": [0.1, 0.1]}, r"dropout must be one value, or one for each of 1 hidden layers; got \[0\.1, 0\.1\]"),
    ({"dropout": [1.0]}, r"dropout must be in \[0, 1\), got 1\.0"),
    ({"dropout": ["a"]}, r"dropout must be in \[0, 1\), got 'a'"),
    ({"input_dropout": 1.0}, r"The 'input_dropout' parameter of MLP\w+ must be .* Got 1\.0 instead"),
    ({"input_noise": -1.0}, r"The 'input_noise' parameter of MLP\w+ must be .* Got -1\.0 instead"),
    ({"l1": -1.0}, r"The 'l1' parameter of MLP\w+ must be .* Got -1\.0 instead"),
    ({"ema": 1.0}, r"The 'ema' parameter of MLP\w+ must be .* Got 1\.0 instead"),
    ({"gradient_clip_norm": 0.0}, r"The 'gradient_clip_norm' parameter of MLP\w+ must be .* Got 0\.0 instead"),
    ({"gradient_clip_value": np.nan}, r"The 'gradient_clip_value' parameter of MLP\w+ must be .* Got nan instead"),
    ({"max_norm": 0}, r"The 'max_norm' parameter of MLP\w+ must be .* Got 0 instead"),
    ({"normalization": "group"}, r"The 'normalization' parameter of MLP\w+ must be .* Got 'group' instead"),
    ({"normalization": "batch", "batch_size": 1}, "normalization='batch' needs 2 samples or more .* batch_size=1"),
    ({"augment": "mix"}, f"augment='mix' {UNKNOWN} 'mixup', "),
    ({"augment": returning(np.zeros((2, 4)), np.zeros(2))}, r"augment: the X it returns must have shape \(150, 4\)"),
    ({"augment": lambda X, y, rng: (X, y * np.nan)}, "augment: the y it returns must be finite in float64; got nan"),
    ({"augment": raising}, "^\nRaised by augment=<function raising"),
    *(
        ({"solver": "lbfgs", **option}, f"{next(iter(option))}=.* is for solvers by minibatches")
        for option in (
            {"dropout": 0.1}, {"dropout": [0.1]}, {"input_dropout": 0.1}, {"input_noise": 0.1}, {"l1": 0.1},
            {"gradient_clip_norm": 1.0}, {"gradient_clip_value": 1.0}, {"max_norm": 1.0}, {"ema": 0.9},
            {"augment": "mixup"}, {"normalization": "batch"}, {"learning_rate": "cosine"}, {"dtype": "bfloat16"},
        )
    ),
]  # fmt: skip

BAD_PARAMETERS_OF_A_CLASSIFIER = [
    ({"loss": "poisson"}, "The loss 'poisson' is for numbers targets; got multiclass targets"),
    ({"loss": "perceptron"}, "The loss 'perceptron' is for binary or multilabel targets; got multiclass targets"),
    ({"loss": LogLoss(1.0)}, r"The 'label_smoothing' parameter of LogLoss must be .* Got 1\.0 instead"),
    ({"label_smoothing": 1.0}, r"The 'label_smoothing' parameter of MLPClassifier must be .* Got 1\.0 instead"),
    ({"label_smoothing": 0.1, "loss": "hinge"}, r"label_smoothing=0\.1 is for loss='log_loss', not for 'hinge'"),
    ({"class_weight": "equal"}, "The 'class_weight' parameter of MLPClassifier must be .* Got 'equal' instead"),
    ({"class_weight": {0: -1.0}}, r"class_weight must have finite numbers of at least 0; got -1\.0"),
    ({"class_weight": {0: np.nan}}, "class_weight must have finite numbers of at least 0; got nan"),
    ({"class_weight": {0: "much"}}, "class_weight must have finite numbers of at least 0; got 'much'"),
    ({"class_weight": {0: 0, 1: 0, 2: 0}}, r"class_weight=\{0: 0, 1: 0, 2: 0\} leaves no sample a weight above 0"),
    ({"loss_weights": [1, 1, 1]}, "loss_weights is for several outputs; use class_weight for several classes"),
    ({"loss_weights": [1, 1, 1], "label_smoothing": 0.1}, "loss_weights is for several outputs; use class_weight"),
    ({"augment": "mixup", "loss": "focal"}, "augment is for losses of a matrix of targets, not for the loss 'focal'"),
]
BAD_PARAMETERS_OF_A_REGRESSOR = [
    ({"loss": "hinge"}, "The loss 'hinge' is for .*; got numbers targets"),
    ({"loss": "gamma"}, r"out of the valid range of the loss 'gamma': y has .*0.* <= 0"),
    ({"loss": Tweedie(2.0)}, r"The 'power' parameter of Tweedie must be .* Got 2\.0 instead"),
    ({"loss": Pinball([0.5, 1.0])}, "The 'quantile' parameter of Pinball must be"),
    ({"loss_weights": [1, 1]}, r"loss_weights must have shape \(1,\); got shape \(2,\)"),
    ({"loss_weights": [-1.0]}, r"loss_weights must be numbers of at least 0; got \[-1\.0\]"),
    ({"loss_weights": [np.inf]}, "loss_weights must be finite in float64; got inf"),
    ({"loss_weights": ["a"]}, "loss_weights must be real numbers"),
]


@pytest.mark.parametrize(
    ("cls", "params", "message"),
    [
        pytest.param(cls, *case, id=f"{cls.__name__}-{case[0]}"[:100])
        for cls, own in zip(ESTIMATORS, (BAD_PARAMETERS_OF_A_CLASSIFIER, BAD_PARAMETERS_OF_A_REGRESSOR), strict=True)
        for case in BAD_PARAMETERS + own
    ],
)
def test_bad_parameters(cls, params, message):
    """Those of one's own functions, too: the error, or a note with it, names the function."""
    unfitted = cls(hidden_layer_sizes=(5,), max_iter=5, random_state=0)
    fitted = copy.deepcopy(unfitted).fit(X_IRIS, Y_IRIS)
    for estimator in (unfitted, fitted):
        estimator.set_params(**params)
        errors = (ValueError, TypeError, ZeroDivisionError)
        assert_fails_without_a_trace(lambda e=estimator: e.fit(X_IRIS, Y_IRIS), estimator, errors, message)


@pytest.mark.parametrize("params", [{"augment": "mixup"}, {"input_noise": 0.1}], ids=str)
def test_what_is_for_dense_samples(cls, params):
    estimator = cls(hidden_layer_sizes=(5,), **params)
    ((name, value),) = params.items()
    assert_fails_without_a_trace(
        lambda: estimator.fit(scipy.sparse.csr_array(X_IRIS), Y_IRIS), estimator, ValueError,
        f"{name}={value!r} is for dense X; got a sparse matrix",
    )  # fmt: skip


def test_class_weights_are_for_one_label_per_sample():
    clf = MLPClassifier((5,), class_weight={0: 2.0})
    labels = np.stack([Y_IRIS > 0, Y_IRIS > 1], axis=1).astype(int)
    message = r"class_weight=\{0: 2\.0\} is for one label per sample; y has several"
    assert_fails_without_a_trace(lambda: clf.fit(X_IRIS, labels), clf, ValueError, message)


def test_a_batch_of_one_sample_has_no_moments(cls):
    estimator = cls(hidden_layer_sizes=(5,), normalization="batch", max_iter=2).fit(X_IRIS, Y_IRIS)
    message = "normalization='batch' needs 2 samples or more in a batch; got 1 sample, batch_size='auto'"
    assert_fails_without_a_trace(lambda: estimator.partial_fit(X_IRIS[:1], Y_IRIS[:1]), estimator, ValueError, message)


def test_an_optimizer_that_fails_later_has_no_state_of_the_failed_call(cls):
    solver = FailingOptimizer("raises")
    estimator = cls(hidden_layer_sizes=(5,), solver=solver, batch_size=75, max_iter=1, random_state=0)
    estimator.fit(X_IRIS, Y_IRIS)
    assert estimator._optimizer.state == {"step": 2}
    assert_fails_without_a_trace(
        lambda: estimator.partial_fit(X_IRIS, Y_IRIS), estimator, ZeroDivisionError, "Raised by solver=Failing"
    )
    assert estimator._optimizer.state == {"step": 2}


def test_a_function_that_fails_later_fails_the_call_alone(cls):
    """In predictions and in partial_fit; put right, it goes on from there."""
    activation = Failing("")
    estimator = cls(hidden_layer_sizes=(5,), activation=activation, max_iter=2, random_state=0).fit(X_IRIS, Y_IRIS)
    expected = estimator.predict(X_IRIS)
    activation.mistake = "raises"
    for call in (
        lambda: estimator.predict(X_IRIS),
        lambda: estimator.predict(X_IRIS[:, ::-1]),
        lambda: estimator.predictor()(X_IRIS),
        lambda: estimator.partial_fit(X_IRIS, Y_IRIS),
    ):
        raised = assert_fails_without_a_trace(call, estimator, ZeroDivisionError, "division by zero")
        assert raised.__notes__ == ["Raised by activation=Failing(mistake='raises')."]
    activation.mistake = ""
    np.testing.assert_array_equal(estimator.predict(X_IRIS), expected)
    estimator.partial_fit(X_IRIS, Y_IRIS)


# ---- scikit-learn's defects, mended ----------------------------------------------------------------------------------


def test_best_weights_are_not_the_weights_a_warm_fit_changes(cls):
    """After early stopping coefs_ was the list of the best weights; a warm refit must not reach into an old one."""
    what = {"early_stopping": True, "warm_start": True, "max_iter": 3, "random_state": 0}
    estimator = cls(hidden_layer_sizes=(5,), **what).fit(X_IRIS, Y_IRIS)
    coefs, kept = estimator.coefs_, copy.deepcopy(estimator.coefs_)
    estimator.fit(X_IRIS, Y_IRIS)
    for W, before in zip(coefs, kept, strict=True):
        np.testing.assert_array_equal(W, before)
    for attribute, value in vars(estimator).items():
        assert attribute == "coefs_" or value is not estimator.coefs_


def test_early_stopping_keeps_the_best_weights():
    X, y = load_digits(return_X_y=True)
    clf = MLPClassifier((10,), learning_rate_init=0.1, early_stopping=True, random_state=1, max_iter=40).fit(X, y)
    assert clf.validation_scores_.index(clf.best_validation_score_) < len(clf.validation_scores_) - 1
    rows = np.arange(len(X))
    random_state = np.random.RandomState(1)
    for n_in, n_out in ((64, 10), (10, 10)):
        random_state.uniform(size=(n_in + 1) * n_out)
    from sklearn.model_selection import train_test_split

    _, held_out = train_test_split(rows, random_state=random_state, test_size=0.1)
    assert clf.score(X[held_out], y[held_out]) == clf.best_validation_score_


def test_count_of_epochs_without_improvement_starts_anew_on_a_warm_start(cls):
    what = {"hidden_layer_sizes": (5,), "warm_start": True, "tol": 10.0, "n_iter_no_change": 3, "random_state": 0}
    estimator = cls(**what, solver="sgd", learning_rate_init=1e-4)
    assert [estimator.fit(X_IRIS, Y_IRIS).n_iter_ for _ in range(2)] == [5, 4]


def test_warm_start_refuses_other_hidden_layers(cls):
    estimator = cls(hidden_layer_sizes=(5,), warm_start=True, max_iter=2).fit(X_IRIS, Y_IRIS)
    estimator.hidden_layer_sizes = (5, 5)
    with pytest.raises(ValueError, match=r"hidden_layer_sizes=\[5, 5\] differs from the fitted network's \[5\]"):
        estimator.fit(X_IRIS, Y_IRIS)


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
def test_rows_of_zero_weight_do_not_count(cls, solver):
    """A minibatch of nothing but such rows is passed over: it divided by zero."""
    weights = np.where(np.arange(150) % 50 < 25, 1.0, 0.0)
    what = {"hidden_layer_sizes": (5,), "solver": solver, "batch_size": 25, "shuffle": False, "max_iter": 5}
    with_them = cls(**what, random_state=0).fit(X_IRIS, Y_IRIS, weights)
    assert np.isfinite(parameters(with_them)).all()
    without = cls(**what, random_state=0).fit(X_IRIS[weights > 0], Y_IRIS[weights > 0])
    np.testing.assert_allclose(parameters(with_them), parameters(without), rtol=1e-9)


def test_partial_fit_of_the_regressor_is_not_for_lbfgs(cls):
    estimator = cls(solver="lbfgs")
    assert not hasattr(estimator, "partial_fit")
    with pytest.raises(AttributeError, match=f"'{cls.__name__}' has no attribute 'partial_fit'") as info:
        estimator.partial_fit(X_IRIS, Y_IRIS)
    assert str(info.value.__cause__) == (
        "partial_fit is only available for stochastic optimizers. lbfgs is not stochastic."
    )


def test_multiclass_validation_rows_are_documented_as_not_stratified():
    assert "not stratified" in " ".join(MLPClassifier.__doc__.split())


# ---- dtype and n_jobs ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
@pytest.mark.parametrize(
    ("given", "dtype", "weights", "predictions"),
    [
        ("float32", "auto", "float32", "float32"),
        ("float64", "auto", "float64", "float64"),
        ("float16", "auto", "float64", "float64"),
        ("uint8", "auto", "float64", "float64"),
        ("uint8", "float32", "float32", "float32"),
        ("float64", "float32", "float32", "float32"),
        ("float32", "float64", "float64", "float64"),
    ],
)
def test_dtype(solver, given, dtype, weights, predictions):
    X, what = X_IRIS.astype(given), {"hidden_layer_sizes": (5,), "solver": solver, "dtype": dtype, "max_iter": 3}
    clf, reg = MLPClassifier(**what).fit(X, Y_IRIS), MLPRegressor(**what).fit(X, Y_IRIS)
    for estimator in (clf, reg):
        assert {part.dtype for part in estimator.coefs_ + estimator.intercepts_} == {np.dtype(weights)}
    assert clf.predict_proba(X).dtype == clf.predict_log_proba(X).dtype == reg.predict(X).dtype == predictions
    assert clf.predict(X).dtype == Y_IRIS.dtype


def test_integers_give_what_their_conversion_gives(cls):
    X = (X_IRIS * 10).astype(np.uint8)
    what = {"hidden_layer_sizes": (5,), "max_iter": 5, "random_state": 0}
    for dtype in ("float32", "float64"):
        direct = cls(**what, dtype=dtype).fit(X, Y_IRIS)
        converted = cls(**what).fit(X.astype(dtype), Y_IRIS)
        np.testing.assert_array_equal(parameters(direct), parameters(converted))
        np.testing.assert_array_equal(direct.predict(X), converted.predict(X.astype(dtype)))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
@pytest.mark.parametrize("sparse", [False, True])
def test_n_jobs_does_not_change_a_bit(cls, solver, dtype, sparse):
    X, y = load_digits(return_X_y=True)
    X = scipy.sparse.csr_array(X) if sparse else X
    what = {"hidden_layer_sizes": (40, 30), "solver": solver, "dtype": dtype, "max_iter": 3, "random_state": 0}
    fits = [cls(**what, n_jobs=n_jobs).fit(X, y) for n_jobs in (1, 2, 3, 8, None, 1)]
    for other in fits[1:]:
        np.testing.assert_array_equal(parameters(other), parameters(fits[0]))
        np.testing.assert_array_equal(other.predict(X), fits[0].predict(X))


# ---- every choice there is -------------------------------------------------------------------------------------------

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
    for name in ("gains_", "activation_parameters_", "running_moments_"):
        parts += [part for part in getattr(estimator, name, []) if part is not None]
    return np.concatenate([part.ravel() for part in parts])


@pytest.mark.parametrize("name", sorted(set(OPTIMIZERS) - {"lbfgs"}))
def test_every_solver_learns(cls, name):
    for solver in (name, OPTIMIZERS[name]()):
        assert_learns(small(cls, solver=solver), X_SMALL, own_target(cls))


def test_lbfgs_as_an_object_is_lbfgs_by_name(cls):
    y = own_target(cls)
    by_name = small(cls, solver="lbfgs", tol=1e-3).fit(X_SMALL, y)
    by_object = small(cls, solver=LBFGS(max_iter=30, tol=1e-3), max_iter=200).fit(X_SMALL, y)
    np.testing.assert_array_equal(parameters(by_object), parameters(by_name))
    assert by_name.loss_ < small(cls, solver="lbfgs", max_iter=1).fit(X_SMALL, y).loss_


@pytest.mark.parametrize("normalization", [None, "batch", "layer"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("form", FORMS)
def test_every_activation_learns_and_predicts(cls, activation, normalization, form):
    X, params = FORMS[form], {"activation": activation, "normalization": normalization, "dropout": [0.1, 0.0]}
    estimator = small(cls, **params, standardize=True)
    assert_learns(estimator, X, own_target(cls))
    seen = answers(estimator, X)
    assert seen.dtype == X.dtype
    np.testing.assert_array_equal(np.concatenate([answers(estimator, X[i : i + 1]) for i in range(90)]), seen)
    dense = X.toarray() if scipy.sparse.issparse(X) else X
    np.testing.assert_array_equal(answers(estimator, np.asfortranarray(dense)), answers(estimator, dense))
    np.testing.assert_array_equal(estimator.predictor()(dense), answers(estimator, dense))
    np.testing.assert_allclose(answers(estimator, dense), seen, rtol=0, atol=1e-5 if X.dtype == np.float32 else 1e-13)


LOSS_CASES = [(name, kind) for name, loss in NAMED_LOSSES.items() for kind in loss.engine_losses]


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize(("loss", "kind"), [case for case in LOSS_CASES if case[1] != "numbers"])
def test_every_loss_of_classes(loss, kind, early_stopping):
    y = TARGETS[kind]
    clf = small(MLPClassifier, loss=loss, early_stopping=early_stopping, learning_rate_init=0.02, max_iter=150)
    assert_learns(clf, X_SMALL, y)
    predicted, n_columns = clf.predict(X_SMALL), 2 if kind == "binary" else 3
    assert (predicted == y).mean() > 0.6
    assert hasattr(clf, "predict_proba") == hasattr(clf, "predict_log_proba") != hasattr(clf, "decision_function")
    if hasattr(clf, "predict_proba"):
        probabilities = clf.predict_proba(X_SMALL)
        assert probabilities.shape == (90, n_columns)
        assert (probabilities >= 0).all() and (probabilities <= 1).all()
        with np.errstate(divide="ignore"):
            np.testing.assert_array_equal(clf.predict_log_proba(X_SMALL), np.log(probabilities))
        if kind == "multilabel":
            np.testing.assert_array_equal(predicted, probabilities > 0.5)
        else:
            np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-12)
            np.testing.assert_array_equal(predicted, probabilities.argmax(axis=1))
    else:
        scores = clf.decision_function(X_SMALL)
        assert scores.shape == ((90,) if kind == "binary" else (90, 3))
        assert scores.min() < 0 < scores.max()
        np.testing.assert_array_equal(predicted, scores.argmax(axis=1) if kind == "multiclass" else scores > 0)


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("n_targets", [1, 2])
@pytest.mark.parametrize("loss", [name for name, kind in LOSS_CASES if kind == "numbers"])
def test_every_loss_of_numbers(loss, n_targets, early_stopping):
    y = np.abs(np.c_[Y_NUMBERS, X_SMALL[:, 0]][:, :n_targets]) + 0.1
    reg = small(MLPRegressor, loss=loss, early_stopping=early_stopping)
    assert_learns(reg, X_SMALL, y[:, 0] if n_targets == 1 else y)
    predicted = reg.predict(X_SMALL)
    assert predicted.shape == ((90,) if n_targets == 1 else (90, 2))
    if reg.out_activation_ == "exp":
        assert (predicted > 0).all()


@pytest.mark.filterwarnings("ignore::fastmlp.exceptions.ScheduleEndedWarning")  # of partial_fit after the fit
@pytest.mark.parametrize("solver", ["sgd", "rmsprop", "muon", "schedulefreeadamw"])
@pytest.mark.parametrize("name", SCHEDULES)
def test_every_schedule_learns(cls, name, solver):
    estimator = small(cls, solver=solver, learning_rate=name, learning_rate_init=0.01)
    if name in ("invscaling", "adaptive") and solver != "sgd":
        with pytest.warns(IgnoredParameterWarning, match=f"learning_rate='{name}' has no effect beside solver="):
            estimator.fit(X_SMALL, own_target(cls))
        estimator.set_params(learning_rate=SCHEDULES[name](0.01), learning_rate_init=0.001)
    assert_learns(estimator, X_SMALL, own_target(cls))
    assert len(estimator.partial_fit(X_SMALL, own_target(cls)).loss_curve_) == 31


@pytest.mark.parametrize("name", INITIALIZERS)
def test_every_initializer_learns(cls, name):
    for other in ("auto", name):
        assert_learns(small(cls, weight_init=name, bias_init=other), X_SMALL, own_target(cls))
    once, again = (small(cls, weight_init=init).fit(X_SMALL, own_target(cls)) for init in (name, INITIALIZERS[name]()))
    if name != "auto":  # beside which, as a name, biases are not 0
        np.testing.assert_array_equal(parameters(once), parameters(again))


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_every_augmentation_learns(name):
    X = np.hstack([X_SMALL, X_SMALL[:, :4]])  # as images, of 3 x 3
    for cls, targets in ((MLPClassifier, TARGETS.values()), (MLPRegressor, [Y_NUMBERS, np.c_[Y_NUMBERS, Y_NUMBERS]])):
        for y in targets:
            assert_learns(small(cls, augment=name, standardize=True, learning_rate_init=0.02), X, y)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_xor(activation):
    """Two hidden units are enough, from some starts; but not where they are linear."""
    X, y = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]]), [0, 1, 1, 0]
    params = {
        "activation": activation,
        "alpha": 0,
        "learning_rate_init": 0.05,
        "max_iter": 1500,
        "n_iter_no_change": 1500,
    }
    scores = (MLPClassifier((2,), **params, random_state=seed).fit(X, y).score(X, y) for seed in range(20))
    assert any(score == 1 for score in scores) == (activation != "identity")


# ---- input that is taken as it is ------------------------------------------------------------------------------------

SAMPLES = {
    "float64": lambda X: X,
    "float32": lambda X: X.astype(np.float32),
    "float16": lambda X: X.astype(np.float16),
    "other byte order": lambda X: X.astype(">f8"),
    "integers": lambda X: X.round().astype(int),
    "lists": lambda X: X.tolist(),
    "columns": np.asfortranarray,
    "a masked array": np.ma.masked_invalid,
    "CSR": scipy.sparse.csr_array,
    "one dimension": lambda X: X[0],
    "three dimensions": lambda X: X[np.newaxis],
    "no rows": lambda X: X[:0],
    "no columns": lambda X: X[:, :0],
    "another width": lambda X: X[:, 1:],
    "a row less": lambda X: X[1:],
    "NaN": lambda X: np.where(X > 1, np.nan, X),
    "infinite": lambda X: np.where(X > 1, np.inf, X),
    "both infinities": lambda X: np.where(X > 1, np.inf, np.where(X < -1, -np.inf, X)),
    "huge": lambda X: np.full_like(X, 1e308),
    "complex": lambda X: X + 1j,
    "strings": lambda X: X.astype(str),
}
LABELS = {
    "integers": lambda y: y,
    "bytes": lambda y: y.astype(np.uint8),
    "whole floats": lambda y: y.astype(np.float32),
    "floats": lambda y: y + 0.5,
    "booleans": lambda y: y > 0,
    "strings": lambda y: np.array(["a", "bb", "c"])[y],
    "objects": lambda y: np.array(["a", "bb", "c"], dtype=object)[y],
    "byte strings": lambda y: np.array([b"a", b"b", b"c"])[y],
    "lists": lambda y: y.tolist(),
    "a column": lambda y: y.reshape(-1, 1),
    "a row": lambda y: y.reshape(1, -1),
    "an indicator": lambda y: np.eye(3, dtype=int)[y],
    "no indicator": lambda y: np.eye(3, dtype=int)[y] * 2,
    "a sparse indicator": lambda y: scipy.sparse.csr_array(np.eye(3, dtype=int)[y]),
    "a label more": lambda y: np.append(y, 0),
    "unknown labels": lambda y: y + 1,
    "NaN": lambda y: np.where(y == 0, np.nan, y),
    "infinite": lambda y: np.where(y == 0, np.inf, y),
    "None": lambda y: None,
    "complex": lambda y: y + 1j,
}


# What a fit before had for labels.
FORMER = {
    "three classes": lambda y: y,
    "two classes": lambda y: (y > 0).astype(int),
    "two labels": lambda y: np.eye(3, dtype=int)[y][:, :2],
    "three labels": lambda y: np.eye(3, dtype=int)[y],
    "strings": lambda y: np.array(["a", "bb", "c"])[y],
}


def slowly_encoded(y, binarizer, dtype, loss):
    if loss_of(loss).engine_loss(label_kind(binarizer)) in CLASS_TARGET_LOSSES and y.ndim == 1:
        return np.searchsorted(binarizer.classes_, y).astype(np.int32)
    indicator = binarizer.transform(y)
    indicator = indicator.toarray() if scipy.sparse.issparse(indicator) else indicator
    return np.ascontiguousarray(indicator != 0, dtype=dtype)


@pytest.mark.parametrize(
    ("method", "former"),
    [
        ("fit", None),
        ("partial_fit", None),
        ("fit", FORMER["three classes"]),
        *(("partial_fit", former) for former in FORMER.values()),
        *(("eval_set", former) for former in FORMER.values()),
    ],
    ids=[
        "fit",
        "partial_fit",
        "fit after fit",
        *(f"{what} after {name}" for what in ("partial_fit", "set") for name in FORMER),
    ],
)
@pytest.mark.parametrize(
    ("of_samples", "of_labels"),
    [
        *((change, LABELS["integers"]) for change in SAMPLES.values()),
        *((SAMPLES["float64"], change) for change in LABELS.values()),
    ],
    ids=[*SAMPLES, *(f"labels: {name}" for name in LABELS)],
)
def test_input_taken_as_it_is_is_that_which_scikit_learn_takes(of_samples, of_labels, method, former, cls, monkeypatch):
    """With the same results, warnings and errors as after its validation and LabelBinarizer."""
    y = TARGETS["multiclass"]
    given = {"X": of_samples(X_SMALL), "y": of_labels(y)}
    if cls is MLPRegressor and former is not None:
        former = FORMER["two labels"] if former is FORMER["two labels"] else FORMER["three classes"]

    def outcome():
        model = small(cls, max_iter=2)
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            try:
                if method == "eval_set":
                    model.fit(X_SMALL, former(y), eval_set=(given["X"], given["y"]))
                else:
                    if former is not None:
                        model.fit(X_SMALL, former(y))
                    first = classes_of(cls) if method == "partial_fit" and former is None else {}
                    getattr(model, method)(**given, **first)
                answer = [everything(model), model.n_features_in_, model.history_.get("validation_score"), model.loss_]
            except (ValueError, TypeError, AttributeError) as error:
                answer = [type(error), str(error), getattr(model, "n_features_in_", None)]
        return answer, [(warning.category, str(warning.message)) for warning in seen]

    at_once = outcome()
    monkeypatch.setattr("fastmlp.estimators._are_good", lambda X, y: False)
    monkeypatch.setattr("fastmlp.estimators.are_known", lambda y, binarizer: False)
    monkeypatch.setattr("fastmlp.estimators.encode_labels", slowly_encoded)
    np.testing.assert_equal(outcome(), at_once)


@pytest.mark.parametrize("of_labels", [np.asarray, scipy.sparse.csr_array], ids=["dense", "sparse"])
@pytest.mark.parametrize("classes", [[10, 20, 30], [0, 1]])
def test_first_labels_that_are_not_the_classes_are_refused(classes, of_labels):
    model = small(MLPClassifier)
    with pytest.raises(ValueError, match=r"`y` has classes not in `self\.classes_`"):
        model.partial_fit(X_SMALL, of_labels(TARGETS["multilabel"]), classes=classes)
    assert not hasattr(model, "classes_")


# ---- what goes on from where it was ----------------------------------------------------------------------------------


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


@pytest.fixture(params=OPTIONS)
def options(request):
    return {"batch_size": 20, "max_iter": 6, "n_iter_no_change": 100, **OPTIONS[request.param]}


@pytest.mark.parametrize("form", ["dense float32", "CSR float64"])
def test_n_jobs_does_not_change_a_bit_of_any_option(cls, options, form):
    if form.startswith("CSR") and ("augment" in options or "input_noise" in options):
        pytest.skip("for dense X")
    X, y = FORMS[form], own_target(cls)
    alone = small(cls, **options, n_jobs=1).fit(X, y)
    for n_jobs in (2, 3, 8, None):
        other = small(cls, **options, n_jobs=n_jobs).fit(X, y)
        np.testing.assert_array_equal(everything(other), everything(alone))
        assert other.loss_curve_ == alone.loss_curve_


def test_partial_fits_are_a_fit_cut_in_pieces_and_may_be_pickled_between(cls, options):
    y = own_target(cls)
    in_one = small(cls, **options, shuffle=False).fit(X_SMALL, y)
    in_pieces, pickled = (small(cls, **options, shuffle=False) for _ in range(2))
    for _ in range(6):
        in_pieces.partial_fit(X_SMALL, y, **classes_of(cls))
        pickled = pickle.loads(pickle.dumps(pickled)).partial_fit(X_SMALL, y, **classes_of(cls))
    np.testing.assert_array_equal(everything(pickled), everything(in_pieces))
    np.testing.assert_array_equal(pickled.predict(X_SMALL), in_pieces.predict(X_SMALL))
    if not {"dropout", "input_noise", "augment"} & set(options):  # a call's numbers at random are its own
        np.testing.assert_array_equal(everything(in_pieces), everything(in_one))
        assert in_pieces.loss_curve_ == in_one.loss_curve_


def test_early_stopping_keeps_all_of_the_best_epoch(cls, options):
    """What is kept is what a fit that ends with that epoch leaves. There is nothing to learn: it comes early."""
    y, params = own_target(cls)[::-1], {**options, "early_stopping": True, "validation_fraction": 0.3, "tol": 0.0}
    by_name = all(isinstance(params.get(name, ""), str) for name in ("solver", "learning_rate"))
    params.update({"learning_rate_init": 0.05} if by_name else {})
    long = small(cls, **{**params, "max_iter": 80}).fit(X_SMALL, y)
    best = int(np.argmax(long.validation_scores_))
    assert long.best_validation_score_ == long.validation_scores_[best]
    assert best < 79
    short = small(cls, **{**params, "max_iter": best + 1}).fit(X_SMALL, y)
    np.testing.assert_array_equal(everything(long), everything(short))
    warm = long.set_params(early_stopping=False, warm_start=True, max_iter=2).fit(X_SMALL, y)
    assert np.isfinite(everything(warm)).all()
    assert not np.array_equal(everything(warm), everything(short))


def test_a_warm_start_begins_where_the_fit_before_ended(cls, options):
    """A step of no length stays there."""
    estimator = small(cls, **options, warm_start=True).fit(X_SMALL, own_target(cls))
    before = everything(estimator)
    estimator.set_params(
        solver=SGD(lambda step: 0.0, momentum=0.0), learning_rate="constant", ema=None, max_norm=None, max_iter=2
    )
    if estimator.normalization != "batch":  # whose running moments go on
        np.testing.assert_array_equal(everything(estimator.fit(X_SMALL, own_target(cls))), before)


def test_options_survive_clone_and_pickle(cls, options):
    fitted = small(cls, **options).fit(X_SMALL, own_target(cls))
    copied = pickle.loads(pickle.dumps(fitted))
    assert repr(copied.get_params()) == repr(fitted.get_params())
    np.testing.assert_array_equal(copied.predict(X_SMALL), fitted.predict(X_SMALL))
    again = clone(fitted).fit(X_SMALL, own_target(cls))
    np.testing.assert_array_equal(everything(again), everything(fitted))


def test_lbfgs_forgets_the_minibatch_optimizer_before(cls):
    y = own_target(cls)
    estimator = small(cls).fit(X_SMALL, y).set_params(hidden_layer_sizes=(4,), solver="lbfgs").fit(X_SMALL, y)
    estimator.set_params(solver="adam").partial_fit(X_SMALL, y)
    assert estimator.coefs_[0].shape == (5, 4)
    assert estimator._optimizer.n_updates == 1


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


# ---- what the options do ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float32, np.float64])
def test_standardize_is_a_standard_scaler_before(cls, dtype, solver):
    X = (20 * np.abs(X_SMALL) + 3).astype(dtype)
    y, tolerance = own_target(cls), 1e-5 if dtype == np.float32 else 1e-11
    estimator = small(cls, solver=solver, max_iter=10, standardize=True).fit(X, y)
    pipeline = make_pipeline(StandardScaler(), small(cls, solver=solver, max_iter=10)).fit(X, y)
    np.testing.assert_allclose(answers(estimator, X), answers(pipeline, X), rtol=0, atol=tolerance)
    np.testing.assert_allclose(estimator.input_means_, pipeline[0].mean_, rtol=1e-6)
    sparse = scipy.sparse.csr_array(X)
    estimator = small(cls, solver=solver, max_iter=10, standardize=True).fit(sparse, y)
    pipeline = make_pipeline(StandardScaler(with_mean=False), small(cls, solver=solver, max_iter=10)).fit(sparse, y)
    np.testing.assert_allclose(answers(estimator, sparse), answers(pipeline, sparse), rtol=0, atol=tolerance)
    np.testing.assert_array_equal(estimator.input_means_, 0)


def test_standardize_keeps_what_it_knows_of_the_features(cls):
    y = own_target(cls)
    estimator = small(cls, standardize=True).fit(X_SMALL + 1, y)
    means = estimator.input_means_.copy()
    estimator.partial_fit(X_SMALL - 5, y)
    np.testing.assert_array_equal(estimator.input_means_, means)
    sparse = scipy.sparse.csr_array(X_SMALL)
    message = "standardize=True centred the dense X that training began with; it cannot go on with a sparse one"
    assert_fails_without_a_trace(lambda: estimator.partial_fit(sparse, y), estimator, ValueError, message)
    np.testing.assert_allclose(answers(estimator, sparse), answers(estimator, X_SMALL), rtol=1e-10)
    assert not hasattr(estimator.set_params(standardize=False).fit(X_SMALL, y), "input_means_")


@pytest.mark.parametrize("option", ["ema", "schedule-free", "layer", "standardize", "user's loss", "penalties"])
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_rows_of_zero_weight_do_not_count_with_options(cls, option, solver):
    options = OPTIONS[option]
    if solver == "lbfgs" and {"solver", "ema", "l1"} & set(options):
        pytest.skip("not for lbfgs")
    weights, y = np.where(np.arange(90) % 30 < 15, 1.0, 0.0), own_target(cls)
    what = {"solver": solver, "batch_size": 15, "shuffle": False, "max_iter": 5, **options}
    X = np.where(weights[:, None] > 0, X_SMALL, 1e6)
    with_them, without = small(cls, **what).fit(X, y, weights), small(cls, **what).fit(X[weights > 0], y[weights > 0])
    np.testing.assert_allclose(everything(with_them), everything(without), rtol=1e-8)


@pytest.mark.parametrize("class_weight", ["balanced", {0: 2.0, 1: 0.5, 2: 1.0}, {1: 3.0}], ids=str)
@pytest.mark.parametrize("kind", TARGETS)
def test_class_weight_is_sample_weight_by_class(kind, class_weight):
    y, own = TARGETS[kind], np.linspace(0, 2, 90)
    if kind == "multilabel" and class_weight != "balanced":
        pytest.skip("for one label per sample")
    if kind == "binary" and class_weight != "balanced":
        class_weight = {label: weight for label, weight in class_weight.items() if label < 2}
    of_classes = compute_sample_weight(class_weight, y)
    weighted = small(MLPClassifier, class_weight=class_weight)
    plain = small(MLPClassifier).fit(X_SMALL, y)
    assert not np.array_equal(everything(weighted.fit(X_SMALL, y)), everything(plain))
    np.testing.assert_array_equal(everything(weighted), everything(plain.fit(X_SMALL, y, of_classes)))
    counts = own > 0
    of_classes[counts] = compute_sample_weight(class_weight, y[counts])
    weighted.fit(X_SMALL, y, own)
    np.testing.assert_array_equal(everything(weighted), everything(plain.fit(X_SMALL, y, own * of_classes)))


@pytest.mark.parametrize("weights", ["balanced", {0: 1.0, 1: 2.0}], ids=["name", "dict"])
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_weights_of_classes_are_no_sample_weights(weights, method):
    clf = MLPClassifier()
    more = {"classes": [0, 1]} if method == "partial_fit" else {}
    with pytest.raises(ValueError, match=r"^sample_weight must be numbers, .* 2 rows; got .*parameter class_weight\.$"):
        getattr(clf, method)([[0.0], [1.0]], [0, 1], sample_weight=weights, **more)


@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel"])
def test_rows_of_weight_0_do_not_count_for_balanced_classes(kind):
    """Their labels, which may be anything, change no other row's weight."""
    weights = np.where(np.arange(90) < 60, 1.0, 0.0)
    y = TARGETS[kind]
    other = np.concatenate([y[:60], y[:30]])
    assert not np.array_equal(y, other)
    fits = [small(MLPClassifier, class_weight="balanced").fit(X_SMALL, labels, weights) for labels in (y, other)]
    np.testing.assert_array_equal(everything(fits[0]), everything(fits[1]))
    of_classes = np.zeros(90)
    of_classes[:60] = compute_sample_weight("balanced", y[:60])
    np.testing.assert_array_equal(everything(fits[0]), everything(small(MLPClassifier).fit(X_SMALL, y, of_classes)))


@pytest.mark.parametrize("cls", [MLPClassifier, MLPRegressor])
def test_early_stopping_says_on_which_side_all_weights_are_0(cls):
    """One row counts, which is either learned from or held out: nothing is on the other side."""
    weights, said = np.eye(1, 90)[0], set()
    for seed in range(20):
        with pytest.raises(ValueError, match=r"validation_fraction=0\.3: all rows that are") as raised:
            small(cls, early_stopping=True, validation_fraction=0.3, random_state=seed).fit(
                X_SMALL, TARGETS["binary"], weights
            )
        said.add(re.search("that are (.*) have the weight 0", str(raised.value))[1])
    assert said == {"left to learn from", "held out"}


@pytest.mark.parametrize("cls", [MLPClassifier, MLPRegressor])
def test_weights_too_small_for_the_engine_are_refused(cls):
    """They would be 0 there, and the loss, too."""
    with pytest.raises(ValueError, match=r"sample_weight must have numbers of at least 2\.23e-308; got at most 1e-310"):
        small(cls).fit(X_SMALL, TARGETS["binary"], np.full(90, 1e-310))


def test_class_weights_in_partial_fit():
    y, weights = TARGETS["multiclass"], {0: 2.0, 1: 0.0, 2: 1.0}
    clf, plain = small(MLPClassifier, class_weight=weights), small(MLPClassifier)
    for rows in (slice(0, 45), slice(45, 90)):
        clf.partial_fit(X_SMALL[rows], y[rows], classes=[0, 1, 2])
        plain.partial_fit(X_SMALL[rows], y[rows], compute_sample_weight(weights, y[rows]), classes=[0, 1, 2])
    np.testing.assert_array_equal(everything(clf), everything(plain))
    message = "class_weight='balanced' is not for partial_fit"
    clf.set_params(class_weight="balanced")
    assert_fails_without_a_trace(lambda: clf.partial_fit(X_SMALL, y), clf, ValueError, message)


def test_label_smoothing_is_what_probabilities_come_to():
    X = np.eye(3)
    what = {"hidden_layer_sizes": (), "alpha": 0.0, "solver": "lbfgs", "tol": 1e-10, "label_smoothing": 0.3}
    what["random_state"] = 0
    clf = MLPClassifier(**what).fit(X, [0, 1, 2])
    np.testing.assert_allclose(clf.predict_proba(X), 0.1 + 0.7 * np.eye(3), atol=1e-5)
    clf = MLPClassifier(**what).fit(X, [0, 1, 1])
    np.testing.assert_allclose(clf.predict_proba(X)[:, 1], [0.15, 0.85, 0.85], atol=1e-5)
    labels = np.array([[0, 1], [1, 1], [1, 0]])
    clf = MLPClassifier(**what).fit(X, labels)
    np.testing.assert_allclose(clf.predict_proba(X), 0.15 + 0.7 * labels, atol=1e-5)
    np.testing.assert_array_equal(clf.predict(X), labels)


def test_l1_is_the_lasso():
    """Of orthogonal features: least squares, moved towards 0 by the penalty."""
    rng = np.random.default_rng(0)
    X = np.linalg.qr(rng.standard_normal((64, 4)))[0] * 8
    y = X @ np.array([1.0, -0.5, 0.05, 0.0]) + 0.1 * rng.standard_normal(64)
    reg = MLPRegressor(
        hidden_layer_sizes=(), l1=6.4, alpha=0.0, solver=SGD(lambda step: 0.2 / (1 + 0.05 * step), momentum=0.0),
        batch_size=64, max_iter=2000, n_iter_no_change=2000, tol=0.0, bias_init="zeros",
    ).fit(X, y)  # fmt: skip
    # The intercept is the optimum's: what the weights leave, on average.
    alone = X.T @ (y - reg.intercepts_[0]) / 64
    expected = np.sign(alone) * np.maximum(np.abs(alone) - 0.1, 0)
    assert (expected == 0).sum() == 2
    np.testing.assert_allclose(reg.coefs_[0].ravel(), expected, atol=2e-3)


def test_an_output_of_no_weight_is_not_trained():
    y = np.c_[Y_NUMBERS, 100 * X_SMALL[:, 0]]
    for loss in ("squared_error", "huber", "absolute_error"):
        fits = [
            MLPRegressor(loss, (8,), loss_weights=[2, 0], alpha=0.0, max_iter=10, random_state=0).fit(X_SMALL, target)
            for target in (y, y * [1, -3])
        ]
        for a, b in zip(fits[0].coefs_ + fits[0].intercepts_, fits[1].coefs_ + fits[1].intercepts_, strict=True):
            np.testing.assert_array_equal(a, b)
        untouched = MLPRegressor(loss, (8,), alpha=0.0, max_iter=1, learning_rate_init=1e-300, random_state=0)
        untouched.fit(X_SMALL, y)
        np.testing.assert_array_equal(fits[0].coefs_[1][:, 1], untouched.coefs_[1][:, 1])
        assert not np.array_equal(fits[0].coefs_[1][:, 0], untouched.coefs_[1][:, 0])


@pytest.mark.parametrize("early_stopping", [False, True])
def test_several_quantiles(early_stopping):
    quantiles = [0.1, 0.5, 0.9]
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (2000, 1))
    y = X.ravel() + (1 + 0.5 * X.ravel()) * rng.standard_normal(2000)
    reg = MLPRegressor(Pinball(quantiles), (), learning_rate_init=0.01, max_iter=300, random_state=0)
    predicted = reg.set_params(early_stopping=early_stopping).fit(X, y).predict(X)
    assert predicted.shape == (2000, 3)
    assert (np.diff(predicted, axis=1) > 0).all()
    np.testing.assert_allclose((y[:, None] < predicted).mean(axis=0), quantiles, atol=0.03)
    low, high = X.ravel() < 0, X.ravel() >= 0
    width = predicted[:, 2] - predicted[:, 0]
    assert width[high].mean() > 1.3 * width[low].mean()
    alone = MLPRegressor(Pinball(0.9), (), solver="lbfgs").fit(X, y)
    np.testing.assert_allclose(alone.predict(X), predicted[:, 2], atol=0.15)


def test_rosenblatts_rule():
    """A sample at a time; each that is not on the right side is added or taken away. The numbers are exact."""
    rng = np.random.default_rng(3)
    X = rng.integers(-9, 10, (40, 3)).astype(float)
    y = np.where(X @ [2.0, -1.0, 3.0] + 1 > 0, "right", "left")
    clf = MLPClassifier(
        (), loss="perceptron", solver=SGD(1.0, momentum=0.0), batch_size=1, alpha=0.0, weight_init="zeros",
        shuffle=False,
    )  # fmt: skip
    w, b, epochs = np.zeros(3), 0.0, 0
    while True:
        epochs, n_wrong = epochs + 1, 0
        for x, sign in zip(X, np.where(y == "right", 1, -1), strict=True):
            if sign * (x @ w + b) <= 0:
                w, b, n_wrong = w + sign * x, b + sign, n_wrong + 1
        clf.partial_fit(X, y, classes=["left", "right"])
        np.testing.assert_array_equal(clf.coefs_[0].ravel(), w)
        np.testing.assert_array_equal(clf.intercepts_[0], b)
        np.testing.assert_array_equal(clf.decision_function(X), X @ w + b)
        if not n_wrong:
            break
    assert epochs > 3
    assert clf.score(X, y) == 1


def test_ema_is_the_average_over_the_steps(cls):
    what = {"shuffle": False, "batch_size": 90}
    average, plain, averaged = None, small(cls, **what), small(cls, **what, ema=0.7)
    for _ in range(5):
        now = parameters(plain.partial_fit(X_SMALL, own_target(cls), **classes_of(cls)))
        average = now if average is None else 0.7 * average + 0.3 * now
        averaged.partial_fit(X_SMALL, own_target(cls), **classes_of(cls))
        np.testing.assert_allclose(parameters(averaged), average, rtol=1e-12)


def test_limits(cls):
    """Of a step by the plain rule, at learning rate 1, and of the weights after it."""
    y, plain = own_target(cls), {"solver": SGD(1.0, momentum=0.0), "batch_size": 90, "max_iter": 1, "alpha": 0.0}
    start = parameters(small(cls, **{**plain, "solver": SGD(1e-300, momentum=0.0)}).fit(X_SMALL, y))
    full = parameters(small(cls, **plain).fit(X_SMALL, y)) - start
    by_value = parameters(small(cls, **plain, gradient_clip_value=0.01).fit(X_SMALL, y)) - start
    np.testing.assert_allclose(by_value, np.clip(full, -0.01, 0.01), atol=1e-15)
    by_norm = parameters(small(cls, **plain, gradient_clip_norm=0.05).fit(X_SMALL, y)) - start
    np.testing.assert_allclose(by_norm, 0.05 * full / np.linalg.norm(full), atol=1e-15)
    limited, free = (small(cls, **plain, max_norm=limit).fit(X_SMALL, y) for limit in (0.5, None))
    for W, V in zip(limited.coefs_[:-1], free.coefs_[:-1], strict=True):
        norms = np.linalg.norm(V, axis=0)
        assert norms.max() > 0.5
        np.testing.assert_allclose(W, V * np.minimum(1, 0.5 / norms), rtol=1e-12)
    np.testing.assert_array_equal(limited.coefs_[-1], free.coefs_[-1])


@pytest.mark.parametrize("solver", ["adam", "muon", "lbfgs"])
@pytest.mark.parametrize("n_targets", [1, 2])
@pytest.mark.parametrize("weights", [None, np.linspace(0, 2, 90)], ids=["plain", "weighted"])
def test_a_users_loss_is_as_good_as_the_engines(solver, n_targets, weights):
    y = np.c_[Y_NUMBERS, X_SMALL[:, 0]][:, :n_targets].squeeze()
    ours, theirs = (
        small(MLPRegressor, loss=loss, solver=solver).fit(X_SMALL, y, weights) for loss in ("squared_error", squared)
    )
    np.testing.assert_allclose(theirs.predict(X_SMALL), ours.predict(X_SMALL), atol=1e-9)
    assert theirs.loss_ == pytest.approx(ours.loss_, rel=1e-9)


@pytest.mark.parametrize("kind", TARGETS)
def test_a_users_loss_of_classes(kind):
    clf = small(MLPClassifier, loss=squared, max_iter=100, learning_rate_init=0.01)
    assert_learns(clf, X_SMALL, TARGETS[kind])
    scores, predicted = clf.decision_function(X_SMALL), clf.predict(X_SMALL)
    assert not hasattr(clf, "predict_proba")
    np.testing.assert_array_equal(predicted, scores.argmax(axis=1) if kind == "multiclass" else scores > 0)


def libm(name):
    function = getattr(ctypes.CDLL(ctypes.util.find_library("m")), name)
    function.restype, function.argtypes = ctypes.c_double, (ctypes.c_double,)
    return LowLevelCallable(function)


@pytest.mark.parametrize("solver", ["adam", "muon", "lbfgs"])
def test_a_users_activation_in_python_or_compiled(cls, solver):
    sines = [
        small(cls, activation=activation, solver=solver, max_iter=10).fit(X_SMALL, own_target(cls))
        for activation in (Sine(), NativeActivation(libm("sin"), libm("cos")))
    ]
    np.testing.assert_allclose(answers(sines[0], X_SMALL), answers(sines[1], X_SMALL), rtol=1e-7)

    class Tanh(Activation):
        def __call__(self, z):
            return np.tanh(z)

        def derivative(self, z):
            return 1 - np.tanh(z) ** 2

    own, built_in = (
        small(cls, activation=activation, solver=solver, max_iter=10).fit(X_SMALL, own_target(cls))
        for activation in (Tanh(), "tanh")
    )
    np.testing.assert_allclose(answers(own, X_SMALL), answers(built_in, X_SMALL), rtol=1e-6)


@pytest.mark.parametrize(
    "rate", [0.05, Cosine(0.05), lambda step: 0.05 / (1 + step)], ids=["number", "Cosine", "function"]
)
def test_a_users_optimizer_is_as_good_as_the_engines(cls, rate):
    ours, theirs = (
        small(cls, solver=solver).fit(X_SMALL, own_target(cls)) for solver in (SGD(rate, nesterov=False), Heavy(rate))
    )
    np.testing.assert_allclose(everything(theirs), everything(ours), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(theirs.loss_curve_, ours.loss_curve_, rtol=1e-9)


def test_a_users_schedule_is_any_function_of_the_step(cls):
    steps = []

    def noted(step):
        steps.append(step)
        return falling(step)

    y = own_target(cls)
    fits = [
        small(cls, **params, batch_size=30, max_iter=4).fit(X_SMALL, y)
        for params in (
            {"solver": "sgd", "learning_rate": noted},
            {"solver": SGD(falling)},
            {"solver": "sgd", "learning_rate": falling},
        )
    ]
    assert set(steps) == set(range(12))
    for other in fits[1:]:
        np.testing.assert_array_equal(everything(other), everything(fits[0]))


# ---- the rest --------------------------------------------------------------------------------------------------------


def test_multilabel():
    X, y = make_multilabel_classification(200, 8, n_classes=3, random_state=0)
    clf = MLPClassifier((30,), max_iter=200, random_state=0).fit(X, y)
    assert clf.predict(X).shape == clf.predict_proba(X).shape == (200, 3)
    assert (clf.predict(X) == y).mean() > 0.8
    sparse = MLPClassifier((30,), max_iter=200, random_state=0).fit(X, scipy.sparse.csr_array(y))
    np.testing.assert_array_equal(parameters(sparse), parameters(clf))


def test_one_class():
    clf = MLPClassifier((3,), max_iter=2).fit(X_IRIS, np.full(150, 7))
    assert set(clf.predict(X_IRIS)) == {7}


def test_column_vector_warns(cls):
    with pytest.warns(Warning, match="A column-vector y was passed when a 1d array was expected"):
        estimator = cls(hidden_layer_sizes=(5,), max_iter=2, random_state=0).fit(X_IRIS, Y_IRIS[:, None])
    assert estimator.predict(X_IRIS).shape == (150,)


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


def test_verbose(cls, capsys):
    estimator = cls(hidden_layer_sizes=(5,), max_iter=2, verbose=True, early_stopping=True, random_state=0)
    estimator.fit(X_IRIS, Y_IRIS)
    out = capsys.readouterr().out.splitlines()
    assert out[0] == f"Iteration 1, loss = {estimator.loss_curve_[0]:.8f}"
    assert out[1] == f"Validation score: {estimator.validation_scores_[0]:f}"
    assert len(out) == 4
    cls(hidden_layer_sizes=(5,), solver="lbfgs", max_iter=2, verbose=True, random_state=0).fit(X_IRIS, Y_IRIS)
    assert capsys.readouterr().out.startswith("Iteration 1, loss = ")


@pytest.mark.parametrize(
    "params",
    [
        {"max_iter": 37},
        {"tol": 0.01, "n_iter_no_change": 3},
        {"tol": 0.05, "n_iter_no_change": 1, "solver": "sgd", "learning_rate": "adaptive", "learning_rate_init": 0.1},
        {"max_iter": 20, "solver": "sgd", "learning_rate": "invscaling", "learning_rate_init": 0.5},
    ],
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_fit_nobody_listens_to_is_the_same_fit(cls, params, capsys):
    """Without verbose, several epochs run in one call of the engine."""
    quiet, heard = (
        cls(hidden_layer_sizes=(8,), random_state=np.random.RandomState(3), verbose=verbose, **params).fit(
            X_IRIS, Y_IRIS
        )
        for verbose in (False, True)
    )
    assert capsys.readouterr().out.count("Iteration") == heard.n_iter_ == quiet.n_iter_ > 2
    assert quiet.loss_curve_ == heard.loss_curve_
    assert (quiet.t_, quiet.best_loss_, quiet.loss_) == (heard.t_, heard.best_loss_, heard.loss_)
    for name in ("loss", "learning_rate"):
        assert quiet.history_[name] == heard.history_[name]
    assert len(quiet.history_["seconds"]) == quiet.n_iter_
    for a, b in zip(quiet.coefs_, heard.coefs_, strict=True):
        np.testing.assert_array_equal(a, b)
    assert quiet.random_state.uniform() == heard.random_state.uniform()


def test_warns_where_iterations_end(cls):
    with pytest.warns(
        ConvergenceWarning, match=r"Stochastic Optimizer: Maximum iterations \(2\) reached and the optimization hasn't"
    ):
        cls(max_iter=2).fit(X_IRIS, Y_IRIS)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cls(max_iter=1, random_state=0).partial_fit(X_IRIS, Y_IRIS, *([] if cls is MLPRegressor else [None, [0, 1, 2]]))


@pytest.mark.parametrize("first, then", [(np.float32, np.float64), (np.float64, np.float32)])
@pytest.mark.parametrize("way", ["partial_fit", "warm_start"])
def test_a_fitted_model_keeps_its_type(first, then, way):
    """As in scikit-learn: going on with samples of another type does not change the weights'."""
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((60, 4)), rng.integers(3, size=60)
    model = MLPClassifier((5,), random_state=0, warm_start=way == "warm_start", max_iter=2, tol=0.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(X.astype(first), y)
        before = model.coefs_[0].copy()
        (model.partial_fit if way == "partial_fit" else model.fit)(X.astype(then), y)
    assert model.coefs_[0].dtype == first
    assert not np.array_equal(model.coefs_[0], before)
    model.set_params(dtype=np.dtype(then).name).partial_fit(X, y)
    assert model.coefs_[0].dtype == then


def test_partial_fit_after_lbfgs():
    X, y = np.random.default_rng(0).standard_normal((40, 3)), np.arange(40) % 2
    model = MLPClassifier((4,), solver="lbfgs", max_iter=1000, random_state=0, alpha=1.0).fit(X, y)
    assert len(model.set_params(solver="adam").partial_fit(X, y).loss_curve_) == 1


def test_hidden_layer_sizes_are_whole_numbers():
    """A TypeError as scikit-learn's, which also is a ValueError, as for other parameters."""
    X, y = np.zeros((4, 2)), np.arange(4) % 2
    for Model in (MLPClassifier, sklearn.neural_network.MLPClassifier):
        with pytest.raises(TypeError):
            Model((2.5,)).fit(X, y)
    with pytest.raises(ValueError, match=r"hidden_layer_sizes must be integers; got 2\.5 in \(2\.5,\)\."):
        MLPClassifier((2.5,)).fit(X, y)


# ---- names, keywords, parameters of parameters -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("everyday", "canonical"),
    [
        ({"activation": "sigmoid"}, {"activation": "logistic"}),
        ({"activation": "Linear"}, {"activation": "identity"}),
        ({"activation": "ReLU"}, {"activation": "relu"}),
        ({"activation": "LeakyReLU"}, {"activation": "leaky_relu"}),
        ({"activation": "swish"}, {"activation": "silu"}),
        ({"activation": "HardSwish"}, {"activation": "hard_swish"}),
        ({"activation": ["Sigmoid"]}, {"activation": ["logistic"]}),
        ({"loss": "MSE"}, {"loss": "squared_error"}),
        ({"loss": "mean_squared_error"}, {"loss": "squared_error"}),
        ({"solver": "Adam"}, {"solver": "adam"}),
        ({"solver": "SGD"}, {"solver": "sgd"}),
        ({"solver": "RMSProp"}, {"solver": "rmsprop"}),
        ({"solver": "Adam_W"}, {"solver": "adamw"}),
        ({"solver": "L-BFGS"}, {"solver": "lbfgs"}),
        ({"solver": "sgd", "learning_rate": "InvScaling"}, {"solver": "sgd", "learning_rate": "invscaling"}),
        ({"learning_rate": "OneCycle"}, {"learning_rate": "one_cycle"}),
        ({"learning_rate": "cosine_annealing"}, {"learning_rate": "cosine"}),
        ({"learning_rate": "StepLR"}, {"learning_rate": "step_decay"}),
        ({"weight_init": "xavier"}, {"weight_init": "glorot_uniform"}),
        ({"weight_init": "He"}, {"weight_init": "he_normal"}),
        ({"weight_init": "kaiming_uniform"}, {"weight_init": "he_uniform"}),
        ({"bias_init": "Zeros"}, {"bias_init": "zeros"}),
        ({"weight_init": "Auto", "bias_init": "Auto"}, {}),
        ({"normalization": "BatchNorm"}, {"normalization": "batch"}),
        ({"normalization": "layer_norm"}, {"normalization": "layer"}),
        ({"dtype": np.float32}, {"dtype": "float32"}),
        ({"dtype": "single"}, {"dtype": "float32"}),
        ({"dtype": "bf16"}, {"dtype": "bfloat16"}),
        ({"dtype": float}, {"dtype": "float64"}),
        ({"augment": "gaussian_noise"}, {"augment": "noise"}),
        ({"batch_size": "AUTO"}, {}),
    ],
    ids=str,
)
def test_everyday_names(cls, everyday, canonical, tmp_path):
    """They are those of scikit-learn: in the fit to the bit, in reprs, parameters, copies and files."""
    rest = {"hidden_layer_sizes": (4,), "max_iter": 3, "random_state": 0}
    expected = cls(**rest, **canonical).fit(X_IRIS, Y_IRIS)
    given = cls(**rest, **everyday)
    attributes = cls(**rest)
    for name, value in everyday.items():
        setattr(attributes, name, value)
    for estimator in (given, cls(**rest).set_params(**everyday), clone(given), clone(clone(given)), attributes):
        assert repr(estimator) == repr(expected)
        assert repr(make_pipeline(estimator)) == repr(make_pipeline(expected))
        assert estimator.get_params() == expected.get_params()
    given.fit(X_IRIS, Y_IRIS)
    for ours, theirs in zip(given.coefs_ + given.intercepts_, expected.coefs_ + expected.intercepts_, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(given.predict(X_IRIS), expected.predict(X_IRIS))
    given.save(tmp_path / "model")
    assert repr(fastmlp.load(tmp_path / "model")) == repr(expected)


@pytest.mark.parametrize(
    ("own", "everyday", "canonical"),
    [
        (MLPClassifier, {"loss": "cross_entropy"}, {"loss": "log_loss"}),
        (MLPClassifier, {"loss": "bce"}, {"loss": "log_loss"}),
        (MLPClassifier, {"loss": "Hinge_Loss"}, {"loss": "hinge"}),
        (MLPClassifier, {"loss": "CrossEntropyLoss", "label_smoothing": 0.1}, {"label_smoothing": 0.1}),
        (MLPClassifier, {"class_weight": "Balanced"}, {"class_weight": "balanced"}),
        (MLPRegressor, {"loss": "MAE"}, {"loss": "absolute_error"}),
        (MLPRegressor, {"loss": "l1"}, {"loss": "absolute_error"}),
        (MLPRegressor, {"loss": "quantile"}, {"loss": "pinball"}),
        (MLPRegressor, {"loss": "SmoothL1Loss"}, {"loss": "huber"}),
    ],
    ids=str,
)
def test_everyday_names_of_one_kind(own, everyday, canonical, tmp_path):
    test_everyday_names(own, everyday, canonical, tmp_path)


def test_a_search_takes_everyday_names():
    grid = {"activation": ["sigmoid", "ReLU"], "solver": ["Adam", "SGD"], "callbacks__0__patience": [1, 2]}
    base = MLPClassifier((3,), max_iter=2, random_state=0, callbacks=[EarlyStopping("loss")])
    search = GridSearchCV(base, grid, cv=2, error_score="raise").fit(X_IRIS, Y_IRIS)
    assert len(search.cv_results_["params"]) == 8
    best = search.best_estimator_
    assert best.activation in ("logistic", "relu")
    assert best.callbacks[0].patience == search.best_params_["callbacks__0__patience"]
    assert base.callbacks[0].patience == 10


@pytest.mark.parametrize(
    ("params", "message"),
    [
        (
            {"learning_rate": 0.01},
            r"'learning_rate' parameter .* A rate is learning_rate_init=0\.01; learning_rate says how",
        ),
        ({"solver": Adam}, r"Give an object instead of its class: Adam\(\)\."),
        ({"activation": "sigmoyd"}, r"activation='sigmoyd' is not known; known are 'logistic', "),
        ({"normalization": "bathc"}, r"'normalization' parameter .* Got 'bathc'"),
        ({"dtype": np.float16}, r"'dtype' parameter .* Got <class 'numpy\.float16'>"),
        ({"scoring": "acurracy"}, r"^scoring='acurracy' is none: 'acurracy' is not a valid scoring"),
        ({"scoring": "acurracy"}, r"valid options\. Did you mean 'accuracy' or "),
        ({"scoring": "AUC"}, r" Did you mean 'roc_auc'\?$"),
        ({"scoring": "mse"}, r" Did you mean 'neg_mean_squared_error'\?$"),
        ({"scoring": "log_loss"}, r" Did you mean 'neg_log_loss'"),
        ({"scoring": "##"}, r"valid options\.$"),
        ({"learning_rate_init": "CosineDecay"}, r" A schedule is learning_rate='cosine'; learning_rate_init is the"),
        ({"learning_rate_init": Cosine(0.1)}, r" A schedule is learning_rate=Cosine\(learning_rate=0\.1\); "),
        ({"learning_rate_init": "0.1"}, r"'0\.1' instead\.$"),
        ({"learning_rate_init": [1]}, r"\[1\] instead\.$"),
        ({"callbacks": EarlyStopping()}, r" Write callbacks=\[EarlyStopping\(\)\]\.$"),
        ({"solver": AdamW("OneCycleLR")}, r"^The 'learning_rate' parameter of AdamW .* of its name: OneCycle\(\)\.$"),
        ({"solver": AdamW("quux")}, r"'quux' instead\.$"),
        ({"solver": AdamW(OneCycle)}, r"of AdamW is the class OneCycle\. Give an object instead .*: OneCycle\(\)\.$"),
        ({"weight_init": HeNormal}, r"^weight_init must be an object instead of its class: HeNormal\(\)"),
        ({"scoring": []}, r"^scoring=\[\] is none: "),
    ],
)
def test_what_names_do_not_mean(cls, params, message):
    with pytest.raises((ValueError, TypeError), match=message):
        cls(hidden_layer_sizes=(3,), max_iter=1, **params).fit(X_IRIS, Y_IRIS)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        (
            {"solver__learning_rate": 0.1},
            r"^Cannot set solver__learning_rate: solver='adam' is a name, and has no parameters\."
            r" Write solver=Adam\(learning_rate=0\.1\), or set learning_rate_init\.$",
        ),
        ({"solver": "Adam_W", "solver__beta_1": 0.5}, r"Write solver=AdamW\(beta_1=0\.5\), or set beta_1\."),
        ({"solver__momentum": 0.5}, r"Write solver=SGD\(momentum=0\.5\)\.$"),
        ({"solver": "sgd", "solver__nesterov": False}, r"SGD\(nesterov=False\), or set nesterovs_momentum"),
        ({"solver__learning_rate__n_steps": 5}, r"Write solver=Adam\(learning_rate=\.\.\.\)"),
        ({"solver__quux": 0.5}, r"has no parameters\.$"),
        ({"solver__lr": 0.5}, r" Write solver=Adam\(learning_rate=0\.5\), or set learning_rate_init\.$"),
        ({"loss": "focal", "loss__gama": 0.5}, r" Write loss=Focal\(gamma=0\.5\)\.$"),
        ({"activation__negative_slope": 0.1}, r"Write activation=LeakyReLU\(negative_slope=0\.1\)\.$"),
        ({"activation": "lrelu", "activation__negative_slope": 0.1}, r"activation='leaky_relu' is a name.*LeakyReLU"),
        ({"activation": ["relu"], "activation__0__alpha": 0.1}, r"Write activation__0=ELU\(alpha=0\.1\)\.$"),
        ({"loss__delta": 2.0}, r"Write loss=Huber\(delta=2\.0\)\.$"),
        ({"loss": np.sum, "loss__delta": 2.0}, r"loss=<function sum .* has no parameters\. Write loss=Huber"),
        (
            {"learning_rate__pct_start": 0.1},
            r"learning_rate='constant' is a name.* learning_rate=OneCycle\(pct_start=0\.1",
        ),
        ({"weight_init__gain": 2}, r"Write weight_init=Orthogonal\(gain=2\)\.$"),
        ({"augment__alpha": 1.0}, r"augment=None has no parameters\. Write augment=Mixup\(alpha=1\.0\)\.$"),
        (
            {"augment": "mixup", "augment__alpha": 1.0},
            r"augment='mixup' is a name.* Write augment=Mixup\(alpha=1\.0\)\.$",
        ),
        (
            {"callbacks__0__patience": 3},
            r"callbacks=None has no parameters\. Write callbacks=\[EarlyStopping\(patience=3\)\]",
        ),
        ({"callbacks": [], "callbacks__0__patience": 3}, r"callbacks has no element 0: there are 0"),
        ({"callbacks": [EarlyStopping()], "callbacks__patience": 3}, r"write callbacks__0__patience"),
        ({"callbacks": [EarlyStopping()], "callbacks__0__patienc": 3}, r"Did you mean 'patience'\?"),
        ({"alpha__x": 3}, r"Cannot set alpha__x: alpha=0\.0001 has no parameters\.$"),
    ],
    ids=str,
)
def test_parameters_of_names(cls, params, message):
    estimator = cls()
    before = repr(estimator)
    with pytest.raises(ValueError, match=message):
        estimator.set_params(**params)
    assert repr(estimator) == before or "callbacks" in params


def test_parameters_of_parts(cls):
    estimator = cls(solver=Adam(), callbacks=[EarlyStopping()], augment=Compose(["mixup", Noise()]))
    estimator.set_params(solver__learning_rate=0.5, callbacks__0__patience=3, augment__augmentations__1__std=0.25)
    assert estimator.solver.learning_rate == 0.5
    assert estimator.callbacks[0].patience == 3
    assert estimator.augment.augmentations[1].std == 0.25
    assert estimator.get_params()["callbacks__0__patience"] == 3
    assert cls().set_params(hidden_layer_sizes=(5, 3), hidden_layer_sizes__1=4).hidden_layer_sizes == (5, 4)
    assert cls(activation=["relu", LeakyReLU()]).set_params(activation__0="SiLU").activation[0] == "silu"


@pytest.mark.parametrize("method", ["fit", "partial_fit", "resume"])
@pytest.mark.parametrize(
    ("keyword", "hint"),
    [
        ("epochs", r"It is a parameter of the estimator: MLP\w+\(max_iter=\.\.\.\)\."),
        ("batch_size", r"It is a parameter of the estimator: MLP\w+\(batch_size=\.\.\.\)\."),
        ("verbose", r"It is a parameter of the estimator: MLP\w+\(verbose=\.\.\.\)\."),
        ("sample_weights", r"Did you mean 'sample_weight'\?"),
        ("validation_data", r"Did you mean 'eval_set'\?|fit\(X, y, eval_set=\(X_val, y_val\)\)"),
        ("early_stopping_rounds", r"EarlyStopping\(patience=\.\.\.\)"),
    ],
)
def test_unknown_keywords_of_fits(cls, method, keyword, hint):
    told = rf"^{cls.__name__}\.{method}\(\) got an unexpected keyword argument '{keyword}'\. .*({hint})"
    with pytest.raises(TypeError, match=told):
        getattr(cls(), method)(X_IRIS, Y_IRIS, **{keyword: 1})


@pytest.mark.parametrize(
    ("keyword", "hint"),
    [
        ("validation_data", r"fit\(X, y, eval_set=\(X_val, y_val\)\)"),
        ("eval_set", r"fit\(X, y, eval_set=\(X_val, y_val\)\)"),
        ("early_stopping_rounds", r"n_iter_no_change=\.\.\.,.*EarlyStopping\(patience"),
        ("device", "computes on the CPU"),
        ("input_shape", "follow from X and y"),
        ("output_activation", "follows from the loss"),
        ("sample_weight", r"fit\(X, y, sample_weight=\.\.\.\)"),
    ],
)
def test_keywords_that_are_no_parameters(cls, keyword, hint):
    with pytest.raises(TypeError, match=rf"unexpected keyword argument '{keyword}'\. .*{hint}"):
        cls(**{keyword: 1})
    with pytest.raises(ValueError, match=rf"^Invalid parameter '{keyword}' for estimator MLP.*{hint}"):
        cls().set_params(**{keyword: 1})


class Odd:
    """Nothing that any parameter takes."""


NASTY = [
    None, True, -1, 0, 2.5, np.nan, np.inf, -np.inf, "", "nonsense", b"x", [], [None], ["a"], [[1]], (), {}, {"a": 1},
    {1}, np.array([1, 2]), np.array([[1.0]]), np.zeros(0), 1j, Odd(), Odd, lambda: 1, np.array("a"), range(3),
]  # fmt: skip


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("parameter", MLPClassifier._get_param_names())
def test_every_parameter_is_named_where_its_value_is_wrong(cls, parameter):
    """Whatever is given for it: the fit works, or its error, or a note with it, says which parameter is wrong."""
    if parameter not in cls._get_param_names():
        return
    beside = {
        "validation_fraction": {"early_stopping": True},
        "momentum": {"solver": "sgd"},
        "nesterovs_momentum": {"solver": "sgd"},
        "power_t": {"solver": "sgd", "learning_rate": "invscaling"},
        "max_fun": {"solver": "lbfgs"},
    }.get(parameter, {})
    n_refused = 0
    for value in NASTY:
        parameters = {"hidden_layer_sizes": (3,), "max_iter": 1, "random_state": 0, **beside, parameter: value}
        try:
            cls(**parameters).fit(X_IRIS[::5], Y_IRIS[::5])
        except (ValueError, TypeError) as error:
            n_refused += 1
            assert parameter in "\n".join([str(error), *getattr(error, "__notes__", [])]), value
    assert n_refused > 10 or parameter == "callbacks"


# ---- after failures ------------------------------------------------------------------------------------------------


def test_empty_history_comes_back_after_a_failure():
    X, y = np.random.default_rng(0).standard_normal((40, 3)), np.arange(40) % 2
    model = MLPClassifier((4,), random_state=0, max_iter=3, solver="sgd", learning_rate_init=1e300, warm_start=True)
    model.loss_curve_ = history = []
    model.coefs_, model.intercepts_ = [np.ones((3, 1))], [np.ones(1)]
    with np.errstate(all="ignore"), pytest.raises(ValueError, match=r"non-finite|hidden_layer_sizes"):
        model.fit(X, y)
    model.set_params(hidden_layer_sizes=(), max_iter=5)
    model.t_, model.best_loss_, model.n_features_in_ = 0, np.inf, 3
    with np.errstate(all="ignore"), pytest.raises(ValueError, match="non-finite"):
        model.fit(X, y)
    assert history == [] and model.loss_curve_ is history


@pytest.mark.parametrize("dtype, epsilon", [(np.float32, 1e-39), (np.float64, 1e-310)])
def test_a_denormal_epsilon_is_not_zero(dtype, epsilon):
    X = np.c_[np.random.default_rng(0).standard_normal((40, 3)), np.zeros((40, 3))].astype(dtype)
    model = MLPClassifier((4,), random_state=0, max_iter=3, epsilon=epsilon, alpha=0)
    with pytest.warns(ConvergenceWarning):
        model.fit(X, np.arange(40) % 2)
    assert np.isfinite(model.coefs_[0]).all()


@pytest.mark.filterwarnings("ignore:dtype='bfloat16' is slower than 'float32' here:UserWarning")
@pytest.mark.parametrize("solver", ["adam", "sgd"])
@pytest.mark.parametrize("sparse", [False, True])
def test_bfloat16_learns_what_float32_learns(solver, sparse):
    X, y = load_digits(return_X_y=True)
    X = scipy.sparse.csr_array(X) if sparse else X
    params = {"solver": solver, "learning_rate_init": {"adam": 1e-3, "sgd": 1e-2}[solver], "max_iter": 15, "tol": 0.0}
    fits = [
        MLPClassifier((64, 40), dtype=dtype, random_state=0, n_iter_no_change=np.inf, n_jobs=n_jobs, **params)
        for dtype, n_jobs in (("float32", 1), ("bfloat16", 1), ("bfloat16", 3))
    ]
    single, rounded, by_three = (clf.fit(X, y) for clf in fits)
    assert all(W.dtype == np.float32 for W in rounded.coefs_)
    assert rounded.predict_proba(X[:1]).dtype == np.float32
    for a, b, c in zip(single.coefs_, rounded.coefs_, by_three.coefs_, strict=True):
        np.testing.assert_array_equal(b, c)
        assert not np.array_equal(a, b)
    np.testing.assert_allclose(rounded.loss_curve_, single.loss_curve_, rtol=0.05)
    assert rounded.score(X, y) > single.score(X, y) - 0.005
    few = np.asarray(X[:5].todense() if sparse else X[:5], np.float32)
    np.testing.assert_array_equal(rounded.predictor()(few), rounded.predict_proba(few))
    assert sklearn.base.clone(rounded).dtype == "bfloat16"


def test_split_operands_learn_what_float32_learns(monkeypatch):
    """By whichever machine's means; those with AMX, when asked, choose them for such a network by themselves."""
    monkeypatch.setattr(engine.tables, "MAY_SPLIT", True)
    X, y = load_digits(return_X_y=True)

    def fitted(n_jobs):
        clf = MLPClassifier((400, 300), dtype="float32", batch_size=256, max_iter=8, random_state=0, n_jobs=n_jobs)
        with pytest.warns(ConvergenceWarning):
            return clf.fit(X, y)

    sizes = (64, 400, 300, 10)
    chosen = 3 if engine.split_product() else 0
    trainer = engine.Trainer(sizes, "relu", "log_loss", np.float32, rule="adam", max_batch=256)
    assert trainer.terms == chosen
    split, by_three, by_six = (fitted(n_jobs) for n_jobs in (1, 3, 6))
    monkeypatch.setattr(engine.trainer, "splits", lambda sizes, n_rows: False)
    plain = fitted(1)
    for a, b, c, d in zip(split.coefs_, by_three.coefs_, by_six.coefs_, plain.coefs_, strict=True):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(a, c)
        assert np.array_equal(a, d) == (not chosen)
    np.testing.assert_allclose(split.loss_curve_, plain.loss_curve_, rtol=1e-4)
    assert np.mean(split.predict(X) == plain.predict(X)) > 0.998


def test_bfloat16_is_not_for_lbfgs(cls):
    with pytest.raises(ValueError, match=r"dtype='bfloat16' is for solvers by minibatches; solver='lbfgs' computes"):
        cls(solver="lbfgs", dtype="bfloat16").fit(X_IRIS, Y_IRIS)


def test_bfloat16_without_hardware_warns(cls, monkeypatch):
    monkeypatch.setattr("fastmlp.engine.bfloat16_product", lambda: "")
    with pytest.warns(UserWarning, match="dtype='bfloat16' is slower than 'float32' here"):
        cls(hidden_layer_sizes=(4,), dtype="bfloat16", max_iter=500, tol=0.1).fit(X_IRIS, Y_IRIS)


# ---- what is switched, edited or mixed between calls -----------------------------------------------------------------


@pytest.mark.parametrize("solver", ["sgd", "muon"])
def test_ema_may_be_switched_on_late(solver):
    X, y = np.random.default_rng(0).standard_normal((60, 3)), np.arange(60.0)
    reg = MLPRegressor(hidden_layer_sizes=(5,), solver=solver, learning_rate_init=1e-9, random_state=0)
    before = reg.partial_fit(X, y).coefs_[0].copy()
    np.testing.assert_allclose(reg.set_params(ema=0.9).partial_fit(X, y).coefs_[0], before, rtol=1e-3)
    reg.set_params(ema=None).partial_fit(X, y).set_params(ema=0.5).partial_fit(X, y)
    np.testing.assert_allclose(reg.coefs_[0], before, rtol=1e-3)


@pytest.mark.parametrize(
    "params",
    [
        {"solver": SGD(1e-6, momentum=0.0), "ema": 0.99},
        {"solver": "schedulefreeadamw", "learning_rate_init": 1e-6},
    ],
)
def test_training_goes_on_from_edited_weights(params):
    X, y = np.random.default_rng(0).standard_normal((60, 3)), np.zeros(60)
    reg = MLPRegressor(hidden_layer_sizes=(5,), random_state=0, **params)
    for _ in range(3):
        reg.partial_fit(X, y)
    reg.coefs_[0] = np.full_like(reg.coefs_[0], 5.0)
    np.testing.assert_allclose(reg.partial_fit(X, y).coefs_[0], 5.0, rtol=1e-3)


def test_warm_start_with_a_loss_of_another_link():
    X = np.random.default_rng(0).standard_normal((100, 3))
    labels = np.where(X[:, 0] > 0, "yes", "no")
    clf = MLPClassifier((10,), warm_start=True, max_iter=300, learning_rate_init=0.01, random_state=0).fit(X, labels)
    clf.set_params(loss="hinge").fit(X, labels)
    assert clf.out_activation_ == "identity"
    assert clf.score(X, labels) > 0.97
    assert clf.decision_function(X).shape == (100,)


def test_predictions_have_the_form_that_the_loss_asks_for():
    X = np.random.default_rng(0).standard_normal((30, 3))
    clf = MLPClassifier((4,), max_iter=5, random_state=0).fit(X, X[:, 0] > 0)
    clf.predict(X)
    clf.set_params(loss="hinge")
    assert clf.decision_function(X).shape == clf.predict(X).shape == (30,)


def test_sparse_predictions_after_a_standardized_dense_fit_with_layer_normalization():
    X = np.random.default_rng(0).standard_normal((1500, 4)) + 3
    X[X < 2] = 0
    clf = MLPClassifier((8,), standardize=True, normalization="layer", max_iter=5, random_state=0).fit(X, X[:, 0] > 3)
    np.testing.assert_allclose(clf.predict_proba(scipy.sparse.csr_array(X)), clf.predict_proba(X), atol=1e-12)


def test_loss_weights_are_not_for_callables():
    X, Y = np.zeros((10, 2)), np.zeros((10, 2))
    reg = MLPRegressor(lambda y, p, w: (0.0, np.zeros_like(p)), (3,), loss_weights=[1, 2])
    with pytest.raises(ValueError, match="loss_weights is for the losses that fastmlp has"):
        reg.fit(X, Y)


def test_hooks_of_ones_own_are_heard_whether_anything_is_printed_or_not(capsys):
    class Halve(Schedule):
        def _rates(self, step):
            return np.full(np.shape(step), self.learning_rate)

        def after_epoch(self, at_work, n_samples_seen):
            at_work.learning_rate /= 2

    X, y = np.random.default_rng(0).standard_normal((60, 3)), np.arange(60) / 60
    losses = [
        MLPRegressor(hidden_layer_sizes=(5,), learning_rate=Halve(0.1), max_iter=6, random_state=0, verbose=verbose)
        .fit(X, y)
        .loss_curve_
        for verbose in (False, True)
    ]
    assert capsys.readouterr().out.count("Iteration") == 6
    assert losses[0] == losses[1]


def test_a_function_of_the_step_is_one_wherever_it_is_given():
    X, y = np.random.default_rng(0).standard_normal((60, 3)), np.arange(60) / 60

    def rate(step):
        assert isinstance(step, int)
        return 0.1 / (1 + step)

    common = {"hidden_layer_sizes": (5,), "max_iter": 5, "batch_size": 10, "random_state": 0}
    given = MLPRegressor(solver="sgd", learning_rate=rate, **common).fit(X, y)
    within = MLPRegressor(solver=SGD(rate), **common).fit(X, y)
    assert given.loss_curve_ == within.loss_curve_


def test_score_of_several_quantiles_is_minus_their_loss():
    X = np.random.default_rng(0).standard_normal((80, 2))
    y = X[:, 0]
    reg = MLPRegressor(Pinball([0.1, 0.5, 0.9]), (5,), max_iter=50, random_state=0).fit(X, y)
    error = y[:, None] - reg.predict(X)
    expected = -np.maximum(np.array([0.1, 0.5, 0.9]) * error, np.array([-0.9, -0.5, -0.1]) * error).sum(axis=1).mean()
    assert reg.score(X, y) == pytest.approx(expected)
    assert np.isfinite(cross_val_score(reg, X, y, cv=3)).all()


def test_class_weights_are_those_of_the_classes_there_may_be():
    X = np.random.default_rng(0).standard_normal((40, 3))
    labels = np.where(X[:, 0] > 0, "yes", "no")
    clf = MLPClassifier((4,), class_weight={"yes": 2.0}, random_state=0)
    clf.partial_fit(X[labels == "no"], labels[labels == "no"], classes=["no", "yes"])
    weights = np.where(labels == "yes", 2.0, 1.0)
    by_hand = MLPClassifier((4,), random_state=0, max_iter=5).fit(X, labels, weights)
    named = MLPClassifier((4,), class_weight={"yes": 2.0}, random_state=0, max_iter=5).fit(X, labels)
    assert by_hand.loss_curve_ == named.loss_curve_
    with pytest.raises(ValueError, match=r"class_weight names the class 'maybe', which is none of \['no', 'yes'\]"):
        clf.set_params(class_weight={"maybe": 1.0}).fit(X, labels)


def test_native_activations_go_through_searches():
    libm = ctypes.CDLL(ctypes.util.find_library("m"))
    for function in (libm.sin, libm.cos):
        function.restype, function.argtypes = ctypes.c_double, (ctypes.c_double,)
    sine = NativeActivation(LowLevelCallable(libm.sin), LowLevelCallable(libm.cos))
    X = np.random.default_rng(0).standard_normal((40, 3))
    clf = MLPClassifier((4,), activation=[sine], max_iter=5, random_state=0)
    for copied in (clone(clf), copy.deepcopy(clf)):
        assert copied.fit(X, X[:, 0] > 0).loss_curve_ == clf.fit(X, X[:, 0] > 0).loss_curve_
    assert np.isfinite(cross_val_score(clf, X, X[:, 0] > 0, cv=3)).all()
    with pytest.raises(TypeError, match="it cannot be pickled"):
        pickle.dumps(sine)


# ---- sparse matrices that lie ----------------------------------------------------------------------------------------

Y7 = np.array([0, 1, 0, 1, 1, 0, 1])


def tiny(cls=MLPClassifier, **options):
    return cls(hidden_layer_sizes=(4,), max_iter=2, random_state=0, **options)


@pytest.fixture(scope="module")
def fitted_on_sparse():
    """A classifier, and one that must centre sparse rows, fitted on what lies no bit."""
    X = compressed(scipy.sparse.csr_array, np.int32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        centred = tiny(standardize=True, normalization="layer").fit(X.toarray(), Y7)
        return X, tiny().fit(X, Y7), centred, tiny(MLPRegressor).fit(X, Y7)


@pytest.mark.parametrize("index_type", [np.int32, np.int64])
@pytest.mark.parametrize("kind", LIES)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_sparse_matrices_that_lie_are_refused_wherever_they_are_given(kind, index_type, fitted_on_sparse):
    lie, message = LIES[kind]
    good, clf, centred, reg = fitted_on_sparse
    Y = np.eye(2, dtype=int)[Y7]
    uses = {
        "fit": lambda X: tiny().fit(X, Y7),
        "fit, standardized": lambda X: tiny(standardize=True).fit(X, Y7),
        "fit, lbfgs": lambda X: tiny(MLPRegressor, solver="lbfgs").fit(X, Y7),
        "fit, early stopping": lambda X: tiny(early_stopping=True, validation_fraction=0.3).fit(X, Y7),
        "fit, several labels": lambda X: tiny().fit(X, Y),
        "partial_fit": lambda X: tiny().partial_fit(X, Y7, classes=[0, 1]),
        "partial_fit again": lambda X: tiny().partial_fit(good, Y7, classes=[0, 1]).partial_fit(X, Y7),
        "predict": clf.predict,
        "predict_proba": clf.predict_proba,
        "predict, centred": centred.predict,
        "predict, numbers": reg.predict,
        "score": lambda X: clf.score(X, Y7),
        "eval_set": lambda X: tiny().fit(good, Y7, eval_set=(X, Y7)),
        "eval_set, centred": lambda X: tiny(standardize=True).fit(good.toarray(), Y7, eval_set=(X, Y7)),
    }
    for container in (scipy.sparse.csr_array, scipy.sparse.csc_array):
        for use in uses.values():
            with pytest.raises(ValueError, match=message):
                use(compressed(container, index_type, lie))


@pytest.mark.parametrize("kind", OTHER_LIES)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_other_sparse_formats_that_lie_are_refused(kind):
    made, message = OTHER_LIES[kind]
    n_rows, n_columns = made().shape
    fitted = tiny().fit(np.eye(7, n_columns), Y7)
    for use in (lambda X: tiny().fit(X, Y7[:n_rows]), fitted.predict):
        with pytest.raises(ValueError, match=message):
            use(made())


@pytest.mark.parametrize("kind", LIES)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_sparse_labels_that_lie_are_refused(kind):
    lie, message = LIES[kind]
    X, labels = np.random.default_rng(0).standard_normal((7, 3)), compressed(scipy.sparse.csr_array, np.int32)
    labels.data = np.ones(len(labels.data), int)

    def lying():
        return lie(labels.copy())

    for use in (
        lambda: tiny().fit(X, lying()),
        lambda: tiny().partial_fit(X, lying(), classes=range(5)),
        lambda: tiny().fit(X, labels).partial_fit(X, lying()),
        lambda: tiny().fit(X, labels, eval_set=(X, lying())),
    ):
        with pytest.raises(ValueError, match=message.replace("X.", "y.")):
            use()


def test_a_fit_that_is_refused_leaves_the_model_as_it_was(fitted_on_sparse):
    good, clf, _, _ = fitted_on_sparse
    clf, broken = copy.deepcopy(clf), good.copy()
    before = clf.predict_proba(good)
    broken.indices[0] = 99
    for use in (clf.fit, clf.partial_fit):
        with pytest.raises(ValueError, match="got 99 as element 0"):
            use(broken, Y7)
        np.testing.assert_array_equal(clf.predict_proba(good), before)


# ---- parameters without effect ---------------------------------------------------------------------------------------


def ignored(call):
    """What a call says of parameters without effect."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    ours = [warning for warning in caught if warning.category is IgnoredParameterWarning]
    assert all(warning.filename == __file__ for warning in ours)
    return [str(warning.message) for warning in ours]


VOID = {"solver": AdamW(), "learning_rate_init": 0.1, "momentum": 0.5}


@pytest.mark.parametrize("cls", [MLPClassifier, MLPRegressor])
def test_a_fit_names_all_that_has_no_effect_once(cls):
    model = cls(hidden_layer_sizes=(3,), max_iter=3, **VOID)
    for _ in range(2):
        (message,) = ignored(lambda: model.fit(X_SMALL, own_target(cls)))
        assert message == (
            "learning_rate_init=0.1 has no effect beside solver=AdamW(), whose own counts: set solver__learning_rate."
            " momentum=0.5 has no effect beside solver=AdamW(), which has no such parameter."
        )
    model.set_params(learning_rate_init=0.001, momentum=0.9)
    assert ignored(lambda: model.fit(X_SMALL, own_target(cls))) == []


def test_a_search_over_a_parameter_without_effect_is_told_so():
    model = MLPClassifier((3,), solver=AdamW(), max_iter=3, random_state=0)
    search = GridSearchCV(model, {"learning_rate_init": [1e-5, 1e-3, 1.0]}, cv=2, refit=False)
    messages = ignored(lambda: search.fit(X_SMALL, TARGETS["multiclass"]))
    assert len(messages) == 4
    assert {message.partition(" ")[0] for message in messages} == {
        "learning_rate_init=1e-05",
        "learning_rate_init=1.0",
    }
    search = GridSearchCV(model, {"solver__learning_rate": [1e-5, 1e-3, 1.0]}, cv=2, refit=False)
    assert ignored(lambda: search.fit(X_SMALL, TARGETS["multiclass"])) == []
    pipeline = make_pipeline(StandardScaler(), clone(model).set_params(momentum=0.5))
    assert len(ignored(lambda: pipeline.fit(X_SMALL, TARGETS["multiclass"]))) == 1


def test_partial_fit_says_it_once():
    model = MLPClassifier((3,), **VOID)
    calls = [ignored(lambda: model.partial_fit(X_SMALL, TARGETS["multiclass"], classes=[0, 1, 2])) for _ in range(3)]
    assert [len(messages) for messages in calls] == [1, 0, 0]
    assert len(ignored(lambda: clone(model).partial_fit(X_SMALL, TARGETS["multiclass"], classes=[0, 1, 2]))) == 1


@pytest.mark.parametrize("given", [{"solver": "sgd"}, {"solver": "adam"}, {"solver": "lion"}], ids=str)
def test_partial_fit_says_that_a_rate_set_later_has_no_effect(given):
    """True: what comes of it is what comes without; and it is said again only when it is set anew."""
    y = TARGETS["multiclass"]
    model = MLPClassifier((3,), random_state=0, **given).partial_fit(X_SMALL, y, classes=[0, 1, 2])
    other = copy.deepcopy(model).set_params(learning_rate_init=0.5)

    def n_told(model, method="partial_fit", **changed):
        return len(ignored(lambda: getattr(model.set_params(**changed), method)(X_SMALL, y)))

    (message,) = ignored(lambda: other.partial_fit(X_SMALL, y))
    assert message == "learning_rate_init=0.5 has no effect, since training goes on with the optimizer it began with."
    assert [n_told(other), n_told(model), n_told(model)] == [0, 0, 0]
    np.testing.assert_array_equal(everything(model.partial_fit(X_SMALL, y)), everything(other.partial_fit(X_SMALL, y)))
    assert [n_told(other, learning_rate_init=rate) for rate in (0.001, 0.5, 0.5, 0.1)] == [0, 1, 0, 1]
    assert n_told(pickle.loads(pickle.dumps(model))) == 0
    # A fit makes its optimizer of what is set then.
    assert [n_told(other, "fit", learning_rate_init=0.2), n_told(other), n_told(other)] == [0, 0, 0]
    assert [n_told(other, learning_rate_init=0.1), n_told(other, "fit"), n_told(other)] == [1, 0, 0]
    assert n_told(other, learning_rate_init=0.2) == 1


def test_partial_fit_looks_into_objects():
    """A solver's parameters may change while it stays the object that it was."""
    y, model = TARGETS["multiclass"], MLPClassifier((3,), solver=AdamW())
    for rate, n_told in ((0.001, 0), (0.5, 1), (0.5, 0), (0.1, 1)):
        model.set_params(solver__learning_rate=rate)
        assert len(ignored(lambda: model.partial_fit(X_SMALL, y, classes=[0, 1, 2]))) == n_told


def test_what_may_change_between_calls_is_not_told():
    """It has an effect; a fit begins anew, with the rate that is set now, and so does a warm start."""
    model = MLPClassifier((3,), random_state=0).partial_fit(X_SMALL, TARGETS["multiclass"], classes=[0, 1, 2])
    for changed in ({"alpha": 1.0}, {"batch_size": 5}, {"l1": 0.1}, {"dropout": 0.5}, {"gradient_clip_norm": 0.1}):
        one, other = copy.deepcopy(model), copy.deepcopy(model).set_params(**changed)
        assert ignored(lambda other=other: other.partial_fit(X_SMALL, TARGETS["multiclass"])) == []
        assert (one.partial_fit(X_SMALL, TARGETS["multiclass"]).coefs_[0] != other.coefs_[0]).any()
    model.set_params(learning_rate_init=0.1, max_iter=3, warm_start=True)
    assert ignored(lambda: model.fit(X_SMALL, TARGETS["multiclass"])) == []
    assert model.history_["learning_rate"][-1] == 0.1
    assert ignored(lambda: model.set_params(warm_start=False, solver="sgd").fit(X_SMALL, TARGETS["multiclass"])) == []


@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("how", ["partial_fit", "warm_start"])
def test_standardize_set_later_has_no_effect(first, how):
    model = MLPClassifier((3,), random_state=0, standardize=first, max_iter=2, warm_start=how == "warm_start")
    ignored(lambda: model.fit(X_SMALL, TARGETS["multiclass"]))
    other = copy.deepcopy(model).set_params(standardize=not first)

    def goes_on(model):
        return (
            model.partial_fit(X_SMALL, TARGETS["multiclass"])
            if how == "partial_fit"
            else model.fit(X_SMALL, TARGETS["multiclass"])
        )

    assert ignored(lambda: goes_on(model)) == []
    message = f"standardize={not first} has no effect, since training goes on as it began."
    assert ignored(lambda: goes_on(other)) == [message]
    np.testing.assert_array_equal(model.predict_proba(X_SMALL), other.predict_proba(X_SMALL))


def test_resume_says_what_a_checkpoint_keeps(tmp_path):
    model = MLPClassifier((3,), max_iter=3, random_state=0, callbacks=[ModelCheckpoint(tmp_path / "model")])
    ignored(lambda: model.fit(X_SMALL, TARGETS["multiclass"]))
    resumed = fastmlp.load(tmp_path / "model").set_params(max_iter=6)
    assert ignored(lambda: resumed.resume(X_SMALL, TARGETS["multiclass"])) == []
    changed = fastmlp.load(tmp_path / "model").set_params(max_iter=6, learning_rate_init=0.5)
    (message,) = ignored(lambda: changed.resume(X_SMALL, TARGETS["multiclass"]))
    assert message.startswith("learning_rate_init=0.5 has no effect, since training goes on")
    np.testing.assert_array_equal(changed.coefs_[0], resumed.coefs_[0])


# ---- the network of a fitted estimator -------------------------------------------------------------------------------


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
    told = network.loss_and_gradients(X_SMALL, targets, loss_options=(0.9, 0.9, 0.9))[0]
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
