"""What only a Delta table asks: which version, whose files, and what its log says that a file does not."""

import base64
import json
import re
import struct
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from deltalake import DeltaTable
from pytest_httpserver import HTTPServer
from werkzeug import Response

from detectors._column import CategoryColumn, Kind, NumericColumn
from monitor.source import SourceError, Window
from monitor.sources.delta import DeltaSource
from storage.span import Span
from tests.object_store import options

T0 = datetime(2024, 3, 10, tzinfo=UTC)
DAY = Span(start=T0, end=T0 + timedelta(days=1))
WANTED = {"x": Kind.NUMERIC}


def rows(hours: int = 6, start: datetime = T0, **extra: Any) -> pl.DataFrame:
    times = [start + timedelta(hours=hour) for hour in range(hours)]
    return pl.DataFrame({"ts": times, "x": [float(hour) for hour in range(hours)], **extra})


def numbers(window: Window) -> list[float]:
    found: list[float] = []
    for batch in window.batches:
        column = batch.columns["x"]
        assert isinstance(column, NumericColumn)
        found += column.values.tolist()
    return found


def labels(window: Window, name: str) -> list[str | None]:
    found: list[str | None] = []
    for batch in window.batches:
        column = batch.columns[name]
        assert isinstance(column, CategoryColumn)
        found += [None if code < 0 else column.labels[code] for code in column.codes]
    return found


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Version 0: six hours; version 1: six more."""
    rows().write_delta(tmp_path / "t")
    rows(start=T0 + timedelta(hours=6)).write_delta(tmp_path / "t", mode="append")
    return tmp_path / "t"


def delta(table: Path, **more: Any) -> DeltaSource:
    return DeltaSource(**{"path": str(table), "timestamp": "ts", **more})


def commit(path: Path, *actions: dict[str, Any]) -> None:
    """Another version, as any writer may leave it."""
    log = path / "_delta_log"
    number = len(list(log.glob("*.json")))
    (log / f"{number:020d}.json").write_text("\n".join(map(json.dumps, actions)))


def actions(path: Path, word: str) -> list[dict[str, Any]]:
    lines = [
        json.loads(line)
        for file in sorted((path / "_delta_log").glob("*.json"))
        for line in file.read_text().splitlines()
    ]
    return [line[word] for line in lines if word in line]


def test_a_window_knows_its_version(table: Path) -> None:
    """And a source without `version` takes the newest at each look."""
    source = delta(table)
    window = source.pull(DAY, WANTED)
    assert window.data_version == "version 1"
    assert len(numbers(window)) == 12
    rows(1, start=T0 + timedelta(hours=20)).write_delta(table, mode="append")
    assert source.fingerprint(DAY).rows == 13
    assert source.pull(DAY, WANTED).data_version == "version 2"


def test_a_version_is_one_moment_of_the_table(table: Path) -> None:
    """What is written while it is read is another version's."""
    window = delta(table).pull(DAY, WANTED)
    rows().write_delta(table, mode="overwrite")
    assert len(numbers(window)) == 12


def test_the_past_is_read_by_its_number_or_its_time(table: Path) -> None:
    """A window of last month can be measured on the rows that were there then."""
    assert len(numbers(delta(table, version=0).pull(DAY, WANTED))) == 6
    first, second = (each["timestamp"] for each in actions(table, "commitInfo"))
    assert first < second
    at = datetime.fromtimestamp(first / 1000, tz=UTC)
    past = delta(table, as_of=at).pull(DAY, WANTED)
    assert (past.data_version, len(numbers(past))) == ("version 0", 6)
    late = delta(table, as_of=datetime(2124, 1, 1, tzinfo=UTC))
    assert late.pull(DAY, WANTED).data_version == "version 1"


def test_a_past_that_is_not_there_needs_a_person(table: Path) -> None:
    """Never another version instead."""
    for source, words in (
        (delta(table, version=7), "has no version 7"),
        (
            delta(table, as_of=datetime(2000, 1, 1, tzinfo=UTC)),
            "no version as old as `as_of`; its oldest is of",
        ),
    ):
        with pytest.raises(SourceError, match=words) as caught:
            source.watermark()
        assert not caught.value.transient


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"version": 1, "as_of": T0}, "as_of: must not stand beside"),
        ({"version": -1}, "version: must be 0 or more"),
        ({"as_of": datetime(2024, 1, 1)}, "as_of: must have an offset"),  # noqa: DTZ001 as a config may have it
        ({"path": "gs://x"}, "path: must be a local path"),
    ],
)
def test_options_that_do_not_fit_are_named(tmp_path: Path, given: dict[str, Any], words: str) -> None:
    """By the option's name."""
    with pytest.raises(ValueError, match="^" + words):
        delta(tmp_path, **given)


def test_partition_columns_are_columns(tmp_path: Path) -> None:
    """Though no file holds them; null, empty and any sign in them are what they are."""
    values = ["a/b", "ü x", "%2F", "1", None, ""]
    frame = rows(p=values, day=[date(2024, 3, 10)] * 6)
    frame.write_delta(tmp_path / "t", delta_write_options={"partition_by": ["p", "day"]})
    source = delta(tmp_path / "t")
    window = source.pull(DAY, {**WANTED, "p": Kind.CATEGORY})
    assert sorted(labels(window, "p"), key=str) == sorted(values, key=str)
    assert numbers(delta(tmp_path / "t", filter={"p": "ü x"}).pull(DAY, WANTED)) == [1.0]
    assert source.watermark() == T0 + timedelta(hours=5)


def test_partitions_that_no_name_says_are_refused(table: Path) -> None:
    """polars would give null for all of them."""
    (meta,) = actions(table, "metaData")
    fields = json.loads(meta["schemaString"])
    fields["fields"].append({"name": "p", "type": "string", "nullable": True, "metadata": {}})
    (first, _) = actions(table, "add")
    commit(
        table,
        {"metaData": {**meta, "schemaString": json.dumps(fields), "partitionColumns": ["p"]}},
        {"add": {**first, "path": first["path"], "partitionValues": {"p": "eu"}}},
    )
    with pytest.raises(SourceError, match="partition column 'p' is not in the name of part-") as caught:
        delta(table).pull(DAY, {"p": Kind.CATEGORY})
    assert not caught.value.transient


def vector(*deleted: int) -> dict[str, Any]:
    """A deletion vector within the log (PROTOCOL.md, "Deletion Vector Format"): a Roaring bitmap in Z85."""
    bitmap = struct.pack("<IIHHI", 12346, 1, 0, len(deleted) - 1, 16) + struct.pack(
        f"<{len(deleted)}H", *deleted
    )
    content = struct.pack("<IQI", 1681511377, 1, 0) + bitmap
    python = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~"
    z85 = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"
    coded = base64.b85encode(content + b"\0" * (-len(content) % 4)).decode()
    return {
        "storageType": "i",
        "pathOrInlineDv": coded.translate(str.maketrans(python, z85)),
        "sizeInBytes": len(content),
        "cardinality": len(deleted),
    }


def delete(table: Path, add: dict[str, Any], *deleted: int) -> None:
    feature = {"readerFeatures": ["deletionVectors"], "writerFeatures": ["deletionVectors"]}
    commit(
        table,
        {"protocol": {"minReaderVersion": 3, "minWriterVersion": 7, **feature}},
        {"remove": {"path": add["path"], "deletionTimestamp": 1, "dataChange": True}},
        {"add": {**add, "deletionVector": vector(*deleted)}},
        {"commitInfo": {"timestamp": 2_000_000_000_000, "operation": "DELETE"}},
    )


def test_rows_of_a_deletion_vector_are_gone(table: Path) -> None:
    """Though their file still holds them; in rows, fingerprint and watermark alike."""
    newest = actions(table, "add")[-1]
    delete(table, newest, 1, 5)
    source = delta(table)
    assert sorted(numbers(source.pull(DAY, WANTED))) == [0, 0, 1, 2, 2, 3, 3, 4, 4, 5]
    assert source.fingerprint(DAY).rows == 10
    assert source.watermark() == T0 + timedelta(hours=10)


def test_old_files_are_not_opened_for_new_rows(table: Path) -> None:
    """The log knows the times of each: neither for the newest time nor for a window."""
    (table / actions(table, "add")[0]["path"]).unlink()
    source = delta(table)
    assert source.watermark() == T0 + timedelta(hours=11)
    far = Span(start=T0 + timedelta(hours=30), end=T0 + timedelta(days=4))
    rows(start=far.start).write_delta(table, mode="append")
    assert source.fingerprint(far).rows == 6
    assert len(numbers(source.pull(far, WANTED))) == 6
    with pytest.raises(SourceError, match="went away"):
        source.fingerprint(DAY)


@pytest.mark.parametrize("gone", [(0, 1, 2, 3, 4, 5), (2, 3, 4, 5)])
def test_the_newest_time_is_not_that_of_deleted_rows(table: Path, gone: tuple[int, ...]) -> None:
    """Nor of another model's: what the log says of a file is an upper bound."""
    delete(table, actions(table, "add")[-1], *gone)
    assert delta(table).watermark() == T0 + timedelta(hours=5 if len(gone) == 6 else 7)


def test_a_filter_looks_further_back_for_its_newest_row(tmp_path: Path) -> None:
    """The newest file may be all another model's."""
    rows(model=["shop"] * 6).write_delta(tmp_path / "t")
    rows(start=T0 + timedelta(hours=6), model=["other"] * 6).write_delta(tmp_path / "t", mode="append")
    assert delta(tmp_path / "t", filter={"model": "shop"}).watermark() == T0 + timedelta(hours=5)


def test_a_column_that_came_later_is_missing_before(table: Path) -> None:
    """The table's schema is that of its version; older files lack the column."""
    more = rows(start=T0 + timedelta(hours=12), c=["a"] * 6)
    more.write_delta(table, mode="append", delta_write_options={"schema_mode": "merge"})
    found = labels(delta(table).pull(DAY, {"c": Kind.CATEGORY}), "c")
    assert (found.count(None), found.count("a")) == (12, 6)


def test_a_feature_that_polars_does_not_know_needs_a_person(table: Path) -> None:
    """Column mapping: files hold other names than the table."""
    commit(table, {"protocol": {"minReaderVersion": 2, "minWriterVersion": 5}})
    with pytest.raises(SourceError, match="column mapping") as caught:
        delta(table).pull(DAY, WANTED)
    assert not caught.value.transient


def test_a_file_that_was_vacuumed_is_named(table: Path) -> None:
    """Who reads the past, or slowly, needs old files for longer."""
    window = delta(table).pull(DAY, WANTED)
    for file in table.glob("*.parquet"):
        file.unlink()
    with pytest.raises(
        SourceError, match=r"version 1: a file of it went away.*keep them for longer"
    ) as caught:
        list(window.batches)
    assert caught.value.transient


def test_a_broken_log_is_transient(table: Path) -> None:
    """A copy that is under way, or a writer that died."""
    commit(table, {"add": {"path": 3}})
    with pytest.raises(SourceError, match="log cannot be read") as caught:
        delta(table).watermark()
    assert caught.value.transient


def test_naive_times_are_local(tmp_path: Path) -> None:
    """`timestampNtz` is wall-clock time."""
    frame = rows().with_columns(pl.col("ts").dt.replace_time_zone(None))
    frame.write_delta(tmp_path / "t")
    assert DeltaTable(tmp_path / "t").protocol().reader_features == ["timestampNtz"]
    with pytest.raises(SourceError, match="set timestamp_zone"):
        delta(tmp_path / "t").watermark()
    assert delta(tmp_path / "t", timestamp_zone="UTC").watermark() == T0 + timedelta(hours=5)


@pytest.mark.parametrize(
    ("status", "code", "transient", "words"),
    [
        (403, "AccessDenied", False, "403 AccessDenied; allow s3:ListBucket"),
        (404, "NoSuchBucket", False, "correct the bucket's name"),
        (503, "SlowDown", True, "fewer requests"),
    ],
)
def test_a_store_says_of_a_table_what_it_says_of_objects(
    httpserver: HTTPServer, status: int, code: str, transient: bool, words: str
) -> None:
    """The same words and the same remedies."""
    refused = Response(f"<Error><Code>{code}</Code><Message>CANARY</Message></Error>", status=status)
    httpserver.expect_request(re.compile("/.*")).respond_with_response(refused)
    given = {**options(httpserver.url_for("").rstrip("/")), "request_timeout": timedelta(seconds=1)}
    with pytest.raises(SourceError, match=words) as caught:
        DeltaSource(path="s3://rows/t", timestamp="ts", **given).watermark()
    assert caught.value.transient is transient
    assert "CANARY" not in str(caught.value)


def test_a_store_that_is_gone_is_transient(httpserver: HTTPServer) -> None:
    """Within the time that requests have."""
    given = options(httpserver.url_for("").rstrip("/"))
    httpserver.stop()
    try:
        with pytest.raises(SourceError, match="is the endpoint reachable") as caught:
            DeltaSource(path="s3://rows/t", request_timeout=timedelta(seconds=1), **given).schema()
    finally:
        httpserver.start()
    assert caught.value.transient


def test_an_endpoint_inside_must_be_meant(httpserver: HTTPServer) -> None:
    """As with objects."""
    given = {**options(httpserver.url_for("").rstrip("/")), "allow_private": False}
    with pytest.raises(SourceError, match="private address"):
        DeltaSource(path="s3://rows/t", **given).schema()
    assert not httpserver.log
