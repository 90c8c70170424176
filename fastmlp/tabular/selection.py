"""Weights of an ensemble's members, chosen by the loss that mixtures of their out-of-fold predictions have.

A pool has M candidates, and each of them has predicted the same rows, none of which it was trained on. The prediction
of an ensemble is a weighted mean of its members' predictions: of their probabilities, or of their numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastmlp.components import whole_number
from fastmlp.exceptions import counted
from fastmlp.tabular.probabilities import SMALLEST, row_weights, true_probabilities

#: Losses closer than this, as a share of the smaller one, are equal: the candidate of the lowest index is taken.
_TIE = 1e-12


@dataclass(frozen=True)
class _Pool:
    """The candidates as rows of numbers that mix linearly, and the loss of a mixture.

    For the log loss, the numbers are the probabilities of what was true. For the other losses, they are errors: the
    weights of a mixture sum to 1, so the mixture of errors is the error of the mixture.
    """

    terms: NDArray  # (n_candidates, n_terms), float64
    weights: NDArray  # (n_terms,), which sum to 1
    loss: str
    quantile: NDArray  # (n_terms,), or a single one for all

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


def greedy_selection(
    predictions: ArrayLike,
    y: ArrayLike,
    sample_weight: ArrayLike | None = None,
    *,
    loss: str = "log_loss",
    quantile: ArrayLike = 0.5,
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
    quantile : float in (0, 1) or array-like of shape (n_outputs,), default=0.5
        Which quantile the loss "quantile" is of. Outputs that are several quantiles of one target have a level each,
        and y has one column for all of them.
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


def _lowest(losses: NDArray) -> int:
    """Return the lowest index among the smallest losses."""
    least = losses.min()
    return int(np.argmax(losses <= least + _TIE * abs(least)))


def _pool(
    predictions: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None, loss: str, quantile: ArrayLike
) -> _Pool:
    """Check what is given, and lay it out as numbers that mix linearly."""
    known = ("log_loss", "squared_error", "absolute_error", "quantile")
    if loss not in known:
        raise ValueError(f"loss must be one of {', '.join(map(repr, known))}; got {loss!r}.")
    levels = np.asarray(quantile, dtype=np.float64)
    if not ((levels > 0) & (levels < 1)).all():
        raise ValueError(f"quantile must be between 0 and 1; got {quantile!r}.")
    given, targets = np.asarray(predictions, dtype=np.float64), np.asarray(y)
    if given.ndim not in (2, 3) or targets.ndim not in (1, 2) or 0 in given.shape or given.shape[1] != len(targets):
        raise ValueError(
            "predictions must have the shape (n_candidates, n_rows, n_outputs), with at least one candidate and as many"
            f" rows as y; got {given.shape}, and y of shape {targets.shape}."
        )
    if not np.isfinite(given).all():
        raise ValueError(f"predictions must be finite; got {given[~np.isfinite(given)][0]}.")
    if loss != "quantile":
        levels = np.asarray(0.5)
    elif levels.ndim and levels.shape != (n_levels := given[0, 0].size,):
        raise ValueError(
            f"quantile must have the shape ({n_levels},), as predictions have outputs; got {levels.shape}."
        )
    elif levels.ndim and targets.size == len(targets):
        targets = np.repeat(targets.reshape(-1, 1), len(levels), axis=1)
    weights = row_weights(sample_weight, len(targets))
    terms = true_probabilities(given, targets) if loss == "log_loss" else _errors(given, targets)
    n_outputs = terms.shape[-1]
    return _Pool(
        np.ascontiguousarray(terms.reshape(len(given), -1)),
        np.repeat(weights / n_outputs, n_outputs),
        loss,
        np.tile(levels, len(targets)) if levels.ndim else levels,
    )


def _errors(predictions: NDArray, y: NDArray) -> NDArray:
    """Return the errors of numbers, (n_candidates, n_rows, n_outputs)."""
    targets = y.astype(np.float64).reshape(len(y), -1)
    predictions = predictions.reshape(*predictions.shape[:2], -1)
    if predictions.shape[2] != targets.shape[1]:
        needed = counted(predictions.shape[2], "column")
        raise ValueError(f"y must have {needed}, as predictions have; got {targets.shape[1]}.")
    if not np.isfinite(targets).all():
        raise ValueError(f"y must be finite; got {targets[~np.isfinite(targets)][0]}.")
    return predictions - targets
