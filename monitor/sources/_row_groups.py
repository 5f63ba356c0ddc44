"""How is one large Parquet file read in little memory? A row group at a time, by Arrow, a few rows at a time.

polars decodes a whole row group, several at once: 2 to 3 GB of 200 columns. Arrow holds a page of each column
it is asked for, about 3 MiB, whatever the file's row groups; and text arrives as the codes of the file's own
dictionary. The rows, and what they mean, are those of `Files`: it cuts spans and filters here as well.
"""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from alerting.failpoint import hit
from detectors import Kind
from detectors._column import CategoryColumn, Column, NumericColumn
from monitor.source import Batch, SourceError
from monitor.sources import _values
from monitor.sources._arrow import column, errors, extremes, frame, open_parquet, series
from monitor.sources._place import Coverage
from monitor.sources._scan import BATCH_ROWS, TIME, Files, Unlike
from storage.span import Span

COLUMNS = 8  # side by side, where nothing wants more of them
VALUES = 1 << 18  # of one batch: the more columns, the fewer rows
FEWEST_ROWS = 8_192  # of a batch: below, what is done once a batch outweighs what is done once a row
_ROW = "\0row"
_WHOLE_NUMBERS = (pl.Int64, pl.Int32)
Places = slice | NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """The rows of one group that belong to the window, ascending. `times`: int64 µs, of each."""

    group: int
    places: Places  # in the group
    times: NDArray[np.int64] | None

    def __len__(self) -> int:
        return _size(self.places)


@dataclass(frozen=True, slots=True, kw_only=True)
class RowGroups:
    """One file of a window; `wanted` are all columns that it may be asked for. Threads may share it."""

    files: Files
    file: Coverage
    span: Span | None
    wanted: Mapping[str, Kind]
    moments: Collection[str] = ()
    _footer: list[Any] = field(default_factory=list, init=False)  # read once

    def chosen(self) -> Iterator[Chosen]:
        """Of each group that has rows of the window. Within `guarded`."""
        parquet = self._open()
        for group in self._groups(parquet):
            chosen = self._chosen(parquet, group)
            if len(chosen):
                yield chosen

    def batches(self, chosen: Chosen, names: Collection[str], *, tidy: bool = False) -> Iterator[Batch]:
        """The chosen rows with these of the wanted columns.

        `tidy`: labels that some row has, in order; else also others, as the file has them. Within `guarded`.
        """
        held = [name for name in names if name in self.file.schema]
        start, size = 0, max(FEWEST_ROWS, VALUES // max(len(held), COLUMNS))
        if not held:
            absent = {name: _values.nothing(self.wanted[name], len(chosen)) for name in names}
            yield Batch(rows=len(chosen), columns=absent, times=chosen.times)
            return
        for batch in self._open().iter_batches(
            size, row_groups=[chosen.group], columns=held, use_threads=False
        ):
            hit("mid_source_read")
            first, last = start, start + batch.num_rows
            mine, start = _within(chosen.places, first, last), last
            if not _size(mine):
                continue
            whole = {name: self._column(batch, name, tidy=tidy) for name in names}
            yield Batch(
                rows=_size(mine),
                columns={name: _taken(each, mine) for name, each in whole.items()},
                times=None if chosen.times is None else chosen.times[_held(chosen.places, first, last)],
            )

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Raises SourceError for what reading raised, and where the file changed meanwhile; and Unlike."""
        try:
            yield
        except NotImplementedError:  # of Arrow: another kind of page than it knows
            raise Unlike from None
        except errors() as error:
            self._must_be_as_it_was()  # another file's bytes in the place of this one's are no damage
            raise self.files.place.failure(error, self.file.name) from error
        self._must_be_as_it_was()

    def _must_be_as_it_was(self) -> None:
        place, name = self.files.place, self.file.name
        try:
            changed = place.stamp(name) != self.file.stamp
        except OSError as error:
            raise place.failure(error, name) from error
        if changed:
            raise SourceError(f"{name}: was replaced while it was read", transient=True)

    def _open(self) -> Any:
        schema, wanted = self.file.schema, self.wanted
        texts = [name for name in wanted if wanted[name] is Kind.CATEGORY and schema.get(name) == pl.String]
        parquet = open_parquet(self.file.name, texts, self._footer[0] if self._footer else None)
        if not self._footer:
            self._footer.append(parquet.metadata)
        return parquet

    def _groups(self, parquet: Any) -> list[int]:
        """Those that may hold rows of the span, by the statistics of the file's footer."""
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
        table = pl.DataFrame(known, schema={"low": stored, "high": stored}, orient="row")
        low, high = pl.col("low").cast(dtype), pl.col("high").cast(dtype)
        held = table.select((high >= ends[0]) & (low <= ends[1])).to_series()
        return [group for group in every if held[group]]

    def _chosen(self, parquet: Any, group: int) -> Chosen:
        timestamp = self.files.timestamp
        names = [*self.files.filter, *([timestamp] if timestamp is not None else [])]
        if not names:
            size = parquet.metadata.row_group(group).num_rows
            return Chosen(group=group, places=slice(0, size), times=None)
        schema = pl.Schema([*((name, self.file.schema[name]) for name in names), (_ROW, pl.UInt32())])
        places, times = [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=np.int64)]
        start = 0
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
            places.append(kept[ours[_ROW]].to_numpy().astype(np.int64))
            if timestamp is not None:
                times.append(kept[TIME].to_numpy())
        rows = np.concatenate(places)
        in_a_row = rows.size and rows[-1] - rows[0] + 1 == rows.size
        return Chosen(
            group=group,
            places=slice(int(rows[0]), int(rows[-1]) + 1) if in_a_row else rows,
            times=None if timestamp is None else np.concatenate(times),
        )

    def _column(self, batch: Any, name: str, *, tidy: bool) -> Column:
        if name not in self.file.schema:
            return _values.nothing(self.wanted[name], batch.num_rows)
        array = batch.column(name)
        if name not in self.moments:
            return column(array, self.wanted[name], tidy=tidy)
        raw, where = series(array), f"{self.file.name}: column {name!r}"
        told = self.files.timestamps.expression(pl.col(raw.name), raw.dtype, where=where, sample=None)
        return _values.column(raw.to_frame().select(_values.moment(told)).to_series(), Kind.NUMERIC)


def whole_rows(
    files: Files, file: Coverage, span: Span | None, wanted: Mapping[str, Kind], moments: Collection[str]
) -> Iterator[Batch]:
    """What `Files` gives of one file, to the bit. Raises Unlike before the first batch, or never."""
    groups = RowGroups(files=files, file=file, span=span, wanted=wanted, moments=moments)
    begun = False
    try:
        with groups.guarded():
            for chosen in groups.chosen():
                for batch in groups.batches(chosen, list(wanted), tidy=True):
                    begun = True
                    yield batch
    except Unlike:
        if not begun:
            raise
        reason = f"{file.name}: its row groups are written in different ways; write it again by one program"
        raise SourceError(reason, transient=False) from None


def _held(places: Places, first: int, last: int) -> slice:
    """Which of the chosen rows lie in [first, last) of the group."""
    if isinstance(places, slice):
        low = min(max(places.start, first), places.stop) - places.start
        return slice(low, max(min(places.stop, last) - places.start, low))
    low, high = np.searchsorted(places, (first, last))
    return slice(int(low), int(high))


def _within(places: Places, first: int, last: int) -> Places:
    """The same rows, counted from `first`."""
    held = _held(places, first, last)
    if isinstance(places, slice):
        return slice(places.start + held.start - first, places.start + held.stop - first)
    return places[held] - first


def _size(places: Places) -> int:
    return int(places.stop - places.start if isinstance(places, slice) else places.size)


def _taken(whole: Column, rows: Places) -> Column:
    if isinstance(whole, NumericColumn):
        return NumericColumn(values=whole.values[rows])
    return CategoryColumn(codes=whole.codes[rows], labels=whole.labels)
