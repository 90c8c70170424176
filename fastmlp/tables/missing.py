"""Missing values are found here by the marks that many programs write, and by those that the user names."""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastmlp.tables.frames import import_pandas
from fastmlp.tables.values import matches, numbers_in

#: These texts are read as a missing value: the marks that pandas knows, and "?".
MISSING = frozenset(
    {
        "",
        "?",
        "#N/A",
        "#N/A N/A",
        "#NA",
        "-1.#IND",
        "-1.#QNAN",
        "-NaN",
        "-nan",
        "1.#IND",
        "1.#QNAN",
        "<NA>",
        "N/A",
        "NA",
    }
    | {"NULL", "NaN", "None", "n/a", "nan", "null"}
)

#: This mark is an everyday word, and may well be a class.
WORD = "None"


class Marks:
    """Texts and numbers that mean a missing value.

    Numbers are compared as numbers, however they are written; texts as :func:`fastmlp.tables.values.matches` does.

    Parameters
    ----------
    missing : iterable of str or numbers, default=()
        The marks that the user names.
    keep : iterable of str, default=()
        The marks of :data:`MISSING` that are values like others.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.tables.missing import Marks
    >>> Marks(["-999", "unknown"]).among(np.array(["-999.0", "5", "NA", "Unknown"], object)).tolist()
    [True, False, True, True]
    >>> Marks(keep=["NA"]).among(np.array(["NA", "?"], object)).tolist()
    [False, True]
    """

    def __init__(self, missing: Iterable[Any] = (), keep: Iterable[str] = ()) -> None:
        self._own = [str(mark) for mark in missing]
        numbers = numbers_in(np.array(self._own, object)) if self._own else np.empty(0)
        self._numbers = numbers[~np.isnan(numbers)]
        kept = set(keep)
        self._known = (MISSING - (kept | set(matches(MISSING - kept, list(kept)) if kept else ()))) | set(self._own)

    def among(self, texts: NDArray) -> NDArray:
        """Return which of a column's texts mean a missing value, as a mask."""
        pandas = import_pandas()
        series = pandas.Series(texts, dtype=object)
        if not self._own:
            return series.isin(self._known).to_numpy()
        distinct = series.unique()
        numbers = numbers_in(distinct)
        said = {*distinct[np.isin(numbers, self._numbers)], *matches(distinct[np.isnan(numbers)], self._own)}
        return series.isin(self._known | said).to_numpy()

    def cleared(self, numbers: NDArray, dtype: Any = None) -> NDArray:
        """Return numbers with NaN in the place of those that mean a missing value.

        Parameters
        ----------
        numbers : ndarray
        dtype : dtype, default=None
            The type they were stored in: float32 has no -999.2, but a number next to it.
        """
        if not len(self._numbers):
            return numbers
        marks = self._numbers
        if dtype is not None and dtype.kind == "f":
            with np.errstate(over="ignore"):
                marks = np.union1d(marks, marks.astype(f"f{dtype.itemsize}").astype(np.float64))
        return np.where(np.isin(numbers, marks), np.nan, numbers)


def are_marks(values: Any) -> bool:
    """Return whether these are texts and numbers, as ``missing`` may have them."""
    return isinstance(values, list | tuple | set | frozenset | np.ndarray) and all(
        isinstance(value, str) or (isinstance(value, Real) and not isinstance(value, bool | np.bool_))
        for value in values
    )
