"""Checks of single values: whole numbers, layer sizes, compute types, arrays that a user's function returned."""

import operator
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray


def real_array(given: Any, shape: tuple[int, ...], dtype: DTypeLike, what: str) -> NDArray:
    """Return what a user's function returned as an array of a type.

    Parameters
    ----------
    given : Any
        The value to check.
    shape : tuple of int
        The shape that it must have.
    dtype : dtype
        The type of the result.
    what : str
        What the value is; error messages begin with it.

    Raises
    ------
    ValueError
        When the value is not made of real numbers of that shape, all of them finite in that type.

    Examples
    --------
    >>> from fastmlp.components import real_array
    >>> real_array([1, 2], (2,), "float32", "weights")
    array([1., 2.], dtype=float32)
    >>> real_array([1, 2], (3,), "float32", "weights")
    Traceback (most recent call last):
    ...
    ValueError: weights must have shape (3,); got shape (2,).
    """
    try:
        array = np.asarray(given)
    except ValueError:  # NumPy makes no array of lists of several lengths
        array = np.asarray(None)
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{what} must be real numbers of shape {shape}; got {given!r}.")
    if array.shape != shape:
        raise ValueError(f"{what} must have shape {shape}; got shape {array.shape}.")
    with np.errstate(over="ignore"):
        array = array.astype(dtype, copy=False)
    finite = np.isfinite(array)
    if not finite.all():
        raise ValueError(f"{what} must be finite in {array.dtype.name}; got {array[~finite][0]}.")
    return array


def compute_dtype(dtype: DTypeLike) -> np.dtype:
    """Return a type that networks compute in: float32 or float64.

    Raises
    ------
    ValueError
        For any other type, and for these two in another byte order.

    Examples
    --------
    >>> from fastmlp.components import compute_dtype
    >>> compute_dtype("float32")
    dtype('float32')
    >>> compute_dtype("float16")
    Traceback (most recent call last):
    ...
    ValueError: dtype must be float32 or float64; got 'float16'.
    """
    try:
        found = np.dtype(dtype)
    except TypeError:
        found = np.dtype(object)
    if found not in (np.float32, np.float64):  # a type of another byte order is not equal to these
        raise ValueError(f"dtype must be float32 or float64; got {dtype!r}.")
    return found


def whole_number(value: Any, parameter: str, least: int | None = 1) -> int:
    """Return an integer of any integer type as an int.

    Parameters
    ----------
    value : Any
        The value to check.
    parameter : str
        The name that the error message gives to the value.
    least : int or None, default=1
        The smallest integer allowed; with None there is no limit.

    Raises
    ------
    ValueError
        When the value is no integer, which True and False are not either, or is smaller than ``least``.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.components import whole_number
    >>> whole_number(np.int8(3), "n_threads")
    3
    >>> whole_number(2.0, "n_threads")
    Traceback (most recent call last):
    ...
    ValueError: n_threads must be an integer of at least 1; got 2.0.
    """
    if type(value) is int and (least is None or value >= least):  # a fit checks many of these, and nearly all end here
        return value
    try:
        number = None if isinstance(value, bool | np.bool_) else operator.index(value)
    except TypeError:
        number = None
    if number is None or (least is not None and number < least):
        limit = "" if least is None else f" of at least {least}"
        raise ValueError(f"{parameter} must be an integer{limit}; got {value!r}.")
    return number


def layer_sizes(sizes: Any) -> tuple[int, ...]:
    """Return the number of units of each layer, from the inputs to the outputs, as a tuple of int.

    Raises
    ------
    ValueError
        When there are fewer than two sizes, or one is not an integer of at least 1.

    Examples
    --------
    >>> from fastmlp.components import layer_sizes
    >>> layer_sizes([4, 10, 3])
    (4, 10, 3)
    """
    try:
        units = tuple(whole_number(size, "sizes") for size in sizes)
    except (TypeError, ValueError):
        units = ()
    if len(units) < 2:
        raise ValueError(f"sizes must be integers of at least 1, inputs and outputs included; got {sizes!r}.")
    return units
