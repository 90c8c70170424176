"""Importances of a table's columns: how much worse out-of-fold predictions become when a column is permuted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import Bunch, check_random_state

from fastmlp.components import whole_number

#: What predicts the rows of a fold: it is called with the fold's number, the fold's rows, the columns that are
#: permuted, and for each of the rows the row whose values in those columns it gets.
Predict = Callable[[int, NDArray, Sequence[Any], NDArray], ArrayLike]
#: What scores predictions; it is called with rows and with their predictions, and larger is better.
Score = Callable[[NDArray, NDArray], float]


def out_of_fold_importances(
    predict: Predict,
    score: Score,
    columns: Sequence[Any],
    folds: Sequence[ArrayLike],
    *,
    n_repeats: int = 5,
    random_state: Any = None,
) -> Bunch:
    """Return the fall of a score when the values of a column go to other rows, over out-of-fold predictions.

    Each model predicts the rows that it was not trained on, so the importances are those for new rows; a column that
    was merely learned by heart has none. A row's new value may come from any row of any fold. All predictions are
    scored together. The permutations are the same for all columns, so that no column's importance depends on which
    others are asked for, and the noise of differences between columns is smaller.

    Parameters
    ----------
    predict : callable
        ``predict(fold, rows, columns, donors)`` returns what the fold's model predicts for the rows, an array with a
        first axis of their number, where the values of all of ``columns`` are those of the rows ``donors``. For the
        baseline, columns is empty and donors are rows.
    score : callable
        ``score(rows, predictions)`` returns a number, larger where predictions are better.
    columns : sequence
        The sources to be measured, one after another. Each entry is a column, or a list or tuple of columns that are
        permuted together since they come from one source.
    folds : sequence of array-like of int
        For each fold the rows that it left out. A row may be in no fold, but not in two.
    n_repeats : int >= 1, default=5
    random_state : int, RandomState or None, default=None
        An int gives the same permutations each time.

    Returns
    -------
    result : :class:`~sklearn.utils.Bunch`
        As from :func:`sklearn.inspection.permutation_importance`, and the baseline:

        importances_mean, importances_std : ndarray of shape (n_sources,)
            Mean and standard deviation over repeats.
        importances : ndarray of shape (n_sources, n_repeats)
        baseline_score : float

    Raises
    ------
    ValueError
        When a row is in two folds, there are no rows, or a prediction has another number of rows.

    References
    ----------
    Breiman, "Random forests", Machine Learning 45, 2001; Fisher, Rudin & Dominici, "All models are wrong, but many are
    useful", JMLR 20, 2019.

    Examples
    --------
    The targets are the first column; the second one has no say.

    >>> import numpy as np
    >>> from fastmlp.tabular.importance import out_of_fold_importances
    >>> X = np.random.default_rng(0).standard_normal((100, 2))
    >>> y = X[:, 0]
    >>> def predict(fold, rows, columns, donors):
    ...     changed = X[rows]
    ...     for column in columns:
    ...         changed[:, column] = X[donors, column]
    ...     return changed[:, 0]
    >>> def score(rows, predictions):
    ...     return -np.mean((y[rows] - predictions) ** 2)
    >>> folds = [np.arange(50), np.arange(50, 100)]
    >>> result = out_of_fold_importances(predict, score, [0, 1], folds, random_state=0)
    >>> result.importances_mean.round(1), result.importances.shape
    (array([1.8, 0. ]), (2, 5))
    """
    n_repeats = whole_number(n_repeats, "n_repeats")
    parts = [np.asarray(fold, dtype=np.intp).ravel() for fold in folds]
    rows = np.concatenate(parts) if parts else np.empty(0, dtype=np.intp)
    if not len(rows):
        raise ValueError("folds must have at least one row.")
    if len(np.unique(rows)) != len(rows):
        raise ValueError("folds must not share rows: each row has one out-of-fold prediction.")
    random = check_random_state(random_state)
    donors = [random.permutation(rows) for _ in range(n_repeats)]
    ends = np.cumsum([len(part) for part in parts])[:-1]

    def score_with(permuted: Sequence[Any], given: NDArray) -> float:
        predictions = [
            _checked(predict(fold, part, permuted, of_part), fold, len(part))
            for fold, (part, of_part) in enumerate(zip(parts, np.split(given, ends), strict=True))
            if len(part)
        ]
        return float(score(rows, np.concatenate(predictions)))

    baseline = score_with((), rows)
    sources = [tuple(source) if isinstance(source, list | tuple) else (source,) for source in columns]
    falls = [[baseline - score_with(source, order) for order in donors] for source in sources]
    importances = np.array(falls, dtype=np.float64).reshape(len(sources), n_repeats)
    return Bunch(
        importances_mean=importances.mean(axis=1),
        importances_std=importances.std(axis=1),
        importances=importances,
        baseline_score=baseline,
    )


def _checked(predictions: ArrayLike, fold: int, n_rows: int) -> NDArray:
    found = np.asarray(predictions)
    if found.ndim < 1 or len(found) != n_rows:
        raise ValueError(
            f"predict must return a prediction for each of {n_rows} rows of fold {fold}; got shape {found.shape}."
        )
    return found
