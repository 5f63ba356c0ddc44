"""What is one problem, from the window that opened it to the reason it was closed?

Transitions come out of the fold (alerting/fold.py) and are all that ever changes an incident, apart from a
person's acknowledgement. `version` rises by one with each change: writers compare and set on it.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from alerting.series import Series
from alerting.verdict import IncidentKind, Severity, Verdict

ACKNOWLEDGED_FOR = timedelta(hours=24)


class TransitionKind(StrEnum):
    """What happened to an incident in one window."""

    OPENED = "opened"
    REOPENED = "reopened"  # fired again soon after a resolve: the same incident, the same thread
    CONTINUED = "continued"  # breached again: newer evidence, no event
    SEVERITY_UP = "severity_up"
    RECOVERING = "recovering"  # the first clear window
    RELAPSED = "relapsed"  # a breach while recovering: told to nobody
    RESOLVED = "resolved"


class ResolveReason(StrEnum):
    """Why it is closed. Only `recovered` is good news."""

    RECOVERED = "recovered"
    REBASELINED = "rebaselined"  # another reference was promoted: the question has changed
    PAUSED = "paused"
    REMOVED = "removed"
    MANUAL = "manual"


class Status(StrEnum):
    """`recovering` is still open."""

    FIRING = "firing"
    RECOVERING = "recovering"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """One change of one incident, at the window [start, end)."""

    kind: TransitionKind
    series: Series
    incident_id: str
    incident_kind: IncidentKind
    severity: Severity  # of the incident, after this transition
    start: datetime
    end: datetime
    since: datetime  # start of the first breach that led to this incident being open
    reason: ResolveReason | None = None  # of a resolve, else None
    verdict: Verdict | None = None  # the one that caused it; None where a person or the config did

    @property
    def fingerprint(self) -> str:
        """Of the series: at most one open incident has it."""
        return self.series.fingerprint

    @property
    def is_event(self) -> bool:
        """Whether it belongs into the incident's append-only history."""
        return self.kind is not TransitionKind.CONTINUED


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """The state of one incident. Times are event time (window bounds), not when the daemon noticed."""

    id: str
    series: Series
    kind: IncidentKind
    severity: Severity  # never falls while open
    status: Status
    opened: datetime  # start of the window that opened it; a reopening does not change it
    since: datetime  # start of the first breach of the present run
    window_start: datetime  # the latest window that changed this incident
    window_end: datetime
    resolved: datetime | None = None  # end of the window that resolved it
    resolved_reason: ResolveReason | None = None
    reopens: int = 0
    relapses: int = 0
    peak: float | None = None  # largest |z| of its breaches; None: none had a z
    rank: int | None = None  # of the latest breach, like the four below
    change: str = ""
    title: str = ""
    facts: Mapping[str, object] = field(default_factory=dict)
    acknowledged_by: str = ""
    acknowledged_until: datetime | None = None
    version: int = 1

    @property
    def fingerprint(self) -> str:
        """Of the series: at most one open incident has it."""
        return self.series.fingerprint

    @property
    def is_open(self) -> bool:
        """Firing or recovering."""
        return self.status is not Status.RESOLVED

    def is_acknowledged(self, now: datetime) -> bool:
        """Whether somebody has it, and their time is not over."""
        return self.acknowledged_until is not None and now < self.acknowledged_until


def incident_id(fingerprint: str, opened: datetime) -> str:
    """sha256 of fingerprint and the opening window's start, 32 hex digits: the same after any replay."""
    return hashlib.sha256(f"{fingerprint}\x1f{opened.isoformat()}".encode()).hexdigest()[:32]


def apply(incident: Incident | None, transition: Transition) -> Incident:
    """The incident after `transition`; None before it was opened."""
    raise NotImplementedError


def acknowledge(incident: Incident, *, by: str, now: datetime, until: datetime | None = None) -> Incident:
    """Somebody has it, until `until` (24 h from now). ValueError when it is not open or the time is past."""
    raise NotImplementedError
