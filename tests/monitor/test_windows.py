"""Laws of monitor/windows.py (T17): the set of windows follows from the spec alone."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.windows import WindowSpec, slots, window_at, windows, windows_within
from storage.span import Span

ZONES = (
    "Europe/Helsinki",
    "America/New_York",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "Pacific/Apia",
    "America/Santiago",
    "Africa/Casablanca",
    "UTC",
)
FIRST, LAST = datetime(1990, 1, 1, tzinfo=UTC), datetime(2040, 1, 1, tzinfo=UTC)
EVERY = ("1h", "6h", "1d", "2d", "1w", "2w", "1mo", "3mo")

specs = st.builds(
    lambda every, zone, hours: WindowSpec.parse(every, zone=zone, offset=timedelta(hours=hours)),
    every=st.sampled_from(EVERY),
    zone=st.sampled_from(ZONES),
    hours=st.just(0),
) | st.builds(
    lambda every, zone, hours: WindowSpec.parse(every, zone=zone, offset=timedelta(hours=hours)),
    every=st.sampled_from(("1d", "1w", "1mo")),
    zone=st.sampled_from(ZONES),
    hours=st.integers(0, 23),
)
instants = st.integers(int(FIRST.timestamp()), int(LAST.timestamp())).map(
    lambda second: datetime.fromtimestamp(second, tz=UTC)
)


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("every", ["1d", "1w", "1mo"])
def test_calendar_windows_tile_fifty_years(zone: str, every: str) -> None:
    """No gap, no overlap, strictly increasing, in every zone from 1990 to 2040."""
    found = list(windows(WindowSpec.parse(every, zone=zone), FIRST, LAST))
    assert found[0].start <= FIRST < found[0].end
    assert all(one.end == other.start for one, other in pairwise(found))
    assert all(span.start < span.end for span in found)


@pytest.mark.parametrize("zone", ZONES)
def test_days_start_at_local_midnight(zone: str) -> None:
    """Each day begins at 00:00 on the wall, or at the first instant after a gap that swallowed it."""
    here = ZoneInfo(zone)
    for span in windows(WindowSpec.parse("1d", zone=zone), FIRST, LAST):
        local = span.start.astimezone(here)
        before = (span.start - timedelta(seconds=1)).astimezone(here)
        assert before.date() < local.date()
        if local.time() != time():
            assert before.utcoffset() != local.utcoffset()


@given(spec=specs, start=instants, cuts=st.lists(st.integers(0, 86_400 * 120), max_size=6))
@settings(max_examples=150, deadline=None)
def test_any_chunking_plans_the_same_set(spec: WindowSpec, start: datetime, cuts: list[int]) -> None:
    """(a, b] and (b, c] together are (a, c], wherever b falls."""
    marks = [start + timedelta(seconds=second) for second in sorted({0, *cuts})]
    chunked = [span for low, high in pairwise(marks) for span in windows(spec, low, high)]
    assert chunked == list(windows(spec, marks[0], marks[-1]))


@given(spec=specs, instant=instants)
@settings(max_examples=200, deadline=None)
def test_every_instant_is_in_exactly_one_window(spec: WindowSpec, instant: datetime) -> None:
    """The window at an instant holds it, and is one of those that are planned."""
    span = window_at(spec, instant)
    assert span.start <= instant < span.end
    assert list(windows(spec, span.start, span.end)) == [span]
    assert window_at(spec, span.start) == span


@given(spec=specs, start=instants, days=st.integers(1, 100))
@settings(max_examples=100, deadline=None)
def test_windows_within_a_span_lie_inside_it(spec: WindowSpec, start: datetime, days: int) -> None:
    """Whole windows only."""
    end = start + timedelta(days=days)
    assert all(start <= span.start and span.end <= end for span in windows_within(spec, start, end))


def _hours(zone: str, day: date) -> float:
    noon = datetime.combine(day, time(12), tzinfo=ZoneInfo(zone)).astimezone(UTC)
    span = window_at(WindowSpec.parse("1d", zone=zone), noon)
    return (span.end - span.start) / timedelta(hours=1)


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("America/New_York", date(2013, 3, 10), 23),
        ("America/New_York", date(2013, 11, 3), 25),
        ("America/New_York", date(2013, 7, 1), 24),
        ("Australia/Lord_Howe", date(2024, 4, 7), 24.5),
        ("America/Santiago", date(2024, 9, 8), 23),  # midnight itself does not exist
        ("Pacific/Apia", date(2011, 12, 29), 24),
    ],
)
def test_days_have_the_hours_their_clocks_show(zone: str, day: date, hours: float) -> None:
    """23, 24 or 25 hours where clocks change by one, and half an hour on Lord Howe."""
    assert _hours(zone, day) == hours


def test_a_day_that_never_was_has_no_window() -> None:
    """Apia went from 29 to 31 December 2011: 364 days that year, and no empty window."""
    here = ZoneInfo("Pacific/Apia")
    spec = WindowSpec.parse("1d", zone="Pacific/Apia")
    year = windows_within(
        spec,
        datetime(2011, 1, 1, tzinfo=here).astimezone(UTC),
        datetime(2012, 1, 1, tzinfo=here).astimezone(UTC),
    )
    days = [span.start.astimezone(here).date().isoformat() for span in year]
    assert len(days) == 364
    assert "2011-12-30" not in days


def test_an_ambiguous_boundary_is_its_first_occurrence() -> None:
    """A day that begins at 01:30 in New York begins at the first 01:30 when there are two."""
    spec = WindowSpec.parse("1d", zone="America/New_York", offset=timedelta(hours=1, minutes=30))
    span = window_at(spec, datetime(2013, 11, 3, 12, tzinfo=UTC))
    assert span.start == datetime(2013, 11, 3, 5, 30, tzinfo=UTC)


def test_fixed_lengths_are_aligned_to_the_epoch_in_any_zone() -> None:
    """The zone of an hourly window changes its slots, not its span."""
    instant = datetime(2024, 5, 5, 10, 40, tzinfo=UTC)
    spans = {window_at(WindowSpec.parse("1h", zone=zone), instant) for zone in ZONES}
    assert spans == {
        Span(start=datetime(2024, 5, 5, 10, tzinfo=UTC), end=datetime(2024, 5, 5, 11, tzinfo=UTC))
    }


def test_weeks_start_on_monday_and_quarters_in_january() -> None:
    """As in ISO 8601; an offset of six days makes it Sunday."""
    instant = datetime(2024, 5, 15, tzinfo=UTC)
    assert window_at(WindowSpec.parse("1w"), instant).start == datetime(2024, 5, 13, tzinfo=UTC)
    sunday = WindowSpec.parse("1w", offset=timedelta(days=6))
    assert window_at(sunday, instant).start == datetime(2024, 5, 12, tzinfo=UTC)
    assert window_at(WindowSpec.parse("3mo"), instant).start == datetime(2024, 4, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("every", "kinds"),
    [
        ("15m", {"none", "weekend", "day_of_week", "hour_of_day", "hour_weekend"}),
        ("1h", {"none", "weekend", "day_of_week", "hour_of_day", "hour_weekend"}),
        ("24h", {"none", "weekend", "day_of_week"}),
        ("1d", {"none", "weekend", "day_of_week"}),
        ("1w", {"none"}),
        ("1mo", {"none"}),
    ],
)
def test_slots_are_only_kinds_that_can_differ(every: str, kinds: set[str]) -> None:
    """A day has no hour, and a week no day."""
    spec = WindowSpec.parse(every)
    assert slots(spec, window_at(spec, FIRST)).keys() == kinds


def test_slots_are_local() -> None:
    """Sunday 23:00 in New York is Monday in UTC, and a weekend hour all the same."""
    spec = WindowSpec.parse("1h", zone="America/New_York")
    span = window_at(spec, datetime(2013, 7, 8, 3, 30, tzinfo=UTC))
    assert slots(spec, span) == {
        "none": 0,
        "weekend": 1,
        "day_of_week": 6,
        "hour_of_day": 23,
        "hour_weekend": 47,
    }


def test_a_spec_spells_itself() -> None:
    """What a noise model is bound to."""
    assert str(WindowSpec.parse("1d", zone="America/New_York")) == "1d@America/New_York"
    assert str(WindowSpec.parse(" 1 d", offset=timedelta(hours=6))) == "1d+6h@UTC"


@pytest.mark.parametrize("every", ["0d", "d", "1y", "-1h", "1.5h", ""])
def test_nonsense_is_refused(every: str) -> None:
    """With what was expected."""
    with pytest.raises(ValueError, match="whole number"):
        WindowSpec.parse(every)


def test_a_boundary_that_does_not_exist_is_the_first_instant_after_the_gap() -> None:
    """A day that begins at 02:30 in New York begins at 03:00 when clocks jump from 02:00 to 03:00."""
    spec = WindowSpec.parse("1d", zone="America/New_York", offset=timedelta(hours=2, minutes=30))
    span = window_at(spec, datetime(2013, 3, 10, 12, tzinfo=UTC))
    assert span.start == datetime(2013, 3, 10, 7, tzinfo=UTC)
