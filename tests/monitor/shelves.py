"""Where tests put rows for each kind of source: files, objects, tables of SQLite and of PostgreSQL."""

import io
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import polars as pl
import psycopg
from psycopg import sql

from monitor.members import Family, member
from monitor.source import Source
from tests.object_store import Bucket

if TYPE_CHECKING:
    from pyiceberg.catalog import Catalog

Add = Callable[[pl.DataFrame], object]
_NUMBERS = count()  # of tables: two of one name may live beside each other


class Shelf(Protocol):
    """One kind of place for rows."""

    def write(self, name: str, frame: pl.DataFrame) -> Any:
        """Rows under a name; the place, for `source` below."""

    def rewrite(self, place: Any, frame: pl.DataFrame) -> None:
        """Other rows in the same place."""

    def growing(self, frame: pl.DataFrame) -> tuple[Any, Add]:
        """A place that more rows come to."""

    def nowhere(self) -> Any:
        """A place that is not there."""


class FileShelf(Shelf, Protocol):
    """A kind of place whose rows are in files, which have names and bytes."""

    def put(self, name: str, content: bytes) -> Any:
        """Bytes under a name, which has its ending; the place."""

    def content(self, place: Any) -> bytes: ...

    def remove(self, place: Any) -> None: ...

    def below(self, path: str) -> Any:
        """What a source is given to read more than one file: a glob, or a folder."""


@dataclass(frozen=True, slots=True)
class Table:
    """Of a database."""

    url: str
    name: str


@dataclass(frozen=True, slots=True)
class Object:
    """One, a folder of them or a glob; of a bucket."""

    bucket: Bucket
    key: str


@dataclass(frozen=True, slots=True)
class LakeTable:
    """Of an Iceberg catalog; `options`: of a source that reads it."""

    name: str
    options: dict[str, Any]


def source(kind: str, place: Path | str | Table | Object | LakeTable, **options: Any) -> Source:
    """A member of monitor/sources that reads there; its time is `ts` unless told otherwise."""
    options = {"timestamp": "ts", **options}
    if isinstance(place, Table):
        built: Source = member(Family.SOURCE, "sql")(url=place.url, table=place.name, **options)
        return built
    if isinstance(place, LakeTable):
        lake: Source = member(Family.SOURCE, "iceberg")(table=place.name, **place.options, **options)
        return lake
    path = str(place)
    if isinstance(place, Object):
        path, options = place.bucket.url(place.key), {**place.bucket.options, **options}
    file: Source = member(Family.SOURCE, kind.partition(" ")[0])(path=path, **options)
    return file


@dataclass(frozen=True, slots=True)
class Files:
    kind: str
    folder: Path

    def write(self, name: str, frame: pl.DataFrame) -> Path:
        path = self.folder / f"{name}.{self.kind}"
        path.parent.mkdir(parents=True, exist_ok=True)
        getattr(frame, f"write_{self.kind}")(path)
        return path

    def rewrite(self, place: Path, frame: pl.DataFrame) -> None:
        self.write("new", frame).replace(place)

    def growing(self, frame: pl.DataFrame) -> tuple[Path, Add]:
        self.write("0", frame)
        names = count(1)
        return self.folder / f"*.{self.kind}", lambda more: self.write(str(next(names)), more)

    def nowhere(self) -> Path:
        return self.folder / "x"

    def put(self, name: str, content: bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    def content(self, place: Path) -> bytes:
        return place.read_bytes()

    def remove(self, place: Path) -> None:
        place.unlink()

    def below(self, path: str) -> Path:
        return self.folder / path


@dataclass(frozen=True, slots=True)
class Inboxes:
    """Folders of batches, as the daemon keeps them."""

    folder: Path

    def write(self, name: str, frame: pl.DataFrame) -> Path:
        place = self.folder / name
        place.mkdir(parents=True, exist_ok=True)
        frame.write_parquet(place / "0.parquet")
        return place

    def rewrite(self, place: Path, frame: pl.DataFrame) -> None:
        frame.write_parquet(place / ".new.parquet")
        (place / ".new.parquet").replace(place / "0.parquet")

    def growing(self, frame: pl.DataFrame) -> tuple[Path, Add]:
        place = self.write("growing", frame)
        names = count(1)
        return place, lambda more: more.write_parquet(place / f"{next(names)}.parquet")

    def nowhere(self) -> Path:
        return self.folder / "x"


@dataclass(frozen=True, slots=True)
class Objects:
    """Of one kind, in a folder of a bucket."""

    kind: str
    bucket: Bucket

    def write(self, name: str, frame: pl.DataFrame) -> Object:
        written = io.BytesIO()
        getattr(frame, f"write_{self.kind}")(written)
        return self.put(f"{name}.{self.kind}", written.getvalue())

    def rewrite(self, place: Object, frame: pl.DataFrame) -> None:
        self.write(place.key.removeprefix("in/").removesuffix(f".{self.kind}"), frame)

    def growing(self, frame: pl.DataFrame) -> tuple[Object, Add]:
        self.write("0", frame)
        names = count(1)
        return self.below(f"*.{self.kind}"), lambda more: self.write(str(next(names)), more)

    def nowhere(self) -> Object:
        return self.below("x")

    def put(self, name: str, content: bytes) -> Object:
        self.bucket.put(f"in/{name}", content)
        return self.below(name)

    def content(self, place: Object) -> bytes:
        return self.bucket.get(place.key)

    def remove(self, place: Object) -> None:
        self.bucket.delete(place.key)

    def below(self, path: str) -> Object:
        return Object(self.bucket, f"in/{path}")


@dataclass(frozen=True, slots=True)
class DeltaTables:
    """In a folder, or in a bucket."""

    home: Path | Bucket

    def write(self, name: str, frame: pl.DataFrame) -> Path | Object:
        key = f"{name}{next(_NUMBERS)}"
        place = self.home / key if isinstance(self.home, Path) else Object(self.home, key)
        self._save(place, frame, "error")
        return place

    def rewrite(self, place: Path | Object, frame: pl.DataFrame) -> None:
        self._save(place, frame, "overwrite")

    def growing(self, frame: pl.DataFrame) -> tuple[Path | Object, Add]:
        place = self.write("growing", frame)
        return place, lambda more: self._save(place, more, "append")

    def nowhere(self) -> Path | Object:
        return self.home / "x" if isinstance(self.home, Path) else Object(self.home, "x")

    def _save(self, place: Path | Object, frame: pl.DataFrame, mode: Any) -> None:
        frame = frame.with_columns(pl.col(pl.Null).cast(pl.Float64))  # it has no such type
        options = {"schema_mode": "overwrite"} if mode == "overwrite" else {}
        if isinstance(place, Path):
            frame.write_delta(place, mode=mode, delta_write_options=options)
            return
        given = {
            f"aws_{name}": str(value) for name, value in place.bucket.options.items() if name != "endpoint"
        }
        given |= {
            "aws_endpoint_url": place.bucket.options["endpoint"],
            "aws_allow_http": "true",
            "aws_s3_allow_unsafe_rename": "true",
        }
        given.pop("aws_allow_private")
        url = place.bucket.url(place.key)
        frame.write_delta(url, mode=mode, storage_options=given, delta_write_options=options)


@dataclass(frozen=True, slots=True)
class IcebergTables:
    """Of a catalog in SQLite; their files beside it, or in a bucket."""

    folder: Path
    bucket: Bucket | None = None

    @property
    def catalog(self) -> "Catalog":
        from pyiceberg.catalog import load_catalog  # half a second; few tests need it

        url = f"sqlite:///{self.folder}/catalog.db"
        if self.bucket is None:
            return load_catalog("default", type="sql", uri=url, warehouse=f"file://{self.folder}/lake")
        given = {
            f"s3.{name.replace('_', '-')}": str(self.bucket.options[name])
            for name in ("endpoint", "region", "access_key_id", "secret_access_key")
        }
        return load_catalog("default", type="sql", uri=url, warehouse=self.bucket.url("lake"), **given)

    def write(self, name: str, frame: pl.DataFrame) -> LakeTable:
        place = replace(self.nowhere(), name=f"shop.{name}{next(_NUMBERS)}")
        with closing(self.catalog) as catalog:
            catalog.create_namespace_if_not_exists("shop")
            catalog.create_table(place.name, schema=_arrow(frame).schema)
        self.add(place, frame)
        return place

    def add(self, place: LakeTable, frame: pl.DataFrame) -> None:
        with closing(self.catalog) as catalog:
            catalog.load_table(place.name).append(_arrow(frame))

    def rewrite(self, place: LakeTable, frame: pl.DataFrame) -> None:
        with closing(self.catalog) as catalog:
            catalog.load_table(place.name).overwrite(_arrow(frame))

    def growing(self, frame: pl.DataFrame) -> tuple[LakeTable, Add]:
        place = self.write("growing", frame)
        return place, lambda more: self.add(place, more)

    def nowhere(self) -> LakeTable:
        with closing(self.catalog):  # makes its tables
            pass
        options = {"url": f"sqlite:///{self.folder}/catalog.db"}
        return LakeTable("shop.x", {**options, **(self.bucket.options if self.bucket else {})})


def _arrow(frame: pl.DataFrame) -> Any:
    return frame.with_columns(pl.col(pl.Null).cast(pl.Float64)).to_arrow()  # it has no such type


@dataclass(frozen=True, slots=True)
class SqliteTables:
    """In one file. Times are texts, as SQLite has no type for them."""

    path: Path
    journal: str = "wal"

    def write(self, name: str, frame: pl.DataFrame) -> Table:
        place = Table(url=f"sqlite:///{self.path}", name=f"{name} {next(_NUMBERS)}")
        self._create(place, frame)
        return place

    def add(self, place: Table, frame: pl.DataFrame) -> None:
        with closing(sqlite3.connect(self.path)) as file, file:
            marks = ", ".join("?" * frame.width)
            rows = ([_plain(value) for value in row] for row in frame.iter_rows())
            file.executemany(f"INSERT INTO {quoted(place.name)} VALUES ({marks})", rows)

    def rewrite(self, place: Table, frame: pl.DataFrame) -> None:
        with closing(sqlite3.connect(self.path)) as file, file:
            file.execute(f"DROP TABLE {quoted(place.name)}")
        self._create(place, frame)

    def growing(self, frame: pl.DataFrame) -> tuple[Table, Add]:
        place = self.write("growing", frame)
        return place, lambda more: self.add(place, more)

    def nowhere(self) -> Table:
        return replace(self.write("something", pl.DataFrame({"ts": ["2024-03-10"]})), name="x")

    def _create(self, place: Table, frame: pl.DataFrame) -> None:
        with closing(sqlite3.connect(self.path)) as file:
            file.execute(f"PRAGMA journal_mode = {self.journal}")
            columns = ", ".join(f"{quoted(name)} {_sqlite(dtype)}" for name, dtype in frame.schema.items())
            file.execute(f"CREATE TABLE {quoted(place.name)} ({columns})")
            file.commit()
        self.add(place, frame)


@dataclass(frozen=True, slots=True)
class PostgresTables:
    """Of one database of a real server."""

    url: str

    def write(self, name: str, frame: pl.DataFrame) -> Table:
        place = Table(url=self.url, name=f"{name} {next(_NUMBERS)}")
        self._create(place, frame)
        return place

    def add(self, place: Table, frame: pl.DataFrame) -> None:
        with psycopg.connect(self.url) as conn, conn.cursor() as cursor:
            copy = sql.SQL("COPY {} FROM STDIN").format(sql.Identifier(place.name))
            with cursor.copy(copy) as into:
                for row in frame.iter_rows():
                    into.write_row(row)

    def rewrite(self, place: Table, frame: pl.DataFrame) -> None:
        with psycopg.connect(self.url) as conn:
            conn.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(place.name)))
        self._create(place, frame)

    def growing(self, frame: pl.DataFrame) -> tuple[Table, Add]:
        place = self.write("growing", frame)
        return place, lambda more: self.add(place, more)

    def nowhere(self) -> Table:
        return Table(url=self.url, name="x")

    def _create(self, place: Table, frame: pl.DataFrame) -> None:
        columns = sql.SQL(", ").join(
            sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(_postgres(dtype)))  # type: ignore[arg-type]
            for name, dtype in frame.schema.items()
        )
        with psycopg.connect(self.url) as conn:
            conn.execute(sql.SQL("CREATE TABLE {} ({})").format(sql.Identifier(place.name), columns))
        self.add(place, frame)


def quoted(name: str) -> str:
    """As SQL writes any name."""
    return '"' + name.replace('"', '""') + '"'


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    return value if value is None or isinstance(value, int | float | str | bytes) else str(value)


def _sqlite(dtype: pl.DataType) -> str:
    if isinstance(dtype, pl.Datetime):
        return "TIMESTAMP"
    named = ((pl.Boolean, "BOOLEAN"), (pl.Date, "DATE"), (pl.String, "TEXT"), (pl.Null, "REAL"))
    return next((word for each, word in named if dtype == each), "INTEGER" if dtype.is_integer() else "REAL")


def _postgres(dtype: pl.DataType) -> str:
    if isinstance(dtype, pl.Datetime):
        return "timestamptz" if dtype.time_zone else "timestamp"
    if isinstance(dtype, pl.Decimal):
        return "numeric"
    if isinstance(dtype, pl.List):
        return "bigint[]"
    named = (
        (pl.Boolean, "boolean"),
        (pl.Date, "date"),
        (pl.String, "text"),
        (pl.Duration, "interval"),
        (pl.Time, "time"),
    )
    return next(
        (word for each, word in named if dtype == each),
        "bigint" if dtype.is_integer() else "double precision",
    )
