"""Bands of quantiles: intervals whose width follows the row, and which cover as often as they say.

An ensemble predicts several quantiles of a target, and pairs of these are intervals for a few coverages. What the
networks promise, rows that were left out put right: by how much a row lies outside of its interval, as a share of the
interval's width, is its score, and CV+ makes all intervals wider or narrower by a quantile of the scores. So any
coverage can be asked for, with the pair that is nearest to it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastmlp.registration import stored_as
from fastmlp.soundness import is_array, require
from fastmlp.tabular.conformal import FoldScores, checked_coverage, cqr_scores, cv_plus_interval, summarize_scores
from fastmlp.tabular.encoding import SharedColumns
from fastmlp.tabular.ensemble import TargetEnsemble
from fastmlp.tabular.judges import are_of_judges, judges_predict

#: What the pairs of quantiles cover, from the inner to the outer pair.
COVERAGES: tuple[float, ...] = (0.5, 0.8, 0.9, 0.95, 0.99)
#: The levels of the quantiles, in ascending order: the lower ones of the pairs, then the upper ones.
LEVELS: tuple[float, ...] = (
    *((1 - coverage) / 2 for coverage in reversed(COVERAGES)),
    *((1 + coverage) / 2 for coverage in COVERAGES),
)
# This share of the mean width is added to each width that scores are divided by. A row whose quantiles fall together
# would have a score without bounds else, for which all other rows' intervals had to be wider.
_ADDED_WIDTH = 0.25


@stored_as("tabular.QuantileBand")
class QuantileBand:
    """What the intervals of a target are made of. All numbers are scaled, as those that the networks learn.

    Parameters
    ----------
    limits : ndarray of shape (2,)
        The smallest and the largest target; quantiles stay within.

    Attributes
    ----------
    ensemble : TargetEnsemble
        It predicts the quantiles of :data:`LEVELS`.
    scores_ : list of FoldScores
        For each pair, how far outside of it the rows lie that were left out.
    added_widths_ : ndarray of shape (n_pairs,)
        What is added to the width of a row's interval where scores are divided by it, or multiplied.
    """

    def __init__(self, limits: NDArray[np.float64]) -> None:
        self.limits = limits
        self.ensemble = TargetEnsemble(False, len(LEVELS), list(LEVELS))

    def calibrate(self, quantiles: NDArray[np.float64], y: ArrayLike, judges: ArrayLike, n_judges: int = 1) -> None:
        """Learn from rows that were left out by how much intervals must be wider or narrower.

        Parameters
        ----------
        quantiles : ndarray of shape (n_rows, n_levels)
            What the judge of each row predicts.
        y : array-like of shape (n_rows,)
            The targets.
        judges : array-like of int of shape (n_rows,)
            The number of each row's judge.
        n_judges : int, default=1
            How many there are, if the last of them may have no rows.
        """
        lower, upper = self._ends(quantiles)
        widths = (upper - lower).mean(axis=0)
        self.added_widths_ = np.where(widths > 0, _ADDED_WIDTH * widths, 1.0)
        self.scores_ = []
        for pair in range(len(COVERAGES)):
            outside = cqr_scores(y, lower[:, pair], upper[:, pair])
            scores = outside / self._scales(lower, upper, pair)
            self.scores_.append(summarize_scores(scores, judges, n_folds=n_judges))

    def interval(
        self, shared: SharedColumns, coverage: float, n_jobs: int = 1
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the lower and the upper ends of intervals for rows, each of shape (n_rows,)."""
        pair = nearest_pair(coverage)
        lower, upper = self._ends(judges_predict(self.ensemble, self.scores_[pair], shared, n_jobs))
        scales = self._scales(lower, upper, pair)
        return cv_plus_interval(self.scores_[pair], lower[..., pair], upper[..., pair], scale=scales, coverage=coverage)

    def _ends(self, quantiles: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the ends of all pairs, (..., n_pairs), given the quantiles (..., n_levels).

        Networks may predict a higher quantile below a lower one. In order, quantiles are never worse (Chernozhukov,
        Fernández-Val & Galichon, "Quantile and probability curves without crossing", Econometrica 2010).
        """
        ordered = np.sort(np.clip(quantiles, *self.limits), axis=-1)
        n = len(COVERAGES)
        return ordered[..., n - 1 :: -1], ordered[..., n:]

    def _scales(self, lower: NDArray[np.float64], upper: NDArray[np.float64], pair: int) -> NDArray[np.float64]:
        return upper[..., pair] - lower[..., pair] + self.added_widths_[pair]

    def check_state(self) -> None:
        """Refuse attributes that ``calibrate`` does not set; an object from a file may have any."""
        state, n = vars(self), len(COVERAGES)
        expected = {"limits", "ensemble", "scores_", "added_widths_"}
        require(state.keys() == expected, "a QuantileBand has other attributes", sorted(state))
        sound = is_array(self.limits, 2) and bool(np.isfinite(self.limits).all()) and self.limits[0] <= self.limits[1]
        require(sound, "limits of a QuantileBand are no numbers in ascending order", self.limits)
        sound = isinstance(self.ensemble, TargetEnsemble) and not self.ensemble.is_classification
        sound = sound and self.ensemble.quantiles == list(LEVELS)
        require(sound, "ensemble of a QuantileBand is not one of its quantiles")
        scores = self.scores_
        sound = type(scores) is list and len(scores) == n and all(isinstance(each, FoldScores) for each in scores)
        sound = sound and all(are_of_judges(each, self.ensemble) for each in scores)
        require(sound, "scores_ of a QuantileBand are not those of its pairs and folds")
        widths = self.added_widths_
        sound = is_array(widths, n) and bool(np.isfinite(widths).all()) and bool((widths > 0).all())
        require(sound, "added_widths_ of a QuantileBand are no positive numbers, one for each pair")


def nearest_pair(coverage: float) -> int:
    """Return the number of the pair of quantiles for a coverage: what they do not cover is nearest, as a ratio.

    Raises
    ------
    ValueError
        When the coverage is not between 0 and 1.

    Examples
    --------
    >>> from fastmlp.tabular.bands import COVERAGES, nearest_pair
    >>> [COVERAGES[nearest_pair(coverage)] for coverage in (0.1, 0.7, 0.9, 0.96, 0.999)]
    [0.5, 0.8, 0.9, 0.95, 0.99]
    """
    missed = 1 - checked_coverage(coverage)
    return int(np.argmin([abs(np.log((1 - known) / missed)) for known in COVERAGES]))
