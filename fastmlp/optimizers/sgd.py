"""Gradient descent, plain and with momentum."""

from __future__ import annotations

from typing import ClassVar

from numpy.typing import NDArray

from fastmlp.optimizers.base import UP_TO_ONE, Fused, Schedulable, State, rows
from fastmlp.registration import stored_as


@stored_as("optimizers.SGD")
class SGD(Fused):
    """Stochastic gradient descent: v = momentum v - learning_rate g; w += v.

    With Nesterov's momentum it is w += momentum v - learning_rate g, where v is the new one. Source: Sutskever et al.,
    "On the importance of initialization and momentum in deep learning", ICML 2013.

    Without momentum, both are w -= learning_rate g, and the state is the number of steps alone.

    Parameters
    ----------
    learning_rate : float > 0 or callable, default=0.1
        A number, or a function of the step (counted from 0), such as a schedule.
    momentum : float in [0, 1] or callable, default=0.9
        A number or a function of the step.
    nesterov : bool, default=True
        Whether the momentum is Nesterov's.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.optimizers import SGD
    >>> sgd, w = SGD(learning_rate=0.5, momentum=0.0), np.array([1.0])
    >>> state = sgd.init([w])
    >>> sgd.step([w], [np.array([1.0])], state)
    >>> w
    array([0.5])
    """

    _parameter_constraints: ClassVar[dict] = {
        **Fused._parameter_constraints,
        "momentum": [UP_TO_ONE, callable],
        "nesterov": ["boolean"],
    }

    def __init__(self, learning_rate: Schedulable = 0.1, *, momentum: Schedulable = 0.9, nesterov: bool = True) -> None:
        self.learning_rate = learning_rate
        self.momentum = momentum
        self.nesterov = nesterov

    @property
    def n_slots(self) -> int:  # type: ignore[override]
        """The number of slots: one for v, none without momentum."""
        return int(callable(self.momentum) or self.momentum != 0)

    @property
    def rule(self) -> str:  # type: ignore[override]
        """The name of the fused rule: 'sgd', 'nesterov' or 'momentum'."""
        if self.n_slots == 0:
            return "sgd"
        return "nesterov" if self.nesterov else "momentum"

    def hyper(self, steps: NDArray, rates: NDArray) -> NDArray:
        """Return learning rates and momenta."""
        return rows(rates, self.over("momentum", steps))

    def step(self, params: list[NDArray], grads: list[NDArray], state: State) -> None:
        """Update params and state in place."""
        rate, momentum = self._next_hyper(params, grads, state)
        if self.n_slots == 0:
            for w, g in zip(params, grads, strict=True):
                w -= rate * g
            return
        for w, g, v in zip(params, grads, state["slots"][0], strict=True):
            v *= momentum
            v -= rate * g
            w += momentum * v - rate * g if self.nesterov else v
