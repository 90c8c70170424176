"""Whether the first line of a table has the names of the columns is decided here."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastmlp.tables.missing import MISSING
from fastmlp.tables.notation import numbers_in

_DATE = re.compile(r"(19|20)\d\d((0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])?)?")
_FEWEST_IN_STEP = 3
_SHARE_OF_FRACTIONS = 0.5
_FEWEST_ROWS = 4  # so many rows below the first line are needed to compare it with


def has_header(texts: Any) -> bool:
    """Return whether the first row of a table of texts has the names of its columns.

    It does where it is text above numbers, or, in a table of texts, where none of its values comes again in its column.
    Names that are numbers are known as such where they differ from what is below: years or dates above other numbers,
    numbers in equal steps, or numbers that are all far from those below. A value that comes again in its column of
    texts speaks against names.

    Parameters
    ----------
    texts : pandas.DataFrame

    Examples
    --------
    >>> import pandas as pd
    >>> from fastmlp.tables.header import has_header
    >>> has_header(pd.DataFrame([["2019", "2020", "class"], ["1.5", "2", "a"], ["3", "1", "b"]]))
    True
    >>> has_header(pd.DataFrame([["5.1", "3.5", "setosa"], ["4.9", "3", "setosa"]]))
    False
    """
    first = np.array(texts.iloc[0].tolist(), object)
    columns = [np.array(texts[column].iloc[1:].tolist(), object) for column in texts]
    if not len(columns[0]):
        return True
    below = [values[[value not in MISSING for value in values]] for values in columns]
    comes_again = np.array([bool((values == name).any()) for values, name in zip(below, first, strict=True)])
    if list(first) == [str(i) for i in range(len(first))]:  # the names that columns without names get
        return len(first) > 1 and not comes_again.all()
    numbers = [numbers_in(values) for values in below]
    are_numeric = np.array([len(each) > 0 and not np.isnan(each).any() for each in numbers])
    names = numbers_in(first)
    is_name = np.isnan(names) & [bool(name) and name not in MISSING for name in first]
    is_above = are_numeric & ~np.isnan(names)  # a number stands above numbers
    is_above_numbers = bool((are_numeric & (is_name | _is_index(first, columns))).any())
    if not is_above.any():
        return is_above_numbers or not comes_again.any()
    if comes_again[~are_numeric].any():
        return False
    repeats = np.array([len(set(values)) <= len(values) / 2 for values in below])
    are_texts = np.array([len(each) > 0 and np.isnan(each).all() for each in numbers])
    has_others = is_above_numbers or bool((is_name & repeats).any() or (~np.isnan(names) & are_texts).any())
    others = [each for each, above in zip(numbers, is_above, strict=True) if above]
    return _are_names(first[is_above], names[is_above], others, has_others)


def _is_index(first: NDArray, columns: list[NDArray]) -> NDArray:
    """Return the columns of row numbers without a name: the first line is empty there, as pandas and R write it."""
    found = np.zeros(len(first), bool)
    for i, (name, values) in enumerate(zip(first, columns, strict=True)):
        found[i] = not name and list(values) in ([str(row + start) for row in range(len(values))] for start in (0, 1))
    return found


def _are_names(texts: NDArray, names: NDArray, below: list[NDArray], has_others: bool) -> bool:
    """Return whether numbers above numbers are names.

    Parameters
    ----------
    texts : ndarray of str
        The names.
    names : ndarray
        The numbers that these are.
    below : list of ndarray
        The numbers below each.
    has_others : bool
        Whether other columns speak for names: by a text above numbers, a number above texts, or a text above others
        that come several times each.
    """
    if len(set(names)) < len(names) or any(re.search(r"[^\d.,]", text) for text in texts):
        return False
    are_dates = [all(_DATE.fullmatch(f"{value:.0f}") for value in values) for values in below]
    if all(map(_DATE.fullmatch, texts)) and (has_others or len(names) > 1) and not any(are_dates):
        return True  # a column of years may begin with one, but hardly another column
    if not all(len(values) >= _FEWEST_ROWS for values in below):
        return False
    pairs = list(zip(names, below, strict=True))
    are_whole = all(text.isdecimal() for text in texts)
    steps = np.diff(names)
    if len(names) >= _FEWEST_IN_STEP and np.allclose(steps, steps[0], rtol=1e-6) and not _is_in_steps(below, 0):
        is_count = len(names) >= 2 * _FEWEST_IN_STEP and names[0] in (0, 1) and steps[0] == 1
        if is_count or all(_is_outside(name, values) for name, values in pairs):
            return True
    are_fractions = all(np.mean(np.floor(values) != values) > _SHARE_OF_FRACTIONS for values in below)
    if are_whole and are_fractions and (has_others or len(names) >= _FEWEST_IN_STEP) and (steps > 0).all():
        return True
    return are_whole and (has_others or len(names) > 1) and all(_is_far(name, values) for name, values in pairs)


def _is_in_steps(below: list[NDArray], row: int) -> bool:
    values = [column[row] for column in below]
    steps = {round(float(b - a), 9) for a, b in pairwise(values)}
    return len(steps) == 1


def _is_outside(name: float, values: NDArray) -> bool:
    return bool(name < values.min() or name > values.max())


def _is_far(name: float, values: NDArray) -> bool:
    """Return whether a number is farther from others than these are from each other."""
    low, high = values.min(), values.max()
    return bool(max(low - name, name - high) > high - low)
