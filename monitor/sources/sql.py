"""How are rows read from a table or a view of a database?

Any SQLAlchemy dialect, in batches through a cursor of the server. A coarse cut of the span is left to the
database and its index; the exact one is made by the code that reads files, so that a row falls into the same
window wherever it is kept.
"""

import difflib
import warnings
from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Literal

import polars as pl
import sqlalchemy as sa
from sqlalchemy.exc import NoSuchTableError, SQLAlchemyError
from sqlalchemy.sql.elements import quoted_name

from alerting.failpoint import hit
from detectors import Profile, WindowSummary
from detectors._column import Kind
from detectors._count import Extras
from monitor.config_types import PositiveDuration
from monitor.counting import Counted, wanted
from monitor.logs import logger
from monitor.source import Batch, ColumnKind, ColumnProblem, Fingerprint, Grain, SourceError, Trouble, Window
from monitor.sources import _sql_types, _values
from monitor.sources._sql_counting import Table
from monitor.sources._sql_cut import Cut, exact_cut
from monitor.sources._sql_engine import Database
from monitor.sources._sql_times import Condition, TimeColumn
from monitor.sources._sql_types import Stored
from monitor.sources._sql_window import INTERVALS, MOST_VERSIONS, TableWindow, why_here
from monitor.sources._timestamps import Timestamps, instant, microseconds
from storage.span import Span

BATCH_ROWS = 65_536
BATCH_CELLS = 120_000  # as objects of the driver: some 12 MB in flight; four times as many take as long
_ASKED_AT_ONCE = 400  # columns of one census; SQLite gives 2,000 results at most
_TIME = "\0time"
# A type it does not know is one that we cannot count: the column's problem says so, where it is wanted.
warnings.filterwarnings("ignore", "Did not recognize type", sa.exc.SAWarning)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """The table as it was when it was looked at."""

    columns: Mapping[str, Stored]
    time: TimeColumn | None
    filter: Sequence[Condition]


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
    _database: Database = field(init=False, repr=False, compare=False)
    _times: Timestamps = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not self.table:
            raise ValueError("table: must be the name of a table or a view")
        times = Timestamps(format=self.timestamp_format, zone=self.timestamp_zone)
        object.__setattr__(self, "_times", times)
        object.__setattr__(self, "_database", Database.of(self.url, self.statement_timeout.total_seconds()))
        if self.counted_by == "database" and self._database.dialect not in ("postgresql", "sqlite"):
            raise ValueError(
                f'count: must be "here", got "database": only PostgreSQL and SQLite can, '
                f"and this is {self._database.dialect}"
            )

    @property
    def grain(self) -> Grain | None:
        """None: as fine as rows allow."""
        return Grain(place="the database", intervals=INTERVALS) if self.counted_by == "database" else None

    def watermark(self) -> datetime | None:
        if self.timestamp is None:
            return None
        with self._database.read() as conn:
            look = self._look(conn)
            time = _timed(look)
            found, asked = None, time.newest
            if asked is not None:
                what, readable = asked
                found = conn.execute(self._select([what], [*look.filter, *readable])).scalar()
            anything = found is not None or self._holds(conn, look, [time.column.column.is_not(None)])
        if not anything:
            return None
        if found is not None and time.is_exact:
            return time.instant(found)
        latest = None if found is None else self._streamed(look, time.near(found)).newest
        if latest is None:
            latest = self._streamed(look, []).newest
        if latest is None and not self.filter:
            raise SourceError(
                f"{time.where}: no time can be read from {_such_as(time.sample)}; set timestamp_format "
                f"(now {self.timestamp_format!r})",
                transient=False,
            )
        return latest

    def fingerprint(self, span: Span) -> Fingerprint:
        with self._database.read() as conn:
            look = self._look(conn)
            time = _timed(look)
            if time.is_exact:
                newest = sa.func.max(time.column.column)
                query = self._select([sa.func.count(), newest], [*look.filter, *time.within(span)])
                rows, found = conn.execute(query).one()
                return Fingerprint(rows=rows, newest=None if found is None else time.instant(found))
        return self._streamed(look, time.within(span), span)

    def schema(self) -> Mapping[str, ColumnKind]:
        with self._database.read() as conn:
            return {name: _values.guess(column.dtype) for name, column in self._columns(conn).items()}

    def pull(self, span: Span | None, wanted: Mapping[str, Kind], moments: Collection[str] = ()) -> Window:
        with self._database.read() as conn:
            look = self._look(conn)
            if span is not None:
                self._must_be_readable(look)
            where = [*look.filter, *(_timed(look).within(span) if span is not None else ())]
            problems = self._problems(conn, look, where, wanted, moments)
        if problems:
            with closing(self._batches(look, where, span, {}, ())) as rows:
                if next(rows, None) is None:  # no row, no verdict on types
                    return Window(span=span, batches=iter(()), problems=())
        good = {name: wanted[name] for name in wanted if name not in {each.column for each in problems}}
        batches = self._batches(look, where, span, good, frozenset(moments))
        return Window(span=span, batches=batches, problems=tuple(problems))

    def count(self, profile: Profile, span: Span | None, extras: Extras) -> Counted | None:
        """By the database, if it is to and can; why it cannot is said once."""
        if self.counted_by == "here":
            return None
        why = why_here(profile)
        if not why and self._database.blocks_writers:
            why = "writers of this SQLite file would wait for it: use PRAGMA journal_mode = WAL"
        found = why or self._count(profile, span, extras)
        if isinstance(found, Counted):
            return found
        if found not in self._said:
            self._said.add(found)
            logger().warning("source.counted_here", place=self._where, reason=found)
        return None

    def _count(self, profile: Profile, span: Span | None, extras: Extras) -> Counted | str:
        """In one moment of the table; a text: why only its rows can tell."""
        kinds = wanted(profile, extras)
        with self._database.read() as conn:
            look = self._look(conn)
            ask = partial(self._ask, conn, look)
            cut: Cut | str = Cut(where=[], newest=lambda: None)
            if look.time is not None or span is not None:
                if span is not None:
                    self._must_be_readable(look)
                cut = exact_cut(_timed(look), span, ask)
            if isinstance(cut, str):
                return cut
            ((rows,),) = ask([sa.func.count()], cut.where)
            if not rows:
                return Counted(summary=WindowSummary.empty(profile), newest=None)
            near = [*look.filter, *(_timed(look).within(span) if span is not None else ())]
            problems = self._problems(conn, look, near, kinds, ())
            bad = {each.column for each in problems}
            good = {name: kind for name, kind in kinds.items() if name not in bad}
            timeless = replace(look, time=None)  # the cut is exact: no row's time has to come here
            where = [*look.filter, *cut.where]

            def read(some: Mapping[str, Kind], beside: Sequence[Condition]) -> Iterator[Batch]:
                return self._batches(timeless, [*where, *beside], None, some, (), conn)

            window = TableWindow(
                table=Table(
                    conn=conn,
                    select=self._select,
                    where=where,
                    renew=partial(self._database.renew, conn),
                ),
                dialect=self._database.dialect,
                columns={name: look.columns[name] for name in good},
                read=read,
            )
            hit("mid_source_read")
            try:
                summary = window.count(profile, rows, extras)
            except (pl.exceptions.PolarsError, TypeError, OverflowError) as error:
                raise self._unreadable(error) from error
            if summary is None:
                return f"its rows are of more than {MOST_VERSIONS} model versions"
            counted = summary.columns.values()
            if ask([sa.func.count()], cut.where) != [(rows,)] or any(
                each.rows != rows or each.missing < 0 for each in counted
            ):
                return "its rows are others with each question, as of a view that samples"
            latest = cut.newest()
        newest = None if latest is None else instant(latest)
        return Counted(summary=summary, newest=newest, problems=tuple(problems))

    def _ask(
        self,
        conn: sa.Connection,
        look: _Look,
        what: Sequence[sa.ColumnElement[Any]],
        where: Sequence[Condition],
        *,
        distinct: bool = False,
    ) -> Sequence[sa.Row[Any]]:
        self._database.renew(conn)
        query = self._select(what, [*look.filter, *where])
        return conn.execute(query.distinct() if distinct else query).all()

    @property
    def _where(self) -> str:
        name = self.table if self.in_schema is None else f"{self.in_schema}.{self.table}"
        return f"{self._database.place}, table {name}"

    def _look(self, conn: sa.Connection) -> _Look:
        columns = self._columns(conn)
        for name in self.filter:
            self._must_have(columns, name, "filter")
        chosen = [self._chosen(columns[name], value) for name, value in self.filter.items()]
        if self.timestamp is None:
            return _Look(columns=columns, time=None, filter=chosen)
        self._must_have(columns, self.timestamp, "timestamp")
        column = columns[self.timestamp]
        sample = None
        if self._database.dialect == "sqlite" or column.dtype == pl.String:
            query = self._select([column.column], [*chosen, column.column.is_not(None)]).limit(1)
            sample = conn.execute(query).scalar()
        time = TimeColumn(
            column=column,
            times=self._times,
            dialect=self._database.dialect,
            where=f"{self._where}: column {self.timestamp!r}",
            sample=sample,
        )
        if sample is not None or self._database.dialect != "sqlite":
            dtype = _sql_types.times([sample], column, self._database.dialect).dtype
            time.expression(pl.col(_TIME), dtype)  # says what a person must set, before rows are asked for
        return _Look(columns=columns, time=time, filter=chosen)

    def _columns(self, conn: sa.Connection) -> Mapping[str, Stored]:
        inspector = sa.inspect(conn)
        try:
            found = inspector.get_columns(self.table, schema=self.in_schema)
        except NoSuchTableError:
            known = [*inspector.get_table_names(self.in_schema), *inspector.get_view_names(self.in_schema)]
            near = difflib.get_close_matches(self.table, known, n=1)
            hint = f"did you mean {near[0]!r}" if near else "correct `table` or `schema`, or create it"
            raise SourceError(f"{self._where}: no such table; {hint}", transient=True) from None
        return {each["name"]: _sql_types.stored(each["name"], each["type"], conn.dialect) for each in found}

    def _chosen(self, column: Stored, value: str | float | bool) -> Condition:
        """A filter's value as the column spells it."""
        raw = column.column
        if column.dtype == pl.String:
            text = str(value).lower() if isinstance(value, bool) else str(value)
            return (raw if column.is_text else sa.cast(raw, sa.Text)) == text
        if column.dtype == pl.Boolean and isinstance(value, bool):
            return raw == (int(value) if self._database.dialect == "sqlite" else value)
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not (column.dtype.is_numeric() and number) and self._database.dialect != "sqlite":
            raise SourceError(
                f"{self._where}: column {column.name!r} is {column.declared}, and `filter` compares it with "
                f"{value!r}; write it as the column does",
                transient=False,
            )
        return raw == value

    def _select(self, what: Sequence[sa.ColumnElement[Any]], where: Sequence[Condition]) -> sa.Select[Any]:
        schema = None if self.in_schema is None else quoted_name(self.in_schema, quote=True)
        table = sa.table(quoted_name(self.table, quote=True), schema=schema)
        return sa.select(*what).select_from(table).where(*where)

    def _holds(self, conn: sa.Connection, look: _Look, where: Sequence[Condition]) -> bool:
        query = self._select([sa.literal_column("1")], [*look.filter, *where]).limit(1)
        return conn.execute(query).first() is not None

    def _streamed(self, look: _Look, where: Sequence[Condition], span: Span | None = None) -> Fingerprint:
        """Counted here, by the exact times of rows."""
        rows, newest = 0, None
        for batch in self._batches(look, [*look.filter, *where], span, {}, ()):
            rows += batch.rows
            if batch.times is not None:
                latest = int(batch.times.max())
                newest = latest if newest is None else max(newest, latest)
        return Fingerprint(rows=rows, newest=None if newest is None else instant(newest))

    def _must_be_readable(self, look: _Look) -> None:
        """A wrong pattern is an error, not an empty window."""
        time = _timed(look)
        if isinstance(time.sample, str):
            raw = _sql_types.times([time.sample], time.column, self._database.dialect)
            read = pl.DataFrame({_TIME: raw}).select(time.expression(pl.col(_TIME), raw.dtype))
            if read.item() is None:
                self.watermark()

    def _problems(
        self,
        conn: sa.Connection,
        look: _Look,
        where: Sequence[Condition],
        wanted: Mapping[str, Kind],
        moments: Collection[str],
    ) -> list[ColumnProblem]:
        problems = []
        held = {name: kind for name, kind in wanted.items() if name in look.columns}
        for name in [each for each in wanted if each not in held]:
            near = difflib.get_close_matches(name, look.columns, n=1)
            hint = f" (the nearest is {near[0]!r})" if near else ""
            reason = f"no such column{hint} in {self._where}"
            problems.append(ColumnProblem(column=name, trouble=Trouble.ABSENT, reason=reason))
        asked = {name: kind for name, kind in held.items() if name not in moments}
        if self._database.dialect == "sqlite":
            found = self._census(conn, look, where, asked)
        else:
            found = {name: _sql_types.retyped(look.columns[name], kind) for name, kind in asked.items()}
        problems += [
            ColumnProblem(column=name, trouble=Trouble.RETYPED, reason=f"{why}, in {self._where}")
            for name, why in found.items()
            if why
        ]
        return problems

    def _census(
        self, conn: sa.Connection, look: _Look, where: Sequence[Condition], asked: Mapping[str, Kind]
    ) -> dict[str, str]:
        """SQLite: a few values of another type are missing, most of them are another type."""
        found = {}
        names = list(asked)
        for first in range(0, len(names), _ASKED_AT_ONCE):
            some = names[first : first + _ASKED_AT_ONCE]
            counts = [
                count
                for name in some
                for count in (
                    sa.func.count(look.columns[name].column),
                    sa.func.sum(
                        sa.case((_sql_types.is_foreign(look.columns[name], asked[name]), 1), else_=0)
                    ),
                )
            ]
            answer = conn.execute(self._select(counts, where)).one()
            for name, said, bad in zip(some, answer[::2], answer[1::2], strict=True):
                if (bad or 0) * 2 > said:
                    other = "text" if asked[name] is Kind.NUMERIC else "blobs"
                    found[name] = f"wanted {asked[name]}, found {other} in {bad:,} of {said:,} values"
        return found

    def _batches(
        self,
        look: _Look,
        where: Sequence[Condition],
        span: Span | None,
        wanted: Mapping[str, Kind],
        moments: Collection[str],
        conn: sa.Connection | None = None,
    ) -> Generator[Batch, None, None]:
        """`conn`: in whose transaction; None: a read of their own."""
        dialect = self._database.dialect
        columns = [look.columns[name] for name in wanted]
        if look.time is not None:
            columns.append(look.time.column)
        if not columns:
            yield from self._counted(where)
            return
        asked = [
            _sql_types.selected(column, dialect).label(f"c{position}")
            for position, column in enumerate(columns)
        ]
        query = self._select(asked, where)
        for rows in (
            self._rows(look, query, len(columns)) if conn is None else self._stream(conn, query, len(columns))
        ):
            hit("mid_source_read")
            try:
                batch = self._batch(look, list(zip(*rows, strict=True)), span, wanted, moments)
            except (pl.exceptions.PolarsError, TypeError, OverflowError) as error:
                raise self._unreadable(error) from error
            if batch.rows:
                yield batch

    def _batch(
        self,
        look: _Look,
        values: Sequence[Sequence[Any]],
        span: Span | None,
        wanted: Mapping[str, Kind],
        moments: Collection[str],
    ) -> Batch:
        dialect = self._database.dialect
        frame: dict[str, pl.Series] = {}
        expressions = []
        for position, (name, kind) in enumerate(wanted.items()):
            ours, column = f"\0{position}", look.columns[name]
            raw = pl.col(ours)
            if name in moments:
                frame[ours] = _sql_types.times(values[position], column, dialect)
                where = f"{self._where}: column {name!r}"
                time = self._times.expression(raw, frame[ours].dtype, where=where, sample=None)
                expressions.append(time.cast(pl.Float64).fill_null(float("nan")).alias(ours))
            else:
                frame[ours] = _sql_types.series(values[position], column, kind, dialect)
                expressions.append(_values.expression(raw, frame[ours].dtype, kind).alias(ours))
        if look.time is not None:
            frame[_TIME] = _sql_types.times(values[len(wanted)], look.time.column, dialect)
        rows = pl.DataFrame(frame)
        if look.time is not None:
            time = look.time.expression(pl.col(_TIME), frame[_TIME].dtype)
            rows = rows.with_columns(time.alias(_TIME))
            kept = pl.col(_TIME).is_not_null()
            if span is not None:
                kept = (pl.col(_TIME) >= microseconds(span.start)) & (pl.col(_TIME) < microseconds(span.end))
            rows = rows.filter(kept)
            expressions.append(pl.col(_TIME))
        rows = rows.select(expressions)
        return Batch(
            rows=rows.height,
            columns={
                name: _values.column(rows[f"\0{position}"], kind)
                for position, (name, kind) in enumerate(wanted.items())
            },
            times=None if look.time is None else rows[_TIME].to_numpy(),
        )

    def _counted(self, where: Sequence[Condition]) -> Iterator[Batch]:
        with self._database.read() as conn:
            hit("mid_source_read")
            rows = conn.execute(self._select([sa.func.count()], where)).scalar_one()
        if rows:
            yield Batch(rows=rows, columns={}, times=None)

    def _rows(self, look: _Look, query: sa.Select[Any], width: int) -> Iterator[Sequence[sa.Row[Any]]]:
        """One moment of the table, part by part; the connection ends with the iterator."""
        if self._database.blocks_writers and "rowid" not in (name.lower() for name in look.columns):
            with self._database.read() as conn:
                last = self._last_rowid(conn)
            if last is not None:
                yield from self._pieces(look, query, _at_once(width), last)
                return
        with self._database.read() as conn:
            self._must_be_the_same(conn, look)
            yield from self._stream(conn, query, width)

    def _stream(
        self, conn: sa.Connection, query: sa.Select[Any], width: int
    ) -> Iterator[Sequence[sa.Row[Any]]]:
        self._database.renew(conn)
        # Closed here, also when the reader is given up: the cursor is the server's.
        options = {"yield_per": _at_once(width)}
        with closing(conn.execute(query, execution_options=options)) as result:
            for part in result.partitions():
                yield part
                self._database.renew(conn)

    def _pieces(
        self, look: _Look, query: sa.Select[Any], most: int, last: int
    ) -> Iterator[Sequence[sa.Row[Any]]]:
        """Each in a short read of its own, for nobody can write to such a file meanwhile."""
        rowid: sa.ColumnElement[int] = sa.literal_column("rowid", sa.Integer)
        query = query.add_columns(rowid).where(rowid <= last).order_by(rowid).limit(most)
        after: int | None = None
        while True:
            with self._database.read() as conn:
                self._must_be_the_same(conn, look)
                part = conn.execute(query if after is None else query.where(rowid > after)).all()
            if part:
                after = part[-1][-1]
                yield part
            if len(part) < most:
                return

    def _last_rowid(self, conn: sa.Connection) -> int | None:
        """None: a view, a table without row ids, or no row."""
        try:
            found = conn.execute(self._select([sa.literal_column("max(rowid)")], [])).scalar()
        except SQLAlchemyError:
            return None
        return found if isinstance(found, int) else None

    def _must_be_the_same(self, conn: sa.Connection, look: _Look) -> None:
        if self._columns(conn) != look.columns:
            raise SourceError(f"{self._where}: its columns changed while it was read", transient=True)

    def _unreadable(self, error: Exception) -> SourceError:
        reason = " ".join(str(error).split())[:200]
        return SourceError(f"{self._where}: cannot be read ({reason})", transient=False)

    def _must_have(self, columns: Mapping[str, Stored], name: str, key: str) -> None:
        if name in columns:
            return
        near = difflib.get_close_matches(name, columns, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(list(columns)[:10])}"
        raise SourceError(f"{self._where}: no column {name!r}, which `{key}` names; {hint}", transient=False)


def _at_once(width: int) -> int:
    """Rows of so many columns."""
    return max(1_000, min(BATCH_ROWS, BATCH_CELLS // width))


def _timed(look: _Look) -> TimeColumn:
    if look.time is None:
        raise SourceError("set `timestamp` to read a span of a table", transient=False)
    return look.time


def _such_as(sample: object) -> str:
    return "its values" if sample is None else f"values such as {sample!r}"
