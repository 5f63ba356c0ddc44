"""How are rows read from a table or a view of a database?

Any SQLAlchemy dialect, in batches through a cursor of the server. A coarse cut of the span is left to the
database and its index; the exact one is made by the code that reads files, so that a row falls into the same
window wherever it is kept.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Literal

import polars as pl
import sqlalchemy as sa

from alerting.failpoint import hit
from detectors import Profile, WindowSummary
from detectors._column import Kind
from detectors._count import Extras
from monitor.config_types import PositiveDuration
from monitor.counting import Counted, wanted
from monitor.logs import logger
from monitor.source import Batch, ColumnKind, Fingerprint, Grain, SourceError, Window
from monitor.sources import _values
from monitor.sources._sql_cut import Cut, exact_cut
from monitor.sources._sql_engine import Database
from monitor.sources._sql_look import Look, look_at
from monitor.sources._sql_place import TablePlace
from monitor.sources._sql_problems import problems
from monitor.sources._sql_rows import TableRows
from monitor.sources._sql_table import Table
from monitor.sources._sql_times import Condition
from monitor.sources._sql_window import INTERVALS, TableWindow, is_whole, why_here
from monitor.sources._timestamps import Timestamps, instant
from storage.span import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class SqlSource:
    """`table`: a table or a view of the database at `url`, in `schema` where it is not the default one.

    `filter`: rows where every column has this value. `statement_timeout`: of a statement, not of a window.
    `count`: where a window is counted, "here" from its rows or by the "database", which sends sums alone.
    """

    url: str = field(repr=False)  # may hold a password
    table: str
    # `schema` in the config; every source has a method of that name.
    in_schema: str | None = field(default=None, metadata={"option": "schema"})
    timestamp: str | None = None
    timestamp_format: str = "auto"
    timestamp_zone: str | None = None
    filter: Mapping[str, str | int | float | bool] = field(default_factory=dict)
    statement_timeout: PositiveDuration = timedelta(minutes=5)
    # `count` in the config; that is what the source does by it.
    counted_by: Literal["here", "database"] = field(default="here", metadata={"option": "count"})
    _said: set[str] = field(init=False, repr=False, compare=False, default_factory=set)
    _place: TablePlace = field(init=False, repr=False, compare=False)
    _times: Timestamps = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not self.table:
            raise ValueError("table: must be the name of a table or a view")
        times = Timestamps(format=self.timestamp_format, zone=self.timestamp_zone)
        object.__setattr__(self, "_times", times)
        database = Database.of(self.url, self.statement_timeout.total_seconds())
        place = TablePlace(database=database, table=self.table, schema=self.in_schema)
        object.__setattr__(self, "_place", place)
        if self.counted_by == "database" and database.dialect not in ("postgresql", "sqlite"):
            raise ValueError(
                f'count: must be "here", got "database": only PostgreSQL and SQLite can, '
                f"and this is {database.dialect}"
            )

    @property
    def grain(self) -> Grain | None:
        """None: as fine as rows allow."""
        return Grain(place="the database", intervals=INTERVALS) if self.counted_by == "database" else None

    def watermark(self) -> datetime | None:
        if self.timestamp is None:
            return None
        with self._read() as (conn, look):
            time = look.timed()
            found, asked = None, time.newest
            if asked is not None:
                what, readable = asked
                found = conn.execute(self._place.select([what], [*look.filter, *readable])).scalar()
            anything = found is not None or self._holds_times(conn, look)
        if not anything:
            return None
        if found is not None and time.is_exact:
            return time.instant(found)
        rows = self._rows(look)
        latest = None if found is None else rows.counted(time.near(found), None).newest
        if latest is None:
            latest = rows.counted([], None).newest
        if latest is None and not self.filter:
            such = "its values" if time.sample is None else f"values such as {time.sample!r}"
            raise SourceError(
                f"{time.where}: no time can be read from {such}; set timestamp_format "
                f"(now {self.timestamp_format!r})",
                transient=False,
            )
        return latest

    def fingerprint(self, span: Span) -> Fingerprint:
        with self._read() as (conn, look):
            time = look.timed()
            if time.is_exact:
                newest = sa.func.max(time.column.column)
                query = self._place.select([sa.func.count(), newest], [*look.filter, *time.within(span)])
                rows, found = conn.execute(query).one()
                return Fingerprint(rows=rows, newest=None if found is None else time.instant(found))
        return self._rows(look).counted(time.within(span), span)

    def schema(self) -> Mapping[str, ColumnKind]:
        with self._place.database.read() as conn:
            return {name: _values.guess(held.dtype) for name, held in self._place.columns(conn).items()}

    def pull(self, span: Span | None, wanted: Mapping[str, Kind], moments: Collection[str] = ()) -> Window:
        with self._read() as (conn, look):
            where = self._near(look, span)
            bad = problems(self._place, conn, look, where, wanted, moments)
        rows = self._rows(look)
        if bad:
            with closing(rows.batches(where, span, {}, ())) as some:
                if next(some, None) is None:  # no row, no verdict on types
                    return Window(span=span, batches=iter(()), problems=())
        good = {name: wanted[name] for name in wanted if name not in {each.column for each in bad}}
        batches = rows.batches(where, span, good, frozenset(moments))
        return Window(span=span, batches=batches, problems=tuple(bad))

    def count(self, profile: Profile, span: Span | None, extras: Extras) -> Counted | None:
        """By the database, if it is to and can; why it cannot is said once."""
        if self.counted_by == "here":
            return None
        why = why_here(profile)
        if not why and self._place.database.blocks_writers:
            why = "writers of this SQLite file would wait for it: use PRAGMA journal_mode = WAL"
        found = why or self._count(profile, span, extras)
        if isinstance(found, Counted):
            return found
        if found not in self._said:
            self._said.add(found)
            logger().warning("source.counted_here", place=str(self._place), reason=found)
        return None

    def _count(self, profile: Profile, span: Span | None, extras: Extras) -> Counted | str:
        """In one moment of the table; a text: why only its rows can tell."""
        kinds = wanted(profile, extras)
        with self._read() as (conn, look):
            ask = partial(self._ask, conn, look)
            cut: Cut | str = Cut(where=[], newest=lambda: None)
            near = self._near(look, span)
            if look.time is not None:
                cut = exact_cut(look.time, span, ask)
            if isinstance(cut, str):
                return cut
            ((rows,),) = ask([sa.func.count()], cut.where)
            if not rows:
                return Counted(summary=WindowSummary.empty(profile), newest=None)
            bad = problems(self._place, conn, look, near, kinds, ())
            good = set(kinds) - {each.column for each in bad}
            where = [*look.filter, *cut.where]
            timeless = self._rows(
                replace(look, time=None)
            )  # the cut is exact: no row's time has to come here

            def read(some: Mapping[str, Kind], beside: Sequence[Condition]) -> Iterator[Batch]:
                return timeless.batches([*where, *beside], None, some, (), conn)

            database = self._place.database
            window = TableWindow(
                table=Table(
                    conn=conn, select=self._place.select, where=where, renew=partial(database.renew, conn)
                ),
                dialect=database.dialect,
                columns={name: look.columns[name] for name in kinds if name in good},
                read=read,
            )
            hit("mid_source_read")
            try:
                summary = window.count(profile, rows, extras)
            except (pl.exceptions.PolarsError, TypeError, OverflowError) as error:
                raise self._place.unreadable(error) from error
            if isinstance(summary, str):
                return summary
            if ask([sa.func.count()], cut.where) != [(rows,)] or not is_whole(summary, rows):
                return "its rows are others with each question, as of a view that samples"
            latest = cut.newest()
        newest = None if latest is None else instant(latest)
        return Counted(summary=summary, newest=newest, problems=tuple(bad))

    def _ask(
        self,
        conn: sa.Connection,
        look: Look,
        what: Sequence[sa.ColumnElement[Any]],
        where: Sequence[Condition],
        *,
        distinct: bool = False,
    ) -> Sequence[sa.Row[Any]]:
        self._place.database.renew(conn)
        query = self._place.select(what, [*look.filter, *where])
        return conn.execute(query.distinct() if distinct else query).all()

    @contextmanager
    def _read(self) -> Iterator[tuple[sa.Connection, Look]]:
        with self._place.database.read() as conn:
            yield conn, look_at(self._place, conn, self.filter, self.timestamp, self._times)

    def _rows(self, look: Look) -> TableRows:
        return TableRows(place=self._place, look=look, times=self._times)

    def _near(self, look: Look, span: Span | None) -> Sequence[Condition]:
        """Rows that may belong to a span. A wrong pattern of its times is an error, not an empty window."""
        if span is None:
            return look.filter
        time = look.timed()
        if not time.reads_sample:
            self.watermark()
        return [*look.filter, *time.within(span)]

    def _holds_times(self, conn: sa.Connection, look: Look) -> bool:
        known = look.timed().column.column.is_not(None)
        query = self._place.select([sa.literal_column("1")], [*look.filter, known]).limit(1)
        return conn.execute(query).first() is not None
