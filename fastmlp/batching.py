"""Minibatches: how many rows, and in which order they are visited."""

import copy
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray
from sklearn.preprocessing import StandardScaler

from fastmlp import engine
from fastmlp.exceptions import warn_user


def resolve_batch_size(batch_size: int | str, n_samples: int) -> int:
    """Rows per minibatch: 'auto' is min(200, n_samples); a larger number than n_samples is clipped with a warning.

    Examples
    --------
    >>> from fastmlp.batching import resolve_batch_size
    >>> resolve_batch_size("auto", 1000), resolve_batch_size(64, 1000)
    (200, 64)
    """
    if batch_size == "auto":
        return min(200, n_samples)
    if int(batch_size) > n_samples:
        warn_user("Got `batch_size` less than 1 or larger than sample size. It is going to be clipped")
    return int(np.clip(int(batch_size), 1, n_samples))


class RowOrder:
    """The order in which an epoch visits the rows.

    Each epoch shuffles the order of the epoch before, not the original one, as scikit-learn does.

    Parameters
    ----------
    rows : ndarray of shape (n_samples,), int64
        The rows to visit.
    shuffle : bool
    random_state : numpy.random.RandomState
    """

    def __init__(self, rows: NDArray, shuffle: bool, random_state: np.random.RandomState) -> None:
        self.n_rows = len(rows)
        #: The order of the last epoch.
        self.rows = rows
        self.shuffle = shuffle
        self.random_state = random_state

    def copied(self) -> "RowOrder":
        """Return a copy that goes through the same orders from here on."""
        return RowOrder(self.rows, self.shuffle, copy.deepcopy(self.random_state))

    def next_epochs(self, n_epochs: int) -> NDArray:
        """Return the rows in the next epochs' orders, shape (n_epochs, n_samples)."""
        if not self.shuffle:
            return np.tile(self.rows, (n_epochs, 1))
        orders = engine.shuffled(self.rows, self.random_state, n_epochs)
        self.rows = orders[-1]
        return orders


def feature_scaling(
    X: NDArray | scipy.sparse.sparray, weights: NDArray | None = None, n_rows: int = 8192
) -> tuple[NDArray, NDArray]:
    """Return the features' means, and what gives them unit variance when multiplied; 1 for those that are constant.

    Dense X is read n_rows at a time: no copy of it is made. Sparse X is not to be centred: its means are 0 here. Rows
    of weight w count as w rows.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.batching import feature_scaling
    >>> feature_scaling(np.array([[1, 5], [3, 5]]))
    (array([2., 5.]), array([1., 1.]))
    """
    if scipy.sparse.issparse(X):
        sparse: Any = X
        if sparse.indices.dtype != sparse.indptr.dtype or sparse.indices.dtype.kind == "u":  # scikit-learn refuses both
            indices, indptr = (array.astype(np.int64) for array in (sparse.indices, sparse.indptr))
            X = type(sparse)((sparse.data, indices, indptr), shape=sparse.shape)
        return np.zeros(X.shape[1]), 1 / StandardScaler(with_mean=False).fit(X, sample_weight=weights).scale_
    scaler = StandardScaler()
    for start in range(0, X.shape[0], n_rows):
        some = slice(start, start + n_rows)
        counts = None if weights is None else weights[some]
        if counts is None or counts.any():
            scaler.partial_fit(X[some].astype(np.float64, copy=False), sample_weight=counts)
    return scaler.mean_, 1 / scaler.scale_
