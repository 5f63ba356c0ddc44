"""Which ended window is judged next, and up to where has history been judged?

Strictly in window order: alert state is a fold, so nothing may come before what is folded already.
"""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection, and_, or_, select, update

from storage.due_window import DueWindow, Stream, WindowKind, WindowState, window_of
from storage.span import Span
from storage.tables import ledger

# A backfilled window is judged apart and never stands in the way of today's.
FOLDED_KINDS = (WindowKind.SCHEDULED, WindowKind.MANUAL)


def to_fold(
    conn: Connection,
    model: str,
    stream: Stream,
    limit: int = 1,
    kinds: Collection[WindowKind] = FOLDED_KINDS,
) -> list[DueWindow]:
    """The oldest ended, unfolded windows with nothing open or unfolded before them, in window order."""
    statement = (
        select(ledger)
        .where(
            ledger.c.model == model,
            ledger.c.stream == stream,
            ledger.c.folded_at.is_(None),
            ledger.c.superseded_by.is_(None),
            ledger.c.kind.in_(kinds),
        )
        .order_by(ledger.c.start, ledger.c.revision, ledger.c.id)
        .limit(limit)
    )
    ready = []
    for row in conn.execute(statement):
        window = window_of(row)
        if not window.state.terminal:
            break
        ready.append(window)
    return ready


def mark_folded(conn: Connection, window_id: int, now: datetime) -> bool:
    """Say that this window's verdicts are in; False: they already were, or the window has not ended."""
    terminal = [state for state in WindowState if state.terminal]
    statement = update(ledger).where(
        ledger.c.id == window_id, ledger.c.folded_at.is_(None), ledger.c.state.in_(terminal)
    )
    return conn.execute(statement.values(folded_at=now)).rowcount == 1


def folded_until(conn: Connection, model: str, stream: Stream) -> datetime | None:
    """The start of the latest folded window: a window before it would be folded out of order."""
    span = folded_span(conn, model, stream)
    return None if span is None else span.start


def folded_span(conn: Connection, model: str, stream: Stream) -> Span | None:
    """The latest folded window."""
    statement = select(ledger.c.start, ledger.c.end).where(
        ledger.c.model == model,
        ledger.c.stream == stream,
        ledger.c.folded_at.is_not(None),
        ledger.c.kind.in_(FOLDED_KINDS),
    )
    row = conn.execute(statement.order_by(ledger.c.start.desc()).limit(1)).first()
    return None if row is None else Span(start=row.start, end=row.end)


def catching_up(conn: Connection, model: str, now: datetime) -> bool:
    """Whether windows that ended more than two intervals ago are on their way to be folded.

    Those that wait for their rows are not on their way: nobody knows when they come.
    """
    terminal = [state for state in WindowState if state.terminal]
    moving = or_(
        ledger.c.state.in_((*terminal, WindowState.CLAIMED)),
        and_(ledger.c.state == WindowState.PLANNED, ledger.c.next_try <= now),
    )
    statement = (
        select(ledger.c.start, ledger.c.end)
        .where(
            ledger.c.model == model,
            ledger.c.stream == Stream.INPUTS,
            ledger.c.folded_at.is_(None),
            ledger.c.superseded_by.is_(None),
            ledger.c.kind.in_(FOLDED_KINDS),
            moving,
        )
        .order_by(ledger.c.start)
        .limit(1)
    )
    row = conn.execute(statement).first()
    return row is not None and bool(now - row.end > 2 * (row.end - row.start))


def all_folded(conn: Connection, model: str, end: datetime) -> bool:
    """Whether every window of the model that ends at `end` is folded, or still waits for its labels."""
    terminal = [state for state in WindowState if state.terminal]
    statement = select(ledger.c.id).where(
        ledger.c.model == model,
        ledger.c.end == end,
        or_(ledger.c.stream == Stream.INPUTS, ledger.c.state.in_(terminal)),
        ledger.c.folded_at.is_(None),
        ledger.c.superseded_by.is_(None),
        ledger.c.kind.in_(FOLDED_KINDS),
    )
    return conn.execute(statement.limit(1)).first() is None
