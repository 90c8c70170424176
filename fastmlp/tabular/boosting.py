"""Boosted trees as members of an ensemble: networks without hidden layers, on the leaves that rows fall into.

What trees predict is a sum over trees of the value of the leaf that a row falls into. That is a network which looks
leaves up as categories and has nothing behind its first layer. So a member of boosted trees is stored, explained and
asked as all others are.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fastmlp.callbacks import Callback, Fit
from fastmlp.estimators import MLPClassifier, MLPRegressor
from fastmlp.inputs.columns import EncodedColumns
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
    first, leaf = X.layout.n_columns - len(trees.n_leaves_), 0
    for offset, n_leaves in zip(X.layout.offsets[first:], trees.n_leaves_.tolist(), strict=True):
        # The first input of a category stands for what is unknown, which no leaf is.
        weights[offset + 1 : offset + 1 + n_leaves] = values[leaf : leaf + n_leaves]
        leaf += n_leaves
    network.coefs_, network.intercepts_ = [weights], [base.astype(weights.dtype)]
    return network
