"""The leaves of small trees as categories: a network that looks them up knows rules which it could hardly learn."""

from __future__ import annotations

import operator
from collections.abc import Callable, MutableMapping
from numbers import Real
from typing import Any, Self
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastmlp import engine
from fastmlp.components import whole_number
from fastmlp.registration import stored_as
from fastmlp.soundness import is_array, is_count, require

#: Numbers of leaves are bytes.
MOST_LEAVES = 256
#: Shares of classes are taken for at least this and at most 1 less this, before the first tree.
_LEAST_SHARE = 1e-6
#: So many trees grow between two looks at the rows that are left out.
_TREES_TOGETHER = 10
_PARAMETERS = (
    "n_trees",
    "max_leaves",
    "min_rows",
    "learning_rate",
    "subsample",
    "max_features",
    "tree_features",
    "symmetric",
    "l2_regularization",
    "random_state",
)
# The fitted arrays, and the types that the engine reads.
_ARRAYS = {
    "columns_": np.int32,
    "thresholds_": np.uint8,
    "parents_": np.uint8,
    "n_leaves_": np.int32,
    "values_": np.float64,
    "base_": np.float64,
}


#: Readers are no attributes, since they are no part of a file or a pickle.
_READERS: MutableMapping[LeafCodes, tuple[tuple[NDArray, ...], engine.LeafReader]] = WeakKeyDictionary()


@stored_as("tabular.LeafCodes")
class LeafCodes:
    """The numbers of the leaves that rows fall into, of a few small trees grown by gradient boosting.

    Each tree is grown from the first and second derivatives of the loss that those before it leave: the squared error
    for numbers, the log loss for classes. A tree predicts all outputs together. Of its leaves, the one whose split
    gains most is split next. All runs on the caller's thread without the GIL, so that trees of several folds can grow
    side by side.

    Parameters
    ----------
    n_trees : int >= 1, default=30
        The most trees; fewer where growth ends early.
    max_leaves : int from 2 to 256, default=8
        The most leaves of a tree.
    min_rows : int >= 1, default=20
        The least number of training rows in a leaf.
    learning_rate : float > 0, default=0.2
        The share of a tree's predictions that counts for those after it.
    subsample : float in (0, 1], default=0.8
        The share of the rows that each tree is grown from, drawn without replacement.
    max_features : float in (0, 1], default=1.0
        The share of the columns among which each split is searched, drawn without replacement.
    tree_features : float in (0, 1], default=1.0
        The share of the columns that each tree may split by at all, drawn without replacement.
    symmetric : bool, default=False
        Whether all leaves of a level are split alike, by the column and the threshold that gain most over all of them:
        the trees of CatBoost, which a few rows cannot bend to themselves. Leaves may be of any size then, also empty.
    l2_regularization : float >= 0, default=1.0
        What is added to the sum of second derivatives of a leaf: its values are that much closer to 0.
    random_state : int >= 0, default=0
        The seed of what is drawn. The same seed gives the same trees.

    Attributes
    ----------
    columns_ : ndarray of int32 of shape (n_splits,)
        The columns of all splits, one tree after another, in the order in which they were made.
    thresholds_ : ndarray of uint8 of shape (n_splits,)
        Rows whose code is larger go into the new leaf: number i + 1 by split i of a tree.
    parents_ : ndarray of uint8 of shape (n_splits,)
        The leaf that is split; rows whose code is not larger stay there.
    n_leaves_ : ndarray of int32 of shape (n_trees,)
        Some trees have fewer leaves than they may where no split gains anything.
    values_ : ndarray of shape (sum of n_leaves_, n_outputs)
        What each leaf adds to the outputs: to numbers, to the logit of the second class, or to the scores of which
        softmax makes probabilities.
    base_ : ndarray of shape (n_outputs,)
        The outputs before the first tree.
    n_columns_ : int
        The number of columns of codes.
    losses_ : list of float
        The mean loss of the rows left out after each tree that has grown, also of those that are not kept; of numbers,
        in units of their variance. Without such rows there are none.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.tabular.trees import LeafCodes
    >>> codes = np.array([[1, 0], [2, 1], [3, 0], [4, 1]], dtype=np.uint8)
    >>> trees = LeafCodes(n_trees=2, max_leaves=3, min_rows=1, subsample=1.0)
    >>> trees.fit(codes, [5, 2], [0, 0, 1, 1], classification=True).transform(codes).tolist()
    [[0, 0], [0, 0], [1, 1], [1, 1]]
    """

    columns_: NDArray[np.int32]
    thresholds_: NDArray[np.uint8]
    parents_: NDArray[np.uint8]
    n_leaves_: NDArray[np.int32]
    values_: NDArray[np.float64]
    base_: NDArray[np.float64]
    n_columns_: int
    losses_: list[float]

    def __init__(
        self,
        n_trees: int = 30,
        max_leaves: int = 8,
        min_rows: int = 20,
        *,
        learning_rate: float = 0.2,
        subsample: float = 0.8,
        max_features: float = 1.0,
        tree_features: float = 1.0,
        symmetric: bool = False,
        l2_regularization: float = 1.0,
        random_state: int = 0,
    ) -> None:
        self.n_trees = n_trees
        self.max_leaves = max_leaves
        self.min_rows = min_rows
        self.learning_rate = learning_rate
        self.subsample = subsample
        self.max_features = max_features
        self.tree_features = tree_features
        self.symmetric = symmetric
        self.l2_regularization = l2_regularization
        self.random_state = random_state

    def fit(
        self,
        codes: NDArray[np.uint8],
        n_bins: ArrayLike,
        targets: ArrayLike,
        *,
        classification: bool,
        rows: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        left_out: ArrayLike | None = None,
        patience: int = 30,
        is_over: Callable[[], bool] | None = None,
    ) -> Self:
        """Grow the trees.

        Parameters
        ----------
        codes : ndarray of uint8 of shape (n_rows, n_columns)
            Where codes ascend, as bins of numbers do, a split separates small ones from large ones; missing values have
            code 0, which is the smallest.
        n_bins : array-like of int of shape (n_columns,)
            How many codes each column has, 1 to 256; codes are below that.
        targets : array-like of shape (n_rows,) or (n_rows, n_outputs)
            For two classes one column, whether a row is of the second class; for more a column for each, 1 for that of
            the row and otherwise 0. Otherwise numbers, of any scale.
        classification : bool
            Whether targets are classes.
        rows : array-like of int, default=None
            The numbers of the rows to learn from; None is all. Targets and weights of other rows may be anything.
        sample_weight : array-like of shape (n_rows,), default=None
            At least 0. Only their ratios matter, and rows of weight 0 are left out.
        left_out : array-like of int, default=None
            The numbers of the rows whose loss says how many trees there are: growth ends when it has not become smaller
            for ``patience`` trees, and the trees up to the smallest loss are kept, at least one. With None all grow.
        patience : int >= 1, default=30
        is_over : callable, default=None
            It is asked, without arguments, after every tree whether growth is to end here.

        Raises
        ------
        ValueError
            When a parameter is out of range, shapes do not go together, numbers are not finite, or there is no row.
        """
        self._check_parameters()
        given = _codes(codes)
        n_rows, self.n_columns_ = given.shape
        if not self.n_columns_:
            raise ValueError("codes must have at least one column.")
        numbers = np.asarray(n_bins)
        if numbers.shape != (self.n_columns_,) or numbers.dtype.kind not in "iu":
            raise ValueError(f"n_bins must be an integer for each of {self.n_columns_} columns; got {n_bins!r}.")
        learned = _rows(rows, n_rows)
        y = np.asarray(targets, dtype=np.float64)
        y = y[:, np.newaxis] if y.ndim == 1 else y
        if y.ndim != 2 or len(y) != n_rows or not y.shape[1]:
            raise ValueError(f"targets must have {n_rows} rows, as codes have; got an array of shape {y.shape}.")
        weights = np.ones(n_rows) if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
        if weights.shape != (n_rows,):
            raise ValueError(f"sample_weight must have the shape ({n_rows},); got {weights.shape}.")
        if not (np.isfinite(weights[learned]) & (weights[learned] >= 0)).all():
            raise ValueError("sample_weight must be finite and at least 0.")
        learned = learned[weights[learned] > 0]
        if not len(learned):
            raise ValueError("rows must have at least one row with weight to learn from; there are none.")
        if not np.isfinite(y[learned]).all():
            raise ValueError("targets must be finite; some are infinite or NaN.")
        if classification and not ((y[learned] >= 0) & (y[learned] <= 1)).all():
            raise ValueError("targets of classes must be from 0 to 1; some are not.")
        # Gains and the regularisation are meant for weights of about 1 and, of numbers, for a deviation of 1.
        weights = weights / weights[learned].mean()
        means = np.average(y[learned], axis=0, weights=weights[learned])
        if classification:
            scales = np.ones_like(means)
            shares = np.clip(means, _LEAST_SHARE, 1 - _LEAST_SHARE)
            self.base_ = np.log(shares / (1 - shares) if len(shares) == 1 else shares)
        else:
            self.base_ = means
            scales = _deviations(y[learned] - means, means, weights[learned])
            y = (y - means) / scales
        growth = engine.begin_boosting(
            given,
            numbers.astype(np.int32),
            np.ascontiguousarray(y),
            weights,
            learned,
            self.base_ if classification else np.zeros_like(means),
            classes=bool(classification),
            max_leaves=self.max_leaves,
            min_rows=self.min_rows,
            learning_rate=self.learning_rate,
            l2=self.l2_regularization,
            drawn_rows=max(1, round(self.subsample * len(learned))),
            drawn_columns=max(1, round(self.tree_features * self.n_columns_)),
            searched_columns=max(1, round(self.max_features * self.n_columns_)),
            symmetric=self.symmetric,
            seed=self.random_state,
        )
        judged = None
        if left_out is not None:
            others = _rows(left_out, n_rows)
            others = others[weights[others] > 0]
            if not len(others):
                raise ValueError("left_out must have at least one row with weight; there are none.")
            first = self.base_ if classification else np.zeros_like(means)
            judged = _LeftOut(given[others], y[others], weights[others], first, classification=classification)
        self._take(growth, scales, judged, whole_number(patience, "patience"), is_over)
        return self

    def _take(
        self,
        growth: engine.Growth,
        scales: NDArray,
        judged: _LeftOut | None,
        patience: int,
        is_over: Callable[[], bool] | None,
    ) -> None:
        """Grow the trees and keep them: all, or those up to the smallest loss of the rows that are left out."""
        pieces, losses = [], []
        n_grown = best = 0
        is_cut = False
        while n_grown < self.n_trees and n_grown - best < patience and not is_cut:
            first = n_grown
            while n_grown < min(first + _TREES_TOGETHER, self.n_trees) and not is_cut:
                pieces.append(growth.grow(1))
                n_grown += 1
                is_cut = is_over is not None and is_over()
            best = n_grown
            if judged is not None:
                losses += judged.losses(*map(np.concatenate, zip(*pieces[first:], strict=True)))
                best = int(np.argmin(losses)) + 1
        columns, thresholds, parents, n_leaves, values = map(np.concatenate, zip(*pieces, strict=True))
        self.losses_ = losses[:n_grown]
        self.n_leaves_ = n_leaves[:best]
        kept = int(self.n_leaves_.sum())
        self.values_ = values[:kept] * scales
        self.columns_, self.thresholds_, self.parents_ = (
            each[: kept - best] for each in (columns, thresholds, parents)
        )

    def transform(self, codes: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the number of the leaf that each row falls into, from 0, for each tree.

        Parameters
        ----------
        codes : ndarray of uint8 of shape (n_rows, n_columns)

        Returns
        -------
        leaves : ndarray of uint8 of shape (n_rows, n_trees)

        Raises
        ------
        ValueError
            When codes have another type, or another number of columns than in ``fit``.
        """
        given = _codes(codes)
        if given.shape[1] != self.n_columns_:
            raise ValueError(f"codes must have {self.n_columns_} columns, as in fit; got {given.shape[1]}.")
        return self.reader().leaf_numbers(given)

    def reader(self) -> engine.LeafReader:
        """Return what sends rows through the trees: what was made of the arrays that there are, or a new one.

        It has copies. So that the attributes stay the truth, the arrays are made read-only.
        """
        arrays = self.columns_, self.thresholds_, self.parents_, self.n_leaves_
        kept = _READERS.get(self)
        if kept is None or not all(map(operator.is_, kept[0], arrays)):
            kept = _READERS[self] = arrays, engine.LeafReader(*arrays, self.n_columns_)
            for array in arrays:
                array.flags.writeable = False
        return kept[1]

    def outputs(self, codes: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return what the trees themselves predict: numbers, logits, or what softmax is taken of.

        Parameters
        ----------
        codes : ndarray of uint8 of shape (n_rows, n_columns)

        Returns
        -------
        outputs : ndarray of shape (n_rows, n_outputs)
        """
        places = np.cumsum([0, *self.n_leaves_[:-1]]) + self.transform(codes)
        return self.base_ + self.values_[places].sum(axis=1)

    def paths(self) -> list[NDArray[np.bool_]]:
        """Return which columns decide whether a row falls into a leaf: those of the splits on the way to it.

        Returns
        -------
        paths : list of ndarray of bool, each of shape (n_leaves, n_columns)
            One for each tree.

        Examples
        --------
        >>> import numpy as np
        >>> from fastmlp.tabular.trees import LeafCodes
        >>> codes = np.array([[0, 0], [1, 0], [1, 1], [1, 2]], dtype=np.uint8)
        >>> trees = LeafCodes(n_trees=1, max_leaves=3, min_rows=1, subsample=1.0, l2_regularization=0.0)
        >>> trees.fit(codes, [2, 3], [9.0, 1.0, 2.0, 2.0], classification=False).paths()[0].astype(int).tolist()
        [[1, 0], [1, 1], [1, 1]]
        """
        paths, split = [], 0
        for n_leaves in self.n_leaves_:
            path = np.zeros((n_leaves, self.n_columns_), dtype=bool)
            for new in range(1, n_leaves):
                path[self.parents_[split], self.columns_[split]] = True
                path[new] = path[self.parents_[split]]
                split += 1
            paths.append(path)
        return paths

    def check_state(self) -> None:
        """Refuse attributes from a file that ``fit`` does not set.

        Raises
        ------
        ValueError
            When an attribute is missing or wrong.
        """
        state = vars(self)
        known = {*_PARAMETERS, *_ARRAYS, "n_columns_", "losses_"}
        require(state.keys() == known, "LeafCodes have other attributes", list(state))
        self._check_parameters()
        require(
            is_count(self.n_columns_) and self.n_columns_ > 0, "n_columns_ is no number of columns", self.n_columns_
        )
        require(np.ndim(self.values_) == 2 and np.shape(self.values_)[1], "values_ are none", self.values_)
        losses = self.losses_
        require(type(losses) is list and all(type(loss) is float for loss in losses), "losses_ are no numbers", losses)
        n_leaves, (n_values, n_outputs) = np.size(self.n_leaves_), np.shape(self.values_)
        n_splits = np.size(self.columns_)
        shapes = [(n_splits,)] * 3 + [(n_leaves,), (n_values, n_outputs), (n_outputs,)]
        for (name, dtype), shape in zip(_ARRAYS.items(), shapes, strict=True):
            array = state[name]
            sound = is_array(array, *shape, kinds="iuf") and array.dtype == dtype and array.flags.c_contiguous
            require(
                sound and np.isfinite(array).all(), f"{name} are no {np.dtype(dtype).name} that fit the others", array
            )
        engine.check_trees(self.columns_, self.thresholds_, self.parents_, self.n_leaves_, self.n_columns_)
        require(self.n_leaves_.sum(dtype=np.int64) == n_values, "values_ are not one for each leaf", n_values)

    def _check_parameters(self) -> None:
        """Raise a ValueError for a parameter that is out of range."""
        for name in ("n_trees", "min_rows"):
            whole_number(getattr(self, name), name)
        whole_number(self.random_state, "random_state", 0)
        if not 2 <= whole_number(self.max_leaves, "max_leaves") <= MOST_LEAVES:
            raise ValueError(f"max_leaves must be from 2 to {MOST_LEAVES}; got {self.max_leaves}.")
        for name in ("subsample", "max_features", "tree_features"):
            if not (_is_finite(getattr(self, name)) and 0 < getattr(self, name) <= 1):
                raise ValueError(f"{name} must be a number above 0, and at most 1; got {getattr(self, name)!r}.")
        if not isinstance(self.symmetric, bool):
            raise ValueError(f"symmetric must be True or False; got {self.symmetric!r}.")
        if not (_is_finite(self.learning_rate) and self.learning_rate > 0):
            raise ValueError(f"learning_rate must be a number above 0; got {self.learning_rate!r}.")
        if not (_is_finite(self.l2_regularization) and self.l2_regularization >= 0):
            raise ValueError(f"l2_regularization must be a number of at least 0; got {self.l2_regularization!r}.")


class _LeftOut:
    """Rows that no tree learns from, and what the trees grown so far make of them.

    Parameters
    ----------
    codes : ndarray of uint8 of shape (n_rows, n_columns)
    targets : ndarray of shape (n_rows, n_outputs)
    weights : ndarray of shape (n_rows,)
    base : ndarray of shape (n_outputs,)
        The outputs before the first tree.
    classification : bool
    """

    def __init__(
        self, codes: NDArray[np.uint8], targets: NDArray, weights: NDArray, base: NDArray, *, classification: bool
    ) -> None:
        self._codes, self._targets, self._shares = codes, targets, weights / weights.sum()
        self._outputs = np.tile(base, (len(targets), 1))
        self._classification = classification

    def losses(
        self, columns: NDArray, thresholds: NDArray, parents: NDArray, n_leaves: NDArray, values: NDArray
    ) -> list[float]:
        """Return the mean loss of the rows after each of some further trees."""
        reader = engine.LeafReader(columns, thresholds, parents, n_leaves, self._codes.shape[1])
        leaves = reader.leaf_numbers(self._codes)
        # What each tree adds, (n_trees, n_rows, n_outputs), and the outputs after it.
        added = values[leaves.T + np.cumsum([0, *n_leaves[:-1]])[:, np.newaxis]]
        added[0] += self._outputs
        outputs = np.cumsum(added, axis=0, out=added)
        self._outputs = outputs[-1].copy()
        return (self._losses(outputs) @ self._shares).tolist()

    def _losses(self, outputs: NDArray[np.float64]) -> NDArray[np.float64]:
        targets = self._targets
        if not self._classification:
            return ((outputs - targets) ** 2).mean(axis=-1)
        if outputs.shape[-1] == 1:
            return (np.logaddexp(0, outputs) - targets * outputs)[..., 0]
        return np.logaddexp.reduce(outputs, axis=-1) - (targets * outputs).sum(axis=-1)


def _is_finite(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and bool(np.isfinite(float(value)))


def _deviations(centred: NDArray, means: NDArray, weights: NDArray) -> NDArray[np.float64]:
    """Return the standard deviation of each output, or 1 for one that is constant but for rounding."""
    largest = np.abs(centred).max(axis=0)
    largest[largest <= 4 * np.finfo(np.float64).eps * np.abs(means)] = 0
    factors = np.where(largest > 0, largest, 1)  # the squares of very large or small numbers leave the range of float64
    deviations = factors * np.sqrt(np.average((centred / factors) ** 2, axis=0, weights=weights))
    return np.where(largest > 0, deviations, 1.0)


def _codes(codes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return codes as the engine reads them."""
    if not isinstance(codes, np.ndarray) or codes.dtype != np.uint8 or codes.ndim != 2:
        got = f"{codes.dtype} of shape {codes.shape}" if isinstance(codes, np.ndarray) else f"a {type(codes).__name__}"
        raise ValueError(f"codes must be an array of uint8 of shape (n_rows, n_columns); got {got}.")
    return np.ascontiguousarray(codes)


def _rows(rows: ArrayLike | None, n_rows: int) -> NDArray[np.int64]:
    """Return the numbers of the rows to learn from."""
    if rows is None:
        return np.arange(n_rows, dtype=np.int64)
    given = np.asarray(rows)
    if given.ndim != 1 or (given.dtype.kind not in "iu" and len(given)):
        raise ValueError(f"rows must be integers of shape (n,); got {given.dtype} of shape {given.shape}.")
    if len(given) and not (given.min() >= 0 and given.max() < n_rows):
        raise ValueError(f"rows must be numbers from 0 to {n_rows - 1}; got {given.min()} to {given.max()}.")
    return np.ascontiguousarray(given, dtype=np.int64)
