"""What only an Iceberg table asks: which catalog, which snapshot, and what its metadata say."""

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from pyiceberg.catalog import load_catalog
from pyiceberg.table import Table
from pytest_httpserver import HTTPServer

from detectors._column import Kind, NumericColumn
from monitor.source import SourceError, Window
from monitor.sources.iceberg import IcebergSource
from storage.span import Span
from tests.monitor.shelves import IcebergTables, LakeTable
from tests.object_store import ObjectStore, options
from tests.postgres import Server

T0 = datetime(2024, 3, 10, tzinfo=UTC)
DAY = Span(start=T0, end=T0 + timedelta(days=1))
WANTED = {"x": Kind.NUMERIC}


def rows(hours: int = 6, start: datetime = T0, **extra: Any) -> pl.DataFrame:
    times = [start + timedelta(hours=hour) for hour in range(hours)]
    return pl.DataFrame({"ts": times, "x": [float(hour) for hour in range(hours)], **extra})


def numbers(window: Window, name: str = "x") -> list[float]:
    found: list[float] = []
    for batch in window.batches:
        column = batch.columns[name]
        assert isinstance(column, NumericColumn)
        found += column.values.tolist()
    return sorted(found)


@pytest.fixture
def shelf(tmp_path: Path) -> IcebergTables:
    return IcebergTables(tmp_path)


@pytest.fixture
def table(shelf: IcebergTables) -> LakeTable:
    """Six hours, then six more."""
    place = shelf.write("t", rows())
    shelf.add(place, rows(start=T0 + timedelta(hours=6)))
    return place


def iceberg(place: LakeTable, **more: Any) -> IcebergSource:
    return IcebergSource(**{"table": place.name, "timestamp": "ts", **place.options, **more})


def loaded(shelf: IcebergTables, place: LakeTable) -> Table:
    with closing(shelf.catalog) as catalog:
        return catalog.load_table(place.name)


def files(found: Table) -> list[Path]:
    return [Path(task.file.file_path.removeprefix("file://")) for task in found.scan().plan_files()]


def test_a_window_knows_its_snapshot(shelf: IcebergTables, table: LakeTable) -> None:
    """And a source without one takes the newest at each look."""
    source = iceberg(table)
    window = source.pull(DAY, WANTED)
    current = loaded(shelf, table).current_snapshot()
    assert current is not None
    assert window.data_version == f"snapshot {current.snapshot_id}"
    assert len(numbers(window)) == 12
    shelf.add(table, rows(1, start=T0 + timedelta(hours=20)))
    assert source.fingerprint(DAY).rows == 13
    assert source.pull(DAY, WANTED).data_version != f"snapshot {current.snapshot_id}"


def test_a_snapshot_is_one_moment_of_the_table(shelf: IcebergTables, table: LakeTable) -> None:
    """What is written while it is read is another snapshot's."""
    window = iceberg(table).pull(DAY, WANTED)
    shelf.rewrite(table, rows(1))
    assert len(numbers(window)) == 12


def test_the_past_is_read_by_its_number_or_its_time(shelf: IcebergTables, table: LakeTable) -> None:
    """A window of last month can be measured on the rows that were there then."""
    first, _ = loaded(shelf, table).snapshots()
    past = iceberg(table, snapshot=first.snapshot_id).pull(DAY, WANTED)
    assert (past.data_version, len(numbers(past))) == (f"snapshot {first.snapshot_id}", 6)
    at = datetime.fromtimestamp(first.timestamp_ms / 1000, tz=UTC)
    assert len(numbers(iceberg(table, as_of=at).pull(DAY, WANTED))) == 6
    assert len(numbers(iceberg(table, as_of=datetime(2124, 1, 1, tzinfo=UTC)).pull(DAY, WANTED))) == 12


def test_a_past_that_is_not_there_needs_a_person(table: LakeTable) -> None:
    """Never another snapshot instead."""
    for source, words in (
        (iceberg(table, snapshot=7), "has no snapshot 7"),
        (iceberg(table, as_of=datetime(2000, 1, 1, tzinfo=UTC)), "no snapshot as old as `as_of`"),
    ):
        with pytest.raises(SourceError, match=words) as caught:
            source.watermark()
        assert not caught.value.transient


def test_a_table_that_was_never_written_to_is_an_empty_source(shelf: IcebergTables) -> None:
    """It has columns and no snapshot."""
    place = replace(shelf.nowhere(), name="shop.new")
    with closing(shelf.catalog) as catalog:
        catalog.create_namespace("shop")
        catalog.create_table("shop.new", schema=rows().to_arrow().schema)
    source = iceberg(place)
    assert source.watermark() is None
    assert list(source.schema()) == ["ts", "x"]
    assert list(source.pull(DAY, WANTED).batches) == []
    shelf.add(place, rows())
    assert source.watermark() == T0 + timedelta(hours=5)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"snapshot": 1, "as_of": T0}, "as_of: must not stand beside"),
        ({"as_of": datetime(2024, 1, 1)}, "as_of: must have an offset"),  # noqa: DTZ001 as a config may have it
        ({"table": "orders"}, "table: must be namespace.table"),
        ({"url": "CANARY"}, "url: must be that of a catalog"),
        ({"url": "mysql://u:CANARY@h/d"}, "url: must be that of a catalog"),
        ({"url": "http://catalog.example"}, "url: must begin with https"),
        ({"url": "https://u:CANARY@catalog.example"}, "url: must not hold a user name"),
        (
            {"url": "https://catalog.example", "allowed_hosts": ("*.org",)},
            "url: catalog.example is not among",
        ),
        ({"token": "CANARY"}, "token: is for a catalog that is a service"),
        ({"access_key_id": "k"}, "secret_access_key: is missing"),
        ({"endpoint": "http://minio.example"}, "endpoint: must begin with https"),
    ],
)
def test_options_that_do_not_fit_are_named(given: dict[str, Any], words: str) -> None:
    """By the option's name, and without what it holds."""
    with pytest.raises(ValueError, match="^" + words) as caught:
        IcebergSource(**{"url": "sqlite:///x.db", "table": "a.b", **given})
    assert "CANARY" not in str(caught.value)


def test_a_wrong_name_is_told_with_the_nearest(table: LakeTable) -> None:
    """Whether the table or the namespace is wrong."""
    near = table.name.replace("shop.t", "shop.tt")
    with pytest.raises(SourceError, match=f"no such table {near!r}; did you mean {table.name!r}") as caught:
        iceberg(replace(table, name=near)).schema()
    assert caught.value.transient
    with pytest.raises(SourceError, match="correct `table`"):
        iceberg(replace(table, name="nowhere.t")).schema()
    with pytest.raises(SourceError, match="correct `table`, `catalog`"):
        iceberg(table, catalog="another").schema()


def test_a_catalog_is_never_made(tmp_path: Path) -> None:
    """Neither the file nor its tables: sources only read."""
    source = IcebergSource(url=f"sqlite:///{tmp_path}/x.db", table="a.b")
    with pytest.raises(SourceError, match=r"x\.db: no such file"):
        source.schema()
    assert not (tmp_path / "x.db").exists()
    (tmp_path / "x.db").touch()
    with pytest.raises(SourceError, match="is no catalog") as caught:
        source.schema()
    assert not caught.value.transient
    assert (tmp_path / "x.db").read_bytes() == b""


def test_a_column_that_was_renamed_is_the_same(shelf: IcebergTables, table: LakeTable) -> None:
    """Iceberg knows columns by number: old files are read under the new name."""
    with loaded(shelf, table).update_schema() as update:
        update.rename_column("x", "y")
    shelf.add(table, rows(1, start=T0 + timedelta(hours=20)).rename({"x": "y"}))
    window = iceberg(table).pull(DAY, {"y": Kind.NUMERIC, "x": Kind.NUMERIC})
    assert [problem.column for problem in window.problems] == ["x"]
    assert len(numbers(window, "y")) == 13


def test_partition_columns_are_columns(shelf: IcebergTables) -> None:
    """Also where days or buckets of them are what files are laid out by."""
    place = shelf.write("p", rows(p=["a/b", "ü", None, "1", "", "%2F"])[:0])
    found = loaded(shelf, place)
    with found.update_spec() as update:
        update.add_identity("p")
        update.add_field("ts", "day", "ts_day")
    shelf.add(place, rows(p=["a/b", "ü", None, "1", "", "%2F"]))
    assert numbers(iceberg(place, filter={"p": "ü"}).pull(DAY, WANTED)) == [1.0]
    assert len(numbers(iceberg(place).pull(DAY, WANTED))) == 6
    shelf.add(place, rows(start=T0 + timedelta(days=1), p=["1"] * 6))
    assert iceberg(place).watermark() == T0 + timedelta(hours=29)
    assert iceberg(place).fingerprint(DAY).rows == 6


def test_deleted_rows_are_gone(shelf: IcebergTables, table: LakeTable) -> None:
    """In rows, fingerprint and watermark alike."""
    loaded(shelf, table).delete(f"ts >= '{(T0 + timedelta(hours=10)).isoformat()}'")
    source = iceberg(table)
    assert source.fingerprint(DAY).rows == 10
    assert source.watermark() == T0 + timedelta(hours=9)


def test_old_files_are_not_opened_for_new_rows(shelf: IcebergTables, table: LakeTable) -> None:
    """The manifests know the times of each: neither for the newest time nor for a window."""
    far = Span(start=T0 + timedelta(hours=30), end=T0 + timedelta(days=4))
    old = files(loaded(shelf, table))
    shelf.add(table, rows(start=far.start))
    for file in old:
        file.unlink()
    source = iceberg(table)
    assert source.watermark() == far.start + timedelta(hours=5)
    assert len(numbers(source.pull(far, WANTED))) == source.fingerprint(far).rows == 6
    with pytest.raises(SourceError, match=r"a file of it went away.*keep them for longer") as caught:
        source.fingerprint(DAY)
    assert caught.value.transient


def test_a_filter_looks_further_back_for_its_newest_row(shelf: IcebergTables) -> None:
    """The newest file may be all another model's."""
    place = shelf.write("t", rows(model=["shop"] * 6))
    shelf.add(place, rows(start=T0 + timedelta(hours=6), model=["other"] * 6))
    assert iceberg(place, filter={"model": "shop"}).watermark() == T0 + timedelta(hours=5)


def test_naive_times_are_local(shelf: IcebergTables) -> None:
    """`timestamp` is wall-clock time."""
    place = shelf.write("t", rows().with_columns(pl.col("ts").dt.replace_time_zone(None)))
    with pytest.raises(SourceError, match="set timestamp_zone"):
        iceberg(place).watermark()
    assert iceberg(place, timestamp_zone="UTC").watermark() == T0 + timedelta(hours=5)


@pytest.fixture
def database(postgres: Server) -> Iterator[str]:
    name = postgres.database()
    yield name
    postgres.drop(name)


def test_a_catalog_may_be_in_postgresql(tmp_path: Path, postgres: Server, database: str) -> None:
    """Asked by a role that may only read it."""
    url = postgres.url(database)
    psycopg = url.replace("postgresql://", "postgresql+psycopg://")
    with closing(
        load_catalog("lake", type="sql", uri=psycopg, warehouse=f"file://{tmp_path}/lake")
    ) as catalog:
        catalog.create_namespace("shop")
        catalog.create_table("shop.orders", schema=rows().to_arrow().schema).append(rows().to_arrow())
    postgres.sql(
        "CREATE ROLE reads_catalog LOGIN",
        "GRANT SELECT ON iceberg_tables TO reads_catalog",
        database=database,
    )
    try:
        asked = postgres.url(database, "reads_catalog")
        source = IcebergSource(url=asked, catalog="lake", table="shop.orders", timestamp="ts")
        assert source.watermark() == T0 + timedelta(hours=5)
        postgres.sql("REVOKE SELECT ON iceberg_tables FROM reads_catalog", database=database)
        with pytest.raises(SourceError, match="GRANT SELECT") as caught:
            source.watermark()
        assert not caught.value.transient
    finally:
        postgres.sql("DROP OWNED BY reads_catalog", "DROP ROLE reads_catalog", database=database)


def test_a_database_that_is_gone_is_transient_and_its_password_is_shown_nowhere() -> None:
    """As for the sql source."""
    source = IcebergSource(url="postgresql://u:CANARY@127.0.0.1:9/x", table="a.b")
    with pytest.raises(SourceError, match=r"postgresql://u@127\.0\.0\.1:9/x") as caught:
        source.schema()
    assert caught.value.transient
    assert "CANARY" not in str(caught.value) + repr(source)


@pytest.fixture
def service(httpserver: HTTPServer, shelf: IcebergTables, table: LakeTable) -> HTTPServer:
    """A catalog that is a service, and knows one table."""
    found = loaded(shelf, table)
    bearer = {"Authorization": "Bearer CANARY"}
    httpserver.expect_request("/v1/config", headers=bearer).respond_with_json(
        {"defaults": {}, "overrides": {}}
    )
    answer = {
        "metadata-location": found.metadata_location,
        "metadata": json.loads(found.metadata.model_dump_json()),
    }
    path = f"/v1/namespaces/shop/tables/{table.name.removeprefix('shop.')}"
    httpserver.expect_request(path, headers=bearer).respond_with_json({**answer, "config": {}})
    return httpserver


def asking(server: HTTPServer, table: str, **more: Any) -> IcebergSource:
    given = {"token": "CANARY", "allow_http": True, "allow_private": True, "timestamp": "ts", **more}
    return IcebergSource(url=server.url_for("").rstrip("/"), table=table, **given)


def test_a_catalog_may_be_a_service(service: HTTPServer, table: LakeTable) -> None:
    """Asked with a token, and for the table alone."""
    source = asking(service, table.name)
    assert source.watermark() == T0 + timedelta(hours=11)
    assert len(numbers(source.pull(DAY, WANTED))) == 12
    assert {request.method for request, _ in service.log} == {"GET"}


@pytest.mark.parametrize(
    ("status", "kind", "transient", "words"),
    [
        (401, "NotAuthorizedException", False, "check `token`"),
        (403, "ForbiddenException", False, "let this token"),
        (400, "BadRequestException", False, "is `url` that of an Iceberg REST catalog"),
        (500, "InternalServerError", True, "service well"),
        (503, "SlowDownException", True, "service well"),
    ],
)
def test_each_answer_of_a_service_asks_for_something(
    httpserver: HTTPServer, status: int, kind: str, transient: bool, words: str
) -> None:
    """And nothing of it is repeated."""
    body = {"error": {"message": "CANARY", "type": kind, "code": status}}
    httpserver.expect_request("/v1/config").respond_with_json(body, status=status)
    with pytest.raises(SourceError, match=words) as caught:
        asking(httpserver, "a.b").schema()
    assert caught.value.transient is transient
    assert "CANARY" not in str(caught.value)


def test_a_service_that_is_none_or_is_gone(httpserver: HTTPServer) -> None:
    """A web page, and nobody at all."""
    httpserver.expect_request("/v1/config").respond_with_data("<html>CANARY</html>")
    with pytest.raises(SourceError, match="did not answer as it should") as caught:
        asking(httpserver, "a.b").schema()
    assert "CANARY" not in str(caught.value)
    httpserver.stop()
    try:
        with pytest.raises(SourceError, match="is the catalog's service well") as caught:
            asking(httpserver, "a.b").schema()
    finally:
        httpserver.start()
    assert caught.value.transient


def test_a_service_inside_must_be_meant(httpserver: HTTPServer) -> None:
    """And so must the store that it leads to."""
    with pytest.raises(SourceError, match="private address; allow_private"):
        asking(httpserver, "a.b", allow_private=False).schema()
    assert not httpserver.log


def test_a_store_inside_must_be_meant(tmp_path: Path, object_store: ObjectStore) -> None:
    """Files are where the catalog says; who is asked for them is where the config says."""
    place = IcebergTables(tmp_path, object_store.bucket()).write("t", rows())
    assert len(numbers(iceberg(place).pull(DAY, WANTED))) == 6
    with pytest.raises(SourceError, match="private address; allow_private"):
        iceberg(place, **{**options(object_store.endpoint), "allow_private": False}).schema()
