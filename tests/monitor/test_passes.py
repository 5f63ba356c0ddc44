"""A wide object, or a wide table of a lake, is counted by columns: what comes out is what whole rows give."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from detectors import Kind, Profile, build_profile
from detectors._count import NO_EXTRAS, Extras
from detectors._slices import fit_slices
from monitor.counting import count_span, read_window, wanted
from monitor.sources import _scan, _stripes
from monitor.sources._file_source import FileSource
from monitor.sources._scan import Files
from monitor.sources.csv import CsvSource
from monitor.sources.delta import DeltaSource
from monitor.sources.parquet import ParquetSource
from tests.monitor.test_counting_parity import columns_of
from tests.monitor.test_stripes import DAY, KINDS, profile, rows
from tests.object_store import ObjectStore, options


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three columns at a time, of any number of rows."""
    for module in (_scan, _stripes):
        monkeypatch.setattr(module, "WIDE", 3)
    monkeypatch.setattr(_scan, "LARGE_ROWS", 5)
    monkeypatch.setattr(_scan, "BATCH_ROWS", 37)


@pytest.fixture(scope="module")
def reference() -> Profile:
    return profile(rows(500, seed=9))


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The columns of each."""
    found: list[list[str]] = []
    whole = Files.batches

    def noted(self: Files, files: object, span: object, asked: Mapping[str, Kind], *more: object) -> object:
        found.append(list(asked))
        return whole(self, files, span, asked, *more)  # type: ignore[arg-type]  # as they came

    monkeypatch.setattr(Files, "batches", noted)
    return found


def same(source: FileSource, on: Profile, extras: Extras = NO_EXTRAS) -> int:
    """How many rows were counted; the same by columns and by whole rows."""
    there = source.count(on, DAY, extras)
    assert there is not None, "it was left to whole rows"
    assert there == read_window(on, source.pull(DAY, wanted(on, extras)), extras)
    return there.summary.rows


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Two days in two files, some rows of each of another model."""
    for seed in (1, 2):
        rows(300, seed, days=2.0).drop("u", "took", "e").write_delta(tmp_path / "t", mode="append")
    return tmp_path / "t"


@pytest.fixture
def on_table(reference: Profile) -> Profile:
    """Of what a Delta table can hold."""
    kinds = {name: kind for name, kind in KINDS.items() if name not in ("u", "took", "e")}
    held = rows(500, seed=9).select(*kinds).to_dict(as_series=True)
    columns = columns_of(held, kinds)  # type: ignore[arg-type]  # series are lists of values
    return build_profile(columns, roles={}, knots=64, include=tuple(kinds))


def test_a_table_of_a_lake(table: Path, on_table: Profile, passes: list[list[str]]) -> None:
    """Every column in one pass, none wider than three."""
    source = DeltaSource(path=str(table), timestamp="ts")
    assert same(source, on_table) == 300
    by_columns = passes[:-1]  # the last: whole rows
    assert sorted(name for names in by_columns for name in names) == sorted(wanted(on_table))
    assert max(map(len, by_columns)) == 3
    assert same(DeltaSource(path=str(table), timestamp="ts", filter={"model": "ours"}), on_table) < 300
    assert same(DeltaSource(path=str(table), timestamp="ts", version=0), on_table) == 150


def test_an_object(object_store: ObjectStore, tmp_path: Path, reference: Profile) -> None:
    """With and without what is looked at together, a row at a time."""
    bucket = object_store.bucket()
    rows(300).write_parquet(tmp_path / "a.parquet", row_group_size=100)
    bucket.put("w/a.parquet", (tmp_path / "a.parquet").read_bytes())
    source = ParquetSource(path=bucket.url("w/a.parquet"), timestamp="ts", **options(object_store.endpoint))
    assert same(source, reference) == 300
    frame = rows(500, seed=9)
    columns = columns_of(frame.select(*KINDS).to_dict(as_series=True), KINDS)  # type: ignore[arg-type]
    sliced = reference.with_parts(fit_slices(reference, columns, 500, ["c"]))
    assert same(source, sliced) == 300
    assert same(source, reference, Extras(version="model")) == 300


def test_what_is_narrow_short_or_no_columns_is_read_whole(
    tmp_path: Path, table: Path, on_table: Profile, passes: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """More passes would save nothing; and nothing is looked for twice."""
    asked = 0
    whole = Files.ask

    def noted(self: Files, *given: object) -> object:
        nonlocal asked
        asked += 1
        return whole(self, *given)  # type: ignore[arg-type]  # as they came

    monkeypatch.setattr(Files, "ask", noted)
    rows(300).select("ts", "f", "c").write_csv(tmp_path / "a.csv")
    count_span(CsvSource(path=str(tmp_path / "a.csv"), timestamp="ts"), on_table, DAY)
    source = DeltaSource(path=str(table), timestamp="ts")
    monkeypatch.setattr(_scan, "LARGE_ROWS", 300)
    assert count_span(source, on_table, DAY).summary.rows == 300
    monkeypatch.setattr(_scan, "LARGE_ROWS", 5)
    monkeypatch.setattr(_scan, "WIDE", 20)
    assert count_span(source, on_table, DAY).summary.rows == 300
    assert (asked, len(passes)) == (3, 3)


@pytest.mark.parametrize("together", [False, True])
def test_columns_that_an_object_lacks(
    object_store: ObjectStore, tmp_path: Path, reference: Profile, together: bool
) -> None:
    """They are missing in each of its rows; also where nobody asks for times, and a pass has no other."""
    bucket = object_store.bucket()
    lacks = ["c", "k", "e"] if together else ["f", "h", "i"]
    for name, frame in (("a", rows(100)), ("b", rows(100, 2).drop(lacks))):
        frame.write_parquet(tmp_path / "x.parquet")
        bucket.put(f"{name}.parquet", (tmp_path / "x.parquet").read_bytes())
    source = ParquetSource(path=bucket.url("*.parquet"), **options(object_store.endpoint))
    columns = columns_of(rows(500, seed=9).select(*KINDS).to_dict(as_series=True), KINDS)  # type: ignore[arg-type]
    on = reference.with_parts(fit_slices(reference, columns, 500, ["c"])) if together else reference
    there = source.count(on, None, NO_EXTRAS)
    assert there == read_window(on, source.pull(None, wanted(on)), NO_EXTRAS)
    assert there is not None
    assert there.summary.rows == 200
    assert all(there.summary.columns[name].missing >= 100 for name in lacks)
