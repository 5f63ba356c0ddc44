"""How are rows read from CSV files or objects: one, a folder of them, or a glob?

Every value is text until the reference's types are applied, so that no window guesses its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from monitor.source import ColumnKind
from monitor.sources._file_rows import FileRows
from monitor.sources._file_source import FileSource
from monitor.sources._objects import place
from monitor.sources._place import Place
from monitor.sources._scan import Files
from monitor.sources._store_options import PathOptions
from monitor.sources._timestamps import Timestamps
from monitor.sources._values import guess

_GUESS_ROWS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class CsvSource(PathOptions, FileSource):
    """`path`: a file, a folder or a glob, here or in an object store (`s3://`).

    `null_values`: texts that mean missing, besides an empty field.
    """

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
        where = place(self, ".csv")
        files = Files(
            place=where,
            rows=FileRows(
                open=lambda name: self._open(where, name),
                text=True,
                timestamp=self.timestamp,
                timestamps=Timestamps(format=self.timestamp_format, zone=self.timestamp_zone),
                filter=self.filter,
            ),
            kinds=lambda name: self._kinds(where, name),
        )
        object.__setattr__(self, "_files", files)

    def _open(self, where: Place, name: str) -> pl.LazyFrame:
        scanning: Any = where.scanning
        return pl.scan_csv(
            name,
            infer_schema=False,
            separator=self.separator,
            null_values=list(self.null_values),
            encoding="utf8-lossy",  # one bad byte spoils one label, not the file
            glob=False,
            **scanning,
        )

    def _kinds(self, where: Place, name: str) -> Mapping[str, ColumnKind]:
        scanning: Any = where.scanning
        frame = pl.scan_csv(
            name,
            infer_schema_length=_GUESS_ROWS,
            try_parse_dates=True,
            separator=self.separator,
            null_values=[*self.null_values, "NA", "NaN", "nan", "null"],
            encoding="utf8-lossy",
            glob=False,
            **scanning,
        )
        return {column: guess(dtype) for column, dtype in frame.collect_schema().items()}
