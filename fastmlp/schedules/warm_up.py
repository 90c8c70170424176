"""A schedule that begins another one with small rates."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Real
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils._param_validation import Interval

from fastmlp.registration import stored_as
from fastmlp.schedules.base import COUNT, RATE, HasLearningRate, Paced, Schedule, checked_steps
from fastmlp.schedules.given import as_schedule


@stored_as("schedules.WarmUp")
class WarmUp(Paced):
    """The rate rises to the first rate of another schedule, which comes after; before, it is that rate times a share.

    The share is f + (1 - f) step / n_warmup_steps, with f = start_factor. The other schedule begins at step
    n_warmup_steps, with its own step 0; a schedule over the whole fit has the steps that the warm-up leaves. In PyTorch
    it is a SequentialLR of a LinearLR and another schedule. Source: Goyal et
    al., "Accurate, large minibatch SGD: training ImageNet in 1 hour", 2017.

    Parameters
    ----------
    schedule : Schedule, callable of the step or float >= 0, default=0.001
        The schedule that comes after; a number is a constant rate.
    n_warmup_steps : int >= 1, default=5
        The length of the warm-up.
    start_factor : float in [0, 1], default=1/3
        The share of the rate at the first step.
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
        "schedule": [Schedule, callable, RATE],
        "n_warmup_steps": [COUNT],
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
        """Whether a hook of the other schedule may change the rate after any epoch."""
        return self._then.every_epoch

    @property
    def initial_rate(self) -> float:
        """The initial rate of the other schedule, from which its hooks count."""
        return self._then.initial_rate

    def _bind(self, n_steps: int, steps_per_epoch: int) -> None:
        super()._bind(n_steps, steps_per_epoch)
        self.schedule = self._then.bound(max(1, n_steps - self.n_warmup_steps * self._unit()), steps_per_epoch)

    def unbound(self) -> Self:
        """Return a checked copy whose other schedule has forgotten its length, unless the length was given."""
        copied = super().unbound()
        copied.schedule = self._then.unbound()
        return copied

    @property
    def end(self) -> int | None:
        """The step at which the other schedule ends, counted from the beginning of the warm-up."""
        end = self._then.end
        if end is None or (self.per == "epoch" and self._steps_per_epoch is None):
            return None
        return self.n_warmup_steps * self._unit() + end

    def _rates(self, step: NDArray) -> Any:
        return self._warmed(step, self._then)

    def rate(self, step: ArrayLike, at_work: HasLearningRate) -> Any:
        """Return the rate at a step of a training: the rate of the other schedule times the share of the warm-up."""
        return self._warmed(checked_steps(step), lambda after: self._then.rate(after, at_work))

    def _warmed(self, step: NDArray, rates: Callable[[NDArray], Any]) -> Any:
        n_steps = self.n_warmup_steps * self._unit()
        share = np.minimum(step / n_steps, 1.0)
        return (self.start_factor + (1.0 - self.start_factor) * share) * rates(np.maximum(step, n_steps) - n_steps)

    def after_epoch(self, at_work: HasLearningRate, n_samples_seen: int) -> None:
        """Have the other schedule adjust the optimizer's rate after an epoch."""
        self._then.after_epoch(at_work, n_samples_seen)

    def on_value(self, at_work: Any, value: float, *, maximize: bool = False) -> None:
        """Have the other schedule adjust the optimizer's rate to a monitored value."""
        self._then.on_value(at_work, value, maximize=maximize)

    def on_plateau(self, at_work: HasLearningRate) -> tuple[bool, str]:
        """Have the other schedule answer a plateau."""
        return self._then.on_plateau(at_work)
