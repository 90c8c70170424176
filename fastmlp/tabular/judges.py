"""Which members judge a row that was left out, whose errors there make intervals around what they predict for others.

Each fold's members predict rows that they have not learned from; CV+ puts intervals around these very predictions. So
a row has one judge: the fold that leaves it out, or one of several, as a repeated splitter has them. Where all folds
leave out the same rows, which were given to validate on, all members have learned the same rows: they judge together,
as the one model that they are, and CV+ of a single fold is split conformal prediction.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastmlp.tabular.conformal import FoldScores
from fastmlp.tabular.encoding import SharedColumns
from fastmlp.tabular.ensemble import TargetEnsemble
from fastmlp.tabular.folds import Fold, fold_numbers


class Judged(NamedTuple):
    """The rows that are judged."""

    #: The places of these rows.
    rows: NDArray[np.intp]
    #: The number of the judge of each: a place among the folds that have members; 0 where all judge together.
    judges: NDArray[np.intp]
    #: What the judge predicts for the row, (n_judged, n_outputs).
    predicted: NDArray[np.float64]
    #: How many judges there are.
    n_judges: int


def judged_rows(
    ensemble: TargetEnsemble,
    found: NDArray[np.float64],
    shared: SharedColumns,
    folds: list[Fold],
    sample_weight: NDArray | None,
    n_jobs: int = 1,
) -> Judged:
    """Return the rows that are judged, the judge of each, and what it predicts there.

    Parameters
    ----------
    ensemble : TargetEnsemble
    found : ndarray of shape (n_rows, n_outputs)
        The mean of what members predict that leave a row out.
    shared : SharedColumns
        What members see of these rows.
    folds : list of Fold
        All of them; judges are those that have members.
    sample_weight : ndarray of shape (n_rows,) or None
        Rows without weight are not judged.
    n_jobs : int, default=1
    """
    folds = [folds[f] for f in ensemble.folds_]
    judges = fold_numbers(folds, len(found))
    rows = np.flatnonzero(judges >= 0 if sample_weight is None else (judges >= 0) & (sample_weight > 0))
    judges, predicted = judges[rows], found[rows]
    if _judge_together(folds):
        return Judged(rows, np.zeros(len(rows), np.intp), predicted, 1)
    if sum(len(fold.left_out) for fold in folds) > len(np.unique(np.concatenate([fold.left_out for fold in folds]))):
        # Means over several folds are nearer to the targets than what one of them predicts by itself.
        for place in np.unique(judges).tolist():
            own = judges == place
            predicted[own] = ensemble.predict_folds(shared.take(rows[own]), n_jobs)[place]
    return Judged(rows, judges, predicted, len(folds))


def _judge_together(folds: list[Fold]) -> bool:
    """Whether all folds leave out the same rows."""
    first = np.sort(folds[0].left_out)
    return all(np.array_equal(first, np.sort(fold.left_out)) for fold in folds[1:])


def judges_predict(
    ensemble: TargetEnsemble, scores: FoldScores, shared: SharedColumns, n_jobs: int = 1
) -> NDArray[np.float64]:
    """Return what each of the judges that scores are of predicts for other rows, (n_judges, n_rows, n_outputs)."""
    if len(scores.counts) == 1:
        return ensemble.predict(shared, n_jobs)[np.newaxis]
    return ensemble.predict_folds(shared, n_jobs)


def are_of_judges(scores: FoldScores, ensemble: TargetEnsemble) -> bool:
    """Whether scores may be those of the judges that an ensemble has; scores from a file may be any."""
    return len(scores.counts) in (1, ensemble.n_folds_)
