"""Which models does the database know of?"""

from sqlalchemy import CTE, Connection, Table, exists, select

from storage.due_window import Stream
from storage.tables import ledger, reference


def with_windows(conn: Connection) -> list[str]:
    """Those with a row in the ledger, by name."""
    return _distinct(conn, ledger)


def known(conn: Connection) -> list[str]:
    """Those with a reference or a row in the ledger, by name."""
    return sorted({*_distinct(conn, reference), *_distinct(conn, ledger)})


def with_labels(conn: Connection) -> set[str]:
    """Those for which labels were ever awaited."""
    names = names_in(ledger)
    labelled = exists().where(ledger.c.model == names.c.model, ledger.c.stream == Stream.LABELS)
    return set(conn.execute(select(names.c.model).where(names.c.model.is_not(None), labelled)).scalars())


def names_in(table: Table) -> CTE:
    """As part of a statement; the last of them is NULL. From one name of the index to the next: there are few
    names and many rows, and neither database's DISTINCT passes over those between (a loose index scan, in the
    words of PostgreSQL's wiki)."""
    name = table.c.model
    found = select(name).order_by(name).limit(1).subquery()
    names = select(found.c.model).cte("names", recursive=True)
    following = select(name).where(name > names.c.model).order_by(name).limit(1).scalar_subquery()
    return names.union_all(select(following).where(names.c.model.is_not(None)))


def _distinct(conn: Connection, table: Table) -> list[str]:
    names = names_in(table)
    return sorted(conn.execute(select(names.c.model).where(names.c.model.is_not(None))).scalars())
