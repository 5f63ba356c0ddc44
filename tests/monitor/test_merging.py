"""Small files of rows become few, old ones go: at every moment, after every kill, each row counts once."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from detectors._column import Kind
from monitor.faults import Faults
from monitor.runtime import InForce
from monitor.sources import _merging
from monitor.sources._files import LocalFiles
from monitor.sources._inbox import Batch, KeyTakenError
from monitor.sources._merging import FAN, LEAST, REMOVE_AFTER_S
from monitor.sources._rows import Rows
from monitor.sources.ingest import IngestSource, _Kept
from monitor.web.inboxes import Inboxes
from storage.span import Span
from tests.monitor.inbox_life import life

NOW = datetime(2026, 3, 31, 12, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def source(tmp_path: Path) -> IngestSource:
    return IngestSource(path=str(tmp_path / "inbox"), timestamp="ts")


def fill(source: IngestSource, count: int, *, first: int = 0, now: datetime = NOW, **columns: Any) -> None:
    """Batches of one row; x counts up."""
    for number in range(first, first + count):
        values = {"ts": now.isoformat(), "x": float(number), **columns}
        rows = Rows(count=1, columns={name: [value] for name, value in values.items()})
        assert source.take(rows, batch(number), now)


def batch(number: int) -> Batch:
    return Batch.of(str(number).encode(), f"key {number}")


def values(source: IngestSource) -> list[float]:
    found: list[float] = []
    for part in source.pull(None, {"x": Kind.NUMERIC}).batches:
        found += part.columns["x"].values.tolist()  # type: ignore[union-attr]  # numeric
    return sorted(found)


def names(source: IngestSource) -> set[str]:
    return {file.name for file in _merging.stored(source.inbox)}


def test_a_day_of_batches_becomes_a_file(source: IngestSource) -> None:
    """The rows, their times and their keys are what they were; files that were merged go a while later."""
    fill(source, FAN)
    before = values(source)
    whole = Span(start=NOW, end=NOW + DAY)
    fingerprint = source.fingerprint(whole)
    assert _merging.merge(source.inbox, NOW) == FAN
    assert len(names(source)) == FAN + 1
    assert values(source) == before == [float(number) for number in range(FAN)]
    since: dict[str, float] = {}
    assert _merging.remove_covered(source.inbox, since, 0.0) == 0
    assert _merging.remove_covered(source.inbox, since, REMOVE_AFTER_S) == FAN
    assert len(names(source)) == 1
    assert values(source) == before
    assert source.fingerprint(whole) == fingerprint
    assert source.inbox.has(batch(7))
    with pytest.raises(KeyTakenError):
        source.inbox.has(Batch.of(b"other", "key 7"))
    rows = Rows(count=1, columns={"ts": [NOW.isoformat()], "x": [7.0]})
    assert not source.take(rows, batch(7), NOW)


def test_few_files_of_today_wait(source: IngestSource) -> None:
    """A day that is over is merged with fewer, and days are not mixed."""
    fill(source, LEAST)
    fill(source, LEAST, first=LEAST, now=NOW - DAY)
    assert _merging.merge(source.inbox, NOW) == LEAST
    assert _merging.merge(source.inbox, NOW) == 0
    assert _merging.merge(source.inbox, NOW + DAY) == LEAST
    assert values(source) == [float(number) for number in range(2 * LEAST)]


def test_merged_files_are_merged_again(source: IngestSource) -> None:
    """What is left of the lowest never comes back."""
    fill(source, 2 * LEAST)
    assert _merging.merge(source.inbox, NOW + DAY) == 2 * LEAST
    fill(source, LEAST, first=2 * LEAST)
    assert _merging.merge(source.inbox, NOW + DAY) == LEAST + 1
    expected = [float(number) for number in range(3 * LEAST)]
    since: dict[str, float] = {}
    for at in (0.0, 100.0, 200.0, 300.0):
        assert values(source) == expected
        _merging.remove_covered(source.inbox, since, at)
    assert values(source) == expected
    assert len(names(source)) == 1


def test_types_are_never_mixed(source: IngestSource) -> None:
    """A column that was a number and became a text stays visible as that."""
    fill(source, LEAST, c="a")
    fill(source, LEAST, first=LEAST, c=1.0)
    fill(source, 1, first=2 * LEAST, c=None)
    assert _merging.merge(source.inbox, NOW + DAY) == LEAST + 1
    assert _merging.merge(source.inbox, NOW + DAY) == LEAST
    schemas = [
        pl.read_parquet_schema(source.inbox.folder / name)["c"]
        for name in names(source)
        if name.startswith("merged-")
    ]
    assert sorted(map(str, schemas)) == ["Float64", "String"]


def test_a_merge_that_another_process_did_first_counts_once(source: IngestSource) -> None:
    """The second one notices before it gives its file a name."""
    fill(source, LEAST)
    files = list(_merging.stored(source.inbox))
    assert _merging._merged(source.inbox, files)
    assert not _merging._merged(source.inbox, files)
    assert values(source) == [float(number) for number in range(LEAST)]


def test_a_listing_from_before_sees_the_files_from_before(source: IngestSource) -> None:
    """What it does not know of covers nothing: else the rows would be in neither."""
    fill(source, LEAST)
    _merging.merge(source.inbox, NOW + DAY)
    before = LocalFiles(path=f"{source.path}/[!m]*.parquet", suffix=".parquet")  # keys are hexadecimal
    assert len(_Kept(inbox=source.inbox, files=before).find()) == LEAST
    now = LocalFiles(path=source.path, suffix=".parquet")
    assert len(_Kept(inbox=source.inbox, files=now).find()) == 1


KILLED = """
import sys
from datetime import datetime
from monitor.sources import _merging
from monitor.sources.ingest import IngestSource
source = IngestSource(path=sys.argv[1], timestamp="ts")
now = datetime.fromisoformat(sys.argv[2])
_merging.merge(source.inbox, now)
since = {}
for at in (0.0, 100.0):
    _merging.remove_covered(source.inbox, since, at)
"""


@pytest.mark.parametrize("place", ["before_merge_kept", "mid_merge_removal", "mid_merge_removal:kill:9", ""])
def test_a_kill_anywhere_counts_each_row_once(place: str, source: IngestSource) -> None:
    """What was left is finished by the next one."""
    fill(source, LEAST)
    name, _, rest = place.partition(":")
    command = [sys.executable, "-c", KILLED, source.path, (NOW + DAY).isoformat()]
    environment = {**os.environ, "LEEWAY_FAILPOINT": f"{name}:{rest or 'kill'}" if name else ""}
    done = subprocess.run(command, env=environment, timeout=120)
    assert done.returncode == (-9 if place else 0)
    expected = [float(number) for number in range(LEAST)]
    assert values(source) == expected
    subprocess.run(command, env={**environment, "LEEWAY_FAILPOINT": ""}, check=True, timeout=120)
    assert values(source) == expected
    assert len(names(source)) == 1


def test_a_kill_between_two_levels_counts_each_row_once(source: IngestSource) -> None:
    """What a file covers goes before the file does."""
    fill(source, LEAST)
    _merging.merge(source.inbox, NOW + DAY)
    fill(source, LEAST, first=LEAST)
    command = [sys.executable, "-c", KILLED, source.path, (NOW + DAY).isoformat()]
    environment = {**os.environ, "LEEWAY_FAILPOINT": f"mid_merge_removal:kill:{LEAST + 1}"}
    assert subprocess.run(command, env=environment, timeout=120).returncode == -9
    assert values(source) == [float(number) for number in range(2 * LEAST)]


def test_unfinished_files_go(source: IngestSource) -> None:
    """An hour later: no write takes so long."""
    fill(source, 1)
    left = source.inbox.folder / ".left.parquet"
    left.write_bytes(b"x")
    now = datetime.now(UTC)
    assert _merging.remove_unfinished(source.inbox, now) == 0
    assert _merging.remove_unfinished(source.inbox, now + timedelta(hours=2)) == 1
    assert values(source) == [0.0]


def test_old_rows_go_by_the_day_they_came(source: IngestSource) -> None:
    """And with them their keys."""
    fill(source, 2, now=NOW - 9 * DAY)
    fill(source, 1, first=2)
    assert _merging.remove_old(source.inbox, NOW - 5 * DAY) == 2
    assert values(source) == [2.0]
    assert not source.inbox.has(batch(0))


def test_a_model_that_was_never_judged_keeps_its_rows(tmp_path: Path) -> None:
    """However old they are; and a folder is there from the start."""
    with life(tmp_path) as shop:
        now = shop.runtime.clock.now()
        fill(shop.source, 1, now=now - timedelta(days=4000))
        faults = Faults(monotonic=shop.runtime.clock.monotonic)
        Inboxes(InForce(runtime=shop.runtime), faults).look()
        assert faults.steps == []
        assert len(names(shop.source)) == 1
