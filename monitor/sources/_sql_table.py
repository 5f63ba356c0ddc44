"""How is a window of a table asked? Every statement is of one moment, and has a time limit of its own."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from monitor.sources._sql_times import Condition

_LINES = 8_192  # of one part of an answer


def known(x: sa.ColumnElement[float]) -> Condition:
    """Whether a value is: neither NULL nor NaN, which to PostgreSQL is above infinity."""
    return x <= sa.literal(float("inf"), sa.Double)


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One moment of a table. `select`: of what, under which conditions; `where`: the window's rows."""

    conn: sa.Connection
    select: Callable[[Sequence[sa.ColumnElement[Any]], Sequence[Condition]], sa.Select[Any]]
    where: Sequence[Condition]
    renew: Callable[[], None]  # another statement begins: its time runs anew

    def ask(self, query: sa.Select[Any]) -> Sequence[Sequence[Any]]:
        self.renew()
        return self.conn.execute(query).all()

    def parts(self, query: sa.Select[Any]) -> Iterator[Sequence[Sequence[Any]]]:
        """The same, in parts: for answers that may be long."""
        self.renew()
        with closing(self.conn.execute(query, execution_options={"yield_per": _LINES})) as result:
            for part in result.partitions():
                yield part
                self.renew()

    def groups(
        self,
        by: Sequence[sa.ColumnElement[Any]],
        beside: Sequence[sa.ColumnElement[Any]] = (),
        most: int | None = None,
    ) -> Iterator[Sequence[Sequence[Any]]]:
        """Lines of what rows have in `by`, and how many they are; some lines at a time, `most` in all.

        `beside`: what each row is asked as well, for nobody (`fence`).
        """
        names = [f"k{place}" for place in range(len(by))]
        asked = [part.label(name) for part, name in zip(by, names, strict=True)]
        keys = self.select([*asked, *beside], self.where).subquery()
        columns = [keys.c[name] for name in names]
        query = sa.select(*columns, sa.func.count()).group_by(*columns)
        return self.parts(query if most is None else query.limit(most))

    def values(
        self,
        value: sa.ColumnElement[float],
        code: sa.ColumnElement[int] | None,
        within: Callable[[sa.ColumnElement[float]], Condition] | None = None,
    ) -> sa.Select[Any]:
        """`x`, the value of each row, and its `part`; of all rows, or of those whose value lies `within`."""
        part = sa.literal_column("0", sa.Integer) if code is None else code
        asked: list[sa.ColumnElement[Any]] = [
            value.label("x"),
            part.label("part"),
            *(self.fence() if code is not None else ()),
        ]
        inner = self.select(asked, self.where).subquery()
        x = inner.c.x
        chosen = sa.select(x.label("x"), inner.c.part.label("part"))
        return chosen if within is None else chosen.where(known(x), within(x))

    def fence(self) -> Sequence[sa.ColumnElement[Any]]:
        """What keeps PostgreSQL from looking through a subquery.

        It thinks that an expression makes as many groups as its columns have values, and sorts a million rows
        on disk to find sixty; and computes an expression wherever it is named. Behind a volatile column it is
        a thing of its own, of which it expects 200 values (src/backend/utils/adt/selfuncs.c), and counts them
        in parallel.
        """
        volatile = self.conn.dialect.name == "postgresql"
        return [sa.func.clock_timestamp().label("fence")] if volatile else []
