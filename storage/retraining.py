"""Was retraining asked for, on what grounds, and what came of it?

Every decision is kept with all its gates, refusals too. At most one request a model is in flight: a partial
unique index refuses the second, whatever the code thinks.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, case, func, insert, select, update

from alerting.courier import OutboxState
from alerting.retraining import JudgedWindow, Outcome, RetrainingDecision
from alerting.verdict import IncidentKind, Severity, VerdictKind
from storage.due_window import Stream, WindowKind
from storage.tables import ledger, retraining, retraining_decision, verdict


class RetrainingState(StrEnum):
    """The first three are in flight."""

    REQUESTED = "requested"  # in the outbox
    SENT = "sent"  # the target took it
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    EXPIRED = "expired"  # nobody said how it ended, or it could not be sent in time
    CANCELLED = "cancelled"

    @property
    def in_flight(self) -> bool:
        return self in (RetrainingState.REQUESTED, RetrainingState.SENT, RetrainingState.RUNNING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retraining:
    """One request that went, or is about to go, to a target."""

    id: str
    model: str
    target: str
    mode: str
    state: RetrainingState
    requested: datetime
    deadline: datetime  # not sent by then: expired
    updated: datetime
    detail: str
    facts: Mapping[str, object]


def save_decision(
    conn: Connection,
    model: str,
    decision: RetrainingDecision,
    *,
    now: datetime,
    ledger_id: int | None = None,
    deadline: datetime | None = None,
    notification_key: str | None = None,
) -> None:
    """Keep a decision, and the request where there is one. IntegrityError: another one is in flight."""
    requested = decision.outcome is Outcome.REQUESTED
    if requested:
        conn.execute(
            insert(retraining).values(
                id=decision.request_id,
                model=model,
                target=decision.target,
                mode=decision.mode,
                state=RetrainingState.REQUESTED,
                in_flight=True,
                notification_key=notification_key,
                requested=now,
                deadline=deadline or now,
                updated=now,
                facts=decision.request,
            )
        )
    conn.execute(
        insert(retraining_decision).values(
            model=model,
            ledger_id=ledger_id,
            at=now,
            mode=decision.mode,
            outcome=decision.outcome,
            target=decision.target,
            request_id=decision.request_id,
            gates=[{"name": g.name, "passed": g.passed, "why": g.why} for g in decision.gates],
            request=decision.request,
            retraining_id=decision.request_id if requested else None,
        )
    )


def set_state(
    conn: Connection, retraining_id: str, state: RetrainingState, now: datetime, detail: str = ""
) -> bool:
    """Move a request that has not ended; False: it is over, or not known."""
    statement = update(retraining).where(retraining.c.id == retraining_id, retraining.c.in_flight)
    values = {"state": state, "in_flight": state.in_flight, "updated": now, "detail": detail}
    return conn.execute(statement.values(**values)).rowcount == 1


def delivered(conn: Connection, notification_key: str, outcome: OutboxState, now: datetime, why: str) -> None:
    """The outbox row of a request has ended."""
    state = {
        OutboxState.SENT: RetrainingState.SENT,
        OutboxState.DEAD: RetrainingState.EXPIRED,
    }.get(outcome, RetrainingState.CANCELLED)
    values = {"state": state, "in_flight": state.in_flight, "updated": now, "detail": why}
    conn.execute(
        update(retraining)
        .where(retraining.c.notification_key == notification_key, retraining.c.in_flight)
        .values(**values)
    )


def is_requested(conn: Connection, notification_key: str) -> bool:
    """Whether the request behind an outbox row is still to be sent; rows without a record are."""
    statement = select(retraining.c.state).where(retraining.c.notification_key == notification_key)
    state = conn.execute(statement).scalar()
    return state is None or state == RetrainingState.REQUESTED


def in_flight(conn: Connection, model: str) -> Retraining | None:
    row = conn.execute(select(retraining).where(retraining.c.model == model, retraining.c.in_flight)).first()
    return None if row is None else _retraining(row)


def get(conn: Connection, retraining_id: str) -> Retraining | None:
    row = conn.execute(select(retraining).where(retraining.c.id == retraining_id)).first()
    return None if row is None else _retraining(row)


def previous(conn: Connection, model: str) -> tuple[str, datetime] | None:
    """(id, when) of the latest request or dry run of a model."""
    statement = (
        select(retraining_decision.c.request_id, retraining_decision.c.at)
        .where(
            retraining_decision.c.model == model,
            retraining_decision.c.outcome.in_((Outcome.REQUESTED, Outcome.DRY_RUN)),
        )
        .order_by(retraining_decision.c.id.desc())
        .limit(1)
    )
    row = conn.execute(statement).first()
    return None if row is None else (row.request_id, row.at)


def last_asked(conn: Connection, model: str, since: datetime) -> Mapping[str, Any] | None:
    """What a message says of the latest request or dry run of a model; None: there was none since then."""
    statement = (
        select(retraining_decision)
        .where(
            retraining_decision.c.model == model,
            retraining_decision.c.at >= since,
            retraining_decision.c.outcome.in_((Outcome.REQUESTED, Outcome.DRY_RUN)),
        )
        .order_by(retraining_decision.c.id.desc())
        .limit(1)
    )
    row = conn.execute(statement).first()
    if row is None:
        return None
    names = ("outcome", "mode", "target", "request_id", "gates", "request")
    return {name: row._mapping[name] for name in names}


def judged_windows(
    conn: Connection, model: str, limit: int, stream: Stream = Stream.INPUTS
) -> list[JudgedWindow]:
    """The latest `limit` folded windows of a stream, oldest first, with their worst severity, data health
    aside."""
    # A series that cannot be judged has the severity of its data incident: that is no reason to retrain.
    level = case(
        (verdict.c.verdict != VerdictKind.BREACH, 0),
        (verdict.c.incident_kind == IncidentKind.DATA, 0),
        (verdict.c.severity == Severity.PAGE, 2),
        (verdict.c.severity == Severity.TICKET, 1),
        else_=0,
    )
    latest = (  # first the few windows, then their verdicts: history may be long
        select(ledger.c.id, ledger.c.start, ledger.c.end, ledger.c.rows)
        .where(
            ledger.c.model == model,
            ledger.c.stream == stream,
            ledger.c.folded_at.is_not(None),
            ledger.c.superseded_by.is_(None),
            ledger.c.kind != WindowKind.BACKFILL,
        )
        .order_by(ledger.c.start.desc())
        .limit(limit)
        .subquery()
    )
    statement = (
        select(latest.c.start, latest.c.end, latest.c.rows, func.max(level).label("level"))
        .outerjoin(verdict, verdict.c.ledger_id == latest.c.id)
        .group_by(latest.c.id, latest.c.start, latest.c.end, latest.c.rows)
        .order_by(latest.c.start.desc())
    )
    severities = (Severity.NONE, Severity.TICKET, Severity.PAGE)
    rows = conn.execute(statement).all()
    return [
        JudgedWindow(start=row.start, end=row.end, rows=row.rows or 0, severity=severities[row.level or 0])
        for row in reversed(rows)
    ]


def _retraining(row: Row[Any]) -> Retraining:
    return Retraining(
        id=row.id,
        model=row.model,
        target=row.target,
        mode=row.mode,
        state=RetrainingState(row.state),
        requested=row.requested,
        deadline=row.deadline,
        updated=row.updated,
        detail=row.detail,
        facts=row.facts,
    )
