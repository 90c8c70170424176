"""Boosted trees as members of an ensemble: networks without hidden layers, on the leaves that rows fall into.

What trees predict is a sum over trees of the value of the leaf that a row falls into. That is a network which looks
leaves up as categories and has nothing behind its first layer. So a member of boosted trees is stored, explained and
asked as all others are.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, softmax

from fastmlp.callbacks import Callback, Fit
from fastmlp.estimators import MLPClassifier, MLPRegressor
from fastmlp.inputs.columns import ColumnsLayout, EncodedColumns
from fastmlp.tabular.trees import LeafCodes


class _OneEpoch(Callback):
    """Ends a fit that is not there to learn anything."""

    def on_epoch_end(self, fit: Fit) -> None:
        """End the fit."""
        fit.stop("its weights will be those of trees")


def network_of_trees(
    trees: LeafCodes, X: EncodedColumns, y: NDArray, *, classification: bool
) -> MLPClassifier | MLPRegressor:
    """Return a network that predicts what trees do.

    Parameters
    ----------
    trees : LeafCodes
        Those whose leaves are the last columns of X.
    X : EncodedColumns
        The rows that the trees have learned from.
    y : ndarray of shape (n_rows,) or (n_rows, n_outputs)
        Numbers of classes, or numbers.
    classification : bool

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.inputs.columns import ColumnsLayout, EncodedColumns
    >>> from fastmlp.tabular.boosting import network_of_trees
    >>> from fastmlp.tabular.trees import LeafCodes
    >>> codes, y = np.array([[1], [1], [2], [2]], np.uint8), np.array([3.0, 4.0, 7.0, 8.0])
    >>> trees = LeafCodes(n_trees=1, min_rows=1, max_leaves=2, subsample=1.0, learning_rate=1.0, l2_regularization=0.0)
    >>> leaves = trees.fit(codes, [3], y, classification=False).transform(codes)
    >>> X = EncodedColumns(leaves + np.uint8(1), np.empty((4, 0), np.float32), ColumnsLayout((), (2,)))
    >>> network_of_trees(trees, X, y, classification=False).predict(X).round(5).tolist()
    [3.5, 3.5, 7.5, 7.5]
    """
    values, base = trees.values_, trees.base_
    # What a network has beside its weights, it has from a fit to a row, or to a row of each class.
    rows = np.unique(y, return_index=True)[1] if classification else np.zeros(1, np.intp)
    if classification and values.shape[1] > 1:
        classes = y[rows]
        values, base = values[:, classes], base[classes]
        if len(classes) == 2:  # a network of two classes has the log-odds of the second
            values, base = values[:, 1:] - values[:, :1], base[1:] - base[:1]
    network = (MLPClassifier if classification else MLPRegressor)(
        hidden_layer_sizes=(), batch_size=1, dtype="float32", n_jobs=1, random_state=0, callbacks=[_OneEpoch()]
    )
    network.fit(X.take(rows), y[rows]).set_params(callbacks=None)
    weights = np.zeros_like(network.coefs_[0])
    weights[_inputs_of_leaves(trees, X.layout)] = values
    network.coefs_, network.intercepts_ = [weights], [base.astype(weights.dtype)]
    return network


class SummedTrees:
    """What a network of trees predicts, added up by the trees, so that no leaf has to be written down and looked up.

    Parameters
    ----------
    trees : LeafCodes
    network : MLPClassifier or MLPRegressor
        That of :func:`network_of_trees`; its weights are what is added.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.inputs.columns import ColumnsLayout, EncodedColumns
    >>> from fastmlp.tabular.boosting import SummedTrees, network_of_trees
    >>> from fastmlp.tabular.trees import LeafCodes
    >>> codes, y = np.array([[1], [1], [2], [2]], np.uint8), np.array([3.0, 4.0, 7.0, 8.0])
    >>> trees = LeafCodes(n_trees=1, min_rows=1, max_leaves=2, subsample=1.0, learning_rate=1.0, l2_regularization=0.0)
    >>> leaves = trees.fit(codes, [3], y, classification=False).transform(codes)
    >>> X = EncodedColumns(leaves + np.uint8(1), np.empty((4, 0), np.float32), ColumnsLayout((), (2,)))
    >>> network = network_of_trees(trees, X, y, classification=False)
    >>> SummedTrees(trees, network)(codes).round(5).tolist()
    [[3.5], [3.5], [7.5], [7.5]]
    """

    def __init__(self, trees: LeafCodes, network: MLPClassifier | MLPRegressor) -> None:
        self._reader, self._link = trees.reader(), network.out_activation_
        inputs = _inputs_of_leaves(trees, network.columns_layout_)
        self._values = np.ascontiguousarray(network.coefs_[0][inputs].T, np.float32)
        self._base = network.intercepts_[0].astype(np.float32)

    @staticmethod
    def are_all_of(network: MLPClassifier | MLPRegressor, trees: LeafCodes) -> bool:
        """Return whether a network looks up nothing but the leaves of trees."""
        if len(network.coefs_) > 1:
            return False
        others = np.ones(len(network.coefs_[0]), bool)
        others[_inputs_of_leaves(trees, network.columns_layout_)] = False
        return not network.coefs_[0][others].any()

    def __call__(self, codes: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return numbers, or probabilities of classes, (n_rows, n_outputs), given what trees read of rows."""
        sums = self._reader.sums(codes, self._values, self._base)
        if self._link == "identity":
            return sums
        if self._link == "softmax":
            return softmax(sums, axis=1)
        second = expit(sums)
        return np.concatenate([1 - second, second], axis=1)


def _inputs_of_leaves(trees: LeafCodes, layout: ColumnsLayout) -> NDArray[np.intp]:
    """Return which inputs of a network stand for the leaves of trees, its last columns, one tree after another."""
    # The first input of a category stands for what is unknown, which no leaf is.
    first = layout.n_columns - len(trees.n_leaves_)
    starts = layout.offsets[first : layout.n_columns]
    return np.concatenate([start + 1 + np.arange(n) for start, n in zip(starts, trees.n_leaves_, strict=True)])
