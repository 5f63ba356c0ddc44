"""How are rows read from Parquet files or objects: one, a folder of them, or a glob?"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from monitor.sources._file_rows import FileRows
from monitor.sources._file_source import FileSource
from monitor.sources._footer import extent
from monitor.sources._objects import place
from monitor.sources._place import Place
from monitor.sources._row_groups import whole_rows
from monitor.sources._scan import Files
from monitor.sources._store_options import PathOptions
from monitor.sources._timestamps import Timestamps


@dataclass(frozen=True, slots=True, kw_only=True)
class ParquetSource(PathOptions, FileSource):
    """`path`: a file, a folder or a glob, here or in an object store (`s3://`).

    `filter`: rows where every column has this value.
    """

    timestamp: str | None = None
    timestamp_format: str = "auto"
    timestamp_zone: str | None = None
    filter: Mapping[str, str | int | float | bool] = field(default_factory=dict)
    _files: Files = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        where = place(self, ".parquet")
        files = Files(
            place=where,
            rows=FileRows(
                open=lambda name: _open(where, name),
                timestamp=self.timestamp,
                timestamps=Timestamps(format=self.timestamp_format, zone=self.timestamp_zone),
                filter=self.filter,
            ),
            columnar=True,
            large=whole_rows,
            told=extent,
        )
        object.__setattr__(self, "_files", files)


def _open(where: Place, name: str) -> pl.LazyFrame:
    # One file at a time: its own name is no glob, and the folders above it say nothing about its columns.
    scanning: Any = where.scanning
    return pl.scan_parquet(name, glob=False, hive_partitioning=False, **scanning)
