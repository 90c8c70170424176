"""The losses that users choose: a class for each, and the names that stand for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from numbers import Real
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.utils._param_validation import Interval

from fastmlp.components import Registry, named
from fastmlp.losses.base import CustomLoss, Loss
from fastmlp.losses.names import ALIASES, BINARY_CROSS_ENTROPY, CROSS_ENTROPY, SQUARED_ERROR
from fastmlp.registration import stored_as


@stored_as("losses.LogLoss")
class LogLoss(Loss):
    """The log loss, or cross-entropy: softmax for several classes, logistic for two classes and for labels.

    It is -sum over classes of y log(p), and for two classes and for labels -y log(p) - (1 - y) log(1 - p). With label
    smoothing e, a target y out of K classes becomes y (1 - e) + e / K; for a label K is 2.

    Parameters
    ----------
    label_smoothing : float in [0, 1), default=0.0
        The share e of a target that goes to all classes alike. Szegedy et al., Rethinking the Inception Architecture
        for Computer Vision, 2016.

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


@stored_as("losses.SquaredError")
class SquaredError(Loss):
    """Half the squared error (y - p)^2 / 2; for classes the outputs p are logistic and the targets y are 0 and 1.

    For numbers it is the mean over a sample's outputs, as scikit-learn has it, and for classes their sum: the quadratic
    cost of Nielsen, Neural Networks and Deep Learning, 2015.

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


@stored_as("losses.AbsoluteError")
class AbsoluteError(Loss):
    """The absolute error abs(y - p), which the median of the targets makes smallest.

    Laplace, Théorie analytique des probabilités, second supplement, 1818.

    Examples
    --------
    >>> from fastmlp.losses import AbsoluteError
    >>> AbsoluteError().engine_loss("numbers")
    'absolute_error'
    """

    name = "absolute_error"
    engine_losses = {"numbers": "absolute_error"}


@stored_as("losses.Huber")
class Huber(Loss):
    """Huber's loss: squared near the target, absolute further away.

    It is e^2 / 2 where e = abs(y - p) <= delta, and delta (e - delta / 2) elsewhere.

    Parameters
    ----------
    delta : float > 0, default=1.0
        The error e at which the two forms meet. Huber, Robust Estimation of a Location Parameter, 1964.

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
        """The delta of the loss."""
        return (float(self.delta),)


class _SeveralIn(Interval):
    """The constraint that a parameter is a sequence of at least one number, all of them in an interval."""

    def is_satisfied_by(self, val: object) -> bool:
        try:
            numbers = list(val)  # type: ignore[call-overload]
        except TypeError:
            return False
        return bool(numbers) and all(super(_SeveralIn, self).is_satisfied_by(number) for number in numbers)

    def __str__(self) -> str:
        return f"a sequence of them, each {super().__str__()}"


@stored_as("losses.Pinball")
class Pinball(Loss):
    """The pinball loss, which the quantile q of the targets makes smallest.

    It is q (y - p) where p < y, and (1 - q) (p - y) elsewhere.

    Parameters
    ----------
    quantile : float in (0, 1), or several of them, default=0.5
        With several quantiles the network has an output for each, and there may be only one column of targets. Koenker
        and Bassett, Regression Quantiles, 1978.

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


@stored_as("losses.Poisson")
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


@stored_as("losses.Gamma")
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


@stored_as("losses.Tweedie")
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
        """The power of the loss."""
        return (float(self.power),)


@stored_as("losses.Hinge")
class Hinge(Loss):
    """The hinge loss max(0, 1 - s z), s being 1 for the output's own class and -1 for any other.

    The losses of several outputs are added. Predictions are scores. Cortes and Vapnik, Support-Vector Networks, 1995.

    Examples
    --------
    >>> from fastmlp.losses import Hinge
    >>> Hinge().has_probabilities("multiclass"), Hinge().threshold("binary")
    (False, 0.0)
    """

    name = "hinge"
    engine_losses = {"binary": "hinge", "multiclass": "hinge", "multilabel": "hinge"}


@stored_as("losses.SquaredHinge")
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


@stored_as("losses.Perceptron")
class Perceptron(Loss):
    """The perceptron's loss max(0, -s z), s being 1 or -1: nothing where the sign is right, else an update by s.

    An output of 0 counts as wrong, as in Rosenblatt's rule, so that weights of zero learn. Predictions
    are scores; more than two classes are refused. Rosenblatt, The Perceptron, 1958.

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


@stored_as("losses.Focal")
class Focal(Loss):
    """The focal loss: the log loss, with less weight for samples that are right already.

    It is -(1 - p)^gamma log(p), p being the probability of the sample's class; for labels it is the sum over them.

    Parameters
    ----------
    gamma : float >= 0, default=2.0
        How fast the weight of a sample falls as its p grows; 0 gives the log loss. Lin et al., Focal Loss for Dense
        Object Detection, 2017.

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
        """The gamma of the loss."""
        return (float(self.gamma),)


#: The losses that users may choose by name.
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
        "log_loss": CROSS_ENTROPY + BINARY_CROSS_ENTROPY,
        "squared_error": (*SQUARED_ERROR, "quadratic"),
        **ALIASES,
        "focal": (*ALIASES["focal"], "binary_focal", "binary_focal_loss", "binary_focal_crossentropy"),
    },
)


def loss_of(loss: str | Loss | Callable) -> Loss:
    """Return the loss that a name stands for, with its default parameters; or the given loss, if it is valid.

    Another callable becomes a :class:`CustomLoss`.

    Raises
    ------
    ValueError
        For a name that is not known, and for parameters that the loss cannot have.

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
