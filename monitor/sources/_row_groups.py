"""How is one large Parquet file read in little memory? A row group at a time, by Arrow, a few rows at a time.

polars decodes a whole row group, several at once: 2 to 3 GB of 200 columns. Arrow holds a page of each column
it is asked for, about 3 MiB, whatever the file's row groups; and text arrives as the codes of the file's own
dictionary. The rows, and what they mean, are those of `Files`: it cuts spans and filters here as well.
"""

import math
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from alerting.failpoint import hit
from detectors import Kind
from detectors._column import Column, taken
from monitor.source import Batch
from monitor.sources import _values
from monitor.sources._arrow import Words, column, errors, frame, open_parquet, series
from monitor.sources._footer import Footer
from monitor.sources._place import Coverage
from monitor.sources._scan import BATCH_ROWS, Files, Unlike
from monitor.sources._timestamps import TIME, microseconds
from storage.span import Span

COLUMNS = 4  # side by side, where nothing wants more of them
VALUES = 1 << 18  # of one batch: the more columns, the fewer rows
FEWEST_ROWS = 8_192  # of a batch: below, what is done once a batch outweighs what is done once a row
Places = slice | NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """The rows of one group that belong to the window, ascending. `times`: int64 µs of each, if asked for."""

    group: int
    places: Places  # in the group
    times: NDArray[np.int64] | None
    footer: Any  # of the file
    coded: Collection[str]  # columns of text that are given by codes

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
    _idle: list[tuple[Collection[str], Any]] = field(
        default_factory=list, init=False, repr=False, compare=False
    )
    _footers: dict[str, Footer] = field(default_factory=dict, init=False, repr=False, compare=False)

    def chosen(self, *, timed: bool = True) -> Iterator[Chosen]:
        """Of each group that has rows of the window. Within `guarded`.

        `timed` False: nobody asks for the time of each row, and it is left out where that saves reading it.
        """
        names = self.files.rows.by
        parquet = open_parquet(self.file.name)
        footer = Footer.of(parquet, self.file.schema, [*self.wanted, *names])
        if not timed and self._is_whole(footer):
            names = []
        groups = footer.groups(self.files, self.file.schema, self.span)
        texts = [name for name, kind in self.wanted.items() if kind is Kind.CATEGORY]
        texts = [name for name in texts if self.file.schema.get(name) == pl.String]
        coded = footer.coded(texts, groups)
        for group in groups:
            size = footer.metadata.row_group(group).num_rows
            places, times = self._places(parquet, group, names) if names else (slice(0, size), None)
            if _size(places):
                yield Chosen(group=group, places=places, times=times, footer=footer.metadata, coded=coded)

    def heaviest(self, name: str) -> float:
        """Bytes of a column, decompressed, in the group that has most of it; ∞ for one that is not there."""
        if name not in self.file.schema:
            return math.inf
        footer = self._footer(name)
        return max(
            (footer.bytes_of(name, group) for group in range(footer.metadata.num_row_groups)), default=0
        )

    def parts(self, name: str, rows: int, size: int) -> Iterator[tuple[int, int]]:
        """Where the groups lie that may hold rows of the window: first row, and how many. Within `guarded`.

        Neighbours are one part, up to so many rows, and bytes of the column; no group is divided.
        """
        footer = self._footer(name)
        wanted = set(footer.groups(self.files, self.file.schema, self.span))
        start = first = held = weight = 0
        for group in range(footer.metadata.num_row_groups):
            mine, heavy = footer.metadata.row_group(group).num_rows, footer.bytes_of(name, group)
            if held and (group not in wanted or held + mine > rows or weight + heavy > size):
                yield first, held
                held = weight = 0
            if group in wanted:
                first = first if held else start
                held, weight = held + mine, weight + heavy
            start += mine
        if held:
            yield first, held

    def is_whole(self, name: str) -> bool:
        """Whether every row of the file belongs to the window, so that its time need not be read."""
        return self._is_whole(self._footer(name))

    def _footer(self, name: str) -> Footer:
        found = self._footers.get(name)
        if found is None:
            found = Footer.of(open_parquet(self.file.name), self.file.schema, [*self.files.rows.by, name])
            self._footers[name] = found
        return found

    def _is_whole(self, footer: Footer) -> bool:
        """Whether every row of the file belongs to the window, by what was seen when it was looked at."""
        file, span = self.file, self.span
        if self.files.rows.timestamp is None or file.rows != footer.metadata.num_rows:
            return False  # a row has no time, or is of another model; without times nobody looked
        if span is None or file.oldest is None or file.newest is None:
            return span is None
        return file.oldest >= microseconds(span.start) and file.newest < microseconds(span.end)

    def batches(self, chosen: Chosen, names: Collection[str], *, in_order: bool = False) -> Iterator[Batch]:
        """The chosen rows with these of the wanted columns. Within `guarded`.

        `in_order`: labels that some row has, in order, as polars gives them; else as the file has them.
        """
        held = [name for name in names if name in self.file.schema]
        start, size = 0, max(FEWEST_ROWS, VALUES // max(len(held), COLUMNS))
        if not held:
            for start in range(0, len(chosen), size) if names else (0,):
                rows = min(size, len(chosen) - start) if names else len(chosen)
                absent = {name: _values.nothing(self.wanted[name], rows) for name in names}
                times = None if chosen.times is None else chosen.times[start : start + rows]
                yield Batch(rows=rows, columns=absent, times=times)
            return
        parquet = self._opened(chosen)
        words = {} if in_order else {name: Words() for name in chosen.coded}
        for batch in parquet.iter_batches(size, row_groups=[chosen.group], columns=held, use_threads=False):
            hit("mid_source_read")
            first, last = start, start + batch.num_rows
            mine, start = _within(chosen.places, first, last), last
            if not _size(mine):
                continue
            whole = {name: self._column(batch, name, words.get(name)) for name in names}
            found = Batch(
                rows=_size(mine),
                columns={name: taken(each, mine) for name, each in whole.items()},
                times=None if chosen.times is None else chosen.times[_held(chosen.places, first, last)],
            )
            del batch, whole  # one batch is held at a time, not two and what was made of them
            yield found
            del found
        self._idle.append((chosen.coded, parquet))

    def _opened(self, chosen: Chosen) -> Any:
        """The file, for one thread: one that nobody reads any more, or it is opened once more."""
        try:
            coded, parquet = self._idle.pop()  # in one step, whoever else takes one
        except IndexError:
            coded, parquet = None, None
        if parquet is not None and coded == chosen.coded:
            return parquet
        return open_parquet(self.file.name, chosen.coded, chosen.footer)

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Raises SourceError for what reading raised, and where the file changed meanwhile; and Unlike."""
        try:
            yield
        except NotImplementedError:  # of Arrow: a kind of page that it does not know
            raise Unlike from None
        except errors() as error:
            self.files.must_be_as_it_was(
                self.file
            )  # another file's bytes in the place of this one's are no damage
            raise self.files.place.failure(error, self.file.name) from error
        self.files.must_be_as_it_was(self.file)

    def _places(self, parquet: Any, group: int, names: list[str]) -> tuple[Places, NDArray[np.int64] | None]:
        """Which rows of a group `Files` would select, by the columns that say so; and their times."""
        row = "\0row"
        while row in names:
            row += "\0"
        schema = pl.Schema([*((name, self.file.schema[name]) for name in names), (row, pl.UInt32())])
        places, times = [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=np.int64)]
        start = 0
        for batch in parquet.iter_batches(
            BATCH_ROWS, row_groups=[group], columns=list(dict.fromkeys(names)), use_threads=False
        ):
            table = frame(batch).with_row_index(row, offset=start)
            if any(table.schema.get(name) != dtype for name, dtype in schema.items()):
                raise Unlike
            start += batch.num_rows
            lazy, ours = self.files.rows.selected(
                self.file.name, schema, self.file.sample, {row: None}, self.span, frame=table.lazy()
            )
            kept = lazy.collect()
            places.append(kept[ours[row]].to_numpy().astype(np.int64))
            if self.files.rows.timestamp is not None:
                times.append(kept[TIME].to_numpy())
        rows = np.concatenate(places)
        told = None if self.files.rows.timestamp is None else np.concatenate(times)
        if rows.size and rows[-1] - rows[0] + 1 == rows.size:
            return slice(int(rows[0]), int(rows[-1]) + 1), told
        return rows, told

    def _column(self, batch: Any, name: str, words: Words | None) -> Column:
        if name not in self.file.schema:
            return _values.nothing(self.wanted[name], batch.num_rows)
        array = batch.column(name)
        if name not in self.moments:
            return column(array, self.wanted[name], self.file.schema[name], words)
        raw, where = series(array), f"{self.file.name}: column {name!r}"
        told = self.files.rows.timestamps.expression(pl.col(raw.name), raw.dtype, where=where, sample=None)
        return _values.column(raw.to_frame().select(_values.moment(told)).to_series(), Kind.NUMERIC)


def whole_rows(
    files: Files, file: Coverage, span: Span | None, wanted: Mapping[str, Kind], moments: Collection[str]
) -> Iterator[Batch]:
    """What `Files` gives of one file, to the bit and in that order. Raises Unlike, maybe after some of it."""
    groups = RowGroups(files=files, file=file, span=span, wanted=wanted, moments=moments)
    with groups.guarded():
        for chosen in groups.chosen():
            yield from groups.batches(chosen, list(wanted), in_order=True)


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
