"""Which table of which database, and what is in it?"""

import difflib
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import NoSuchTableError
from sqlalchemy.sql.elements import quoted_name

from monitor.source import SourceError
from monitor.sources import _sql_types
from monitor.sources._sql_engine import Database
from monitor.sources._sql_times import Condition
from monitor.sources._sql_types import Stored

# A type it does not know is one that we cannot count: the column's problem says so, where it is wanted.
warnings.filterwarnings("ignore", "Did not recognize type", sa.exc.SAWarning)


@dataclass(frozen=True, slots=True, kw_only=True)
class TablePlace:
    """A table or a view. `schema`: None for the default one. As text: how it is named to people."""

    database: Database
    table: str
    schema: str | None

    def __str__(self) -> str:
        name = self.table if self.schema is None else f"{self.schema}.{self.table}"
        return f"{self.database.place}, table {name}"

    def select(self, what: Sequence[sa.ColumnElement[Any]], where: Sequence[Condition]) -> sa.Select[Any]:
        schema = None if self.schema is None else quoted_name(self.schema, quote=True)
        table = sa.table(quoted_name(self.table, quote=True), schema=schema)
        return sa.select(*what).select_from(table).where(*where)

    def columns(self, conn: sa.Connection) -> Mapping[str, Stored]:
        """SourceError where there is no such table."""
        inspector = sa.inspect(conn)
        try:
            found = inspector.get_columns(self.table, schema=self.schema)
        except NoSuchTableError:
            known = [*inspector.get_table_names(self.schema), *inspector.get_view_names(self.schema)]
            near = difflib.get_close_matches(self.table, known, n=1)
            hint = f"did you mean {near[0]!r}" if near else "correct `table` or `schema`, or create it"
            raise SourceError(f"{self}: no such table; {hint}", transient=True) from None
        return {each["name"]: _sql_types.stored(each["name"], each["type"], conn.dialect) for each in found}

    def must_have(self, columns: Mapping[str, Stored], name: str, key: str) -> None:
        """`key`: of the config, which names the column."""
        if name in columns:
            return
        near = difflib.get_close_matches(name, columns, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(list(columns)[:10])}"
        raise SourceError(f"{self}: no column {name!r}, which `{key}` names; {hint}", transient=False)

    def must_be_the_same(self, conn: sa.Connection, columns: Mapping[str, Stored]) -> None:
        if self.columns(conn) != columns:
            raise SourceError(f"{self}: its columns changed while it was read", transient=True)

    def unreadable(self, error: Exception) -> SourceError:
        reason = " ".join(str(error).split())[:200]
        return SourceError(f"{self}: cannot be read ({reason})", transient=False)
