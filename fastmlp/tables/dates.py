"""Dates are read from texts here, as ISO 8601 has them and most programs write them."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastmlp.tables.frames import import_pandas

_ISO = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?)?")


def dates_in(texts: NDArray) -> NDArray:
    """Return the dates that texts stand for as datetime64[us], NaT for those that stand for none.

    Those with an offset from UTC become what clocks of UTC show then.

    Parameters
    ----------
    texts : ndarray of str
        Objects.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.tables.dates import dates_in
    >>> dates_in(np.array(["2024-01-31", "2024-01-31T12:30+01:00", "31.1.2024"], object)).astype("M8[m]").tolist()
    [datetime.datetime(2024, 1, 31, 0, 0), datetime.datetime(2024, 1, 31, 11, 30), None]
    """
    places, distinct = import_pandas().factorize(texts)
    return np.array([_date(text) for text in distinct], "M8[us]")[places]


def _date(text: str) -> datetime | None:
    if not _ISO.fullmatch(text):
        return None
    try:
        date = datetime.fromisoformat(text)
        return date if date.tzinfo is None else date.astimezone(UTC).replace(tzinfo=None)
    except (ValueError, OverflowError):  # of a 30th of February, and of the last hours that datetime knows
        return None


def typed_dates(column: Any) -> NDArray:
    """Return the dates of a column that holds dates as such, as :func:`dates_in` returns those of texts.

    Parameters
    ----------
    column : pandas.Series
        Its type is one of dates, with a time zone or without one.
    """
    if getattr(column.dt, "tz", None) is not None:
        column = column.dt.tz_convert("UTC").dt.tz_localize(None)
    return column.to_numpy("M8[us]")
