"""Targets of any library and of Python's objects as scikit-learn reads them right; missing ones are refused by row."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from numbers import Real
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

# All integers up to this one are float64 numbers, too.
_EXACT = 1 << 53


def plain_targets(y: Any, name: str = "y") -> Any:
    """Return targets as scikit-learn's checks read them right, or as they are where these do.

    Texts of enumerations become the texts that they are, of which NumPy would keep the beginnings of their names.
    Objects that are all truth values or all numbers become an array of these. Integers that float64 does not hold, to
    which scikit-learn takes pandas' nullable integers, stay integers.

    Parameters
    ----------
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        What is none comes back as it is; so does a sparse matrix.
    name : str, default="y"
        What messages call it.

    Raises
    ------
    ValueError
        When a target is missing: masked, None, NaN, NaT or pandas.NA. When a text ends in NUL, which NumPy's texts do
        not keep.

    Examples
    --------
    >>> import enum
    >>> import numpy as np
    >>> from fastmlp.inputs.plain_targets import plain_targets
    >>> Size = enum.Enum("Size", {"SMALL": "s", "LARGE": "l"}, type=str)
    >>> plain_targets([Size.SMALL, Size.LARGE]), plain_targets(np.array([1, 2], dtype=object))
    (array(['s', 'l'], dtype=object), array([1, 2]))
    >>> plain_targets(np.ma.masked_array([0, 1, 0], mask=[False, True, False]))
    Traceback (most recent call last):
    ...
    ValueError: Input y contains NaN: 1 of 3 targets is missing, the first in row 1, counted from 0: leave them out.
    """
    if scipy.sparse.issparse(y) or (type(y) is np.ndarray and y.dtype.kind in "biuU"):
        return y
    try:
        array = np.asarray(y)
    except (ValueError, TypeError, OverflowError):  # What is wrong with y is found and told by others.
        return y
    if array.ndim not in (1, 2) or not array.size:
        return y
    if isinstance(y, np.ma.MaskedArray):
        refuse_missing(np.ma.getmaskarray(y), name)
        y = array
    if array.dtype.kind == "U":  # NumPy has made texts of a list, or of what another library calls texts.
        objects = np.asarray(y, dtype=object)
        if not (_has_enumerations(objects) or missing_in(objects).any() or _end_in_nul(objects)):
            return y
        array = objects
    if array.dtype.kind in "iu":
        return array if array.max() > _EXACT or array.min() < -_EXACT else y
    plain = of_plain_types(array)
    refuse_missing(missing_in(plain), name)
    if plain.dtype.kind != "O":
        return y if plain is array else plain
    if _end_in_nul(plain):
        text = next(value for value in plain.flat if isinstance(value, str) and value.endswith("\0"))
        raise ValueError(f"{name} has the text {text!r}, which ends in NUL, and NumPy's texts cannot: strip it off.")
    columns = [tightened(column) for column in (plain.T if plain.ndim == 2 else [plain])]
    if any(column.dtype.kind == "O" for column in columns):
        return y if plain is array else plain
    return np.column_stack(columns) if plain.ndim == 2 else columns[0]


def refuse_missing(missing: NDArray[np.bool_], name: str = "y") -> None:
    """Raise a ValueError that counts missing targets and names the first row with one, if there are any.

    Parameters
    ----------
    missing : ndarray of bool, shape (n_samples,) or (n_samples, n_outputs)
        Which targets are missing.
    name : str, default="y"
        What the message calls the targets.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.inputs.plain_targets import refuse_missing
    >>> refuse_missing(np.array([False, True, True]))
    Traceback (most recent call last):
    ...
    ValueError: Input y contains NaN: 2 of 3 targets are missing, the first in row 1, counted from 0: leave them out.
    """
    rows = missing.reshape(len(missing), -1).any(axis=1)
    if rows.any():
        n = int(missing.sum())
        raise ValueError(
            f"Input {name} contains NaN: {n} of {missing.size} targets {'is' if n == 1 else 'are'} missing, the first"
            f" in row {int(rows.argmax())}, counted from 0: leave them out."
        )


def missing_in(array: NDArray) -> NDArray[np.bool_]:
    """Return which elements of an array are missing.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.inputs.plain_targets import missing_in
    >>> missing_in(np.array(["a", None], dtype=object)), missing_in(np.array([1.0, np.nan]))
    (array([False,  True]), array([False,  True]))
    """
    if array.dtype.kind in "fmM":
        return np.isnan(array)
    if array.dtype.kind == "O" and any(map(_missing_kind, set(map(type, array.flat)))):
        return np.fromiter(map(is_missing, array.flat), bool, array.size).reshape(array.shape)
    return np.zeros(array.shape, bool)


def is_missing(value: Any) -> bool:
    """Whether an object stands for a missing value: None, pandas.NA, NaT, what is masked, or NaN of any type.

    Examples
    --------
    >>> from fastmlp.inputs.plain_targets import is_missing
    >>> is_missing(None), is_missing(float("nan")), is_missing("")
    (True, True, False)
    """
    cls: Any = type(value)
    kind = _missing_kind(cls)
    if kind == "decimal":  # of which a signalling NaN cannot be compared
        return value.is_nan()
    # NaN and NumPy's NaT differ from themselves.
    return kind == "missing" or (kind == "number" and bool(value != value))  # noqa: PLR0124


@lru_cache(maxsize=1024)
def _missing_kind(cls: type) -> str:
    """Return how an object of a type says that it is missing; "" if it cannot be."""
    if cls is type(None) or cls.__name__ in ("NAType", "NaTType", "MaskedConstant"):
        return "missing"
    if issubclass(cls, Decimal):
        return "decimal"
    return "number" if issubclass(cls, Real | np.datetime64 | np.timedelta64) else ""


def of_plain_types(array: NDArray) -> NDArray:
    """Return an array as one whose elements a file can have: of enumerations of texts the texts, of long floats floats.

    NumPy makes the names of enumerations of them, cut off where their values end.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.inputs.plain_targets import of_plain_types
    >>> of_plain_types(np.array([1, 2], dtype=np.longdouble)).dtype
    dtype('float64')
    """
    if array.dtype.kind == "T":  # NumPy's texts of any length
        array = array.astype(object)
    if array.dtype.kind == "f" and array.dtype.itemsize > 8:
        with np.errstate(over="ignore"):
            return array.astype(np.float64)
    if array.dtype.kind == "O" and _has_enumerations(array):
        texts = [str.__str__(value) if isinstance(value, str) else value for value in array.flat]
        array = np.fromiter(texts, object, len(texts)).reshape(array.shape)
    return array


def tightened(array: NDArray) -> NDArray:
    """Return an array of objects as truth values, whole numbers or real numbers if it is full of them.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.inputs.plain_targets import tightened
    >>> tightened(np.array([True, False], dtype=object)), tightened(np.array([True, 2], dtype=object))
    (array([ True, False]), array([True, 2], dtype=object))
    """
    if array.dtype.kind != "O":
        return array
    classes = set(map(type, array.flat))
    for group in ((bool, np.bool_), (int, np.integer), (int, float, np.number)):
        if classes and all(issubclass(cls, group) and (bool in group or cls is not bool) for cls in classes):
            return np.array(array.tolist())
    return array


def of_odd_labels(labels: Iterable[Any], estimator: str) -> str:
    """Return what is wrong with labels that are neither truth values nor numbers nor texts, and what helps.

    Examples
    --------
    >>> from decimal import Decimal
    >>> from fastmlp.inputs.plain_targets import of_odd_labels
    >>> of_odd_labels([Decimal(1), Decimal(2)], "MLPClassifier")  # doctest: +ELLIPSIS
    'y holds labels of type Decimal, such as 1: MLPClassifier learns classes that are all truth values, all whole ...'
    """
    labels = list(labels)
    classes = set(map(type, labels))
    names = " and ".join(sorted(cls.__name__ for cls in classes))
    are_members = all(issubclass(cls, Enum) for cls in classes)
    how = "[label.name for label in y]" if are_members else "pandas.Series(y).astype(str)"
    return (
        f"y holds labels of type {names}, such as {labels[0]!s:.40}: {estimator} learns classes that are all truth"
        f" values, all whole numbers of at most 64 bits or all texts. Make texts of them first, as {how} does."
    )


def _has_enumerations(objects: NDArray) -> bool:
    """Whether there are texts of a class of their own."""
    return any(issubclass(cls, str) and cls is not str for cls in set(map(type, objects.flat)))


def _end_in_nul(objects: NDArray) -> bool:
    return any(isinstance(value, str) and value.endswith("\0") for value in objects.flat)
