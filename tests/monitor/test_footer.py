"""When were a large file's rows? Its footer says what reading every time would, or it is not asked."""

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.sources import _footer
from monitor.sources.parquet import ParquetSource
from storage.span import Span

T0 = datetime(2024, 3, 10, tzinfo=UTC)
NEW_YORK = "America/New_York"  # clocks are set forward on that day
Unit = Any  # of polars: "ns", "us" or "ms"


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small files have a footer, too."""
    for name, value in {"LARGE_ROWS": -1, "LEAST_GROUP_ROWS": 0}.items():
        monkeypatch.setattr(_footer, name, value)


def told(path: Path, **options: Any) -> tuple[int, int | None, int | None] | None:
    """What the footer says of a file."""
    files = ParquetSource(path=str(path), timestamp="ts", **options)._files
    stamp = files.place.stamp(str(path))
    return _footer.extent(files, str(path), stamp, files.rows.open(str(path)).collect_schema())


def read(path: Path) -> tuple[int, int | None, int | None]:
    """What reading it says."""
    with pytest.MonkeyPatch.context() as other:
        other.setattr(_footer, "LARGE_ROWS", 10**9)
        files = ParquetSource(path=str(path), timestamp="ts")._files
        (file,) = files._coverage(None)
    return file.rows, file.oldest, file.newest


def written(path: Path, times: list[datetime | None], unit: Unit = "us", zone: str | None = "UTC") -> Path:
    series = pl.Series("ts", times, dtype=pl.Datetime(unit, zone))
    pl.DataFrame([series, pl.Series("x", range(len(times)), dtype=pl.Float64)]).write_parquet(
        path, row_group_size=7
    )
    return path


@given(
    steps=st.lists(st.none() | st.integers(-(10**16), 10**16), max_size=40),
    unit=st.sampled_from(["ns", "us", "ms"]),
    zone=st.sampled_from(["UTC", NEW_YORK, "Asia/Kathmandu"]),
)
def test_it_says_what_reading_says(
    tmp_path_factory: pytest.TempPathFactory, steps: list[int | None], unit: Unit, zone: str
) -> None:
    """In any order, before 1970 as well, with rows and whole row groups that have no time."""
    times = [None if step is None else T0 + timedelta(microseconds=step // 20) for step in steps]
    path = written(tmp_path_factory.mktemp("told") / "a.parquet", [*times, *[None] * 8], unit, zone)
    assert told(path) == read(path)


def test_parts_of_a_microsecond_are_left_off(tmp_path: Path) -> None:
    """Downwards, as of each row, on both sides of 1970."""
    raw = pl.Series("ts", [-1_001, -999, 1_999, 3_001]).cast(pl.Datetime("ns", "UTC"))
    raw.to_frame().write_parquet(tmp_path / "a.parquet")
    assert told(tmp_path / "a.parquet") == read(tmp_path / "a.parquet") == (4, -2, 3)


@pytest.mark.parametrize("far", [2**63 - 1, 9_300_000_000_000_000, -9_300_000_000_000_000])
def test_a_time_that_no_microseconds_can_say(tmp_path: Path, far: int) -> None:
    """Such a row has no time, as when it is read."""
    raw = pl.Series("ts", [1_710_028_800_000, far, 1_710_028_900_000], dtype=pl.Int64)
    raw.cast(pl.Datetime("ms", "UTC")).to_frame().write_parquet(tmp_path / "a.parquet")
    assert told(tmp_path / "a.parquet") is None
    source = ParquetSource(path=str(tmp_path / "a.parquet"), timestamp="ts")
    assert source.watermark() == datetime(2024, 3, 10, 0, 1, 40, tzinfo=UTC)
    assert source.fingerprint(Span(start=T0, end=T0 + timedelta(days=1))).rows == 2


GOOD = {"has_null_count": True, "null_count": 1, "has_min_max": True, "min_raw": 5, "max_raw": 9}


@pytest.mark.parametrize(
    ("groups", "said"),
    [
        ([GOOD, GOOD | {"min_raw": 3}], (18, 3, 9)),
        ([GOOD, GOOD | {"null_count": 10, "has_min_max": False}], (9, 5, 9)),
        ([GOOD | {"null_count": 10, "has_min_max": False}], (0, 0, 0)),
        ([GOOD, None], None),
        ([GOOD, GOOD | {"has_null_count": False}], None),
        ([GOOD, GOOD | {"has_min_max": False}], None),
        ([GOOD | {"min_raw": 10}], None),
        ([GOOD | {"null_count": 11}], None),
    ],
)
def test_every_group_has_to_say_it(groups: list[dict[str, Any] | None], said: object) -> None:
    """Of ten rows each, as no writer at hand leaves some of it out, or contradicts itself."""

    class Metadata:
        num_row_groups = len(groups)

        def row_group(self, group: int) -> Any:
            mine = groups[group]
            statistics = None if mine is None else SimpleNamespace(**mine)
            column = SimpleNamespace(statistics=statistics, physical_type="INT64")
            return SimpleNamespace(num_rows=10, column=lambda _: column)

    assert _footer.Footer(metadata=Metadata(), leaves={"ts": 0}).extremes("ts") == said


@pytest.mark.parametrize(("rows", "columns", "asked"), [(70_000, 1, 1), (70_000, 40, 0), (60_000, 1, 0)])
def test_which_files_are_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: int, columns: int, asked: int
) -> None:
    """Those with more rows than a batch has, and a byte for each value."""
    monkeypatch.setattr(_footer, "LARGE_ROWS", 65_536)
    opened, opening = [], _footer.open_parquet
    monkeypatch.setattr(_footer, "open_parquet", lambda name: opened.append(name) or opening(name))
    random = np.random.default_rng(1)
    time = pl.Series("ts", T0.timestamp() * 1_000_000 + np.arange(rows) * 1_000).cast(pl.Int64)
    constant = {f"c{place}": np.ones(rows) for place in range(1, columns)}
    frame = pl.DataFrame(
        {"ts": time.cast(pl.Datetime("us", "UTC")), "x": random.normal(size=rows), **constant}
    )
    frame.write_parquet(tmp_path / "a.parquet")
    source = ParquetSource(path=str(tmp_path / "a.parquet"), timestamp="ts")
    assert source.watermark() == T0 + timedelta(milliseconds=rows - 1)
    assert len(opened) == asked


def test_no_row_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The watermark and a day's rows of a file whose pages are gone: only its footer is left as it was."""
    path = written(tmp_path / "a.parquet", [T0 + timedelta(minutes=each) for each in range(500)])
    whole = bytearray(path.read_bytes())
    footer = int.from_bytes(whole[-8:-4], "little") + 8
    whole[4 : len(whole) - footer] = random.Random(1).randbytes(len(whole) - footer - 4)
    path.write_bytes(whole)
    source = ParquetSource(path=str(path), timestamp="ts")
    assert source.watermark() == T0 + timedelta(minutes=499)
    assert source.fingerprint(Span(start=T0, end=T0 + timedelta(days=1))).rows == 500
    monkeypatch.setattr(_footer, "LARGE_ROWS", 10**9)  # and where it is read, it cannot be
    with pytest.raises(Exception, match=r"a\.parquet"):
        ParquetSource(path=str(path), timestamp="ts").watermark()


def test_it_is_read_where_the_footer_does_not_say(tmp_path: Path) -> None:
    """No statistics; times of no zone, whose order is not that of instants; rows of several models."""
    times = [T0 + timedelta(minutes=each) for each in range(50)]
    table = pa.table({"ts": pa.array(times, pa.timestamp("us", "UTC")), "m": ["a", "b"] * 25})
    pq.write_table(table, tmp_path / "none.parquet", write_statistics=False)
    pq.write_table(table, tmp_path / "filtered.parquet")
    wall = written(tmp_path / "wall.parquet", [each.replace(tzinfo=None) for each in times], zone=None)
    assert told(tmp_path / "none.parquet") is None
    assert read(tmp_path / "none.parquet")[0] == 50
    assert told(tmp_path / "filtered.parquet") is not None
    assert told(tmp_path / "filtered.parquet", filter={"m": "a"}) is None
    assert told(wall, timestamp_zone=NEW_YORK) is None


def test_a_small_file_does_without_arrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_footer, "LARGE_ROWS", 50)
    monkeypatch.setattr(_footer, "open_parquet", None)  # whoever calls it fails
    times: list[datetime | None] = [T0 + timedelta(minutes=each) for each in range(50)]
    assert told(written(tmp_path / "a.parquet", times)) is None
    with pytest.raises(TypeError):
        told(written(tmp_path / "b.parquet", [*times, T0]))
