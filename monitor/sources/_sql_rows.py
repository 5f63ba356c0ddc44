"""How do a table's rows come here, a batch at a time, without holding it?"""

from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import polars as pl
import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from alerting.failpoint import hit
from detectors._column import Kind
from monitor.source import Batch, Fingerprint
from monitor.sources import _sql_types, _values
from monitor.sources._sql_look import Look
from monitor.sources._sql_place import TablePlace
from monitor.sources._sql_times import Condition
from monitor.sources._timestamps import TIME, Timestamps, instant, microseconds
from storage.span import Span

BATCH_ROWS = 65_536
BATCH_CELLS = 120_000  # as objects of the driver: some 12 MB in flight; four times as many take as long


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRows:
    """Of a table as it was looked at. `times`: how the values of other columns are read as times."""

    place: TablePlace
    look: Look
    times: Timestamps

    def batches(
        self,
        where: Sequence[Condition],
        span: Span | None,
        wanted: Mapping[str, Kind],
        moments: Collection[str],
        conn: sa.Connection | None = None,
    ) -> Generator[Batch, None, None]:
        """`conn`: in whose transaction; None: a read of their own."""
        look, dialect = self.look, self.place.database.dialect
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
        query = self.place.select(asked, where)
        most = max(1_000, min(BATCH_ROWS, BATCH_CELLS // len(columns)))
        for rows in self._read(query, most) if conn is None else self._stream(conn, query, most):
            hit("mid_source_read")
            try:
                batch = self._batch(list(zip(*rows, strict=True)), span, wanted, moments)
            except (pl.exceptions.PolarsError, TypeError, OverflowError) as error:
                raise self.place.unreadable(error) from error
            if batch.rows:
                yield batch

    def counted(self, where: Sequence[Condition], span: Span | None) -> Fingerprint:
        """Here, by the exact times of rows that the filter lets through."""
        rows, newest = 0, None
        for batch in self.batches([*self.look.filter, *where], span, {}, ()):
            rows += batch.rows
            if batch.times is not None:
                latest = int(batch.times.max())
                newest = latest if newest is None else max(newest, latest)
        return Fingerprint(rows=rows, newest=None if newest is None else instant(newest))

    def _batch(
        self,
        values: Sequence[Sequence[Any]],
        span: Span | None,
        wanted: Mapping[str, Kind],
        moments: Collection[str],
    ) -> Batch:
        look, dialect = self.look, self.place.database.dialect
        frame: dict[str, pl.Series] = {}
        expressions = []
        for position, (name, kind) in enumerate(wanted.items()):
            ours, column = f"\0{position}", look.columns[name]
            raw = pl.col(ours)
            if name in moments:
                frame[ours] = _sql_types.times(values[position], column, dialect)
                where = f"{self.place}: column {name!r}"
                time = self.times.expression(raw, frame[ours].dtype, where=where, sample=None)
                expressions.append(time.cast(pl.Float64).fill_null(float("nan")).alias(ours))
            else:
                frame[ours] = _sql_types.series(values[position], column, kind, dialect)
                expressions.append(_values.expression(raw, frame[ours].dtype, kind).alias(ours))
        if look.time is not None:
            frame[TIME] = _sql_types.times(values[len(wanted)], look.time.column, dialect)
        rows = pl.DataFrame(frame)
        if look.time is not None:
            time = look.time.expression(pl.col(TIME), frame[TIME].dtype)
            rows = rows.with_columns(time.alias(TIME))
            kept = pl.col(TIME).is_not_null()
            if span is not None:
                kept = (pl.col(TIME) >= microseconds(span.start)) & (pl.col(TIME) < microseconds(span.end))
            rows = rows.filter(kept)
            expressions.append(pl.col(TIME))
        rows = rows.select(expressions)
        return Batch(
            rows=rows.height,
            columns={
                name: _values.column(rows[f"\0{position}"], kind)
                for position, (name, kind) in enumerate(wanted.items())
            },
            times=None if look.time is None else rows[TIME].to_numpy(),
        )

    def _counted(self, where: Sequence[Condition]) -> Iterator[Batch]:
        with self.place.database.read() as conn:
            hit("mid_source_read")
            rows = conn.execute(self.place.select([sa.func.count()], where)).scalar_one()
        if rows:
            yield Batch(rows=rows, columns={}, times=None)

    def _read(self, query: sa.Select[Any], most: int) -> Iterator[Sequence[sa.Row[Any]]]:
        """One moment of the table, `most` rows at a time; the connection ends with the iterator."""
        database = self.place.database
        if database.blocks_writers and "rowid" not in (name.lower() for name in self.look.columns):
            with database.read() as conn:
                last = self._last_rowid(conn)
            if last is not None:
                yield from self._pieces(query, most, last)
                return
        with database.read() as conn:
            self.place.must_be_the_same(conn, self.look.columns)
            yield from self._stream(conn, query, most)

    def _stream(
        self, conn: sa.Connection, query: sa.Select[Any], most: int
    ) -> Iterator[Sequence[sa.Row[Any]]]:
        database = self.place.database
        database.renew(conn)
        # Closed here, also when the reader is given up: the cursor is the server's.
        with closing(conn.execute(query, execution_options={"yield_per": most})) as result:
            for part in result.partitions():
                yield part
                database.renew(conn)

    def _pieces(self, query: sa.Select[Any], most: int, last: int) -> Iterator[Sequence[sa.Row[Any]]]:
        """Each in a short read of its own, for nobody can write to such a file meanwhile."""
        rowid: sa.ColumnElement[int] = sa.literal_column("rowid", sa.Integer)
        query = query.add_columns(rowid).where(rowid <= last).order_by(rowid).limit(most)
        after: int | None = None
        while True:
            with self.place.database.read() as conn:
                self.place.must_be_the_same(conn, self.look.columns)
                part = conn.execute(query if after is None else query.where(rowid > after)).all()
            if part:
                after = part[-1][-1]
                yield part
            if len(part) < most:
                return

    def _last_rowid(self, conn: sa.Connection) -> int | None:
        """None: a view, a table without row ids, or no row."""
        try:
            found = conn.execute(self.place.select([sa.literal_column("max(rowid)")], [])).scalar()
        except SQLAlchemyError:
            return None
        return found if isinstance(found, int) else None
