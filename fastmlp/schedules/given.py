"""What users give in place of a schedule: a number, or a function of the step."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from fastmlp.registration import stored_as
from fastmlp.schedules.adaptive import Constant
from fastmlp.schedules.base import Schedule


@stored_as("schedules.Function")
class Function(Schedule):
    """A callable of yours as a schedule: the rate is function(step), for one int at a time.

    Parameters
    ----------
    function : callable
        It must return a finite number, 0 or more.

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
        """The rate of the first step."""
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


def as_schedule(given: Schedule | Callable[[int], float] | float) -> Schedule:
    """Return what a user gave as a schedule: a number becomes a Constant, and a callable a Function.

    Raises
    ------
    TypeError
        For anything else, among it the class of a schedule.

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
