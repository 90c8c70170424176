"""Targets in the engine's terms: class numbers or a real matrix."""

import datetime
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import DTypeLike, NDArray
from sklearn.preprocessing import LabelBinarizer

from fastmlp.inputs.plain_targets import is_missing
from fastmlp.losses import CLASS_TARGET_LOSSES, Loss, loss_of


def label_kind(binarizer: LabelBinarizer) -> str:
    """Return the fitted binarizer's kind of target: "binary", "multiclass" or "multilabel".

    Examples
    --------
    >>> from sklearn.preprocessing import LabelBinarizer
    >>> from fastmlp.inputs.targets import label_kind
    >>> label_kind(LabelBinarizer().fit(["no", "yes"])), label_kind(LabelBinarizer().fit([1, 2, 3]))
    ('binary', 'multiclass')
    """
    return {"binary": "binary", "multiclass": "multiclass"}.get(binarizer.y_type_, "multilabel")


def are_known(y: NDArray, binarizer: LabelBinarizer) -> bool:
    """Whether a fitted binarizer is sure to know the labels of validated y. It may not be where types differ.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.preprocessing import LabelBinarizer
    >>> from fastmlp.inputs.targets import are_known
    >>> binarizer = LabelBinarizer().fit([2, 3, 5])
    >>> are_known(np.array([5, 2, 5]), binarizer), are_known(np.array([4]), binarizer)
    (True, False)
    """
    classes = binarizer.classes_
    if scipy.sparse.issparse(y) or y.dtype.kind == "O" or (y.ndim == 2) != (label_kind(binarizer) == "multilabel"):
        return False
    if y.ndim == 2:
        return y.shape[1] == len(classes) and bool(((y == 0) | (y == 1)).all())
    if y.dtype.kind != classes.dtype.kind:
        return False
    return bool((classes[np.minimum(np.searchsorted(classes, y), len(classes) - 1)] == y).all())


def place_of_class(label: Any, classes: NDArray) -> int | None:
    """Return the place of a label, which may be anything, among classes; None if it is none of them.

    Examples
    --------
    >>> import datetime
    >>> import numpy as np
    >>> from fastmlp.inputs.targets import place_of_class
    >>> place_of_class(3.0, np.array([2, 3])), place_of_class("3", np.array([2, 3]))
    (1, None)
    >>> place_of_class(datetime.date(2025, 1, 1), np.array(["2024-01-01", "2025-01-01"], dtype="M8[ns]"))
    1
    """
    if isinstance(label, tuple) or is_missing(label):
        return None
    if classes.dtype.kind == "M" and type(label) in (datetime.date, datetime.datetime) and not _has_zone(label):
        label = np.datetime64(label)  # Others than NumPy's dates equal those of some units only.
    return next((place for place, known in enumerate(known_classes(classes)) if known == label), None)


def known_classes(classes: NDArray) -> list[Any]:
    """Return classes as a list for messages and comparisons: dates as NumPy's, not as numbers of nanoseconds.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.inputs.targets import known_classes
    >>> known_classes(np.array(["a", "b"])), known_classes(np.array(["2024-01-01"], dtype="M8[ns]").astype("M8[D]"))
    (['a', 'b'], [np.datetime64('2024-01-01')])
    """
    return list(classes) if classes.dtype.kind in "mM" else classes.tolist()


def _has_zone(label: Any) -> bool:
    return getattr(label, "tzinfo", None) is not None


def class_numbers(y: NDArray, classes: NDArray) -> NDArray[np.int32]:
    """Return the places in classes, which are sorted, of the labels y, all of which are among them.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.inputs.targets import class_numbers
    >>> class_numbers(np.array([5, 2, 5]), np.array([2, 3, 5]))
    array([2, 0, 2], dtype=int32)
    """
    if len(classes) == 2:  # several times as fast
        return (y == classes[1]).astype(np.int32)
    if y.dtype.kind == "O":
        numbers = {label: number for number, label in enumerate(classes.tolist())}
        return np.fromiter(map(numbers.__getitem__, y.tolist()), np.int32, len(y))
    return np.searchsorted(classes, y).astype(np.int32)


def encode_labels(y: NDArray, binarizer: LabelBinarizer, dtype: DTypeLike, loss: str | Loss = "log_loss") -> NDArray:
    """Return labels as class numbers (n,), int32, or as an indicator matrix (n, n_outputs) of the compute type.

    Label smoothing makes 0 and 1 of the matrix less different.

    Raises
    ------
    ValueError
        When the loss does not fit such labels.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.preprocessing import LabelBinarizer
    >>> from fastmlp.losses import LogLoss
    >>> from fastmlp.inputs.targets import encode_labels
    >>> y = np.array(["b", "a", "c"])
    >>> encode_labels(y, LabelBinarizer().fit(y), np.float32)
    array([1, 0, 2], dtype=int32)
    >>> encode_labels(y[:1], LabelBinarizer().fit(y), np.float64, LogLoss(label_smoothing=0.3))
    array([[0.1, 0.8, 0.1]])
    """
    loss, kind = loss_of(loss), label_kind(binarizer)
    name = loss.engine_loss(kind)
    if y.ndim == 1 and kind != "multilabel":
        # Without binarizer.transform(y), which looks for the distinct labels of y several times.
        numbers = class_numbers(y, binarizer.classes_)
        if name in CLASS_TARGET_LOSSES:
            return numbers
        if kind == "binary":
            targets = numbers.reshape(-1, 1).astype(dtype)
        else:
            targets = np.zeros((len(y), len(binarizer.classes_)), dtype)
            targets[np.arange(len(y)), numbers] = 1
    else:
        indicator: Any = y if are_known(y, binarizer) else binarizer.transform(y)
        if scipy.sparse.issparse(indicator):
            indicator = indicator.toarray()
        targets = np.ascontiguousarray(indicator != 0, dtype=dtype)
    if loss.label_smoothing:
        n_choices = targets.shape[1] if kind == "multiclass" else 2
        targets *= 1 - loss.label_smoothing
        targets += loss.label_smoothing / n_choices
    return targets


def decode_labels(outputs: NDArray, binarizer: LabelBinarizer, threshold: float) -> Any:
    """Return the labels that belong to a network's outputs of shape (n, n_outputs).

    What binarizer.inverse_transform returns, whose checks take ten times as long as all else for one sample.

    Parameters
    ----------
    outputs : ndarray of shape (n, n_outputs)
        One output for two classes, which is the second where it exceeds the threshold; one for each class, of which the
        first of the largest stands; or one for each label a sample may have, which are those that exceed the threshold.
    binarizer : LabelBinarizer
        Fitted.
    threshold : float

    Returns
    -------
    y : ndarray of shape (n,), or an indicator matrix, sparse if that of the fit was

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.preprocessing import LabelBinarizer
    >>> from fastmlp.inputs.targets import decode_labels
    >>> decode_labels(np.array([[0.2], [0.7]]), LabelBinarizer().fit([-1, 1]), 0.5)
    array([-1,  1])
    """
    kind, classes = label_kind(binarizer), binarizer.classes_
    if kind == "multilabel":
        return binarizer.inverse_transform(outputs, threshold=threshold)
    if kind == "multiclass":
        return classes[outputs.argmax(axis=1)]
    return classes[(outputs[:, 0] > threshold).astype(np.intp)] if len(classes) > 1 else classes.repeat(len(outputs))


def encode_numbers(y: NDArray, loss: str | Loss, dtype: DTypeLike) -> NDArray:
    """Return regression targets as a matrix (n, n_outputs) of the compute type.

    With a loss of several outputs per target, each target stands in as many columns.

    Raises
    ------
    ValueError
        When a target is too large for the type or not in the loss's range, and when the loss does not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.losses import Pinball
    >>> from fastmlp.inputs.targets import encode_numbers
    >>> encode_numbers(np.array([1, 2]), "squared_error", np.float64)
    array([[1.],
           [2.]])
    >>> encode_numbers(np.array([1, 2]), Pinball([0.1, 0.9]), np.float64)
    array([[1., 1.],
           [2., 2.]])
    """
    loss = loss_of(loss)
    loss.engine_loss("numbers")
    _check_range(y, loss)
    with np.errstate(over="ignore", under="ignore"):
        targets = np.ascontiguousarray(y.reshape(len(y), -1), dtype=dtype)
    if targets.dtype.itemsize < y.dtype.itemsize:
        if not np.isfinite(targets).all():
            raise ValueError(f"Input y contains infinity or a value too large for {np.dtype(dtype)!r}.")
        _check_range(targets, loss)
    if loss.outputs_per_target == 1:
        return targets
    if targets.shape[1] != 1:
        raise ValueError(
            f"The loss {loss!r} has {loss.outputs_per_target} outputs for one column of targets;"
            f" y has {targets.shape[1]} columns."
        )
    return np.repeat(targets, loss.outputs_per_target, axis=1)


def _check_range(y: NDArray, loss: Loss) -> None:
    """Refuse targets below the least that the loss allows."""
    least, allowed = loss.least_target, loss.least_target_allowed
    if least == -np.inf:
        return
    if (lowest := y.min()) < least or (lowest == least and not allowed):
        raise ValueError(
            f"Some value(s) of y are out of the valid range of the loss {loss.name!r}:"
            f" y has {lowest!r} {'<' if allowed else '<='} {least:g}."
        )
