"""What predicted probabilities and targets must be: each row's true probability, and the weights of rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

#: A probability that is smaller counts as this in a logarithm, so that one wrong row is not infinitely bad.
SMALLEST = 1e-15


def row_weights(sample_weight: ArrayLike | None, n_rows: int) -> NDArray[np.float64]:
    """Return the weights of rows, scaled to a sum of 1.

    Raises
    ------
    ValueError
        When they are of another shape, negative, not finite, or all zero.

    Examples
    --------
    >>> from fastmlp.tabular.probabilities import row_weights
    >>> row_weights(None, 2), row_weights([3, 1], 2)
    (array([0.5, 0.5]), array([0.75, 0.25]))
    """
    weights = np.ones(n_rows) if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
    if weights.shape != (n_rows,):
        raise ValueError(f"sample_weight must have the shape ({n_rows},); got {weights.shape}.")
    total = weights.sum()
    if not np.isfinite(total) or (weights < 0).any() or total <= 0:
        raise ValueError("sample_weight must be finite, not negative, and not zero for all rows.")
    return weights / total


def true_probabilities(probabilities: NDArray, y: NDArray) -> NDArray[np.float64]:
    """Return the probability that each row's true class has, or of what each of several binary outputs truly is.

    Parameters
    ----------
    probabilities : ndarray of shape (..., n_rows, n_classes)
    y : ndarray of shape (n_rows,) or (n_rows, n_outputs)
        The number of each row's class; in two dimensions, 0 or 1 for each output.

    Returns
    -------
    true : ndarray of shape (..., n_rows, 1) or (..., n_rows, n_outputs)

    Raises
    ------
    ValueError
        When y has other values, or probabilities are not between 0 and 1.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.tabular.probabilities import true_probabilities
    >>> p = np.array([[0.25, 0.75], [0.5, 0.5]])
    >>> true_probabilities(p, np.array([1, 0])).tolist()
    [[0.75], [0.5]]
    >>> true_probabilities(p, np.array([[0, 0], [1, 1]])).tolist()
    [[0.75, 0.25], [0.5, 0.5]]
    """
    if probabilities.ndim < 2 or probabilities.shape[-2] != len(y):
        raise ValueError(
            f"probabilities must have the shape ({len(y)}, n_classes), as y has {len(y)} rows;"
            f" got {probabilities.shape}."
        )
    if probabilities.size and not (probabilities.min() >= 0 and probabilities.max() <= 1 + 1e-6):
        raise ValueError("probabilities must be between 0 and 1.")
    n_classes = probabilities.shape[-1]
    if y.ndim == 1:
        return of_true_class(probabilities, y)[..., np.newaxis]
    if y.shape[1] != n_classes:
        raise ValueError(f"y must have {n_classes} columns, as many as outputs of predictions; got {y.shape[1]}.")
    is_true = _whole(y, 2, "y must have 0 or 1 for each output") == 1
    return np.where(is_true, probabilities, 1 - probabilities)


def of_true_class(values: NDArray, y: NDArray) -> NDArray:
    """Return each row's value of its true class, (..., n_rows), of values (..., n_rows, n_classes).

    Raises
    ------
    ValueError
        When y has anything but numbers of classes from 0.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.tabular.probabilities import of_true_class
    >>> of_true_class(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([1, 0]))
    array([2., 3.])
    """
    n_classes = values.shape[-1]
    classes = _whole(y, n_classes, f"y must have numbers of classes from 0 to {n_classes - 1}")
    return values[..., np.arange(len(y)), classes]


def _whole(y: NDArray, n: int, rule: str) -> NDArray[np.intp]:
    """Return y as whole numbers from 0 to n - 1."""
    numbers: Any = y.astype(np.intp) if y.dtype.kind in "biuf" and np.isfinite(y).all() else None
    if numbers is None or (numbers != y).any() or (y.size and (numbers.min() < 0 or numbers.max() >= n)):
        raise ValueError(f"{rule}; got {y!r}.")
    return numbers
