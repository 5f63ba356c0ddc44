"""What is one problem, from the window that opened it to the reason it was closed?

Transitions come out of the fold (alerting/fold.py) and are all that ever changes an incident, apart from a
person's acknowledgement and mark as a false page. `version` rises by one with each change: writers compare
and set on it.
"""

import hashlib
import math
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
    FLAPPING = "flapping"  # comes and goes: from here on told once, not each time
    STEADY = "steady"  # it stopped coming and going


class ResolveReason(StrEnum):
    """Why it is closed. Only `recovered` is good news."""

    RECOVERED = "recovered"
    REBASELINED = "rebaselined"  # another reference was promoted: the question has changed
    PAUSED = "paused"
    REMOVED = "removed"
    GONE = "gone"  # its slice or model version has no rows any more
    MANUAL = "manual"
    REVISED = "revised"  # rows came late, and with them it would not have opened


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
    kind: IncidentKind  # while open it may change to data, never back
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
    false_page_by: str = ""  # who said that it should not have paged; "" nobody
    flapping: bool = False  # comes and goes; may be so while resolved
    escalation_step: int = 0  # the last step of its present run that a channel took; 0: none
    # JSON, of the window that last changed it (monitor/lineage.py): data, model, reference, run, program
    lineage: Mapping[str, object] = field(default_factory=dict)
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


def apply(
    incident: Incident | None, transition: Transition, lineage: Mapping[str, object] | None = None
) -> Incident:
    """The incident after `transition`; None before it was opened. ValueError where the two do not fit.

    `lineage`: what the window came of; None where it was no window that changed it.
    """
    after = _applied(incident, transition)
    return after if lineage is None or transition.verdict is None else replace(after, lineage=lineage)


def _applied(incident: Incident | None, transition: Transition) -> Incident:
    if incident is None:
        if transition.kind is not TransitionKind.OPENED:
            raise ValueError(f"incident {transition.incident_id}: {transition.kind} before it was opened")
        return _observed(
            Incident(
                id=transition.incident_id,
                series=transition.series,
                kind=transition.incident_kind,
                severity=transition.severity,
                status=Status.FIRING,
                opened=transition.start,
                since=transition.since,
                window_start=transition.start,
                window_end=transition.end,
            ),
            transition.verdict,
        )
    if incident.id != transition.incident_id:
        raise ValueError(f"incident {incident.id}: transition belongs to {transition.incident_id}")
    if transition.kind in (TransitionKind.FLAPPING, TransitionKind.STEADY):
        flapping = transition.kind is TransitionKind.FLAPPING
        return replace(incident, flapping=flapping, version=incident.version + 1)
    reopens = transition.kind is TransitionKind.REOPENED
    if transition.kind is TransitionKind.OPENED or incident.is_open is reopens:
        raise ValueError(f"incident {incident.id}: {transition.kind} while {incident.status}")
    after = replace(
        incident,
        kind=transition.incident_kind,
        severity=transition.severity,
        window_start=transition.start,
        window_end=transition.end,
        version=incident.version + 1,
    )
    match transition.kind:
        case TransitionKind.RECOVERING:
            return replace(after, status=Status.RECOVERING)
        case TransitionKind.RESOLVED:
            return replace(
                after,
                status=Status.RESOLVED,
                resolved=transition.end,
                resolved_reason=transition.reason,
                # Whatever else closes it also ends its coming and going: the fold counts from zero.
                flapping=incident.flapping and transition.reason is ResolveReason.RECOVERED,
            )
        case TransitionKind.REOPENED:
            after = replace(
                after,
                since=transition.since,
                resolved=None,
                resolved_reason=None,
                reopens=incident.reopens + 1,
                acknowledged_by="",
                acknowledged_until=None,
                escalation_step=0,
            )
        case TransitionKind.RELAPSED:
            after = replace(after, relapses=incident.relapses + 1)
        case TransitionKind.SEVERITY_UP:
            # Whoever took a ticket has not thereby taken a page.
            after = replace(after, acknowledged_by="", acknowledged_until=None)
        case _:
            pass
    return _observed(replace(after, status=Status.FIRING), transition.verdict)


def acknowledge(incident: Incident, *, by: str, now: datetime, until: datetime | None = None) -> Incident:
    """Somebody has it, until `until` (24 h from now). ValueError when it is not open or the time is past."""
    if not incident.is_open:
        raise ValueError(f"incident {incident.id}: cannot be acknowledged, it is {incident.status}")
    if not by:
        raise ValueError(f"incident {incident.id}: an acknowledgement needs a name")
    until = now + ACKNOWLEDGED_FOR if until is None else until
    if until <= now:
        raise ValueError(
            f"incident {incident.id}: acknowledgement would end at {until.isoformat()}, in the past"
        )
    return replace(incident, acknowledged_by=by, acknowledged_until=until, version=incident.version + 1)


def give_back(incident: Incident, *, by: str) -> Incident:
    """Nobody has it any more. ValueError when nobody had it, or it is over."""
    if not incident.is_open or not incident.acknowledged_by:
        raise ValueError(f"incident {incident.id}: nobody has it, so nobody can give it back")
    if not by:
        raise ValueError(f"incident {incident.id}: giving it back needs a name")
    return replace(incident, acknowledged_by="", acknowledged_until=None, version=incident.version + 1)


def mark_false_page(incident: Incident, *, by: str) -> Incident:
    """A person says that this page should not have been one; the first who says so is kept.

    It is counted beside the promise and changes nothing else: the fold goes on. ValueError for a ticket.
    """
    if incident.severity is not Severity.PAGE:
        raise ValueError(f"incident {incident.id}: cannot be a false page, it is a {incident.severity}")
    if not by:
        raise ValueError(f"incident {incident.id}: a mark needs a name")
    if incident.false_page_by:
        return incident
    return replace(incident, false_page_by=by, version=incident.version + 1)


def unmark_false_page(incident: Incident) -> Incident:
    """The page was right after all. ValueError when it is not marked."""
    if not incident.false_page_by:
        raise ValueError(f"incident {incident.id}: is not marked as a false page")
    return replace(incident, false_page_by="", version=incident.version + 1)


def _observed(incident: Incident, verdict: Verdict | None) -> Incident:
    """With the evidence of the newest breach as grave as the incident; the peak is kept from any.

    What fades says less than what fired: the last windows of a page are told as what it was.
    """
    if verdict is None:
        return incident
    z = verdict.facts.get("z")
    size = abs(z) if isinstance(z, int | float) and math.isfinite(z) else None
    incident = replace(incident, peak=incident.peak if size is None else max(size, incident.peak or 0.0))
    if incident.title and verdict.severity.level < incident.severity.level:
        return incident
    return replace(
        incident,
        rank=verdict.rank,
        change=verdict.change,
        title=verdict.title,
        facts=verdict.facts,
    )
