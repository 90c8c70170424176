"""Which rows each member leaves out of its training, to stop by and to be judged by."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastmlp.exceptions import FILTERING, counted
from fastmlp.inputs.plain_targets import is_missing


class Fold(NamedTuple):
    """The rows that members of a fold learn from, and those they leave out."""

    learned: NDArray[np.intp]
    left_out: NDArray[np.intp]


def make_folds(
    n_folds: int,
    n_rows: int,
    strata: NDArray | None,
    groups: ArrayLike | None,
    random: np.random.RandomState,
    has_weight: NDArray[np.bool_] | None = None,
) -> list[Fold]:
    """Return folds that each leave out another share of the rows, alike in their shares of classes.

    A class with a single row is never left out, so that all members know all classes. Of groups, all rows are left out
    together.

    Parameters
    ----------
    n_folds : int >= 2
    n_rows : int >= 2
    strata : ndarray of int of shape (n_rows,) or None
        The number of each row's class; None where there are none.
    groups : array-like of shape (n_rows,) or None
        Rows of which some must not be learned from when others are left out, such as those of one person.
    random : RandomState
    has_weight : ndarray of bool of shape (n_rows,) or None
        The rows that have a weight; of these, too, each fold leaves out another share. None is all.

    Returns
    -------
    folds : list of Fold
        As many as asked for, or fewer where there are fewer rows or groups.

    Raises
    ------
    ValueError
        When there are fewer than two groups, or groups are not as many as rows; when every class has a single row.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.tabular.folds import make_folds
    >>> folds = make_folds(2, 5, np.array([0, 0, 0, 0, 1]), None, np.random.RandomState(0))
    >>> [len(fold.left_out) for fold in folds], [4 in fold.learned for fold in folds]
    ([2, 2], [True, True])
    """
    if groups is not None:
        return _folds_of_groups(n_folds, n_rows, strata, groups, random)
    has_weight = np.ones(n_rows, bool) if has_weight is None else has_weight
    order = random.permutation(n_rows)
    if strata is not None:
        n_counted = np.bincount(strata, has_weight)
        order = order[np.argsort(strata[order], kind="stable")]
        is_only_one = (n_counted[strata] == 1) & has_weight
        order = order[~is_only_one[order]]
    order = order[np.argsort(~has_weight[order], kind="stable")]
    n_parted = int(has_weight[order].sum())
    if n_parted < 2:
        if strata is not None:
            what = f"y has {n_rows} rows of {len(n_counted)} classes, a single row of each"
        else:
            what = f"y has {n_rows} rows, but not two"
        with_weight = " of a weight above 0" * (not has_weight.all())
        raise ValueError(f"{what}{with_weight}: none can be left out.")
    n_folds = min(n_folds, n_parted)
    number = np.full(n_rows, -1)
    number[order] = np.arange(len(order)) % n_folds
    return [Fold(np.flatnonzero(number != i), np.flatnonzero(number == i)) for i in range(n_folds)]


def _folds_of_groups(
    n_folds: int, n_rows: int, strata: NDArray | None, groups: ArrayLike, random: np.random.RandomState
) -> list[Fold]:
    from sklearn.model_selection import GroupKFold, StratifiedGroupKFold  # noqa: PLC0415 - it takes long

    numbers = _group_numbers(groups, n_rows)
    n_groups = int(numbers.max()) + 1
    if n_groups < 2:
        raise ValueError("groups must be two or more, so that one can be left out; got a single one.")
    n_folds = min(n_folds, n_groups)
    # Classes of fewer rows than there are folds cannot be in all of them; scikit-learn refuses if all are such.
    if strata is not None and np.bincount(strata).max() < n_folds:
        strata = None
    splitter = (GroupKFold if strata is None else StratifiedGroupKFold)(n_folds, shuffle=True, random_state=random)
    rows = np.zeros((n_rows, 1))
    with FILTERING, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        folds = [Fold(*each) for each in splitter.split(rows, strata, numbers)]
    return [fold for fold in folds if len(fold.learned) and len(fold.left_out)]


def _group_numbers(groups: ArrayLike, n_rows: int) -> NDArray[np.intp]:
    """Return the number of each row's group."""
    given = np.asarray(groups)
    if given.shape != (n_rows,):
        raise ValueError(f"groups must be of shape ({n_rows},), as X has rows; got {given.shape}.")
    names = given.tolist()
    for row, name in enumerate(names):
        if is_missing(name):
            raise ValueError(f"groups has no group for row {row}, counted from 0: {name!r}; give each row one.")
    places: dict[Any, int] = {}
    return np.array([places.setdefault(name, len(places)) for name in names], np.intp)


def splits_of(cv: Any, X: Any, y: NDArray, groups: ArrayLike | None) -> list[Fold]:
    """Return the folds that a splitter of scikit-learn makes, or those that are given one by one.

    A splitter that is ordered by time leaves some rows in all of them.

    Parameters
    ----------
    cv : object with a method split, or iterable of pairs (learned, left out)
        The places of rows, or masks.
    X : table
    y : ndarray of shape (n_rows,) or (n_rows, n_outputs)
    groups : array-like of shape (n_rows,) or None

    Raises
    ------
    ValueError
        When a fold has no rows to learn from or to leave out, has rows that there are not, or learns from rows that it
        leaves out; when a splitter needs groups, and there are none.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.tabular.folds import splits_of
    >>> splits_of([([0, 1], [2])], None, np.zeros(3), None)
    [Fold(learned=array([0, 1]), left_out=array([2]))]
    """
    n_rows = len(y)
    folds = []
    for number, split in enumerate(_split(cv, X, y, groups) if hasattr(cv, "split") else cv):
        parts = [np.asarray(part) for part in split]
        if len(parts) != 2 or any(part.ndim != 1 or part.dtype.kind not in "iub" for part in parts if part.size):
            raise ValueError(f"cv={cv!r:.100} must give pairs of places of rows; its split {number} is {split!r:.100}.")
        fold = Fold(*(_places(part, n_rows, f"cv={cv!r:.100}") for part in parts))
        if not len(fold.learned) or not len(fold.left_out):
            part = "learn from" if not len(fold.learned) else "leave out"
            raise ValueError(f"cv={cv!r:.100} has no rows to {part} in its split {number}.")
        if (both := np.intersect1d(fold.learned, fold.left_out)).size:
            raise ValueError(f"cv={cv!r:.100}: its split {number} learns from row {both[0]}, which it leaves out.")
        folds.append(fold)
    if not folds:
        once = ": it gives its splits once, so that a second fit has none; make a list of it" * isinstance(cv, Iterator)
        raise ValueError(f"cv={cv!r:.100} makes no folds{once}.")
    return folds


def _split(cv: Any, X: Any, y: NDArray, groups: ArrayLike | None) -> list[Any]:
    """Return the pairs of places of rows that a splitter makes; say where it lacks groups."""
    try:
        return list(cv.split(X, y, groups))
    except (TypeError, ValueError) as error:
        if groups is not None or "groups" not in str(error):
            raise
        raise ValueError(f"cv={cv!r:.100} parts rows by groups: give them to fit, fit(X, y, groups=...).") from error


def _places(part: NDArray, n_rows: int, cv: str) -> NDArray[np.intp]:
    if part.dtype == bool:
        if len(part) != n_rows:
            raise ValueError(f"{cv} has a mask of {counted(len(part))}; X has {n_rows}.")
        return np.flatnonzero(part)
    places = part.astype(np.intp)
    if ((places < 0) | (places >= n_rows)).any():
        raise ValueError(f"{cv} has places of rows that X has not: those of {n_rows} rows are 0 to {n_rows - 1}.")
    return places


def require_weights(folds: list[Fold], sample_weight: NDArray | None) -> None:
    """Refuse folds that learn from rows without weight alone, or leave out no others.

    Raises
    ------
    ValueError
        It says which fold.
    """
    if sample_weight is None:
        return
    for number, fold in enumerate(folds):
        for rows, what in ((fold.learned, "learns from"), (fold.left_out, "leaves out")):
            if not sample_weight[rows].any():
                raise ValueError(
                    f"sample_weight is 0 for all rows that fold {number} {what}: give weights to more rows, or a cv"
                    " that parts them otherwise."
                )


def validation_folds(n_folds: int, n_learned: int, n_rows: int) -> list[Fold]:
    """Return folds that all learn from the first rows, and leave out all the others."""
    return [Fold(np.arange(n_learned), np.arange(n_learned, n_rows))] * n_folds


def fold_numbers(folds: list[Fold], n_rows: int) -> NDArray[np.intp]:
    """Return for each row the number of a fold that leaves it out, -1 for none; where several do, each in its turn.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.tabular.folds import fold_numbers, validation_folds
    >>> fold_numbers(validation_folds(3, 1, 6), 6)
    array([-1,  1,  2,  0,  1,  2])
    """
    n_before = np.zeros((len(folds) + 1, n_rows), np.intp)
    for i, fold in enumerate(folds):
        n_before[i + 1] = n_before[i]
        n_before[i + 1, fold.left_out] += 1
    # The fold is the one at which as many have left the row out as its turn says.
    turn = np.arange(n_rows) % np.maximum(n_before[-1], 1) + 1
    return np.where(n_before[-1] > 0, (n_before[1:] == turn).argmax(axis=0), -1)
