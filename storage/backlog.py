"""How much is waiting to be evaluated or folded, and is it on its way?"""

from datetime import datetime

from sqlalchemy import Connection, and_, func, or_, select

from storage import fold_order
from storage.due_window import IS_OF_FOLDED_KIND, Stream, WindowKind, WindowState
from storage.tables import ledger


def is_moving(conn: Connection, model: str, before: datetime, now: datetime) -> bool:
    """Whether windows of the inputs that ended before then are about to be evaluated or folded.

    A window that was looked at and put off waits for its rows: it is not on its way, and holds up nobody.
    """
    on_its_way = or_(
        and_(
            ledger.c.state == WindowState.PLANNED,
            ledger.c.attempt == 0,
            ledger.c.next_try <= now,
        ),
        and_(ledger.c.state == WindowState.CLAIMED, ledger.c.attempt == 1, ledger.c.lease_until > now),
    )
    statement = select(ledger.c.id).where(
        ledger.c.model == model,
        ledger.c.stream == Stream.INPUTS,
        IS_OF_FOLDED_KIND,
        ledger.c.folded_at.is_(None),
        ledger.c.superseded_by.is_(None),
        ledger.c.end <= before,
        on_its_way,
    )
    ready = fold_order.to_fold(conn, model, Stream.INPUTS)
    if ready and ready[0].span.end <= before:
        return True
    return conn.execute(statement.limit(1)).first() is not None


def due(conn: Connection, now: datetime) -> int:
    """Windows that are due and not ended; backfill aside."""
    statement = select(func.count()).where(
        ledger.c.state.in_((WindowState.PLANNED, WindowState.CLAIMED)),
        ledger.c.due <= now,
        ledger.c.kind != WindowKind.BACKFILL,
    )
    return conn.execute(statement).scalar_one()
