"""Muon, which makes the momentum of hidden layers orthogonal."""

from __future__ import annotations

from numbers import Integral
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.utils._param_validation import Interval

from fastmlp.optimizers.adam import AdamW
from fastmlp.optimizers.base import BELOW_ONE, NOT_NEGATIVE, POSITIVE, Optimizer, Schedulable, State, check_step
from fastmlp.registration import stored_as

# The coefficients of the polynomial that draws the singular values of a matrix towards 1.
QUINTIC = (3.4445, -4.7750, 2.0315)


@stored_as("optimizers.Muon")
class Muon(Optimizer):
    """b = momentum b + (1 - momentum) g; w -= learning_rate (weight_decay w + sqrt(max(1, n_out / n_in)) O(u)).

    With Nesterov's momentum u is momentum b + (1 - momentum) g, without it u is b. For u = U S V^T, O(u) is close to U
    V^T; the steps of Newton and Schulz find it. Source: Jordan et al., "Muon: An optimizer for hidden layers in neural
    networks", 2024.

    The rule is for the matrices (n_in, n_out) of hidden layers: these are all arrays with two dimensions that ``init``
    is given, except for the last. Biases and the matrix of the output layer are left to another optimizer.

    Parameters
    ----------
    learning_rate : float > 0 or callable, default=0.001
        A number, or a function of the step (counted from 0), such as a schedule.
    momentum : float in [0, 1) or callable, default=0.95
        A number or a function of the step.
    nesterov : bool, default=True
        Whether the momentum is Nesterov's.
    weight_decay : float >= 0 or callable, default=0.1
        A number or a function of the step.
    ns_steps : int >= 1, default=5
        The number of steps of Newton and Schulz.
    epsilon : float > 0, default=1e-7
        The smallest norm that u is divided by.
    rest : Optimizer, default=None
        The optimizer for all other arrays; None is AdamW with the same learning rate.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.optimizers import Muon
    >>> muon, hidden, output = Muon(learning_rate=0.1, weight_decay=0.0), np.zeros((2, 2)), np.zeros((2, 1))
    >>> state = muon.init([hidden, output])
    >>> muon.step([hidden, output], [np.array([[0.0, 3.0], [-0.1, 0.0]]), np.ones((2, 1))], state)
    >>> hidden.round(1), output.round(1)
    (array([[ 0. , -0.1],
           [ 0.1,  0. ]]), array([[-0.1],
           [-0.1]]))
    """

    _parameter_constraints: ClassVar[dict] = {
        **Optimizer._parameter_constraints,
        "momentum": [BELOW_ONE, callable],
        "nesterov": ["boolean"],
        "weight_decay": [NOT_NEGATIVE, callable],
        "ns_steps": [Interval(Integral, 1, None, closed="left")],
        "epsilon": [POSITIVE],
        "rest": [Optimizer, None],
    }

    def __init__(
        self,
        learning_rate: Schedulable = 0.001,
        *,
        momentum: Schedulable = 0.95,
        nesterov: bool = True,
        weight_decay: Schedulable = 0.1,
        ns_steps: int = 5,
        epsilon: float = 1e-7,
        rest: Optimizer | None = None,
    ) -> None:
        self.learning_rate = learning_rate
        self.momentum = momentum
        self.nesterov = nesterov
        self.weight_decay = weight_decay
        self.ns_steps = ns_steps
        self.epsilon = epsilon
        self.rest = rest

    def init(self, params: list[NDArray]) -> State:
        """Return the state before the first step: b = 0 for the hidden matrices, the other optimizer's for the rest."""
        hidden, others = _hidden_and_others(params, params)
        return {"step": 0, "slots": [[np.zeros_like(w) for w in hidden]], "rest": self._other().init(others)}

    def step(self, params: list[NDArray], grads: list[NDArray], state: State) -> None:
        """Update params and state in place."""
        hidden, others = _hidden_and_others(params, params)
        check_step(params, grads, state, hidden)
        steps = np.array([state["step"]])
        rate, momentum, decay = (
            float(self.over(name, steps)[0]) for name in ("learning_rate", "momentum", "weight_decay")
        )
        hidden_grads, other_grads = _hidden_and_others(params, grads)
        for w, g, b in zip(hidden, hidden_grads, *state["slots"], strict=True):
            b *= momentum
            b += (1 - momentum) * g
            update = orthogonal(momentum * b + (1 - momentum) * g if self.nesterov else b, self.ns_steps, self.epsilon)
            w *= 1 - rate * decay
            w -= rate * max(1, w.shape[1] / w.shape[0]) ** 0.5 * update
        self._other().step(others, other_grads, state["rest"])
        state["step"] += 1

    def _other(self) -> Optimizer:
        return AdamW(self.learning_rate) if self.rest is None else self.rest


def orthogonal(matrix: NDArray, n_steps: int, epsilon: float) -> NDArray:
    """Return an approximation of U V^T for a matrix U S V^T.

    Its singular values are between 0.7 and 1.2 unless they were very small. Each step is x = a x + (b y + c y y) x with
    y = x x^T; the first x is the matrix divided by its Frobenius norm.

    Parameters
    ----------
    matrix : ndarray of two dimensions
    n_steps : int
        The number of steps of Newton and Schulz.
    epsilon : float
        The smallest norm that the matrix is divided by.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.optimizers.muon import orthogonal
    >>> orthogonal(np.diag([3.0, -0.5]), 5, 1e-7).round(1)
    array([[ 0.7,  0. ],
           [ 0. , -1. ]])
    """
    a, b, c = QUINTIC
    tall = matrix.shape[0] > matrix.shape[1]  # its transpose makes the smaller one of two possible products
    x = (matrix.T if tall else matrix) / max(float(np.linalg.norm(matrix)), epsilon)
    for _ in range(n_steps):
        y = x @ x.T
        x = a * x + (b * y + c * (y @ y)) @ x
    return x.T if tall else x


def _hidden_and_others(params: list[NDArray], values: list[NDArray]) -> tuple[list[NDArray], list[NDArray]]:
    """Return the values that belong to matrices but the last, and those that belong to all other parameters."""
    matrices = [i for i, p in enumerate(params) if np.ndim(p) == 2]
    hidden = set(matrices[:-1])
    return [values[i] for i in sorted(hidden)], [v for i, v in enumerate(values) if i not in hidden]
