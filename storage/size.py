"""How large is the history, and how far back does it go in full?"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Table, select, text

from storage import model_names
from storage.tables import column_result, daily_result, ledger


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """Bytes. `free`: of pages that were given up by pruning and are used again before the file grows."""

    total: int
    free: int
    full_since: datetime | None  # start of the oldest window whose measurements are kept in full
    daily_since: datetime | None  # … as one row a day


def size(conn: Connection) -> Size:
    """Of the database as a whole."""
    total, free = _bytes(conn)
    return Size(
        total=total,
        free=free,
        full_since=_oldest(conn, column_result),
        daily_since=_oldest(conn, daily_result),
    )


def _bytes(conn: Connection) -> tuple[int, int]:
    if conn.dialect.name != "sqlite":
        return conn.execute(text("SELECT pg_database_size(current_database())")).scalar_one(), 0
    page, pages, free = (
        int(conn.execute(text(f"PRAGMA {name}")).scalar_one())
        for name in ("page_size", "page_count", "freelist_count")
    )
    return page * pages, page * free


def _oldest(conn: Connection, table: Table) -> datetime | None:
    """Model by model from its oldest window on: no result is read."""
    found: list[datetime] = []
    for model in model_names.with_windows(conn):
        rows = table.c.ledger_id
        statement = (
            select(ledger.c.start)
            .where(ledger.c.model == model)
            .where(select(rows).where(rows == ledger.c.id).exists())
            .order_by(ledger.c.start)
            .limit(1)
        )
        oldest = conn.execute(statement).scalar()
        if oldest is not None:
            found.append(oldest)
    return min(found, default=None)
