"""Windows were judged again because rows came late: what must be said otherwise of their incidents?

The fold is taken up before the earliest changed window and gone through again. What comes out is held against
what was told: an incident that is still one keeps its id, whatever else changed of it; one that would never
have opened is resolved as `revised`; one that is new is opened if it still fires, and else is history.
Nothing is told twice: a channel hears of the difference between what it was told and what is now.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from alerting.alert_state import AlertState, Condition
from alerting.incident import Incident, ResolveReason, Status, TransitionKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """One line of an incident's history that the fold or the config wrote."""

    kind: str
    start: datetime  # of the window
    end: datetime
    reason: str = ""  # of a resolve


@dataclass(frozen=True, slots=True, kw_only=True)
class Revised:
    """One incident that is otherwise than it was told."""

    before: Incident | None  # None: nobody was told of it
    after: Incident
    replayed_id: str  # what the replay called it

    @property
    def is_news(self) -> bool:
        """Whether a person would say that it changed; evidence alone is none."""
        return self.before is None or _told(self.before) != _told(self.after)


def rewound(
    incident: Incident,
    state: AlertState | None,
    history: Sequence[Happened],
    start: datetime,
    peak: float | None,
) -> Incident | None:
    """The incident as it stood before the window that starts at `start`; None: it was not there yet.

    `state` is that of its series then, `history` all of the incident's, `peak` the largest |z| until then.
    """
    if incident.opened >= start:
        return None
    undone = [each for each in history if each.start >= start]
    before = replace(
        incident,
        relapses=incident.relapses - _count(undone, TransitionKind.RELAPSED),
        reopens=incident.reopens - _count(undone, TransitionKind.REOPENED),
        peak=peak,
        flapping=state is not None and state.flapping,
    )
    if state is not None and state.is_open and state.incident_id == incident.id:
        recovering = state.condition is Condition.RECOVERING
        return replace(
            before,
            status=Status.RECOVERING if recovering else Status.FIRING,
            kind=state.incident_kind,
            severity=state.severity,
            since=state.since or incident.since,
            resolved=None,
            resolved_reason=None,
        )
    ends = [e for e in history if e.start < start and e.kind == TransitionKind.RESOLVED]
    if not ends:
        return None  # its series says that it was closed, and nothing says when: leave it as it is
    return replace(
        before,
        status=Status.RESOLVED,
        resolved=ends[-1].end,
        resolved_reason=ResolveReason(ends[-1].reason),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciled:
    """What a replay makes of incidents."""

    revised: Sequence[Revised]  # to be written, in this order
    named: Mapping[str, str]  # what the replay called an incident → the id that people know


def reconciled(told: Iterable[Incident], replayed: Mapping[str, Incident]) -> Reconciled:
    """`told` are the incidents that the replayed stretch may have changed."""
    known = {incident.id: incident for incident in told}
    left = {id_: incident for id_, incident in replayed.items() if id_ not in known}
    found: list[Revised] = []
    named: dict[str, str] = {}
    for incident in known.values():
        again = replayed.get(incident.id)
        if again is None:
            again = next((each for each in left.values() if _is_same(incident, each)), None)
            if again is not None:
                del left[again.id]
        if again is not None:
            after = _with_people(incident, again)
            named[again.id] = incident.id
            found.append(Revised(before=incident, after=after, replayed_id=again.id))
        elif incident.is_open or incident.resolved_reason is ResolveReason.RECOVERED:
            after = replace(
                incident,
                status=Status.RESOLVED,
                resolved=incident.resolved or incident.window_end,
                resolved_reason=ResolveReason.REVISED,
                version=incident.version + 1,
            )
            found.append(Revised(before=incident, after=after, replayed_id=incident.id))
    found += [
        Revised(before=None, after=replace(each, version=1), replayed_id=each.id) for each in left.values()
    ]
    changed = [each for each in found if each.before is None or _differs(each.before, each.after)]
    # An open incident a series at a time: what closes is written before what opens.
    changed.sort(key=lambda each: (each.after.is_open, each.after.opened, each.after.id))
    return Reconciled(revised=changed, named=named)


def _with_people(told: Incident, again: Incident) -> Incident:
    """The incident as it is now, with what people did to it: that stands, unless it has become worse."""
    after = replace(again, id=told.id, version=told.version + 1, false_page_by=told.false_page_by)
    if again.reopens <= told.reopens:
        after = replace(after, escalation_step=told.escalation_step)
    if again.severity.level > told.severity.level or again.reopens > told.reopens:
        return replace(after, acknowledged_by="", acknowledged_until=None)
    return replace(after, acknowledged_by=told.acknowledged_by, acknowledged_until=told.acknowledged_until)


def _differs(before: Incident, after: Incident) -> bool:
    return replace(after, version=before.version) != before


def _told(incident: Incident) -> tuple[object, ...]:
    return (
        incident.is_open,
        incident.severity,
        incident.kind,
        incident.opened,
        incident.resolved,
        incident.resolved_reason,
    )


def _is_same(told: Incident, again: Incident) -> bool:
    """Of one series, at the same time: the same problem, seen to begin in another window."""
    if told.fingerprint != again.fingerprint:
        return False
    begins_before = told.resolved is None or again.opened < told.resolved
    ends_after = again.resolved is None or told.opened < again.resolved
    return begins_before and ends_after


def _count(history: Sequence[Happened], kind: TransitionKind) -> int:
    return sum(each.kind == kind for each in history)
