"""Optimizers whose steps depend on signs alone: Lion, Rprop."""

from __future__ import annotations

from numbers import Real
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.utils._param_validation import Interval

from fastmlp.optimizers.base import BELOW_ONE, NOT_NEGATIVE, POSITIVE, Fused, Schedulable, State, rows
from fastmlp.registration import stored_as


@stored_as("optimizers.Lion")
class Lion(Fused):
    """w -= learning_rate (sign(beta_1 m + (1 - beta_1) g) + weight_decay w); then m = beta_2 m + (1 - beta_2) g.

    Source: Chen et al., "Symbolic discovery of optimization algorithms", 2023.

    Parameters
    ----------
    learning_rate : float > 0 or callable, default=0.0001
        A number, or a function of the step (counted from 0), such as a schedule.
    beta_1, beta_2 : float in [0, 1), default=0.9, 0.99
    weight_decay : float >= 0 or callable, default=0.0
        A number or a function of the step.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.optimizers import Lion
    >>> lion, w = Lion(learning_rate=0.5), np.array([1.0])
    >>> state = lion.init([w])
    >>> lion.step([w], [np.array([3.0])], state)
    >>> w
    array([0.5])
    """

    _parameter_constraints: ClassVar[dict] = {
        **Fused._parameter_constraints,
        "beta_1": [BELOW_ONE],
        "beta_2": [BELOW_ONE],
        "weight_decay": [NOT_NEGATIVE, callable],
    }

    rule = "lion"
    n_slots = 1

    def __init__(
        self,
        learning_rate: Schedulable = 0.0001,
        *,
        beta_1: float = 0.9,
        beta_2: float = 0.99,
        weight_decay: Schedulable = 0.0,
    ) -> None:
        self.learning_rate = learning_rate
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.weight_decay = weight_decay

    def hyper(self, steps: NDArray, rates: NDArray) -> NDArray:
        """Return learning rates, beta_1, beta_2 and weight decay."""
        return rows(rates, self.beta_1, self.beta_2, self.over("weight_decay", steps))

    def step(self, params: list[NDArray], grads: list[NDArray], state: State) -> None:
        """Update params and state in place."""
        rate, beta_1, beta_2, decay = self._next_hyper(params, grads, state)
        for w, g, m in zip(params, grads, *state["slots"], strict=True):
            direction = np.sign(beta_1 * m + (1 - beta_1) * g)
            m *= beta_2
            m += (1 - beta_2) * g
            w *= 1 - rate * decay
            w -= rate * direction


@stored_as("optimizers.Rprop")
class Rprop(Fused):
    """Each weight has a step size of its own, larger while its gradient keeps its sign: w -= sign(g) size.

    size = min(eta_plus size, step_max) where g has kept its sign, and max(eta_minus size, step_min) where its sign has
    changed; there the weight stays as it is in this step, and g counts as 0 for the next. This is iRprop-: Igel &
    Hüsken, "Improving the Rprop learning algorithm", 2000, after Riedmiller & Braun, "A direct adaptive method for
    faster backpropagation learning: the RPROP algorithm", 1993.

    It is made for gradients over all samples in one batch, since the noise of minibatches changes signs all the time.

    Parameters
    ----------
    learning_rate : float > 0 or callable, default=0.01
        The size of all steps to begin with; what a schedule makes of it later does not matter.
    eta_minus : float in (0, 1), default=0.5
        What a step size is multiplied by where the gradient has changed its sign.
    eta_plus : float > 1, default=1.2
        What a step size is multiplied by where the gradient has kept its sign.
    step_min, step_max : float > 0, default=1e-6, 50.0
        The limits of the step sizes.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.optimizers import Rprop
    >>> rprop, w = Rprop(learning_rate=0.5), np.array([1.0])
    >>> state = rprop.init([w])
    >>> for gradient in (3.0, 0.1, -0.1, -0.1):
    ...     rprop.step([w], [np.array([gradient])], state)
    ...     print(w.round(6))
    [0.5]
    [-0.1]
    [-0.1]
    [0.2]
    """

    _parameter_constraints: ClassVar[dict] = {
        **Fused._parameter_constraints,
        "eta_minus": [Interval(Real, 0, 1, closed="neither")],
        "eta_plus": [Interval(Real, 1, None, closed="neither")],
        "step_min": [POSITIVE],
        "step_max": [POSITIVE],
    }

    rule = "rprop"
    n_slots = 2

    def __init__(
        self,
        learning_rate: Schedulable = 0.01,
        *,
        eta_minus: float = 0.5,
        eta_plus: float = 1.2,
        step_min: float = 1e-6,
        step_max: float = 50.0,
    ) -> None:
        self.learning_rate = learning_rate
        self.eta_minus = eta_minus
        self.eta_plus = eta_plus
        self.step_min = step_min
        self.step_max = step_max

    def hyper(self, steps: NDArray, rates: NDArray) -> NDArray:
        """Return eta_minus, eta_plus, step_min and step_max."""
        return rows(self.eta_minus, self.eta_plus, self.step_min, self.step_max)

    def init(self, params: list[NDArray]) -> State:
        """Return the state before the first step: a gradient of 0, and the sizes of all steps."""
        state = super().init(params)
        for size in state["slots"][1]:
            size[...] = self.rates(np.array([0]))[0]
        return state

    def step(self, params: list[NDArray], grads: list[NDArray], state: State) -> None:
        """Update params and state in place."""
        eta_minus, eta_plus, step_min, step_max = self._next_hyper(params, grads, state)
        for w, g, before, size in zip(params, grads, *state["slots"], strict=True):
            agreement = np.sign(g) * np.sign(before)
            size[agreement < 0] *= eta_minus
            size[agreement > 0] *= eta_plus
            np.clip(size, step_min, step_max, out=size)
            before[...] = np.where(agreement < 0, 0, g)
            w -= np.sign(before) * size
