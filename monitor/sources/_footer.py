"""What does a Parquet footer say: does Arrow read the file as polars does, and which groups may hold rows?"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from monitor.sources._arrow import alike, seen_as
from monitor.sources._scan import Files, Unlike
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

    def _extremes(self, group: int, name: str) -> tuple[int | None, int | None]:
        """The smallest and the largest value of a row group as stored; None where the footer does not say."""
        column = self.metadata.row_group(group).column(self.leaves[name])
        statistics = column.statistics
        if statistics is None or not statistics.has_min_max or column.physical_type not in ("INT64", "INT32"):
            return None, None
        return int(statistics.min_raw), int(statistics.max_raw)


def _differs(encodings: Iterable[str]) -> bool:
    return any(each.startswith("DELTA") for each in encodings)
