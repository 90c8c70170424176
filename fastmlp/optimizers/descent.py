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
from fastmlp.optimizers.rate import RateAtWork
from fastmlp.registration import stored_as


@stored_as("optimizers.Descent")
class Descent(RateAtWork):
    """An optimizer with its state and its present learning rate; the optimizer itself stays as it is given.

    Parameters
    ----------
    optimizer : Optimizer
        It is copied, and its parameters are checked.
    schedule : object, default=None
        What changes the learning rate after an epoch or on a plateau; see :class:`RateAtWork`.
    length : tuple of int, default=None
        The number of steps of the fit, and of an epoch, for schedules that need it.

    Attributes
    ----------
    learning_rate, learning_rate_init, rate, n_updates
        The learning rate as it is now, that of the first step, the one that the last step really took, and the number
        of steps made; see :class:`RateAtWork`.
    state : Any
        The optimizer's state; None before the first step.
    average : ndarray or None
        The average of the parameters over the steps, where one is kept.

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

    # The learning rate that the hyperparameters were made for last, and these; they need not be kept between fits.
    _row: tuple[float, NDArray] | None = None

    def __init__(self, optimizer: Optimizer, schedule: Any = None, *, length: tuple[int, int] | None = None) -> None:
        optimizer = clone(optimizer).validate()
        super().__init__(optimizer if length is None else optimizer.bound(*length), schedule)
        self.state: Any = None
        self.average: NDArray | None = None
        self._remembered: tuple[NDArray, bytes] | None = None

    # ---- steps -------------------------------------------------------------------------------------------------------

    def hyper(self, first: int, n_steps: int) -> NDArray:
        """Return the fused rule's hyperparameters for n_steps updates after the first ones: a row each, or one row."""
        rule = self.optimizer
        assert isinstance(rule, Fused), f"{rule} has no fused rule"
        if rule.varies:
            steps = np.arange(first, first + max(1, n_steps))
            return rule.hyper(steps, self.rates_of(steps))
        # To make the row takes so long that small networks would notice, so it is kept.
        if self._row is None or self._row[0] != self._rate or self._scale != 1:
            self.rate = self._rate * self._scale
            self._row = self._rate, rule.hyper(np.array([first]), np.array([self.rate]))
        return self._row[1]

    def begin(self, params: list[NDArray]) -> None:
        """Make the optimizer's first state."""
        self.state = self.optimizer.init(params)

    def step(self, params: list[NDArray], grads: list[NDArray], number: int) -> None:
        """Update params and the state in place, in NumPy; number is that of the updates made before."""
        rate = float(self.rates_of(np.array([number]))[0])
        rule = self.optimizer
        # A step of the user's own expects a number, and any other needs one where its own plan does not hold.
        if not self._is_as_planned or (callable(rule.learning_rate) and not isinstance(rule, Fused)):
            rule = copy.copy(rule)
            rule.learning_rate = rate
        if self.state is None:
            self.begin(params)
        rule.step(params, grads, self.state)

    @property
    def is_finite(self) -> bool:
        """Whether the state of a fused rule is finite; the state of any other rule is known to the rule alone."""
        slots = self.state["slots"] if self.optimizer.rule is not None and self.state is not None else []
        # A sum is faster to look at; it is finite unless a number is not, or the sum itself is too large.
        with np.errstate(over="ignore", invalid="ignore"):
            return all(math.isfinite(slot.sum()) or bool(np.isfinite(slot).all()) for slot, *_ in slots)

    # ---- copies ------------------------------------------------------------------------------------------------------

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
        """Return a copy that later steps of this descent do not change, but for the arrays of a fused rule's state."""
        other = copy.copy(self)
        other.optimizer, other._other_schedule = copy.deepcopy((self.optimizer, self._other_schedule))
        if self.optimizer.rule is None:
            other.state = copy.deepcopy(self.state)
        return other

    def unscheduled(self, rate: float) -> Descent:
        """Return a descent that goes on from here with a learning rate that nothing changes but who sets it."""
        other = Descent(copy.copy(self.optimizer).set_params(learning_rate=rate))
        other.state, other.n_updates, other.average = self.state, self.n_updates, self.average
        other._remembered = self._remembered
        return other

    # ---- parameters to train, parameters to predict with -------------------------------------------------------------

    @property
    def evaluates_elsewhere(self) -> bool:
        """Whether the optimizer predicts with other parameters than it trains."""
        return self.optimizer.evaluates_elsewhere

    def remember(self, trained: NDArray, shown: NDArray) -> None:
        """Keep the trained parameters beside those that predictions are made with."""
        self._remembered = trained.copy(), _digest(shown)

    def resume(self, shown: NDArray) -> NDArray:
        """Return the parameters to go on with, given those that predictions are made with.

        These are the trained parameters. If the others have been changed meanwhile, training starts from the changed
        ones, and so does an average.
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


def _digest(params: NDArray) -> bytes:
    return hashlib.blake2b(params.astype(np.float64).tobytes()).digest()  # equal for equal numbers of another type
