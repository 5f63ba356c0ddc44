"""What is spelled differently on SQLite and PostgreSQL?

The claim of a window, the engine and this file are all that a second database has to be taught.
"""

from sqlalchemy import Connection, Insert, Table
from sqlalchemy.dialects import postgresql, sqlite


def insert_ignore(conn: Connection, table: Table) -> Insert:
    """INSERT that leaves a row alone whose unique key exists."""
    return upsert(conn, table).on_conflict_do_nothing()


def upsert(conn: Connection, table: Table) -> "sqlite.Insert | postgresql.Insert":
    """INSERT with on_conflict_do_update; the two dialects give it the same signature."""
    if conn.dialect.name == "sqlite":
        return sqlite.insert(table)
    return postgresql.insert(table)
