"""Which incidents does a route take, when does it rest, and who hears of them next if nobody answers?"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from alerting.glob import is_like
from alerting.quiet import QuietHours, quiet_until
from alerting.series import PLAIN, Series
from alerting.verdict import IncidentKind, Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of an escalation."""

    after: timedelta  # unacknowledged for so long
    channel: str  # its name in the config


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One route of the config, as far as it is about one model. Globs know `*` and `?`."""

    number: int = 0  # in the config, from 1; 0: none
    severity: Severity = Severity.PAGE
    kinds: frozenset[IncidentKind] = frozenset()  # empty: any
    column: str = "*"  # "" is the data feed; "performance" is the column __performance__
    segment: str = "*"  # "" is all rows
    version: str = "*"  # of the model
    channels: tuple[str, ...] = ()
    quiet: tuple[QuietHours, ...] = ()
    steps: tuple[Step, ...] = ()

    def takes(self, series: Series, kind: IncidentKind, severity: Severity) -> bool:
        """Whether an incident of this series, kind and severity goes this way."""
        names = {series.column, PLAIN.get(series.column, series.column)}
        return (
            severity is self.severity
            and (not self.kinds or kind in self.kinds)
            and any(is_like(name, self.column) for name in names)
            and is_like(series.segment, self.segment)
            and is_like(series.version, self.version)
        )


def routes_quiet_until(routes: Iterable[Route], severity: Severity, now: datetime) -> datetime | None:
    """When the first of these routes is awake again; None: one of them is, or there is none."""
    ends = [quiet_until(route.quiet, severity, now) for route in routes]
    known = [end for end in ends if end is not None]
    return min(known) if known and len(known) == len(ends) else None
