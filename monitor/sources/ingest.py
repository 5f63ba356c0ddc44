"""How are rows kept and read that models send over HTTP (`POST /api/v1/ingest/MODEL`)?

A folder of Parquet files that the daemon writes itself; what is read of them is what the source `parquet`
would read, but for files whose rows have been merged into another one.
"""

import glob
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl

from monitor.config_types import PositiveDuration
from monitor.source import SourceError
from monitor.sources._arrival import frame_of
from monitor.sources._file_source import FileSource
from monitor.sources._files import LocalFiles
from monitor.sources._inbox import Batch, Inbox
from monitor.sources._place import Coverage, Found, Stamp
from monitor.sources._rows import Rows
from monitor.sources._scan import Files
from monitor.sources._timestamps import Timestamps


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestSource(FileSource):
    """`path`: a folder of its own, which the daemon makes. `keep`: how long rows stay there after they came.

    `filter`: rows where every column has this value.
    """

    path: str
    timestamp: str | None = None
    timestamp_format: str = "auto"
    timestamp_zone: str | None = None
    filter: Mapping[str, str | int | float | bool] = field(default_factory=dict)
    keep: PositiveDuration = timedelta(days=90)
    inbox: Inbox = field(init=False, repr=False, compare=False)
    _files: Files = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if "://" in self.path or glob.has_magic(self.path):
            raise ValueError(f"path: must be a folder of this machine without * ? or [, got {self.path!r}")
        inbox = Inbox(folder=Path(self.path))
        files = Files(
            place=_Kept(inbox=inbox, files=LocalFiles(path=self.path, suffix=".parquet")),
            open=_open,
            timestamp=self.timestamp,
            timestamps=self._timestamps,
            filter=self.filter,
        )
        object.__setattr__(self, "inbox", inbox)
        object.__setattr__(self, "_files", files)

    @property
    def _timestamps(self) -> Timestamps:
        return Timestamps(format=self.timestamp_format, zone=self.timestamp_zone)

    def take(self, rows: Rows, batch: Batch, now: datetime) -> bool:
        """Keep a batch; False: it was kept before. Raises RowsError, KeyTakenError and InboxError."""
        frame = frame_of(
            rows,
            timestamp=self.timestamp,
            timestamps=self._timestamps,
            filter=self.filter,
            now=now,
        )
        return self.inbox.keep(batch, frame, now)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """The files of a folder whose rows count: not those that were merged and wait to be removed."""

    inbox: Inbox
    files: LocalFiles

    @property
    def path(self) -> str:
        return self.files.path

    @property
    def is_local(self) -> bool:
        return True

    @property
    def scanning(self) -> Mapping[str, object]:
        return {}

    def must_be_allowed(self) -> None:
        """This machine is."""

    def find(self) -> Sequence[Found]:
        found = self.files.find()
        if not self.inbox.folder.is_dir():  # one file, given by hand
            return found
        try:
            merged = self.inbox.merged()
        except (OSError, pl.exceptions.PolarsError) as error:
            raise self.files.failure(error, self.path) from error
        # Only what this listing has seen counts: the rows of a file that came after it are in those that it
        # covers, which stay for a while.
        listed = {Path(each.name).name for each in found}
        covered = {name for by in listed & merged.keys() for name in merged[by].covers}
        return [each for each in found if Path(each.name).name not in covered]

    def stamp(self, name: str) -> Stamp:
        return self.files.stamp(name)

    def failure(self, error: BaseException, name: str) -> SourceError:
        return self.files.failure(error, name)

    def identity(self, files: Sequence[Coverage]) -> str:
        return self.files.identity(files)


def _open(name: str) -> pl.LazyFrame:
    return pl.scan_parquet(name, glob=False, hive_partitioning=False)
