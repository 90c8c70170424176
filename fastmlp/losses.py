"""The losses: the engine's, as src_c/tables/losses.def lists them, and the objects that choose among them.

===============  =============  =================================================================  ===========
name             p = link(z)    loss of one sample with target y                                   option
===============  =============  =================================================================  ===========
log_loss         softmax        -log(p[class])
binary_log_loss  logistic       sum over outputs of -y log(p) - (1 - y) log(1 - p)
squared_error    identity       mean over outputs of (y - p)^2 / 2
poisson          exp            sum over outputs of y log(y / p) - y + p
soft_log_loss    softmax        sum over outputs of -y log(p)
quadratic        logistic       sum over outputs of (y - p)^2 / 2
absolute_error   identity       sum over outputs of abs(y - p)
huber            identity       sum over outputs of e^2 / 2 up to e = d, then d (e - d / 2),       d = 1
                                e = abs(y - p)
pinball          identity       sum over outputs of q (y - p) where p < y, else (1 - q) (p - y)    q = 0.5
gamma            exp            sum over outputs of y / p - log(y / p) - 1
tweedie          exp            sum over outputs of y^(2 - k) / ((1 - k) (2 - k))                  k = 1.5
                                - y p^(1 - k) / (1 - k) + p^(2 - k) / (2 - k)
hinge            identity       sum over outputs of max(0, 1 - s p), s = 2 y - 1
squared_hinge    identity       sum over outputs of max(0, 1 - s p)^2, s = 2 y - 1
perceptron       identity       sum over outputs of max(0, -s p), s = 2 y - 1
focal            softmax        -(1 - p[class])^g log(p[class])                                    g = 2
binary_focal     logistic       sum over outputs of -y (1 - p)^g log(p) - (1 - y) p^g log(1 - p)   g = 2
===============  =============  =================================================================  ===========

In log_loss and binary_log_loss probabilities are kept ``numpy.finfo(dtype).eps`` away from 0 and 1 before the
logarithm; the others are computed from z and need no such limit.

There are four kinds of targets: ``"binary"`` (two classes, one output), ``"multiclass"`` (one output per class),
``"multilabel"`` (one output per label) and ``"numbers"``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from numbers import Real
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray
from sklearn.utils._param_validation import Interval

from fastmlp import engine
from fastmlp.components import Component, Registry, named, real_array

__all__ = [
    "CLASS_TARGET_LOSSES",
    "LOSSES",
    "NAMED_LOSSES",
    "OUTPUT_ACTIVATIONS",
    "AbsoluteError",
    "CustomLoss",
    "Focal",
    "Gamma",
    "Hinge",
    "Huber",
    "LogLoss",
    "Loss",
    "Perceptron",
    "Pinball",
    "Poisson",
    "SquaredError",
    "SquaredHinge",
    "Tweedie",
    "check_loss_options",
    "engine_targets",
    "loss_of",
    "target_range",
]


def __dir__() -> list[str]:
    return sorted(__all__)


LOSSES: tuple[str, ...] = engine.LOSSES
# What losses are called elsewhere: in scikit-learn's metrics, LightGBM, XGBoost, PyTorch and Keras.
_CROSS_ENTROPY = (
    "cross_entropy", "cross_entropy_loss", "ce", "xent", "softmax_cross_entropy", "categorical_crossentropy",
    "categorical_cross_entropy", "sparse_categorical_crossentropy", "sparse_categorical_cross_entropy", "nll",
    "nll_loss", "negative_log_likelihood", "deviance", "multi_logloss", "mlogloss",
    "log", "multiclass", "multi:softmax", "multi:softprob",
)  # fmt: skip
_BINARY_CROSS_ENTROPY = (
    "bce", "bce_loss", "bce_with_logits", "bce_with_logits_loss", "binary_crossentropy", "binary_cross_entropy",
    "binary_logloss", "binomial_deviance", "sigmoid_cross_entropy", "logistic_loss",
    "logistic", "binary", "binary:logistic",
)  # fmt: skip
_SQUARED_ERROR = (
    "mse", "mse_loss", "mean_squared_error", "l2", "l2_loss", "least_squares", "ls", "squared_loss", "squared",
    "quadratic_loss", "sum_of_squares", "sse", "regression", "regression_l2", "reg:squarederror",
)  # fmt: skip
_ALIASES: dict[str, tuple[str, ...]] = {
    "absolute_error": (
        "mae", "mean_absolute_error", "l1", "l1_loss", "lad", "least_absolute_deviation", "absolute_loss", "absolute",
        "regression_l1", "reg:absoluteerror",
    ),
    "huber": ("huber_loss", "smooth_l1", "smooth_l1_loss"),
    "pinball": (
        "quantile", "quantile_loss", "pinball_loss", "mean_pinball_loss", "quantile_regression", "reg:quantileerror",
    ),
    "poisson": (
        "poisson_deviance", "mean_poisson_deviance", "poisson_nll", "poisson_nll_loss", "poisson_loss",
        "count:poisson",
    ),
    "gamma": ("gamma_deviance", "mean_gamma_deviance", "gamma_loss", "reg:gamma"),
    "tweedie": ("tweedie_deviance", "mean_tweedie_deviance", "tweedie_loss", "reg:tweedie"),
    "hinge": ("hinge_loss", "svm"),
    "squared_hinge": ("squared_hinge_loss", "l2_svm"),
    "perceptron": ("perceptron_loss",),
    "focal": ("focal_loss", "categorical_focal_crossentropy"),
}  # fmt: skip

#: The output activation each loss goes with: what ``out_activation_`` reports.
OUTPUT_ACTIVATIONS: Registry[str] = Registry(
    engine.LOSS_LINKS,
    {
        "log_loss": _CROSS_ENTROPY,
        "binary_log_loss": _BINARY_CROSS_ENTROPY,
        "squared_error": _SQUARED_ERROR,
        "binary_focal": ("binary_focal_loss", "binary_focal_crossentropy"),
        **_ALIASES,
    },
)
#: Losses whose targets are class numbers instead of a matrix.
CLASS_TARGET_LOSSES: frozenset[str] = engine.CLASS_TARGET_LOSSES


class Loss(Component):
    """What a network learns to make small: a choice of the engine's losses, one for each kind of targets it fits.

    Examples
    --------
    >>> from fastmlp.losses import SquaredError
    >>> SquaredError().engine_loss("numbers"), SquaredError().engine_loss("multiclass")
    ('squared_error', 'quadratic')
    """

    #: What users call it.
    name: ClassVar[str]
    #: The engine's loss for each kind of targets that this one fits.
    engine_losses: ClassVar[Mapping[str, str]]
    #: The smallest number a target may be, and whether it may be that number itself.
    least_target: ClassVar[float] = -np.inf
    least_target_allowed: ClassVar[bool] = True
    #: How much of a class's target goes to all classes alike.
    label_smoothing: float = 0.0

    def engine_loss(self, kind: str) -> str:
        """Return the name of the engine's loss for a kind of targets.

        Raises
        ------
        ValueError
            When this loss is not for such targets.
        """
        if kind not in self.engine_losses:
            fitting = " or ".join(self.engine_losses)
            raise ValueError(f"The loss {self.name!r} is for {fitting} targets; got {kind} targets.")
        return self.engine_losses[kind]

    @property
    def engine_options(self) -> tuple[float, ...]:
        """The number that the engine's loss needs; several where its outputs differ in it."""
        return ()

    @property
    def outputs_per_target(self) -> int:
        """Outputs that the network has for each column of targets."""
        return max(1, len(self.engine_options))

    def has_probabilities(self, kind: str) -> bool:
        """Return whether predictions are probabilities; else they are scores (of classes) or numbers."""
        return OUTPUT_ACTIVATIONS[self.engine_loss(kind)] in {"softmax", "logistic"}

    def threshold(self, kind: str) -> float:
        """Return the output above which a binary target or a label is predicted."""
        return 0.5 if self.has_probabilities(kind) else 0.0

    def probabilities(self, outputs: NDArray, kind: str) -> NDArray:
        """Return probabilities, given the network's outputs: of several classes, those of a sample have the sum 1.

        Raises
        ------
        ValueError
            When they are none.

        Examples
        --------
        >>> import numpy as np
        >>> from fastmlp.losses import SquaredError
        >>> SquaredError().probabilities(np.array([[0.6, 0.3, 0.6]]), "multiclass")
        array([[0.4, 0.2, 0.4]])
        """
        if not self.has_probabilities(kind):
            raise ValueError(f"The loss {self.name!r} gives no probabilities of {kind} targets.")
        outputs = np.asarray(outputs)
        if kind != "multiclass" or OUTPUT_ACTIVATIONS[self.engine_loss(kind)] == "softmax":
            return outputs
        total = outputs.sum(axis=1, keepdims=True)
        alike = np.full_like(outputs, 1 / outputs.shape[1])  # where all outputs are too small to be told from 0
        return np.divide(outputs, total, out=alike, where=total != 0)


class LogLoss(Loss):
    """The log loss, or cross-entropy: softmax for several classes, logistic for two classes and for labels.

    -sum over classes of y log(p); of two classes and of labels -y log(p) - (1 - y) log(1 - p). With label smoothing e,
    a target y out of K classes becomes y (1 - e) + e / K; a label's K is 2.

    Parameters
    ----------
    label_smoothing : float in [0, 1), default=0.0
        Szegedy et al., Rethinking the Inception Architecture for Computer Vision, 2016.

    Examples
    --------
    >>> from fastmlp.losses import LogLoss
    >>> LogLoss().engine_loss("multiclass"), LogLoss(label_smoothing=0.1).engine_loss("multiclass")
    ('log_loss', 'soft_log_loss')
    """

    name = "log_loss"
    engine_losses = {"binary": "binary_log_loss", "multiclass": "log_loss", "multilabel": "binary_log_loss"}
    _parameter_constraints: ClassVar[dict] = {"label_smoothing": [Interval(Real, 0, 1, closed="left")]}

    def __init__(self, label_smoothing: float = 0.0) -> None:
        self.label_smoothing = label_smoothing

    def engine_loss(self, kind: str) -> str:
        """Return the name of the engine's loss for a kind of targets; see :meth:`Loss.engine_loss`."""
        return "soft_log_loss" if kind == "multiclass" and self.label_smoothing else super().engine_loss(kind)


class SquaredError(Loss):
    """Half the squared error (y - p)^2 / 2; for classes of logistic outputs and targets 0 and 1.

    The mean over a sample's outputs for numbers, as scikit-learn has it, and their sum for classes: the quadratic cost
    of Nielsen, Neural Networks and Deep Learning, 2015.

    Examples
    --------
    >>> from fastmlp.losses import SquaredError
    >>> SquaredError().engine_loss("binary"), SquaredError().has_probabilities("binary")
    ('quadratic', True)
    """

    name = "squared_error"
    engine_losses = {
        "binary": "quadratic",
        "multiclass": "quadratic",
        "multilabel": "quadratic",
        "numbers": "squared_error",
    }


class AbsoluteError(Loss):
    """The absolute error abs(y - p), which the median makes smallest.

    Laplace, Théorie analytique des probabilités, second supplement, 1818.

    Examples
    --------
    >>> from fastmlp.losses import AbsoluteError
    >>> AbsoluteError().engine_loss("numbers")
    'absolute_error'
    """

    name = "absolute_error"
    engine_losses = {"numbers": "absolute_error"}


class Huber(Loss):
    """Huber's loss: squared near the target, absolute further away.

    e^2 / 2 where e = abs(y - p) <= delta, else delta (e - delta / 2).

    Parameters
    ----------
    delta : float > 0, default=1.0
        Where the two forms meet. Huber, Robust Estimation of a Location Parameter, 1964.

    Examples
    --------
    >>> from fastmlp.losses import Huber
    >>> Huber(1.35).engine_options
    (1.35,)
    """

    name = "huber"
    engine_losses = {"numbers": "huber"}
    _parameter_constraints: ClassVar[dict] = {"delta": [Interval(Real, 0, None, closed="neither")]}

    def __init__(self, delta: float = 1.0) -> None:
        self.delta = delta

    @property
    def engine_options(self) -> tuple[float, ...]:
        """The loss's delta."""
        return (float(self.delta),)


class _SeveralIn(Interval):
    """At least one number, all in an interval."""

    def is_satisfied_by(self, val: object) -> bool:
        try:
            numbers = list(val)  # type: ignore[call-overload]
        except TypeError:
            return False
        return bool(numbers) and all(super(_SeveralIn, self).is_satisfied_by(number) for number in numbers)

    def __str__(self) -> str:
        return f"a sequence of them, each {super().__str__()}"


class Pinball(Loss):
    """The pinball loss: quantiles of the target.

    q (y - p) where p < y, else (1 - q) (p - y).

    Parameters
    ----------
    quantile : float in (0, 1), or several of them, default=0.5
        Several give the network an output for each; there may be one column of targets only then. Koenker and
        Bassett, Regression Quantiles, 1978.

    Examples
    --------
    >>> from fastmlp.losses import Pinball
    >>> Pinball([0.05, 0.5, 0.95]).outputs_per_target
    3
    """

    name = "pinball"
    engine_losses = {"numbers": "pinball"}
    _parameter_constraints: ClassVar[dict] = {
        "quantile": [Interval(Real, 0, 1, closed="neither"), _SeveralIn(Real, 0, 1, closed="neither")]
    }

    def __init__(self, quantile: float | Sequence[float] | NDArray = 0.5) -> None:
        self.quantile = quantile

    @property
    def engine_options(self) -> tuple[float, ...]:
        """The quantiles, one per output."""
        return tuple(np.array(self.quantile, dtype=np.float64, ndmin=1).tolist())


class Poisson(Loss):
    """Half the Poisson deviance y log(y / p) - y + p, p = exp(z), for y >= 0.

    McCullagh and Nelder, Generalized Linear Models, 1989.

    Examples
    --------
    >>> from fastmlp.losses import Poisson
    >>> Poisson().engine_loss("numbers")
    'poisson'
    """

    name = "poisson"
    engine_losses = {"numbers": "poisson"}
    least_target = 0.0


class Gamma(Loss):
    """Half the gamma deviance y / p - log(y / p) - 1, p = exp(z), for y > 0.

    McCullagh and Nelder, Generalized Linear Models, 1989.

    Examples
    --------
    >>> from fastmlp.losses import Gamma
    >>> Gamma().least_target, Gamma().least_target_allowed
    (0.0, False)
    """

    name = "gamma"
    engine_losses = {"numbers": "gamma"}
    least_target = 0.0
    least_target_allowed = False


class Tweedie(Loss):
    """Half the Tweedie deviance between Poisson's and gamma's, p = exp(z), for y >= 0.

    y^(2 - k) / ((1 - k) (2 - k)) - y p^(1 - k) / (1 - k) + p^(2 - k) / (2 - k), k being the power.

    Parameters
    ----------
    power : float in (1, 2), default=1.5
        The variance grows with this power of the mean. Jørgensen, Exponential Dispersion Models, 1987.

    Examples
    --------
    >>> from fastmlp.losses import Tweedie
    >>> Tweedie(power=1.9).engine_options
    (1.9,)
    """

    name = "tweedie"
    engine_losses = {"numbers": "tweedie"}
    least_target = 0.0
    _parameter_constraints: ClassVar[dict] = {"power": [Interval(Real, 1, 2, closed="neither")]}

    def __init__(self, power: float = 1.5) -> None:
        self.power = power

    @property
    def engine_options(self) -> tuple[float, ...]:
        """The loss's power."""
        return (float(self.power),)


class Hinge(Loss):
    """The hinge loss max(0, 1 - s z), s being 1 for the output's own class and -1 for any other; several are added.

    Predictions are scores. Cortes and Vapnik, Support-Vector Networks, 1995.

    Examples
    --------
    >>> from fastmlp.losses import Hinge
    >>> Hinge().has_probabilities("multiclass"), Hinge().threshold("binary")
    (False, 0.0)
    """

    name = "hinge"
    engine_losses = {"binary": "hinge", "multiclass": "hinge", "multilabel": "hinge"}


class SquaredHinge(Loss):
    """The squared hinge loss max(0, 1 - s z)^2, s being 1 for the output's own class and -1 for any other.

    Predictions are scores. Chang, Hsieh and Lin, Coordinate Descent Method for Large-scale L2-loss Linear Support
    Vector Machines, 2008.

    Examples
    --------
    >>> from fastmlp.losses import SquaredHinge
    >>> SquaredHinge().engine_loss("binary")
    'squared_hinge'
    """

    name = "squared_hinge"
    engine_losses = {"binary": "squared_hinge", "multiclass": "squared_hinge", "multilabel": "squared_hinge"}


class Perceptron(Loss):
    """The perceptron's loss max(0, -s z), s being 1 or -1: nothing where the sign is right, else an update by s.

    It is wrong at z = 0, as in Rosenblatt's rule, so that weights of zero learn. Predictions are scores; more than two
    classes are refused. Rosenblatt, The Perceptron, 1958.

    Examples
    --------
    >>> from fastmlp.losses import Perceptron
    >>> Perceptron().engine_loss("multiclass")
    Traceback (most recent call last):
    ...
    ValueError: The loss 'perceptron' is for binary or multilabel targets; got multiclass targets.
    """

    name = "perceptron"
    engine_losses = {"binary": "perceptron", "multilabel": "perceptron"}


class Focal(Loss):
    """The focal loss: the log loss, with less weight for samples that are right already.

    -(1 - p)^gamma log(p), p being the probability of the sample's class; of labels the sum.

    Parameters
    ----------
    gamma : float >= 0, default=2.0
        0 gives the log loss. Lin et al., Focal Loss for Dense Object Detection, 2017.

    Examples
    --------
    >>> from fastmlp.losses import Focal
    >>> Focal().engine_loss("multiclass"), Focal().engine_loss("binary")
    ('focal', 'binary_focal')
    """

    name = "focal"
    engine_losses = {"binary": "binary_focal", "multiclass": "focal", "multilabel": "binary_focal"}
    _parameter_constraints: ClassVar[dict] = {"gamma": [Interval(Real, 0, None, closed="left")]}

    def __init__(self, gamma: float = 2.0) -> None:
        self.gamma = gamma

    @property
    def engine_options(self) -> tuple[float, ...]:
        """The loss's gamma."""
        return (float(self.gamma),)


class CustomLoss(Loss):
    """A loss of one's own, in Python: called for each batch, the slow way, in one thread.

    Its predictions are the network's outputs as they are: numbers, or scores of classes, of which the largest (of two
    classes or of labels: those above 0) are predicted.

    Parameters
    ----------
    function : callable
        (y_true, y_pred, sample_weight) -> (loss, gradient). y_true and y_pred are arrays (n, n_outputs), y_true being
        an indicator matrix for classes; sample_weight is an array (n,) or None. The loss is a number, the batch's mean,
        and the gradient its derivative with respect to y_pred.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp import MLPRegressor
    >>> def log_cosh(y_true, y_pred, sample_weight):
    ...     e = y_pred - y_true
    ...     return np.log(np.cosh(e)).mean(), np.tanh(e) / e.size
    >>> X = np.linspace(-1, 1, 50).reshape(-1, 1)
    >>> y = X.ravel() ** 2
    >>> reg = MLPRegressor(log_cosh, (20,), learning_rate_init=0.02, max_iter=500, random_state=0).fit(X, y)
    >>> bool(reg.score(X, y) > 0.9)
    True
    """

    name = "custom"
    # What has identity for its link and a matrix of targets; its own value and delta are not used.
    engine_losses = dict.fromkeys(("binary", "multiclass", "multilabel", "numbers"), "squared_error")
    _parameter_constraints: ClassVar[dict] = {"function": [callable]}

    def __init__(self, function: Callable) -> None:
        self.function = function

    def __call__(self, y_true: NDArray, y_pred: NDArray, sample_weight: NDArray | None) -> tuple[float, NDArray]:
        """Return the batch's loss and its gradient, checked."""
        what = f"loss={self.function!r}"
        try:
            returned = self.function(y_true, y_pred, sample_weight)
        except Exception as error:
            error.add_note(f"Raised by {what}.")
            raise
        if not isinstance(returned, tuple | list) or len(returned) != 2:
            raise ValueError(f"{what} must return a pair (loss, gradient); got {returned!r}.")
        value = real_array(returned[0], (), np.float64, f"{what}: the loss")
        return float(value), real_array(returned[1], y_pred.shape, y_pred.dtype, f"{what}: the gradient")


#: The losses that users may name.
NAMED_LOSSES: Registry[type[Loss]] = Registry(
    {
        loss.name: loss
        for loss in (
            LogLoss,
            SquaredError,
            AbsoluteError,
            Huber,
            Pinball,
            Poisson,
            Gamma,
            Tweedie,
            Hinge,
            SquaredHinge,
            Perceptron,
            Focal,
        )
    },
    {
        "log_loss": _CROSS_ENTROPY + _BINARY_CROSS_ENTROPY,
        "squared_error": (*_SQUARED_ERROR, "quadratic"),
        **_ALIASES,
        "focal": (*_ALIASES["focal"], "binary_focal", "binary_focal_loss", "binary_focal_crossentropy"),
    },
)


def loss_of(loss: str | Loss | Callable) -> Loss:
    """Return the loss a name stands for, with its parameters at their defaults; or the given one, if it is valid.

    Another callable becomes a :class:`CustomLoss`.

    Raises
    ------
    ValueError
        For a name that is not known, or parameters that cannot be.

    Examples
    --------
    >>> from fastmlp.losses import Huber, loss_of
    >>> loss_of("huber"), loss_of(Huber(2.0))
    (Huber(), Huber(delta=2.0))
    """
    if isinstance(loss, str):
        return named(loss, NAMED_LOSSES, "loss")()
    if not isinstance(loss, Loss) and callable(loss) and not isinstance(loss, type):
        loss = CustomLoss(loss)
    if not isinstance(loss, Loss):
        raise ValueError(f"loss must be a name, a Loss or a callable, got {loss!r}.")
    return loss.validate()


def target_range(loss: str) -> tuple[float, bool, float]:
    """Return the least that a target of an engine's loss may be, whether it may be that itself, and the most.

    Examples
    --------
    >>> from fastmlp.losses import target_range
    >>> target_range("gamma"), target_range("hinge")
    ((0.0, False, inf), (0.0, True, 1.0))
    """
    for each in NAMED_LOSSES.values():
        if each.engine_losses.get("numbers") == loss:
            return each.least_target, each.least_target_allowed, np.inf
    return 0.0, True, 1.0  # those of classes: which of them a sample is in, or how much


def engine_targets(targets: ArrayLike, loss: str, shape: tuple[int, int], dtype: DTypeLike) -> NDArray:
    """Return targets as an engine's loss reads them, checked.

    Parameters
    ----------
    targets : array-like of shape (n_samples,) or (n_samples, n_outputs)
        For losses in CLASS_TARGET_LOSSES class numbers from 0 on, integers; else numbers, of a single output in either
        shape.
    loss : str
        The engine's.
    shape : tuple
        The samples, and the network's outputs: n_samples, n_outputs.
    dtype : float32 or float64
        The compute type.

    Returns
    -------
    targets : ndarray of shape (n_samples,), int32, or (n_samples, n_outputs) of the compute type

    Raises
    ------
    ValueError
        For targets of another kind or shape, and those out of the loss's range.

    Examples
    --------
    >>> from fastmlp.losses import engine_targets
    >>> engine_targets([1, 0, 2], "log_loss", (3, 3), "float64")
    array([1, 0, 2], dtype=int32)
    >>> engine_targets([1, 0, 3], "log_loss", (3, 3), "float64")
    Traceback (most recent call last):
    ...
    ValueError: targets of the loss 'log_loss' must be class numbers from 0 to 2; got 3.
    """
    n_samples, n_outputs = shape
    what = f"targets of the loss {loss!r}"
    if loss in CLASS_TARGET_LOSSES:
        numbers = np.asarray(targets)
        if numbers.dtype.kind not in "biu":
            raise ValueError(f"{what} must be class numbers, integers of shape ({n_samples},); got {numbers.dtype}.")
        if numbers.shape != (n_samples,):
            raise ValueError(f"{what} must be class numbers, of shape ({n_samples},); got shape {numbers.shape}.")
        if numbers.min(initial=0) < 0 or numbers.max(initial=0) >= n_outputs:
            wrong = numbers[(numbers < 0) | (numbers >= n_outputs)]
            raise ValueError(f"{what} must be class numbers from 0 to {n_outputs - 1}; got {wrong[0]}.")
        return np.ascontiguousarray(numbers, np.int32)
    if n_outputs == 1 and np.shape(targets) == (n_samples,):
        targets = np.reshape(targets, (n_samples, 1))
    matrix = np.ascontiguousarray(real_array(targets, (n_samples, n_outputs), dtype, what))
    least, allowed, most = target_range(loss)
    if least == -np.inf:
        return matrix
    wrong = matrix[~((matrix >= least if allowed else matrix > least) & (matrix <= most))]
    if wrong.size:
        limits = f"from {least:g} to {most:g}" if most < np.inf else f"{'at least' if allowed else 'above'} {least:g}"
        raise ValueError(f"{what} must be {limits}; got {wrong[0]}.")
    return matrix


def check_loss_options(loss: str, options: ArrayLike) -> None:
    """Refuse numbers that an engine's loss has no use for, or that its class would not take for its parameter.

    Examples
    --------
    >>> from fastmlp.losses import check_loss_options
    >>> check_loss_options("huber", [1.0, 2.0])
    >>> check_loss_options("pinball", 1.5)
    Traceback (most recent call last):
    ...
    ValueError: loss_options of the loss 'pinball' must be in the range (0.0, 1.0); got 1.5.
    """
    for number in np.ravel(options).tolist():
        classes = [each for each in NAMED_LOSSES.values() if loss in each.engine_losses.values()]
        allowed = [c for each in classes for c in _numbers_of(each)]
        if not allowed:
            raise ValueError(f"loss_options must be (), since the loss {loss!r} has none; got {options!r}.")
        if not allowed[0].is_satisfied_by(number):
            limits = str(allowed[0]).removeprefix("a float ")
            raise ValueError(f"loss_options of the loss {loss!r} must be {limits}; got {number!r}.")


def _numbers_of(loss: type[Loss]) -> list[Interval]:
    """Return what the number that the engine is told of a loss must be; nothing where it is told none."""
    if loss.engine_options is Loss.engine_options:
        return []
    return [c for constraints in loss._parameter_constraints.values() for c in constraints]
