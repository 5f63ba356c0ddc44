"""What does a Parquet footer say: which groups may hold rows, and when were they?"""

from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import polars as pl

from monitor.sources._arrow import alike, errors, open_parquet, seen_as
from monitor.sources._extent import Extent
from monitor.sources._place import Stamp
from monitor.sources._scan import LARGE_ROWS, Files, Unlike
from monitor.sources._timestamps import TIME
from storage.span import Span

# Each group has a price of its own: of 200 columns in groups of 1,000 rows polars took an eighth of Arrow's
# time; and such groups need little memory.
LEAST_GROUP_ROWS = 16_384
_WHOLE_NUMBERS = (pl.Int64, pl.Int32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Footer:
    """`metadata`: a `pyarrow.parquet.FileMetaData`. `leaves`: the place of each asked column."""

    metadata: Any
    leaves: Mapping[str, int]

    @classmethod
    def of(cls, parquet: Any, schema: pl.Schema, names: Iterable[str]) -> "Footer":
        """Raises Unlike unless Arrow sees these columns as polars does (`schema`), and it is worth while."""
        metadata, held = parquet.metadata, [name for name in dict.fromkeys(names) if name in schema]
        if metadata.num_rows < LEAST_GROUP_ROWS * metadata.num_row_groups:
            raise Unlike
        leaves: dict[str, int] = {}
        for place in range(metadata.num_columns):
            path = metadata.schema.column(place).path
            if path in leaves:  # "a.b", beside a struct a with a field b
                raise Unlike
            leaves[path] = place
        for name in held:
            if name not in leaves or not alike(seen_as(parquet.schema_arrow.field(name)), schema[name]):
                raise Unlike
            kept = metadata.schema.column(leaves[name]).physical_type
            # INT96 wraps in one and ends in the other; a date64 is kept in days, and told in milliseconds.
            if kept == "INT96" or (isinstance(schema[name], pl.Datetime) and kept != "INT64"):
                raise Unlike
        return cls(metadata=metadata, leaves={name: leaves[name] for name in held})

    def groups(self, files: Files, schema: pl.Schema, span: Span | None) -> list[int]:
        """Those that may hold rows of the span, by their statistics."""
        every = list(range(self.metadata.num_row_groups))
        name = files.rows.timestamp
        if span is None or name is None:
            return every
        dtype = schema[name]
        ends = files.rows.timestamps.bounds(dtype, span)
        if ends is None or not (isinstance(dtype, pl.Datetime | pl.Date) or dtype in _WHOLE_NUMBERS):
            return every
        stored = pl.Int32 if dtype in (pl.Date, pl.Int32) else pl.Int64
        known = [self._extremes(group, name) for group in every]
        table = pl.DataFrame(known, schema={"low": stored, "high": stored}, orient="row")
        low, high = pl.col("low").cast(dtype), pl.col("high").cast(dtype)
        held = table.select(((high >= ends[0]) & (low <= ends[1])).fill_null(True)).to_series()
        return [group for group in every if held[group]]

    def coded(self, texts: Collection[str], groups: Iterable[int]) -> list[str]:
        """Columns of text that can be given by their codes: Arrow makes none from a page of differences."""
        left = [name for name in texts if name in self.leaves]
        for group in groups:
            row_group = self.metadata.row_group(group)
            left = [name for name in left if not _differs(row_group.column(self.leaves[name]).encodings)]
        return left

    def bytes_of(self, name: str, group: int) -> int:
        """Of a column's pages in a row group, decompressed."""
        size: int = self.metadata.row_group(group).column(self.leaves[name]).total_uncompressed_size
        return size

    def extremes(self, name: str) -> tuple[int, int, int] | None:
        """Of a column of 64-bit numbers: how many values there are, the smallest and the largest as stored (0
        where there is none). None where a group does not say."""
        rows, low, high = 0, None, None
        for group in range(self.metadata.num_row_groups):
            row_group = self.metadata.row_group(group)
            statistics = row_group.column(self.leaves[name]).statistics
            if statistics is None or not statistics.has_null_count:
                return None
            values = row_group.num_rows - statistics.null_count
            if values == 0:
                continue
            first, last = self._extremes(group, name)
            if first is None or last is None or first > last or values < 0:  # a writer's mistake, or damage
                return None
            rows += values
            low = first if low is None else min(low, first)
            high = last if high is None else max(high, last)
        return rows, low or 0, high or 0

    def _extremes(self, group: int, name: str) -> tuple[int | None, int | None]:
        """The smallest and the largest value of a row group as stored; None where the footer does not say."""
        column = self.metadata.row_group(group).column(self.leaves[name])
        statistics = column.statistics
        if statistics is None or not statistics.has_min_max or column.physical_type not in ("INT64", "INT32"):
            return None, None
        return int(statistics.min_raw), int(statistics.max_raw)


def extent(files: Files, file: str, stamp: Stamp, schema: pl.Schema) -> Extent | None:
    """How many rows of a large file have a time, the oldest and the newest: nothing but the footer is read.

    None where it does not say, or says it of the column as stored alone: where clocks are set forward the
    order of wall-clock times is not that of instants.
    """
    name = files.rows.timestamp
    dtype = None if name is None else schema[name]
    if name is None or files.rows.filter or not isinstance(dtype, pl.Datetime) or dtype.time_zone is None:
        return None
    # Which files are large takes a look of its own, so only those are asked that have a byte for each value;
    # and of polars, as Arrow is 30 MiB, which small files do without.
    if not files.place.is_local or stamp.size <= LARGE_ROWS * len(schema):
        return None
    if files.rows.open(file).select(pl.len()).collect().item() <= LARGE_ROWS:
        return None
    found = None
    with suppress(Unlike, *errors()):  # whoever reads the rows says what is wrong with them
        found = Footer.of(open_parquet(file), schema, [name]).extremes(name)
    if found is None:
        return None
    rows, *ends = found
    if rows == 0:
        return 0, None, None
    table = pl.DataFrame({name: ends}, schema={name: pl.Int64}).cast(dtype).lazy()
    times = files.rows.selected(file, schema, None, {}, None, frame=table)[0].collect()[TIME].to_list()
    if len(times) < len(ends):  # one that no microseconds can say, and maybe others: their rows have no time
        return None
    oldest, newest = times
    return rows, oldest, newest


def _differs(encodings: Iterable[str]) -> bool:
    return any(each.startswith("DELTA") for each in encodings)
