"""Dates as numbers: the time that clocks of a zone show, and the parts of it that a network can use."""

from __future__ import annotations

import datetime
import re
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
from numpy.typing import NDArray

_OFFSET = re.compile(r"(?:UTC)?([+-])(\d\d):?(\d\d)")
_DAY, _QUARTER = np.timedelta64(1, "D"), np.timedelta64(15, "m")
# How long each cycle is. A part of a cycle enters as sine and cosine, too, so that December is beside January.
_CYCLES = {"month": 12, "weekday": 7, "hour": 24}
#: The parts of a date, in the order of a table's columns.
PARTS = (
    *("year", "month", "day", "weekday", "hour", "elapsed"),
    *(f"{part}_{wave}" for part in _CYCLES for wave in ("sin", "cos")),
)


@lru_cache(maxsize=64)
def zone_of(name: str) -> datetime.tzinfo:
    """Return the time zone that has a name, such as "Europe/Berlin" or "+02:00".

    Raises
    ------
    ValueError
        When the system knows no such zone.

    Examples
    --------
    >>> from fastmlp.tabular.dates import zone_of
    >>> zone_of("Europe/Berlin"), zone_of("UTC+02:00").utcoffset(None).seconds
    (zoneinfo.ZoneInfo(key='Europe/Berlin'), 7200)
    """
    if found := _OFFSET.fullmatch(name):
        minutes = int(found[2]) * 60 + int(found[3])
        return datetime.timezone(datetime.timedelta(minutes=-minutes if found[1] == "-" else minutes))
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"X has times of the zone {name!r}, which this system does not know.") from None


def local_time(utc: NDArray, zone: str) -> NDArray:
    """Return what clocks of a zone show at points in time.

    Parameters
    ----------
    utc : ndarray of datetime64[us], shape (n,)
        It may have NaT.
    zone : str

    Returns
    -------
    local : ndarray of datetime64[us], shape (n,)

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.tabular.dates import local_time
    >>> local_time(np.array(["2020-01-01T12", "2020-07-01T12"], "M8[us]"), "Europe/Berlin").astype("M8[h]")
    array(['2020-01-01T13', '2020-07-01T14'], dtype='datetime64[h]')
    """
    zone_found = zone_of(zone)
    days, place = np.unique(utc.astype("M8[D]"), return_inverse=True)
    # A zone's offset changes on few days of a year, so that on all others one offset serves for the day.
    at_begin, at_end = _offsets(days, zone_found), _offsets(days + _DAY, zone_found)
    offsets = at_begin[place]
    odd = (at_begin != at_end)[place] & ~np.isnat(utc)
    if odd.any():  # Zones change their offsets at full quarters of an hour.
        quarters, place = np.unique(utc[odd].astype("M8[m]").astype(np.int64) // 15, return_inverse=True)
        offsets[odd] = _offsets((quarters * 15).astype("M8[m]"), zone_found)[place]
    return utc + offsets


def _offsets(times: NDArray, zone: datetime.tzinfo) -> NDArray:
    """Return how far the clocks of a zone are ahead of UTC at each of some points in time, in microseconds."""
    first, last = np.datetime64("0001-01-03"), np.datetime64("9999-12-29")  # what Python's dates hold in every zone
    seconds = [
        0.0 if np.isnat(time) else time.item().replace(tzinfo=datetime.UTC).astimezone(zone).utcoffset().total_seconds()
        for time in np.clip(times, first, last).astype("M8[us]")
    ]
    return (np.array(seconds) * 1e6).astype(np.int64).astype("m8[us]")


def date_parts(local: NDArray) -> dict[str, NDArray[np.float64]]:
    """Return the parts of dates by name, NaN where a date is missing.

    Parameters
    ----------
    local : ndarray of datetime64[us], shape (n,)

    Returns
    -------
    parts : dict of str to ndarray of shape (n,)
        Year; month and day from 1; weekday, 0 on Mondays; hour with its fraction; days elapsed since 1970; sine and
        cosine of month, weekday and hour.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.tabular.dates import date_parts
    >>> parts = date_parts(np.array(["2024-02-29T18:30"], "M8[us]"))
    >>> [float(parts[part][0]) for part in ("year", "month", "day", "weekday", "hour")]
    [2024.0, 2.0, 29.0, 3.0, 18.5]
    """
    missing = np.isnat(local)
    local = np.where(missing, np.datetime64(0, "us"), local)
    days, months = local.astype("M8[D]"), local.astype("M8[M]")
    parts = {
        "year": local.astype("M8[Y]").astype(np.int64) + 1970,
        "month": months.astype(np.int64) % 12 + 1,
        "day": (days - months.astype("M8[D]")).astype(np.int64) + 1,
        "weekday": (days.astype(np.int64) + 3) % 7,  # The first of January 1970 was a Thursday.
        "hour": (local - days).astype(np.int64) / 3.6e9,
        "elapsed": local.astype(np.int64) / 86.4e9,
    }
    found = {name: part.astype(np.float64) for name, part in parts.items()}
    for name, length in _CYCLES.items():
        angle = found[name] * (2 * np.pi / length)
        found[f"{name}_sin"], found[f"{name}_cos"] = np.sin(angle), np.cos(angle)
    for part in found.values():
        part[missing] = np.nan
    return found
