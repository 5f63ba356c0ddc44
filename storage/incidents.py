"""Which problems are there, what happened to each, and who has it?

Events are append-only (triggers refuse the rest), one open incident a fingerprint is a partial unique index,
and every write compares and sets `version`.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, case, func, insert, or_, select, update

from alerting import incident as nouns
from alerting.incident import Incident, ResolveReason, Status, Transition, TransitionKind
from alerting.revising import Happened, Revised
from alerting.series import Series
from alerting.verdict import IncidentKind, Severity, VerdictKind
from storage.errors import StorageError
from storage.judged import is_judged
from storage.tables import alert_state, incident, incident_event, ledger, verdict

REVISED = "revised"  # the kind of an event: a replay found another end, severity or beginning


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentEvent:
    """One line of an incident's history; never changed."""

    incident_id: str
    seq: int  # 1, 2, … an incident
    at: datetime  # wall clock: when it was written
    # A TransitionKind that is an event, acknowledged, unacknowledged, escalated, marked_false_page,
    # unmarked_false_page, rules_changed, revised
    kind: str
    actor: str  # leeway, or a person
    window_start: datetime | None = None  # event time; None for what a person did
    window_end: datetime | None = None
    payload: Mapping[str, object] = field(default_factory=dict)


def apply(
    conn: Connection,
    transitions: Iterable[Transition],
    now: datetime,
    actor: str = "leeway",
    comment: str = "",
    lineage: Mapping[str, object] | None = None,
) -> list[Incident]:
    """Change incidents by the fold's transitions, in order; returns those touched, as they now stand.

    `actor` and `comment`: of the person, where it was one. `lineage`: of the window, where it was one.
    """
    touched: dict[str, Incident] = {}
    for transition in transitions:
        before = get(conn, transition.incident_id)
        after = nouns.apply(before, transition, lineage)
        _write(conn, after, before)
        touched[after.id] = after
        if transition.is_event:
            payload = {
                "severity": transition.severity,
                "reason": transition.reason,
                "since": transition.since,
                "change": after.change,
                "title": after.title,
            } | ({"comment": comment} if comment else {})
            add_event(
                conn,
                after.id,
                now=now,
                kind=transition.kind,
                actor=actor,
                window=(transition.start, transition.end),
                payload=payload,
            )
    return list(touched.values())


def revise(
    conn: Connection, revised: Iterable[Revised], window: tuple[datetime, datetime], now: datetime
) -> None:
    """Write what a replay makes of incidents, in order; a change that a person would notice is an event."""
    for each in revised:
        _write(conn, each.after, each.before)
        if not each.is_news:
            continue
        add_event(
            conn,
            each.after.id,
            now=now,
            kind=REVISED,
            actor="leeway",
            window=window,
            payload={
                "before": None if each.before is None else _gist(each.before),
                "after": _gist(each.after),
                "severity": each.after.severity,
                "reason": each.after.resolved_reason,
                "change": each.after.change,
                "title": each.after.title,
            },
        )


def touched_since(conn: Connection, model: str, stream: str, start: datetime) -> list[Incident]:
    """Incidents of a stream's series that windows since then may have changed, open ones included."""
    series = (
        select(alert_state.c.fingerprint)
        .join(ledger, ledger.c.id == alert_state.c.ledger_id)
        .where(ledger.c.model == model, ledger.c.stream == stream)
    )
    statement = select(incident).where(
        incident.c.model == model,
        incident.c.fingerprint.in_(series),
        or_(incident.c.is_open, incident.c.window_end > start),
    )
    return [_incident(row) for row in conn.execute(statement.order_by(incident.c.opened, incident.c.id))]


def peaks_before(conn: Connection, ids: Collection[str], start: datetime) -> dict[str, float]:
    """The largest |z| of each incident's breaches in windows that start earlier."""
    statement = (
        select(verdict.c.incident_id, func.max(func.abs(verdict.c.z)))
        .join(ledger, ledger.c.id == verdict.c.ledger_id)
        .where(
            verdict.c.incident_id.in_(ids),
            verdict.c.verdict == VerdictKind.BREACH,
            ledger.c.start < start,
            is_judged(),
        )
        .group_by(verdict.c.incident_id)
    )
    return {row[0]: row[1] for row in conn.execute(statement) if row[1] is not None}


def happened(conn: Connection, incident_id: str) -> list[Happened]:
    """What windows and the config did to an incident, in order; what people did is left out."""
    kinds = {str(kind) for kind in TransitionKind}
    return [
        Happened(
            kind=event.kind,
            start=event.window_start,
            end=event.window_end,
            reason=str(event.payload.get("reason") or ""),
        )
        for event in events(conn, incident_id)
        if event.kind in kinds and event.window_start is not None and event.window_end is not None
    ]


def acknowledge(
    conn: Connection,
    incident_id: str,
    *,
    by: str,
    now: datetime,
    until: datetime | None = None,
    version: int | None = None,
) -> Incident:
    """Somebody has it. ValueError: no such incident, not open, or it is no longer the `version` they saw."""
    before = _known(conn, incident_id)
    if version is not None and version != before.version:
        raise ValueError(
            f"incident {incident_id}: changed since it was read (version {version}, now {before.version}); "
            "look at it again"
        )
    after = nouns.acknowledge(before, by=by, now=now, until=until)
    _write(conn, after, before)
    payload = {"until": after.acknowledged_until}
    add_event(conn, incident_id, now=now, kind="acknowledged", actor=by, payload=payload)
    return after


def give_back(conn: Connection, incident_id: str, *, by: str, now: datetime) -> Incident:
    """Undo an acknowledgement. ValueError: no such incident, or nobody has it."""
    before = _known(conn, incident_id)
    after = nouns.give_back(before, by=by)
    _write(conn, after, before)
    payload = {"from": before.acknowledged_by}
    add_event(conn, incident_id, now=now, kind="unacknowledged", actor=by, payload=payload)
    return after


def given_back(conn: Connection, ids: Collection[str]) -> dict[str, datetime]:
    """When each of these last became nobody's: given back by who had it, or fired again; left out where it
    never did."""
    statement = (
        select(incident_event.c.incident_id, func.max(incident_event.c.at))
        .where(
            incident_event.c.incident_id.in_(ids),
            incident_event.c.kind.in_(("unacknowledged", TransitionKind.REOPENED)),
        )
        .group_by(incident_event.c.incident_id)
    )
    return {row[0]: row[1] for row in conn.execute(statement)}


def escalate(
    conn: Connection, incident_id: str, *, step: int, now: datetime, payload: Mapping[str, object]
) -> None:
    """A channel took the message that nobody acknowledged it: kept beside whatever else changes it just now.

    Without comparing versions: it happened, whatever the incident is by now.
    """
    changed = conn.execute(
        update(incident)
        .where(incident.c.id == incident_id)
        .values(
            escalation_step=case((incident.c.escalation_step < step, step), else_=incident.c.escalation_step),
            lock_version=incident.c.lock_version + 1,
        )
    )
    if changed.rowcount == 1:
        add_event(conn, incident_id, now=now, kind="escalated", actor="leeway", payload=payload)


def mark_false_page(conn: Connection, incident_id: str, *, by: str, now: datetime) -> Incident:
    """A person says that this page should not have been one. ValueError: no such incident, or no page."""
    before = _known(conn, incident_id)
    return _marked(conn, before, nouns.mark_false_page(before, by=by), "marked_false_page", by, now)


def unmark_false_page(conn: Connection, incident_id: str, *, by: str, now: datetime) -> Incident:
    """Take the mark back. ValueError: no such incident, or it has none."""
    before = _known(conn, incident_id)
    return _marked(conn, before, nouns.unmark_false_page(before), "unmarked_false_page", by, now)


def add_event(
    conn: Connection,
    incident_id: str,
    *,
    now: datetime,
    kind: str,
    actor: str,
    window: tuple[datetime, datetime] | None = None,
    payload: Mapping[str, object] | None = None,
) -> int:
    """Append one line; returns its number."""
    last = select(func.max(incident_event.c.seq)).where(incident_event.c.incident_id == incident_id)
    seq = (conn.execute(last).scalar() or 0) + 1
    conn.execute(
        insert(incident_event).values(
            incident_id=incident_id,
            seq=seq,
            at=now,
            kind=kind,
            actor=actor,
            window_start=None if window is None else window[0],
            window_end=None if window is None else window[1],
            payload=payload or {},
        )
    )
    return seq


def get(conn: Connection, incident_id: str) -> Incident | None:
    row = conn.execute(select(incident).where(incident.c.id == incident_id)).first()
    return None if row is None else _incident(row)


def by_ids(conn: Connection, ids: Collection[str]) -> list[Incident]:
    statement = select(incident).where(incident.c.id.in_(ids)).order_by(incident.c.opened, incident.c.id)
    return [_incident(row) for row in conn.execute(statement)]


def by_prefix(conn: Connection, prefix: str) -> list[Incident]:
    """Incidents whose id begins so: people type the first few digits."""
    statement = select(incident).where(incident.c.id.startswith(prefix, autoescape=True))
    return [_incident(row) for row in conn.execute(statement.order_by(incident.c.opened).limit(20))]


def open_incidents(conn: Connection, model: str | None = None) -> list[Incident]:
    """Firing and recovering ones, oldest first."""
    statement = select(incident).where(incident.c.is_open).order_by(incident.c.opened, incident.c.id)
    if model is not None:
        statement = statement.where(incident.c.model == model)
    return [_incident(row) for row in conn.execute(statement)]


def open_by_fingerprint(conn: Connection, fingerprint: str) -> Incident | None:
    """The open one of a series; a partial unique index says that there is no second."""
    statement = select(incident).where(incident.c.fingerprint == fingerprint, incident.c.is_open)
    row = conn.execute(statement).first()
    return None if row is None else _incident(row)


def events(conn: Connection, incident_id: str) -> list[IncidentEvent]:
    statement = select(incident_event).where(incident_event.c.incident_id == incident_id)
    return [IncidentEvent(**row._mapping) for row in conn.execute(statement.order_by(incident_event.c.seq))]


def _gist(of: Incident) -> dict[str, object]:
    return {
        "status": of.status,
        "severity": of.severity,
        "kind": of.kind,
        "opened": of.opened,
        "resolved": of.resolved,
        "reason": of.resolved_reason,
    }


def _known(conn: Connection, incident_id: str) -> Incident:
    found = get(conn, incident_id)
    if found is None:
        raise ValueError(f"incident {incident_id}: not known; see `leeway incidents list`")
    return found


def _marked(
    conn: Connection, before: Incident, after: Incident, kind: str, by: str, now: datetime
) -> Incident:
    """Written with its event, or, where nothing changed, not at all."""
    if after != before:
        _write(conn, after, before)
        add_event(conn, after.id, now=now, kind=kind, actor=by)
    return after


def _write(conn: Connection, after: Incident, before: Incident | None) -> None:
    values = _row(after)
    if before is None:
        conn.execute(insert(incident).values(**values))
        return
    statement = update(incident).where(incident.c.id == after.id, incident.c.lock_version == before.version)
    if conn.execute(statement.values(**values)).rowcount != 1:
        raise StorageError(f"incident {after.id}: changed while it was being written; try again")


def _row(after: Incident) -> dict[str, object]:
    return {
        "id": after.id,
        "fingerprint": after.fingerprint,
        "model": after.series.model,
        "segment": after.series.segment,
        "column_name": after.series.column,
        "version": after.series.version,
        "rule": after.series.rule,
        "kind": after.kind,
        "severity": after.severity,
        "status": after.status,
        "is_open": after.is_open,
        "opened": after.opened,
        "since": after.since,
        "window_start": after.window_start,
        "window_end": after.window_end,
        "resolved": after.resolved,
        "resolved_reason": after.resolved_reason or "",
        "reopens": after.reopens,
        "relapses": after.relapses,
        "peak": after.peak,
        "rank": after.rank,
        "change": after.change,
        "title": after.title,
        "facts": after.facts,
        "acknowledged_by": after.acknowledged_by,
        "acknowledged_until": after.acknowledged_until,
        "false_page_by": after.false_page_by,
        "flapping": after.flapping,
        "escalation_step": after.escalation_step,
        "lineage": dict(after.lineage),
        "lock_version": after.version,
    }


def _incident(row: Row[Any]) -> Incident:
    return Incident(
        id=row.id,
        series=Series(
            model=row.model,
            column=row.column_name,
            segment=row.segment,
            version=row.version,
            rule=row.rule,
        ),
        kind=IncidentKind(row.kind),
        severity=Severity(row.severity),
        status=Status(row.status),
        opened=row.opened,
        since=row.since,
        window_start=row.window_start,
        window_end=row.window_end,
        resolved=row.resolved,
        resolved_reason=ResolveReason(row.resolved_reason) if row.resolved_reason else None,
        reopens=row.reopens,
        relapses=row.relapses,
        peak=row.peak,
        rank=row.rank,
        change=row.change,
        title=row.title,
        facts=row.facts,
        acknowledged_by=row.acknowledged_by,
        acknowledged_until=row.acknowledged_until,
        false_page_by=row.false_page_by,
        flapping=row.flapping,
        escalation_step=row.escalation_step,
        lineage=row.lineage,
        version=row.lock_version,
    )
