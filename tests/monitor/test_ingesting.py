"""Rows over HTTP: who may, what is a batch, that each counts once, and that nobody can hold the daemon up."""

import contextlib
import gzip
import json
import os
import resource
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from detectors._column import CategoryColumn, Kind, NumericColumn
from monitor.config import WebConfig
from monitor.config_problem import ConfigError
from monitor.sources._rows import MOST_CELLS, MOST_COLUMNS, MOST_ROWS
from monitor.sources.ingest import IngestSource
from monitor.web.ingesting import INGEST_LIMIT
from storage.span import Span
from tests.acceptance.fast import DAY
from tests.monitor.inbox_life import OLD, Life, life

MIB = 1024 * 1024
NOBODY = 65_534


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Life]:
    with life(tmp_path) as made:
        yield made


def row(**values: Any) -> dict[str, Any]:
    return {"ts": "2026-03-31T10:00:00Z", "amount": 20.5, "country": "FI", **values}


def kept(shop: Life, *names: str) -> list[tuple[Any, ...]]:
    """Every row there is, sorted; numbers and labels as they are counted."""
    wanted = {name: Kind.CATEGORY if name == "country" else Kind.NUMERIC for name in names or ("amount",)}
    found: list[tuple[Any, ...]] = []
    for batch in shop.source.pull(None, wanted).batches:
        columns: list[list[Any]] = []
        for column in (batch.columns[name] for name in wanted):
            if isinstance(column, CategoryColumn):
                columns.append([None if code < 0 else column.labels[code] for code in column.codes])
            else:
                assert isinstance(column, NumericColumn)
                columns.append([None if np.isnan(value) else value for value in column.values.tolist()])
        found += zip(*columns, strict=True)
    return sorted(found, key=repr)


def test_rows_are_kept_as_they_were_sent(shop: Life) -> None:
    """A column that a row leaves out is missing there, as null is; unicode is unicode; −0.0 a number."""
    rows = [row(), row(amount=None, country="Åland 🐟"), row(amount=-0.0), {"ts": row()["ts"], "amount": 7}]
    answer = shop.send(rows)
    assert (answer.status, answer.said["kept"], answer.said["rows"]) == (201, "now", 4)
    assert kept(shop, "amount", "country") == sorted(
        [(20.5, "FI"), (None, "Åland 🐟"), (-0.0, "FI"), (7.0, None)], key=repr
    )


def test_lines_of_json_and_one_row_alone(shop: Life) -> None:
    """NDJSON with a blank line, and one object without an array."""
    lines = b"\n".join([json.dumps(row(amount=1)).encode(), b"", json.dumps(row(amount=2)).encode(), b""])
    assert shop.send(None, raw=lines, kind="application/x-ndjson; charset=utf-8").said["rows"] == 2
    assert shop.send(row(amount=3)).said["rows"] == 1
    assert kept(shop) == [(1.0,), (2.0,), (3.0,)]


def test_the_time_of_a_row_is_an_instant(shop: Life) -> None:
    """With any offset, and cut half-open as files are."""
    shop.send([row(ts="2026-03-31T02:30:00+03:00"), row(ts="2026-03-31T00:00:00Z")])
    newest = shop.source.watermark()
    assert newest == shop.shop.start
    assert newest is not None
    assert shop.source.fingerprint(Span(start=newest, end=newest + DAY)).rows == 1


def test_the_same_batch_counts_once(shop: Life) -> None:
    """By its content where it has no key; by its key where it has one, packed or not."""
    assert [shop.send([row()]).status for _ in range(2)] == [201, 200]
    assert shop.send([row()], key="a").status == 201  # another batch that happens to hold the same
    packed = gzip.compress(json.dumps([row()]).encode())
    again = shop.send(None, raw=packed, key="a", coding="gzip")
    assert (again.status, again.said["kept"]) == (200, "before")
    assert len(kept(shop)) == 2


def test_a_key_is_of_one_batch(shop: Life) -> None:
    """409, and nothing changes."""
    shop.send([row()], key="a")
    answer = shop.send([row(amount=1)], key="a")
    assert (answer.status, "another batch" in answer.detail) == (409, True)
    assert kept(shop) == [(20.5,)]


def test_many_at_once_with_one_key_count_once(shop: Life) -> None:
    """One is told that it is kept now, the others that it was before."""
    heard: list[str] = []

    def post() -> None:
        heard.append(shop.send([row()], key="one").said["kept"])

    threads = [threading.Thread(target=post) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(heard) == ["before"] * 7 + ["now"]
    assert len(kept(shop)) == 1


def test_two_at_once_are_both_kept(shop: Life) -> None:
    """Each with its own rows."""
    threads = [threading.Thread(target=shop.send, args=([row(amount=n)],)) for n in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert kept(shop) == [(0.0,), (1.0,)]


@pytest.mark.parametrize("token", [None, "", "wrong", "a-token-of-the-trainer", OLD[:-1]])
def test_no_token_no_rows(token: str | None, shop: Life) -> None:
    """401, whatever is sent."""
    assert shop.send([row()], token=token).status == 401
    assert shop.files == []


def test_both_tokens_hold_while_one_is_changed(shop: Life) -> None:
    """And neither is one for reports."""
    assert shop.send([row()], token=OLD).status == 201


def test_a_model_that_takes_none(shop: Life) -> None:
    """404, with what to set."""
    answer = shop.send([row()], model="other")
    assert (answer.status, 'kind = "ingest"' in answer.detail) == (404, True)
    assert shop.send([row()], model="shop/labels").status == 404


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "no JSON array"),
        (b"[]", "holds no row"),
        (b"[" * 100_000, "nested too deep"),
        (b"[{}", "no JSON array"),
        (b"[1]", "row 1: must be an object"),
        (b'[{"ts": "2026-03-31", "x": NaN}]', "send null for a number that is missing"),
        (b'[{"ts": "2026-03-31T00:00:00Z"}, {"x": [1]}]', "row 2, column 'x': is nested"),
        (b'[{"x": {"y": 1}}]', "row 1, column 'x': is nested"),
        (b'[{"x": 1e999}]', "row 1, column 'x': number out of range, got '1e999'"),
        (b'[{"x": ' + b"9" * 5000 + b"}]", "row 1, column 'x': integer value out of range"),
        (b'[{"x": ' + b"9" * 400 + b"}]", "row 1, column 'x': is larger than a float64"),
        (b'[{"x": 1}, {"x": "a"}]', "row 2, column 'x': is a text, where a row before has a number"),
        (b'[{"x": true}, {"x": null}, {"x": 2}]', "row 3, column 'x': is a number"),
        (b'[{"": 1}]', "row 1: has a column without a name"),
        (b'[{"a\\u0000b": 1}]', "control character"),
        (b'[{"' + b"n" * 300 + b'": 1}]', "longer than 256"),
        (b'[{"x": "\\ud800"}]', "one half of a surrogate pair"),
        (b'[{"x": "\xff"}]', "UTF-8"),
        (b'[{"x": 1}]', "column 'ts' that `timestamp` names"),
        (b'[{"ts": null}]', "row 1, column 'ts': no time"),
        (b'[{"ts": "2026-03-31T00:00:00Z"}, {"x": 1}]', "row 2, column 'ts': no time"),
        (
            b'[{"ts": "2026-03-31T00:00:00Z"}, {"ts": "soon"}]',
            "row 2, column 'ts': no time can be read from 'soon'",
        ),
        (b'[{"ts": "2026-03-31T00:00:00"}]', "set timestamp_zone"),
        (b'[{"ts": 1774915200}]', "set timestamp_format"),
        (b'[{"ts": "2026-04-02T00:00:01Z"}]', "more than a day ahead"),
        (b'[{"ts": "9999-12-31T23:59:59Z"}]', "more than a day ahead"),
    ],
)
def test_what_cannot_be_read_is_refused_whole(raw: bytes, words: str, shop: Life) -> None:
    """422 with the row and the column, and no row of it is kept."""
    answer = shop.send(None, raw=raw)
    assert (answer.status, words in answer.detail) == (422, True), answer
    assert shop.files == []


def test_whole_numbers_of_any_length(shop: Life) -> None:
    """Up to 64 bits with all their digits, beyond as floats."""
    time = row()["ts"]
    shop.send([{"ts": time, "country": 2**53 + 1, "amount": 2**64}])
    assert kept(shop, "amount", "country") == [(float(2**64), str(2**53 + 1))]


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([{f"c{n}": 1 for n in range(400_000)}], f"row 1: more than {MOST_COLUMNS:,} columns"),
        (
            [{f"c{n}": 1 for n in range(start, start + 1500)} for start in (0, 1500)],
            "row 2: more than 2,000 col",
        ),
        ([{f"c{n}": 1} for n in range(MOST_COLUMNS)] * 10, f"more than {MOST_CELLS:,} values"),
        ([{}] * (MOST_ROWS + 1), f"{MOST_ROWS:,} at most"),
    ],
)
def test_a_batch_is_bounded(rows: object, words: str, shop: Life) -> None:
    """413: a few bytes become no gigabytes, by rows, columns or what rows leave out."""
    answer = shop.send(rows)
    assert (answer.status, words in answer.detail) == (413, True), answer


def test_lines_are_bounded_too(shop: Life) -> None:
    """Without reading what is beyond."""
    answer = shop.send(None, raw=b"{}\n" * 2_000_000, kind="application/x-ndjson")
    assert (answer.status, f"{MOST_ROWS:,} at most" in answer.detail) == (413, True)


def test_a_gzip_bomb_stays_packed(shop: Life) -> None:
    """413 in bounded memory."""
    bomb = gzip.compress(b" " * (64 * MIB))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert shop.send(None, raw=bomb, coding="gzip").status == 413
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 48 * 1024
    whole = gzip.compress(b"[]")
    assert shop.send(None, raw=whole[:-4], coding="gzip").status == 400
    assert shop.send(None, raw=whole + b"x", coding="gzip").status == 400
    assert shop.send(None, raw=b"[]", coding="gzip").status == 400
    assert shop.send(None, raw=b"[]", coding="br").status == 415


def test_a_body_is_bounded(shop: Life) -> None:
    """413 by what it says of itself."""
    with contextlib.suppress(ConnectionError):  # hung up on while it still sends
        assert shop.send(None, raw=b" " * (INGEST_LIMIT + 1)).status == 413
    assert shop.send([row()]).status == 201


@pytest.mark.parametrize("kind", [None, "text/csv", "application/x-www-form-urlencoded"])
def test_another_kind_of_body(kind: str | None, shop: Life) -> None:
    """415, with the two there are."""
    answer = shop.send([row()], kind=kind)
    assert (answer.status, "application/x-ndjson" in answer.detail) == (415, True)


@pytest.mark.parametrize("key", ["", " ", "k" * 256])
def test_a_key_that_is_none(key: str, shop: Life) -> None:
    """400."""
    assert shop.send([row()], key=key).status == 400


def test_a_full_disk_is_said_and_passes(shop: Life) -> None:
    """507, nothing half-written; the same batch again is kept when there is room."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (256, limits[1]))
    try:
        answer = shop.send([row()], key="a")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (answer.status, answer.headers["retry-after"]) == (507, "30")
    assert shop.files == []
    assert shop.send([row()], key="a").status == 201


def test_a_folder_that_cannot_be_written(shop: Life) -> None:
    """503: the sender keeps its rows."""
    folder = shop.source.inbox.folder
    folder.mkdir(exist_ok=True)
    folder.chmod(0o500)
    try:
        with not_root():
            assert shop.send([row()]).status == 503
    finally:
        folder.chmod(0o700)
    assert shop.send([row()]).status == 201


@contextlib.contextmanager
def not_root() -> Iterator[None]:
    """Root may write anywhere: all threads are somebody else meanwhile."""
    was = os.geteuid()
    try:
        if was == 0:
            os.seteuid(NOBODY)
        yield
    finally:
        os.seteuid(was)


def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    """503 as well, with nothing of the path in the answer."""
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop/inbox").write_text("")
    with life(tmp_path) as shop:
        answer = shop.send([row()])
    assert (answer.status, str(tmp_path) in answer.detail) == (503, False)


def test_a_filter_needs_its_column(tmp_path: Path) -> None:
    """Rows without it would break every window."""
    with life(tmp_path, more='filter = { country = "FI" }\n') as shop:
        assert "by which source.filter" in shop.send([{"ts": row()["ts"], "amount": 1}]).detail
        assert "holds Float64" in shop.send([row(country=1)]).detail
        assert shop.send([row(amount=1), row(amount=2, country="SE")]).status == 201
        assert kept(shop) == [(1.0,)]


def test_labels_have_an_address_of_their_own(tmp_path: Path) -> None:
    """In a folder of their own, whose time is when they became available."""
    labels = (
        '[models.shop.labels]\nkey = "id"\ncolumn = "label"\navailable_at = "at"\n'
        'source = { kind = "ingest", path = "labels" }\n'
    )
    with life(tmp_path, extra=labels) as shop:
        assert shop.send([{"id": "1", "label": 1, "at": row()["ts"]}], model="shop/labels").status == 201
        assert "'at'" in shop.send([{"id": "1", "label": 1}], model="shop/labels").detail
        source = shop.runtime.models["shop"].labels
        assert source is not None
        assert source.watermark() == shop.shop.start + timedelta(hours=10)


def test_rows_kept_for_too_short_are_refused(tmp_path: Path) -> None:
    """A window that is counted again would find fewer rows than before."""
    with (
        pytest.raises(ConfigError, match=r"keep: must be at least 16d"),
        life(tmp_path, more='keep = "5d"\n'),
    ):
        pass


@pytest.mark.parametrize("path", ["s3://bucket/x", "in*box"])
def test_a_place_where_nothing_can_be_kept(path: str) -> None:
    """Only a folder of this machine."""
    with pytest.raises(ValueError, match="must be a folder"):
        IngestSource(path=path, timestamp="ts")


def test_a_listener_needs_a_token_of_some_kind() -> None:
    """For reports or for rows; an old one only beside a new one."""
    assert WebConfig(ingest_token_env="X").takes_rows
    assert not WebConfig(retrain_token_env="X").takes_rows
    with pytest.raises(ValueError, match="ingest_token_env for rows"):
        WebConfig()
    with pytest.raises(ValueError, match="is needed beside old_ingest_token"):
        WebConfig(retrain_token_env="X", old_ingest_token_env="Y")
