"""Gradient descent, plain and with momentum."""

from numpy.typing import NDArray

from fastmlp.optimizers.base import Optimizer, State
from fastmlp.schedules import Constant


class SGD(Optimizer):
    """Stochastic gradient descent: v = momentum v - learning_rate g; w += v.

    With Nesterov's momentum w += momentum v - learning_rate g, v being the new one. Source: Sutskever et al., "On the
    importance of initialization and momentum in deep learning", ICML 2013.

    Without momentum, both are w -= learning_rate g, and there is no state but the number of steps.

    Parameters
    ----------
    learning_rate_init : float, default=0.1
    schedule : default=None
        See :class:`~fastmlp.optimizers.base.Optimizer`.
    momentum : float in [0, 1], default=0.9
    nesterov : bool, default=True

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.optimizers import SGD
    >>> sgd, w = SGD(learning_rate_init=0.5, momentum=0.0), np.array([1.0])
    >>> state = sgd.init([w])
    >>> sgd.step([w], [np.array([1.0])], state)
    >>> w
    array([0.5])
    """

    n_slots = 1

    def __init__(
        self,
        learning_rate_init: float = 0.1,
        schedule: Constant | None = None,
        *,
        momentum: float = 0.9,
        nesterov: bool = True,
    ) -> None:
        super().__init__(learning_rate_init, schedule)
        self.momentum = momentum
        self.nesterov = nesterov
        if momentum == 0:
            self.n_slots = 0

    @property
    def rule(self) -> str:
        """'sgd', 'nesterov' or 'momentum'."""
        if self.n_slots == 0:
            return "sgd"
        return "nesterov" if self.nesterov else "momentum"

    def hyper(self) -> tuple[float, ...]:
        """Return learning rate and momentum, where there is momentum."""
        return (self.learning_rate, self.momentum)[: 1 + self.n_slots]

    def step(self, params: list[NDArray], grads: list[NDArray], state: State) -> None:
        """Update params and state in place."""
        state["step"] += 1
        if self.n_slots == 0:
            for w, g in zip(params, grads, strict=True):
                w -= self.learning_rate * g
            return
        for w, g, v in zip(params, grads, state["slots"][0], strict=True):
            v *= self.momentum
            v -= self.learning_rate * g
            w += self.momentum * v - self.learning_rate * g if self.nesterov else v
