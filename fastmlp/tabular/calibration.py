"""How honest probabilities are, and a temperature that makes them more so.

An ensemble's mean of probabilities is often too cautious, and a network's are often too sure. A temperature T takes
each probability p to p^(1/T), scaled to a sum of 1: above 1 they come closer to each other, below 1 they move apart.
The order of a row's classes stays as it was.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize_scalar

from fastmlp.components import whole_number
from fastmlp.tabular.probabilities import SMALLEST, row_weights, true_probabilities

#: The lowest and the highest temperature.
BOUNDS = (0.2, 5.0)


class CalibrationCurve(NamedTuple):
    """What was predicted and what came, bin by bin, as :func:`calibration_curve` finds them.

    Parameters
    ----------
    predicted : ndarray of shape (n_bins,)
        The mean of the probabilities in each bin.
    observed : ndarray of shape (n_bins,)
        The share of rows in the bin for which the event came.
    counts : ndarray of int64 of shape (n_bins,)
        The number of rows.
    shares : ndarray of shape (n_bins,)
        The bins' shares of the rows' weights; they sum to 1.
    """

    predicted: NDArray
    observed: NDArray
    counts: NDArray
    shares: NDArray

    @property
    def error(self) -> float:
        """The expected calibration error: the mean distance of what was predicted from what came."""
        return float(self.shares @ np.abs(self.predicted - self.observed))


def fit_temperature(
    probabilities: ArrayLike,
    y: ArrayLike,
    sample_weight: ArrayLike | None = None,
    *,
    prior_scale: float = 0.25,
) -> float:
    """Return the temperature at which out-of-fold probabilities have the smallest log loss, near 1 for few rows.

    It minimises, over the logarithm of T,

        n_rows · mean log loss of p^(1/T)  +  (log T / prior_scale)² / 2

    so that a few rows, or rows that are all predicted perfectly, do not lead far away from 1.

    Parameters
    ----------
    probabilities : array-like of shape (n_rows, n_classes) or (n_rows, n_outputs)
    y : array-like of shape (n_rows,) or (n_rows, n_outputs)
        The number of each row's class, from 0; in two dimensions, 0 or 1 for each of several binary outputs, which
        share the temperature.
    sample_weight : array-like of shape (n_rows,), default=None
        Unequal weights count as fewer rows, by Kish's formula.
    prior_scale : float > 0, default=0.25
        How large the logarithm of a temperature usually is. ``numpy.inf`` leaves the prior out.

    Returns
    -------
    temperature : float
        Between 0.2 and 5. It is 1.0 when there are no rows.

    Raises
    ------
    ValueError
        When y does not belong to the probabilities, or these are not between 0 and 1.

    References
    ----------
    Guo, Pleiss, Sun & Weinberger, "On calibration of modern neural networks", ICML 2017.

    Examples
    --------
    Probabilities of 0.9 come true in 3 rows of 4: that is too sure.

    >>> from fastmlp.tabular.calibration import apply_temperature, fit_temperature
    >>> p = [[0.1, 0.9], [0.1, 0.9], [0.1, 0.9], [0.9, 0.1]] * 1000
    >>> temperature = fit_temperature(p, [1, 1, 0, 0] * 1000)
    >>> apply_temperature(p[:1], temperature).round(2)
    array([[0.25, 0.75]])
    >>> round(fit_temperature(p[:4], [1, 1, 0, 0]), 1)
    1.1
    """
    if not prior_scale > 0:
        raise ValueError(f"prior_scale must be a positive number; got {prior_scale!r}.")
    given, targets = np.asarray(probabilities, dtype=np.float64), np.asarray(y)
    if not len(targets):
        return 1.0
    true = true_probabilities(given, targets)
    weights = row_weights(sample_weight, len(targets))
    n_rows = 1 / float(np.square(weights).sum())
    if targets.ndim == 1:
        others = given
    else:  # each output is a row of two classes
        weights = np.repeat(weights / true.shape[1], true.shape[1])
        others, true = np.stack([1 - given, given], axis=-1).reshape(-1, 2), true.reshape(-1, 1)
    # The logarithms of the ratios to the true class: its own probability is 1 over the sum of their powers.
    logs = np.log(np.maximum(others, SMALLEST))
    logs -= np.log(np.maximum(true, SMALLEST))
    largest = np.max(logs, axis=1)

    def objective(log_temperature: float) -> float:
        inverse = np.exp(-log_temperature)
        sums = np.exp(inverse * (logs - largest[:, np.newaxis])).sum(axis=1)
        loss = np.einsum("i,i->", np.log(sums) + inverse * largest, weights)
        return float(n_rows * loss + (log_temperature / prior_scale) ** 2 / 2)

    found = minimize_scalar(objective, bounds=tuple(np.log(BOUNDS)), method="bounded", options={"xatol": 1e-6})
    return float(np.exp(found.x))


def apply_temperature(probabilities: ArrayLike, temperature: float, *, binary: bool = False) -> NDArray[np.float64]:
    """Return probabilities at a temperature: p^(1/T), scaled to a sum of 1.

    Parameters
    ----------
    probabilities : array-like of shape (..., n_classes), or (...) with binary=True
    temperature : float > 0
    binary : bool, default=False
        True for probabilities that stand alone, each of its own event, such as those of several binary outputs.

    Raises
    ------
    ValueError
        When the temperature is not a positive number.

    Examples
    --------
    >>> from fastmlp.tabular.calibration import apply_temperature
    >>> apply_temperature([0.0, 0.2, 0.8], 0.5).round(3)
    array([0.   , 0.059, 0.941])
    >>> apply_temperature([0.2, 0.8], 2.0, binary=True).round(3)
    array([0.333, 0.667])
    """
    if not 0 < temperature < np.inf:
        raise ValueError(f"temperature must be a positive number; got {temperature!r}.")
    given = np.asarray(probabilities, dtype=np.float64)
    if binary:
        return apply_temperature(np.stack([1 - given, given], axis=-1), temperature)[..., 1]
    with np.errstate(divide="ignore"):
        logs = np.log(given)
    logs -= logs.max(axis=-1, keepdims=True)
    powers = np.exp(logs / temperature)
    return powers / powers.sum(axis=-1, keepdims=True)


def calibration_curve(
    happened: ArrayLike, probabilities: ArrayLike, sample_weight: ArrayLike | None = None, *, n_bins: int = 15
) -> CalibrationCurve:
    """Return what was predicted for an event and how often it came, in bins of equal weight.

    Rows of the same probability share a bin, so the order of rows has no influence; there may be fewer bins than asked
    for.

    Parameters
    ----------
    happened : array-like of bool of shape (n_rows,)
    probabilities : array-like of shape (n_rows,)
    sample_weight : array-like of shape (n_rows,), default=None
    n_bins : int >= 1, default=15

    Returns
    -------
    curve : CalibrationCurve

    Raises
    ------
    ValueError
        When there are no rows, shapes differ, or probabilities are not between 0 and 1.

    Examples
    --------
    >>> from fastmlp.tabular.calibration import calibration_curve
    >>> curve = calibration_curve([0, 0, 0, 1, 1, 1], [0.1, 0.1, 0.3, 0.7, 0.9, 0.9], n_bins=2)
    >>> curve.predicted.round(3), curve.observed, curve.counts
    (array([0.167, 0.833]), array([0., 1.]), array([3, 3]))
    >>> round(curve.error, 3)
    0.167
    """
    n_bins = whole_number(n_bins, "n_bins")
    events, given = np.asarray(happened, dtype=bool), np.asarray(probabilities, dtype=np.float64)
    if given.ndim != 1 or events.shape != given.shape or not len(given):
        raise ValueError(
            "happened and probabilities must have the shape (n_rows,), with at least one row;"
            f" got {events.shape} and {given.shape}."
        )
    if not (given.min() >= 0 and given.max() <= 1 + 1e-6):
        raise ValueError("probabilities must be between 0 and 1.")
    weights = row_weights(sample_weight, len(given))
    _, group = np.unique(given, return_inverse=True)
    group_weights = np.bincount(group, weights)
    middles = np.cumsum(group_weights) - group_weights / 2
    # The margin keeps the rounding of sums from moving a group whose middle is on the border of two bins.
    bins = np.minimum((middles * n_bins + 1e-9).astype(np.intp), n_bins - 1)[group]
    shares = np.bincount(bins, weights, minlength=n_bins)
    used = shares > 0
    with np.errstate(invalid="ignore"):
        predicted = np.bincount(bins, weights * given, minlength=n_bins)[used] / shares[used]
        observed = np.bincount(bins, weights * events, minlength=n_bins)[used] / shares[used]
    return CalibrationCurve(predicted, observed, np.bincount(bins, minlength=n_bins)[used], shares[used])


def expected_calibration_error(
    y: ArrayLike, probabilities: ArrayLike, sample_weight: ArrayLike | None = None, *, n_bins: int = 15
) -> float:
    """Return by how much probabilities differ from frequencies: the mean over bins of equal weight.

    Of several classes, the probability is that of the most probable one, and the event is that it is the true one.

    Parameters
    ----------
    y : array-like of shape (n_rows,)
        The number of each row's class, from 0; or with probabilities of one dimension, whether the event came.
    probabilities : array-like of shape (n_rows, n_classes) or (n_rows,)
    sample_weight : array-like of shape (n_rows,), default=None
    n_bins : int >= 1, default=15

    Returns
    -------
    error : float
        Between 0 and 1.

    Raises
    ------
    ValueError
        As :func:`calibration_curve`; and when y is no number of a class.

    References
    ----------
    Naeini, Cooper & Hauskrecht, "Obtaining well calibrated probabilities using Bayesian binning", AAAI 2015; Nixon et
    al., "Measuring calibration in deep learning", CVPR workshops 2019, for bins of equal weight.

    Examples
    --------
    >>> from fastmlp.tabular.calibration import expected_calibration_error
    >>> p = [[0.8, 0.2], [0.8, 0.2], [0.8, 0.2], [0.8, 0.2], [0.8, 0.2]]
    >>> round(expected_calibration_error([0, 0, 0, 0, 1], p), 12)
    0.0
    >>> round(expected_calibration_error([0, 0, 0, 0, 0], p), 12)
    0.2
    """
    return calibration_curve(*top_class(y, probabilities), sample_weight, n_bins=n_bins).error


def top_class(y: ArrayLike, probabilities: ArrayLike) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Return for each row whether its most probable class is the true one, and that class's probability.

    Probabilities of one dimension are those of an event; then y says whether it came, and both come back as they are.

    Raises
    ------
    ValueError
        When y does not belong to the probabilities.

    Examples
    --------
    >>> from fastmlp.tabular.calibration import top_class
    >>> top_class([0, 0], [[0.8, 0.2], [0.3, 0.7]])
    (array([ True, False]), array([0.8, 0.7]))
    """
    targets, given = np.asarray(y), np.asarray(probabilities, dtype=np.float64)
    if given.ndim == 1:
        return targets.astype(bool), given
    if targets.ndim != 1:
        raise ValueError(f"y must have one dimension, with the number of each row's class; got shape {targets.shape}.")
    true_probabilities(given, targets)  # checks both
    return given.argmax(axis=1) == targets, given.max(axis=1)
