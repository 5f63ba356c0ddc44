"""What was measured and said of one series over its latest windows?

For pictures: the newest revision of each window, measured values with the word that was said of them.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, select

from alerting.series import Series
from alerting.verdict import VerdictKind
from storage.due_window import Stream
from storage.measurements import ColumnResult, result_of
from storage.span import Span
from storage.tables import column_result, ledger, verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Passed:
    """One window of the series."""

    span: Span
    reference_id: int | None  # that it was measured on
    result: ColumnResult
    said: VerdictKind | None  # None: nothing was said of it


def latest(conn: Connection, series: Series, stream: Stream, until: datetime, last: int) -> list[Passed]:
    """Those among the model's `last` windows that start at `until` at the latest, oldest first."""
    windows = (
        select(ledger.c.id)
        .where(
            ledger.c.model == series.model,
            ledger.c.stream == stream,
            ledger.c.start <= until,
            ledger.c.superseded_by.is_(None),
            ledger.c.finished_at.is_not(None),
        )
        .order_by(ledger.c.start.desc())
        .limit(last)
    )
    of_series = [
        column_result.c.ledger_id.in_(windows),
        column_result.c.segment == series.segment,
        column_result.c.column_name == series.column,
        column_result.c.version == series.version,
    ]
    same = and_(
        verdict.c.ledger_id == column_result.c.ledger_id,
        verdict.c.segment == column_result.c.segment,
        verdict.c.column_name == column_result.c.column_name,
        verdict.c.version == column_result.c.version,
    )
    statement = (
        select(
            column_result,
            ledger.c.start,
            ledger.c.end,
            ledger.c.reference_id,
            verdict.c.verdict.label("said"),
        )
        .join(ledger, ledger.c.id == column_result.c.ledger_id)
        .outerjoin(verdict, same)
        .where(*of_series)
        .order_by(ledger.c.start)
    )
    return [
        Passed(
            span=Span(start=row.start, end=row.end),
            reference_id=row.reference_id,
            result=result_of(row),
            said=None if row.said is None else VerdictKind(row.said),
        )
        for row in conn.execute(statement)
    ]
