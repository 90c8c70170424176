"""Questions to ask of values that come from a file, where any value may stand in place of any other.

The classes that files hold use these in their ``check_state``, and fastmlp.persistence in its checks of scikit-learn's
classes.
"""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np

#: The largest number of threads or processes that a model in a file may ask for.
MAX_JOBS = 1024
#: What a count of rows, steps or epochs must be less than: a float64 holds every such count exactly.
MAX_COUNT = 1 << 53


def require(condition: Any, otherwise: str, *got: Any) -> None:
    """Raise a ValueError unless a condition holds.

    Parameters
    ----------
    condition : Any
        It is taken for true or false.
    otherwise : str
        The message, without the full stop at its end.
    *got : Any
        The values that are to be shown in the message.

    Examples
    --------
    >>> from fastmlp.soundness import require
    >>> require(False, "n_updates is no count of steps", -1)
    Traceback (most recent call last):
    ...
    ValueError: n_updates is no count of steps; got -1.
    """
    if not condition:
        raise ValueError(f"{otherwise}{''.join(f'; got {shown(value)}' for value in got)}.")


def require_jobs(n_jobs: Any) -> None:
    """Raise a ValueError for an ``n_jobs`` that asks for more threads or processes than a file may ask for."""
    require((n_jobs or 0) <= MAX_JOBS, f"n_jobs={n_jobs} is more than {MAX_JOBS}; -1 is all CPUs")


def shown(value: Any) -> str:
    """Return a value as it is shown in a message: its repr, in at most 200 characters."""
    try:
        text = repr(value)
    except Exception:
        text = f"a {type(value).__name__}"
    return text if len(text) <= 200 else f"{text[:197]}..."


def is_count(value: Any) -> bool:
    """Whether a value is a number of rows, steps or epochs that there may be."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and bool(0 <= value < MAX_COUNT)


def is_number(value: Any) -> bool:
    """Whether a value is a real number, and no truth value."""
    return isinstance(value, Real) and not isinstance(value, bool)


def is_truth(value: Any) -> bool:
    """Whether a value is True or False, of Python or of NumPy."""
    return isinstance(value, bool | np.bool_)


def are_texts(value: Any) -> bool:
    """Whether a value is a list of texts."""
    return type(value) is list and all(type(item) is str for item in value)


def is_array(value: Any, *shape: int, kinds: str = "f") -> bool:
    """Whether a value is an array of a shape, with elements of one of the kinds that NumPy names by a letter."""
    return type(value) is np.ndarray and value.shape == shape and value.dtype.kind in kinds
