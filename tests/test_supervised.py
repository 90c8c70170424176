"""Fits by targets: what is refused without a trace, and input that is taken as it is."""

import copy
import warnings

import numpy as np
import pytest
import scipy.sparse

from fastmlp import MLPClassifier, MLPRegressor
from fastmlp.activations import Activation, LeakyReLU
from fastmlp.estimators.base import Estimator
from fastmlp.inputs.targets import label_kind
from fastmlp.losses import CLASS_TARGET_LOSSES, Huber, LogLoss, Pinball, Tweedie, loss_of
from fastmlp.optimizers import Adam, Optimizer
from fastmlp.schedules import Cosine
from tests.estimator_cases import (
    ESTIMATORS,
    NEGATIVE,
    OBJECTS,
    ONES,
    TARGETS,
    X_BAD,
    X_INF,
    X_IRIS,
    X_SMALL,
    Y_INF,
    Y_IRIS,
    Y_NAN,
    assert_fails_without_a_trace,
    classes_of,
    everything,
    small,
)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


# ---- bad input -------------------------------------------------------------------------------------------------------


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
    monkeypatch.setattr(Estimator, "_takes_as_they_are", lambda self, X, *, reset: False)
    monkeypatch.setattr("fastmlp.estimators.classifier.are_known", lambda y, binarizer: False)
    monkeypatch.setattr("fastmlp.estimators.classifier.encode_labels", slowly_encoded)
    np.testing.assert_equal(outcome(), at_once)
