"""Encoded columns: a table's numbers as bins and fractions, its categories as codes, which a first layer looks up.

A number with B bins stands for B + 1 inputs of a network. Code 0 is a missing number: input 0 is 1, the others are 0.
Code k = 1 ... B is bin k, with the fraction f of the bin that the number lies at: inputs 1 to k - 1 are 1, input k is
f, the others are 0. So the sum of inputs times weights is a piecewise-linear function of the number. f is between 0 and
1 but for numbers below the first bin or above the last. A number that is only scaled has one bin, and is its fraction.

A category with K values stands for K + 1 inputs, of which that of its code is 1 and the others are 0. Code 0 is what is
missing or unknown.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from fastmlp.registration import stored_as
from fastmlp.soundness import is_count, require

# The most inputs of a column, as many as a code of uint16 can name.
_MOST_INPUTS = 1 << 16


@stored_as("inputs.ColumnsLayout")
@dataclass(frozen=True)
class ColumnsLayout:
    """Which inputs of a network each column of a table stands for. Numbers come first, then categories.

    Parameters
    ----------
    n_bins : tuple of int
        The bins of each number, from 1 to 65535.
    n_categories : tuple of int
        The known values of each category, from 0 to 65535.

    Raises
    ------
    ValueError
        For layouts without columns, and for numbers of bins or values that there cannot be.

    Examples
    --------
    >>> from fastmlp.inputs.columns import ColumnsLayout
    >>> layout = ColumnsLayout(n_bins=(4, 1), n_categories=(3,))
    >>> layout.n_inputs, layout.offsets, layout.total_inputs
    ((5, 2, 4), (0, 5, 7), 11)
    """

    n_bins: tuple[int, ...]
    n_categories: tuple[int, ...]

    def __post_init__(self) -> None:
        for name, least in (("n_bins", 1), ("n_categories", 0)):
            given = getattr(self, name)
            try:
                counts = tuple(given)
            except TypeError:
                counts = (None,)
            for count in counts:
                if not is_count(count) or not least <= count < _MOST_INPUTS:
                    raise ValueError(f"{name} must be integers from {least} to {_MOST_INPUTS - 1}; got {given!r}.")
            object.__setattr__(self, name, tuple(int(count) for count in counts))
        if not self.n_bins and not self.n_categories:
            raise ValueError("n_bins and n_categories must name a column or more; got none.")

    @property
    def n_inputs(self) -> tuple[int, ...]:
        """The inputs of each column: its bins or values, and one for what is missing."""
        return tuple(count + 1 for count in (*self.n_bins, *self.n_categories))

    @property
    def offsets(self) -> tuple[int, ...]:
        """The first input of each column."""
        return tuple(accumulate(self.n_inputs[:-1], initial=0))

    @property
    def total_inputs(self) -> int:
        """The inputs of all columns."""
        return sum(self.n_inputs)

    @property
    def n_numbers(self) -> int:
        """How many of the columns are numbers."""
        return len(self.n_bins)

    @property
    def n_columns(self) -> int:
        """How many columns there are."""
        return len(self.n_bins) + len(self.n_categories)

    @property
    def n_looked_up(self) -> int:
        """How many rows of weights a row of the table looks up: two for a number, and one for a category."""
        return 2 * len(self.n_bins) + len(self.n_categories)

    @property
    def code_dtype(self) -> np.dtype:
        """The smallest type that holds all codes: uint8 or uint16."""
        return np.dtype(np.uint8 if max(self.n_bins + self.n_categories) < 1 << 8 else np.uint16)

    def check_state(self) -> None:
        """Raise a ValueError for attributes that no layout has, as a file may say."""
        for name in ("n_bins", "n_categories"):
            require(type(self.__dict__.get(name)) is tuple, f"{name} of a ColumnsLayout is no tuple")
        require(len(self.__dict__) == 2, "a ColumnsLayout has more than n_bins and n_categories")
        ColumnsLayout(self.n_bins, self.n_categories)


class EncodedColumns:
    """Rows of a table as codes and fractions, of a layout. They take the place of X in ``fit`` and ``predict``.

    The arrays are taken as they are, without a copy, and must stay unchanged for as long as the object is used.

    Parameters
    ----------
    codes : ndarray of shape (n_rows, n_columns)
        uint8 or uint16, C-contiguous. Each is below the number of inputs of its column.
    fractions : ndarray of shape (n_rows, n_numbers)
        float32 or float64, C-contiguous and finite. Where the code is 0 they have no effect.
    layout : ColumnsLayout

    Attributes
    ----------
    shape : tuple of int
        (n_rows, total_inputs): that of the matrix which the rows stand for.

    Raises
    ------
    TypeError
        For arrays of other types, and for a layout that is none.
    ValueError
        For other shapes, arrays that are not contiguous, codes that are too large, and fractions that are not finite.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.inputs.columns import ColumnsLayout, EncodedColumns
    >>> layout = ColumnsLayout(n_bins=(3,), n_categories=(2,))
    >>> X = EncodedColumns(np.array([[2, 1], [0, 0]], np.uint8), np.array([[0.5], [0.0]]), layout)
    >>> X.shape
    (2, 7)
    >>> X.dense()
    array([[0. , 1. , 0.5, 0. , 0. , 1. , 0. ],
           [1. , 0. , 0. , 0. , 1. , 0. , 0. ]])
    """

    def __init__(self, codes: NDArray, fractions: NDArray, layout: ColumnsLayout) -> None:
        if not isinstance(layout, ColumnsLayout):
            raise TypeError(f"layout must be a ColumnsLayout; got {layout!r}.")
        _check_array(codes, "codes", (np.uint8, np.uint16), layout.n_columns)
        _check_array(fractions, "fractions", (np.float32, np.float64), layout.n_numbers)
        if len(codes) != len(fractions):
            raise ValueError(f"codes and fractions must be of as many rows; got {len(codes)} and {len(fractions)}.")
        if len(codes) and (beyond := codes.max(axis=0) >= np.array(layout.n_inputs)).any():
            column = int(np.flatnonzero(beyond)[0])
            raise ValueError(
                f"codes of column {column} must be from 0 to {layout.n_inputs[column] - 1}; got"
                f" {codes[:, column].max()}."
            )
        if not np.isfinite(fractions).all():
            row, column = np.argwhere(~np.isfinite(fractions))[0]
            raise ValueError(f"fractions must be finite; got {fractions[row, column]} in row {row}, column {column}.")
        self.codes = codes
        self.fractions = fractions
        self.layout = layout

    @classmethod
    def unchecked(cls, codes: NDArray, fractions: NDArray, layout: ColumnsLayout) -> Self:
        """Return rows whose arrays are known to be as they must be, at no cost.

        The engine refuses codes beyond the layout, and arrays of other shapes and types, when it reads them.

        Examples
        --------
        >>> import numpy as np
        >>> from fastmlp.inputs.columns import ColumnsLayout, EncodedColumns
        >>> EncodedColumns.unchecked(np.array([[1]], np.uint8), np.empty((1, 0)), ColumnsLayout((), (2,))).dense()
        array([[0., 1., 0.]])
        """
        columns = cls.__new__(cls)
        columns.codes, columns.fractions, columns.layout = codes, fractions, layout
        return columns

    @property
    def shape(self) -> tuple[int, int]:
        """The shape of the matrix which the rows stand for: (n_rows, total_inputs)."""
        return len(self.codes), self.layout.total_inputs

    @property
    def dtype(self) -> np.dtype:
        """The type of the fractions, from which estimators choose the type that they compute in."""
        return self.fractions.dtype

    def __len__(self) -> int:
        return len(self.codes)

    def __repr__(self) -> str:
        return f"EncodedColumns of {len(self)} rows, {self.layout!r}"

    def __array__(self, *arguments: Any, **keywords: Any) -> NDArray:
        raise TypeError("EncodedColumns are codes, and no array: dense() gives the matrix which they stand for.")

    def __getitem__(self, rows: Any) -> EncodedColumns:
        if isinstance(rows, tuple) and len(rows) == 2 and rows[1] in (Ellipsis, slice(None)):
            rows = rows[0]  # scikit-learn asks so for rows of what has a shape
        return self.take(rows)

    def take(self, rows: ArrayLike | slice) -> EncodedColumns:
        """Return some of the rows, copied.

        Parameters
        ----------
        rows : array-like of int or bool, or slice
            What NumPy takes as an index of rows.

        Examples
        --------
        >>> import numpy as np
        >>> from fastmlp.inputs.columns import ColumnsLayout, EncodedColumns
        >>> X = EncodedColumns(np.zeros((3, 1), np.uint8), np.zeros((3, 0)), ColumnsLayout((), (2,)))
        >>> len(X.take([0, 2]))
        2
        """
        index: Any = rows if isinstance(rows, slice) else np.asarray(rows)
        if not isinstance(rows, slice) and not index.size:  # a list without elements has no type of its own
            index = slice(0)
        codes, fractions = np.array(self.codes[index], order="C"), np.array(self.fractions[index], order="C")
        taken = EncodedColumns.unchecked(codes, fractions, self.layout)
        if taken.codes.ndim != 2:
            raise ValueError(f"rows must be a slice or a vector of row numbers or truth values; got {rows!r}.")
        return taken

    def mean(self, sample_weight: ArrayLike | None = None) -> NDArray[np.float64]:
        """Return the mean of the rows of the matrix which they stand for, shape (total_inputs,).

        Parameters
        ----------
        sample_weight : array-like of shape (n_rows,), default=None
            At least 0, and not all 0.

        Examples
        --------
        >>> import numpy as np
        >>> from fastmlp.inputs.columns import ColumnsLayout, EncodedColumns
        >>> X = EncodedColumns(np.array([[2], [1]], np.uint8), np.array([[0.5], [1.0]]), ColumnsLayout((2,), ()))
        >>> X.mean(), X.dense().mean(axis=0)
        (array([0.  , 1.  , 0.25]), array([0.  , 1.  , 0.25]))
        """
        weights = np.ones(len(self)) if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
        found = np.empty(self.layout.total_inputs)
        for c, (offset, width) in enumerate(zip(self.layout.offsets, self.layout.n_inputs, strict=True)):
            codes = self.codes[:, c]
            counts = np.bincount(codes, weights, minlength=width)
            if c < self.layout.n_numbers:
                beyond = counts[::-1].cumsum()[::-1]
                fractions = np.bincount(codes, weights * self.fractions[:, c], minlength=width)
                counts[1:-1] = fractions[1:-1] + beyond[2:]
                counts[-1] = fractions[-1]
            found[offset : offset + width] = counts
        return found / weights.sum()

    def dense(self, dtype: DTypeLike = np.float64) -> NDArray:
        """Return the matrix which the rows stand for, shape (n_rows, total_inputs).

        Parameters
        ----------
        dtype : float32 or float64, default=float64
        """
        matrix = np.zeros(self.shape, dtype)
        for c, (offset, width) in enumerate(zip(self.layout.offsets, self.layout.n_inputs, strict=True)):
            code = self.codes[:, c].astype(np.intp)
            inputs = matrix[:, offset : offset + width]
            if c < self.layout.n_numbers:
                inputs[:] = (np.arange(width) > 0) & (np.arange(width) < code[:, np.newaxis])
                values = np.where(code == 0, 1, self.fractions[:, c]).astype(dtype)
            else:
                values = np.ones(len(code), dtype)
            inputs[np.arange(len(code)), code] = values
        return matrix


def _check_array(array: Any, name: str, dtypes: tuple[type, ...], width: int) -> None:
    """Refuse what is no contiguous matrix of one of these types and of this width."""
    types = " or ".join(np.dtype(dtype).name for dtype in dtypes)
    if not isinstance(array, np.ndarray) or array.dtype not in dtypes or not array.dtype.isnative:
        got = f"an array of {array.dtype}" if isinstance(array, np.ndarray) else type(array).__name__
        raise TypeError(f"{name} must be an array of {types}; got {got}.")
    if array.ndim != 2 or array.shape[1] != width:
        raise ValueError(f"{name} must be of shape (n_rows, {width}); got {array.shape}.")
    if not array.flags.c_contiguous or not array.flags.aligned:
        raise ValueError(f"{name} must be C-contiguous and aligned: make it so by numpy.ascontiguousarray.")
