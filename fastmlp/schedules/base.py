"""The contract of a schedule, and what schedules that count steps or epochs have in common."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, ClassVar, Protocol, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone
from sklearn.utils._param_validation import Interval, StrOptions

from fastmlp.components import Component, redefined

RATE = Interval(Real, 0, np.inf, closed="left")
POSITIVE = Interval(Real, 0, np.inf, closed="neither")
DECAY = Interval(Real, 0, 1, closed="right")
COUNT = Interval(Integral, 1, None, closed="left")
COUNT_FROM_0 = Interval(Integral, 0, None, closed="left")

#: The methods by which a schedule changes the learning rate of an optimizer at work.
HOOKS = ("after_epoch", "on_value", "on_plateau")


class HasLearningRate(Protocol):
    """An optimizer at work, as far as a schedule is concerned.

    Attributes
    ----------
    learning_rate : float
        The learning rate as it is now; the hooks of a schedule change it.
    learning_rate_init : float
        The learning rate of the first step.
    """

    learning_rate: float
    learning_rate_init: float


class Schedule(Component):
    """The contract: learning rates as a function of the step, and hooks that change the rate of an optimizer at work.

    A subclass writes ``_rates``, which returns the rates of an array of steps, or some of the hooks ``after_epoch``,
    ``on_value`` and ``on_plateau``, or both.

    Parameters
    ----------
    learning_rate : float >= 0, default=0.001
        The rate to begin with, or the highest one.

    Attributes
    ----------
    hooks : frozenset of str
        The hooks that the class defines; it is found out when the class is made.
    follows_hooks : bool
        Whether :meth:`rate` reads the optimizer's learning rate, which the hooks set, instead of a plan; so it is where
        a class defines ``rate``.
    varies : bool
        Whether the rate changes from step to step, and not only in the hooks.

    Examples
    --------
    This is a schedule of your own. Any other callable that takes the step is one, too.

    >>> from fastmlp.schedules import Schedule
    >>> class Alternating(Schedule):
    ...     def _rates(self, step):
    ...         return self.learning_rate / (1.0 + step % 2)
    >>> Alternating(0.5)([0, 1, 2])
    array([0.5 , 0.25, 0.5 ])
    """

    hooks: ClassVar[frozenset[str]] = frozenset()
    follows_hooks: ClassVar[bool] = False
    varies: ClassVar[bool] = True

    _parameter_constraints: ClassVar[dict] = {"learning_rate": [RATE]}
    _steps_per_epoch: int | None = None

    def __init_subclass__(cls, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        defined = redefined(cls, Schedule, (*HOOKS, "rate"))
        cls.hooks, cls.follows_hooks = defined - {"rate"}, "rate" in defined

    def __init__(self, learning_rate: float = 0.001) -> None:
        self.learning_rate = learning_rate

    @property
    def every_epoch(self) -> bool:
        """Whether a hook may change the rate after any epoch; otherwise only a plateau may."""
        return not self.hooks.isdisjoint(("after_epoch", "on_value"))

    @property
    def initial_rate(self) -> float:
        """The learning_rate and learning_rate_init of an optimizer before its first step."""
        return float(self.learning_rate)

    def __call__(self, step: ArrayLike) -> Any:
        """Return the rate at a step, as float64, or the rates of an array of steps.

        Parameters
        ----------
        step : int or array of int
            The number of updates made before; the first step is 0.

        Raises
        ------
        ValueError
            When the length of training or of an epoch is needed and not known: see :meth:`bound`.
        """
        return np.asarray(self._rates(checked_steps(step)), np.float64)[()]

    def _rates(self, step: NDArray) -> Any:
        raise NotImplementedError

    def rate(self, step: ArrayLike, at_work: HasLearningRate) -> Any:
        """Return the rate at a step, or at an array of steps, of a training with the optimizer at work.

        It is what the schedule plans for the step; a schedule that lives in its hooks returns what they left on the
        optimizer.
        """
        return self(step)

    def bound(self, n_steps: int, steps_per_epoch: int) -> Self:
        """Return a checked copy that knows the length of training and of an epoch, in steps.

        A length that was given as a parameter stays; only what is missing is filled in.
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
        """The step from which on the rate stays, as it is planned; None where there is no such step, or none yet."""
        return None

    def after_epoch(self, at_work: HasLearningRate, n_samples_seen: int) -> None:
        """Adjust the optimizer's rate after an epoch; n_samples_seen counts from the first fit on."""

    def on_value(self, at_work: Any, value: float, *, maximize: bool = False) -> None:
        """Adjust the optimizer's rate to an epoch's monitored value: a loss, or a score with maximize=True."""

    def on_plateau(self, at_work: HasLearningRate) -> tuple[bool, str]:
        """Return whether to stop now that nothing improves any more, and what to tell the user."""
        return True, "Stopping."


class Paced(Schedule):
    """A schedule that counts steps or, with per='epoch', epochs; the position of a step is its number in that count.

    Parameters
    ----------
    learning_rate : float >= 0, default=0.001
    per : {'step', 'epoch'}, default='step'
        With 'epoch' the rate changes between epochs only, and every length among the parameters counts epochs.

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
        """Return how many steps count as one position."""
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
    """A schedule over a length of training, which is n_steps or the whole fit; afterwards its last rate stays.

    When training goes on after that, as partial_fit may, and the last rate is close to 0, a
    :class:`fastmlp.exceptions.ScheduleEndedWarning` says so. ``resume`` with another max_iter plans a schedule over the
    whole fit anew.

    Parameters
    ----------
    learning_rate : float >= 0, default=0.001
    n_steps : int >= 1 or None, default=None
        The length, in epochs with per='epoch'; None is the whole fit, whose length :meth:`bound` fills in.
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

    _parameter_constraints: ClassVar[dict] = {**Paced._parameter_constraints, "n_steps": [COUNT, None]}
    # Whether bound has filled in the length.
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
        """The length in steps."""
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
        """Return the rates at the fractions t of the length."""
        raise NotImplementedError


def are_steps(given: ArrayLike) -> bool:
    """Whether a value is an int, or an array of ints, of which none is negative."""
    try:
        steps = np.asarray(given)
    except ValueError:  # NumPy makes no array of lists of several lengths
        return False
    return steps.dtype.kind in "iu" and not (steps < 0).any()


def checked_steps(step: ArrayLike) -> NDArray:
    """Return steps as an array of ints; refuse anything else."""
    if not are_steps(step):
        raise ValueError(f"step must be an int or an array of ints, 0 or more; got {step!r}.")
    return np.asarray(step)
