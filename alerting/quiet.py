"""Does a channel or a route have quiet hours now, and until when?

Hours are read on the clocks of a zone: from 22:00 to 07:00 is what a clock on the wall says, so a night is
an hour shorter or longer when the clocks change (alerting/clocks.py).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import lru_cache

from alerting.clocks import instant, zone_of
from alerting.verdict import Severity

EVERY_DAY = frozenset(range(7))
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class QuietHours:
    """From `start` to `end` of the clocks in `zone`; past midnight where the end is not after the start.

    `days`: on which it begins, 0 is Monday. Start and end alike are the whole day.
    """

    start: time = time(0)
    end: time = time(0)
    zone: str = "UTC"  # of the time zone database; the config saw to that
    days: frozenset[int] = EVERY_DAY
    pages: bool = False  # pages wait too; tickets do in any case

    def until(self, now: datetime) -> datetime | None:
        """When the hours end that hold now; None: none do."""
        return _until(self, now)


@lru_cache(maxsize=256)  # one look asks the same of thousands of incidents
def _until(hours: QuietHours, now: datetime) -> datetime | None:
    zone = zone_of(hours.zone)
    today = now.astimezone(zone).date()
    # The day before may reach into this one, and the clocks may have been set back over midnight.
    for day in (today - _DAY, today, today + _DAY):
        if day.weekday() in hours.days:
            last = day if hours.end > hours.start else day + _DAY
            start, end = instant(day, hours.start, zone), instant(last, hours.end, zone)
            if start <= now < end:
                return end
    return None


def quiet_until(hours: Iterable[QuietHours], severity: Severity, now: datetime) -> datetime | None:
    """When the last of those ends that hold now and make news of this severity wait; None: it need not."""
    page = severity is Severity.PAGE
    ends = [end for each in hours if (each.pages or not page) and (end := each.until(now)) is not None]
    return max(ends, default=None)
