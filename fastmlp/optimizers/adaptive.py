"""Optimizers that divide gradients by their size so far: Adagrad, Adadelta, RMSprop."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from fastmlp.optimizers.base import BELOW_ONE, POSITIVE, UP_TO_ONE, Fused, Schedulable, State, rows
from fastmlp.registration import stored_as


@stored_as("optimizers.Adagrad")
class Adagrad(Fused):
    """s += g^2; w -= learning_rate g / (sqrt(s) + epsilon).

    Source: Duchi, Hazan & Singer, "Adaptive subgradient methods for online learning and stochastic optimization", 2011.

    Parameters
    ----------
    learning_rate : float > 0 or callable, default=0.01
        A number, or a function of the step (counted from 0), such as a schedule.
    epsilon : float > 0, default=1e-10

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.optimizers import Adagrad
    >>> adagrad, w = Adagrad(learning_rate=0.5), np.array([1.0])
    >>> state = adagrad.init([w])
    >>> adagrad.step([w], [np.array([3.0])], state)
    >>> w.round(6)
    array([0.5])
    """

    _parameter_constraints: ClassVar[dict] = {**Fused._parameter_constraints, "epsilon": [POSITIVE]}

    rule = "adagrad"
    n_slots = 1

    def __init__(self, learning_rate: Schedulable = 0.01, *, epsilon: float = 1e-10) -> None:
        self.learning_rate = learning_rate
        self.epsilon = epsilon

    def hyper(self, steps: NDArray, rates: NDArray) -> NDArray:
        """Return learning rates and epsilon."""
        return rows(rates, self.epsilon)

    def step(self, params: list[NDArray], grads: list[NDArray], state: State) -> None:
        """Update params and state in place."""
        rate, epsilon = self._next_hyper(params, grads, state)
        for w, g, s in zip(params, grads, *state["slots"], strict=True):
            s += g**2
            w -= rate * g / (np.sqrt(s) + epsilon)


@stored_as("optimizers.Adadelta")
class Adadelta(Fused):
    """s = rho s + (1 - rho) g^2; d = g sqrt(u + epsilon) / sqrt(s + epsilon); w -= learning_rate d.

    After that, u = rho u + (1 - rho) d^2. Source: Zeiler, "ADADELTA: An adaptive learning rate method", 2012.

    Parameters
    ----------
    learning_rate : float > 0 or callable, default=1.0
        A number, or a function of the step (counted from 0), such as a schedule.
    rho : float in [0, 1), default=0.9
        The share of the old averages s and u in the new ones.
    epsilon : float > 0, default=1e-6

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.optimizers import Adadelta
    >>> adadelta, w = Adadelta(epsilon=0.01), np.array([1.0])
    >>> state = adadelta.init([w])
    >>> adadelta.step([w], [np.array([3.0])], state)
    >>> w.round(3)
    array([0.686])
    """

    _parameter_constraints: ClassVar[dict] = {
        **Fused._parameter_constraints,
        "rho": [BELOW_ONE],
        "epsilon": [POSITIVE],
    }

    rule = "adadelta"
    n_slots = 2

    def __init__(self, learning_rate: Schedulable = 1.0, *, rho: float = 0.9, epsilon: float = 1e-6) -> None:
        self.learning_rate = learning_rate
        self.rho = rho
        self.epsilon = epsilon

    def hyper(self, steps: NDArray, rates: NDArray) -> NDArray:
        """Return learning rates, rho and epsilon."""
        return rows(rates, self.rho, self.epsilon)

    def step(self, params: list[NDArray], grads: list[NDArray], state: State) -> None:
        """Update params and state in place."""
        rate, rho, epsilon = self._next_hyper(params, grads, state)
        for w, g, s, u in zip(params, grads, *state["slots"], strict=True):
            s *= rho
            s += (1 - rho) * g**2
            change = g * np.sqrt((u + epsilon) / (s + epsilon))
            u *= rho
            u += (1 - rho) * change**2
            w -= rate * change


@stored_as("optimizers.RMSprop")
class RMSprop(Fused):
    """s = rho s + (1 - rho) g^2; d = g / (sqrt(s) + epsilon); w -= learning_rate d.

    With centered, m = rho m + (1 - rho) g, and s - m^2 takes the place of s in d. With momentum, b = momentum b + d and
    w -= learning_rate b. Sources: Tieleman & Hinton, "Lecture 6.5: RMSProp", 2012; Graves, "Generating sequences with
    recurrent neural networks", 2013 (centered).

    Parameters
    ----------
    learning_rate : float > 0 or callable, default=0.01
        A number, or a function of the step (counted from 0), such as a schedule.
    rho : float in [0, 1), default=0.99
        The share of the old averages s and m in the new ones.
    epsilon : float > 0, default=1e-8
    momentum : float in [0, 1] or callable, default=0.0
        A number or a function of the step.
    centered : bool, default=False
        Whether the squared mean of the gradients is subtracted from the mean of their squares.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.optimizers import RMSprop
    >>> rmsprop, w = RMSprop(learning_rate=0.05), np.array([1.0])
    >>> state = rmsprop.init([w])
    >>> rmsprop.step([w], [np.array([3.0])], state)
    >>> w.round(6)
    array([0.5])
    """

    _parameter_constraints: ClassVar[dict] = {
        **Fused._parameter_constraints,
        "rho": [BELOW_ONE],
        "epsilon": [POSITIVE],
        "momentum": [UP_TO_ONE, callable],
        "centered": ["boolean"],
    }

    def __init__(
        self,
        learning_rate: Schedulable = 0.01,
        *,
        rho: float = 0.99,
        epsilon: float = 1e-8,
        momentum: Schedulable = 0.0,
        centered: bool = False,
    ) -> None:
        self.learning_rate = learning_rate
        self.rho = rho
        self.epsilon = epsilon
        self.momentum = momentum
        self.centered = centered

    @property
    def _has_momentum(self) -> bool:
        return callable(self.momentum) or self.momentum != 0

    @property
    def n_slots(self) -> int:  # type: ignore[override]
        """The number of slots: one for s, and one each for m and b where the rule has them."""
        return 1 + self.centered + self._has_momentum

    @property
    def rule(self) -> str:  # type: ignore[override]
        """The name of the fused rule: 'rmsprop', followed by '_centered', '_momentum' or both."""
        return "rmsprop" + "_centered" * self.centered + "_momentum" * self._has_momentum

    def hyper(self, steps: NDArray, rates: NDArray) -> NDArray:
        """Return learning rates, rho, epsilon and momenta."""
        return rows(rates, self.rho, self.epsilon, self.over("momentum", steps))

    def step(self, params: list[NDArray], grads: list[NDArray], state: State) -> None:
        """Update params and state in place."""
        rate, rho, epsilon, momentum = self._next_hyper(params, grads, state)
        for w, g, s, *others in zip(params, grads, *state["slots"], strict=True):
            s *= rho
            s += (1 - rho) * g**2
            square = s
            if self.centered:
                mean = others[0]
                mean *= rho
                mean += (1 - rho) * g
                square = np.maximum(s - mean**2, 0)  # rounding may make it less than 0
            change = g / (np.sqrt(square) + epsilon)
            if self._has_momentum:
                buffer = others[-1]
                buffer *= momentum
                buffer += change
                change = buffer
            w -= rate * change
