"""Numbers as codes of bins, whose borders lie between values that training rows have.

A border, or cut point, separates the numbers that are no larger from those that are. No two equal numbers are ever
separated, and a bin's borders do not move with the numbers within it.
"""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastmlp import engine
from fastmlp.components import whole_number
from fastmlp.exceptions import counted
from fastmlp.registration import stored_as
from fastmlp.soundness import is_array, require
from fastmlp.tabular.trees import LeafCodes

#: A code is a byte, and 0 stands for missing numbers.
MOST_BINS = 255


def between(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a cut point between each two neighbours of distinct numbers in ascending order, halfway where it can be.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.tabular.bins import between
    >>> between(np.array([1.0, 2.0, 4.0]))
    array([1.5, 3. ])
    """
    low, high = values[:-1], values[1:]
    middle = low / 2 + high / 2  # the sum of both might overflow
    # Between two neighbouring floating-point numbers there is none; then the lower one is the cut point itself.
    return np.where((middle >= low) & (middle < high), middle, low)


def cut_points(values: ArrayLike, max_bins: int = MOST_BINS, *, share: str = "capped") -> NDArray[np.float64]:
    """Return the cut points of bins that have about equal shares of some numbers.

    Where there are no more distinct numbers than bins, each has a bin of its own.

    Parameters
    ----------
    values : array-like of shape (n,)
        NaN is left out.
    max_bins : int >= 1, default=255
    share : {"capped", "rows", "distinct"}, default="capped"
        What a number counts for: with "rows" how often it occurs, so that bins are those of quantiles; with "distinct"
        once; with "capped" how often it occurs, but at most as much as a bin holds, so that a number which most rows
        have takes no bins from others.

    Returns
    -------
    cuts : ndarray of shape (n_bins - 1,)
        In ascending order.

    Raises
    ------
    ValueError
        When values are not finite numbers in one dimension, or a parameter is out of range.

    Examples
    --------
    >>> from fastmlp.tabular.bins import cut_points
    >>> cut_points([0.0, 0.0, 0.0, 0.0, 1.0, 2.0, 3.0, 4.0], 2, share="rows")
    array([0.5])
    >>> cut_points([0.0, 0.0, 0.0, 0.0, 1.0, 2.0, 3.0, 4.0], 2, share="distinct")
    array([1.5])
    """
    given = np.asarray(values, dtype=np.float64)
    n_bins = whole_number(max_bins, "max_bins")
    if share not in ("capped", "rows", "distinct"):
        raise ValueError(f"share must be 'capped', 'rows' or 'distinct'; got {share!r}.")
    if given.ndim != 1:
        raise ValueError(f"values must have the shape (n,); got {given.shape}.")
    distinct, counts = np.unique(given[~np.isnan(given)], return_counts=True)
    if len(distinct) and not np.isfinite(distinct[[0, -1]]).all():
        raise ValueError("values must be finite or NaN; some are infinite.")
    cuts = between(distinct)
    if len(distinct) <= n_bins:
        return cuts
    if share == "rows":
        shares = counts.astype(np.float64)
    else:
        shares = np.minimum(counts, 1.0 if share == "distinct" else counts.sum() / n_bins)
    # A number goes into the bin that its own middle falls into.
    ends = np.cumsum(shares)
    bins = np.floor((ends - shares / 2) * (n_bins / ends[-1]))
    return cuts[np.diff(bins) > 0]


def tree_cut_points(
    values: ArrayLike,
    targets: ArrayLike,
    max_leaves: int,
    *,
    classification: bool,
    min_rows: int = 1,
    sample_weight: ArrayLike | None = None,
) -> NDArray[np.float64]:
    """Return the cut points that a small tree on one column of numbers makes to predict targets.

    Parameters
    ----------
    values : array-like of shape (n_rows,)
        NaN is missing; the tree may separate missing numbers from others, which makes no cut point.
    targets : array-like of shape (n_rows,) or (n_rows, n_outputs)
        As for :class:`~fastmlp.tabular.trees.LeafCodes`.
    max_leaves : int from 2 to 256
        The most bins, missing numbers included where the tree separates them.
    classification : bool
        Whether targets are classes.
    min_rows : int >= 1, default=1
        The least number of rows of a bin.
    sample_weight : array-like of shape (n_rows,), default=None

    Returns
    -------
    cuts : ndarray of shape (n_bins - 1,)
        In ascending order, each between two of the values.

    Examples
    --------
    >>> from fastmlp.tabular.bins import tree_cut_points
    >>> tree_cut_points([1.0, 2.0, 3.0, 10.0], [0.0, 0.0, 5.0, 5.0], 4, classification=False)
    array([2.5])
    """
    column = np.asarray(values, dtype=np.float64).reshape(-1, 1)
    bins = Bins().fit(column)
    tree = LeafCodes(n_trees=1, max_leaves=max_leaves, min_rows=min_rows, subsample=1.0, l2_regularization=0.0)
    tree.fit(bins.transform(column), bins.n_bins_, targets, classification=classification, sample_weight=sample_weight)
    thresholds = np.unique(tree.thresholds_)
    return bins.cuts_[thresholds[thresholds > 0].astype(np.intp) - 1]


@stored_as("tabular.Bins")
class Bins:
    """Columns of numbers as codes of one byte: 0 for missing, otherwise 1 and up by the bin.

    In a column that has no missing numbers in ``fit``, nothing is known of them. There they are in the bin of the
    median, where trees would else take them for the smallest of all.

    Parameters
    ----------
    max_bins : int from 1 to 255, default=255
        The most bins of a column, beside missing.

    Attributes
    ----------
    cuts_ : ndarray of shape (n_cuts,)
        The cut points of all columns, one column after another.
    offsets_ : ndarray of int64 of shape (n_columns + 1,)
        Where the cut points of each column begin, and their number.
    missing_ : ndarray of uint8 of shape (n_columns,)
        The code of missing numbers of each column.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.tabular.bins import Bins
    >>> X = np.array([[1.0, 7.0], [3.0, 7.0], [np.nan, 7.0]])
    >>> bins = Bins().fit(X)
    >>> bins.transform(X).tolist()
    [[1, 1], [2, 1], [0, 1]]
    >>> bins.n_bins_.tolist()
    [3, 2]
    >>> bins.missing_.tolist()
    [0, 1]
    """

    cuts_: NDArray[np.float64]
    offsets_: NDArray[np.int64]
    missing_: NDArray[np.uint8]

    def __init__(self, max_bins: int = MOST_BINS) -> None:
        self.max_bins = max_bins

    def fit(self, X: NDArray, rows: NDArray | None = None) -> Self:
        """Learn cut points for each column.

        Parameters
        ----------
        X : ndarray of shape (n_rows, n_columns)
            Real numbers; NaN is missing.
        rows : ndarray of int, default=None
            The numbers of the rows to learn from; None is all.

        Raises
        ------
        ValueError
            When max_bins is out of range, X has another shape, or numbers are infinite.
        """
        max_bins = whole_number(self.max_bins, "max_bins")
        if max_bins > MOST_BINS:
            raise ValueError(f"max_bins must be at most {MOST_BINS}; got {max_bins}.")
        given = _numbers(X)
        learned = given if rows is None else given[rows]
        columns = []
        for i, column in enumerate(learned.T):
            if np.isinf(column).any():
                raise ValueError(f"X must be finite or NaN; column {i} has infinite numbers.")
            columns.append(cut_points(column, max_bins))
        self.cuts_ = np.concatenate([np.empty(0), *columns])
        self.offsets_ = np.cumsum([0, *map(len, columns)], dtype=np.int64)
        codes = [_code_of_missing(column, cuts) for column, cuts in zip(learned.T, columns, strict=True)]
        self.missing_ = np.array(codes, dtype=np.uint8)
        return self

    @property
    def n_bins_(self) -> NDArray[np.int32]:
        """How many codes each column has, that for missing numbers included, (n_columns,)."""
        return (np.diff(self.offsets_) + 2).astype(np.int32)

    def transform(self, X: NDArray) -> NDArray[np.uint8]:
        """Return the codes of numbers, of shape (n_rows, n_columns).

        Numbers below all that were learned from are in the first bin, and those above in the last.

        Raises
        ------
        ValueError
            When X has another number of columns than that of ``fit``.
        """
        given = _numbers(X)
        if given.shape[1] != (n_columns := len(self.offsets_) - 1):
            raise ValueError(f"X must have {counted(n_columns, 'column')}, as in fit; got {given.shape[1]}.")
        codes = engine.bin_codes(given, self.cuts_, self.offsets_)
        if not codes.all():
            np.copyto(codes, self.missing_, where=codes == 0)
        return codes

    def check_state(self) -> None:
        """Refuse attributes from a file that ``fit`` does not set.

        Raises
        ------
        ValueError
            When an attribute is missing or wrong.
        """
        state = vars(self)
        require(
            state.keys() == {"max_bins", "cuts_", "offsets_", "missing_"}, "Bins have other attributes", list(state)
        )
        whole_number(self.max_bins, "max_bins")
        cuts, offsets = self.cuts_, self.offsets_
        sound = is_array(cuts, np.size(cuts)) and cuts.dtype == np.float64 and bool(np.isfinite(cuts).all())
        require(sound, "cuts_ are no finite numbers", cuts)
        sound = is_array(offsets, np.size(offsets), kinds="i") and offsets.dtype == np.int64 and len(offsets) > 0
        require(sound and offsets[0] == 0 and offsets[-1] == len(cuts), "offsets_ do not fit cuts_", offsets)
        sizes = np.diff(offsets)
        require(((sizes >= 0) & (sizes < MOST_BINS)).all(), "offsets_ are of too many or too few cut points", offsets)
        inner = np.ones(max(len(cuts) - 1, 0), dtype=bool)
        borders = offsets[1:-1]
        inner[borders[(borders > 0) & (borders < len(cuts))] - 1] = False
        require((np.diff(cuts)[inner] > 0).all(), "cuts_ of a column do not ascend", cuts)
        sound = is_array(self.missing_, len(sizes), kinds="u") and self.missing_.dtype == np.uint8
        require(sound and (self.missing_ < self.n_bins_).all(), "missing_ are no codes of the columns", self.missing_)


def _code_of_missing(column: NDArray[np.float64], cuts: NDArray[np.float64]) -> int:
    """Return the code of missing numbers of a column: 0 if it has some, else that of the median."""
    middle = len(column) // 2
    if not len(column) or np.isnan(column).any():
        return 0
    return 1 + int(np.searchsorted(cuts, np.partition(column, middle)[middle]))


def _numbers(X: NDArray) -> NDArray[np.float64]:
    """Return X as rows of float64 that the engine can read."""
    given = np.ascontiguousarray(X, dtype=np.float64)
    if given.ndim != 2:
        raise ValueError(f"X must have the shape (n_rows, n_columns); got {given.shape}.")
    return given
