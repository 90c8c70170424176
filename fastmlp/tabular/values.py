"""What a column of a table holds, told alike for every library: numbers, texts, dates or spans of time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: How kinds of values are called in messages.
KINDS = {"numbers": "numbers", "texts": "texts", "dates": "dates", "spans": "spans of time", "unusable": "other values"}


@dataclass(frozen=True)
class Values:
    """The values of one column.

    Parameters
    ----------
    kind : {"numbers", "texts", "dates", "spans", "unusable"}
    dtype : str
        The column's type as its library calls it, for messages.
    data : ndarray of shape (n,)
        Of numbers and spans: float64, NaN where a value is missing; spans are in seconds, truth values 0 and 1. Of
        texts: int32, places in ``texts``, -1 where a value is missing. Of dates: datetime64[us], NaT where a value is
        missing; with a zone they are UTC.
    texts : list of str
        The different texts; some may occur nowhere.
    zone : str, optional
        The time zone of dates; without it they are what some clock shows.
    is_categorical : bool
        Whether the column's type says that its values are categories.
    is_mixed : bool
        Whether the texts stand for values of several types.
    reason : str
        Why the column cannot be used, if it is unusable.
    """

    kind: str
    dtype: str
    data: NDArray
    texts: list[str] = field(default_factory=list)
    zone: str | None = None
    is_categorical: bool = False
    is_mixed: bool = False
    reason: str = ""

    def missing(self) -> NDArray[np.bool_]:
        """Return which values are missing."""
        if self.kind == "texts":
            return self.data < 0
        if self.kind == "unusable":
            return np.zeros(len(self.data), bool)
        return np.isnat(self.data) if self.kind == "dates" else np.isnan(self.data)

    def example(self) -> Any:
        """Return the first value that is not missing; there must be one."""
        first = self.data[np.argmin(self.missing())]
        if self.kind == "dates":
            return str(first.item())
        return self.texts[first] if self.kind == "texts" else first.item()


def unusable(n_rows: int, dtype: str, reason: str) -> Values:
    """Return the values of a column that cannot be used.

    Examples
    --------
    >>> from fastmlp.tabular.values import unusable
    >>> unusable(2, "list[i64]", "its values are lists").kind
    'unusable'
    """
    return Values("unusable", dtype, np.zeros(n_rows, np.int8), reason=reason)


def text_of(value: Any) -> str:
    """Return the text that stands for a value among categories; numbers that are equal have the same one.

    Examples
    --------
    >>> from fastmlp.tabular.values import text_of
    >>> text_of(1), text_of(1.0), text_of(0.5), text_of("a")
    ('1', '1', '0.5', 'a')
    """
    if isinstance(value, str):
        return str.__str__(value)  # of enumerations of texts, the function str makes names
    if isinstance(value, float | np.floating):
        number = float(value)
        return str(int(number)) if number.is_integer() else str(number)
    return str(value)
