"""Minibatches: how many samples, and in which order they are visited."""

import copy

import numpy as np
from numpy.typing import NDArray

from fastmlp import engine
from fastmlp.exceptions import warn_user


def resolve_batch_size(batch_size: int | str, n_samples: int) -> int:
    """Return the number of samples in a minibatch: 'auto' is min(200, n_samples).

    A larger number than n_samples is clipped to that, with a warning.

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


class SampleOrder:
    """The order in which an epoch visits the samples.

    Each epoch shuffles the order of the epoch before, not the original one, as scikit-learn does.

    Parameters
    ----------
    indices : ndarray of shape (n_samples,), int64
        The indices of the samples to visit, among all rows of X.
    shuffle : bool
        Whether each epoch has another order.
    random_state : numpy.random.RandomState
        It decides of the orders.

    Attributes
    ----------
    n_samples : int
        The number of samples that an epoch visits.
    indices : ndarray of shape (n_samples,)
        The order of the last epoch.
    """

    def __init__(self, indices: NDArray, shuffle: bool, random_state: np.random.RandomState) -> None:
        self.n_samples = len(indices)
        self.indices = indices
        self.shuffle = shuffle
        self.random_state = random_state

    def copied(self) -> "SampleOrder":
        """Return a copy that goes through the same orders from here on."""
        return SampleOrder(self.indices, self.shuffle, copy.deepcopy(self.random_state))

    def next_epochs(self, n_epochs: int) -> NDArray:
        """Return the indices in the orders of the next epochs, shape (n_epochs, n_samples)."""
        if not self.shuffle:
            return np.tile(self.indices, (n_epochs, 1))
        orders = engine.shuffled(self.indices, self.random_state, n_epochs)
        self.indices = orders[-1]
        return orders
