"""Which windows have predictions and wait for their labels?

The labels are the ledger's second stream: one row for every window of the inputs since labels are configured,
with a deadline and an end of its own.
"""

from datetime import datetime

from sqlalchemy import Connection, func, select

from storage.due_window import IS_OF_FOLDED_KIND, DueWindow, Stream, WindowState, window_of
from storage.span import Span
from storage.tables import ledger


def to_plan(conn: Connection, model: str, since: datetime, limit: int) -> list[DueWindow]:
    """Windows of the inputs without one of the labels, oldest first; the first ever ends after `since`."""
    mine = (ledger.c.model == model, IS_OF_FOLDED_KIND, ledger.c.superseded_by.is_(None))
    latest = _latest_start(conn, model)
    after = ledger.c.end > since if latest is None else ledger.c.start > latest
    statement = select(ledger).where(*mine, ledger.c.stream == Stream.INPUTS, after)
    return [window_of(row) for row in conn.execute(statement.order_by(ledger.c.start).limit(limit))]


def inputs_of(conn: Connection, model: str, span: Span) -> DueWindow | None:
    """The window of the inputs over the same rows; None: there is none."""
    statement = select(ledger).where(
        ledger.c.model == model,
        ledger.c.stream == Stream.INPUTS,
        ledger.c.start == span.start,
        ledger.c.end == span.end,
        ledger.c.superseded_by.is_(None),
        IS_OF_FOLDED_KIND,
    )
    row = conn.execute(statement.order_by(ledger.c.revision.desc()).limit(1)).first()
    return None if row is None else window_of(row)


def waiting(conn: Connection, model: str, until: datetime | None = None) -> list[DueWindow]:
    """Label windows that have not ended, oldest first; `until`: those of rows before it."""
    statement = select(ledger).where(
        ledger.c.model == model,
        ledger.c.stream == Stream.LABELS,
        ledger.c.state.in_((WindowState.PLANNED, WindowState.CLAIMED)),
    )
    if until is not None:
        statement = statement.where(ledger.c.end <= until)
    return [window_of(row) for row in conn.execute(statement.order_by(ledger.c.start))]


def _latest_start(conn: Connection, model: str) -> datetime | None:
    statement = select(func.max(ledger.c.start)).where(
        ledger.c.model == model, ledger.c.stream == Stream.LABELS
    )
    latest: datetime | None = conn.execute(statement).scalar()
    return latest
