"""How is a column of Leeway's tables spelled?"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Integer,
    MetaData,
)
from sqlalchemy import text as sql

from storage.encoding import UtcMicros, Words

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

Id = BigInteger().with_variant(Integer(), "sqlite")  # SQLite numbers rows by itself only for INTEGER


def identity() -> Column[int]:
    return Column("id", Id, primary_key=True, autoincrement=True)


def foreign(name: str, target: str, *, nullable: bool = False, primary_key: bool = False) -> Column[int]:
    return Column(name, Id, ForeignKey(target), nullable=nullable, primary_key=primary_key)


def word(name: str, default: str | None = None) -> Column[str]:
    """A text that is never NULL; "" where there is nothing to say."""
    return Column(name, Words, nullable=False, server_default=default)


def when(name: str, *, nullable: bool = False) -> Column[object]:
    return Column(name, UtcMicros, nullable=nullable)


def counter(name: str) -> Column[int]:
    return Column(name, Integer, nullable=False, server_default="0")


def flag(name: str) -> Column[bool]:
    return Column(name, Boolean, nullable=False, server_default="0")


def where(condition: str) -> dict[str, Any]:
    """A partial index, as SQLite spells its condition; migrations make it, on either database.

    To spell PostgreSQL's here as well would load that dialect, which is 0.05 s of every command.
    """
    return {"sqlite_where": sql(condition)}
