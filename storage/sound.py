"""Which windows may a moving reference learn from? Those in which nothing was wrong.

Whole, on time, without an alert of any kind, and not silenced: whoever keeps a model, or a part of it, quiet
knows that something is not as usual. An alert that a person marked as a false page is none, and
neither is creep against the fixed reference, or a reference that moves would stop with the first of it.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, TextClause, and_, exists, func, or_, select

from alerting.series import CREEP
from alerting.verdict import Severity
from storage import silences
from storage.due_window import IS_OF_FOLDED_KIND, Stream, WindowState, window_of
from storage.span import Span
from storage.tables import incident, ledger, verdict

_said = ledger.alias("said")  # the same window in any stream


def sound_windows(conn: Connection, model: str, span: Span) -> list[Span]:
    """In order; judged windows of the inputs that lie within `span`."""
    false_page = and_(verdict.c.incident_id.is_not(None), incident.c.false_page_by != "")
    trouble = (
        select(verdict.c.id)
        .select_from(
            verdict.join(_said, _said.c.id == verdict.c.ledger_id).outerjoin(
                incident, incident.c.id == verdict.c.incident_id
            )
        )
        .where(
            _said.c.model == ledger.c.model,
            _said.c.start == ledger.c.start,
            _said.c.end == ledger.c.end,
            _said.c.superseded_by.is_(None),
            verdict.c.severity != Severity.NONE,
            verdict.c.segment.not_like(f"{CREEP}=%"),
            or_(verdict.c.incident_id.is_(None), ~false_page),
        )
    )
    statement = select(ledger).where(
        *_judged(model), ledger.c.start >= span.start, ledger.c.end <= span.end, ~exists(trouble)
    )
    rows = [window_of(row) for row in conn.execute(statement.order_by(ledger.c.start))]
    quiet = [each for each in silences.overlapping(conn, span.start, span.end) if each.concerns(model)]
    return [
        row.span
        for row in rows
        if not (row.evidence or {}).get("late")
        and not any(each.overlaps(row.span.start, row.span.end) for each in quiet)
    ]


def first_judged(conn: Connection, model: str) -> datetime | None:
    """Where the oldest judged window starts; None: there is none."""
    oldest: datetime | None = conn.execute(select(func.min(ledger.c.start)).where(*_judged(model))).scalar()
    return oldest


def all_but(span: Span, kept: Sequence[Span]) -> list[Span]:
    """What of `span` lies in none of the ascending spans `kept`."""
    gaps: list[Span] = []
    at = span.start
    for each in kept:
        if each.start > at:
            gaps.append(Span(start=at, end=each.start))
        at = max(at, each.end)
    return [*gaps, Span(start=at, end=span.end)] if at < span.end else gaps


def _judged(model: str) -> tuple[ColumnElement[bool] | TextClause, ...]:
    return (
        ledger.c.model == model,
        ledger.c.stream == Stream.INPUTS,
        ledger.c.state == WindowState.DONE,
        ledger.c.folded_at.is_not(None),
        ledger.c.superseded_by.is_(None),
        IS_OF_FOLDED_KIND,
    )
