"""Samples for units that have one of two values each: found to be such, made so at a threshold, or refused."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def two_valued(X: NDArray, low: int, binarize: float | None, name: str, otherwise: str = "") -> NDArray:
    """Return samples whose every element is 1 or ``low``.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features), of float32 or float64
    low : {-1, 0}
        The lower value of units.
    binarize : float or None
        What is larger becomes 1, the rest becomes low. With None the samples must be so already.
    name : str
        The estimator, for messages.
    otherwise : str, default=""
        What else the message says can be done.

    Returns
    -------
    X : ndarray of shape (n_samples, n_features)
        The array itself where nothing has to be changed.

    Raises
    ------
    ValueError
        Where an element is something else and binarize is None.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.zoo.unit_values import two_valued
    >>> two_valued(np.array([[0.2, 0.9]]), -1, 0.5, "HopfieldNetwork")
    array([[-1.,  1.]])
    >>> two_valued(np.array([[0.2, 1.0]]), 0, None, "BoltzmannMachine")
    Traceback (most recent call last):
    ...
    ValueError: X[0, 0] is 0.2, but the units of BoltzmannMachine are 0 or 1. With binarize=t, what is larger than t \
becomes 1, and the rest 0.
    """
    if binarize is not None:
        return np.where(binarize < X, X.dtype.type(1), X.dtype.type(low))
    sound = np.isin(X, (low, 1))
    if sound.all():
        return X
    row, column = np.unravel_index(np.argmin(sound), X.shape)
    told = f"X[{row}, {column}] is {X[row, column]:g}, but the units of {name} are {low} or 1."
    other = -1 - low
    if np.isin(X, (other, 1)).all():
        made = "2 * X - 1" if other == 0 else "(X + 1) / 2"
        raise ValueError(
            f"{told} All of X is {other} or 1: {made} has what is wanted, and so has binarize={other + 0.5}."
        )
    raise ValueError(f"{told} With binarize=t, what is larger than t becomes 1, and the rest {low}.{otherwise}")
