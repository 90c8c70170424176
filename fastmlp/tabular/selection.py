"""Weights of an ensemble's members, chosen by the loss that mixtures of their out-of-fold predictions have.

A pool has M candidates, and each of them has predicted the same rows, none of which it was trained on. The prediction
of an ensemble is a weighted mean of its members' predictions: of their probabilities, or of their numbers.

:func:`greedy_selection` gives few members with whole counts. :func:`simplex_weights` gives all of them a share and
needs no luck: its prior keeps the shares equal where the rows do not tell the candidates apart, which is what a greedy
search gets wrong on small tables.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastmlp.components import whole_number
from fastmlp.tabular.probabilities import SMALLEST, row_weights, true_probabilities

#: Losses closer than this, as a share of the smaller one, are equal: the candidate of the lowest index is taken.
_TIE = 1e-12
#: The prior's strength for the log loss, and for errors of numbers. Of 1, 5, 20 and 80, these were best for pools of 24
#: candidates and 150 to 2000 rows, with normal errors and with those of a t distribution.
_STRENGTH_FOR_LOG_LOSS, _STRENGTH_FOR_ERRORS = 5.0, 20.0
#: An absolute error below this share of the smallest mean error is rounded off, so that it has a slope at zero.
_ROUNDED = 0.05


@dataclass(frozen=True)
class _Pool:
    """The candidates as rows of numbers that mix linearly, and the loss of a mixture.

    For the log loss, the numbers are the probabilities of what was true. For the other losses, they are errors: the
    weights of a mixture sum to 1, so the mixture of errors is the error of the mixture.
    """

    terms: NDArray  # (n_candidates, n_terms), float64
    weights: NDArray  # (n_terms,), which sum to 1
    n_rows: float  # how many rows of equal weight tell as much as these
    loss: str
    quantile: float

    def losses(self, mixtures: NDArray) -> NDArray:
        """Return the mean loss of each mixture, (..., n_terms); the array that is given is overwritten."""
        if self.loss == "log_loss":
            np.maximum(mixtures, SMALLEST, out=mixtures)
            return -self.mean(np.log(mixtures, out=mixtures))
        if self.loss == "squared_error":
            return self.mean(np.square(mixtures, out=mixtures))
        return self.mean(np.maximum((1 - self.quantile) * mixtures, -self.quantile * mixtures))

    def mean(self, values: NDArray) -> NDArray:
        """Return weighted means over the last axis, with sums whose order no number of threads changes."""
        return np.einsum("...i,i->...", values, self.weights)

    def rounded(self, mixture: NDArray, scale: float) -> tuple[float, NDArray]:
        """Return the mean loss of one mixture and its slope in each candidate's weight, in units of a likelihood.

        The loss is the negative logarithm of a normal or a Laplace density of the given scale, without its constant;
        the corner of the absolute error is rounded off.
        """
        if self.loss == "log_loss":
            kept = np.maximum(mixture, SMALLEST)
            value, slopes = -np.log(kept), -1 / kept
        elif self.loss == "squared_error":
            value, slopes = mixture**2 / (2 * scale), mixture / scale
        else:
            tilt, root = 1 - 2 * self.quantile, np.sqrt(mixture**2 + (_ROUNDED * scale) ** 2)
            value, slopes = (root + tilt * mixture) / (2 * scale), (mixture / root + tilt) / (2 * scale)
        return float(self.mean(value)), np.einsum("ij,j->i", self.terms, slopes * self.weights)


def greedy_selection(
    predictions: ArrayLike,
    y: ArrayLike,
    sample_weight: ArrayLike | None = None,
    *,
    loss: str = "log_loss",
    quantile: float = 0.5,
    n_initial: int = 1,
    max_steps: int = 25,
) -> NDArray[np.int64]:
    """Return how often each candidate is taken into an ensemble that grows by the best addition, with replacement.

    The ensemble begins with the ``n_initial`` candidates of the smallest losses. Each step adds the candidate that
    makes the loss of the mean smallest, one that is in the ensemble already or another, and the search ends when no
    addition makes it smaller. Of equal candidates, the one of the lowest index is taken.

    Parameters
    ----------
    predictions : array-like of shape (n_candidates, n_rows, n_classes) or (n_candidates, n_rows[, n_outputs])
        Out-of-fold predictions: probabilities for the log loss, else numbers.
    y : array-like of shape (n_rows,) or (n_rows, n_outputs)
        For the log loss the number of each row's class, from 0, or, in two dimensions, 0 or 1 for each of several
        outputs. For the other losses numbers.
    sample_weight : array-like of shape (n_rows,), default=None
        Not negative; None weighs all rows equally.
    loss : {"log_loss", "squared_error", "absolute_error", "quantile"}, default="log_loss"
    quantile : float in (0, 1), default=0.5
        Which quantile the loss "quantile" is of.
    n_initial : int >= 1, default=1
        With how many candidates the ensemble begins, at most all. A few make it more careful.
    max_steps : int >= 0, default=25
        The most candidates that are added.

    Returns
    -------
    counts : ndarray of int64 of shape (n_candidates,)
        Divided by their sum, they are the weights of a mean.

    Raises
    ------
    ValueError
        When shapes do not belong together, numbers are not finite, or a parameter is out of its range.

    References
    ----------
    Caruana, Niculescu-Mizil, Crew & Ksikes, "Ensemble selection from libraries of models", ICML 2004.

    Examples
    --------
    The second and the third candidate err to opposite sides, so that their mean is right.

    >>> from fastmlp.tabular.selection import greedy_selection
    >>> greedy_selection([[9.0, 9.0], [2.0, 3.0], [0.0, 1.0]], [1.0, 2.0], loss="squared_error")
    array([0, 1, 1])
    """
    pool = _pool(predictions, y, sample_weight, loss, quantile)
    n_candidates = len(pool.terms)
    n_initial = min(whole_number(n_initial, "n_initial"), n_candidates)
    max_steps = whole_number(max_steps, "max_steps", least=0)
    alone = pool.losses(pool.terms.copy())
    counts = np.zeros(n_candidates, dtype=np.int64)
    for _ in range(n_initial):
        counts[_lowest(np.where(counts, np.inf, alone))] = 1
    total = pool.terms[counts > 0].sum(axis=0)
    reached = float(pool.losses(total / n_initial))
    mixtures = np.empty_like(pool.terms)
    for size in range(n_initial + 1, n_initial + 1 + max_steps):
        np.add(pool.terms, total, out=mixtures)
        mixtures /= size
        losses = pool.losses(mixtures)
        best = _lowest(losses)
        if not losses[best] < reached - _TIE * abs(reached):
            break
        reached = losses[best]
        total += pool.terms[best]
        counts[best] += 1
    return counts


def simplex_weights(
    predictions: ArrayLike,
    y: ArrayLike,
    sample_weight: ArrayLike | None = None,
    *,
    loss: str = "log_loss",
    quantile: float = 0.5,
    prior_strength: float | None = None,
    min_weight: float = 0.0,
    max_iter: int = 300,
) -> NDArray[np.float64]:
    """Return the weights of a mean, not negative and of sum 1, that make its loss small and stay near equal ones.

    They minimise

        n_rows · mean loss(weights) + prior_strength · KL(weights, equal weights)

    which is convex, where the loss is that of a likelihood: the log loss itself; the squared error divided by twice
    the mean square of the best candidate; an absolute or quantile error divided by the best candidate's mean. So the
    weights of few rows, or of candidates that differ by noise, are nearly equal, and those of many rows follow the
    loss. The minimum is found by exponentiated gradients, from equal weights.

    Parameters
    ----------
    predictions, y, sample_weight, loss, quantile
        As :func:`greedy_selection` takes them. Unequal sample weights count as fewer rows, by Kish's formula.
    prior_strength : float > 0 or None, default=None
        How many nats of loss, summed over rows, a candidate must gain to leave the equal weights behind. None means 5
        for the log loss, and 20 for the errors of numbers, of which few rows often decide.
    min_weight : float in [0, 1), default=0.0
        Candidates with less are left out, one by one, and the rest is weighed again: they need not be kept.
    max_iter : int >= 1, default=300
        The most steps.

    Returns
    -------
    weights : ndarray of float64 of shape (n_candidates,)

    Raises
    ------
    ValueError
        As for :func:`greedy_selection`.

    References
    ----------
    Kivinen & Warmuth, "Exponentiated gradient versus gradient descent for linear predictors", Information and
    Computation 132, 1997.

    Examples
    --------
    Both candidates are wrong by 1 in half of the rows; a third one is always right.

    >>> from fastmlp.tabular.selection import simplex_weights
    >>> right = [0.0, 1.0] * 50
    >>> off = [1.0, 1.0] * 50
    >>> simplex_weights([off, off], right, loss="squared_error")
    array([0.5, 0.5])
    >>> simplex_weights([off, off, right], right, loss="squared_error")
    array([0., 0., 1.])
    """
    pool = _pool(predictions, y, sample_weight, loss, quantile)
    if prior_strength is None:
        prior_strength = _STRENGTH_FOR_LOG_LOSS if loss == "log_loss" else _STRENGTH_FOR_ERRORS
    if not 0 < prior_strength < np.inf:
        raise ValueError(f"prior_strength must be a positive number; got {prior_strength!r}.")
    if not 0 <= min_weight < 1:
        raise ValueError(f"min_weight must be in [0, 1); got {min_weight!r}.")
    max_iter = whole_number(max_iter, "max_iter")
    alone = pool.losses(pool.terms.copy())
    scale = float(alone.min())
    if scale <= 0:  # some candidates are right everywhere: there is no noise to measure the others by
        perfect = alone <= 0
        return perfect / perfect.sum()
    kept = np.arange(len(pool.terms))
    while True:
        part = _Pool(pool.terms[kept], pool.weights, pool.n_rows, pool.loss, pool.quantile)
        found = _exponentiated_gradients(part, scale, prior_strength / pool.n_rows, max_iter)
        if found.min() >= min(min_weight, found.max()):
            break
        kept = np.delete(kept, len(kept) - 1 - found[::-1].argmin())  # of equal ones, the last
    weights = np.zeros(len(pool.terms))
    weights[kept] = found
    return weights


def _exponentiated_gradients(pool: _Pool, scale: float, strength: float, max_iter: int) -> NDArray:
    """Minimise loss + strength · KL from equal weights, with steps as long as the loss allows."""
    n = len(pool.terms)
    logs = np.full(n, -np.log(n))  # the logarithms of the weights
    weights, rate = np.exp(logs), 1.0
    value, slopes = pool.rounded(np.einsum("i,ij->j", weights, pool.terms), scale)
    for _ in range(max_iter):
        # The prior's part of the step is taken exactly, so that it cannot overshoot.
        new_logs = (logs - rate * slopes) / (1 + rate * strength)
        new_logs -= new_logs.max()
        new_logs -= np.log(np.exp(new_logs).sum())
        new_weights = np.exp(new_logs)
        new_value, new_slopes = pool.rounded(np.einsum("i,ij->j", new_weights, pool.terms), scale)
        moved = new_weights - weights
        divergence = float(np.sum(new_weights * (new_logs - logs)))
        if new_value > value + float(slopes @ moved) + divergence / rate + 1e-14 * abs(value):
            rate /= 2
            continue
        logs, weights, value, slopes = new_logs, new_weights, new_value, new_slopes
        if np.abs(moved).max() < 1e-7 * min(1.0, rate):
            break
        rate *= 1.5
    return weights


def _lowest(losses: NDArray) -> int:
    """Return the lowest index among the smallest losses."""
    least = losses.min()
    return int(np.argmax(losses <= least + _TIE * abs(least)))


def _pool(predictions: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None, loss: str, quantile: float) -> _Pool:
    """Check what is given, and lay it out as numbers that mix linearly."""
    known = ("log_loss", "squared_error", "absolute_error", "quantile")
    if loss not in known:
        raise ValueError(f"loss must be one of {', '.join(map(repr, known))}; got {loss!r}.")
    if not 0 < quantile < 1:
        raise ValueError(f"quantile must be between 0 and 1; got {quantile!r}.")
    given, targets = np.asarray(predictions, dtype=np.float64), np.asarray(y)
    if given.ndim not in (2, 3) or targets.ndim not in (1, 2) or 0 in given.shape or given.shape[1] != len(targets):
        raise ValueError(
            "predictions must have the shape (n_candidates, n_rows, n_outputs), with at least one candidate and as many"
            f" rows as y; got {given.shape}, and y of shape {targets.shape}."
        )
    if not np.isfinite(given).all():
        raise ValueError(f"predictions must be finite; got {given[~np.isfinite(given)][0]}.")
    weights = row_weights(sample_weight, len(targets))
    terms = true_probabilities(given, targets) if loss == "log_loss" else _errors(given, targets)
    n_outputs = terms.shape[-1]
    n_rows = 1 / float(np.square(weights).sum())
    return _Pool(
        np.ascontiguousarray(terms.reshape(len(given), -1)),
        np.repeat(weights / n_outputs, n_outputs),
        n_rows,
        loss,
        quantile if loss == "quantile" else 0.5,
    )


def _errors(predictions: NDArray, y: NDArray) -> NDArray:
    """Return the errors of numbers, (n_candidates, n_rows, n_outputs)."""
    targets = y.astype(np.float64).reshape(len(y), -1)
    predictions = predictions.reshape(*predictions.shape[:2], -1)
    if predictions.shape[2] != targets.shape[1]:
        raise ValueError(f"y must have {predictions.shape[2]} columns, as predictions have; got {targets.shape[1]}.")
    if not np.isfinite(targets).all():
        raise ValueError(f"y must be finite; got {targets[~np.isfinite(targets)][0]}.")
    return predictions - targets
