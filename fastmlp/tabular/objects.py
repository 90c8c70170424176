"""Columns of Python's objects: what their values are is found by the objects' types."""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterable, Sequence
from decimal import Decimal
from functools import lru_cache
from numbers import Number, Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastmlp.inputs.plain_targets import is_missing
from fastmlp.tabular.dates import zone_of
from fastmlp.tabular.values import Values, text_of, unusable

# Values of these kinds are neither one number nor one category.
_UNUSABLE = {
    "nested": "its values are lists, dicts or the like",
    "binary": "its values are bytes",
    "complex": "its values are complex numbers",
}
_MICROSECOND = datetime.timedelta(microseconds=1)


@lru_cache(maxsize=1024)
def _group(cls: type) -> str:
    """Return what objects of a type are."""
    if cls is type(None) or cls.__name__ in ("NAType", "NaTType"):  # pandas.NA and NaT; NaT calls itself a date
        return "missing"
    for group, classes in (
        ("texts", str),
        ("dates", (datetime.date, np.datetime64)),
        ("spans", (datetime.timedelta, np.timedelta64, datetime.time)),  # NumPy has its spans among the integers
        ("numbers", (Real, Decimal, np.bool_)),
        ("binary", (bytes, bytearray, memoryview)),
        ("complex", Number),
        ("nested", (list, tuple, dict, set, frozenset, np.ndarray)),
    ):
        if issubclass(cls, classes):
            return group
    if hasattr(cls, "to_timestamp"):  # pandas' periods
        return "dates"
    # Polars has lists as series.
    return "nested" if hasattr(cls, "__len__") and hasattr(cls, "__array__") else "others"


def _of_value(value: Any) -> str:
    cls: Any = type(value)
    return _group(cls)


def of_objects(items: Sequence[Any], dtype: str = "") -> Values:
    """Return what a sequence of Python's objects holds; without the name of a type, their own types give it.

    None, NaN, NaT and pandas.NA are missing. Numbers of any types are numbers, truth values among them; dates with and
    without a time are dates; spans and times of day are spans. Values of several kinds, and objects of other types, are
    texts.

    Examples
    --------
    >>> from decimal import Decimal
    >>> from fastmlp.tabular.objects import of_objects
    >>> of_objects([1, None, Decimal("0.5"), True]).data
    array([1. , nan, 0.5, 1. ])
    >>> mixed = of_objects(["a", None, 1, "a"])
    >>> mixed.data, mixed.texts
    (array([ 0, -1,  1,  0], dtype=int32), ['a', '1'])
    """
    classes = set(map(type, items))
    groups = {_group(cls) for cls in classes} - {"missing"}
    dtype = dtype or " and ".join(sorted(cls.__name__ for cls in classes))
    if len(groups) > 1 and groups.isdisjoint(_UNUSABLE):  # The values of one kind may all be NaN or NaT.
        items = [None if is_missing(item) else item for item in items]
        classes = set(map(type, items))
        groups = {_group(cls) for cls in classes} - {"missing"}
    for group, reason in _UNUSABLE.items():
        if group in groups:
            return unusable(len(items), dtype, reason)
    if groups <= {"numbers"}:
        return Values("numbers", dtype, _numbers(items))
    if groups == {"texts"}:
        return Values("texts", dtype, *_factorized(items))
    if groups == {"dates"} and (found := _dates(items)) is not None:
        return Values("dates", dtype, found[0], zone=found[1])
    if groups == {"spans"}:
        return Values("spans", dtype, np.fromiter(map(_seconds, items), np.float64, len(items)))
    return _mixed(items, dtype)


def mixed_texts(items: Sequence[Any]) -> Values:
    """Return objects as texts, whatever kinds they are of: some rows of a column of several kinds may all be of one.

    Examples
    --------
    >>> from fastmlp.tabular.objects import mixed_texts
    >>> mixed_texts([True, 1, 1.0]).texts
    ['True', '1']
    """
    found = of_objects(items)
    return found if found.kind == "unusable" else _mixed(items, found.dtype)


def _mixed(items: Iterable[Any], dtype: str) -> Values:
    texts = [None if is_missing(item) else text_of(item) for item in items]
    return Values("texts", dtype, *_factorized(texts), is_mixed=True)


def _factorized(items: Iterable[Any]) -> tuple[NDArray[np.int32], list[str]]:
    """Return the places of texts among the different ones, -1 for what is missing, and these."""
    items = list(items)
    texts: list[str] = []
    places: dict[Any, int] = {}
    for item in dict.fromkeys(items):
        if is_missing(item):
            places[item] = -1
        else:
            places[item] = len(texts)
            texts.append(str.__str__(item))  # of enumerations of texts, the function str makes names
    return np.fromiter(map(places.__getitem__, items), np.int32, len(items)), texts


def _numbers(items: Sequence[Any]) -> NDArray[np.float64]:
    try:
        return np.array(items, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):  # of pandas.NA, Decimal's signalling NaN, integers beyond float64
        return np.array([_number(item) for item in items], dtype=np.float64)


def _number(item: Any) -> float:
    if _of_value(item) == "missing" or (isinstance(item, Decimal) and item.is_nan()):
        return math.nan
    try:
        return float(item)
    except OverflowError:
        return math.inf if item > 0 else -math.inf


def _dates(items: Sequence[Any]) -> tuple[NDArray, str | None] | None:
    """Return dates, in UTC if they have a zone, and the zone of the first; None where only some have one."""
    items = [item.to_timestamp() if hasattr(item, "to_timestamp") else item for item in items]
    zones = {getattr(item, "tzinfo", None) for item in items if not is_missing(item)}
    if len(zones) > 1 and None in zones:
        return None
    plain = [
        None
        if is_missing(item)
        else item
        if getattr(item, "tzinfo", None) is None
        else item.astimezone(datetime.UTC).replace(tzinfo=None)
        for item in items
    ]
    first = next((item.tzinfo for item in items if getattr(item, "tzinfo", None) is not None), None)
    if first is None:
        return np.array(plain, dtype="M8[us]"), None
    name = str(getattr(first, "key", first))
    try:
        zone_of(name)
    except ValueError:  # of classes for zones that have no names
        name = "UTC"
    return np.array(plain, dtype="M8[us]"), name


def _seconds(item: Any) -> float:
    """Return a span of time in seconds, and a time of day as those since midnight."""
    if is_missing(item):
        return math.nan
    if isinstance(item, datetime.time):
        return item.hour * 3600 + item.minute * 60 + item.second + item.microsecond / 1e6
    if isinstance(item, np.timedelta64):
        item = item.astype("m8[us]").item()
    try:
        return (item // _MICROSECOND) / 1e6
    except (OverflowError, ValueError):  # of pandas' spans of more microseconds than a number of 64 bits can have
        return item.total_seconds()
