"""Schedule-free AdamW, in which an average of the iterates takes the place of a schedule."""

from __future__ import annotations

from numbers import Real
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.utils._param_validation import Interval

from fastmlp.optimizers.base import BELOW_ONE, NOT_NEGATIVE, POSITIVE, Fused, Schedulable, State, rows
from fastmlp.registration import stored_as


@stored_as("optimizers.ScheduleFreeAdamW")
class ScheduleFreeAdamW(Fused):
    """Gradients are taken at y = (1 - beta_1) z + beta_1 x; z takes the steps; x, their average, is the solution.

    At the t-th step, with a = learning_rate sqrt(1 - beta_2^t): v = beta_2 v + (1 - beta_2) g^2;
    z -= a (g / (sqrt(v) + epsilon) + weight_decay y); x = (1 - c) x + c z with c = a^2 / (a_1^2 + ... + a_t^2). Source:
    Defazio et al., "The road less scheduled", 2024.

    The trained parameters are y; ``evaluation_params`` returns x.

    Parameters
    ----------
    learning_rate : float > 0 or callable, default=0.0025
        A number, or a function of the step (counted from 0), such as a warm-up. The weights of the average follow what
        is given here, whatever the end of an epoch makes of the learning rate.
    beta_1 : float in (0, 1), default=0.9
    beta_2 : float in [0, 1), default=0.999
    epsilon : float > 0, default=1e-8
    weight_decay : float >= 0 or callable, default=0.0
        A number or a function of the step.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.optimizers import ScheduleFreeAdamW
    >>> free, y = ScheduleFreeAdamW(learning_rate=0.5), np.array([1.0])
    >>> state = free.init([y])
    >>> for _ in range(200):
    ...     free.step([y], [y.copy()], state)
    >>> x, = free.evaluation_params([y], state)
    >>> bool(abs(x[0]) < 0.05)
    True
    """

    _parameter_constraints: ClassVar[dict] = {
        **Fused._parameter_constraints,
        "beta_1": [Interval(Real, 0, 1, closed="neither")],
        "beta_2": [BELOW_ONE],
        "epsilon": [POSITIVE],
        "weight_decay": [NOT_NEGATIVE, callable],
    }

    rule = "schedulefreeadamw"
    n_slots = 2
    varies = True
    _summed: tuple[int, float] = (0, 0.0)

    def __init__(
        self,
        learning_rate: Schedulable = 0.0025,
        *,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        weight_decay: Schedulable = 0.0,
    ) -> None:
        self.learning_rate = learning_rate
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.weight_decay = weight_decay

    def hyper(self, steps: NDArray, rates: NDArray) -> NDArray:
        """Return a, c, beta_1, beta_2, epsilon and weight decay."""
        a = rates * np.sqrt(1 - self.beta_2 ** (steps + 1.0))
        decay = self.over("weight_decay", steps)
        return rows(a, self._shares(steps), self.beta_1, self.beta_2, self.epsilon, decay)

    def _shares(self, steps: NDArray) -> NDArray:
        t = steps + 1.0
        if not callable(self.learning_rate):  # the rate is a factor of all weights, whose sum is a geometric series
            corrected = 1 - self.beta_2**t
            return corrected / (t - self.beta_2 * corrected / (1 - self.beta_2))
        # The sum so far is kept, since otherwise every call would go through all steps before.
        done, total = self._summed if self._summed[0] <= steps[0] else (0, 0.0)
        every = np.arange(done, steps[-1] + 1)
        weights = self.rates(every) ** 2 * (1 - self.beta_2 ** (every + 1.0))
        sums = total + np.cumsum(weights)
        self._summed = int(steps[-1]) + 1, float(sums[-1])
        return (weights / np.where(sums == 0, 1, sums))[steps - done]  # the rates of a warm-up may begin with 0

    def init(self, params: list[NDArray]) -> State:
        """Return the state before the first step: v = 0 and z = x = y."""
        state = super().init(params)
        state["slots"][1] = [p.copy() for p in params]
        return state

    def step(self, params: list[NDArray], grads: list[NDArray], state: State) -> None:
        """Update params and state in place."""
        a, c, beta_1, beta_2, epsilon, decay = self._next_hyper(params, grads, state)
        for y, g, v, z in zip(params, grads, *state["slots"], strict=True):
            v *= beta_2
            v += (1 - beta_2) * g**2
            direction = g / (np.sqrt(v) + epsilon) + decay * y
            # This is (1 - beta_1) z + beta_1 ((1 - c) x + c z) for the new z, with x from the old y and z.
            y += c * (z - y) - a * (1 - beta_1 * (1 - c)) * direction
            z -= a * direction

    def evaluation_params(self, params: list[NDArray], state: State) -> list[NDArray]:
        """Return x, in new arrays."""
        return [z + (y - z) / self.beta_1 for y, z in zip(params, state["slots"][1], strict=True)]
