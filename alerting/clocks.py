"""At which instant do the clocks of a zone show this?

A time that does not exist is the first instant after the gap, one that exists twice its first occurrence, as
for windows (monitor/windows.py).
"""

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_DAY = timedelta(days=1)


def zone_of(name: str | None) -> tzinfo:
    """The zone of this name; UTC for none, and for one that this machine does not know."""
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


def instant(day: date, clock: time, zone: tzinfo) -> datetime:
    """The first instant of that day at which clocks show `clock`; UTC."""
    wall = datetime.combine(day, clock)
    first = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if first.astimezone(zone).replace(tzinfo=None) == wall:
        return first
    # In a gap fold 0 reads with the offset before it and fold 1 with the one after (PEP 495): the clocks
    # change between the two instants.
    low, high = wall.replace(tzinfo=zone, fold=1).astimezone(UTC), first
    before = low.astimezone(zone).utcoffset()
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) / 2
        low, high = (middle, high) if middle.astimezone(zone).utcoffset() == before else (low, middle)
    return high.replace(microsecond=0)


def latest_hour(hour: int, now: datetime, zone: tzinfo) -> datetime:
    """The latest moment, not after now, at which a clock showed that hour."""
    today = now.astimezone(zone).date()
    return max(at for at in _around(hour, today, zone) if at <= now)


def next_hour(hour: int, now: datetime, zone: tzinfo) -> datetime:
    """The next moment after now at which a clock shows that hour."""
    today = now.astimezone(zone).date()
    return min(at for at in _around(hour, today, zone) if at > now)


def _around(hour: int, today: date, zone: tzinfo) -> list[datetime]:
    return [instant(today + turn * _DAY, time(hour), zone) for turn in (-2, -1, 0, 1, 2)]
