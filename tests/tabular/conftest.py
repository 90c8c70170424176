"""What several tests share: the estimators; one table in the types of several libraries, and what comes of it."""

import math
from collections import Counter
from datetime import date, datetime, time, timedelta
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from fastmlp.tabular.dates import PARTS
from fastmlp.tabular.kinds import EFFORTS
from tests.tabular.problems import BOTH, SEVERAL, SMALL

ARROW = {
    "int": pa.int64(), "float": pa.float64(), "bool": pa.bool_(), "text": pa.string(), "datetime": pa.timestamp("us"),
    "aware": pa.timestamp("us", "America/New_York"), "date": pa.date32(), "span": pa.duration("us"),
    "time": pa.time64("us"), "decimal": pa.decimal128(12, 3), "category": pa.string(),
}  # fmt: skip


def frames(columns):
    """The table with each library's types; columns maps names that begin with a kind to lists of Python's values."""
    arrays = {}
    for name, values in columns.items():
        kind = name.split("_")[0]
        array = pa.array(values, type=ARROW[kind])
        arrays[name] = array.dictionary_encode() if kind == "category" else array
    arrow = pa.table(arrays)
    objects = np.empty((arrow.num_rows, len(columns)), object)
    for i, values in enumerate(columns.values()):
        objects[:, i] = values
    return {
        "arrow": arrow,
        "batches": pa.concat_tables([arrow[: arrow.num_rows // 2], arrow[arrow.num_rows // 2 :]]),
        "polars": pl.from_arrow(arrow),
        "pandas": arrow.to_pandas(),
        "nullable": arrow.to_pandas().convert_dtypes(),
        "pandas of arrow": arrow.to_pandas(types_mapper=pd.ArrowDtype),
        "pandas of objects": pd.DataFrame(objects, columns=list(columns)),
    }


def parts_of(value):
    """The parts of a date, by Python's own attributes."""
    if value is None:
        return dict.fromkeys(PARTS, math.nan)
    if not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day)
    value = value.replace(tzinfo=None)
    hour = value.hour + value.minute / 60 + (value.second + value.microsecond / 1e6) / 3600
    parts = {
        "year": value.year,
        "month": value.month,
        "day": value.day,
        "weekday": value.weekday(),
        "hour": hour,
        "elapsed": (value - datetime(1970, 1, 1)) / timedelta(days=1),
    }
    for name, length in (("month", 12), ("weekday", 7), ("hour", 24)):
        parts[f"{name}_sin"] = math.sin(2 * math.pi * parts[name] / length)
        parts[f"{name}_cos"] = math.cos(2 * math.pi * parts[name] / length)
    return parts


def number_of(value):
    if value is None:
        return math.nan
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, time):
        return timedelta(
            hours=value.hour, minutes=value.minute, seconds=value.second, microseconds=value.microsecond
        ).total_seconds()
    return float(value)


def is_nan(value):
    return isinstance(value, float) and math.isnan(value)


def oracle(columns):
    """The numbers and categories of a table by name, and the names of the columns that cannot be used."""
    numbers, categories, unused = {}, {}, set()
    for name, values in columns.items():
        kind = name.split("_")[0]
        known = [value for value in values if value is not None and not is_nan(value)]
        if not known or (len(known) == len(values) and len(set(known)) == 1):
            unused.add(name)
        elif kind in ("text", "category"):
            counts = Counter(known)
            several = sorted(value for value, n in counts.items() if n > 1)
            if several:
                categories[name] = [several.index(value) + 1 if value in several else 0 for value in values]
            else:
                unused.add(name)
        elif kind in ("datetime", "aware", "date"):
            rows = [parts_of(value) for value in values]
            for part in PARTS:
                column = [row[part] for row in rows]
                seen = [x for x in column if not math.isnan(x)]
                varies = max(seen) - min(seen) > (1e-9 if "_" in part else 0)
                if varies or (part == "elapsed" and len(set(known)) == 1):
                    numbers[f"{name}.{part}"] = column
        else:
            numbers[name] = [number_of(value) for value in values]
    return numbers, categories, unused


TABLE = {
    "int": [1, None, 3, 1, 2],
    "float": [0.5, float("nan"), None, -1.25, 0.0],
    "bool": [True, None, False, True, True],
    "text": ["b", "a", None, "b", "c"],
    "category": ["x", "y", "y", None, "x"],
    "datetime": [
        datetime(2024, 2, 29, 18, 30),
        None,
        datetime(1965, 1, 1),
        datetime(2024, 2, 29),
        datetime(2025, 3, 1),
    ],
    "date": [date(2024, 12, 31), date(2025, 1, 1), None, date(1969, 7, 20), date(2000, 1, 1)],
    "span": [timedelta(seconds=1.5), None, timedelta(days=-1), timedelta(microseconds=-3), timedelta(0)],
    "time": [time(1, 2, 3, 4), time(0), None, time(23, 59), time(12)],
    "decimal": [Decimal("0.125"), None, Decimal("7.000"), Decimal("-1.500"), Decimal("0.125")],
}


@pytest.fixture(params=BOTH, ids=lambda cls: cls.__name__)
def cls(request):
    """Each of the two estimators."""
    return request.param


@pytest.fixture
def small_effort(monkeypatch):
    """Let effort="fast" be a single kind without trees."""
    monkeypatch.setitem(EFFORTS, "fast", SMALL)


@pytest.fixture
def several_kinds(monkeypatch):
    """Let effort="fast" be two kinds without trees."""
    monkeypatch.setitem(EFFORTS, "fast", SEVERAL)
