"""Which ended window is judged next, and up to where has history been judged?

Strictly in window order: alert state is a fold, so nothing may come before what is folded already.
"""

from collections.abc import Collection
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import CompoundSelect, Connection, Select, bindparam, func, or_, select, union, update

from storage.due_window import (
    FOLDED_KINDS,
    IS_OF_FOLDED_KIND,
    DueWindow,
    Stream,
    WindowKind,
    WindowState,
    window_of,
)
from storage.judged import is_judged
from storage.span import Span
from storage.tables import ledger

_ENDED = [state for state in WindowState if state.terminal]


def to_fold(
    conn: Connection,
    model: str,
    stream: Stream,
    limit: int = 1,
    kinds: Collection[WindowKind] = FOLDED_KINDS,
    beyond: datetime | None = None,
) -> list[DueWindow]:
    """The oldest ended, unfolded windows with nothing open or unfolded before them, in window order.

    `beyond`: only those that start later; what is earlier has missed its turn, and holds up nothing.
    """
    asked = {"of": model, "in_stream": stream, "kinds": list(kinds), "most": limit}
    later = {} if beyond is None else {"beyond": beyond}
    ready = []
    for row in conn.execute(_unfolded(later=beyond is not None), asked | later):
        window = window_of(row)
        if not window.state.terminal:
            break
        ready.append(window)
    return ready


@cache
def _unfolded(*, later: bool) -> Select[Any]:
    """Made once: to make it takes longer than to run it, and every look asks it a dozen times."""
    statement = (
        select(ledger)
        .where(
            ledger.c.model == bindparam("of"),
            ledger.c.stream == bindparam("in_stream"),
            ledger.c.folded_at.is_(None),
            ledger.c.superseded_by.is_(None),
            ledger.c.kind.in_(bindparam("kinds", expanding=True)),
            # The earlier row stands until a revision has ended: it holds up nothing.
            or_(ledger.c.revision == 0, ledger.c.state.in_(_ENDED)),
        )
        .order_by(ledger.c.start, ledger.c.revision, ledger.c.id)
        .limit(bindparam("most"))
    )
    return statement.where(ledger.c.start > bindparam("beyond")) if later else statement


def mark_folded(conn: Connection, window_id: int, now: datetime) -> bool:
    """Say that this window's verdicts are in; False: they already were, or the window has not ended."""
    statement = update(ledger).where(
        ledger.c.id == window_id, ledger.c.folded_at.is_(None), ledger.c.state.in_(_ENDED)
    )
    return conn.execute(statement.values(folded_at=now)).rowcount == 1


def overdue(conn: Connection, model: str, stream: Stream, now: datetime) -> list[DueWindow]:
    """Open windows that hold up ended ones, an interval after they were due (or planned, if later)."""
    waiting = [window_of(row) for row in conn.execute(_holding_up(), {"of": model, "in_stream": stream})]
    return [
        each for each in waiting if max(each.due, each.planned_at) + (each.span.end - each.span.start) <= now
    ]


@cache
def _holding_up() -> Select[Any]:
    """Made once, as `_unfolded` is."""
    mine = (
        ledger.c.model == bindparam("of"),
        ledger.c.stream == bindparam("in_stream"),
        ledger.c.folded_at.is_(None),
        ledger.c.superseded_by.is_(None),
        IS_OF_FOLDED_KIND,
        ledger.c.revision == 0,
    )
    latest = select(func.max(ledger.c.start)).where(*mine, ledger.c.state.in_(_ENDED))
    waiting = select(ledger).where(*mine, ledger.c.state.not_in(_ENDED))
    return waiting.where(ledger.c.start < latest.scalar_subquery()).order_by(ledger.c.start)


def mark_provisional(conn: Connection, window_id: int, now: datetime) -> bool:
    """Fold an open window as if nothing were known of it; False: it has ended, or is folded already."""
    statement = update(ledger).where(
        ledger.c.id == window_id, ledger.c.folded_at.is_(None), ledger.c.state.not_in(_ENDED)
    )
    return conn.execute(statement.values(folded_at=now, provisional=True)).rowcount == 1


def models_with_work(conn: Connection) -> dict[str, set[Stream]]:
    """The models, and of each the streams, with an ended window that has no place in the fold yet: a look at
    any other finds nothing.

    One question instead of a dozen a model, of which there may be hundreds.
    """
    found: dict[str, set[Stream]] = {}
    for model, stream in conn.execute(_with_work()):
        found.setdefault(model, set()).add(Stream(stream))
    return found


@cache
def _with_work() -> CompoundSelect[Any]:
    """Made once, as `_unfolded` is."""
    of = (ledger.c.model, ledger.c.stream)
    ended = (ledger.c.state.in_(_ENDED), ledger.c.superseded_by.is_(None))
    unfolded = select(*of).where(ledger.c.folded_at.is_(None), *ended)
    return union(unfolded, select(*of).where(ledger.c.provisional, *ended))


def late(conn: Connection, model: str, stream: Stream) -> list[DueWindow]:
    """Ended windows that have no place in the fold yet although what follows them has, oldest first."""
    folded = folded_span(conn, model, stream)
    if folded is None:
        return []
    asked = {"of": model, "in_stream": stream, "folded": folded.start}
    found = [window_of(row) for statement in _homeless() for row in conn.execute(statement, asked)]
    return sorted(found, key=lambda window: (window.span.start, window.revision))


@cache
def _homeless() -> tuple[Select[Any], ...]:
    """Made once, as `_unfolded` is; an index each."""
    mine = (
        ledger.c.model == bindparam("of"),
        ledger.c.stream == bindparam("in_stream"),
        ledger.c.state.in_(_ENDED),
        ledger.c.superseded_by.is_(None),
        IS_OF_FOLDED_KIND,
        ledger.c.start <= bindparam("folded"),
    )
    return tuple(
        select(ledger).where(*mine, each) for each in (ledger.c.folded_at.is_(None), ledger.c.provisional)
    )


def folded_from(conn: Connection, model: str, stream: Stream, start: datetime) -> list[DueWindow]:
    """What is judged of the windows that start at `start` or later, in order; not what is skipped or open."""
    judged = [state for state in _ENDED if state is not WindowState.SKIPPED]
    statement = select(ledger).where(
        ledger.c.model == model,
        ledger.c.stream == stream,
        is_judged(),
        ledger.c.provisional.is_(False),
        IS_OF_FOLDED_KIND,
        ledger.c.state.in_(judged),
        ledger.c.start >= start,
    )
    return [window_of(row) for row in conn.execute(statement.order_by(ledger.c.start, ledger.c.revision))]


def overlapped(conn: Connection, window: DueWindow) -> bool:
    """Whether a folded window of another length holds some of the same rows: after a change of `every`."""
    statement = select(ledger.c.id).where(
        ledger.c.model == window.model,
        ledger.c.stream == window.stream,
        ledger.c.folded_at.is_not(None),
        IS_OF_FOLDED_KIND,
        ledger.c.start < window.span.end,
        ledger.c.end > window.span.start,
        or_(ledger.c.start != window.span.start, ledger.c.end != window.span.end),
    )
    return conn.execute(statement.limit(1)).first() is not None


def within(conn: Connection, model: str, stream: Stream, span: Span) -> list[Span]:
    """The spans of all windows that have rows in common with `span`."""
    statement = select(ledger.c.start, ledger.c.end).where(
        ledger.c.model == model,
        ledger.c.stream == stream,
        ledger.c.start < span.end,
        ledger.c.end > span.start,
        ledger.c.superseded_by.is_(None),
    )
    rows = conn.execute(statement.order_by(ledger.c.start))
    return [Span(start=row.start, end=row.end) for row in rows]


def put_in_place(conn: Connection, window_id: int, now: datetime) -> None:
    """A late window is folded where it belongs."""
    conn.execute(update(ledger).where(ledger.c.id == window_id).values(folded_at=now, provisional=False))


def mark_refolded(conn: Connection, window_id: int, now: datetime) -> None:
    """Its verdicts have been taken again."""
    conn.execute(update(ledger).where(ledger.c.id == window_id).values(refolded_at=now))


def folded_until(conn: Connection, model: str, stream: Stream) -> datetime | None:
    """The start of the latest folded window: a window before it would be folded out of order."""
    span = folded_span(conn, model, stream)
    return None if span is None else span.start


def folded_span(conn: Connection, model: str, stream: Stream) -> Span | None:
    """The latest folded window."""
    row = conn.execute(_latest_folded(), {"of": model, "in_stream": stream}).first()
    return None if row is None else Span(start=row.start, end=row.end)


@cache
def _latest_folded() -> Select[Any]:
    """Made once, as `_unfolded` is."""
    statement = select(ledger.c.start, ledger.c.end).where(
        ledger.c.model == bindparam("of"),
        ledger.c.stream == bindparam("in_stream"),
        ledger.c.folded_at.is_not(None),
        IS_OF_FOLDED_KIND,
    )
    return statement.order_by(ledger.c.start.desc()).limit(1)


def all_folded(conn: Connection, model: str, end: datetime) -> bool:
    """Whether every window of the model that ends at `end` is folded, or still waits for its labels."""
    statement = select(ledger.c.id).where(
        ledger.c.model == model,
        ledger.c.end == end,
        or_(ledger.c.stream == Stream.INPUTS, ledger.c.state.in_(_ENDED)),
        or_(ledger.c.revision == 0, ledger.c.state.in_(_ENDED)),
        ledger.c.folded_at.is_(None),
        ledger.c.superseded_by.is_(None),
        IS_OF_FOLDED_KIND,
    )
    return conn.execute(statement.limit(1)).first() is None
