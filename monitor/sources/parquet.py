"""How are rows read from Parquet files: one, a folder of them, or a glob?"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import polars as pl

from detectors._column import Kind
from monitor.source import ColumnKind, Fingerprint, Window
from monitor.sources._scan import Files
from monitor.sources._timestamps import Timestamps
from monitor.sources._values import guess
from storage.span import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class ParquetSource:
    """`path`: a file, a folder or a glob. `filter`: rows where every column has this value."""

    path: str
    timestamp: str | None = None
    timestamp_format: str = "auto"
    timestamp_zone: str | None = None
    filter: Mapping[str, str | int | float | bool] = field(default_factory=dict)
    _files: Files = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        files = Files(
            path=self.path,
            suffix=".parquet",
            open=_open,
            kinds=_kinds,
            timestamp=self.timestamp,
            timestamps=Timestamps(format=self.timestamp_format, zone=self.timestamp_zone),
            filter=self.filter,
        )
        object.__setattr__(self, "_files", files)

    def watermark(self) -> datetime | None:
        return self._files.watermark()

    def fingerprint(self, span: Span) -> Fingerprint:
        return self._files.fingerprint(span)

    def schema(self) -> Mapping[str, ColumnKind]:
        return self._files.schema()

    def pull(self, span: Span | None, wanted: Mapping[str, Kind], moments: Collection[str] = ()) -> Window:
        return self._files.pull(span, wanted, moments)


def _open(path: Path) -> pl.LazyFrame:
    # One file at a time: its own name is no glob, and the folders above it say nothing about its columns.
    return pl.scan_parquet(path, glob=False, hive_partitioning=False)


def _kinds(path: Path) -> Mapping[str, ColumnKind]:
    return {name: guess(dtype) for name, dtype in _open(path).collect_schema().items()}
