"""Integrated gradients by difference quotients: what changes of a network's first products add to its outputs.

The way from a base to a row is straight, and is cut into pieces. Within a piece each elementwise function stands for
its difference quotient there, and all else is linear; so the change of the outputs is exactly a sum over the changes of
the first products, whatever the number of pieces. That is the rescale rule of DeepLIFT for each piece; the more pieces
there are, the nearer are quotients to slopes, and the sums to integrated gradients.

Arrays have the shape (n_rows, n_points, ...), where points are the ends of pieces, or (n_rows, n_pieces, ...).

References
----------
Sundararajan, Taly & Yan, "Axiomatic attribution for deep networks", ICML 2017; Shrikumar, Greenside & Kundaje,
"Learning important features through propagating activation differences", ICML 2017.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastmlp import engine
from fastmlp.network import HiddenLayer, Network

# Where an argument changes by less than this part of itself, the slope stands for the quotient, which rounding spoils.
_LEAST_CHANGE = 1e-8
# Probabilities and sums of them that are smaller than this count as this, so that logarithms are finite.
_LEAST = 1e-300

Array = NDArray[np.float64]


def quotients(x: Array, y: Array, slope: Callable[[Array, Array], Array]) -> Array:
    """Return by how much y changes between neighbouring points when x changes by 1.

    Parameters
    ----------
    x, y : ndarray of shape (n_rows, n_points, ...)
        Arguments and values of an elementwise function.
    slope : callable
        ``slope(x, y)`` returns the derivatives at some arguments, given as vectors, with their values.

    Returns
    -------
    quotients : ndarray of shape (n_rows, n_points - 1, ...)

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.tabular.quotients import quotients
    >>> x = np.array([[-1.0, 1.0, 2.0, 2.0]])
    >>> quotients(x, np.maximum(x, 0), lambda x, y: (x > 0) * 1.0)
    array([[0.5, 1. , 1. ]])
    """
    change = np.diff(x, axis=1)
    near = np.abs(change) <= _LEAST_CHANGE * np.abs(x[:, 1:])
    change[near] = 1.0
    found = np.diff(y, axis=1)
    found /= change
    if near.any():
        found[near] = slope(x[:, 1:][near], y[:, 1:][near])
    return found


class Tail:
    """The part of a network behind its first products.

    Parameters
    ----------
    network : Network
        Its layers may be of any kind that multiplies by weights and then goes through an activation.

    Raises
    ------
    ValueError
        For layers that are residual, normalized, or learn the parameters of their activations.
    """

    def __init__(self, network: Network) -> None:
        self.hidden = network.structure.hidden
        for layer in self.hidden:
            if layer.kind == "residual" or layer.normalization is not None or layer.learned:
                raise ValueError(f"explanations are of plain layers alone; got {layer!r}.")
        self.coefs = [coefs.astype(np.float64) for coefs in network.coefs[1:]]
        self.intercepts = [intercepts.astype(np.float64) for intercepts in network.intercepts[1:]]

    def forward(self, products: Array) -> tuple[Array, list[Array]]:
        """Return the outputs before the link (n_rows, n_points, n_outputs), and each activation's quotients."""
        steps = []
        for layer, coefs, intercepts in zip(self.hidden, self.coefs, self.intercepts, strict=True):
            flat = np.ascontiguousarray(products).reshape(-1, products.shape[-1])
            active = engine.activate(layer.activation, flat, layer.parameter).reshape(products.shape)
            steps.append(quotients(products, active, partial(_slopes, layer)))
            products = active @ coefs + intercepts
        return products, steps

    def back(self, gradients: Array, steps: list[Array]) -> Array:
        """Take gradients of outputs back to the first products.

        Parameters
        ----------
        gradients : ndarray of shape (n_rows, n_pieces, n_targets, n_outputs)
        steps : list of ndarray
            As :meth:`forward` returned them.

        Returns
        -------
        gradients : ndarray of shape (n_rows, n_targets, n_units)
            Their means over the pieces.
        """
        for step, coefs in zip(reversed(steps), reversed(self.coefs), strict=True):
            gradients = gradients @ coefs.T
            gradients *= step[:, :, np.newaxis]
        return gradients.mean(axis=1)


def _slopes(layer: HiddenLayer, z: Array, _: Array) -> Array:
    """Return the derivatives of a layer's activation."""
    flat = np.ascontiguousarray(z)[np.newaxis]
    return engine.differentiate(layer.activation, flat, np.ones_like(flat), layer.parameter)[0][0]


class Readout(NamedTuple):
    """What an ensemble predicts, and how it follows from its members' outputs."""

    #: The predictions, (n_rows, n_points, n_targets).
    predictions: Array
    #: For each member, (n_rows, n_pieces, n_targets, n_outputs of the member).
    gradients: list[Array]


def read_numbers(
    outputs: Sequence[Array], weights: ArrayLike, means: ArrayLike, scales: ArrayLike, ranges: ArrayLike
) -> Readout:
    """Return numbers: the weighted sum of the members' outputs, scaled, moved, and kept within a range.

    Parameters
    ----------
    outputs : sequence of ndarray of shape (n_rows, n_points, n_outputs)
        For each member.
    weights : array-like of shape (n_members,)
    means, scales : array-like of shape (n_outputs,)
    ranges : array-like of shape (2, n_outputs)
        The smallest and the largest numbers.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.tabular.quotients import read_numbers
    >>> found = read_numbers([np.array([[[1.0], [3.0]]])], [1.0], means=[0.0], scales=[2.0], ranges=[[0.0], [4.0]])
    >>> found.predictions.ravel(), found.gradients[0].ravel()
    (array([2., 4.]), array([1.]))
    """
    scales = np.asarray(scales, dtype=np.float64)
    free = _weighted(outputs, weights) * scales + np.asarray(means)
    numbers = np.clip(free, *np.asarray(ranges))
    steps = quotients(free, numbers, lambda x, y: (x == y) * 1.0) * scales
    return Readout(numbers, _shared_out(steps[..., np.newaxis] * np.eye(steps.shape[-1]), weights))


def read_squares(outputs: Sequence[Array], weights: ArrayLike, y: Array, shares: Array) -> Readout:
    """Return minus the mean square of errors: of the weighted sum of the members' outputs, less targets.

    Parameters
    ----------
    outputs, weights
        As :func:`read_numbers` takes them.
    y : ndarray of shape (n_rows, n_outputs)
    shares : ndarray of shape (n_outputs,)
        How much each output counts in the mean.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.tabular.quotients import read_squares
    >>> read_squares([np.array([[[1.0], [3.0]]])], [1.0], np.array([[5.0]]), np.ones(1)).predictions.ravel()
    array([-16.,  -4.])
    """
    errors = _weighted(outputs, weights) - y[:, np.newaxis]
    squares = -(errors**2)
    steps = quotients(errors, squares, lambda x, _: -2 * x)
    return _mean_over_outputs(squares, steps, shares, weights)


def read_pinball_losses(
    outputs: Sequence[Array], weights: ArrayLike, y: Array, shares: Array, quantiles: ArrayLike
) -> Readout:
    """Return minus the mean pinball loss: of the weighted sum of the members' outputs, as quantiles of targets.

    Parameters
    ----------
    outputs, weights
        As :func:`read_numbers` takes them.
    y : ndarray of shape (n_rows, n_outputs)
    shares : ndarray of shape (n_outputs,)
        How much each output counts in the mean.
    quantiles : array-like of shape (n_outputs,)
        The levels.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.tabular.quotients import read_pinball_losses
    >>> outputs, y = [np.array([[[1.0], [7.0]]])], np.array([[5.0]])
    >>> read_pinball_losses(outputs, [1.0], y, np.ones(1), [0.75]).predictions.ravel()
    array([-3. , -0.5])
    """
    levels = np.asarray(quantiles, dtype=np.float64)
    errors = _weighted(outputs, weights) - y[:, np.newaxis]
    losses = np.minimum((levels - 1) * errors, levels * errors)
    steps = quotients(errors, losses, lambda x, y: np.divide(y, x, out=np.zeros_like(x), where=x != 0))
    return _mean_over_outputs(losses, steps, shares, weights)


def _mean_over_outputs(goodness: Array, steps: Array, shares: Array, weights: ArrayLike) -> Readout:
    """Return what is read of a mean over outputs, given how good each output is and its quotients."""
    mean = (goodness * shares).sum(axis=-1, keepdims=True)
    return Readout(mean, _shared_out((steps * shares)[:, :, np.newaxis], weights))


def _weighted(outputs: Sequence[Array], weights: ArrayLike) -> Array:
    total = np.zeros_like(outputs[0])
    for weight, of_member in zip(np.asarray(weights), outputs, strict=True):
        total += weight * of_member
    return total


def _shared_out(gradients: Array, weights: ArrayLike) -> list[Array]:
    return [weight * gradients for weight in np.asarray(weights)]


class MixedClasses:
    """The probabilities of classes: the weighted sum of what the members say, at a temperature.

    Parameters
    ----------
    weights : sequence of float
        For each member.
    classes : sequence of ndarray of int
        The numbers of each member's classes.
    n_classes : int >= 2
    temperature : float > 0

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.tabular.quotients import MixedClasses
    >>> mixed = MixedClasses([1.0], [np.arange(2)], 2, temperature=2.0)
    >>> found = mixed.log_odds([np.array([[[1.0], [3.0]]])])
    >>> found.predictions.ravel().round(6), found.gradients[0].ravel().round(6)
    (array([0.5, 1.5]), array([0.5]))
    """

    def __init__(
        self, weights: Sequence[float], classes: Sequence[NDArray[np.intp]], n_classes: int, temperature: float
    ) -> None:
        self.weights = weights
        self.classes = classes
        self.n_classes = n_classes
        self.temperature = temperature

    def log_odds(self, outputs: Sequence[Array]) -> Readout:
        """Return the log-odds of each class; of two classes, of the second alone.

        Parameters
        ----------
        outputs : sequence of ndarray of shape (n_rows, n_points, n_outputs)
            For each member the logits of its classes; of two classes the single one of the second.
        """
        return self._read(outputs, _log_odds)

    def log_probabilities(self, outputs: Sequence[Array], y: NDArray[np.intp]) -> Readout:
        """Return the logarithm of the probability of each row's class.

        Parameters
        ----------
        outputs : sequence of ndarray of shape (n_rows, n_points, n_outputs)
        y : ndarray of int of shape (n_rows,)
            The numbers of the rows' classes.
        """
        is_class = np.eye(self.n_classes)[y]

        def read(logs: Array) -> tuple[Array, Array]:
            shifted = logs - logs.max(axis=(1, 2), keepdims=True)
            sums, shares = _log_sums(shifted, np.ones((self.n_classes, 1)))
            own = (shifted * is_class[:, np.newaxis]).sum(axis=-1, keepdims=True)
            return own - sums, is_class[:, np.newaxis, np.newaxis] - shares

        return self._read(outputs, read)

    def _read(self, outputs: Sequence[Array], read: Callable[[Array], tuple[Array, Array]]) -> Readout:
        """Return what is made of logarithms of probabilities, which ``read`` makes, with quotients."""
        total = np.zeros((*outputs[0].shape[:2], self.n_classes))
        parts = []
        for weight, of_member, numbers in zip(self.weights, outputs, self.classes, strict=True):
            probabilities, *steps = _softmax(_logits(of_member))
            total[..., numbers] += weight * probabilities
            parts.append(steps)
        total = np.maximum(total, _LEAST)
        logs = np.log(total) / self.temperature
        predictions, gradients = read(logs)
        gradients = gradients * quotients(total, logs, lambda x, _: 1 / (self.temperature * x))[:, :, np.newaxis]
        found = []
        for weight, numbers, of_member, (slopes, shares) in zip(
            self.weights, self.classes, outputs, parts, strict=True
        ):
            through = weight * gradients[..., numbers] * slopes[:, :, np.newaxis]
            through -= through.sum(axis=-1, keepdims=True) * shares[:, :, np.newaxis]
            found.append(through[..., 1:] if of_member.shape[-1] == 1 else through)
        return Readout(predictions, found)


def _logits(outputs: Array) -> Array:
    """Return a logit for each class, that of the first of two being 0."""
    return np.concatenate([np.zeros_like(outputs), outputs], axis=-1) if outputs.shape[-1] == 1 else outputs


def _softmax(logits: Array) -> tuple[Array, Array, Array]:
    """Return probabilities p, and their quotients: p[k] changes by slopes[k] (change[k] - shares @ change).

    The change is that of the logits.
    """
    shifted = logits - logits.max(axis=(1, 2), keepdims=True)
    sums, shares = _log_sums(shifted, np.ones((shifted.shape[-1], 1)))
    logs = shifted - sums
    probabilities = np.exp(logs)
    return probabilities, quotients(logs, probabilities, lambda _, y: y), shares[:, :, 0]


def _log_sums(logs: Array, summed: Array) -> tuple[Array, Array]:
    """Return the logarithms of sums of exponentials, and their quotients.

    Parameters
    ----------
    logs : ndarray of shape (n_rows, n_points, n)
        None far above 0.
    summed : ndarray of shape (n, n_sums)
        1 for those that are part of a sum.

    Returns
    -------
    sums : ndarray of shape (n_rows, n_points, n_sums)
    shares : ndarray of shape (n_rows, n_pieces, n_sums, n)
    """
    powers = np.exp(logs)
    sums = np.maximum(powers @ summed, _LEAST)
    found = np.log(sums)
    inner = quotients(logs, powers, lambda _, y: y)
    outer = quotients(sums, found, lambda x, _: 1 / x)
    return found, outer[..., np.newaxis] * inner[:, :, np.newaxis] * summed.T


def _log_odds(logs: Array) -> tuple[Array, Array]:
    """Return log-odds, given the logarithms of probabilities but for a constant, and their quotients.

    Those are of shape (n_rows, n_pieces, n_targets, n_classes).
    """
    n = logs.shape[-1]
    if n == 2:  # What must be summed up otherwise is a single one here.
        n_rows, n_points = logs.shape[:2]
        return logs[..., 1:] - logs[..., :1], np.broadcast_to([[-1.0, 1.0]], (n_rows, n_points - 1, 1, 2))
    shifted = logs - logs.max(axis=(1, 2), keepdims=True)
    others, shares = _log_sums(shifted, 1 - np.eye(n))
    return shifted - others, np.eye(n) - shares
