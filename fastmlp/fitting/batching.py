"""Minibatches: how many rows, and in which order they are visited."""

import copy

import numpy as np
from numpy.typing import NDArray

from fastmlp import _engine
from fastmlp.exceptions import warn_user


def resolve_batch_size(batch_size: int | str, n_samples: int) -> int:
    """Rows per minibatch: 'auto' is min(200, n_samples); a larger number than n_samples is clipped with a warning.

    Examples
    --------
    >>> from fastmlp.fitting.batching import resolve_batch_size
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
        orders = _engine.shuffled(self.rows, self.random_state, n_epochs)
        self.rows = orders[-1]
        return orders
