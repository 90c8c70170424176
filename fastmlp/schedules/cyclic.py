"""Schedules that rise as well as fall: restarts, one cycle, waves."""

from __future__ import annotations

from numbers import Real
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.utils._param_validation import Interval, StrOptions

from fastmlp.registration import stored_as
from fastmlp.schedules.base import COUNT, POSITIVE, RATE, Paced, Timed
from fastmlp.schedules.decay import between, half_cosine


@stored_as("schedules.CosineRestarts")
class CosineRestarts(Paced):
    """final_rate + (learning_rate - final_rate) (1 + cos(pi s / n)) / 2, at s steps into a period of n steps.

    PyTorch calls it CosineAnnealingWarmRestarts. Source: Loshchilov & Hutter, "SGDR: stochastic gradient descent with
    warm restarts", ICLR 2017, who recommend to double the periods.

    Parameters
    ----------
    learning_rate : float >= 0, default=0.001
    first_period : int >= 1, default=1000
        The number of steps of the first period.
    multiplier : float >= 1, default=1
        How many times as long each period is as the one before.
    final_rate : float >= 0, default=0.0
        The rate that each period comes down to.
    per : {'step', 'epoch'}, default='step'

    Examples
    --------
    >>> from fastmlp.schedules import CosineRestarts
    >>> CosineRestarts(1.0, first_period=2, multiplier=2)(range(7)).round(2)
    array([1.  , 0.5 , 1.  , 0.85, 0.5 , 0.15, 1.  ])
    """

    _parameter_constraints: ClassVar[dict] = {
        **Paced._parameter_constraints,
        "first_period": [COUNT],
        "multiplier": [Interval(Real, 1, np.inf, closed="left")],
        "final_rate": [RATE],
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
            # The starts of the periods are added up: a logarithm in closed form would miss by a period now and then.
            starts, period, last = [0.0], float(self.first_period), np.max(position, initial=0)
            while starts[-1] <= last:
                starts.append(starts[-1] + period)
                period *= self.multiplier
            k = np.searchsorted(starts, position, side="right") - 1
            t = (position - np.take(starts, k)) / np.take(np.diff(starts), k)
        return between(self.learning_rate, self.final_rate, half_cosine(t))


@stored_as("schedules.OneCycle")
class OneCycle(Timed):
    """The rate rises from learning_rate / div_factor to learning_rate, then falls, on cosines or straight lines.

    The way up ends at step pct_start n_steps - 1. The way down ends at the last step, n_steps - 1, at
    learning_rate / (div_factor final_div_factor); with three_phase it leads back to the first rate in as many steps as
    the way up, and from there to the last. It is PyTorch's OneCycleLR, for the learning rate alone. Source: Smith &
    Topin, "Super-convergence: very fast training of neural networks using large learning rates", 2018.

    Parameters
    ----------
    learning_rate : float >= 0, default=0.001
        The highest rate.
    n_steps : int >= 1 or None, default=None
        The length of the schedule; None is the whole fit.
    pct_start : float in [0, 1], default=0.3
        The share of the length that the way up takes; it is at most 0.5 with three_phase.
    anneal_strategy : {'cos', 'linear'}, default='cos'
        Whether the rate moves on cosines or on straight lines.
    div_factor : float > 0, default=25.0
        What learning_rate is divided by at the first step.
    final_div_factor : float > 0, default=1e4
        What the first rate is divided by at the last step.
    three_phase : bool, default=False
        Whether the way down has two parts, of which the first leads back to the first rate.
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
        "div_factor": [POSITIVE],
        "final_div_factor": [POSITIVE],
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
        """Check the parameters; return self. See :meth:`fastmlp.components.Component.validate`."""
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
        # A phase of length 0 is over at once.
        t = np.divide(steps_in, length, where=length != 0, out=np.ones(at.shape))
        left = half_cosine(t) if self.anneal_strategy == "cos" else 1.0 - t
        return between(rates[phase], rates[phase + 1], left)


@stored_as("schedules.CosLog4")
class CosLog4(Timed):
    """learning_rate (1/2 - 1/2 cos(2 pi log2(1 + 15 t))), t = min(step / n_steps, 1): four waves, each longer.

    Source: Holzmüller, Grinsztajn & Steinwart, "Better by default: strong pre-tuned MLPs and boosted trees on tabular
    data", NeurIPS 2024.

    Parameters
    ----------
    learning_rate : float >= 0, default=0.001
        The crest of each wave; the first step has the rate 0.
    n_steps : int >= 1 or None, default=None
        The length of the schedule; None is the whole fit.
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
