"""The columns of a table are told apart here: numbers, categories and identifiers; classes or numbers to learn."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from fastmlp.tables.frames import TableError, shown
from fastmlp.tables.values import numbers_of

_MOST_CLASSES_OF_NUMBERS, _ROWS_PER_CLASS_OF_NUMBERS = 20, 5
_MOST_MARKS, _SHARE_OF_MARKS = 10, 0.05
_IDENTIFIERS = re.compile(r"(.*[_ ])?(id|index|unnamed: 0)", re.IGNORECASE)
_CODE = re.compile(r"0\d+")


def find_task(labels: NDArray, decimal: str = ".", thousands: str | None = None) -> tuple[str, str]:
    """Return what is to be learned from a column's texts, "classification" or "regression", and why.

    Numbers are classes where there are only two of them, or at most 20, all whole, with 5 rows for each on average;
    codes that begin with 0, such as 01 and 07, with 5 rows for each whatever their number.

    Parameters
    ----------
    labels : ndarray of str
        Objects.
    decimal, thousands : str
        The marks that numbers are written with, as :func:`numbers_of` takes them.

    Raises
    ------
    TableError
        When there is nothing to classify: nearly every row has a text of its own.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.tables import find_task
    >>> find_task(np.array(["yes", "no", "yes"], object))
    ('classification', 'it is text with 2 values')
    >>> find_task(np.array(["1.5", "2", "3"], object))
    ('regression', 'it is numbers with 3 values')
    """
    n_distinct, numbers = len(set(labels)), numbers_of(labels, decimal, thousands)
    if np.isnan(numbers).any():
        marks = marks_among(labels, numbers)
        if marks is not None and n_distinct > _MOST_CLASSES_OF_NUMBERS:
            raise TableError(
                f"the target is numbers but for {shown(marks)}: name what means a missing value by"
                " --missing, or say --task classification"
            )
        if n_distinct > max(_MOST_CLASSES_OF_NUMBERS, len(labels) / 2):
            raise TableError(
                f"the target has {n_distinct:,} different texts in {len(labels):,} rows: nothing to classify; --target"
                " names another column"
            )
        return "classification", f"it is text with {n_distinct} values"
    each = len(labels) / _ROWS_PER_CLASS_OF_NUMBERS
    are_whole = bool((np.floor(numbers) == numbers).all())  # of infinite ones, % 1 would warn
    if 2 < n_distinct <= each and are_whole and any(map(_CODE.fullmatch, set(labels))):
        return "classification", f"it is codes that begin with 0, with {n_distinct} values"
    few = n_distinct <= min(_MOST_CLASSES_OF_NUMBERS, each)
    if n_distinct <= 2 or (few and are_whole):
        return "classification", f"it is {'whole ' if n_distinct > 2 else ''}numbers with only {n_distinct} values"
    return "regression", f"it is numbers with {n_distinct:,} values"


def marks_among(values: NDArray, numbers: NDArray) -> list[str] | None:
    """Return the texts that stand for nothing in a column of numbers; None for another column.

    Parameters
    ----------
    values : ndarray
        The values of the column, without those that are known to be missing.
    numbers : ndarray
        The numbers that these values are, NaN for values that are none.
    """
    odd = np.isnan(numbers)
    marks = sorted(set(np.asarray(values)[odd]))
    return marks if odd.mean() <= _SHARE_OF_MARKS and len(marks) <= _MOST_MARKS else None


def are_identifiers(name: str, numbers: NDArray) -> bool:
    """Return whether a column numbers the rows: its name says so, and its values are whole numbers that all differ."""
    if not _IDENTIFIERS.fullmatch(name):
        return False
    return bool((np.floor(numbers) == numbers).all()) and len(np.unique(numbers)) == len(numbers)
