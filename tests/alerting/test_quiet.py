"""Laws of quiet hours: what the clock on the wall says, on the days that were named."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerting.quiet import QuietHours, quiet_until
from alerting.verdict import Severity

NIGHT = QuietHours(start=time(22), end=time(7), zone="Europe/Helsinki")
HELSINKI = ZoneInfo("Europe/Helsinki")


def at(text: str) -> datetime:
    """On the clocks of Helsinki."""
    return datetime.fromisoformat(text).replace(tzinfo=HELSINKI).astimezone(UTC)


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("2026-06-15T21:59", None),
        ("2026-06-15T22:00", "2026-06-16T07:00"),
        ("2026-06-16T03:00", "2026-06-16T07:00"),
        ("2026-06-16T07:00", None),
        ("2026-03-29T01:00", "2026-03-29T07:00"),  # the night in which an hour is missing
        ("2026-10-25T05:00", "2026-10-25T07:00"),  # the one that has an hour more
    ],
)
def test_a_night_is_past_midnight(now: str, until: str | None) -> None:
    """Half-open, and by the wall whatever the clocks do."""
    assert NIGHT.until(at(now)) == (None if until is None else at(until))


def test_the_day_is_the_one_on_which_it_begins() -> None:
    """The night from Friday to Saturday belongs to Friday."""
    friday = QuietHours(start=time(22), end=time(7), zone="Europe/Helsinki", days=frozenset({4}))
    assert friday.until(at("2026-06-20T03:00")) == at("2026-06-20T07:00")
    assert friday.until(at("2026-06-20T23:00")) is None


def test_start_and_end_alike_are_the_whole_day() -> None:
    """A weekend is two of them."""
    weekend = QuietHours(zone="Europe/Helsinki", days=frozenset({5, 6}))
    assert weekend.until(at("2026-06-20T12:00")) == at("2026-06-21T00:00")
    assert weekend.until(at("2026-06-21T00:00")) == at("2026-06-22T00:00")
    assert weekend.until(at("2026-06-22T00:00")) is None


def test_pages_wait_only_where_they_are_asked_to() -> None:
    """And of several hours the last to end counts."""
    deep = QuietHours(start=time(1), end=time(8), zone="Europe/Helsinki", pages=True)
    now = at("2026-06-16T03:00")
    assert quiet_until([NIGHT], Severity.PAGE, now) is None
    assert quiet_until([NIGHT], Severity.TICKET, now) == at("2026-06-16T07:00")
    assert quiet_until([NIGHT, deep], Severity.PAGE, now) == at("2026-06-16T08:00")
    assert quiet_until([NIGHT, deep], Severity.TICKET, now) == at("2026-06-16T08:00")


ZONES = ("Europe/Helsinki", "America/New_York", "Australia/Lord_Howe", "UTC")


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(ZONES),
    st.times(),
    st.times(),
    st.sets(st.integers(0, 6), min_size=1),
    st.datetimes(datetime(2024, 1, 1), datetime(2028, 1, 1)),  # noqa: DTZ001
)
def test_it_ends_after_now_and_is_over_then(
    zone: str, start: time, end: time, days: set[int], wall: datetime
) -> None:
    """An end lies ahead, a day and an hour at most; then it holds only where the next stretch begins."""
    hours = QuietHours(start=start, end=end, zone=zone, days=frozenset(days))
    now = wall.replace(tzinfo=UTC)
    until = hours.until(now)
    if until is None:
        return
    assert now < until <= now + timedelta(hours=25)
    again = hours.until(until)
    assert again is None or start == end or until.astimezone(ZoneInfo(zone)).time() >= start
