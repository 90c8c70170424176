"""Parts of dates beside Python's own, and zones whose clocks change."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from fastmlp.tabular.dates import PARTS, date_parts, local_time, zone_of
from tests.tabular.conftest import parts_of


@given(st.lists(st.none() | st.datetimes(), min_size=1, max_size=5))
def test_parts_are_those_that_python_finds(dates):
    found = date_parts(np.array(dates, "M8[us]"))
    assert tuple(found) == PARTS
    for part in PARTS:
        assert_allclose(found[part], [parts_of(value)[part] for value in dates], rtol=1e-12, atol=1e-12)
    for i in range(len(dates)):
        alone = date_parts(np.array(dates[i : i + 1], "M8[us]"))
        assert_array_equal([alone[part][0] for part in PARTS], [found[part][i] for part in PARTS])


ZONES = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC", "Pacific/Apia", "+05:30"]


@pytest.mark.parametrize("zone", ZONES)
@given(times=st.lists(st.none() | st.datetimes(datetime(1, 1, 4), datetime(9999, 12, 28)), min_size=1, max_size=8))
def test_local_times_are_those_that_python_finds(zone, times):
    expected = [
        None if time is None else time.replace(tzinfo=UTC).astimezone(zone_of(zone)).replace(tzinfo=None)
        for time in times
    ]
    assert_array_equal(local_time(np.array(times, "M8[us]"), zone), np.array(expected, "M8[us]"))


@pytest.mark.parametrize("zone", ZONES[:3])
def test_days_on_which_clocks_change(zone):
    times = [datetime(2024, 1, 1) + timedelta(minutes=15 * i) for i in range(366 * 96)]
    expected = [time.replace(tzinfo=UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None) for time in times]
    assert_array_equal(local_time(np.array(times, "M8[us]"), zone), np.array(expected, "M8[us]"))


@pytest.mark.parametrize(("name", "hours"), [("UTC", 0), ("+02:00", 2), ("UTC-03:30", -3.5), ("+0545", 5.75)])
def test_offsets_are_zones(name, hours):
    assert zone_of(name).utcoffset(datetime(2024, 1, 1)) == timedelta(hours=hours)


@pytest.mark.parametrize("name", ["Mars/Olympus", "", "/etc/passwd", "../../etc/passwd"])
def test_zones_that_there_are_not(name):
    with pytest.raises(ValueError, match="times of the zone"):
        zone_of(name)
