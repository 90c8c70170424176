"""An optimizer's updates of a flat vector of parameters, for whoever makes the gradients."""

from __future__ import annotations

import copy

import numpy as np
from numpy.typing import NDArray

from fastmlp import engine
from fastmlp.optimizers import Descent, Fused
from fastmlp.threads import threads_of


class FlatDescent:
    """A vector of parameters that an optimizer updates by gradients, in one pass over memory if its rule is fused.

    Until :meth:`finish` writes its state back, the optimizer is as it was.

    Parameters
    ----------
    params : ndarray of shape (n_params,), float32 or float64
        The parameters, which each update changes in place. They may be those of a network, or of anything else.
    optimizer : Descent
        The optimizer, with the state that it goes on from. One without a fused rule makes its steps in NumPy.
    n_threads : int, default=1
        The number of threads that share an update; the result does not depend on it.

    Attributes
    ----------
    params : ndarray of shape (n_params,)

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.fitting.flat_descent import FlatDescent
    >>> from fastmlp.optimizers import SGD, Descent
    >>> flat = FlatDescent(np.array([1.0, 2.0]), Descent(SGD(0.1, momentum=0.0)))
    >>> flat.update(np.array([1.0, -1.0]))
    >>> flat.params
    array([0.9, 2.1])
    """

    def __init__(self, params: NDArray, optimizer: Descent, *, n_threads: int = 1) -> None:
        self.params = params
        self._optimizer, self._n_updates = optimizer, optimizer.n_updates
        rule = optimizer.optimizer
        self._engine: engine.FlatRule | None = None
        if rule.rule is None:
            self._python = optimizer.copied()
            return
        assert isinstance(rule, Fused)
        self._engine = engine.FlatRule(params.size, params.dtype, rule.rule, n_threads=threads_of(n_threads))
        state = optimizer.state or rule.init([params])
        # The state may come from a fit in another type.
        self._engine.load(params, [slot[0].astype(params.dtype, copy=False) for slot in state["slots"]])

    def update(self, gradient: NDArray) -> None:
        """Make a step by a gradient, shape (n_params,) and of the parameters' type."""
        if self._engine is not None:
            hyper = self._optimizer.hyper(self._n_updates, 1)
            self._engine.update(gradient, hyper, self._n_updates, self.params)
        else:
            self._python.step([self.params], [gradient], self._n_updates)
        self._n_updates += 1

    def finish(self) -> None:
        """Write the optimizer's state back."""
        if self._engine is None:
            self._optimizer.state = copy.deepcopy(self._python.state)
        else:
            rule = self._optimizer.optimizer
            assert isinstance(rule, Fused)
            slots = [np.empty_like(self.params) for _ in range(rule.n_slots)]
            self._engine.store(None, slots)
            self._optimizer.state = {"step": self._n_updates, "slots": [[slot] for slot in slots]}
        self._optimizer.n_updates = self._n_updates
