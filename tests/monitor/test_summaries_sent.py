"""Summaries over HTTP: counted once, with the rows beside them, on the reference in force and on no other."""

import contextlib
import http.client
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import polars as pl
import pytest

from detectors import (
    CategorySummary,
    Kind,
    Profile,
    build_profile,
    decode_profile,
    decode_summary,
    encode_summary,
)
from monitor.counting import count_span
from monitor.ending import Outcome
from monitor.evaluation import _measure_inputs
from monitor.source import SourceError
from monitor.sources._summaries import within
from monitor.sources.parquet import ParquetSource
from monitor.windows import window_at
from storage import profiles
from storage.due_window import DueWindow, Stream, WindowKind, WindowState
from storage.span import Span
from tests.acceptance.world import day
from tests.monitor.inbox_life import TOKEN, Answer, Life, life

SUMMARY = "application/vnd.leeway.summary"
HOUR = timedelta(hours=1)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Life]:
    """With a reference in force."""
    with life(tmp_path) as made:
        in_force(made, knots=64)
        yield made


def in_force(shop: Life, *, knots: int) -> Profile:
    """A reference of the first day, promoted; another one for other knots."""
    path = shop.shop.folder / "data" / "reference.parquet"
    frame = pl.read_parquet(path)
    source = ParquetSource(path=str(path), timestamp="ts")
    asked = {
        name: Kind.CATEGORY if frame.schema[name] == pl.String else Kind.NUMERIC
        for name in frame.columns
        if name not in ("ts", "label")
    }
    (batch,) = source.pull(None, asked).batches
    profile = build_profile(batch.columns, roles={}, knots=knots)
    with shop.runtime.store.write() as conn:
        saved = profiles.save(conn, "shop", profile, now=shop.runtime.clock.now())
        profiles.promote(conn, saved.id, shop.runtime.clock.now())
    return profile


def fetch(shop: Life, *, known: str = "", token: str = TOKEN, model: str = "shop") -> tuple[int, bytes, str]:
    """Status, body and ETag."""
    connection = http.client.HTTPConnection(str(shop.web.host), shop.web.port, timeout=60)
    with contextlib.closing(connection):
        headers = {"Authorization": f"Bearer {token}", "If-None-Match": known}
        connection.request("GET", f"/api/v1/reference/{model}", headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read(), answer.headers.get("ETag", "")


def post(shop: Life, content: bytes, span: Span, key: str | None = "k", **query: str) -> Answer:
    given = {"from": span.start.isoformat(), "to": span.end.isoformat(), **query}
    address = f"shop?{urlencode({name: value for name, value in given.items() if value})}"
    return shop.send(None, raw=content, kind=SUMMARY, key=key, model=address)


def rows_of(shop: Life, start: int = 0, end: int = 24) -> pl.DataFrame:
    """Hours of the model's first day."""
    frame = day(shop.shop.start, 0).drop("label")
    first = shop.shop.start
    return frame.filter((pl.col("ts") >= first + start * HOUR) & (pl.col("ts") < first + end * HOUR))


def counted(shop: Life, profile: Profile, frame: pl.DataFrame) -> bytes:
    """As a client counts its rows."""
    path = shop.shop.folder / "client.parquet"
    frame.write_parquet(path)
    source = ParquetSource(path=str(path), timestamp="ts")
    return encode_summary(count_span(source, profile, None).summary, profile)


def hours(shop: Life, start: int, end: int) -> Span:
    return Span(start=shop.shop.start + start * HOUR, end=shop.shop.start + end * HOUR)


def all_rows(shop: Life, profile: Profile, span: Span) -> Any:
    """The plain twin: every row of the day in a file."""
    path = shop.shop.folder / "all.parquet"
    rows_of(shop).write_parquet(path)
    return count_span(ParquetSource(path=str(path), timestamp="ts"), profile, span).summary


def test_the_reference_is_fetched_and_need_not_be_again(shop: Life) -> None:
    """By those who may send rows; with its digest, and 304 to those who have it."""
    status, content, tag = fetch(shop)
    profile = decode_profile(content)
    assert (status, tag) == (200, f'"{profile.digest}"')
    assert fetch(shop, known=tag)[:2] == (304, b"")
    assert fetch(shop, token="another-token-altogether")[0] == 401
    assert fetch(shop, model="nobody")[0] == 404


def test_rows_and_summaries_count_as_all_rows(shop: Life) -> None:
    """Six hours as rows, the others as two summaries: to the last integer; newest and fingerprint as well."""
    profile = decode_profile(fetch(shop)[1])
    lines = rows_of(shop, 0, 6).with_columns(pl.col("ts").dt.strftime("%Y-%m-%dT%H:%M:%S%.fZ")).to_dicts()
    assert shop.send(lines).status == 201
    for start, end in ((6, 12), (12, 24)):
        answer = post(
            shop, counted(shop, profile, rows_of(shop, start, end)), hours(shop, start, end), f"{start}"
        )
        assert (answer.status, answer.said["rows"]) == (201, rows_of(shop, start, end).height)
    window = hours(shop, 0, 24)
    found = count_span(shop.source, profile, window)
    assert found.summary == all_rows(shop, profile, window)
    assert (found.problems, found.left_out) == ((), "")
    assert found.data_version.endswith("by name, size and rows; 2 summaries, " + found.data_version[-12:])
    fingerprint = shop.source.fingerprint(window)
    assert (fingerprint.rows, fingerprint.newest) == (found.summary.rows, found.newest)
    assert found.newest == window.end - timedelta(microseconds=1)
    assert shop.source.watermark() == window.end
    assert count_span(shop.source, profile, hours(shop, 24, 48)).summary.rows == 0


def test_a_summary_counts_once(shop: Life) -> None:
    """Sent again, it was kept before; another one under its key is refused, as are rows under it."""
    profile = decode_profile(fetch(shop)[1])
    content = counted(shop, profile, rows_of(shop, 0, 2))
    assert [post(shop, content, hours(shop, 0, 2)).status for _ in range(2)] == [201, 200]
    assert post(shop, content, hours(shop, 2, 4)).status == 409
    other = post(shop, counted(shop, profile, rows_of(shop, 1, 2)), hours(shop, 0, 2))
    assert (other.status, "another summary came with this Idempotency-Key" in other.detail) == (409, True)
    assert "a summary came with this" in shop.send([{"ts": "2026-03-31T10:00:00Z"}], key="k").detail
    assert shop.send([{"ts": "2026-03-30T10:00:00Z"}], key="rows").status == 201
    assert "rows came with this" in post(shop, content, hours(shop, 0, 2), "rows").detail
    assert count_span(shop.source, profile, hours(shop, 0, 24)).summary.rows == rows_of(shop, 0, 2).height


def test_a_summary_of_another_reference_is_refused(shop: Life) -> None:
    """409, with what to do; nothing is kept."""
    old = decode_profile(fetch(shop)[1])
    new = in_force(shop, knots=32)
    answer = post(shop, counted(shop, old, rows_of(shop, 0, 2)), hours(shop, 0, 2))
    assert answer.status == 409
    assert f"counted on profile {old.digest[:12]}, and the one in force is {new.digest[:12]}" in answer.detail
    assert "GET /api/v1/reference/shop" in answer.detail
    assert not shop.source.summaries.listed()


def test_a_reference_swapped_meanwhile_is_said(shop: Life) -> None:
    """What waits on the old one is left out in words, until it comes again under its keys on the new one."""
    old = decode_profile(fetch(shop)[1])
    rows = rows_of(shop, 0, 2).height
    post(shop, counted(shop, old, rows_of(shop, 0, 2)), hours(shop, 0, 2), "a")
    new = in_force(shop, knots=32)
    post(shop, counted(shop, new, rows_of(shop, 2, 4)), hours(shop, 2, 4), "b")
    window = hours(shop, 0, 24)
    found = count_span(shop.source, new, window)
    assert found.summary.rows == rows_of(shop, 2, 4).height
    assert f"{rows:,} rows are in summaries that were counted on another reference" in found.left_out
    assert old.digest[:12] in found.left_out
    assert shop.source.fingerprint(window).rows == rows_of(shop, 0, 4).height
    again = post(shop, counted(shop, new, rows_of(shop, 0, 2)), hours(shop, 0, 2), "a")
    assert again.status == 201
    found = count_span(shop.source, new, window)
    assert (found.summary.rows, found.left_out) == (rows_of(shop, 0, 4).height, "")
    assert shop.source.fingerprint(window).rows == rows_of(shop, 0, 4).height
    assert count_span(shop.source, old, window).summary.rows == rows  # put back, it counts what is its own


def test_a_key_is_of_one_span_on_any_reference(shop: Life) -> None:
    """Else a summary of other hours would take the place of rows that nobody counted on the new reference."""
    old = decode_profile(fetch(shop)[1])
    assert post(shop, counted(shop, old, rows_of(shop, 0, 2)), hours(shop, 0, 2)).status == 201
    new = in_force(shop, knots=32)
    refused = post(shop, counted(shop, new, rows_of(shop, 2, 4)), hours(shop, 2, 4))
    assert (refused.status, "another summary came with this" in refused.detail) == (409, True)
    late = post(shop, counted(shop, new, rows_of(shop, 0, 1)), hours(shop, 0, 2))
    assert late.status == 201  # the same span, whatever its rows are by now
    assert count_span(shop.source, new, hours(shop, 0, 24)).summary.rows == rows_of(shop, 0, 1).height


def test_a_window_says_what_is_left_out(shop: Life) -> None:
    """It is not judged, and counted again when the rest has come; without any other row it has no data."""
    old = decode_profile(fetch(shop)[1])
    post(shop, counted(shop, old, rows_of(shop, 0, 2)), hours(shop, 0, 2), "a")
    new = in_force(shop, knots=32)
    watched = shop.runtime.models["shop"]
    with shop.runtime.store.read() as conn:
        reference = profiles.active(conn, "shop")
    assert reference is not None
    window = DueWindow(
        id=1,
        model="shop",
        stream=Stream.INPUTS,
        kind=WindowKind.SCHEDULED,
        span=hours(shop, 0, 24),
        due=shop.shop.start + 24 * HOUR,
        recheck=shop.shop.start + 24 * HOUR,
        give_up=shop.shop.start,
        state=WindowState.CLAIMED,
        next_try=shop.shop.start,
        planned_at=shop.shop.start,
    )

    def measured() -> Outcome:
        found = _measure_inputs(shop.runtime, watched, window, reference)
        assert isinstance(found, Outcome)
        return found

    empty = measured()
    assert (empty.state, empty.rows) == (WindowState.NO_DATA, 0)
    assert "rows are in summaries that were counted on another reference" in empty.reason
    post(shop, counted(shop, new, rows_of(shop, 2, 24)), hours(shop, 2, 24), "b")
    part = measured()
    assert (part.state, part.rows) == (WindowState.LOW_VOLUME, rows_of(shop, 2, 24).height)
    assert part.reason.endswith("send them under the same keys; nothing is judged")
    post(shop, counted(shop, new, rows_of(shop, 0, 2)), hours(shop, 0, 2), "a")
    whole = measured()
    assert (whole.state, whole.rows, whole.reason) == (WindowState.DONE, rows_of(shop).height, "")


def test_a_summary_of_two_windows_is_refused(shop: Life) -> None:
    """It cannot be divided; nor is one counted that a later config's windows would divide."""
    profile = decode_profile(fetch(shop)[1])
    content = counted(shop, profile, rows_of(shop, 0, 2))
    answer = post(shop, content, hours(shop, 22, 26))
    assert (answer.status, "a summary cannot be divided" in answer.detail) == (422, True)
    assert post(shop, content, hours(shop, 0, 2)).status == 201
    with pytest.raises(SourceError, match=r"a summary of \d+ rows reaches beyond"):
        within(shop.source.summaries.listed(), hours(shop, 0, 1))
    spec = shop.runtime.config.models["shop"].window.spec
    assert window_at(spec, shop.shop.start) == hours(shop, 0, 24)


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        ({"from": ""}, 400, "from: must be a time with its offset"),
        ({"to": "2026-03-31T00:00:00"}, 400, "to: must be a time with its offset"),
        ({"to": "2020-01-01T00:00:00Z"}, 400, "to: must be after `from`"),
        ({"from": "2026-12-01T00:00:00Z", "to": "2026-12-01T01:00:00Z"}, 422, "more than a day ahead"),
    ],
)
def test_a_span_that_cannot_be_meant(query: dict[str, str], status: int, words: str, shop: Life) -> None:
    """Before the body is read."""
    answer = post(shop, b"", hours(shop, 0, 2), **query)
    assert (answer.status, words in answer.detail) == (status, True), answer.detail


def test_what_is_no_summary_is_refused(shop: Life) -> None:
    """And what has no key: two pods may well count the same numbers."""
    profile = decode_profile(fetch(shop)[1])
    content = counted(shop, profile, rows_of(shop, 0, 2))
    for junk in (b"", b"{}", content[:-1], content + b"\0", content[:100] + bytes(50)):
        assert post(shop, junk, hours(shop, 0, 2)).status == 422
    keyless = post(shop, content, hours(shop, 0, 2), key=None)
    assert (keyless.status, "Idempotency-Key: must be there" in keyless.detail) == (400, True)
    assert not shop.source.summaries.listed()


def test_without_a_reference_there_is_nothing_to_count_on(tmp_path: Path) -> None:
    """409, with the command that builds one."""
    with life(tmp_path) as shop:
        status, said, _ = fetch(shop)
        assert (status, "leeway reference build --model shop" in json.loads(said)["detail"]) == (409, True)


def test_old_and_unfinished_ones_go(shop: Life) -> None:
    """With the rows that came with them."""
    profile = decode_profile(fetch(shop)[1])
    post(shop, counted(shop, profile, rows_of(shop, 0, 2)), hours(shop, 0, 2))
    received = shop.runtime.clock.now()
    assert shop.source.summaries.remove_old(received) == 0
    assert shop.source.summaries.remove_old(received + HOUR) == 1
    assert not shop.source.summaries.listed()


def test_a_damaged_file_is_an_error(shop: Life) -> None:
    """Not a window with fewer rows."""
    profile = decode_profile(fetch(shop)[1])
    post(shop, counted(shop, profile, rows_of(shop, 0, 2)), hours(shop, 0, 2))
    (name,) = [name for name in shop.files if name.endswith(".summary")]
    path = shop.source.inbox.folder / name
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(SourceError, match="restore it from a backup, or remove it"):
        count_span(shop.source, profile, hours(shop, 0, 24))


KILLED = """
import sys
from datetime import datetime, timedelta
from monitor.sources._inbox import Batch
from monitor.sources._summaries import kept_of
from monitor.sources.ingest import IngestSource
from storage.span import Span
folder, start, file, profile = sys.argv[1:]
start = datetime.fromisoformat(start)
content = open(file, "rb").read()
span = Span(start=start, end=start + timedelta(hours=2))
kept = kept_of(Batch.of(content, "k"), profile, span, 5)
print(IngestSource(path=folder, timestamp="ts").take_summary(kept, content, start))
"""


@pytest.mark.parametrize(("place", "then"), [("before_batch_kept", "True"), ("after_batch_kept", "False")])
def test_a_kill_in_between_counts_it_once(place: str, then: str, shop: Life) -> None:
    """Whoever sends it again has it counted once, whatever the first one came to."""
    profile = decode_profile(fetch(shop)[1])
    file = shop.shop.folder / "one.summary"
    file.write_bytes(counted(shop, profile, rows_of(shop, 0, 2)))
    folder = str(shop.source.inbox.folder)
    command = [sys.executable, "-c", KILLED, folder, shop.shop.start.isoformat(), str(file), profile.digest]
    environment = {**os.environ, "LEEWAY_FAILPOINT": f"{place}:kill"}
    assert subprocess.run(command, env=environment, timeout=120).returncode == -9
    again = subprocess.run(
        command, env={**os.environ, "LEEWAY_FAILPOINT": ""}, timeout=120, capture_output=True, text=True
    )
    assert again.stdout.split() == [then], again.stderr
    assert count_span(shop.source, profile, hours(shop, 0, 24)).summary.rows == rows_of(shop, 0, 2).height


@pytest.mark.parametrize("word", ["\ud800", "v" * 10_001])
@pytest.mark.parametrize("where", ["version", "label"])
def test_what_is_no_text_is_refused(shop: Life, word: str, where: str) -> None:
    """It would be told in history and messages, which cannot hold it: 422, and nothing is kept."""
    profile = decode_profile(fetch(shop)[1])
    summary = decode_summary(counted(shop, profile, rows_of(shop, 0, 2)), profile)
    if where == "version":
        wrong = replace(summary, version=word)
    else:
        name, column = next((n, c) for n, c in summary.columns.items() if isinstance(c, CategorySummary))
        most = int(column.counts.argmax())
        less = column.counts.copy()
        less[most] -= 1
        other = replace(column, counts=less, unseen=column.unseen + 1, unseen_labels={word: 1})
        wrong = replace(summary, columns={**summary.columns, name: other})
    answer = post(shop, encode_summary(wrong, profile), hours(shop, 0, 2))
    assert answer.status == 422
    assert "surrogate" in answer.detail
    assert post(shop, encode_summary(summary, profile), hours(shop, 0, 2)).status == 201


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("0001-01-01T00:00:00+14:00", "0001-01-01T01:00:00+00:00"),
        ("2020-01-01T00:00:00Z", "9999-12-31T23:59:59-14:00"),
    ],
)
def test_times_that_utc_does_not_have_are_refused(shop: Life, start: str, end: str) -> None:
    """400, as other words that are no time."""
    assert post(shop, b"", hours(shop, 0, 2), **{"from": start, "to": end}).status == 400
