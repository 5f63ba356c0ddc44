"""What may be forgotten, and how is it done without anybody waiting?

Each step is one short transaction that stands by itself: killed anywhere, the next run goes on. Never pruned
are rows that say that something was done already: the ledger, outbox keys, requests for retraining, incidents
with their events. What a re-fold, a backtest or an explanation may need is kept in full: everything from the
last folded window before the limit on.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, func, insert, select, update

from alerting import failpoint
from alerting.courier import OutboxState
from alerting.retraining import Outcome
from alerting.verdict import Severity
from storage.due_window import IS_OF_FOLDED_KIND, Stream
from storage.engine import Store
from storage.roll_up import roll_up
from storage.span import Span
from storage.tables import (
    alert_state,
    attempt,
    checkpoint,
    column_result,
    daily_result,
    incident,
    ledger,
    outbox,
    past_verdict,
    retraining_decision,
    verdict,
)

AT_ONCE = 250  # rows a transaction deletes: a few hundredths of a second
WINDOWS_AT_ONCE = 2_000  # of one day: SQLite binds 32,766 values


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Of one model. What ended before each of these may go."""

    full: datetime  # measurements, and what they were judged with
    daily: datetime  # the days they were rolled up into
    audit: datetime  # verdicts that alerted, attempts, refused decisions on retraining
    day_of: Callable[[datetime], Span]  # the day of an instant, in the model's zone


def prune(store: Store, model: str, limits: Limits) -> int:
    """One step for a model; how many rows went. 0: there is nothing (more) to do."""
    for stream in Stream:
        with store.read() as conn:
            until = _kept_from(conn, model, stream, limits.full)
            chosen = None if until is None else _next(conn, model, stream, until, limits)
        if chosen is not None:
            with store.write() as conn:
                gone = chosen(conn)
                failpoint.hit("mid_retention")
            if gone:
                return gone
    return 0


def prune_audit(store: Store, before: datetime) -> int:
    """One step for what belongs to no model's windows."""
    closed = select(outbox.c.id).where(
        outbox.c.closed < before, outbox.c.state.in_((OutboxState.SENT, OutboxState.CANCELLED))
    )
    refused = (retraining_decision.c.at < before, retraining_decision.c.outcome == Outcome.REFUSED)
    with store.write() as conn:
        old = select(attempt.c.outbox_id).where(attempt.c.outbox_id.in_(closed)).distinct().limit(AT_ONCE)
        ids = list(conn.execute(old).scalars())
        gone = conn.execute(delete(attempt).where(attempt.c.outbox_id.in_(ids))).rowcount if ids else 0
        decisions = select(retraining_decision.c.id).where(*refused).limit(AT_ONCE)
        gone += conn.execute(
            delete(retraining_decision).where(retraining_decision.c.id.in_(decisions))
        ).rowcount
        failpoint.hit("mid_retention")
    return gone


_Step = Callable[[Connection], int]


def _kept_from(conn: Connection, model: str, stream: Stream, limit: datetime) -> datetime | None:
    """Where the last window before the limit starts that a re-fold may begin with: it has a checkpoint.

    Without one nothing before the first such window is needed: what was passed over or backfilled.
    """
    left = select(checkpoint.c.ledger_id).where(checkpoint.c.ledger_id == ledger.c.id)
    judged = (
        ledger.c.model == model,
        ledger.c.stream == stream,
        IS_OF_FOLDED_KIND,
        ledger.c.folded_at.is_not(None),
        ledger.c.superseded_by.is_(None),
        left.exists(),
    )
    before = select(ledger.c.start).where(*judged, ledger.c.end <= limit)
    start: datetime | None = conn.execute(before.order_by(ledger.c.start.desc()).limit(1)).scalar()
    if start is not None:
        return start
    first: datetime | None = conn.execute(select(func.min(ledger.c.start)).where(*judged)).scalar()
    return None if first is None else min(first, limit)


def _next(conn: Connection, model: str, stream: Stream, until: datetime, limits: Limits) -> _Step | None:
    """What goes next: first what looks for the results, then the results, then what is older still."""
    mine = (ledger.c.model == model, ledger.c.stream == stream)
    old = (*mine, ledger.c.start < until)
    settled = (*old, _is_settled())
    plain = (verdict.c.severity == Severity.NONE, verdict.c.incident_id.is_(None))
    said_before = (past_verdict.c.severity == Severity.NONE, past_verdict.c.incident_id.is_(None))
    alerted = (*mine, ledger.c.end <= limits.audit, _is_settled())
    # A series that no window has had for long was left so by the checkpoint its alert state names.
    needed = checkpoint.c.ledger_id.in_(select(alert_state.c.ledger_id))
    for statement, remove in (
        (_of(checkpoint.c.ledger_id, checkpoint, *settled, ~needed), _checkpoints),
        (_of(verdict.c.id, verdict, *settled, *plain), _verdicts),
        (_of(past_verdict.c.id, past_verdict, *settled, *said_before), _past_verdicts),
    ):
        ids = list(conn.execute(statement).scalars())
        if ids:
            return lambda conn, ids=ids, remove=remove: remove(conn, ids)  # type: ignore[misc]  # bound at once
    first = conn.execute(_of(ledger.c.start, column_result, *settled).limit(1)).scalar()
    if first is not None:
        return lambda conn: _roll_up(conn, model, stream, first, until, limits.day_of(first))
    beyond = _of(daily_result.c.id, daily_result, *mine, daily_result.c.end <= limits.daily)
    ids = list(conn.execute(beyond).scalars())
    if ids:
        return lambda conn: conn.execute(delete(daily_result).where(daily_result.c.id.in_(ids))).rowcount
    named = select(incident.c.id).where(incident.c.is_open)
    told = _of(verdict.c.id, verdict, *alerted, _is_not_of(named, verdict))
    told_before = _of(past_verdict.c.id, past_verdict, *alerted, _is_not_of(named, past_verdict))
    for statement, remove in ((told, _verdicts), (told_before, _past_verdicts)):
        ids = list(conn.execute(statement).scalars())
        if ids:
            return lambda conn, ids=ids, remove=remove: remove(conn, ids)  # type: ignore[misc]  # bound at once
    return None


def _is_settled() -> ColumnElement[bool]:
    """Nobody will judge it any more."""
    return ledger.c.folded_at.is_not(None) | ledger.c.superseded_by.is_not(None)


def _is_not_of(incidents: Any, table: Any) -> ColumnElement[bool]:
    """`NULL NOT IN (…)` is unknown, not true: a verdict of no incident has to be asked for by itself."""
    named: ColumnElement[bool] = table.c.incident_id
    return named.is_(None) | named.not_in(incidents)


def _of(column: Any, table: Any, *conditions: Any) -> Any:
    """Rows of a table that hang on ledger rows, oldest window first, a bounded number."""
    joined = ledger.join(table, table.c.ledger_id == ledger.c.id)
    return select(column).select_from(joined).where(*conditions).order_by(ledger.c.start).limit(AT_ONCE)


def _checkpoints(conn: Connection, ids: Sequence[int]) -> int:
    return conn.execute(delete(checkpoint).where(checkpoint.c.ledger_id.in_(ids))).rowcount


def _verdicts(conn: Connection, ids: Sequence[int]) -> int:
    return conn.execute(delete(verdict).where(verdict.c.id.in_(ids))).rowcount


def _past_verdicts(conn: Connection, ids: Sequence[int]) -> int:
    return conn.execute(delete(past_verdict).where(past_verdict.c.id.in_(ids))).rowcount


def _roll_up(
    conn: Connection, model: str, stream: Stream, first: datetime, until: datetime, day: Span
) -> int:
    """Some series of one day: their rows become one, or are added to it. Earlier revisions just go."""
    of_day = (ledger.c.model == model, ledger.c.stream == stream, ledger.c.start < day.end)
    windows = conn.execute(
        select(ledger.c.id, ledger.c.superseded_by)
        .where(*of_day, ledger.c.start >= first, ledger.c.start < until, _is_settled())
        .order_by(ledger.c.start, ledger.c.revision)
        .limit(WINDOWS_AT_ONCE)
    ).all()
    ids = [window.id for window in windows]
    series = (column_result.c.segment, column_result.c.column_name, column_result.c.version)
    mine = column_result.c.ledger_id.in_(ids)
    some = select(*series).where(mine).distinct().limit(max(1, AT_ONCE // max(1, len(ids))))
    latest = {window.id for window in windows if window.superseded_by is None}
    whole_day = select(ledger.c.id).where(*of_day, ledger.c.start >= day.start)
    gone = 0
    for names in conn.execute(some).all():
        of_series = [column == name for column, name in zip(series, names, strict=True)]
        rows = conn.execute(select(column_result).where(mine, *of_series).order_by(column_result.c.id)).all()
        kept = [row for row in rows if row.ledger_id in latest]
        if kept:
            # Not on an earlier revision: readers pass over what hangs on it.
            measured = {row.ledger_id for row in kept}
            _add(conn, next(id_ for id_ in ids if id_ in measured), whole_day, day, names, kept)
        conn.execute(delete(column_result).where(column_result.c.id.in_([row.id for row in rows])))
        gone += len(rows)
    return gone


def _add(
    conn: Connection,
    ledger_id: int,
    whole_day: Any,
    day: Span,
    names: Sequence[Any],
    rows: Sequence[Row[Any]],
) -> None:
    segment, column, version = names
    before = conn.execute(
        select(daily_result).where(
            daily_result.c.ledger_id.in_(whole_day),
            daily_result.c.segment == segment,
            daily_result.c.column_name == column,
            daily_result.c.version == version,
        )
    ).first()
    values = {
        "windows": len(rows) + (before.windows if before else 0),
        "rows": sum(row.rows for row in rows) + (before.rows if before else 0),
        "measurements": roll_up([dict(row._mapping) for row in rows], before.measurements if before else ()),
    }
    if before is not None:
        conn.execute(update(daily_result).where(daily_result.c.id == before.id).values(**values))
        return
    where = {"ledger_id": ledger_id, "start": day.start, "end": day.end}
    of_series = {"segment": segment, "column_name": column, "version": version}
    conn.execute(insert(daily_result).values(**where, **of_series, **values))
