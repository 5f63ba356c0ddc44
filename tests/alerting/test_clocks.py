"""Laws of clocks: hours of the day are what a clock on the wall shows, also when it is changed."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerting.clocks import instant, latest_hour, next_hour, zone_of
from monitor.windows import WindowSpec, window_at

ZONES = (
    "Europe/Helsinki",
    "America/New_York",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "Africa/Casablanca",
    "UTC",
)
zones = st.sampled_from(ZONES)


@settings(max_examples=200, deadline=None)
@given(zones, st.dates(date(2020, 1, 1), date(2030, 1, 1)))
def test_midnight_is_where_days_of_windows_begin(zone: str, day: date) -> None:
    """The planner's own calendar is the oracle."""
    at = instant(day, time(0), ZoneInfo(zone))
    assert window_at(WindowSpec.parse("1d", zone=zone), at).start == at


@pytest.mark.parametrize(
    ("zone", "day", "clock", "expected"),
    [
        ("America/New_York", date(2026, 3, 8), time(2, 30), datetime(2026, 3, 8, 7, tzinfo=UTC)),  # a gap
        (
            "America/New_York",
            date(2026, 11, 1),
            time(1, 30),
            datetime(2026, 11, 1, 5, 30, tzinfo=UTC),
        ),  # twice
        ("Australia/Lord_Howe", date(2026, 10, 4), time(2, 15), datetime(2026, 10, 3, 15, 30, tzinfo=UTC)),
        ("Europe/Helsinki", date(2026, 7, 1), time(9), datetime(2026, 7, 1, 6, tzinfo=UTC)),
    ],
)
def test_a_time_that_is_not_there_and_one_that_is_there_twice(
    zone: str, day: date, clock: time, expected: datetime
) -> None:
    """The first instant after the gap; the first occurrence."""
    assert instant(day, clock, ZoneInfo(zone)) == expected


@settings(max_examples=200, deadline=None)
@given(zones, st.integers(0, 23), st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)))  # noqa: DTZ001
def test_an_hour_strikes_once_a_day(zone: str, hour: int, wall: datetime) -> None:
    """Never in the future, never after now; between the two lies a day, an hour more or less."""
    now, here = wall.replace(tzinfo=UTC), ZoneInfo(zone)
    last, following = latest_hour(hour, now, here), next_hour(hour, now, here)
    assert last <= now < following
    assert timedelta(hours=22) <= following - last <= timedelta(hours=26)
    assert latest_hour(hour, following, here) == following


def test_a_zone_that_nobody_knows_is_utc() -> None:
    """A message is not lost over a name."""
    assert [str(zone_of(name)) for name in (None, "", "No/Where", "Asia/Tokyo")] == [
        "UTC",
        "UTC",
        "UTC",
        "Asia/Tokyo",
    ]
