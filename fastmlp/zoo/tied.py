"""An optimizer that keeps the weights of a decoder the transposes of its encoder's."""

from __future__ import annotations

import copy
from typing import Any, ClassVar

from numpy.typing import NDArray

from fastmlp.optimizers import Optimizer
from fastmlp.optimizers.base import Schedulable
from fastmlp.registration import stored_as


@stored_as("zoo.Tied")
class Tied(Optimizer):
    """Another optimizer's rule for a network of which layer i from the end has the weights of layer i, transposed.

    The two matrices are one parameter, whose gradient is the sum of both. Biases and all other vectors are their own.

    Parameters
    ----------
    optimizer : Optimizer
        The rule. One that predicts with other parameters than it trains cannot be tied.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.optimizers import SGD
    >>> from fastmlp.zoo.tied import Tied
    >>> rule = Tied(SGD(learning_rate=0.5, momentum=0.0))
    >>> W, V = np.array([[1.0, 2.0]]), np.array([[1.0], [2.0]])
    >>> rule.step([W, V], [np.ones((1, 2)), np.zeros((2, 1))], rule.init([W, V]))
    >>> W, V
    (array([[0.5, 1.5]]), array([[0.5],
           [1.5]]))
    """

    _parameter_constraints: ClassVar[dict] = {"optimizer": [Optimizer]}
    rule = None

    def __init__(self, optimizer: Optimizer) -> None:
        self.optimizer = optimizer

    @property
    def learning_rate(self) -> Schedulable:
        """That of the rule; set, it is that of a copy of it."""
        return self.optimizer.learning_rate

    @learning_rate.setter
    def learning_rate(self, value: Schedulable) -> None:
        self.optimizer = copy.copy(self.optimizer)
        self.optimizer.learning_rate = value

    def rates(self, steps: NDArray) -> NDArray:
        """Return the learning rates of steps (0-based)."""
        return self.optimizer.rates(steps)

    def init(self, params: list[NDArray]) -> Any:
        """Return the state of the rule, which sees the matrices of the encoder and all vectors."""
        return self.optimizer.init(_own(params))

    def step(self, params: list[NDArray], grads: list[NDArray], state: Any) -> None:
        """Update params and state in place."""
        matrices, slopes = _matrices(params), _matrices(grads)
        half = len(matrices) // 2
        own = {id(slopes[i]): slopes[i] + slopes[-1 - i].T for i in range(half)}
        gradients = [own.get(id(grad), grad) for grad in _own(grads)]
        self.optimizer.step(_own(params), gradients, state)
        for i in range(half):
            matrices[-1 - i][:] = matrices[i].T


def _matrices(arrays: list[NDArray]) -> list[NDArray]:
    return [array for array in arrays if array.ndim == 2]


def _own(arrays: list[NDArray]) -> list[NDArray]:
    """Return the arrays without the matrices of the second half, which are those of the first."""
    matrices = _matrices(arrays)
    copies = {id(matrix) for matrix in matrices[len(matrices) // 2 :]}
    return [array for array in arrays if id(array) not in copies]
