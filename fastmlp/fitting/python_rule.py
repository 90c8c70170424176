"""Steps of an optimizer that is written in Python, for those without a rule in the engine."""

import copy
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from fastmlp.network import Network, Regularization
from fastmlp.optimizers import Descent


class NonFiniteStepError(ValueError):
    """An optimizer's step in Python made parameters infinite or NaN."""


class PythonRule:
    """An optimizer's step in Python on plain arrays, and what follows it: the limit of norms, the average.

    Parameters
    ----------
    network : Network
        Its structure is that of the parameters.
    params : ndarray of shape (n_params,)
        The parameters to begin with; they are copied.
    optimizer : Descent
        The optimizer, which gets a first state if it has none.
    regularization : Regularization

    Attributes
    ----------
    gradient : ndarray of shape (n_params,)
        Where a step finds the gradient, in the layout of the parameters.
    average : ndarray of shape (n_params,) or None
        The average of the parameters over the steps; None where none is kept.
    """

    def __init__(self, network: Network, params: NDArray, optimizer: Descent, regularization: Regularization) -> None:
        self._network = Network(network.structure, params.copy())
        gradients = Network(network.structure, np.zeros_like(params))
        self._optimizer = optimizer
        self._regularization = regularization
        self.gradient = gradients.params
        self.average: NDArray | None = optimizer.average if regularization.average_decay else None
        self._params = list(self._network.named_parameters().values())
        self._gradients = list(gradients.named_parameters().values())
        if optimizer.state is None:
            self._called(lambda: optimizer.begin(self._params))
        else:
            # Steps change the state in place, and this fit may yet fail.
            optimizer.state = copy.deepcopy(optimizer.state)

    def step(self, number: int) -> NDArray:
        """Return the parameters after a step, number steps having been made."""
        given = list(self._params)
        with np.errstate(over="ignore", invalid="ignore"):  # What comes of it is looked at below.
            self._called(lambda: self._optimizer.step(given, self._gradients, number))
        params, limit, decay = self._network.params, self._regularization.max_norm, self._regularization.average_decay
        if any(array is not view for array, view in zip(given, self._params, strict=True)):
            raise ValueError(
                f"solver={self._optimizer.optimizer!r}: step must change the arrays in params, not put others there."
            )
        if not np.isfinite(params).all():
            raise NonFiniteStepError(
                f"solver={self._optimizer.optimizer!r} made non-finite parameter weights in step {number + 1}."
            )
        if limit:
            layers = self._network.structure.layers[:-1]
            for layer, weights in zip(layers, self._network.coefs[:-1], strict=True):
                norms = layer.weight_norms(weights)
                shares = np.where(norms > limit, limit / np.maximum(norms, np.finfo(params.dtype).tiny), 1)
                weights *= layer.by_weight(shares)
        if decay:
            kept = params if self.average is None else self.average
            self.average = (decay * kept + (1 - decay) * params).astype(params.dtype)
        return params

    def restore(self, params: NDArray) -> None:
        """Take other parameters, to go on from them."""
        self._network.params[:] = params
        self.average = None

    def evaluation_params(self) -> NDArray:
        """Return the parameters to predict with."""
        rule = self._optimizer.optimizer
        arrays = rule.evaluation_params(self._params, self._optimizer.state)
        return np.concatenate([array.ravel() for array in arrays])

    def _called(self, call: Callable[[], None]) -> None:
        """Call a function of the optimizer; an exception gets a note that says whose it is."""
        try:
            call()
        except Exception as error:
            error.add_note(f"Raised by solver={self._optimizer.optimizer!r}.")
            raise
