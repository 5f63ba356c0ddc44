"""How are rows read from CSV files: one, a folder of them, or a glob?

Every value is text until the reference's types are applied, so that no window guesses its own.
"""

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

_GUESS_ROWS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class CsvSource:
    """`path`: a file, a folder or a glob. `null_values`: texts that mean missing, besides an empty field."""

    path: str
    timestamp: str | None = None
    timestamp_format: str = "auto"
    timestamp_zone: str | None = None
    filter: Mapping[str, str | int | float | bool] = field(default_factory=dict)
    separator: str = ","
    null_values: tuple[str, ...] = ()
    _files: Files = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if len(self.separator.encode()) != 1:
            raise ValueError(f"separator: must be one ASCII character, got {self.separator!r}")
        files = Files(
            path=self.path,
            suffix=".csv",
            open=self._open,
            kinds=self._kinds,
            text=True,
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

    def _open(self, path: Path) -> pl.LazyFrame:
        return pl.scan_csv(
            path,
            infer_schema=False,
            separator=self.separator,
            null_values=list(self.null_values),
            encoding="utf8-lossy",  # one bad byte spoils one label, not the file
            glob=False,
        )

    def _kinds(self, path: Path) -> Mapping[str, ColumnKind]:
        frame = pl.scan_csv(
            path,
            infer_schema_length=_GUESS_ROWS,
            try_parse_dates=True,
            separator=self.separator,
            null_values=[*self.null_values, "NA", "NaN", "nan", "null"],
            encoding="utf8-lossy",
            glob=False,
        )
        return {name: guess(dtype) for name, dtype in frame.collect_schema().items()}
