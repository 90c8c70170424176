"""Targets in the engine's terms: class numbers or a real matrix."""

import numpy as np
import scipy.sparse
from numpy.typing import DTypeLike, NDArray
from sklearn.preprocessing import LabelBinarizer

from fastmlp.losses import CLASS_TARGET_LOSSES


def classification_loss(binarizer: LabelBinarizer) -> str:
    """Return the loss that fits the fitted binarizer's kind of target."""
    return "log_loss" if binarizer.y_type_ == "multiclass" else "binary_log_loss"


def encode_labels(y: NDArray, binarizer: LabelBinarizer, dtype: DTypeLike) -> NDArray:
    """Return labels as class numbers (n,), int32, or as an indicator matrix (n, n_outputs) of the compute type.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.preprocessing import LabelBinarizer
    >>> from fastmlp.targets import encode_labels
    >>> y = np.array(["b", "a", "c"])
    >>> encode_labels(y, LabelBinarizer().fit(y), np.float32)
    array([1, 0, 2], dtype=int32)
    """
    if classification_loss(binarizer) in CLASS_TARGET_LOSSES and y.ndim == 1:
        return np.searchsorted(binarizer.classes_, y).astype(np.int32)
    indicator = binarizer.transform(y)
    if scipy.sparse.issparse(indicator):
        indicator = indicator.toarray()
    return np.ascontiguousarray(indicator != 0, dtype=dtype)


def encode_numbers(y: NDArray, loss: str, dtype: DTypeLike) -> NDArray:
    """Return regression targets as a matrix (n, n_outputs) of the compute type.

    Raises
    ------
    ValueError
        When a target is too large for the type, or negative where the loss is poisson.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.targets import encode_numbers
    >>> encode_numbers(np.array([1, 2]), "squared_error", np.float64)
    array([[1.],
           [2.]])
    """
    if loss == "poisson" and y.size and y.min() < 0:
        raise ValueError(f"Some value(s) of y are out of the valid range of the loss 'poisson': y has {y.min()!r} < 0.")
    with np.errstate(over="ignore"):
        targets = np.ascontiguousarray(y.reshape(len(y), -1), dtype=dtype)
    if targets.dtype.itemsize < y.dtype.itemsize and not np.isfinite(targets).all():
        raise ValueError(f"Input y contains infinity or a value too large for {np.dtype(dtype)!r}.")
    return targets
