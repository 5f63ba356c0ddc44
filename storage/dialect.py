"""What is spelled differently on SQLite and PostgreSQL?

The claim of a window, the stores, the views and this file are all that a second database has to be taught.
"""

from typing import Any

from sqlalchemy import ColumnElement, Connection, Insert, Table, cast, func
from sqlalchemy.dialects import postgresql, sqlite


def insert_ignore(conn: Connection, table: Table) -> Insert:
    """INSERT that leaves a row alone whose unique key exists."""
    return upsert(conn, table).on_conflict_do_nothing()


def upsert(conn: Connection, table: Table) -> "sqlite.Insert | postgresql.Insert":
    """INSERT with on_conflict_do_update; the two dialects give it the same signature."""
    if conn.dialect.name == "sqlite":
        return sqlite.insert(table)
    return postgresql.insert(table)


def json_member(conn: Connection, column: ColumnElement[Any], name: str) -> ColumnElement[Any]:
    """One member of an object in a column of JSON text: as text on PostgreSQL, as what it is on SQLite."""
    if conn.dialect.name == "sqlite":
        return func.json_extract(column, f"$.{name}")
    # A NUL in any member would make it refuse the whole object.
    shown = func.replace(column, "\\u0000", "\\ufffd")
    member: ColumnElement[Any] = cast(shown, postgresql.JSON)[name].astext
    return member
