"""The contract of an augmentation, which changes a minibatch at random before a network learns from it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastmlp.components import Component

#: A callable that augments a batch: (X, y, rng) -> (X, y). One that sees sample_weight may return it as a third thing.
Augment = Callable[..., tuple[NDArray, ...]]


class Augmentation(Component):
    """The contract: called with a batch, (X, y, rng), it returns another batch (X, y).

    X has shape (n, n_features); y has shape (n, n_outputs) and holds the targets as the network has them, one-hot for
    classes; rng is a numpy.random.Generator. The arguments stay as they are.

    Each row has a weight, which is that of the sample times that of its class. Weights stay in their places, so that
    rows must stay in theirs. An augmentation that moves rows, or mixes them, has a parameter called ``sample_weight``,
    as (X, y, rng, sample_weight) or (X, y, sample_weight, rng). It is given the weights, of shape (n,), or None where
    there are none, and may return three things, (X, y, sample_weight), with new weights of at least 0. It never sees
    rows of weight 0.

    Attributes
    ----------
    weight_place : int or None
        The place of ``sample_weight`` among the parameters of a call, from 0; None where there is no such parameter. It
        is found out when the class is made.

    Examples
    --------
    Any other callable that takes these arguments is an augmentation, too.

    >>> import numpy as np
    >>> from fastmlp.augmentation import augmented
    >>> def swap_halves(X, y, rng):
    ...     return np.roll(X, X.shape[1] // 2, axis=1), y
    >>> augmented(swap_halves, np.array([[1.0, 2.0]]), np.array([[1.0]]), np.random.default_rng(0))[0]
    array([[2., 1.]])
    >>> def reverse(X, y, sample_weight, rng):
    ...     return X[::-1], y[::-1], None if sample_weight is None else sample_weight[::-1]
    >>> augmented(reverse, np.eye(2), np.eye(2), np.random.default_rng(0), np.array([1.0, 3.0]))[2]
    array([3., 1.])
    """

    weight_place: int | None = None

    def __init_subclass__(cls, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        place = place_of_weights(cls.__call__)
        cls.weight_place = None if place is None else place - 1  # self is no argument of a call

    def __call__(self, X: NDArray, y: NDArray, rng: np.random.Generator) -> tuple[NDArray, ...]:
        """Return the changed batch.

        Parameters
        ----------
        X : ndarray of shape (n, n_features)
        y : ndarray of shape (n, n_outputs)
        rng : numpy.random.Generator

        Returns
        -------
        batch : tuple of ndarray
            (X, y), or (X, y, sample_weight).
        """
        raise NotImplementedError


def place_of_weights(call: Callable[..., Any]) -> int | None:
    """Return the place of ``sample_weight`` among the parameters of a callable, from 0; None where it is not there.

    Examples
    --------
    >>> from fastmlp.augmentation.base import place_of_weights
    >>> place_of_weights(lambda X, y, sample_weight, rng: (X, y))
    2
    """
    try:
        names = list(inspect.signature(call).parameters)
    except (TypeError, ValueError):  # some compiled functions do not tell their parameters
        return None
    return names.index("sample_weight") if "sample_weight" in names else None
