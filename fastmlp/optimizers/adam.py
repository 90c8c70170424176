"""Adam: gradient descent with adaptive moments."""

import numpy as np
from numpy.typing import NDArray

from fastmlp.optimizers.base import Optimizer, State
from fastmlp.schedules import Constant


class Adam(Optimizer):
    """m = beta_1 m + (1 - beta_1) g; v = beta_2 v + (1 - beta_2) g^2; w -= a m / (sqrt(v) + epsilon).

    a = learning_rate sqrt(1 - beta_2^t) / (1 - beta_1^t) at the t-th step. Source: Kingma & Ba, "Adam: A method for
    stochastic optimization", 2014; epsilon stands where the paper's "more efficient" order of computation has it.

    Parameters
    ----------
    learning_rate_init : float, default=0.001
    schedule : default=None
        See :class:`~fastmlp.optimizers.base.Optimizer`.
    beta_1, beta_2 : float in [0, 1), default=0.9, 0.999
    epsilon : float, default=1e-8

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.optimizers import Adam
    >>> adam, w = Adam(learning_rate_init=0.5), np.array([1.0])
    >>> state = adam.init([w])
    >>> adam.step([w], [np.array([3.0])], state)
    >>> w.round(6)
    array([0.5])
    """

    n_slots = 2

    def __init__(
        self,
        learning_rate_init: float = 0.001,
        schedule: Constant | None = None,
        *,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
    ) -> None:
        super().__init__(learning_rate_init, schedule)
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon

    @property
    def rule(self) -> str:
        """'adam'."""
        return "adam"

    def hyper(self) -> tuple[float, ...]:
        """Return learning rate, beta_1, beta_2 and epsilon."""
        return (self.learning_rate, self.beta_1, self.beta_2, self.epsilon)

    def step(self, params: list[NDArray], grads: list[NDArray], state: State) -> None:
        """Update params and state in place."""
        state["step"] += 1
        t = state["step"]
        a = self.learning_rate * float(np.sqrt(1 - self.beta_2**t)) / (1 - self.beta_1**t)
        for w, g, m, v in zip(params, grads, *state["slots"], strict=True):
            m *= self.beta_1
            m += (1 - self.beta_1) * g
            v *= self.beta_2
            v += (1 - self.beta_2) * g**2
            w -= a * m / (np.sqrt(v) + self.epsilon)
