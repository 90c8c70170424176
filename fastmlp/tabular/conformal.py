"""Prediction intervals and prediction sets whose coverage comes from out-of-fold predictions.

An interval is made of scores: by how much the prediction of the fold that left a row out missed that row. A model file
must not hold a score for each training row, so the scores of a fold are kept as at most 257 of their quantiles, rounded
up, so that intervals become wider, never narrower.

Both guarantees are for rows that come from where the training rows came from, one like the other; weights of rows have
no place in them.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor
from numbers import Real

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastmlp.components import whole_number
from fastmlp.exceptions import CoverageWarning, warn_user
from fastmlp.registration import stored_as
from fastmlp.soundness import MAX_COUNT, is_array, is_count, require
from fastmlp.tabular.probabilities import of_true_class

#: So many numbers are made at a time for intervals of many rows: 2 MiB, which caches hold.
_AT_ONCE = 1 << 18
#: What rounding may add to a product such as 0.9 * 10 before it is rounded to a whole number.
_ROUNDING = 1e-9


@stored_as("tabular.FoldScores")
@dataclass(frozen=True)
class FoldScores:
    """The scores of the rows of each fold, as quantiles: all of them, or about as many numbers as were asked for.

    Each quantile is the largest score of a group of rows that are neighbours in order. All groups have the same size,
    but for the first one of each fold, which has the rows that are left over.

    Parameters
    ----------
    quantiles : ndarray of shape (n_folds, n_quantiles)
        In ascending order. Numbers after those that a fold has (see :attr:`n_kept`) have no meaning.
    counts : ndarray of int64 of shape (n_folds,)
        The number of rows in each fold.
    group_size : int
        The rows of a group; 1 where all scores are kept.
    """

    quantiles: NDArray[np.float64]
    counts: NDArray[np.int64]
    group_size: int

    @property
    def n_kept(self) -> NDArray[np.int64]:
        """The number of quantiles that each fold has, (n_folds,)."""
        return -(-self.counts // self.group_size)

    def check_state(self) -> None:
        """Refuse attributes from a file that :func:`summarize_scores` does not make.

        Raises
        ------
        ValueError
            When an attribute is missing or wrong.
        """
        state = vars(self)
        require(state.keys() == {"quantiles", "counts", "group_size"}, "scores of folds have other attributes", state)
        counts, quantiles, size = self.counts, self.quantiles, self.group_size
        require(is_count(size) and size > 0, "group_size is no number of rows", size)
        sound = is_array(counts, np.size(counts), kinds="i") and len(counts) and counts.min() >= 0
        require(sound and 0 < counts.sum(dtype=np.float64) < MAX_COUNT, "counts are no numbers of rows", counts)
        require(
            is_array(quantiles, len(counts), int(self.n_kept.max())) and np.isfinite(quantiles).all(),
            "quantiles are no finite numbers of each fold's rows",
            quantiles,
        )
        for scores, n in zip(quantiles, self.n_kept, strict=True):
            require((np.diff(scores[:n]) >= 0).all(), "quantiles of a fold are not in ascending order", scores)


def summarize_scores(scores: ArrayLike, folds: ArrayLike, *, n_folds: int = 1, n_quantiles: int = 257) -> FoldScores:
    """Return the scores of out-of-fold rows as quantiles for each fold.

    Parameters
    ----------
    scores : array-like of shape (n_rows,)
        For :func:`cv_plus_interval` the absolute errors of out-of-fold predictions, or these divided by a scale for
        each row, or what :func:`cqr_scores` returns.
    folds : array-like of int of shape (n_rows,)
        The number of the fold that left each row out, from 0.
    n_folds : int, default=1
        How many folds there are, if the last of them may have no rows.
    n_quantiles : int >= 1, default=257
        The most quantiles of a fold. A fold of no more rows keeps all of its scores.

    Returns
    -------
    summary : FoldScores

    Raises
    ------
    ValueError
        When shapes differ, there are no rows, scores are not finite, or folds are not whole numbers from 0.

    Examples
    --------
    >>> from fastmlp.tabular.conformal import summarize_scores
    >>> summary = summarize_scores([3.0, 1.0, 2.0, 5.0], [0, 0, 0, 1], n_quantiles=2)
    >>> summary.quantiles
    array([[1., 3.],
           [5., 0.]])
    >>> summary.counts, summary.group_size
    (array([3, 1]), 2)
    """
    given, numbers = np.asarray(scores, dtype=np.float64), np.asarray(folds)
    n_quantiles = whole_number(n_quantiles, "n_quantiles")
    if given.ndim != 1 or numbers.shape != given.shape or not len(given):
        raise ValueError(
            "scores and folds must have the shape (n_rows,), with at least one row;"
            f" got {given.shape} and {numbers.shape}."
        )
    if not np.isfinite(given).all():
        raise ValueError(f"scores must be finite; got {given[~np.isfinite(given)][0]}.")
    if numbers.dtype.kind not in "iu" or numbers.min() < 0:
        raise ValueError(f"folds must be whole numbers from 0; got {folds!r}.")
    counts = np.bincount(numbers, minlength=n_folds).astype(np.int64)
    size = -(-int(counts.max()) // n_quantiles)
    quantiles = np.zeros((len(counts), -(-int(counts.max()) // size)))
    for fold in np.flatnonzero(counts):
        of_fold = np.sort(given[numbers == fold])[::-1][::size][::-1]
        quantiles[fold, : len(of_fold)] = of_fold
    return FoldScores(quantiles, counts, size)


def cqr_scores(y: ArrayLike, lower: ArrayLike, upper: ArrayLike) -> NDArray[np.float64]:
    """Return by how much each row lies outside of two predicted quantiles: below 0 where it lies between them.

    These are the scores of conformalised quantile regression. With them, :func:`cv_plus_interval` makes the band
    between the quantiles wider or narrower, by the same amount for all rows.

    Parameters
    ----------
    y, lower, upper : array-like of shape (n_rows,)

    References
    ----------
    Romano, Patterson & Candès, "Conformalized quantile regression", NeurIPS 2019.

    Examples
    --------
    >>> from fastmlp.tabular.conformal import cqr_scores
    >>> cqr_scores([1.0, 5.0, 9.0], [2.0, 2.0, 2.0], [6.0, 6.0, 6.0])
    array([ 1., -1.,  3.])
    """
    targets = np.asarray(y, dtype=np.float64)
    return np.maximum(np.asarray(lower) - targets, targets - np.asarray(upper))


def cv_plus_interval(
    summary: FoldScores,
    lower: ArrayLike,
    upper: ArrayLike | None = None,
    *,
    scale: ArrayLike | None = None,
    coverage: float = 0.9,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the lower and the upper ends of CV+ intervals.

    With n rows, of which row i was left out by fold k(i) and has the score R_i, the ends for a new row x are

        lower: the ⌊alpha (n + 1)⌋-th smallest of  lower_k(i)(x) - scale_k(i)(x) · R_i
        upper: the ⌈(1 - alpha) (n + 1)⌉-th smallest of  upper_k(i)(x) + scale_k(i)(x) · R_i

    with alpha = 1 - coverage. A new row lies between them with a probability of at least 1 - 2 alpha, less a term that
    vanishes with more rows, and usually of about 1 - alpha. Of an alpha below 1 / (n + 1) the interval is the whole
    line.

    Where the summary has all scores, these are the ends of the paper. Where it has quantiles, the interval contains
    that one, and is contained in the paper's interval of ranks that lie further out by (group_size - 1) rows for each
    fold: of equal folds, 1 / n_quantiles of the rows at most.

    Parameters
    ----------
    summary : FoldScores
    lower : array-like of shape (n_folds, n_rows)
        What each fold's model predicts for the new rows: the number itself, or the lower quantile.
    upper : array-like of shape (n_folds, n_rows), default=None
        The upper quantile; None means the same as lower.
    scale : array-like of shape (n_folds, n_rows) or (n_rows,), default=None
        The scale of errors at the new rows, not negative, where the scores were divided by it. None means 1.
    coverage : float in (0, 1), default=0.9

    Returns
    -------
    lower, upper : ndarray of float64 of shape (n_rows,)
        They may be infinite. Where a band of quantiles is so much narrowed that its ends pass each other, they are
        exchanged.

    Raises
    ------
    ValueError
        When shapes do not belong together, or coverage is not between 0 and 1.

    References
    ----------
    Barber, Candès, Ramdas & Tibshirani, "Predictive inference with the jackknife+", Annals of Statistics 49, 2021; for
    the scale, Lei et al., "Distribution-free predictive inference for regression", JASA 113, 2018.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.tabular.conformal import cv_plus_interval, summarize_scores
    >>> summary = summarize_scores(np.arange(1.0, 20.0), np.arange(19) % 2)
    >>> cv_plus_interval(summary, [[100.0], [100.0]], coverage=0.9)
    (array([82.]), array([118.]))
    >>> cv_plus_interval(summary, [[100.0], [100.0]], coverage=0.99)
    (array([-inf]), array([inf]))
    """
    alpha = 1 - checked_coverage(coverage)
    n_folds, n = len(summary.counts), int(summary.counts.sum())
    low = np.asarray(lower, dtype=np.float64)
    high = low if upper is None else np.asarray(upper, dtype=np.float64)
    if low.ndim != 2 or len(low) != n_folds or high.shape != low.shape:
        raise ValueError(
            f"lower and upper must have the shape ({n_folds}, n_rows), with a row for each fold;"
            f" got {low.shape} and {high.shape}."
        )
    n_rows = low.shape[1]
    scales = np.ones(1) if scale is None else np.asarray(scale, dtype=np.float64)
    if scale is not None and scales.shape not in ((n_rows,), (n_folds, n_rows)):
        raise ValueError(f"scale must have the shape ({n_folds}, {n_rows}) or ({n_rows},); got {scales.shape}.")
    if not (scales >= 0).all():
        raise ValueError("scale must not be negative or NaN.")
    scales = np.broadcast_to(scales, low.shape)
    # The lower end is the upper end of everything turned round: the k-th smallest is the (n + 1 - k)-th largest.
    rank = n + 1 - floor(alpha * (n + 1) + _ROUNDING)
    ends = np.empty((2, n_rows))
    step = max(1, _AT_ONCE // max(1, summary.quantiles.size))
    for begin in range(0, n_rows, step):
        rows = slice(begin, begin + step)
        ends[0, rows] = -_upper_end(summary, -low[:, rows], scales[:, rows], rank)
        ends[1, rows] = _upper_end(summary, high[:, rows], scales[:, rows], rank)
    return np.minimum(ends[0], ends[1]), np.maximum(ends[0], ends[1])


def _upper_end(summary: FoldScores, predictions: NDArray, scales: NDArray, rank: int) -> NDArray:
    """Return for each row the number of a rank, from 1, among predictions + scales · scores."""
    n_rows, n_kept = predictions.shape[1], summary.n_kept
    if rank > summary.counts.sum():
        return np.full(n_rows, np.inf)
    values, ends = np.empty((n_rows, int(n_kept.sum()))), np.cumsum(n_kept)
    for fold, (end, n) in enumerate(zip(ends, n_kept, strict=True)):
        of_fold = values[:, end - n : end]
        np.multiply(scales[fold][:, np.newaxis], summary.quantiles[fold, :n], out=of_fold)
        of_fold += predictions[fold][:, np.newaxis]
    # Were all groups full, each value up to the end would stand for group_size rows. First groups may lack some, and
    # all that they lack is added to the rank, as if all of them lay below the end; if one does not, the end lies too
    # far out.
    lacking = int((n_kept * summary.group_size - summary.counts).sum())
    place = -(-(rank + lacking) // summary.group_size) - 1
    values.partition(place, axis=1)
    return values[:, place]


def set_scores(
    probabilities: ArrayLike, *, method: str = "lac", penalty: float = 0.0, n_free: int = 1
) -> NDArray[np.float64]:
    """Return how strange each class would be for each row: the lower, the sooner a prediction set has it.

    Parameters
    ----------
    probabilities : array-like of shape (n_rows, n_classes)
    method : {"lac", "aps"}, default="lac"
        "lac" is 1 - the probability of the class, which makes the smallest sets. "aps" is the sum of the probabilities
        from the most probable class down to this one, which covers hard rows as often as easy ones, with larger sets.
        Of equal probabilities, the class of the lowest number comes first. Nothing is random.
    penalty : float >= 0, default=0.0
        What each class after the first ``n_free`` adds to the scores of "aps", so that sets stay small (RAPS).
    n_free : int >= 0, default=1

    Returns
    -------
    scores : ndarray of float64 of shape (n_rows, n_classes)

    Raises
    ------
    ValueError
        When the shape is another, or a parameter is out of its range.

    References
    ----------
    Sadinle, Lei & Wasserman, "Least ambiguous set-valued classifiers with bounded error levels", JASA 114, 2019;
    Romano, Sesia & Candès, "Classification with valid and adaptive coverage", NeurIPS 2020; Angelopoulos et al.,
    "Uncertainty sets for image classifiers using conformal prediction", ICLR 2021.

    Examples
    --------
    >>> from fastmlp.tabular.conformal import set_scores
    >>> set_scores([[0.25, 0.625, 0.125]])
    array([[0.75 , 0.375, 0.875]])
    >>> set_scores([[0.25, 0.625, 0.125]], method="aps")
    array([[0.875, 0.625, 1.   ]])
    >>> set_scores([[0.25, 0.625, 0.125]], method="aps", penalty=0.5)
    array([[1.375, 0.625, 2.   ]])
    """
    given = np.asarray(probabilities, dtype=np.float64)
    if given.ndim != 2:
        raise ValueError(f"probabilities must have the shape (n_rows, n_classes); got {given.shape}.")
    if method not in ("lac", "aps"):
        raise ValueError(f"method must be 'lac' or 'aps'; got {method!r}.")
    if not 0 <= penalty < np.inf:
        raise ValueError(f"penalty must be a number of at least 0; got {penalty!r}.")
    if method == "lac":
        return 1 - given
    order = np.argsort(-given, axis=1, kind="stable")
    sums = np.cumsum(np.take_along_axis(given, order, axis=1), axis=1)
    sums += penalty * np.maximum(np.arange(1, given.shape[1] + 1) - whole_number(n_free, "n_free", least=0), 0)
    scores = np.empty_like(given)
    np.put_along_axis(scores, order, sums, axis=1)
    return scores


def set_threshold(scores: ArrayLike, y: ArrayLike, *, coverage: float = 0.9) -> float:
    """Return the score up to which a prediction set has classes: the ⌈coverage · (n + 1)⌉-th smallest true one.

    Parameters
    ----------
    scores : array-like of shape (n_rows, n_classes)
        The scores of out-of-fold probabilities, from :func:`set_scores`.
    y : array-like of int of shape (n_rows,)
        The number of each row's true class, from 0.
    coverage : float in (0, 1), default=0.9
        How often a set shall have the true class, at least.

    Returns
    -------
    threshold : float
        Infinite when there are too few rows for the coverage; then sets have all classes.

    Raises
    ------
    ValueError
        When y does not belong to the scores, or coverage is not between 0 and 1.

    Examples
    --------
    >>> from fastmlp.tabular.conformal import set_scores, set_threshold
    >>> scores = set_scores([[0.75, 0.25], [0.5, 0.5], [0.625, 0.375]])
    >>> set_threshold(scores, [0, 1, 1], coverage=0.5), set_threshold(scores, [0, 1, 1])
    (0.5, inf)
    """
    given, targets = np.asarray(scores, dtype=np.float64), np.asarray(y)
    if given.ndim != 2 or targets.shape != (len(given),):
        raise ValueError(
            f"scores must have the shape (n_rows, n_classes) and y (n_rows,); got {given.shape} and {targets.shape}."
        )
    true = of_true_class(given, targets)
    rank = ceil(checked_coverage(coverage) * (len(true) + 1) - _ROUNDING)
    return float(np.partition(true, rank - 1)[rank - 1]) if rank <= len(true) else np.inf


def summary_threshold(summary: FoldScores, *, coverage: float = 0.9) -> float:
    """Return what :func:`set_threshold` does, from a summary of the true classes' scores, or a little more.

    Parameters
    ----------
    summary : FoldScores
        The scores of the true classes, as :func:`summarize_scores` makes it of a single fold.
    coverage : float in (0, 1), default=0.9

    Examples
    --------
    >>> from fastmlp.tabular.conformal import summarize_scores, summary_threshold
    >>> summary_threshold(summarize_scores([0.25, 0.5, 0.375], [0, 0, 0]), coverage=0.5)
    0.375
    """
    n_rows, n_kept = int(summary.counts[0]), int(summary.n_kept[0])
    rank = ceil(checked_coverage(coverage) * (n_rows + 1) - _ROUNDING)
    if rank > n_rows:
        return np.inf
    # Each quantile is the largest score of its group, and the first group has the rows that are left over.
    place = n_kept - 1 - (n_rows - rank) // summary.group_size
    return float(summary.quantiles[0, place])


def prediction_sets(scores: ArrayLike, threshold: float, *, never_empty: bool = True) -> NDArray[np.bool_]:
    """Return which classes are in the prediction set of each row.

    Parameters
    ----------
    scores : array-like of shape (n_rows, n_classes)
        The scores of the rows' probabilities, of the same method as those that the threshold is from.
    threshold : float
    never_empty : bool, default=True
        Whether each set has the class of the lowest score at least. That is more often right, never less.

    Returns
    -------
    sets : ndarray of bool of shape (n_rows, n_classes)

    Examples
    --------
    >>> from fastmlp.tabular.conformal import prediction_sets, set_scores
    >>> prediction_sets(set_scores([[0.75, 0.25], [0.5, 0.5]]), 0.5)
    array([[ True, False],
           [ True,  True]])
    """
    given = np.asarray(scores, dtype=np.float64)
    sets = given <= threshold
    if never_empty:
        sets[np.arange(len(given)), given.argmin(axis=1)] = True
    return sets


def say_if_rows_are_few(summary: FoldScores, coverage: float, otherwise: str) -> None:
    """Warn where there are too few rows for a coverage.

    Parameters
    ----------
    summary : FoldScores
        The scores of all rows.
    coverage : float in (0, 1)
    otherwise : str
        What the predictions are then.
    """
    n_rows, needed = int(summary.counts.sum()), rows_needed(coverage)
    if n_rows < needed:
        warn_user(
            f"coverage={coverage!r} needs {needed:,} rows that members left out and that have a weight, and there"
            f" {'is' if n_rows == 1 else 'are'} {n_rows}: {otherwise}.",
            CoverageWarning,
        )


def rows_needed(coverage: float) -> int:
    """Return how many rows a coverage needs, so that intervals are finite and sets may lack classes.

    Examples
    --------
    >>> from fastmlp.tabular.conformal import rows_needed
    >>> rows_needed(0.5), rows_needed(0.9), rows_needed(0.99)
    (1, 9, 99)
    """
    return ceil((1 - _ROUNDING) / (1 - checked_coverage(coverage)) - 1)


def checked_coverage(coverage: float) -> float:
    """Return a coverage, if it is between 0 and 1; raise a ValueError for anything else."""
    if not (isinstance(coverage, Real) and 0 < coverage < 1):
        raise ValueError(f"coverage must be a number between 0 and 1; got {coverage!r}.")
    return float(coverage)
