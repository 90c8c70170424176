"""Categories in an order in which trees can split them: by the mean of the targets of each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

#: A code is a byte, and 0 stands for missing and unknown values.
MOST_CATEGORIES = 255


def ordered_categories(
    codes: NDArray,
    n_categories: Sequence[int],
    targets: NDArray,
    rows: NDArray,
    sample_weight: NDArray | None = None,
    *,
    smoothing: float = 10.0,
) -> list[NDArray[np.uint8]]:
    """Return, for each column of categories, codes that ascend with the mean of the targets.

    The mean of a category is taken as if it had ``smoothing`` more rows, with the mean of all. Several outputs are
    first projected on the direction in which the means of categories differ most. Of more than 255 categories the most
    frequent have codes of their own, and each of the others has that of the one whose mean is closest. So have missing
    values where there are none among the rows: nothing is known of them but the mean of all.

    Parameters
    ----------
    codes : ndarray of int of shape (n_rows, n_columns)
        0 for missing and unknown values, 1 and up for categories.
    n_categories : sequence of int
        The number of categories of each column.
    targets : ndarray of shape (n_rows, n_outputs)
    rows : ndarray of int
        The numbers of the rows to learn from.
    sample_weight : ndarray of shape (n_rows,), default=None
    smoothing : float > 0, default=10
        In rows.

    Returns
    -------
    maps : list of ndarray of uint8, each of shape (n_categories + 1,)
        The new code of each old one. Code 0 stays 0 where rows have it.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.tabular.category_order import ordered_categories
    >>> codes, targets = np.array([[1], [2], [3], [1]]), np.array([[1.0], [0.0], [0.5], [1.0]])
    >>> (order,) = ordered_categories(codes, [3], targets, np.arange(4))
    >>> order.tolist(), order[codes[:, 0]].tolist()
    ([2, 3, 1, 2], [3, 1, 2, 3])
    """
    learned, of_rows = codes[rows], np.asarray(targets, dtype=np.float64)[rows]
    weights = np.ones(len(learned)) if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)[rows]
    if not weights.sum() > 0:
        raise ValueError("rows must have rows with weight to learn from; there are none.")
    weights = weights * (len(weights) / weights.sum())
    centred = of_rows - np.average(of_rows, axis=0, weights=weights)
    maps = []
    for column, n in zip(learned.T, n_categories, strict=True):
        n_missing, *of_categories = np.bincount(column, weights, minlength=n + 1)
        counts = np.array(of_categories)
        sums = np.stack([np.bincount(column, weights * y, minlength=n + 1)[1:] for y in centred.T], axis=1)
        means = _along_one_direction(sums / (counts + smoothing)[:, np.newaxis], counts)
        maps.append(_order(means, counts, has_missing=n_missing > 0))
    return maps


def _along_one_direction(means: NDArray, counts: NDArray) -> NDArray:
    """Return centred means of several outputs as one number for each category."""
    if means.shape[1] == 1:
        return means[:, 0]
    direction = np.linalg.eigh(means.T @ (means * counts[:, np.newaxis]))[1][:, -1]
    return means @ (direction * np.sign(direction[np.argmax(np.abs(direction))]))


def _order(means: NDArray, counts: NDArray, *, has_missing: bool) -> NDArray[np.uint8]:
    """Return the code of each category, and before them that of missing values."""
    order = np.zeros(len(means) + 1, dtype=np.uint8)
    frequent = np.sort(np.argsort(-counts, kind="stable")[:MOST_CATEGORIES])
    frequent = frequent[np.argsort(means[frequent], kind="stable")]
    order[1 + frequent] = np.arange(1, len(frequent) + 1)
    known = means[frequent]
    borders = (known[1:] + known[:-1]) / 2
    if len(means) > len(frequent):
        others = np.setdiff1d(np.arange(len(means)), frequent)
        order[1 + others] = 1 + np.searchsorted(borders, means[others])
    if len(means) and not has_missing:
        order[0] = 1 + np.searchsorted(borders, 0.0)  # means are centred
    return order
