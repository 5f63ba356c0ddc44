"""How is a large Parquet file counted in little memory? A stripe of columns at a time, each decoded once.

Whoever reads whole rows holds a page of every column at once, and with 200 columns pages alone are half a
gigabyte. Counts of one column need no other one: columns that are looked at together are one stripe, the
others are cut into stripes of STRIPE. A text arrives as the code of the file's own dictionary. What comes out
is what counting the rows of `Files.pull` gives, to the last integer.
"""

import os
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from alerting.failpoint import hit
from detectors import Kind, Profile, WindowSummary, count
from detectors._column import CategoryColumn, Column, NumericColumn
from detectors._count import Extras, count_apart, together
from monitor.counting import Counted, wanted
from monitor.source import SourceError
from monitor.sources import _values
from monitor.sources._arrow import Unlike, column, errors, extremes, frame, open_parquet
from monitor.sources._place import Coverage
from monitor.sources._scan import BATCH_ROWS, TIME, Files
from monitor.sources._timestamps import instant
from storage.span import Span

STRIPE = 8  # columns that are decoded side by side: about 3 MiB each for their pages, whatever the file
VALUES = STRIPE * BATCH_ROWS  # of one batch: the more columns it has, the fewer rows
LEAST_ROWS = BATCH_ROWS  # of what is one batch anyhow, whole rows are as small
FEWEST_ROWS = 8_192  # of a batch: below, what is done once a batch outweighs what is done once a row
_AHEAD = 2  # row groups whose stripes may wait
_ROW = "\0row"
_WHOLE_NUMBERS = (pl.Int64, pl.Int32)
Rows = slice | NDArray[np.int64]  # of one row group


def count_stripes(files: Files, profile: Profile, span: Span | None, extras: Extras) -> Counted | None:
    """None: reading whole rows is as good, or the only way. Raises SourceError."""
    if not files.place.is_local:
        return None
    asked = files.ask(span, wanted(profile, extras))
    if sum(file.rows for file in asked.files) <= LEAST_ROWS:
        return None
    joined = together(profile, extras)
    first = {name: kind for name, kind in asked.good.items() if joined is None or name in joined}
    apart = [name for name in asked.good if name not in first]
    stripes = [first] + [
        {name: asked.good[name] for name in apart[start : start + STRIPE]}
        for start in range(0, len(apart), STRIPE)
    ]
    summary, newest = WindowSummary.empty(profile), None
    try:
        with ThreadPoolExecutor(min(2, os.cpu_count() or 1)) as pool:
            for file in asked.files:
                reading = _File(
                    files=files, file=file, span=span, stripes=stripes, profile=profile, extras=extras
                )
                for part, last in reading.counted(pool):
                    summary = summary + part
                    newest = max((time for time in (newest, last) if time is not None), default=None)
    except Unlike:
        return None
    return Counted(
        summary=summary,
        newest=None if newest is None else instant(newest),
        problems=asked.problems,
        data_version=files.place.identity(asked.files),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    """One file of a window."""

    files: Files
    file: Coverage
    span: Span | None
    stripes: Sequence[Mapping[str, Kind]]
    profile: Profile
    extras: Extras

    def counted(self, pool: ThreadPoolExecutor) -> Iterator[tuple[WindowSummary, int | None]]:
        """The count of each stripe of each row group, and the newest time of the group's rows, if they have
        one."""
        waiting: deque[tuple[Future[WindowSummary], int | None]] = deque()
        try:
            parquet = self._open()
            for group in self._groups(parquet):
                rows, newest = self._rows(parquet, group)
                if not _size(rows):
                    continue
                for place in range(len(self.stripes)):
                    waiting.append((pool.submit(self._stripe, parquet.metadata, group, place, rows), newest))
                while len(waiting) > _AHEAD * len(self.stripes):
                    part, last = waiting.popleft()
                    yield part.result(), last
            while waiting:
                part, last = waiting.popleft()
                yield part.result(), last
            self._must_be_as_it_was()
        except NotImplementedError:  # of Arrow: another kind of page than it knows
            raise Unlike from None
        except errors() as error:
            self._must_be_as_it_was()  # another file's bytes in the place of this one's are no damage
            raise self.files.place.failure(error, self.file.name) from error
        finally:
            for part, _ in waiting:
                part.cancel()

    def _must_be_as_it_was(self) -> None:
        place, name = self.files.place, self.file.name
        try:
            changed = place.stamp(name) != self.file.stamp
        except OSError as error:
            raise place.failure(error, name) from error
        if changed:
            raise SourceError(f"{name}: was replaced while it was read", transient=True)

    def _open(self, metadata: Any = None) -> Any:
        texts = [
            name
            for stripe in self.stripes
            for name, kind in stripe.items()
            if kind is Kind.CATEGORY and self.file.schema.get(name) == pl.String
        ]
        return open_parquet(self.file.name, texts, metadata)

    def _groups(self, parquet: Any) -> list[int]:
        """Row groups that may hold rows of the span, by the statistics of the file's footer."""
        every = list(range(parquet.num_row_groups))
        name = self.files.timestamp
        if self.span is None or name is None:
            return every
        dtype = self.file.schema[name]
        ends = self.files.timestamps.bounds(dtype, self.span)
        if ends is None or not (isinstance(dtype, pl.Datetime | pl.Date) or dtype in _WHOLE_NUMBERS):
            return every
        known = [extremes(parquet.metadata, group, name) for group in every]
        if any(each is None for each in known):
            return every
        stored = pl.Int32 if dtype in (pl.Date, pl.Int32) else pl.Int64
        frame = pl.DataFrame(known, schema={"low": stored, "high": stored}, orient="row")
        low, high = pl.col("low").cast(dtype), pl.col("high").cast(dtype)
        held = frame.select((high >= ends[0]) & (low <= ends[1])).to_series()
        return [group for group in every if held[group]]

    def _rows(self, parquet: Any, group: int) -> tuple[Rows, int | None]:
        """Which rows of a group belong to the window, ascending, and the newest time of them."""
        timestamp = self.files.timestamp
        names = [*self.files.filter, *([timestamp] if timestamp is not None else [])]
        if not names:
            return slice(0, parquet.metadata.row_group(group).num_rows), None
        schema = pl.Schema([*((name, self.file.schema[name]) for name in names), (_ROW, pl.UInt32())])
        start, newest, found = 0, [], [np.empty(0, dtype=np.int64)]
        for batch in parquet.iter_batches(
            BATCH_ROWS, row_groups=[group], columns=list(dict.fromkeys(names)), use_threads=False
        ):
            table = frame(batch).with_row_index(_ROW, offset=start)
            if any(table.schema.get(name) != dtype for name, dtype in schema.items()):
                raise Unlike
            start += batch.num_rows
            lazy, ours = self.files.selected(
                self.file.name, schema, self.file.sample, {_ROW: None}, self.span, frame=table.lazy()
            )
            kept = lazy.collect()
            found.append(kept[ours[_ROW]].to_numpy().astype(np.int64))
            if timestamp is not None and kept.height:
                newest.append(int(kept[TIME].to_numpy().max()))
        rows = np.concatenate(found)
        if rows.size and rows[-1] - rows[0] + 1 == rows.size:
            return slice(int(rows[0]), int(rows[-1]) + 1), max(newest, default=None)
        return rows, max(newest, default=None)

    def _stripe(self, metadata: Any, group: int, place: int, rows: Rows) -> WindowSummary:
        stripe = self.stripes[place]
        summary = WindowSummary.empty(self.profile)
        held = [name for name in stripe if name in self.file.schema]
        if not held:
            columns = {name: _values.nothing(kind, _size(rows)) for name, kind in stripe.items()}
            return self._count(columns, _size(rows), place)
        start = 0
        size = max(FEWEST_ROWS, VALUES // max(len(held), STRIPE))
        for batch in self._open(metadata).iter_batches(
            size, row_groups=[group], columns=held, use_threads=False
        ):
            hit("mid_source_read")
            mine = _within(rows, start, batch.num_rows)
            start += batch.num_rows
            if _size(mine):
                columns = {
                    name: _taken(self._column(batch, name, kind), mine) for name, kind in stripe.items()
                }
                summary = summary + self._count(columns, _size(mine), place)
        return summary

    def _count(self, columns: Mapping[str, Column], rows: int, place: int) -> WindowSummary:
        if place == 0:
            return count(self.profile, columns, rows, self.extras)
        return count_apart(self.profile, columns, rows)

    def _column(self, batch: Any, name: str, kind: Kind) -> Column:
        if name not in self.file.schema:
            return _values.nothing(kind, batch.num_rows)
        return column(batch.column(name), kind)


def _within(rows: Rows, start: int, size: int) -> Rows:
    """Which of the `size` rows of a batch that begins at `start` of its group, counted from its own first."""
    if isinstance(rows, slice):
        low, high = max(rows.start, start), min(rows.stop, start + size)
        return slice(low - start, max(high, low) - start)
    low, high = np.searchsorted(rows, (start, start + size))
    return rows[low:high] - start


def _size(rows: Rows) -> int:
    return int(rows.stop - rows.start if isinstance(rows, slice) else rows.size)


def _taken(column: Column, rows: Rows) -> Column:
    if isinstance(column, NumericColumn):
        return NumericColumn(values=column.values[rows])
    return CategoryColumn(codes=column.codes[rows], labels=column.labels)
