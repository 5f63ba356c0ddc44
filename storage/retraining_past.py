"""What was asked of a model's trainer before, what came of it, and what do the latest windows say?"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, TextClause, case, func, select
from sqlalchemy import text as sql

from alerting.breaker import Breaker, Came, breaker
from alerting.breaker import Outcome as Known
from alerting.call_back import RetrainingState
from alerting.improvement import Answer
from alerting.retraining import Outcome
from alerting.retraining_facts import JudgedWindow, Success
from alerting.verdict import IncidentKind, Severity, VerdictKind
from storage import retraining, switch
from storage.due_window import Stream, WindowKind
from storage.judged import is_judged
from storage.retraining import Retraining
from storage.tables import column_result, ledger, retraining_decision, verdict

_ASKED = (Outcome.REQUESTED, Outcome.PROPOSED, Outcome.DRY_RUN)


def previous(conn: Connection, model: str, *, but: str = "") -> tuple[str, datetime] | None:
    """(id, when) of the latest request, proposal or dry run of a model; `but`: this one aside."""
    statement = (
        select(retraining_decision.c.request_id, retraining_decision.c.at)
        .where(
            retraining_decision.c.model == model,
            retraining_decision.c.outcome.in_(_ASKED),
            retraining_decision.c.request_id != but,
        )
        .order_by(retraining_decision.c.id.desc())
        .limit(1)
    )
    row = conn.execute(statement).first()
    return None if row is None else (row.request_id, row.at)


def asked_since(conn: Connection, model: str, since: datetime, *, but: str = "") -> int:
    """How many requests, proposals and dry runs a model had after `since`; `but`: this one aside."""
    statement = select(func.count()).where(
        retraining_decision.c.model == model,
        retraining_decision.c.at > since,
        retraining_decision.c.outcome.in_(_ASKED),
        retraining_decision.c.request_id != but,
    )
    return conn.execute(statement).scalar_one()


def breaker_of(conn: Connection, model: str) -> Breaker:
    """How the breaker of a model stands."""
    requests = retraining.of_model(conn, model)
    return breaker(
        (known for each in requests for known in _known(each)), switch.breaker_closed_at(conn, model)
    )


def _known(each: Retraining) -> list[Known]:
    """What became known of one request, and when."""

    def came(at: datetime | None, what: Came) -> list[Known]:
        return [Known(at=at or each.updated, came=what, request_id=each.id)]

    found: list[Known] = []
    match each.state:
        case RetrainingState.FAILED:
            found += came(each.ended, Came.FAILED)
        case RetrainingState.EXPIRED if each.sent is not None:  # else nobody was asked
            found += came(each.ended, Came.UNIMPROVED)
        case RetrainingState.SUCCEEDED:
            found += came(each.ended, Came.SUCCEEDED)
    match each.answer:
        case Answer.NOT_IMPROVED:
            found += came(each.answered, Came.UNIMPROVED)
        case Answer.IMPROVED:
            found += came(each.answered, Came.IMPROVED)
    return found


def last_success(conn: Connection, model: str) -> Success | None:
    """The latest request that was reported as done."""
    done = [each for each in retraining.of_model(conn, model) if each.state is RetrainingState.SUCCEEDED]
    if not done:
        return None
    latest = max(done, key=lambda each: each.ended or each.updated)
    reference, versions = latest.facts.get("reference"), latest.facts.get("model_versions")
    version = reference.get("version") if isinstance(reference, Mapping) else None
    return Success(
        id=latest.id,
        reference_version=version if isinstance(version, int) else 0,
        versions=tuple(map(str, versions)) if isinstance(versions, list) else (),
    )


def versions_in(conn: Connection, ledger_id: int) -> tuple[str, ...]:
    """The model versions that answered in a window; empty: nobody knows."""
    statement = select(column_result.c.version).where(
        column_result.c.ledger_id == ledger_id, column_result.c.version != ""
    )
    return tuple(sorted(conn.execute(statement.distinct()).scalars()))


def first_window_of(conn: Connection, model: str, version: str, since: datetime) -> datetime | None:
    """Start of the first judged window from `since` on in which a model version answered."""
    statement = (
        select(func.min(ledger.c.start))
        .join(column_result, column_result.c.ledger_id == ledger.c.id)
        .where(
            ledger.c.model == model,
            ledger.c.stream == Stream.INPUTS,
            ledger.c.start >= since,
            is_judged(),
            column_result.c.version == version,
        )
    )
    start: datetime | None = conn.execute(statement).scalar()
    return start


def decision_of(conn: Connection, request_id: str) -> Mapping[str, Any] | None:
    """The decision that a request, a proposal or a dry run came of."""
    statement = (
        select(retraining_decision)
        .where(retraining_decision.c.request_id == request_id, retraining_decision.c.outcome.in_(_ASKED))
        .order_by(retraining_decision.c.id)
        .limit(1)
    )
    row = conn.execute(statement).first()
    return None if row is None else dict(row._mapping)


def stream_of(conn: Connection, request_id: str) -> Stream:
    """Whether inputs or labels were judged when it was decided."""
    statement = (
        select(ledger.c.stream)
        .join(retraining_decision, retraining_decision.c.ledger_id == ledger.c.id)
        .where(retraining_decision.c.request_id == request_id, retraining_decision.c.outcome.in_(_ASKED))
        .limit(1)
    )
    stream = conn.execute(statement).scalar()
    return Stream.INPUTS if stream is None else Stream(stream)


def rehearsed_since(conn: Connection, since: datetime) -> set[str]:
    """The models with decisions that would have asked."""
    statement = select(retraining_decision.c.model).where(*_rehearsed(since))
    return set(conn.execute(statement.distinct()).scalars())


def dry_runs_since(conn: Connection, since: datetime, model: str) -> list[Mapping[str, Any]]:
    """Decisions about a model that would have asked, in their order."""
    statement = select(retraining_decision).where(*_rehearsed(since), retraining_decision.c.model == model)
    return [dict(row._mapping) for row in conn.execute(statement.order_by(retraining_decision.c.id))]


def _rehearsed(since: datetime) -> tuple[ColumnElement[bool], TextClause]:
    # A literal, or SQLite does not use the partial index.
    return retraining_decision.c.at >= since, sql("outcome = 'dry_run'")


def judged_windows(
    conn: Connection,
    model: str,
    limit: int,
    stream: Stream = Stream.INPUTS,
    since: datetime | None = None,
) -> list[JudgedWindow]:
    """The latest `limit` judged windows of a stream, oldest first, with their worst severity, data health
    aside. `since`: only those that start then or later."""
    # A series that cannot be judged has the severity of its data incident: that is no reason to retrain.
    level = case(
        (verdict.c.verdict != VerdictKind.BREACH, 0),
        (verdict.c.incident_kind == IncidentKind.DATA, 0),
        (verdict.c.severity == Severity.PAGE, 2),
        (verdict.c.severity == Severity.TICKET, 1),
        else_=0,
    )
    # Absent, of another type, half of them missing, the rows themselves too few: of slices, each has its own.
    broken = case(
        (verdict.c.segment != "", 0),
        (verdict.c.verdict == VerdictKind.ERROR, 1),
        ((verdict.c.column_name == "") & (verdict.c.verdict != VerdictKind.CLEAR), 1),
        ((verdict.c.incident_kind == IncidentKind.DATA) & (verdict.c.verdict == VerdictKind.BREACH), 1),
        else_=0,
    )
    latest = (  # first the few windows, then their verdicts: history may be long
        select(ledger.c.id, ledger.c.start, ledger.c.end, ledger.c.rows)
        .where(
            ledger.c.model == model,
            ledger.c.stream == stream,
            is_judged(),
            ledger.c.kind != WindowKind.BACKFILL,
            *(() if since is None else (ledger.c.start >= since,)),
        )
        .order_by(ledger.c.start.desc())
        .limit(limit)
        .subquery()
    )
    statement = (
        select(
            latest.c.start,
            latest.c.end,
            latest.c.rows,
            func.max(level).label("level"),
            func.max(broken).label("broken"),
        )
        .outerjoin(verdict, verdict.c.ledger_id == latest.c.id)
        .group_by(latest.c.id, latest.c.start, latest.c.end, latest.c.rows)
        .order_by(latest.c.start.desc())
    )
    severities = (Severity.NONE, Severity.TICKET, Severity.PAGE)
    rows = conn.execute(statement).all()
    return [
        JudgedWindow(
            start=row.start,
            end=row.end,
            rows=row.rows or 0,
            severity=severities[row.level or 0],
            sound=not row.broken,
        )
        for row in reversed(rows)
    ]
