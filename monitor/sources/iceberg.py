"""How are rows read from an Iceberg table: today's snapshot of it, or one of its past?"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

import polars as pl

from monitor.source import SourceError
from monitor.sources._file_source import FileSource
from monitor.sources._iceberg_catalog import CatalogOptions, is_of_a_store, pyiceberg
from monitor.sources._scan import Files
from monitor.sources._snapshots import Snapshot, Snapshots
from monitor.sources._timestamps import Timestamps, instant, microseconds

if TYPE_CHECKING:
    from pyiceberg.table import Table

_EMPTY = "0"  # the version of a table that was never written to; snapshots have other numbers
# Else polars warns that another planner, which is no part of it, would be quicker.
os.environ.setdefault("POLARS_ICEBERG_PLANNER", "pyiceberg")


@dataclass(frozen=True, slots=True, kw_only=True)
class IcebergSource(CatalogOptions, FileSource):
    """`url`: of the catalog; `table`: as namespace.table in it.

    `snapshot`, or `as_of` (the newest one that was there then), reads the table's past; without them each
    look takes the newest snapshot. `filter`: rows where every column has this value.
    """

    timestamp: str | None = None
    timestamp_format: str = "auto"
    timestamp_zone: str | None = None
    filter: Mapping[str, str | int | float | bool] = field(default_factory=dict)
    snapshot: int | None = None
    as_of: datetime | None = None
    _files: Files = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.snapshot is not None and self.as_of is not None:
            raise ValueError("as_of: must not stand beside `snapshot`; each alone says which one to read")
        if self.as_of is not None and self.as_of.tzinfo is None:
            raise ValueError("as_of: must have an offset, such as 2024-03-10T00:00:00Z")
        self.check_catalog()
        table = Snapshots(
            path=self.where,
            word="snapshot",
            load=self._load,
            explain=self.failure,
            fixed=self.snapshot is not None or self.as_of is not None,
        )
        times = Timestamps(format=self.timestamp_format, zone=self.timestamp_zone)
        files = table.files(timestamp=self.timestamp, timestamps=times, filter=self.filter)
        object.__setattr__(self, "_files", files)

    def _load(self, version: str | None) -> Snapshot:
        try:
            table = self.load_table()
            number = self._number(table) if version is None else int(version) or None
            # A service may have given keys of its own, for this table.
            options = {name: said for name, said in table.io.properties.items() if name.startswith("s3.")}
            options |= self.of_polars() if is_of_a_store(table.location()) else {}
            frame = pl.scan_iceberg(table, snapshot_id=number, storage_options=options or None)
            frame.collect_schema()
            low = None if number is None else self._newest_from(table, number)
        except SourceError:
            raise
        except Exception as error:  # noqa: BLE001 - the catalog's library raises what its libraries raise
            raise self.failure(error, self.where) from None
        return Snapshot(version=_EMPTY if number is None else str(number), frame=frame, newest_from=low)

    def _number(self, table: "Table") -> int | None:
        """The snapshot to read now; None: the table was never written to."""
        if self.snapshot is not None:
            if table.snapshot_by_id(self.snapshot) is None:
                raise SourceError(
                    f"{self.where}: has no snapshot {self.snapshot}; it may have expired",
                    transient=False,
                )
            return self.snapshot
        if self.as_of is None:
            current = table.current_snapshot()
            return None if current is None else current.snapshot_id
        found = table.snapshot_as_of_timestamp(microseconds(self.as_of) // 1000)
        if found is None or table.snapshot_by_id(found.snapshot_id) is None:
            raise SourceError(
                f"{self.where}: has no snapshot as old as `as_of`; it may have expired",
                transient=False,
            )
        return found.snapshot_id

    def _newest_from(self, table: "Table", number: int) -> object:
        """By the upper bounds of its files, which its manifests hold."""
        if self.timestamp is None:
            return None
        schema = table.scan(snapshot_id=number).projection()
        try:
            column = schema.find_field(self.timestamp)
        except ValueError:
            return None
        kind = str(column.field_type)
        if kind not in ("timestamp", "timestamptz", "date", "int", "long", "float", "double"):
            return None
        from_bytes = pyiceberg().conversions.from_bytes
        newest = []
        for task in table.scan(snapshot_id=number).plan_files():
            bound = (task.file.upper_bounds or {}).get(column.field_id)
            if bound is None:
                return None
            newest.append(from_bytes(column.field_type, bound))
        if not newest:
            return None
        value = max(newest)
        if kind == "date":
            return None  # a day is a long time: the table is read for it
        if kind in ("timestamp", "timestamptz"):
            moment = instant(value)
            return moment if kind == "timestamptz" else moment.replace(tzinfo=None)
        return value
