"""Importances that a fit finds: what each column adds to how good the predictions for rows left out are."""

from __future__ import annotations

import time
from typing import NamedTuple, Protocol

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray

from fastmlp.tabular.columns import TableColumns
from fastmlp.tabular.encoding import SharedColumns, TableEncoding
from fastmlp.tabular.ensemble import Member, TargetEnsemble
from fastmlp.tabular.explanation import Read, column_values
from fastmlp.threads import prediction_team

# The most rows that importances are found by, and the pieces of their ways: for a mean over rows, few will do.
_MOST_ROWS = 500
_N_PIECES = 2


class Gains(NamedTuple):
    """What a fit finds of its columns."""

    #: What each column adds, (n_features,): means over several targets; 0 for columns that are not used.
    values: NDArray[np.float64]
    #: By so many rows they were found.
    n_rows: int
    #: Of so many, had there been the time.
    n_chosen: int


class _Fitted(Protocol):
    """What must be known of an estimator whose members have been trained."""

    columns_: TableColumns
    encoding_: TableEncoding
    ensembles_: list[TargetEnsemble]
    n_jobs: int | None

    def _goodness_reader(self, number: int, members: list[Member], y: NDArray) -> Read: ...


def gains(
    estimator: _Fitted,
    shared: SharedColumns,
    y: NDArray,
    fold_of: NDArray[np.intp],
    sample_weight: NDArray | None,
    random_state: int,
    deadline: float = np.inf,
) -> Gains:
    """Return what each column adds to how good the predictions for rows left out are, and 0 where it takes away.

    Each row's log-probability or squared error is explained as predictions are, by integrated gradients from an average
    row, through the members that left the row out; the values are averaged over rows. Before those below 0 are made 0,
    all of them sum up to what the predictions are better by than that for the average row is. A column that was merely
    learned by heart adds nothing. Of columns that say the same, each has its part; where columns are permuted, none of
    them would matter. The cost does not grow with the number of columns, as that of permutations does.

    Parameters
    ----------
    estimator : TabularEstimator
    shared : SharedColumns
        What its members see of the rows of training.
    y : ndarray of shape (n_rows,) or (n_rows, n_outputs)
        The targets as numbers.
    fold_of : ndarray of int of shape (n_rows,)
        The fold whose members predict each row, -1 for none.
    sample_weight : ndarray of shape (n_rows,) or None
    random_state : int
        The seed of the choice of rows.
    deadline : float, default=inf
        The time.monotonic() by which they are to be found. Folds for which there is no time are left out, but for the
        first.
    """
    weights = np.ones(len(y)) if sample_weight is None else sample_weight
    rows = np.flatnonzero((fold_of >= 0) & (weights > 0))
    if len(rows) > _MOST_ROWS:
        rows = np.sort(np.random.default_rng(random_state).choice(rows, _MOST_ROWS, replace=False))
    if not len(rows):
        return Gains(np.zeros(len(estimator.columns_.columns_)), 0, 0)

    def of_fold(number: int, fold: int) -> NDArray[np.float64]:
        ensemble, left_out = estimator.ensembles_[number], rows[fold_of[rows] == fold]
        members = [member for member in ensemble.members_ if member.fold == fold]
        values, _ = column_values(
            ensemble,
            members,
            shared.take(left_out),
            estimator.encoding_,
            estimator.columns_,
            estimator._goodness_reader(number, members, y[left_out]),
            n_pieces=_N_PIECES,
        )
        return weights[left_out] @ values[..., 0]

    n_targets, n_jobs = len(estimator.ensembles_), prediction_team(estimator.n_jobs).n_threads
    folds = np.unique(fold_of[rows]).tolist()
    at_once = len(folds) if deadline == np.inf else n_jobs
    found: list[NDArray[np.float64]] = []
    done, took = 0, 0.0
    while done == 0 or (done < len(folds) and time.monotonic() + took < deadline):
        began = time.monotonic()
        tasks = [(number, fold) for fold in folds[done : done + at_once] for number in range(n_targets)]
        found += Parallel(n_jobs=n_jobs, backend="threading")(delayed(of_fold)(*task) for task in tasks)
        done, took = done + len(tasks) // n_targets, time.monotonic() - began
    used = rows[np.isin(fold_of[rows], folds[:done])]
    return Gains(np.maximum(np.sum(found, axis=0) / weights[used].sum() / n_targets, 0), len(used), len(rows))
