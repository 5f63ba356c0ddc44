"""A history as somebody sees it who knows nothing of Leeway's code: through the databases' own drivers."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import psycopg

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Database:
    """By the URL of `storage.url`; SQLite's with an absolute path."""

    url: str

    @property
    def is_file(self) -> bool:
        return self.url.startswith("sqlite:///")

    def rows(self, query: str) -> list[Row]:
        """A query's rows; none while its tables are not there yet."""
        if self.is_file:
            with closing(sqlite3.connect(self.url.removeprefix("sqlite:///"))) as file:
                return file.execute(query).fetchall()
        with psycopg.connect(self.url) as conn:
            return conn.execute(query.encode()).fetchall()

    def number(self, query: str) -> int:
        """The one number that a query gives; 0 while its tables are not there yet."""
        try:
            ((found,),) = self.rows(query)
        except (sqlite3.OperationalError, psycopg.errors.UndefinedTable):
            return 0
        return int(found or 0)
