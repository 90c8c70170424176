"""Schedules that follow training: their hooks change the rate, after an epoch, by a monitored value, on a plateau."""

from __future__ import annotations

from numbers import Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils._param_validation import Interval, StrOptions

from fastmlp.registration import stored_as
from fastmlp.schedules.base import COUNT_FROM_0, RATE, HasLearningRate, Schedule, checked_steps


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

    varies = False

    def _rates(self, step: NDArray) -> Any:
        return np.full(step.shape, self.learning_rate, np.float64)

    def rate(self, step: ArrayLike, at_work: HasLearningRate) -> Any:
        """Return the learning rate of the optimizer, whatever the step is."""
        return np.full(checked_steps(step).shape, at_work.learning_rate, np.float64)[()]


@stored_as("schedules.InvScaling")
class InvScaling(Constant):
    """learning_rate / (n_samples_seen + 1)^power_t, set after every epoch.

    scikit-learn calls it 'invscaling'. A step does not say how many samples were seen, so that a call returns the rate
    of the first epoch. Source: Robbins & Monro, "A stochastic approximation method", 1951, for rates of this kind.

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

    _parameter_constraints: ClassVar[dict] = {**Constant._parameter_constraints, "power_t": [RATE]}

    def __init__(self, learning_rate: float = 0.001, power_t: float = 0.5) -> None:
        super().__init__(learning_rate)
        self.power_t = power_t

    def after_epoch(self, at_work: HasLearningRate, n_samples_seen: int) -> None:
        """Set the learning rate by the number of samples seen so far."""
        at_work.learning_rate = float(at_work.learning_rate_init) / (n_samples_seen + 1) ** self.power_t


@stored_as("schedules.Adaptive")
class Adaptive(Constant):
    """The learning rate is divided by five on every plateau; training ends when it has come down to 1e-6.

    scikit-learn calls it 'adaptive'. Source: Krizhevsky et al., "ImageNet classification with deep convolutional neural
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
        """Divide the learning rate by five, or stop where it is too small already."""
        if at_work.learning_rate <= 1e-6:
            return True, "Learning rate too small. Stopping."
        at_work.learning_rate /= 5.0
        return False, f"Setting learning rate to {at_work.learning_rate:f}"


@stored_as("schedules.ReduceOnPlateau")
class ReduceOnPlateau(Constant):
    """The rate becomes max(factor rate, min_rate) after more than patience epochs whose value is no better.

    A loss is better than the best so far when it is below best (1 - threshold), or below best - threshold with
    threshold_mode='abs'; a score is better when it is above best (1 + threshold), or above best + threshold. After a
    reduction, cooldown epochs do not count. A change of min_change or less is not made. A value that is not a finite
    number is no better than one that is; epochs before the first finite one do not count. PyTorch calls this schedule
    ReduceLROnPlateau. Source: He et al., "Deep residual learning for image recognition", CVPR 2016, who divide by ten
    when the error no longer falls.

    The best value and both counts stand in ``schedule_state`` of the optimizer at work. A plateau in the estimators'
    sense, n_iter_no_change epochs long, ends training only when the rate cannot go down any further.

    Parameters
    ----------
    learning_rate : float >= 0, default=0.001
    factor : float in (0, 1), default=0.1
        What the rate is multiplied by.
    patience : int >= 0, default=10
        The number of epochs in a row without an improvement that change nothing.
    threshold : float >= 0, default=1e-4
        How much better a value must be to count as better.
    threshold_mode : {'rel', 'abs'}, default='rel'
        Whether the threshold is a part of the best value, or a difference from it.
    cooldown : int >= 0, default=0
        The number of epochs after a reduction that do not count.
    min_rate : float >= 0, default=0.0
        The smallest rate.
    min_change : float >= 0, default=1e-8
        The largest change that is not worth making.

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
        "patience": [COUNT_FROM_0],
        "threshold": [RATE],
        "threshold_mode": [StrOptions({"rel", "abs"})],
        "cooldown": [COUNT_FROM_0],
        "min_rate": [RATE],
        "min_change": [RATE],
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
        """Reduce the rate when the value has not become better for too long."""
        sign = 1.0 if maximize else -1.0
        best, n_bad, n_cooling = getattr(at_work, "schedule_state", None) or (-sign * np.inf, 0, 0)
        margin = sign * self.threshold
        target = best * (1.0 + margin) if self.threshold_mode == "rel" else best + margin
        is_finite = np.isfinite(value)
        if is_finite and (value > target if maximize else value < target):
            best, n_bad = float(value), 0
        elif is_finite or np.isfinite(best):  # before the first finite value there is nothing to compare with
            n_bad += 1
        if n_cooling:
            n_bad, n_cooling = 0, n_cooling - 1
        if n_bad > self.patience:
            at_work.learning_rate = self._reduced(at_work.learning_rate)
            n_bad, n_cooling = 0, self.cooldown
        # This is a new tuple: a copy of the optimizer, which shares the old one, keeps what it had.
        at_work.schedule_state = (best, n_bad, n_cooling)

    def _reduced(self, rate: float) -> float:
        lower = max(rate * self.factor, float(self.min_rate))
        return lower if rate - lower > self.min_change else rate

    def on_plateau(self, at_work: HasLearningRate) -> tuple[bool, str]:
        """Stop when the rate cannot be reduced any further."""
        if self._reduced(at_work.learning_rate) == at_work.learning_rate:
            return True, "Learning rate too small. Stopping."
        return False, f"Going on with learning rate {at_work.learning_rate:f}"
