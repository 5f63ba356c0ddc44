"""T17: windows of eight zones over fifty years, against a twin that walks the clock instead of computing it.

The twin goes through time in steps of a quarter of an hour (every change of clocks since 1990 happens on
one) and writes down where the wall clock passes a boundary; over a day whose clock ran evenly from midnight
to midnight it goes in one step. It shares nothing with monitor/windows.py but zoneinfo.
"""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from monitor.windows import WindowSpec, window_at, windows
from storage.span import Span

ZONES = (
    "Europe/Helsinki",
    "America/New_York",
    "Australia/Lord_Howe",  # half an hour of daylight saving
    "Asia/Kathmandu",  # 05:45
    "Pacific/Apia",  # 30 December 2011 never was
    "America/Santiago",  # midnights that do not exist, and some that come twice
    "Africa/Casablanca",  # clocks change four times a year, around Ramadan
    "UTC",
)
EVERY = ("1h", "1d", "1w", "1mo")
FIRST, LAST = datetime(1990, 1, 1, tzinfo=UTC), datetime(2040, 1, 1, tzinfo=UTC)
STEP = timedelta(minutes=15)
DAY = timedelta(days=1)


def walked(zone: str) -> Iterator[tuple[datetime, datetime]]:
    """(instant, wall clock) where the local date first is a new one: by looking, forwards only."""
    here = ZoneInfo(zone)
    instant = FIRST - DAY
    shown = instant.astimezone(here).replace(tzinfo=None)
    seen = shown.date()
    while instant < LAST:
        ahead = instant + DAY
        if (
            ahead.astimezone(here).replace(tzinfo=None) - shown == DAY
            and shown.hour == 0 == shown.minute
            and shown.second == 0
        ):  # an ordinary day from midnight to midnight: nothing to look at in between
            instant, shown = ahead, ahead.astimezone(here).replace(tzinfo=None)
        else:
            instant += STEP
            shown = instant.astimezone(here).replace(tzinfo=None)
        if shown.date() > seen:
            yield instant, shown
            seen = shown.date()


@cache
def boundaries(zone: str, every: str) -> list[datetime]:
    """Where windows begin, by the walk: each hour since the epoch, local day, Monday or first of month."""
    if every == "1h":
        hours = int((LAST - FIRST) / timedelta(hours=1))
        return [FIRST + timedelta(hours=n) for n in range(hours + 1)]
    found: list[datetime] = []
    week: tuple[int, int] | None = None
    month: tuple[int, int] | None = None
    for instant, shown in walked(zone):
        calendar = shown.isocalendar()
        fresh = {
            "1d": True,
            "1w": (calendar.year, calendar.week) != week,
            "1mo": (shown.year, shown.month) != month,
        }
        if fresh[every]:
            found.append(instant)
        week, month = (calendar.year, calendar.week), (shown.year, shown.month)
    # The first week and month were entered before the walk began.
    return found if every == "1d" else found[1:]


@pytest.mark.parametrize("every", EVERY)
@pytest.mark.parametrize("zone", ZONES)
def test_windows_are_those_of_the_walked_clock(zone: str, every: str) -> None:
    """Fifty years of them: the same boundaries, none more and none less."""
    marks = boundaries(zone, every)
    expected = [Span(start=one, end=other) for one, other in pairwise(marks)]
    assert list(windows(WindowSpec.parse(every, zone=zone), marks[0], marks[-1])) == expected


@pytest.mark.parametrize("every", EVERY[1:])
@pytest.mark.parametrize("zone", ZONES)
def test_half_open_no_gap_no_overlap(zone: str, every: str) -> None:
    """Each window ends where the next one starts, is not empty, and comes after the one before."""
    found = list(windows(WindowSpec.parse(every, zone=zone), FIRST, LAST))
    assert found[0].start <= FIRST < found[0].end
    assert found[-1].end <= LAST
    assert all(span.start < span.end for span in found)
    assert all(one.end == other.start for one, other in pairwise(found))


@pytest.mark.parametrize("every", EVERY)
@pytest.mark.parametrize("zone", ZONES)
def test_planned_in_any_chunking_the_same_set(zone: str, every: str) -> None:
    """However often somebody looked, at whatever instant, down to the microsecond around a boundary."""
    spec, chance = WindowSpec.parse(every, zone=zone), random.Random(f"{zone} {every}")
    marks = boundaries(zone, every)
    for _ in range(3):
        start = chance.randrange(len(marks) - 1)
        stretch = marks[start : start + 400]
        cuts = {stretch[0], stretch[-1]}
        for mark in chance.sample(stretch, min(20, len(stretch))):
            cuts |= {mark, mark - timedelta(microseconds=1), mark + timedelta(microseconds=1)}
        cuts = {cut for cut in cuts if stretch[0] <= cut <= stretch[-1]}
        cuts |= {stretch[0] + chance.random() * (stretch[-1] - stretch[0]) for _ in range(20)}
        chunked = [span for low, high in pairwise(sorted(cuts)) for span in windows(spec, low, high)]
        assert chunked == list(windows(spec, stretch[0], stretch[-1]))


@pytest.mark.parametrize("every", EVERY[1:])
@pytest.mark.parametrize("zone", ZONES)
def test_an_instant_is_in_one_window(zone: str, every: str) -> None:
    """On, just before and just after each boundary of the walk."""
    spec, marks = WindowSpec.parse(every, zone=zone), boundaries(zone, every)
    tick = timedelta(microseconds=1)
    chance = random.Random(zone)
    for index in sorted(chance.sample(range(1, len(marks) - 1), min(200, len(marks) - 2))):
        assert window_at(spec, marks[index]) == Span(start=marks[index], end=marks[index + 1])
        assert window_at(spec, marks[index] - tick) == Span(start=marks[index - 1], end=marks[index])
        assert window_at(spec, marks[index] + tick).start == marks[index]


def test_the_walk_sees_what_it_is_there_for() -> None:
    """Days of 23, 23½, 24½ and 25 hours, and one that never was; or the twin would prove nothing."""
    lengths = {
        zone: {(b - a) / timedelta(hours=1) for a, b in pairwise(boundaries(zone, "1d"))} for zone in ZONES
    }
    assert lengths["UTC"] == {24.0}
    assert lengths["Europe/Helsinki"] == lengths["America/New_York"] == {23.0, 24.0, 25.0}
    assert lengths["Australia/Lord_Howe"] == {23.5, 24.0, 24.5}
    assert {23.0, 25.0} <= lengths["America/Santiago"]
    assert {23.0, 25.0} <= lengths["Africa/Casablanca"]
    here = ZoneInfo("Pacific/Apia")
    dates = [mark.astimezone(here).date().isoformat() for mark in boundaries("Pacific/Apia", "1d")]
    assert "2011-12-29" in dates
    assert "2011-12-31" in dates
    assert "2011-12-30" not in dates
