"""The learning rate of a training as it is now: the one place where plan, schedule and callbacks come together."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastmlp.optimizers.base import Optimizer
from fastmlp.schedules import Schedule


class RateAtWork:
    """An optimizer at work, as schedules and callbacks see it: its learning rate as it is now.

    The optimizer's own ``learning_rate``, a number or a function of the step, is the plan. The hooks of a schedule set
    the attribute ``learning_rate``, and the plan goes on in proportion; a schedule whose rate follows its hooks reads
    the attribute instead of a plan. Whoever steers the training from outside calls :meth:`set_rate`, after which all
    this stays as it is, times a factor.

    Parameters
    ----------
    optimizer : Optimizer
        The optimizer, with its parameters checked.
    schedule : object, default=None
        What changes the learning rate after an epoch or on a plateau: an object with every_epoch, after_epoch, on_value
        and on_plateau, as those in fastmlp.schedules. None is the optimizer's own learning rate if it has these
        methods; if it has not, a plateau ends training, and nothing else happens.

    Attributes
    ----------
    learning_rate : float
        The learning rate of the step to come or, after :meth:`rates_of`, of the last of its steps, as plan and schedule
        have it. Hooks of schedules set it; everybody else calls :meth:`set_rate`.
    learning_rate_init : float
        The learning rate of the first step.
    rate : float
        The learning rate that the last step really took.
    n_updates : int
        The number of steps made.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.optimizers import SGD
    >>> from fastmlp.optimizers.rate import RateAtWork
    >>> at_work = RateAtWork(SGD(lambda step: 0.1 / (1 + step)))
    >>> at_work.rates_of(np.arange(3)).round(3)
    array([0.1  , 0.05 , 0.033])
    >>> at_work.learning_rate /= 2
    >>> at_work.rates_of(np.arange(3, 5))
    array([0.0125, 0.01  ])
    """

    # The learning rates of the steps that were asked for last; they need not be kept from one fit to another.
    _last_rates: NDArray | None = None

    def __init__(self, optimizer: Optimizer, schedule: Any = None) -> None:
        self.optimizer = optimizer
        self._other_schedule = schedule
        first = self._plan.initial_rate if self._follows_hooks else optimizer.rates(np.array([0]))[0]
        # The planned rate of the last step, what hooks made of it, and the quotient of the two.
        self._planned = self._rate = self.learning_rate_init = float(first)
        self._factor = 1.0
        # The product of what set_rate has made of everything else.
        self._scale = 1.0
        self.rate = self._planned
        self.n_updates = 0

    @property
    def _plan(self) -> Any:
        """The optimizer's own learning rate: a number, or a function of the step."""
        return self.optimizer.learning_rate

    @property
    def _follows_hooks(self) -> bool:
        """Whether the plan is a schedule whose rate is what its hooks make of ``learning_rate``."""
        return isinstance(self._plan, Schedule) and self._plan.follows_hooks

    @property
    def _schedule(self) -> Any:
        """The schedule whose hooks are called; None for none."""
        if self._other_schedule is None and hasattr(self._plan, "on_plateau"):
            return self._plan
        return self._other_schedule

    @property
    def schedule_beside(self) -> Any:
        """The schedule that was given beside the optimizer; None for none."""
        return self._other_schedule

    # ---- what schedules do -------------------------------------------------------------------------------------------

    @property
    def learning_rate(self) -> float:
        """The learning rate of the step to come, or of the last step that was asked for."""
        return self._rate

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        if self._planned:
            self._factor = value / self._planned
        self._rate = value

    @property
    def follows_values(self) -> bool:
        """Whether ``after_epoch`` and ``on_value`` do anything."""
        return self._schedule is not None

    @property
    def every_epoch(self) -> bool:
        """Whether the learning rate may change after any epoch; otherwise only a plateau may change it."""
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
        """Return whether to stop now that nothing improves any more, and what to tell the user."""
        return (True, "Stopping.") if self._schedule is None else self._schedule.on_plateau(self)

    # ---- what callbacks do -------------------------------------------------------------------------------------------

    @property
    def _varies(self) -> bool:
        """Whether a schedule, or a function of the step, decides on the learning rate."""
        return self._schedule is not None or callable(self._plan)

    def set_rate(self, value: float) -> None:
        """Have the next step take this learning rate; what a schedule makes of it changes in proportion.

        Raises
        ------
        ValueError
            When a schedule has come down to 0, so that nothing can be in proportion to its rate.

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
        """Have the highest learning rate of the next n_steps be this one; all others change in proportion."""
        if self._varies:
            # So many steps show the form of a schedule.
            steps = np.unique(np.linspace(self.n_updates, self.n_updates + n_steps - 1, 10_000).astype(np.int64))
            highest = self._plan.initial_rate if self._follows_hooks else self.optimizer.rates(steps).max()
            self.rate = self._scale * float(highest)
        self.set_rate(value)

    # ---- what a step takes -------------------------------------------------------------------------------------------

    @property
    def _is_as_planned(self) -> bool:
        """Whether the optimizer's own plan gives the learning rate of each step, since nothing has changed it."""
        return self._factor == 1 and self._scale == 1 and not self._follows_hooks

    def rates_of(self, steps: NDArray) -> NDArray:
        """Return the learning rates of steps (0-based); that of the last one is the learning rate from now on."""
        if self._follows_hooks:
            rates = np.broadcast_to(self._plan.rate(steps, self), steps.shape)
        else:
            planned = self.optimizer.rates(steps)
            # Where the plan stays as it was, the learning rate is what was set, to the last bit.
            rates = np.where(planned == self._planned, self._rate, planned * self._factor)
            self._planned, self._rate = float(planned[-1]), float(rates[-1])
        if self._scale != 1:
            rates = rates * self._scale
        self._last_rates, self.rate = rates, float(rates[-1])
        return rates

    def epoch_rates(self, n_epochs: int) -> list[float]:
        """Return the last learning rate of each of n_epochs, whose steps are those that were asked for last."""
        if self._last_rates is None:
            return [self.rate] * n_epochs
        n_steps = len(self._last_rates) // n_epochs
        return self._last_rates[n_steps - 1 :: n_steps].tolist()

    # ---- where a plan ends -------------------------------------------------------------------------------------------

    @property
    def end(self) -> int | None:
        """The step from which on the learning rate is planned to stay; None for no such plan."""
        return self._plan.end if isinstance(self._plan, Schedule) else None

    @property
    def rate_at_end(self) -> float:
        """The learning rate from ``end`` on, as a part of the highest one that was planned before."""
        assert self.end is not None, "there is no end"
        # So many steps show the form of a schedule.
        rates = self.optimizer.rates(np.unique(np.linspace(0, self.end, 1000).astype(np.int64)))
        return float(rates[-1] / rates.max()) if rates.max() else 0.0

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
