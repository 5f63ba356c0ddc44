"""Which windows should exist, and at which point of the day and week does each lie?

Pure: the truth about windows follows from the spec alone, never from when somebody looked, so planning in any
chunks, after any downtime and across any change of clocks gives the same set.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo

from monitor.duration import format_duration
from storage.span import Span

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY = _EPOCH.date().toordinal()
_MONDAY = date(1970, 1, 5).toordinal()  # weeks start on Monday, as in ISO 8601
_WEEK = timedelta(days=7)
_DAY = timedelta(days=1)
_PATTERN = re.compile(r"([1-9][0-9]{0,5})\s*(s|mo|m|h|d|w)")


class Unit(StrEnum):
    """Days, weeks and months are calendar lengths in the spec's zone; the others are fixed."""

    SECOND = "s"
    MINUTE = "m"
    HOUR = "h"
    DAY = "d"
    WEEK = "w"
    MONTH = "mo"


_FIXED = {Unit.SECOND: timedelta(seconds=1), Unit.MINUTE: timedelta(minutes=1), Unit.HOUR: timedelta(hours=1)}
_NOMINAL = _FIXED | {Unit.DAY: _DAY, Unit.WEEK: _WEEK, Unit.MONTH: timedelta(days=31)}
_SHORTEST = _NOMINAL | {Unit.MONTH: timedelta(days=28)}


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowSpec:
    """`count` units, cut in `zone`, moved by `offset` (wall-clock time for calendar lengths).

    Fixed lengths are aligned to the epoch; days are counted from 1970-01-01, weeks from a Monday, months from
    January of year 0: three months are quarters.
    """

    count: int
    unit: Unit
    zone: str = "UTC"
    offset: timedelta = timedelta(0)

    def __post_init__(self) -> None:
        if self.count < 1:
            raise ValueError(f"every: must be at least one unit, got {self.count}")
        if not timedelta(0) <= self.offset < self.count * _SHORTEST[self.unit]:
            raise ValueError(f"offset: must lie in [0, every), got {format_duration(self.offset)}")

    @classmethod
    def parse(cls, every: str, *, zone: str = "UTC", offset: timedelta = timedelta(0)) -> "WindowSpec":
        """ValueError says what was expected; an unknown zone is zoneinfo's own KeyError."""
        match = _PATTERN.fullmatch(every.strip())
        if match is None:
            raise ValueError(
                f'must be a whole number of s, m, h, d, w or mo such as "1h" or "1d", got "{every}"'
            )
        ZoneInfo(zone)
        return cls(count=int(match[1]), unit=Unit(match[2]), zone=zone, offset=offset)

    def __str__(self) -> str:
        """What a noise model is bound to: `1d@America/New_York`, with an offset `1d+6h@UTC`."""
        moved = f"+{format_duration(self.offset)}" if self.offset else ""
        return f"{self.count}{self.unit}{moved}@{self.zone}"

    @property
    def nominal(self) -> timedelta:
        """The interval as a person would say it; the longest a month can be."""
        return self.count * _NOMINAL[self.unit]


def windows(spec: WindowSpec, after: datetime, until: datetime) -> Iterator[Span]:
    """Every window whose end lies in (after, until], in order.

    By the end, because that is when a window becomes due: then (a, b] and (b, c] together are (a, c] wherever
    b falls. The first one may start before `after`; see `windows_within` for whole windows of a span.
    """
    index = _index_at(spec, after)
    start = _boundary(spec, index)
    while True:
        index += 1
        end = _boundary(spec, index)
        if end > until:
            return
        # A day that a zone skipped (Apia, 2011-12-30) has both boundaries at one instant: no window.
        if end > start:
            if end > after:
                yield Span(start=start, end=end)
            start = end


def windows_within(spec: WindowSpec, start: datetime, end: datetime) -> Iterator[Span]:
    """Every whole window inside [start, end), in order."""
    return (span for span in windows(spec, start, end) if span.start >= start)


def window_at(spec: WindowSpec, instant: datetime) -> Span:
    """The window that holds an instant."""
    index = _index_at(spec, instant)
    return Span(start=_boundary(spec, index), end=_boundary(spec, index + 1))


def slots(spec: WindowSpec, span: Span) -> dict[str, int]:
    """The window's place in the day and week, by its local start, as the noise model's slot codes.

    Only kinds that can differ between windows of this spec: no hours for windows of a day or longer, none of
    it for a week or longer. `weekend` is Saturday and Sunday; Monday is 0.
    """
    local = span.start.astimezone(ZoneInfo(spec.zone))
    codes = {"none": 0}
    if spec.nominal >= _WEEK:
        return codes
    weekend = int(local.weekday() >= 5)
    codes |= {"weekend": weekend, "day_of_week": local.weekday()}
    if spec.nominal < _DAY:
        codes |= {"hour_of_day": local.hour, "hour_weekend": local.hour + 24 * weekend}
    return codes


def _index_at(spec: WindowSpec, instant: datetime) -> int:
    """The number of the window that holds the instant."""
    if spec.unit in _FIXED:
        return (instant - _EPOCH - spec.offset) // (spec.count * _FIXED[spec.unit])
    local = (instant.astimezone(ZoneInfo(spec.zone)).replace(tzinfo=None) - spec.offset).date()
    if spec.unit is Unit.MONTH:
        index = (local.year * 12 + local.month - 1) // spec.count
    elif spec.unit is Unit.WEEK:
        index = (local.toordinal() - _MONDAY) // (7 * spec.count)
    else:
        index = (local.toordinal() - _EPOCH_DAY) // spec.count
    # The wall clock can be a day off around a gap, so the boundaries themselves have the last word.
    while _boundary(spec, index) > instant:
        index -= 1
    while _boundary(spec, index + 1) <= instant:
        index += 1
    return index


def _boundary(spec: WindowSpec, index: int) -> datetime:
    """Where window `index` starts."""
    if spec.unit in _FIXED:
        return _EPOCH + spec.offset + index * spec.count * _FIXED[spec.unit]
    if spec.unit is Unit.MONTH:
        year, month = divmod(index * spec.count, 12)
        day = date(year, month + 1, 1)
    elif spec.unit is Unit.WEEK:
        day = date.fromordinal(_MONDAY + index * 7 * spec.count)
    else:
        day = date.fromordinal(_EPOCH_DAY + index * spec.count)
    return _instant(datetime.combine(day, datetime.min.time()) + spec.offset, spec.zone)


@lru_cache(maxsize=4_096)
def _instant(wall: datetime, zone: str) -> datetime:
    """The first instant at which clocks in the zone show `wall`; where none does, the first after the gap."""
    here = ZoneInfo(zone)
    first = wall.replace(tzinfo=here, fold=0).astimezone(UTC)  # fold 0: first occurrence of an ambiguous time
    if first.astimezone(here).replace(tzinfo=None) == wall:
        return first
    # In a gap fold 1 reads with the offset after it, which gives an instant before it (PEP 495), and fold 0
    # the other way round: the jump lies in between. Offsets change on whole seconds.
    before = wall.replace(tzinfo=here, fold=1).astimezone(UTC)
    old = before.astimezone(here).utcoffset()
    low, high = 0, int((first - before).total_seconds())
    while low < high:
        middle = (low + high) // 2
        if (before + timedelta(seconds=middle)).astimezone(here).utcoffset() == old:
            low = middle + 1
        else:
            high = middle
    return before + timedelta(seconds=low)
