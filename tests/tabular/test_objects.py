"""What columns of Python's objects hold is found by the objects' types."""

import enum
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_array_equal

from fastmlp.tabular.objects import is_missing, of_objects

OWN = type("Own", (), {"__repr__": lambda self: "own", "__str__": lambda self: "own"})


@pytest.mark.parametrize(
    ("items", "kind"),
    [
        ([1, 2.5, np.int8(3), Decimal(1), Fraction(1, 2), True, np.bool_(False), None], "numbers"),
        (["a", np.str_("b"), None, float("nan"), pd.NA], "texts"),
        ([date(2024, 1, 1), datetime(2024, 1, 1), pd.Timestamp("2024"), np.datetime64("2024"), pd.NaT], "dates"),
        ([timedelta(1), pd.Timedelta("1s"), np.timedelta64(1, "s"), time(1)], "spans"),
        ([[1], None], "unusable"),
        ([{"a": 1}, 2], "unusable"),
        ([(1,)], "unusable"),
        ([np.zeros(2)], "unusable"),
        ([pl.Series([1])], "unusable"),
        ([b"a", "a"], "unusable"),
        ([1j, 2], "unusable"),
        ([1, "a"], "texts"),
        ([OWN(), OWN(), None], "texts"),
        ([date(2024, 1, 1), 1], "texts"),
        ([datetime(2024, 1, 1), datetime(2024, 1, 1, tzinfo=UTC)], "texts"),  # no time can be said to be the other
        ([], "numbers"),
        ([None, float("nan")], "numbers"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_kinds_of_columns(items, kind):
    found = of_objects(items)
    assert found.kind == kind
    assert len(found.data) == len(items)


def test_missing_values_are_not_among_texts():
    found = of_objects(["a", None, float("nan"), pd.NA, pd.NaT, "b", "a"])
    assert_array_equal(found.data, [0, -1, -1, -1, -1, 1, 0])
    assert found.texts == ["a", "b"] and not found.is_mixed
    assert all(type(text) is str for text in of_objects(np.array(["a"]).tolist() + [np.str_("b")]).texts)


def test_values_of_several_types_are_their_texts():
    found = of_objects([1, "1", 1.0, 2.5, None, True, OWN()])
    assert [found.texts[code] if code >= 0 else None for code in found.data] == [
        *("1", "1", "1", "2.5", None, "True", "own")
    ]
    assert found.is_mixed and found.dtype == "NoneType and Own and bool and float and int and str"


def test_dates_in_zones_are_points_in_time():
    zone = timezone(timedelta(hours=2))
    found = of_objects([datetime(2024, 1, 1, 12, tzinfo=zone), None, datetime(2024, 1, 1, 12, tzinfo=UTC)])
    assert found.zone == "UTC+02:00"
    assert_array_equal(found.data, np.array(["2024-01-01T10", "NaT", "2024-01-01T12"], "M8[us]"))
    odd = type("Odd", (type(zone.__class__.utc).__mro__[1],), {"utcoffset": lambda self, when: timedelta(hours=1)})()
    assert of_objects([datetime(2024, 1, 1, 12, tzinfo=odd)]).zone == "UTC"


def test_spans_and_times_are_seconds():
    found = of_objects([timedelta(microseconds=-3), time(1, 0, 0, 500), np.timedelta64(2, "D"), pd.NaT, timedelta.max])
    assert_array_equal(found.data[:4], [-3e-6, 3600.0005, 172800, np.nan])
    assert found.data[4] == timedelta.max.total_seconds()


def test_numbers_too_large_for_a_float():
    assert_array_equal(of_objects([10**400, -(10**400), pd.NA, Decimal("NaN")]).data, [np.inf, -np.inf, np.nan, np.nan])


@pytest.mark.parametrize("value", [None, float("nan"), np.float32("nan"), pd.NA, pd.NaT, Decimal("NaN")])
def test_missing(value):
    assert is_missing(value)


@pytest.mark.parametrize("value", ["", "nan", 0, False, [], np.zeros(3), {}])
def test_not_missing(value):
    assert not is_missing(value)


class Town(str, enum.Enum):  # noqa: UP042 - its members' texts are not what the function str makes of them
    """Texts with names."""

    ULM = "u"
    BONN = "b"


def test_enumerations_of_texts_are_their_texts():
    values = of_objects([Town.ULM, "b", None, Town.BONN, np.str_("u")])
    assert values.texts == ["u", "b"]
    assert values.data.tolist() == [0, 1, -1, 1, 0]
