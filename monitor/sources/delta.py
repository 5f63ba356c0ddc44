"""How are rows read from a Delta table: today's version of it, or one of its past?"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import polars as pl

from monitor.source import SourceError
from monitor.sources._file_source import FileSource
from monitor.sources._object_errors import refusal
from monitor.sources._objects import place
from monitor.sources._place import Place
from monitor.sources._scan import Files
from monitor.sources._snapshots import Snapshot, Snapshots
from monitor.sources._store_options import PathOptions
from monitor.sources._timestamps import Timestamps

if TYPE_CHECKING:
    from deltalake import DeltaTable

# The log keeps the newest time of a file in milliseconds (PROTOCOL.md, "Per-file Statistics").
_COARSE = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeltaSource(PathOptions, FileSource):
    """`path`: the table's folder, here or in an object store (`s3://`).

    `version`, or `as_of` (the newest one that was there then), reads the table's past; without them each look
    takes the newest version. `filter`: rows where every column has this value.
    """

    timestamp: str | None = None
    timestamp_format: str = "auto"
    timestamp_zone: str | None = None
    filter: Mapping[str, str | int | float | bool] = field(default_factory=dict)
    version: int | None = None
    as_of: datetime | None = None
    _files: Files = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.version is not None and self.as_of is not None:
            raise ValueError("as_of: must not stand beside `version`; each alone says which one to read")
        if self.version is not None and self.version < 0:
            raise ValueError(f"version: must be 0 or more, got {self.version}")
        if self.as_of is not None and self.as_of.tzinfo is None:
            raise ValueError("as_of: must have an offset, such as 2024-03-10T00:00:00Z")
        _deltalake()
        where = place(self, ".parquet")
        table = Snapshots(
            path=self.path,
            word="version",
            load=lambda version: self._load(where, version),
            explain=where.failure,
            fixed=self.version is not None or self.as_of is not None,
        )
        times = Timestamps(format=self.timestamp_format, zone=self.timestamp_zone)
        files = table.files(timestamp=self.timestamp, timestamps=times, filter=self.filter)
        object.__setattr__(self, "_files", files)

    def _load(self, where: Place, version: str | None) -> Snapshot:
        deltalake = _deltalake()
        where.must_be_allowed()
        try:
            table = self._table(where, version)
            frame = pl.scan_delta(table, storage_options=_options(where) or None)
            frame.collect_schema()  # asks whether polars knows the table's features
            low = None if self.timestamp is None else self._newest_from(table, self.timestamp)
        except (deltalake.exceptions.DeltaError, pl.exceptions.PolarsError, OSError) as error:
            raise self._failure(error, where) from None
        return Snapshot(version=str(table.version()), frame=frame, newest_from=low)

    def _table(self, where: Place, version: str | None) -> "DeltaTable":
        asked = self.version if version is None else int(version)
        # It takes no numbers, and has another name for one of them.
        options = {name: str(said) for name, said in _options(where).items() if name != "retry_timeout_ms"}
        table: DeltaTable = _deltalake().DeltaTable(self.path, version=asked, storage_options=options or None)
        if version is None and self.as_of is not None:
            since = table.history()
            table.load_as_version(self.as_of)
            # Before its first version it gives that one.
            written = next(each["timestamp"] for each in since if each["version"] == table.version())
            if written > self.as_of.timestamp() * 1000:
                oldest = f"{datetime.fromtimestamp(written / 1000, tz=UTC):%Y-%m-%d %H:%M} UTC"
                raise SourceError(
                    f"{self.path}: has no version as old as `as_of`; its oldest is of {oldest}",
                    transient=False,
                )
        self._must_name_partitions(table)
        return table

    def _must_name_partitions(self, table: "DeltaTable") -> None:
        """polars reads partition columns from the names of files; where those say none it gives null."""
        columns = table.metadata().partition_columns
        if not columns:
            return
        for path in pl.DataFrame(table.get_add_actions())["path"]:
            said = {unquote(part).partition("=")[0] for part in path.split("/")[:-1]}
            missing = [column for column in columns if column not in said]
            if missing:
                raise SourceError(
                    f"{self.path}: partition column {missing[0]!r} is not in the name of {path}; write the "
                    f"table with folders such as {missing[0]}=value, or without partitions",
                    transient=False,
                )

    def _newest_from(self, table: "DeltaTable", timestamp: str) -> object:
        parts = pl.DataFrame(table.get_add_actions(flatten=True))
        name = f"max.{timestamp}"
        if name not in parts.columns or parts.is_empty():
            return None
        newest = parts[name]
        if newest.null_count() or not (newest.dtype.is_numeric() or newest.dtype.is_temporal()):
            return None
        value: Any = newest.max()
        return value - _COARSE if isinstance(value, datetime) else value

    def _failure(self, error: BaseException, where: Place) -> SourceError:
        exceptions = _deltalake().exceptions
        said = " ".join(str(error).partition("This error occurred with")[0].split())[:300]
        if isinstance(error, exceptions.DeltaProtocolError):
            return SourceError(
                f"{self.path}: {said}; write it without, or read a view of it by another source",
                transient=False,
            )
        if (told := refusal(str(error))) is not None and not isinstance(error, exceptions.TableNotFoundError):
            reason, transient, remedy = told
            return SourceError(f"{self.path}: {reason}; {remedy}", transient=transient)
        if isinstance(error, exceptions.TableNotFoundError):
            return SourceError(f"{self.path}: no such table; create it or correct `path`", transient=True)
        if self.version is not None and "version" in said:
            return SourceError(f"{self.path}: has no version {self.version} ({said})", transient=False)
        return (
            where.failure(error, self.path)
            if isinstance(error, OSError)
            else SourceError(
                f"{self.path}: its log cannot be read ({said}); if this stays, look at its _delta_log",
                transient=True,
            )
        )


def _options(where: Place) -> dict[str, Any]:
    given: Any = where.scanning.get("storage_options", {})
    return dict(given)


def _deltalake() -> Any:
    """ValueError where it is not installed."""
    try:
        import deltalake  # noqa: PLC0415 - an extra, and only where such a table is read
        import deltalake.exceptions  # noqa: PLC0415
    except ModuleNotFoundError:
        raise ValueError(
            "kind: delta needs the extra of that name, which is not installed; "
            "pip install 'leeway-monitor[delta]'"
        ) from None
    return deltalake
