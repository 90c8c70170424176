"""How large parameters of a reservoir can be, and what attributes of one from a file must be.

Compiled code trusts the shapes of the attributes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse

from fastmlp.soundness import is_array, is_count, require

#: The largest scaling of weights and the strongest penalty: sums of what is multiplied by them are finite.
LARGEST = 1e100
#: The most units: those of a readout take memory by the square of their number.
MOST_UNITS = 1_000_000


def checked_count(model: Any, name: str) -> int:
    """Return an attribute that must be a count of at least 1."""
    value: Any = getattr(model, name, None)
    require(is_count(value) and value, f"{name} must be a positive integer", value)
    return int(value)


def checked_units(model: Any, name: str) -> int:
    """Return the number of units, which is that of an attribute's elements."""
    value: Any = getattr(model, name, None)
    require(type(value) is np.ndarray and value.ndim == 1 and len(value), f"{name} must be a vector of numbers")
    return len(value)


def require_arrays(model: Any, shapes: dict[str, tuple[int, ...]]) -> None:
    """Refuse attributes that are not arrays of float64 of these shapes, in C order."""
    for name, shape in shapes.items():
        value: Any = getattr(model, name, None)
        is_sound = is_array(value, *shape) and value.dtype == np.float64 and value.flags.c_contiguous
        require(is_sound, f"{name} must be an array of shape {shape} and float64")


def require_connections(model: Any, name: str, n_units: int) -> None:
    """Refuse an attribute that is no CSR array of float64 from all units to all units."""
    value: Any = getattr(model, name, None)
    is_square = isinstance(value, scipy.sparse.csr_array) and value.shape == (n_units, n_units)
    is_sound = is_square and value.dtype == np.float64 and value.has_sorted_indices
    require(is_sound, f"{name} must be a CSR array of shape {(n_units, n_units)} and float64 with sorted indices")
