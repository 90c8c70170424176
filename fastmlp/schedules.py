"""Schedules: learning rates as functions of the step, and what epochs, plateaus and monitored values do to them.

An optimizer at work has the rate of now, ``learning_rate``, and the one it began with, ``learning_rate_init``. A
schedule that varies by itself is called with the step; the hooks ``after_epoch``, ``on_plateau`` and ``on_value``
change the optimizer's rate. :meth:`Schedule.rate` is right for both kinds. Nothing that happens in training is kept in
a schedule, so one object serves any number of fits. Momentum and weight decay, being numbers, may follow one as well.
"""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral, Real
from typing import Any, ClassVar, Protocol, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone
from sklearn.utils._param_validation import Interval, StrOptions

from fastmlp.components import Component, Registry
from fastmlp.registration import stored_as

__all__ = [
    "SCHEDULES",
    "Adaptive",
    "Constant",
    "CosLog4",
    "Cosine",
    "CosineRestarts",
    "Exponential",
    "FlatCos",
    "Function",
    "HasLearningRate",
    "InvScaling",
    "Linear",
    "OneCycle",
    "Paced",
    "Polynomial",
    "ReduceOnPlateau",
    "Schedule",
    "StepDecay",
    "Timed",
    "WarmUp",
    "as_schedule",
]


def __dir__() -> list[str]:
    return sorted(__all__)


_RATE = Interval(Real, 0, np.inf, closed="left")
_POSITIVE = Interval(Real, 0, np.inf, closed="neither")
_DECAY = Interval(Real, 0, 1, closed="right")
_COUNT = Interval(Integral, 1, None, closed="left")
_COUNT_FROM_0 = Interval(Integral, 0, None, closed="left")


class HasLearningRate(Protocol):
    """An optimizer, as far as a schedule is concerned."""

    learning_rate: float
    learning_rate_init: float


class Schedule(Component):
    """The contract: learning rates as a function of the step, and hooks that change the rate of an optimizer at work.

    A subclass writes ``_rates``, the rates of an array of steps.

    Parameters
    ----------
    learning_rate : float >= 0, default=0.001
        The rate to begin with, or the highest one.

    Examples
    --------
    A schedule of your own; any other callable of the step is one, too:

    >>> from fastmlp.schedules import Schedule
    >>> class Alternating(Schedule):
    ...     def _rates(self, step):
    ...         return self.learning_rate / (1.0 + step % 2)
    >>> Alternating(0.5)([0, 1, 2])
    array([0.5 , 0.25, 0.5 ])
    """

    _parameter_constraints: ClassVar[dict] = {"learning_rate": [_RATE]}
    _steps_per_epoch: int | None = None

    def __init__(self, learning_rate: float = 0.001) -> None:
        self.learning_rate = learning_rate

    @property
    def varies(self) -> bool:
        """Whether the rate changes from step to step, rather than in the hooks alone."""
        return True

    @property
    def every_epoch(self) -> bool:
        """Whether a hook may change the rate after any epoch, rather than on a plateau only."""
        cls = type(self)
        return cls.after_epoch is not Schedule.after_epoch or cls.on_value is not Schedule.on_value

    @property
    def initial_rate(self) -> float:
        """What an optimizer's learning_rate and learning_rate_init are before the first step."""
        return float(self.learning_rate)

    def __call__(self, step: ArrayLike) -> Any:
        """Return the rate at a step, as float64, or the rates of an array of steps.

        Parameters
        ----------
        step : int or array of int
            Updates made before; the first step is 0.

        Raises
        ------
        ValueError
            Where the length of training or of an epoch is needed and not known: see :meth:`bound`.
        """
        return np.asarray(self._rates(_checked_steps(step)), np.float64)[()]

    def _rates(self, step: NDArray) -> Any:
        raise NotImplementedError

    def rate(self, step: ArrayLike, at_work: HasLearningRate) -> Any:
        """Return the rate at a step, or at an array of steps, of training with the optimizer at work.

        That of the step; for a schedule that lives in its hooks, what they left on the optimizer.
        """
        return self(step)

    def bound(self, n_steps: int, steps_per_epoch: int) -> Self:
        """Return a checked copy that knows the length of training and of an epoch, in steps.

        It fills in what is missing: a length that was given stays.
        """
        for name, value in {"n_steps": n_steps, "steps_per_epoch": steps_per_epoch}.items():
            if value < 1:
                raise ValueError(f"{name} must be 1 or more; got {value!r}.")
        copied = clone(self.validate())
        copied._bind(n_steps, steps_per_epoch)
        return copied

    def _bind(self, n_steps: int, steps_per_epoch: int) -> None:
        self._steps_per_epoch = steps_per_epoch

    def unbound(self) -> Self:
        """Return a checked copy that has forgotten what :meth:`bound` filled in."""
        return clone(self.validate())

    @property
    def end(self) -> int | None:
        """The step from which on the rate stays, as it has been planned; None where there is none, or none yet."""
        return None

    def after_epoch(self, at_work: HasLearningRate, n_samples_seen: int) -> None:
        """Adjust the optimizer's rate after an epoch; n_samples_seen counts from the first fit on."""

    def on_value(self, at_work: Any, value: float, *, maximize: bool = False) -> None:
        """Adjust the optimizer's rate to an epoch's monitored value: a loss, or a score with maximize=True."""

    def on_plateau(self, at_work: HasLearningRate) -> tuple[bool, str]:
        """Whether to stop now that nothing improves any more, and what to tell the user."""
        return True, "Stopping."


@stored_as("schedules.Constant")
class Constant(Schedule):
    """The learning rate stays; a plateau ends training.

    Parameters
    ----------
    learning_rate : float >= 0, default=0.001

    Examples
    --------
    >>> from fastmlp.schedules import Constant
    >>> float(Constant(0.1)(1000))
    0.1
    """

    @property
    def varies(self) -> bool:
        """False."""
        return False

    def _rates(self, step: NDArray) -> Any:
        return np.full(step.shape, self.learning_rate, np.float64)

    def rate(self, step: ArrayLike, at_work: HasLearningRate) -> Any:
        """Return the optimizer's rate, whatever the step."""
        return np.full(_checked_steps(step).shape, at_work.learning_rate, np.float64)[()]


@stored_as("schedules.InvScaling")
class InvScaling(Constant):
    """learning_rate / (n_samples_seen + 1)^power_t, set after every epoch.

    scikit-learn's 'invscaling'. A step does not say how many samples were seen: called, it gives the rate before the
    first epoch's end. Source: Robbins & Monro, "A stochastic approximation method", 1951, for rates of this kind.

    Parameters
    ----------
    learning_rate : float >= 0, default=0.001
    power_t : float >= 0, default=0.5

    Examples
    --------
    >>> from fastmlp.optimizers import SGD, Descent
    >>> from fastmlp.schedules import InvScaling
    >>> sgd = Descent(SGD(0.1))
    >>> InvScaling().after_epoch(sgd, 99)
    >>> sgd.learning_rate
    0.01
    """

    _parameter_constraints: ClassVar[dict] = {**Constant._parameter_constraints, "power_t": [_RATE]}

    def __init__(self, learning_rate: float = 0.001, power_t: float = 0.5) -> None:
        super().__init__(learning_rate)
        self.power_t = power_t

    def after_epoch(self, at_work: HasLearningRate, n_samples_seen: int) -> None:
        """Set the learning rate from the samples seen so far."""
        at_work.learning_rate = float(at_work.learning_rate_init) / (n_samples_seen + 1) ** self.power_t


@stored_as("schedules.Adaptive")
class Adaptive(Constant):
    """A fifth of the learning rate on every plateau; training ends when it has come down to 1e-6.

    scikit-learn's 'adaptive'. Source: Krizhevsky et al., "ImageNet classification with deep convolutional neural
    networks", NeurIPS 2012, who divide by ten.

    Parameters
    ----------
    learning_rate : float >= 0, default=0.001

    Examples
    --------
    >>> from fastmlp.optimizers import SGD, Descent
    >>> from fastmlp.schedules import Adaptive
    >>> Adaptive().on_plateau(Descent(SGD(0.1)))
    (False, 'Setting learning rate to 0.020000')
    """

    def on_plateau(self, at_work: HasLearningRate) -> tuple[bool, str]:
        """Divide the learning rate by five, or stop."""
        if at_work.learning_rate <= 1e-6:
            return True, "Learning rate too small. Stopping."
        at_work.learning_rate /= 5.0
        return False, f"Setting learning rate to {at_work.learning_rate:f}"


@stored_as("schedules.ReduceOnPlateau")
class ReduceOnPlateau(Constant):
    """max(factor learning_rate, min_rate) after more than patience epochs whose monitored value is no better.

    A loss is better than the best so far when it is below best (1 - threshold), or best - threshold with
    threshold_mode='abs'; a score when it is above best (1 + threshold), or best + threshold. After a reduction,
    cooldown epochs do not count. A change of min_change or less is not made. A value that is not a finite number is no
    better than one that is; epochs before the first finite one do not count. PyTorch's ReduceLROnPlateau. Source: He et
    al., "Deep residual learning for image recognition", CVPR 2016, who divide by ten when the error no longer falls.

    The best value and both counts stand in ``schedule_state`` of the optimizer at work. A plateau in the estimators'
    sense, n_iter_no_change epochs long, ends training only when the rate cannot go down any further.

    Parameters
    ----------
    learning_rate : float >= 0, default=0.001
    factor : float in (0, 1), default=0.1
    patience : int >= 0, default=10
    threshold : float >= 0, default=1e-4
    threshold_mode : {'rel', 'abs'}, default='rel'
    cooldown : int >= 0, default=0
    min_rate : float >= 0, default=0.0
    min_change : float >= 0, default=1e-8

    Examples
    --------
    >>> from fastmlp.optimizers import SGD, Descent
    >>> from fastmlp.schedules import ReduceOnPlateau
    >>> sgd, schedule = Descent(SGD(0.5)), ReduceOnPlateau(factor=0.5, patience=1)
    >>> for loss in (3.0, 2.0, 2.0, 2.0):
    ...     schedule.on_value(sgd, loss)
    >>> sgd.learning_rate
    0.25
    """

    _parameter_constraints: ClassVar[dict] = {
        **Constant._parameter_constraints,
        "factor": [Interval(Real, 0, 1, closed="neither")],
        "patience": [_COUNT_FROM_0],
        "threshold": [_RATE],
        "threshold_mode": [StrOptions({"rel", "abs"})],
        "cooldown": [_COUNT_FROM_0],
        "min_rate": [_RATE],
        "min_change": [_RATE],
    }

    def __init__(
        self,
        learning_rate: float = 0.001,
        *,
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_rate: float = 0.0,
        min_change: float = 1e-8,
    ) -> None:
        super().__init__(learning_rate)
        self.factor = factor
        self.patience = patience
        self.threshold = threshold
        self.threshold_mode = threshold_mode
        self.cooldown = cooldown
        self.min_rate = min_rate
        self.min_change = min_change

    def on_value(self, at_work: Any, value: float, *, maximize: bool = False) -> None:
        """Reduce the rate when the value has not been better for too long."""
        sign = 1.0 if maximize else -1.0
        best, n_bad, n_cooling = getattr(at_work, "schedule_state", None) or (-sign * np.inf, 0, 0)
        margin = sign * self.threshold
        target = best * (1.0 + margin) if self.threshold_mode == "rel" else best + margin
        is_finite = np.isfinite(value)
        if is_finite and (value > target if maximize else value < target):
            best, n_bad = float(value), 0
        elif is_finite or np.isfinite(best):  # nothing is worse than what cannot be judged
            n_bad += 1
        if n_cooling:
            n_bad, n_cooling = 0, n_cooling - 1
        if n_bad > self.patience:
            at_work.learning_rate = self._reduced(at_work.learning_rate)
            n_bad, n_cooling = 0, self.cooldown
        # A new tuple rather than a changed one: a copy of the optimizer keeps what it had.
        at_work.schedule_state = (best, n_bad, n_cooling)

    def _reduced(self, rate: float) -> float:
        lower = max(rate * self.factor, float(self.min_rate))
        return lower if rate - lower > self.min_change else rate

    def on_plateau(self, at_work: HasLearningRate) -> tuple[bool, str]:
        """Stop when the rate cannot be reduced any further."""
        if self._reduced(at_work.learning_rate) == at_work.learning_rate:
            return True, "Learning rate too small. Stopping."
        return False, f"Going on with learning rate {at_work.learning_rate:f}"


class Paced(Schedule):
    """A schedule that counts steps or, with per='epoch', epochs; what it has a step stand for is its position.

    Parameters
    ----------
    learning_rate : float >= 0, default=0.001
    per : {'step', 'epoch'}, default='step'
        With 'epoch' the rate changes between epochs only, and every length among the parameters is one in epochs.

    Examples
    --------
    >>> from fastmlp.schedules import Exponential
    >>> Exponential(1.0, factor=0.5, per="epoch").bound(n_steps=6, steps_per_epoch=2)(range(6))
    array([1.  , 1.  , 0.5 , 0.5 , 0.25, 0.25])
    """

    _parameter_constraints: ClassVar[dict] = {
        **Schedule._parameter_constraints,
        "per": [StrOptions({"step", "epoch"})],
    }

    def __init__(self, learning_rate: float = 0.001, *, per: str = "step") -> None:
        super().__init__(learning_rate)
        self.per = per

    def _unit(self) -> int:
        """Return how many steps it counts as one."""
        if self.per == "step":
            return 1
        if self._steps_per_epoch is None:
            raise ValueError(
                f"{self!r} counts epochs and does not know their length: call bound(n_steps, steps_per_epoch), and the"
                " copy that it returns."
            )
        return self._steps_per_epoch

    def _rates(self, step: NDArray) -> Any:
        return self._rates_at(step // self._unit())

    def _rates_at(self, position: NDArray) -> Any:
        raise NotImplementedError


class Timed(Paced):
    """A schedule over a length of training, the whole fit or n_steps; afterwards its last rate stays.

    Where training goes on after that, as partial_fit may, and the last rate is next to nothing, a
    :class:`fastmlp.exceptions.ScheduleEndedWarning` says so. ``resume`` with another max_iter plans a schedule over the
    whole fit anew.

    Parameters
    ----------
    learning_rate : float >= 0, default=0.001
    n_steps : int >= 1 or None, default=None
        Its length, in epochs with per='epoch'; None is the whole fit, which :meth:`bound` fills in.
    per : {'step', 'epoch'}, default='step'

    Examples
    --------
    >>> from fastmlp.schedules import Linear
    >>> Linear(1.0).bound(n_steps=4, steps_per_epoch=2)
    Linear(learning_rate=1.0, n_steps=4)
    >>> Linear(1.0)(0)
    Traceback (most recent call last):
    ...
    ValueError: Linear(learning_rate=1.0) does not know how long training is: give it n_steps, or call bound(n_steps, \
steps_per_epoch), and the copy that it returns.
    """

    _parameter_constraints: ClassVar[dict] = {**Paced._parameter_constraints, "n_steps": [_COUNT, None]}
    # Whether its length has been filled in.
    _spans_fit: bool = False

    def __init__(self, learning_rate: float = 0.001, n_steps: int | None = None, *, per: str = "step") -> None:
        super().__init__(learning_rate, per=per)
        self.n_steps = n_steps

    def _bind(self, n_steps: int, steps_per_epoch: int) -> None:
        super()._bind(n_steps, steps_per_epoch)
        if self.n_steps is None:
            self.n_steps = -(-n_steps // self._unit())
            self._spans_fit = True

    def unbound(self) -> Self:
        """Return a checked copy that has forgotten the length, unless it was given."""
        copied = super().unbound()
        if self._spans_fit:
            copied.n_steps = None
        return copied

    @property
    def end(self) -> int | None:
        """Its length in steps."""
        if self.n_steps is None or (self.per == "epoch" and self._steps_per_epoch is None):
            return None
        return self.n_steps * self._unit()

    def _length(self) -> int:
        if self.n_steps is None:
            raise ValueError(
                f"{self!r} does not know how long training is: give it n_steps, or call bound(n_steps,"
                " steps_per_epoch), and the copy that it returns."
            )
        return self.n_steps

    def _rates_at(self, position: NDArray) -> Any:
        return self._rates_after(np.minimum(position / self._length(), 1.0))

    def _rates_after(self, t: NDArray) -> Any:
        """Return the rates after fractions t of the length."""
        raise NotImplementedError


@stored_as("schedules.StepDecay")
class StepDecay(Paced):
    """learning_rate factor^k, k = floor(step / every), or the number of milestones reached.

    PyTorch's StepLR and MultiStepLR. Source: He et al., "Deep residual learning for image recognition", CVPR 2016, who
    divide by ten after 32,000 and 48,000 steps.

    Parameters
    ----------
    learning_rate : float >= 0, default=0.001
    every : int >= 1, default=1000
    factor : float in (0, 1], default=0.1
    milestones : array-like of int >= 0 or None, default=None
        When to multiply instead of every so often; what stands there twice counts twice.
    per : {'step', 'epoch'}, default='step'

    Examples
    --------
    >>> from fastmlp.schedules import StepDecay
    >>> StepDecay(1.0, every=2, factor=0.5)(range(5))
    array([1.  , 1.  , 0.5 , 0.5 , 0.25])
    >>> StepDecay(1.0, milestones=[1, 4], factor=0.5)(range(5))
    array([1.  , 0.5 , 0.5 , 0.5 , 0.25])
    """

    _parameter_constraints: ClassVar[dict] = {
        **Paced._parameter_constraints,
        "every": [_COUNT],
        "factor": [_DECAY],
        "milestones": ["array-like", None],
    }

    def __init__(
        self,
        learning_rate: float = 0.001,
        every: int = 1000,
        *,
        factor: float = 0.1,
        milestones: ArrayLike | None = None,
        per: str = "step",
    ) -> None:
        super().__init__(learning_rate, per=per)
        self.every = every
        self.factor = factor
        self.milestones = milestones

    def validate(self) -> Self:
        """Return self; see :meth:`fastmlp.components.Component.validate`."""
        super().validate()
        if self.milestones is not None and (not _are_steps(self.milestones) or np.ndim(self.milestones) != 1):
            raise ValueError(
                "The 'milestones' parameter of StepDecay must be a list of ints, each 0 or more. Got"
                f" {self.milestones!r} instead."
            )
        return self

    def _rates_at(self, position: NDArray) -> Any:
        if self.milestones is None:
            n_reached = position // self.every
        else:
            n_reached = np.searchsorted(np.sort(self.milestones), position, side="right")
        return self.learning_rate * np.power(float(self.factor), n_reached)


@stored_as("schedules.Exponential")
class Exponential(Paced):
    """learning_rate factor^step.

    PyTorch's ExponentialLR. Source: Li, Zhuang & Orabona, "A second look at exponential and cosine step sizes:
    simplicity, adaptivity, and performance", ICML 2021.

    Parameters
    ----------
    learning_rate : float >= 0, default=0.001
    factor : float in (0, 1], default=0.999
    per : {'step', 'epoch'}, default='step'

    Examples
    --------
    >>> from fastmlp.schedules import Exponential
    >>> Exponential(1.0, factor=0.5)(range(4))
    array([1.   , 0.5  , 0.25 , 0.125])
    """

    _parameter_constraints: ClassVar[dict] = {**Paced._parameter_constraints, "factor": [_DECAY]}

    def __init__(self, learning_rate: float = 0.001, factor: float = 0.999, *, per: str = "step") -> None:
        super().__init__(learning_rate, per=per)
        self.factor = factor

    def _rates_at(self, position: NDArray) -> Any:
        return self.learning_rate * np.power(float(self.factor), position)


class _Descent(Timed):
    """From learning_rate to final_rate: what t = 0 and t = 1 have in common."""

    _parameter_constraints: ClassVar[dict] = {**Timed._parameter_constraints, "final_rate": [_RATE]}

    def __init__(
        self, learning_rate: float = 0.001, n_steps: int | None = None, *, final_rate: float = 0.0, per: str = "step"
    ) -> None:
        super().__init__(learning_rate, n_steps, per=per)
        self.final_rate = final_rate

    def _rates_after(self, t: NDArray) -> Any:
        return _between(self.learning_rate, self.final_rate, self._share_left(t))

    def _share_left(self, t: NDArray) -> Any:
        raise NotImplementedError


@stored_as("schedules.Polynomial")
class Polynomial(_Descent):
    """final_rate + (learning_rate - final_rate) (1 - t)^power, t = min(step / n_steps, 1).

    PyTorch's PolynomialLR. Source: Chen et al., "DeepLab: semantic image segmentation with deep convolutional nets,
    atrous convolution, and fully connected CRFs", 2016, with power 0.9.

    Parameters
    ----------
    learning_rate : float >= 0, default=0.001
    n_steps : int >= 1 or None, default=None
        None is the whole fit.
    power : float > 0, default=1.0
    final_rate : float >= 0, default=0.0
    per : {'step', 'epoch'}, default='step'

    Examples
    --------
    >>> from fastmlp.schedules import Polynomial
    >>> Polynomial(1.0, 4, power=2.0)(range(6))
    array([1.    , 0.5625, 0.25  , 0.0625, 0.    , 0.    ])
    """

    _parameter_constraints: ClassVar[dict] = {**_Descent._parameter_constraints, "power": [_POSITIVE]}

    def __init__(
        self,
        learning_rate: float = 0.001,
        n_steps: int | None = None,
        *,
        power: float = 1.0,
        final_rate: float = 0.0,
        per: str = "step",
    ) -> None:
        super().__init__(learning_rate, n_steps, final_rate=final_rate, per=per)
        self.power = power

    def _share_left(self, t: NDArray) -> Any:
        return (1.0 - t) ** self.power


@stored_as("schedules.Linear")
class Linear(_Descent):
    """final_rate + (learning_rate - final_rate) (1 - t), t = min(step / n_steps, 1).

    PyTorch's LinearLR from the factor 1 on. Source: Defazio et al., "Optimal linear decay learning rate schedules and
    further refinements", 2023.

    Parameters
    ----------
    learning_rate : float >= 0, default=0.001
    n_steps : int >= 1 or None, default=None
        None is the whole fit.
    final_rate : float >= 0, default=0.0
    per : {'step', 'epoch'}, default='step'

    Examples
    --------
    >>> from fastmlp.schedules import Linear
    >>> Linear(1.0, 4)(range(6))
    array([1.  , 0.75, 0.5 , 0.25, 0.  , 0.  ])
    """

    def _share_left(self, t: NDArray) -> Any:
        return 1.0 - t


@stored_as("schedules.Cosine")
class Cosine(_Descent):
    """final_rate + (learning_rate - final_rate) (1 + cos(pi t)) / 2, t = min(step / n_steps, 1).

    PyTorch's CosineAnnealingLR, which rises again after n_steps. Source: Loshchilov & Hutter, "SGDR: stochastic
    gradient descent with warm restarts", ICLR 2017.

    Parameters
    ----------
    learning_rate : float >= 0, default=0.001
    n_steps : int >= 1 or None, default=None
        None is the whole fit.
    final_rate : float >= 0, default=0.0
    per : {'step', 'epoch'}, default='step'

    Examples
    --------
    >>> from fastmlp.schedules import Cosine
    >>> Cosine(1.0, 2)(range(4)).round(6)
    array([1. , 0.5, 0. , 0. ])
    """

    def _share_left(self, t: NDArray) -> Any:
        return _half_cosine(t)


@stored_as("schedules.CosineRestarts")
class CosineRestarts(Paced):
    """final_rate + (learning_rate - final_rate) (1 + cos(pi s / n)) / 2, s steps into a period of n.

    The first period has first_period steps, each further one multiplier times as many. PyTorch's
    CosineAnnealingWarmRestarts. Source: Loshchilov & Hutter, "SGDR: stochastic gradient descent with warm restarts",
    ICLR 2017, who recommend to double the periods.

    Parameters
    ----------
    learning_rate : float >= 0, default=0.001
    first_period : int >= 1, default=1000
    multiplier : float >= 1, default=1
    final_rate : float >= 0, default=0.0
    per : {'step', 'epoch'}, default='step'

    Examples
    --------
    >>> from fastmlp.schedules import CosineRestarts
    >>> CosineRestarts(1.0, first_period=2, multiplier=2)(range(7)).round(2)
    array([1.  , 0.5 , 1.  , 0.85, 0.5 , 0.15, 1.  ])
    """

    _parameter_constraints: ClassVar[dict] = {
        **Paced._parameter_constraints,
        "first_period": [_COUNT],
        "multiplier": [Interval(Real, 1, np.inf, closed="left")],
        "final_rate": [_RATE],
    }

    def __init__(
        self,
        learning_rate: float = 0.001,
        first_period: int = 1000,
        *,
        multiplier: float = 1,
        final_rate: float = 0.0,
        per: str = "step",
    ) -> None:
        super().__init__(learning_rate, per=per)
        self.first_period = first_period
        self.multiplier = multiplier
        self.final_rate = final_rate

    def _rates_at(self, position: NDArray) -> Any:
        if self.multiplier == 1:
            t = position % self.first_period / self.first_period
        else:
            # Starts that are added up: the closed form's logarithm would be off by a period now and then.
            starts, period, last = [0.0], float(self.first_period), np.max(position, initial=0)
            while starts[-1] <= last:
                starts.append(starts[-1] + period)
                period *= self.multiplier
            k = np.searchsorted(starts, position, side="right") - 1
            t = (position - np.take(starts, k)) / np.take(np.diff(starts), k)
        return _between(self.learning_rate, self.final_rate, _half_cosine(t))


@stored_as("schedules.OneCycle")
class OneCycle(Timed):
    """Up from learning_rate / div_factor to learning_rate, then down, on cosines or straight lines.

    The way up ends at step pct_start n_steps - 1. The way down ends at the last step, n_steps - 1, at
    learning_rate / (div_factor final_div_factor); with three_phase it leads back to the first rate in as many steps as
    the way up, and from there to the last. PyTorch's OneCycleLR, for the learning rate. Source: Smith & Topin,
    "Super-convergence: very fast training of neural networks using large learning rates", 2018.

    Parameters
    ----------
    learning_rate : float >= 0, default=0.001
        The highest rate.
    n_steps : int >= 1 or None, default=None
        None is the whole fit.
    pct_start : float in [0, 1], default=0.3
        The way up's share of the length; at most 0.5 with three_phase.
    anneal_strategy : {'cos', 'linear'}, default='cos'
    div_factor : float > 0, default=25.0
    final_div_factor : float > 0, default=1e4
    three_phase : bool, default=False
    per : {'step', 'epoch'}, default='step'

    Examples
    --------
    >>> from fastmlp.schedules import OneCycle
    >>> OneCycle(1.0, 10, div_factor=2.0, anneal_strategy="linear")(range(4)).round(3)
    array([0.5  , 0.75 , 1.   , 0.857])
    """

    _parameter_constraints: ClassVar[dict] = {
        **Timed._parameter_constraints,
        "pct_start": [Interval(Real, 0, 1, closed="both")],
        "anneal_strategy": [StrOptions({"cos", "linear"})],
        "div_factor": [_POSITIVE],
        "final_div_factor": [_POSITIVE],
        "three_phase": ["boolean"],
    }

    def __init__(
        self,
        learning_rate: float = 0.001,
        n_steps: int | None = None,
        *,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        per: str = "step",
    ) -> None:
        super().__init__(learning_rate, n_steps, per=per)
        self.pct_start = pct_start
        self.anneal_strategy = anneal_strategy
        self.div_factor = div_factor
        self.final_div_factor = final_div_factor
        self.three_phase = three_phase

    def validate(self) -> Self:
        """Return self; see :meth:`fastmlp.components.Component.validate`."""
        super().validate()
        if self.three_phase and self.pct_start > 0.5:
            raise ValueError(
                "The 'pct_start' parameter of OneCycle must be at most 0.5 with three_phase=True. Got"
                f" {self.pct_start!r} instead."
            )
        return self

    def _rates_at(self, position: NDArray) -> Any:
        last, up = self._length() - 1.0, self.pct_start * self._length() - 1.0
        lowest = self.learning_rate / self.div_factor
        rates = np.array([lowest, self.learning_rate, lowest, lowest / self.final_div_factor])
        ends = np.array([up, 2.0 * up, last])
        if not self.three_phase:
            rates, ends = np.delete(rates, 2), np.delete(ends, 1)
        ends = np.maximum.accumulate(ends)
        starts = np.concatenate([[0.0], ends[:-1]])
        at = np.minimum(position, last)
        phase = np.searchsorted(ends[:-1], at)
        steps_in, length = at - starts[phase], (ends - starts)[phase]
        # A phase without length is over at once.
        t = np.divide(steps_in, length, where=length != 0, out=np.ones(at.shape))
        left = _half_cosine(t) if self.anneal_strategy == "cos" else 1.0 - t
        return _between(rates[phase], rates[phase + 1], left)


@stored_as("schedules.CosLog4")
class CosLog4(Timed):
    """learning_rate (1/2 - 1/2 cos(2 pi log2(1 + 15 t))), t = min(step / n_steps, 1): four waves, ever longer.

    Source: Holzmüller, Grinsztajn & Steinwart, "Better by default: strong pre-tuned MLPs and boosted trees on tabular
    data", NeurIPS 2024.

    Parameters
    ----------
    learning_rate : float >= 0, default=0.001
        The crest of each wave; the first step has the rate 0.
    n_steps : int >= 1 or None, default=None
        None is the whole fit.
    per : {'step', 'epoch'}, default='step'

    Examples
    --------
    >>> from fastmlp.schedules import CosLog4
    >>> CosLog4(1.0, 15)([0, 1, 3, 7, 15])
    array([0., 0., 0., 0., 0.])
    >>> CosLog4(1.0, 30)([0, 1, 2]).round(2)
    array([0.  , 0.93, 0.  ])
    """

    def _rates_after(self, t: NDArray) -> Any:
        return self.learning_rate * (0.5 - 0.5 * np.cos(2.0 * np.pi * np.log2(1.0 + 15.0 * t)))


@stored_as("schedules.FlatCos")
class FlatCos(Timed):
    """learning_rate up to t = flat, then down to final = learning_rate / final_div_factor.

    final + (learning_rate - final) (1 + cos(pi (t - flat) / (1 - flat))) / 2 after t = min(step / n_steps, 1) = flat.
    fastai's fit_flat_cos. Source: Howard & Gugger, "fastai: a layered API for deep learning", 2020.

    Parameters
    ----------
    learning_rate : float >= 0, default=0.001
    n_steps : int >= 1 or None, default=None
        None is the whole fit.
    flat : float in [0, 1), default=0.75
        The share of the length before the rate goes down.
    final_div_factor : float > 0, default=1e5
    per : {'step', 'epoch'}, default='step'

    Examples
    --------
    >>> from fastmlp.schedules import FlatCos
    >>> FlatCos(1.0, 4, flat=0.5)(range(5)).round(2)
    array([1. , 1. , 1. , 0.5, 0. ])
    """

    _parameter_constraints: ClassVar[dict] = {
        **Timed._parameter_constraints,
        "flat": [Interval(Real, 0, 1, closed="left")],
        "final_div_factor": [_POSITIVE],
    }

    def __init__(
        self,
        learning_rate: float = 0.001,
        n_steps: int | None = None,
        *,
        flat: float = 0.75,
        final_div_factor: float = 1e5,
        per: str = "step",
    ) -> None:
        super().__init__(learning_rate, n_steps, per=per)
        self.flat = flat
        self.final_div_factor = final_div_factor

    def _rates_after(self, t: NDArray) -> Any:
        left = _half_cosine(np.maximum(t - self.flat, 0.0) / (1.0 - self.flat))
        return _between(self.learning_rate, self.learning_rate / self.final_div_factor, left)


@stored_as("schedules.Function")
class Function(Schedule):
    """function(step): a callable of yours as a schedule, called with one int at a time.

    Parameters
    ----------
    function : callable
        What it returns must be a finite number, 0 or more.

    Examples
    --------
    >>> from fastmlp.schedules import Function
    >>> Function(lambda step: 0.5 / (1 + step))([0, 1, 4])
    array([0.5 , 0.25, 0.1 ])
    """

    _parameter_constraints: ClassVar[dict] = {"function": [callable]}

    def __init__(self, function: Callable[[int], float]) -> None:
        self.function = function

    @property
    def initial_rate(self) -> float:
        """The first step's rate."""
        return self._rate(0)

    def _rates(self, step: NDArray) -> Any:
        return np.reshape([self._rate(int(s)) for s in step.flat], step.shape)

    def _rate(self, step: int) -> float:
        given = self.function(step)
        try:
            rate = float(given)
        except (TypeError, ValueError):
            rate = np.nan
        if not 0 <= rate < np.inf:
            raise ValueError(
                f"The schedule {self.function!r} gave {given!r} at step {step}; it must give finite numbers, 0 or more."
            )
        return rate


@stored_as("schedules.WarmUp")
class WarmUp(Paced):
    """(f + (1 - f) step / n_warmup_steps) times the first rate of another schedule, which comes after.

    f is start_factor. The other schedule begins at step n_warmup_steps, from its own step 0; over the whole fit, it has
    the steps that the warm-up leaves. PyTorch's LinearLR, with another schedule in a SequentialLR. Source: Goyal et
    al., "Accurate, large minibatch SGD: training ImageNet in 1 hour", 2017.

    Parameters
    ----------
    schedule : Schedule, callable of the step or float >= 0, default=0.001
        What comes after; a number is a constant rate.
    n_warmup_steps : int >= 1, default=5
    start_factor : float in [0, 1], default=1/3
    per : {'step', 'epoch'}, default='step'
        What n_warmup_steps counts; the rate rises with every step all the same.

    Examples
    --------
    >>> from fastmlp.schedules import Linear, WarmUp
    >>> WarmUp(0.5, 2, start_factor=0.0)(range(4))
    array([0.  , 0.25, 0.5 , 0.5 ])
    >>> WarmUp(Linear(1.0, 4), 2, start_factor=0.5)(range(6))
    array([0.5 , 0.75, 1.  , 0.75, 0.5 , 0.25])
    """

    _parameter_constraints: ClassVar[dict] = {
        "schedule": [Schedule, callable, _RATE],
        "n_warmup_steps": [_COUNT],
        "start_factor": [Interval(Real, 0, 1, closed="both")],
        "per": Paced._parameter_constraints["per"],
    }

    def __init__(
        self,
        schedule: Schedule | Callable[[int], float] | float = 0.001,
        n_warmup_steps: int = 5,
        *,
        start_factor: float = 1 / 3,
        per: str = "step",
    ) -> None:
        self.schedule = schedule
        self.n_warmup_steps = n_warmup_steps
        self.start_factor = start_factor
        self.per = per

    @property
    def _then(self) -> Schedule:
        return as_schedule(self.schedule)

    @property
    def every_epoch(self) -> bool:
        """As the other schedule."""
        return self._then.every_epoch

    @property
    def initial_rate(self) -> float:
        """That of the other schedule, whose hooks count from there."""
        return self._then.initial_rate

    def _bind(self, n_steps: int, steps_per_epoch: int) -> None:
        super()._bind(n_steps, steps_per_epoch)
        self.schedule = self._then.bound(max(1, n_steps - self.n_warmup_steps * self._unit()), steps_per_epoch)

    def unbound(self) -> Self:
        """Return a checked copy whose other schedule has forgotten its length, unless it was given."""
        copied = super().unbound()
        copied.schedule = self._then.unbound()
        return copied

    @property
    def end(self) -> int | None:
        """That of the other schedule, after the warm-up."""
        end = self._then.end
        if end is None or (self.per == "epoch" and self._steps_per_epoch is None):
            return None
        return self.n_warmup_steps * self._unit() + end

    def _rates(self, step: NDArray) -> Any:
        return self._warmed(step, self._then)

    def rate(self, step: ArrayLike, at_work: HasLearningRate) -> Any:
        """Return the rate at a step of training; the other schedule's own, warmed up."""
        return self._warmed(_checked_steps(step), lambda after: self._then.rate(after, at_work))

    def _warmed(self, step: NDArray, rates: Callable[[NDArray], Any]) -> Any:
        n_steps = self.n_warmup_steps * self._unit()
        share = np.minimum(step / n_steps, 1.0)
        return (self.start_factor + (1.0 - self.start_factor) * share) * rates(np.maximum(step, n_steps) - n_steps)

    def after_epoch(self, at_work: HasLearningRate, n_samples_seen: int) -> None:
        """As the other schedule."""
        self._then.after_epoch(at_work, n_samples_seen)

    def on_value(self, at_work: Any, value: float, *, maximize: bool = False) -> None:
        """As the other schedule."""
        self._then.on_value(at_work, value, maximize=maximize)

    def on_plateau(self, at_work: HasLearningRate) -> tuple[bool, str]:
        """As the other schedule."""
        return self._then.on_plateau(at_work)


#: Schedules by name; each can be made without parameters.
SCHEDULES: Registry[type[Schedule]] = Registry(
    {
        "constant": Constant,
        "invscaling": InvScaling,
        "adaptive": Adaptive,
        "reduce_on_plateau": ReduceOnPlateau,
        "step_decay": StepDecay,
        "exponential": Exponential,
        "polynomial": Polynomial,
        "linear": Linear,
        "cosine": Cosine,
        "cosine_restarts": CosineRestarts,
        "one_cycle": OneCycle,
        "coslog4": CosLog4,
        "flat_cos": FlatCos,
        "warmup": WarmUp,
    },
    {
        "constant": ("const", "fixed", "constant_lr"),
        "invscaling": ("inverse_scaling", "inv_scaling"),
        "reduce_on_plateau": ("plateau", "reduce_lr_on_plateau"),
        "step_decay": ("step", "step_lr", "staircase"),
        "exponential": ("exp", "exponential_decay", "exponential_lr"),
        "polynomial": ("poly", "polynomial_decay", "polynomial_lr"),
        "linear": ("linear_decay",),
        "cosine": ("cos", "cosine_annealing", "cosine_annealing_lr", "cosine_decay", "cosine_schedule"),
        "cosine_restarts": (
            "sgdr", "cosine_annealing_warm_restarts", "cosine_warm_restarts", "cosine_decay_restarts",
            "cosine_with_restarts", "cosine_annealing_restarts",
        ),
        "one_cycle": ("1cycle", "one_cycle_lr", "super_convergence"),
        "flat_cos": ("flat_cosine", "flat_cos_annealing"),
        "warmup": ("linear_warmup", "linear_lr"),
    },
)  # fmt: skip


def as_schedule(given: Schedule | Callable[[int], float] | float) -> Schedule:
    """Return a schedule as it is, a number as a constant one, any other callable as a function of the step.

    Examples
    --------
    >>> from fastmlp.schedules import as_schedule
    >>> as_schedule(0.5)
    Constant(learning_rate=0.5)
    """
    if isinstance(given, Schedule):
        return given
    if isinstance(given, Real):
        return Constant(float(given))
    if callable(given) and not isinstance(given, type):
        return Function(given)
    raise TypeError(f"A schedule must be a number, a Schedule or a callable of the step; got {given!r}.")


def _are_steps(given: ArrayLike) -> bool:
    """Whether these are ints, none of them negative."""
    try:
        steps = np.asarray(given)
    except ValueError:  # lists of several lengths
        return False
    return steps.dtype.kind in "iu" and not (steps < 0).any()


def _checked_steps(step: ArrayLike) -> NDArray:
    if not _are_steps(step):
        raise ValueError(f"step must be an int or an array of ints, 0 or more; got {step!r}.")
    return np.asarray(step)


def _between(start: Any, end: Any, share_left: Any) -> Any:
    return end + (start - end) * share_left


def _half_cosine(t: Any) -> Any:
    return 0.5 * (1.0 + np.cos(np.pi * t))
