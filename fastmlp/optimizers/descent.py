"""An optimizer at work: what changes while it trains a network."""

from __future__ import annotations

import copy
import hashlib
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from fastmlp.optimizers.base import Fused, Optimizer
from fastmlp.optimizers.descent_state import check_descent
from fastmlp.registration import stored_as
from fastmlp.schedules import Schedule


@stored_as("optimizers.Descent")
class Descent:
    """An optimizer with its state and its present learning rate; the optimizer itself stays as it is given.

    Parameters
    ----------
    optimizer : Optimizer
        Copied, and its parameters checked.
    schedule : object, default=None
        What changes the learning rate after an epoch or on a plateau: an object with every_epoch, after_epoch, on_value
        and on_plateau, as those in fastmlp.schedules. None is the optimizer's own learning rate if it has these; else a
        plateau ends training, and nothing else happens.
    length : tuple of int, default=None
        For schedules that ask for it: the number of steps of the fit, and of an epoch.

    Attributes
    ----------
    learning_rate : float
        Of the step to come, or, after ``hyper`` or ``step``, of the last step asked for, as optimizer and schedule have
        it. Set, it takes the place of what the optimizer has for that step, and changes what it has for others in
        proportion. It is for schedules; :meth:`set_rate` is for all others.
    rate : float
        What the last step really took.
    learning_rate_init : float
        Of the first step.
    state : Any
        The optimizer's state; None before the first step.
    n_updates : int
        Steps made.
    average : ndarray or None
        Of the parameters over the steps, where one is kept.

    Examples
    --------
    >>> from fastmlp.optimizers import SGD, Descent
    >>> descent = Descent(SGD(lambda step: 0.1 / (1 + step), momentum=0.0))
    >>> descent.hyper(0, 3)[:, 0].round(3)
    array([0.1  , 0.05 , 0.033])
    >>> descent.learning_rate /= 2
    >>> descent.hyper(3, 2)[:, 0]
    array([0.0125, 0.01  ])
    """

    # What need not be kept from call to call.
    _row: tuple[float, NDArray] | None = None
    _last_rates: NDArray | None = None

    def __init__(self, optimizer: Optimizer, schedule: Any = None, *, length: tuple[int, int] | None = None) -> None:
        self.optimizer = clone(optimizer).validate()
        if length is not None:
            self.optimizer = self.optimizer.bound(*length)
        given = self.optimizer.learning_rate
        self._other_schedule = schedule
        self._schedules_itself = schedule is None and hasattr(given, "on_plateau")
        # Its rates come of what its hooks make of the learning rate.
        self._hooked = isinstance(given, Schedule) and type(given).rate is not Schedule.rate
        first = given.initial_rate if self._hooked else self.optimizer.rates(np.array([0]))[0]
        self._planned = self._rate = self.learning_rate_init = float(first)
        self._factor = self._scale = 1.0
        self.rate = self._planned
        self.state: Any = None
        self.n_updates = 0
        self.average: NDArray | None = None
        self._remembered: tuple[NDArray, bytes] | None = None

    @property
    def learning_rate(self) -> float:
        """Of the step to come, or of the last one."""
        return self._rate

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        if self._planned:
            self._factor = value / self._planned
        self._rate = value

    @property
    def _schedule(self) -> Any:
        return self.optimizer.learning_rate if self._schedules_itself else self._other_schedule

    @property
    def schedule_beside(self) -> Any:
        """The schedule that was given beside the optimizer; None for none."""
        return self._other_schedule

    def set_rate(self, value: float) -> None:
        """Have the next step take this learning rate; what a schedule makes of it changes in proportion.

        Raises
        ------
        ValueError
            Where a schedule has come down to 0, which nothing is in proportion to.

        Examples
        --------
        >>> from fastmlp.optimizers import SGD, Descent
        >>> descent = Descent(SGD(lambda step: 0.1 / (1 + step), momentum=0.0))
        >>> descent.set_rate(0.2)
        >>> descent.hyper(0, 3)[:, 0].round(3)
        array([0.2  , 0.1  , 0.067])
        """
        if not self._varies:
            self.learning_rate = self.rate = value
        elif self.rate:
            self._scale *= value / self.rate
            self.rate = value
        elif value:
            raise ValueError(f"The schedule's learning rate is 0 here, and cannot be made {value!r}.")

    def set_highest_rate(self, value: float, n_steps: int) -> None:
        """Have the highest learning rate of the next n_steps be this one, and all others change in proportion."""
        if not self._varies:
            return self.set_rate(value)
        # As many as show a schedule's form.
        steps = np.unique(np.linspace(self.n_updates, self.n_updates + n_steps - 1, 10_000).astype(np.int64))
        highest = self.optimizer.learning_rate.initial_rate if self._hooked else self.optimizer.rates(steps).max()
        self.rate = self._scale * float(highest)
        return self.set_rate(value)

    @property
    def _varies(self) -> bool:
        """Whether a schedule, or a function of the step, decides of the learning rate."""
        return self._schedule is not None or callable(self.optimizer.learning_rate)

    def epoch_rates(self, n_epochs: int) -> list[float]:
        """Return each epoch's last learning rate, of n_epochs whose steps are what ``hyper`` was asked for last."""
        if self._last_rates is None:
            return [self.rate] * n_epochs
        n_steps = len(self._last_rates) // n_epochs
        return self._last_rates[n_steps - 1 :: n_steps].tolist()

    def plan_anew(self, n_steps: int, steps_per_epoch: int) -> None:
        """Have schedules over the whole fit be as long as it is now; what was made of their rates stays in proportion.

        Examples
        --------
        >>> from fastmlp.optimizers import SGD, Descent
        >>> from fastmlp.schedules import Linear
        >>> descent = Descent(SGD(Linear(1.0), momentum=0.0), length=(2, 1))
        >>> descent.plan_anew(4, 1)
        >>> descent.hyper(0, 5)[:, 0]
        array([1.  , 0.75, 0.5 , 0.25, 0.  ])
        """
        optimizer = copy.copy(self.optimizer)
        for name, value in optimizer.get_params(deep=False).items():
            if isinstance(value, Schedule):
                setattr(optimizer, name, value.unbound())
        self.optimizer = optimizer.bound(n_steps, steps_per_epoch)

    @property
    def is_finite(self) -> bool:
        """Whether the state of a fused rule is finite; that of another rule, only it knows."""
        slots = self.state["slots"] if self.optimizer.rule is not None and self.state is not None else []
        # A sum is faster, and finite unless something in it is not, or it is too large itself.
        with np.errstate(over="ignore", invalid="ignore"):
            return all(math.isfinite(slot.sum()) or bool(np.isfinite(slot).all()) for slot, *_ in slots)

    @property
    def end(self) -> int | None:
        """The step from which on the learning rate is planned to stay; None for no such plan."""
        given = self.optimizer.learning_rate
        return given.end if isinstance(given, Schedule) else None

    @property
    def rate_at_end(self) -> float:
        """What the learning rate is from ``end`` on, as a part of the highest one that was planned before."""
        assert self.end is not None, "there is no end"
        # As many as show a schedule's form.
        rates = self.optimizer.rates(np.unique(np.linspace(0, self.end, 1000).astype(np.int64)))
        return float(rates[-1] / rates.max()) if rates.max() else 0.0

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name not in ("_row", "_last_rates")}

    def check_state(self) -> None:
        """Refuse attributes that no descent has; one from a file may have any.

        Raises
        ------
        ValueError
            It names the attribute.
        """
        check_descent(self)

    def copied(self) -> Descent:
        """Return a copy that steps of this one leave as it is, but for the arrays of a fused rule's state."""
        other = copy.copy(self)
        other.optimizer, other._other_schedule = copy.deepcopy((self.optimizer, self._other_schedule))
        if self.optimizer.rule is None:
            other.state = copy.deepcopy(self.state)
        return other

    def unscheduled(self, rate: float) -> Descent:
        """Return one that goes on from here with a learning rate of its own, which nothing but setting it changes."""
        other = Descent(copy.copy(self.optimizer).set_params(learning_rate=rate))
        other.state, other.n_updates, other.average = self.state, self.n_updates, self.average
        other._remembered = self._remembered
        return other

    @property
    def follows_values(self) -> bool:
        """Whether ``after_epoch`` and ``on_value`` do anything."""
        return self._schedule is not None

    @property
    def every_epoch(self) -> bool:
        """Whether the learning rate may change after any epoch, rather than on a plateau only."""
        return self._schedule is not None and self._schedule.every_epoch

    def after_epoch(self, n_samples_seen: int) -> None:
        """Adjust the learning rate after an epoch; n_samples_seen counts from the first fit on."""
        if self._schedule is not None:
            self._schedule.after_epoch(self, n_samples_seen)

    def on_value(self, value: float, *, maximize: bool = False) -> None:
        """Adjust the learning rate to an epoch's monitored value: a loss, or a score with maximize=True."""
        if self._schedule is not None:
            self._schedule.on_value(self, value, maximize=maximize)

    def on_plateau(self) -> tuple[bool, str]:
        """Whether to stop now that nothing improves any more, and what to tell the user."""
        return (True, "Stopping.") if self._schedule is None else self._schedule.on_plateau(self)

    def hyper(self, first: int, n_steps: int) -> NDArray:
        """Return the fused rule's hyperparameters for n_steps updates, first having been made: a row each, or one."""
        rule = self.optimizer
        assert isinstance(rule, Fused), f"{rule} has no fused rule"
        if rule.varies:
            steps = np.arange(first, first + max(1, n_steps))
            self._last_rates = self._rates(steps)
            return rule.hyper(steps, self._last_rates)
        # Small networks notice what this takes.
        if self._row is None or self._row[0] != self._rate or self._scale != 1:
            self.rate = self._rate * self._scale
            self._row = self._rate, rule.hyper(np.array([first]), np.array([self.rate]))
        return self._row[1]

    @property
    def evaluates_elsewhere(self) -> bool:
        """Whether the optimizer predicts with other parameters than it trains."""
        return type(self.optimizer).evaluation_params is not Optimizer.evaluation_params

    def remember(self, trained: NDArray, shown: NDArray) -> None:
        """Keep the parameters of training beside those that predictions are made with."""
        self._remembered = trained.copy(), _digest(shown)

    def resume(self, shown: NDArray) -> NDArray:
        """Return the parameters to go on with, given those that predictions are made with.

        They are those that were trained. If the others have been changed meanwhile, it is from these that training, and
        what is averaged, begin anew.
        """
        if self._remembered is None:
            return shown
        trained, digest = self._remembered
        if digest == _digest(shown):
            return trained.astype(shown.dtype, copy=False)
        self.average = None
        if self.evaluates_elsewhere:
            self.state, self.n_updates = None, 0
        return shown

    def begin(self, params: list[NDArray]) -> None:
        """Make the optimizer's first state."""
        self.state = self.optimizer.init(params)

    def step(self, params: list[NDArray], grads: list[NDArray], number: int) -> None:
        """Update params and the state in place, in NumPy, number updates having been made."""
        rate = float(self._rates(np.array([number]))[0])
        rule = self.optimizer
        # A step that is not written for schedules finds a number.
        if (
            self._factor != 1
            or self._scale != 1
            or self._hooked
            or (callable(rule.learning_rate) and not isinstance(rule, Fused))
        ):
            rule = copy.copy(rule)
            rule.learning_rate = rate
        if self.state is None:
            self.begin(params)
        rule.step(params, grads, self.state)

    def _rates(self, steps: NDArray) -> NDArray:
        """Return the learning rates of steps; that of the last is the present one from now on."""
        if self._hooked:
            rates = np.broadcast_to(self.optimizer.learning_rate.rate(steps, self), steps.shape)
        else:
            planned = self.optimizer.rates(steps)
            # A plan that stays where it was gives what was set, to the last bit.
            rates = np.where(planned == self._planned, self._rate, planned * self._factor)
            self._planned, self._rate = float(planned[-1]), float(rates[-1])
        if self._scale != 1:
            rates = rates * self._scale
        self.rate = float(rates[-1])
        return rates


def _digest(params: NDArray) -> bytes:
    return hashlib.blake2b(params.astype(np.float64).tobytes()).digest()  # the same numbers in another type
