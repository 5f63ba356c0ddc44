"""What is spelled differently on SQLite and PostgreSQL?

The claim of a window, the stores, the views and this file are all that a second database has to be taught.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Insert,
    Table,
    Text,
    cast,
    func,
    literal,
    select,
    text,
)
from sqlalchemy.dialects import sqlite

from storage.encoding import dumps, from_micros

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql


def insert_ignore(conn: Connection, table: Table) -> Insert:
    """INSERT that leaves a row alone whose unique key exists."""
    return upsert(conn, table).on_conflict_do_nothing()


def upsert(conn: Connection, table: Table) -> "sqlite.Insert | postgresql.Insert":
    """INSERT with on_conflict_do_update; the two dialects give it the same signature."""
    if conn.dialect.name == "sqlite":
        return sqlite.insert(table)
    from sqlalchemy.dialects import postgresql  # noqa: PLC0415  where there is none, it is not loaded

    return postgresql.insert(table)


def filtered(column: ColumnElement[str]) -> ColumnElement[str]:
    """A column of text to filter by, not to search by: SQLite's planner takes any index over a column that an
    IN names to be better than a partial one in the order that is asked for, and reads years of rows.
    """
    return column.concat("")


def among(conn: Connection, column: ColumnElement[int], ids: Sequence[int]) -> ColumnElement[bool]:
    """Whether a number is one of many, which are given as one value: each as a value of its own, a thousand
    of them take longer to be written into the statement than to be found.
    """
    if conn.dialect.name == "sqlite":
        each = func.json_each(dumps(list(ids))).table_valued("value")
        return column.in_(select(each.c.value))
    from sqlalchemy.dialects import postgresql  # noqa: PLC0415  as above

    array = "{" + ",".join(map(str, ids)) + "}"  # a list would be looked at number by number
    return column == func.any(cast(literal(array, Text), postgresql.ARRAY(BigInteger)))


def json_member(conn: Connection, column: ColumnElement[Any], name: str) -> ColumnElement[Any]:
    """One member of an object in a column of JSON text: as text on PostgreSQL, as what it is on SQLite."""
    if conn.dialect.name == "sqlite":
        return func.json_extract(column, f"$.{name}")
    from sqlalchemy.dialects import postgresql  # noqa: PLC0415  as above

    # A NUL in any member would make it refuse the whole object.
    shown = func.replace(column, "\\u0000", "\\ufffd")
    member: ColumnElement[Any] = cast(shown, postgresql.JSON)[name].astext
    return member


def database_time(conn: Connection) -> datetime:
    """What time it is where the database is: the one clock that all its daemons see."""
    if conn.dialect.name == "sqlite":
        return datetime.now(UTC)  # a file has no clock of its own, and is on this machine
    micros = text("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint")
    return from_micros(conn.execute(micros).scalar_one())
