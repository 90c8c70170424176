"""Adam and the optimizers derived from it: AMSGrad, AdamW, Nadam."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from fastmlp.optimizers.base import BELOW_ONE, NOT_NEGATIVE, POSITIVE, Fused, Schedulable, State, rows
from fastmlp.registration import stored_as

_BETAS_AND_EPSILON = {"beta_1": [BELOW_ONE], "beta_2": [BELOW_ONE], "epsilon": [POSITIVE]}


@stored_as("optimizers.Adam")
class Adam(Fused):
    """m = beta_1 m + (1 - beta_1) g; v = beta_2 v + (1 - beta_2) g^2; w -= learning_rate m' / (sqrt(v') + epsilon).

    At the t-th step, m' = m / (1 - beta_1^t) and v' = v / (1 - beta_2^t). Source: Kingma & Ba, "Adam: A method for
    stochastic optimization", 2014.

    Parameters
    ----------
    learning_rate : float > 0 or callable, default=0.001
        A number, or a function of the step (counted from 0), such as a schedule.
    beta_1, beta_2 : float in [0, 1), default=0.9, 0.999
    epsilon : float > 0, default=1e-8
    amsgrad : bool, default=False
        Whether the largest v so far takes the place of v, as in :class:`AMSGrad`.
    epsilon_hat : bool, default=False
        Whether epsilon is added to sqrt(v) instead of sqrt(v'), in the order of computation that the paper calls more
        efficient; scikit-learn's adam does so.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.optimizers import Adam
    >>> adam, w = Adam(learning_rate=0.5), np.array([1.0])
    >>> state = adam.init([w])
    >>> adam.step([w], [np.array([3.0])], state)
    >>> w.round(6)
    array([0.5])
    """

    _parameter_constraints: ClassVar[dict] = {
        **Fused._parameter_constraints,
        **_BETAS_AND_EPSILON,
        "amsgrad": ["boolean"],
        "epsilon_hat": ["boolean"],
    }

    epsilon_hat = False
    weight_decay: Schedulable = 0.0

    def __init__(
        self,
        learning_rate: Schedulable = 0.001,
        *,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        amsgrad: bool = False,
        epsilon_hat: bool = False,
    ) -> None:
        self.learning_rate = learning_rate
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.amsgrad = amsgrad
        self.epsilon_hat = epsilon_hat

    @property
    def n_slots(self) -> int:  # type: ignore[override]
        """The number of slots: two for m and v, and with amsgrad one for the largest v."""
        return 3 if self.amsgrad else 2

    @property
    def rule(self) -> str:  # type: ignore[override]
        """The name of the fused rule: 'adam' or 'amsgrad'."""
        return "amsgrad" if self.amsgrad else "adam"

    def hyper(self, steps: NDArray, rates: NDArray) -> NDArray:
        """Return learning rates, beta_1, beta_2, epsilon, epsilon_hat and weight decay."""
        decay = self.over("weight_decay", steps)
        return rows(rates, self.beta_1, self.beta_2, self.epsilon, float(self.epsilon_hat), decay)

    def step(self, params: list[NDArray], grads: list[NDArray], state: State) -> None:
        """Update params and state in place."""
        rate, beta_1, beta_2, epsilon, epsilon_hat, decay = self._next_hyper(params, grads, state)
        t = state["step"]
        root = float(np.sqrt(1 - beta_2**t))
        size = rate * root / (1 - beta_1**t)
        epsilon = epsilon if epsilon_hat else epsilon * root
        for w, g, m, v, *largest in zip(params, grads, *state["slots"], strict=True):
            m *= beta_1
            m += (1 - beta_1) * g
            v *= beta_2
            v += (1 - beta_2) * g**2
            for most in largest:
                np.maximum(most, v, out=most)
            w *= 1 - rate * decay
            w -= size * m / (np.sqrt(*largest or [v]) + epsilon)


@stored_as("optimizers.AMSGrad")
class AMSGrad(Adam):
    """Adam with the largest second moment so far: u = max(u, v); w -= learning_rate m' / (sqrt(u') + epsilon).

    m, v and m' are those of :class:`Adam`, and u' = u / (1 - beta_2^t). Source: Reddi, Kale & Kumar, "On the
    convergence of Adam and beyond", ICLR 2018, here with the bias correction of Adam.

    Parameters
    ----------
    learning_rate : float > 0 or callable, default=0.001
        A number, or a function of the step (counted from 0), such as a schedule.
    beta_1, beta_2 : float in [0, 1), default=0.9, 0.999
    epsilon : float > 0, default=1e-8

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.optimizers import AMSGrad
    >>> amsgrad, w = AMSGrad(learning_rate=0.5), np.array([1.0])
    >>> state = amsgrad.init([w])
    >>> amsgrad.step([w], [np.array([3.0])], state)
    >>> w.round(6)
    array([0.5])
    """

    _parameter_constraints: ClassVar[dict] = {**Fused._parameter_constraints, **_BETAS_AND_EPSILON}

    amsgrad = True

    def __init__(
        self,
        learning_rate: Schedulable = 0.001,
        *,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
    ) -> None:
        self.learning_rate = learning_rate
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon


@stored_as("optimizers.AdamW")
class AdamW(Adam):
    """Adam with decoupled weight decay: w -= learning_rate weight_decay w, then Adam's step.

    All parameters decay, the biases too. Source: Loshchilov & Hutter, "Decoupled weight decay regularization", ICLR
    2019.

    Parameters
    ----------
    learning_rate : float > 0 or callable, default=0.001
        A number, or a function of the step (counted from 0), such as a schedule.
    beta_1, beta_2 : float in [0, 1), default=0.9, 0.999
    epsilon : float > 0, default=1e-8
    weight_decay : float >= 0 or callable, default=0.01
        A number or a function of the step.
    amsgrad : bool, default=False
        Whether the largest second moment so far is used, as in :class:`AMSGrad`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.optimizers import AdamW
    >>> adamw, w = AdamW(learning_rate=0.5, weight_decay=0.1), np.array([1.0])
    >>> state = adamw.init([w])
    >>> adamw.step([w], [np.array([3.0])], state)
    >>> w.round(6)
    array([0.45])
    """

    _parameter_constraints: ClassVar[dict] = {
        **Fused._parameter_constraints,
        **_BETAS_AND_EPSILON,
        "weight_decay": [NOT_NEGATIVE, callable],
        "amsgrad": ["boolean"],
    }

    def __init__(
        self,
        learning_rate: Schedulable = 0.001,
        *,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        weight_decay: Schedulable = 0.01,
        amsgrad: bool = False,
    ) -> None:
        self.learning_rate = learning_rate
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.weight_decay = weight_decay
        self.amsgrad = amsgrad

    @property
    def rule(self) -> str:  # type: ignore[override]
        """The name of the fused rule: 'adamw', or 'amsgrad', which decays as well."""
        return "amsgrad" if self.amsgrad else "adamw"


@stored_as("optimizers.Nadam")
class Nadam(Fused):
    """Adam with Nesterov's momentum, which grows from step to step: mu_t = beta_1 (1 - 0.96^(t momentum_decay) / 2).

    The t-th step is w -= learning_rate (mu_(t+1) m / (1 - p_(t+1)) + (1 - mu_t) g / (1 - p_t)) / (sqrt(v') + epsilon),
    with p_t = mu_1 ... mu_t, and with m, v and v' as in :class:`Adam`. Source: Dozat, "Incorporating Nesterov momentum
    into Adam", ICLR workshop 2016.

    Parameters
    ----------
    learning_rate : float > 0 or callable, default=0.002
        A number, or a function of the step (counted from 0), such as a schedule.
    beta_1, beta_2 : float in [0, 1), default=0.9, 0.999
    epsilon : float > 0, default=1e-8
    momentum_decay : float >= 0, default=0.004
        How fast the momentum grows.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.optimizers import Nadam
    >>> nadam, w = Nadam(learning_rate=0.5), np.array([1.0])
    >>> state = nadam.init([w])
    >>> nadam.step([w], [np.array([3.0])], state)
    >>> w.round(3)
    array([0.472])
    """

    _parameter_constraints: ClassVar[dict] = {
        **Fused._parameter_constraints,
        **_BETAS_AND_EPSILON,
        "momentum_decay": [NOT_NEGATIVE],
    }

    rule = "nadam"
    n_slots = 2
    varies = True

    def __init__(
        self,
        learning_rate: Schedulable = 0.002,
        *,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        momentum_decay: float = 0.004,
    ) -> None:
        self.learning_rate = learning_rate
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.momentum_decay = momentum_decay

    def hyper(self, steps: NDArray, rates: NDArray) -> NDArray:
        """Return the step sizes of m and g, beta_1, beta_2 and epsilon, for v instead of v'."""
        mu, mu_next = self._momentum(steps + 1), self._momentum(steps + 2)
        before = self._momentum(1 + np.arange(min(steps[0], self._lasting_steps()))).prod()
        product = before * np.cumprod(mu)
        root = np.sqrt(1 - self.beta_2 ** (steps + 1.0))
        of_m = rates * mu_next / (1 - product * mu_next) * root
        of_g = rates * (1 - mu) / (1 - product) * root
        return rows(of_m, of_g, self.beta_1, self.beta_2, self.epsilon * root)

    def _momentum(self, t: NDArray) -> NDArray:
        return self.beta_1 * (1 - 0.5 * 0.96 ** (t * self.momentum_decay))

    def _lasting_steps(self) -> int:
        """Return the number of steps after which 1 minus the product of all momenta is 1, to the last bit."""
        return int(np.ceil(np.log(1e-18) / np.log(self.beta_1))) if self.beta_1 else 1

    def step(self, params: list[NDArray], grads: list[NDArray], state: State) -> None:
        """Update params and state in place."""
        of_m, of_g, beta_1, beta_2, epsilon = self._next_hyper(params, grads, state)
        for w, g, m, v in zip(params, grads, *state["slots"], strict=True):
            m *= beta_1
            m += (1 - beta_1) * g
            v *= beta_2
            v += (1 - beta_2) * g**2
            w -= (of_m * m + of_g * g) / (np.sqrt(v) + epsilon)
