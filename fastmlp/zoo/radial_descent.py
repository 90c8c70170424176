"""Gaussian units and their readout trained together, by gradient descent over centres, widths and weights."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastmlp.fitting.flat_descent import FlatDescent
from fastmlp.network import Network, Objective, Structure
from fastmlp.optimizers import Adam, Descent
from fastmlp.zoo.gaussian_units import Scaling, set_weights, with_squares


class GaussianLearner:
    """What learns Gaussian units and a linear readout of them from samples, an epoch at a time.

    It makes the mean squared error small, sum_i w_i |y_i - f(x_i)|^2 / (2 sum_i w_i), with the ridge penalty of all
    rows in proportion. The gradients are the engine's, of a layer of units and of the readout; those of the layer's
    weights become those of centres and widths here.

    Parameters
    ----------
    X : {ndarray, CSR matrix} of shape (n_samples, n_features)
        Validated samples.
    targets : ndarray of shape (n_samples, n_outputs)
    weights : ndarray of shape (n_samples,) or None
    scaling : Scaling
    start : tuple of ndarray
        Centres (n_units, n_features) that are centred and scaled, widths (n_units,), and the readout's coefs and
        intercepts.
    alpha : float
        The strength of the readout's penalty.
    rows, held_out : ndarray of int
        The numbers of the samples to learn from, and of those to validate on.
    batch_size : int
    learning_rate : float
        Adam's. Centres move in units of the mean width of the start, widths by their logarithms.
    random_state : RandomState
        Orders the samples.
    n_threads : int
    """

    def __init__(
        self,
        X: Any,
        targets: NDArray,
        weights: NDArray | None,
        scaling: Scaling,
        start: tuple[NDArray, NDArray, NDArray, NDArray],
        *,
        alpha: float,
        rows: NDArray,
        held_out: NDArray,
        batch_size: int,
        learning_rate: float,
        random_state: np.random.RandomState,
        n_threads: int,
    ) -> None:
        centers, widths, coefs, intercepts = start
        self.X, self.targets, self.scaling = X, targets, scaling
        self.weights = np.ones(len(targets)) if weights is None else weights / weights.mean()
        self.rows, self.held_out, self.batch_size = rows, held_out, batch_size
        self._random_state, self._n_threads = random_state, n_threads
        self._unit = float(widths.mean())
        self._penalty = alpha / (len(targets) if weights is None else float(weights.sum()))
        start_at = [centers / self._unit, np.log(widths), coefs, intercepts]
        self._flat = np.concatenate([np.ravel(part) for part in start_at])
        #: Centres, logarithms of widths, the readout's coefs and intercepts: views of one vector.
        self.params = _views(self._flat, [part.shape for part in start_at])
        n_units, n_features = centers.shape
        self._layer = Network(Structure.of([n_features + 1, n_units], "relu"), objective=Objective.with_link("exp"))
        self._readout = Network(Structure.of([n_units, len(intercepts)], "relu"))
        self._descent = Descent(Adam(learning_rate))
        self._steps = FlatDescent(self._flat, self._descent)

    @property
    def learning_rate(self) -> float:
        """Adam's learning rate, from the next step on."""
        return self._descent.learning_rate

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        self._descent.learning_rate = value

    @property
    def centers(self) -> NDArray:
        """The centres, centred and scaled, shape (n_units, n_features)."""
        return self.params[0] * self._unit

    @property
    def widths(self) -> NDArray:
        """The widths, shape (n_units,)."""
        return np.exp(self.params[1])

    def loss(self, rows: NDArray, *, penalty: bool = True) -> tuple[float, NDArray]:
        """Return the mean loss of some samples, and its gradient by the outputs, keeping the passes."""
        set_weights(self._layer, self.centers, self.widths)
        self._readout.coefs[0][:], self._readout.intercepts[0][:] = self.params[2:]
        inputs = with_squares(self.scaling.of(self.X[rows]))
        values = self._layer.forward(inputs, self._n_threads, keep=True)
        weights = self.weights[rows, None]
        errors = self._readout.forward(values, self._n_threads, keep=True) - self.targets[rows]
        loss = 0.5 * float((weights * errors**2).sum()) / len(rows)
        if penalty:
            loss += 0.5 * self._penalty * float((self.params[2] ** 2).sum())
        return loss, weights * errors / len(rows)

    def loss_and_gradients(self, rows: NDArray) -> tuple[float, list[NDArray]]:
        """Return the mean loss of some samples with the penalty, and its gradients by :attr:`params`."""
        loss, of_outputs = self.loss(rows)
        of_readout, of_values = self._readout.backward(of_outputs, inputs=True)
        of_layer = self._layer.backward(of_values)
        readout, layer = self._readout.named_parameters(of_readout), self._layer.named_parameters(of_layer)
        by_weights, by_biases = layer["coefs.0"], layer["intercepts.0"]
        centers, inverse = self.centers, self.widths**-2.0
        # A unit's weights are c / s^2 and -1 / (2 s^2), its bias is -|c|^2 / (2 s^2).
        of_centers = inverse[:, None] * (by_weights[:-1].T - by_biases[:, None] * centers)
        of_inverse = np.einsum("kd,dk->k", centers, by_weights[:-1]) - 0.5 * by_weights[-1]
        of_inverse -= 0.5 * by_biases * np.einsum("kd,kd->k", centers, centers)
        return loss, [
            of_centers * self._unit,
            -2 * inverse * of_inverse,
            readout["coefs.0"] + self._penalty * self.params[2],
            readout["intercepts.0"],
        ]

    # ---- what the loop of epochs asks for ----------------------------------------------------------------------------

    def epoch(self) -> dict[str, float]:
        """Go through all samples once, in a new order."""
        order, total = self._random_state.permutation(self.rows), 0.0
        for start in range(0, len(order), self.batch_size):
            batch = order[start : start + self.batch_size]
            loss, gradients = self.loss_and_gradients(batch)
            self._steps.update(np.concatenate([np.ravel(part) for part in gradients]))
            total += loss * len(batch)
        return {"loss": total / len(order)}

    def validate(self) -> float:
        """Return the mean loss of the samples that are held out."""
        return self.loss(self.held_out, penalty=False)[0]

    def arrays(self) -> dict[str, NDArray]:
        """Return copies of all that has been learned."""
        names = ("centers", "log_widths", "coefs", "intercepts")
        return {name: array.copy() for name, array in zip(names, self.params, strict=True)}

    def restore(self, arrays: Mapping[str, NDArray]) -> None:
        """Go back to what :meth:`arrays` returned, where Adam begins anew."""
        for own, array in zip(self.params, arrays.values(), strict=True):
            own[:] = array
        self._steps = FlatDescent(self._flat, self._descent)

    def keep(self, estimator: Any) -> None:
        """Set the fitted attributes of an estimator to what has been learned."""
        centers = self.centers / self.scaling.scales + self.scaling.means
        estimator._keep_units(centers, self.widths, self.scaling)
        estimator.coefs_, estimator.intercepts_ = self.params[2].copy(), self.params[3].copy()


def _views(vector: NDArray, shapes: list[tuple[int, ...]]) -> list[NDArray]:
    """Return views of a vector, one after the other, in these shapes."""
    ends = np.cumsum([math.prod(shape) for shape in shapes])
    return [part.reshape(shape) for part, shape in zip(np.split(vector, ends[:-1]), shapes, strict=True)]
