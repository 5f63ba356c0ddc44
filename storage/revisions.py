"""Which ended windows are to be looked at again for late rows, and what does a look leave behind?

Each window is looked at once, when `recheck` has come: its rows are compared with those it was evaluated on.
A changed one gets a row with the next revision. The earlier row keeps its state and names the later one once
that has ended. Callers own the transaction.
"""

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import Connection, Select, select, update
from sqlalchemy import text as sql

from storage.dialect import filtered, insert_ignore
from storage.due_window import DueWindow, Stream, WindowState, window_of
from storage.span import Span
from storage.tables import ledger
from storage.tables.measured import TO_RECHECK


def to_recheck(conn: Connection, now: datetime, models: Collection[str]) -> bool:
    """Whether there is a window whose rows are to be counted again."""
    return conn.execute(_oldest(now, models)).first() is not None


def claim_recheck(
    conn: Connection, now: datetime, lease: timedelta, models: Collection[str]
) -> DueWindow | None:
    """The oldest of them, put off by `lease`: a look that is lost is taken again after it."""
    oldest = _oldest(now, models)
    if conn.dialect.name == "postgresql":
        oldest = oldest.with_for_update(skip_locked=True)
    statement = (
        update(ledger)
        .where(ledger.c.id == oldest.scalar_subquery())
        .values(recheck=now + lease)
        .returning(ledger)
    )
    row = conn.execute(statement).first()
    return None if row is None else window_of(row)


def _oldest(now: datetime, models: Collection[str]) -> Select[tuple[int]]:
    return (
        select(ledger.c.id)
        .where(sql(TO_RECHECK), ledger.c.recheck <= now, filtered(ledger.c.model).in_(models))
        .order_by(ledger.c.recheck, ledger.c.id)
        .limit(1)
    )


def looked(conn: Connection, window_id: int, now: datetime) -> None:
    """Its rows have been counted again, or cannot be."""
    conn.execute(update(ledger).where(ledger.c.id == window_id).values(rechecked_at=now))


def look_later(conn: Connection, window_id: int, at: datetime) -> None:
    """The source could not be asked: try again then."""
    conn.execute(update(ledger).where(ledger.c.id == window_id).values(recheck=at))


def revise(
    conn: Connection, window: DueWindow, *, now: datetime, give_up: datetime, reason: str
) -> int | None:
    """Plan the next revision of an ended window, due now; None: it has one already. Not looked at again."""
    values = {
        "model": window.model,
        "stream": window.stream,
        "kind": window.kind,
        "start": window.span.start,
        "end": window.span.end,
        "revision": window.revision + 1,
        "config_digest": window.config_digest,
        "due": now,
        "recheck": now,
        "rechecked_at": now,
        "give_up": give_up,
        "state": WindowState.PLANNED,
        "reason": reason,
        "next_try": now,
        "planned_at": now,
    }
    found: int | None = conn.execute(
        insert_ignore(conn, ledger).values(**values).returning(ledger.c.id)
    ).scalar()
    return found


def revised(conn: Connection, model: str, stream: Stream, span: Span) -> set[Span]:
    """Which windows within `span` have a later revision, whatever came of it."""
    later = (ledger.c.start >= span.start, ledger.c.end <= span.end, ledger.c.revision > 0)
    rows = conn.execute(
        select(ledger.c.start, ledger.c.end).where(ledger.c.model == model, ledger.c.stream == stream, *later)
    )
    return {Span(start=row.start, end=row.end) for row in rows}


def settle(conn: Connection, window: DueWindow, state: WindowState, reference_id: int | None) -> None:
    """A revision has ended: the earlier row names it. One that failed, or was held against another reference
    than the earlier, stands for nothing and names the row that stands instead."""
    if not window.revision:
        return
    earlier = (
        select(ledger.c.id, ledger.c.reference_id)
        .where(
            ledger.c.model == window.model,
            ledger.c.stream == window.stream,
            ledger.c.start == window.span.start,
            ledger.c.end == window.span.end,
            ledger.c.revision < window.revision,
            ledger.c.superseded_by.is_(None),
        )
        .order_by(ledger.c.revision.desc())
    )
    stands = conn.execute(earlier.limit(1)).first()
    if stands is None:
        return
    failed = state in (WindowState.FAILED, WindowState.SKIPPED)
    other = stands.reference_id is not None and stands.reference_id != reference_id
    old, new = (window.id, stands.id) if failed or other else (stands.id, window.id)
    conn.execute(update(ledger).where(ledger.c.id == old).values(superseded_by=new))


def earlier(conn: Connection, window: DueWindow) -> DueWindow | None:
    """The row that a revision stands for now; None: it is the first of its window."""
    statement = select(ledger).where(ledger.c.superseded_by == window.id).order_by(ledger.c.revision.desc())
    row = conn.execute(statement.limit(1)).first()
    return None if row is None else window_of(row)


def give_back(conn: Connection, window: DueWindow) -> None:
    """A revision cannot be judged any more: the row before it stands again."""
    before = earlier(conn, window)
    if before is None:
        return
    conn.execute(update(ledger).where(ledger.c.id == before.id).values(superseded_by=None))
    conn.execute(update(ledger).where(ledger.c.id == window.id).values(superseded_by=before.id))
