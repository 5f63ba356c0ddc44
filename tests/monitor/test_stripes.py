"""A large Parquet file is read by Arrow, and counted a stripe of columns at a time: as polars reads it."""

import math
import os
import subprocess
import sys
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from detectors import CategoryColumn, Kind, NumericColumn, Profile, Role, ScoreSpec, build_profile
from detectors._apart import reading
from detectors._count import NO_EXTRAS, Extras
from detectors._slices import fit_slices
from monitor.counting import count_span, read_window, wanted
from monitor.source import Batch, SourceError
from monitor.sources import _arrow, _footer, _many_labels, _row_groups, _scan, _stripes
from monitor.sources.parquet import ParquetSource
from storage.span import Span
from tests.monitor.test_counting_parity import columns_of

T0 = datetime(2024, 3, 10, tzinfo=UTC)
DAY = Span(start=T0, end=T0 + timedelta(days=1))
KINDS = {
    "f": Kind.NUMERIC, "h": Kind.NUMERIC, "i": Kind.NUMERIC, "u": Kind.NUMERIC, "b": Kind.NUMERIC,
    "d": Kind.NUMERIC, "m": Kind.NUMERIC, "when": Kind.NUMERIC, "took": Kind.NUMERIC,
    "c": Kind.CATEGORY, "k": Kind.CATEGORY, "e": Kind.CATEGORY, "w": Kind.CATEGORY, "q": Kind.CATEGORY,
}  # fmt: skip


def small_parts(monkeypatch: pytest.MonkeyPatch, many: int) -> None:
    """Small files are read in stripes as well, three columns and 37 rows at a time; columns of `many` labels
    in passes of their own, 60 rows at a time."""
    for name, value in {"MANY": many, "ROWS": 60, "_LABELS": 7}.items():
        monkeypatch.setattr(_many_labels, name, value)
    monkeypatch.setattr(_scan, "LARGE_ROWS", -1)
    monkeypatch.setattr(_footer, "LEAST_GROUP_ROWS", 0)
    monkeypatch.setattr(_footer, "LARGE_ROWS", -1)
    monkeypatch.setattr(_stripes, "COLUMNS", 3)
    for name, value in {"COLUMNS": 3, "VALUES": 111, "BATCH_ROWS": 37, "FEWEST_ROWS": 1}.items():
        monkeypatch.setattr(_row_groups, name, value)


@pytest.fixture(autouse=True, params=[10_000, 4], ids=["few labels", "many labels"])
def narrow(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    small_parts(monkeypatch, request.param)


def rows(size: int, seed: int = 1, days: float = 1.0) -> pl.DataFrame:
    """Every type that a column may have, with missing values, and times in no order."""
    rng = np.random.default_rng(seed)

    def gaps(values: Any, dtype: Any = None) -> pl.Series:
        series = pl.Series(values, dtype=dtype, strict=False)
        mask = pl.Series(rng.random(size) < 0.1)
        return pl.select(pl.when(~mask).then(pl.lit(series))).to_series()

    numbers = rng.normal(size=size)
    seconds = rng.permutation(size) * (days * 86_400 / size)
    return pl.DataFrame(
        {
            "ts": [T0 + timedelta(microseconds=int(each * 1e6)) for each in seconds],
            "model": rng.choice(["ours", "theirs"], size),
            "f": gaps(np.where(rng.random(size) < 0.05, np.nan, numbers)),
            "h": gaps(numbers, pl.Float32),
            "i": gaps(rng.integers(-(2**62), 2**62, size)),
            "u": gaps(rng.integers(0, 200, size), pl.UInt8),
            "b": gaps(rng.random(size) < 0.3),
            "d": gaps([Decimal(int(each)) / 100 for each in rng.integers(-999, 999, size)]),
            "m": gaps([date(2024, 1, 1) + timedelta(days=int(each)) for each in rng.integers(0, 99, size)]),
            "when": gaps([T0 + timedelta(seconds=int(each)) for each in rng.integers(0, 9999, size)]),
            "took": gaps([timedelta(milliseconds=int(each)) for each in rng.integers(0, 9999, size)]),
            "c": gaps(rng.choice(["a", "b", "ä", ""], size)),
            "k": gaps(rng.integers(-2, 5, size)),
            "e": gaps(rng.choice(["x", "y"], size), pl.Enum(["x", "y", "z"])),
            "w": gaps([f"label {each}" for each in rng.integers(0, 10**9, size)]),
            "q": gaps(rng.choice([0.0, 1.0, 2.5, np.nan], size)),
        }
    )


def profile(frame: pl.DataFrame, **options: Any) -> Profile:
    return build_profile(
        columns_of(frame.select(*KINDS).to_dict(as_series=True), KINDS),  # type: ignore[arg-type]
        roles={},
        **{"knots": 64, "include": tuple(KINDS), **options},
    )


@pytest.fixture(scope="module")
def reference() -> Profile:
    return profile(rows(500, seed=9))


def same(source: ParquetSource, on: Profile, span: Span | None = DAY, extras: Extras = NO_EXTRAS) -> int:
    """How many rows were counted; the same every way."""
    there = source.count(on, span, extras)
    assert there is not None, "it was left to whole rows"
    asked = wanted(on, extras)
    with pytest.MonkeyPatch.context() as small:
        small.setattr(_scan, "LARGE_ROWS", 10**9)  # by polars
        window = source.pull(span, asked)
        told = [*window.batches]
    assert there == read_window(on, replace(window, batches=iter(told)), extras)
    assert plainly(source.pull(span, asked).batches) == plainly(told)
    return there.summary.rows


def plainly(batches: Iterable[Batch]) -> dict[str, list[Any]]:
    """Row by row, wherever batches end; labels of a batch are those of its rows, in order."""
    found: dict[str, list[Any]] = {}
    for batch in batches:
        assert batch.rows
        if batch.times is not None:
            found.setdefault("times", []).extend(batch.times.tolist())
        for name, column in batch.columns.items():
            assert len(column) == batch.rows
            rows = found.setdefault(name, [])
            if isinstance(column, NumericColumn):
                rows += [None if math.isnan(value) else value for value in column.values.tolist()]
                continue
            codes = column.codes.tolist()
            assert list(column.labels) == sorted(column.labels)
            rows += [None if code < 0 else column.labels[code] for code in codes]
    return found


@pytest.mark.parametrize("group", [1, 40, 1_000])
def test_every_type_in_any_order(tmp_path: Path, reference: Profile, group: int) -> None:
    """A window of three hours, in rows that are in no order, whatever the row groups."""
    rows(700).write_parquet(tmp_path / "a.parquet", row_group_size=group)
    source = ParquetSource(path=str(tmp_path), timestamp="ts")
    three = Span(start=T0 + timedelta(hours=3), end=T0 + timedelta(hours=6))
    assert same(source, reference, three) in range(85, 91)
    assert same(source, reference) == 700
    assert same(source, reference, None) == 700
    later = Span(start=DAY.end, end=DAY.end + timedelta(days=1))
    assert count_span(source, reference, later).summary.rows == 0


def test_filter_and_files_that_differ(tmp_path: Path, reference: Profile) -> None:
    """One lacks columns, one has another type of number: what is missing there is missing."""
    for name, frame in {
        "a": rows(200, 2),
        "b": rows(150, 3).drop("f", "c", "h"),
        "c": rows(150, 4).with_columns(pl.col("u").cast(pl.Float64), pl.col("c").cast(pl.Categorical)),
    }.items():
        frame.write_parquet(tmp_path / f"{name}.parquet", row_group_size=60)
    source = ParquetSource(path=str(tmp_path), timestamp="ts", filter={"model": "ours"})
    assert 200 < same(source, reference) < 300


def test_a_small_file_beside_a_large_one_is_read_whole(
    tmp_path: Path, reference: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The large one is counted in stripes all the same, and once."""
    monkeypatch.setattr(_scan, "LARGE_ROWS", 150)
    for name, size in {"a": 100, "b": 200, "c": 50}.items():
        rows(size, seed=size).write_parquet(tmp_path / f"{name}.parquet", row_group_size=100)
    opened: list[str] = []
    whole = _stripes._counted

    def noted(groups: _row_groups.RowGroups, *rest: Any) -> Any:
        opened.append(Path(groups.file.name).name)
        return whole(groups, *rest)

    monkeypatch.setattr(_stripes, "_counted", noted)
    assert same(ParquetSource(path=str(tmp_path), timestamp="ts"), reference) == 350
    assert opened == ["b.parquet"]


def test_without_a_time(tmp_path: Path, reference: Profile) -> None:
    """All rows, or those that the filter lets pass."""
    rows(300).write_parquet(tmp_path / "a.parquet", row_group_size=70)
    assert same(ParquetSource(path=str(tmp_path)), reference, None) == 300
    assert same(ParquetSource(path=str(tmp_path), filter={"model": "ours"}), reference, None) < 200


@pytest.mark.parametrize(
    ("stored", "options"),
    [
        (pl.col("ts").dt.replace_time_zone(None), {"timestamp_zone": "Europe/Helsinki"}),
        (pl.col("ts").dt.cast_time_unit("ns"), {}),
        (pl.col("ts").dt.date(), {"timestamp_zone": "UTC"}),
        (pl.col("ts").dt.epoch("ms"), {"timestamp_format": "epoch_ms"}),
        (pl.col("ts").dt.epoch("s").cast(pl.Float64), {"timestamp_format": "epoch_s"}),
        (pl.col("ts").dt.to_string("%Y-%m-%dT%H:%M:%S%:z"), {}),
        (pl.when(pl.col("u") > 20).then(pl.col("ts")), {}),
    ],
    ids=["naive", "ns", "date", "ms", "s", "text", "gaps"],
)
def test_every_way_to_write_a_time(
    tmp_path: Path, reference: Profile, stored: pl.Expr, options: dict[str, Any]
) -> None:
    """Three days in the file, one in the window."""
    frame = rows(900, days=3.0).sort("ts").with_columns(ts=stored)
    frame.write_parquet(tmp_path / "a.parquet", row_group_size=100)
    assert 200 < same(ParquetSource(path=str(tmp_path), timestamp="ts", **options), reference) <= 300


def opened_groups(monkeypatch: pytest.MonkeyPatch) -> set[int]:
    """Filled with each row group that is opened."""
    opened: set[int] = set()
    whole = _row_groups.RowGroups._places

    def noted(self: _row_groups.RowGroups, parquet: Any, group: int, names: list[str]) -> Any:
        opened.add(group)
        return whole(self, parquet, group, names)

    monkeypatch.setattr(_row_groups.RowGroups, "_places", noted)
    return opened


def test_row_groups_outside_the_span_stay_shut(
    tmp_path: Path, reference: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their statistics say so."""
    rows(900, days=3.0).sort("ts").write_parquet(tmp_path / "a.parquet", row_group_size=100)
    opened = opened_groups(monkeypatch)
    assert same(ParquetSource(path=str(tmp_path), timestamp="ts"), reference) == 300
    assert opened in ({0, 1, 2}, {0, 1, 2, 3})  # the fourth begins with the end of the window


def scored(size: int, seed: int) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    return rows(size, seed).with_columns(
        score=pl.Series(rng.beta(2, 3, size)),
        second=pl.Series(rng.beta(2, 3, size)),
        version=pl.Series(rng.choice(["v1", "v2"], size)),
        error=pl.Series(rng.choice(["", "ok", "timeout"], size)),
    )


def test_moments_are_read_as_times(tmp_path: Path) -> None:
    """When an outcome was known: µs, whatever the file writes."""
    frame = rows(200).with_columns(known=pl.col("ts").dt.replace_time_zone(None))
    frame.write_parquet(tmp_path / "a.parquet", row_group_size=60)
    source = ParquetSource(path=str(tmp_path), timestamp="ts", timestamp_zone="UTC")
    window = source.pull(DAY, {"known": Kind.NUMERIC, "f": Kind.NUMERIC}, ["known"])
    told = plainly(window.batches)
    assert told["known"] == told["times"]


def test_rows_end_with_the_file_that_was_replaced(tmp_path: Path, reference: Profile) -> None:
    """Whoever reads rows is told as well."""
    path = tmp_path / "a.parquet"
    rows(300).write_parquet(path, row_group_size=100)
    batches = ParquetSource(path=str(path), timestamp="ts").pull(DAY, wanted(reference)).batches
    next(batches)
    rows(301).write_parquet(tmp_path / "b")
    (tmp_path / "b").replace(path)
    with pytest.raises(SourceError, match="was replaced while it was read"):
        list(batches)


def test_what_is_looked_at_together_stays_together(tmp_path: Path) -> None:
    """Score, second score, errors, slices, and versions, by which every column is counted."""
    kinds = {**KINDS, "score": Kind.NUMERIC}
    columns = columns_of(scored(600, 5).select(*kinds).to_dict(as_series=True), kinds)  # type: ignore[arg-type]
    built = build_profile(
        columns,
        roles={"score": Role.SCORE},
        score=ScoreSpec(task="binary", columns={"": "score"}),
        knots=64,
        include=tuple(kinds),
    )
    scored(400, 6).write_parquet(tmp_path / "a.parquet", row_group_size=90)
    source = ParquetSource(path=str(tmp_path), timestamp="ts")
    assert reading(built, NO_EXTRAS).together == {"score"}
    beside = Extras(shadow={"": "second"}, error="error")
    assert reading(built, beside).together == {"score", "second", "error"}
    assert same(source, built, extras=beside) == 400
    versions = Extras(version="version", shadow={"": "second"}, error="error")
    assert reading(built, versions).together is None
    assert same(source, built, extras=versions) == 400
    sliced = built.with_parts(fit_slices(built, columns, 600, ["c"]))
    assert {"c", "f"} <= (reading(sliced).together or set())
    assert same(source, sliced) == 400


def test_labels_that_the_file_codes_oddly(tmp_path: Path) -> None:
    """Plain, a dictionary that repeats itself, and one with more labels than the batch has rows."""
    labels = ["a", "b", "a", "c"]
    coded = pa.DictionaryArray.from_arrays(pa.array([0, 1, 2, None, 3, 2] * 20, pa.int32()), pa.array(labels))
    many = pa.array([f"l{n}" for n in range(120)])
    times = pa.array([T0 + timedelta(minutes=n) for n in range(120)], pa.timestamp("us", tz="UTC"))
    table = pa.table({"ts": times, "c": coded, "w": many, "e": pa.array(["x"] * 120, pa.large_string())})
    path = tmp_path / "a.parquet"
    pq.write_table(table, path, use_dictionary=["c", "w"], row_group_size=120)
    kinds = {"c": Kind.CATEGORY, "w": Kind.CATEGORY, "e": Kind.CATEGORY}
    on = build_profile(columns_of({"c": ["a", "c"], "w": ["l1", "l2"], "e": ["x", "y"]}, kinds), roles={})
    assert same(ParquetSource(path=str(path), timestamp="ts"), on) == 120
    pq.write_table(table, path, use_dictionary=False, row_group_size=120)
    assert same(ParquetSource(path=str(path), timestamp="ts"), on) == 120


@pytest.mark.parametrize(
    ("words", "labels"), [(_arrow.Words, ("z", "b", "c")), (None, ("b", "z"))], ids=["as it is", "in order"]
)
def test_a_repeated_label_is_one(words: type[_arrow.Words] | None, labels: tuple[str, ...]) -> None:
    """Codes are merged, and a missing one stays missing; in order, no label is without a row."""
    array = pa.DictionaryArray.from_arrays(
        pa.array([0, 1, 2, None, 0], pa.int32()), pa.array(["z", "b", "z", "c"])
    )
    column = _arrow.column(array[1:], Kind.CATEGORY, pl.String(), words() if words else None)
    assert isinstance(column, CategoryColumn)
    assert column.labels == labels
    said = [None if code < 0 else column.labels[code] for code in column.codes]
    assert said == ["b", "z", None, "z"]


def test_one_batch_is_read_whole(tmp_path: Path, reference: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is to be won there."""
    monkeypatch.undo()

    def never(*_: object, **__: object) -> None:
        raise AssertionError("Arrow was asked for rows")

    monkeypatch.setattr(_row_groups.RowGroups, "batches", never)
    rows(300).write_parquet(tmp_path / "a.parquet")
    source = ParquetSource(path=str(tmp_path), timestamp="ts")
    assert count_span(source, reference, DAY).summary.rows == 300


FAR = pa.array([datetime(9999, 12, 31)] * 90, pa.timestamp("ms"))  # noqa: DTZ001  as Spark writes "for ever"
TIMES = pa.array([T0 + timedelta(minutes=n) for n in range(90)], pa.timestamp("us", tz="UTC"))
DAYS = pa.array([date(2024, 3, 8 + n // 30) for n in range(90)], pa.date64())
LONG_AGO = pa.array([T0 - timedelta(days=999)] * 90, pa.timestamp("us", tz="UTC"))
V = pa.array([float(n) for n in range(90)])


@pytest.mark.parametrize(
    ("columns", "written", "options", "rows"),
    [
        ({"ts": DAYS, "v": V}, {}, {"timestamp_zone": "UTC"}, 30),
        ({"ts": TIMES, "v": DAYS}, {}, {}, 90),
        ({"ts": TIMES, "v": FAR}, {"use_deprecated_int96_timestamps": True, "store_schema": False},
         {"timestamp_zone": "UTC"}, 90),
        ({"a": pa.StructArray.from_arrays([LONG_AGO], ["b"]), "a.b": TIMES, "v": V}, {},
         {"timestamp": "a.b"}, 90),
        ({"ts": TIMES, "v": V}, {"row_group_size": 30}, {}, 90),
    ],
    ids=["date64 as time", "date64", "int96", "a struct's field of the same path", "small row groups"],
)  # fmt: skip
def test_what_arrow_sees_otherwise_is_read_by_polars(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    columns: dict[str, pa.Array],
    written: dict[str, Any],
    options: dict[str, Any],
    rows: int,
) -> None:
    """By the one reader that has told what the columns are; and where it is the quicker one."""
    monkeypatch.setattr(_footer, "LEAST_GROUP_ROWS", 31)
    pq.write_table(pa.table(columns), tmp_path / "a.parquet", **written)
    source = ParquetSource(path=str(tmp_path), **{"timestamp": "ts", **options})
    on = build_profile(columns_of({"v": [1.0, 2.0]}, {"v": Kind.NUMERIC}), roles={})

    def never(*_: object, **__: object) -> None:
        raise AssertionError("Arrow was asked for rows")

    monkeypatch.setattr(_row_groups.RowGroups, "batches", never)
    assert same(source, on) == rows


def test_a_file_of_small_groups_is_looked_at_once(
    tmp_path: Path, reference: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What Arrow is not asked for it is not opened for at every window; a file in its place is new."""
    monkeypatch.setattr(_footer, "LEAST_GROUP_ROWS", 31)
    opened, whole = [], _row_groups.open_parquet

    def noted(name: str, *given: Any) -> Any:
        opened.append(name)
        return whole(name, *given)

    monkeypatch.setattr(_row_groups, "open_parquet", noted)
    rows(900).write_parquet(tmp_path / "a.parquet", row_group_size=30)
    source = ParquetSource(path=str(tmp_path), timestamp="ts")
    for _ in range(3):
        count_span(source, reference, DAY)
    assert len(opened) == 1
    rows(901).write_parquet(tmp_path / "a.parquet", row_group_size=300)
    assert count_span(source, reference, DAY).summary.rows == 901
    assert len(opened) > 2


@pytest.mark.parametrize("encoding", ["DELTA_BYTE_ARRAY", "DELTA_LENGTH_BYTE_ARRAY"])
def test_text_in_pages_of_differences(tmp_path: Path, encoding: str) -> None:
    """In some row groups alone, as DuckDB writes it: Arrow gives no codes of such pages."""
    table = pa.table({"ts": TIMES, "c": pa.array(["a", "b", None] * 30)})
    path = tmp_path / "a.parquet"
    plain = {"use_dictionary": False, "column_encoding": {"c": encoding}}
    for name, how in (("a", plain), ("b", {})):
        pq.write_table(table, tmp_path / f"{name}.parquet", **how)
    on = build_profile(columns_of({"c": ["a", "c"]}, {"c": Kind.CATEGORY}), roles={})
    assert encoding in pq.ParquetFile(path).metadata.row_group(0).column(1).encodings
    assert same(ParquetSource(path=str(tmp_path), timestamp="ts"), on) == 180


def test_a_group_without_statistics_is_opened_and_the_others_stay_shut(
    tmp_path: Path, reference: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that has no time at all."""
    frame = rows(900, days=3.0).sort("ts").with_row_index("n")
    frame = frame.with_columns(ts=pl.when(~pl.col("n").is_between(600, 699)).then(pl.col("ts"))).drop("n")
    frame.write_parquet(tmp_path / "a.parquet", row_group_size=100)
    opened = opened_groups(monkeypatch)
    assert same(ParquetSource(path=str(tmp_path), timestamp="ts"), reference) == 300
    assert opened in ({0, 1, 2, 6}, {0, 1, 2, 3, 6})


def test_a_time_by_the_name_of_ours(tmp_path: Path, reference: Profile) -> None:
    """No name is taken."""
    rows(100).rename({"ts": "\0row"}).write_parquet(tmp_path / "a.parquet")
    assert same(ParquetSource(path=str(tmp_path), timestamp="\0row"), reference) == 100


@pytest.mark.parametrize("words", [_arrow.Words, None], ids=["as it is", "in order"])
@pytest.mark.parametrize("codes", [[0, 2], [0, -1], [5, 0]])
def test_a_code_that_is_no_label_is_damage(words: type[_arrow.Words] | None, codes: list[int]) -> None:
    """Arrow gives it as it is; whoever counts would look beyond its table."""
    indices = pa.Array.from_buffers(pa.int32(), 2, [None, pa.py_buffer(np.array(codes, dtype=np.int32))])
    array = pa.DictionaryArray.from_arrays(indices, pa.array(["a", "b"]), safe=False)
    with pytest.raises(OSError, match="none of its dictionary's"):
        _arrow.column(array, Kind.CATEGORY, pl.String(), words() if words else None)


def test_labels_of_a_dictionary_are_made_once() -> None:
    """And anew where the next batch has another one, longer or not."""
    words = _arrow.Words()

    def read(labels: list[str], codes: list[int | None]) -> tuple[CategoryColumn, list[str | None]]:
        array = pa.DictionaryArray.from_arrays(pa.array(codes, pa.int32()), pa.array(labels))
        column = _arrow.column(array, Kind.CATEGORY, pl.String(), words)
        assert isinstance(column, CategoryColumn)
        return column, [None if code < 0 else column.labels[code] for code in column.codes]

    first, said = read(["b", "a"], [1, None, 0])
    assert said == ["a", None, "b"]
    again, said = read(["b", "a"], [0, 0, 1])
    assert (again.labels is first.labels, said) == (True, ["b", "b", "a"])
    assert read(["a", "b"], [0, 1, 1])[1] == ["a", "b", "b"]
    assert read(["a", "a", "c"], [0, 1, 2])[1] == ["a", "a", "c"]
    assert read(["b", "a"], [1, 1, 0])[1] == ["a", "a", "b"]


def test_a_page_that_arrow_does_not_know_is_left_to_polars(
    tmp_path: Path, reference: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of it, or the rows after those that have been given: each once, in their order."""
    rows(300).write_parquet(tmp_path / "a.parquet", row_group_size=100)
    source = ParquetSource(path=str(tmp_path), timestamp="ts")

    def unknown(when: int) -> Any:
        passed = iter(range(10**6))

        def hit(_: str) -> None:
            if next(passed) >= when:
                raise NotImplementedError("a page of a kind to come")

        return hit

    monkeypatch.setattr(_row_groups, "hit", unknown(0))
    assert same(source, reference) == 300
    whole = plainly(source.pull(DAY, wanted(reference)).batches)
    for when in (1, 2, 5, 7):
        monkeypatch.setattr(_row_groups, "hit", unknown(when))
        source = ParquetSource(path=str(tmp_path), timestamp="ts")
        assert plainly(source.pull(DAY, wanted(reference)).batches) == whole
        assert source.count(reference, DAY, NO_EXTRAS) == count_span(source, reference, DAY)


def test_a_broken_page_fails_and_names_the_file(tmp_path: Path, reference: Profile) -> None:
    """As one that may still be written: it is tried again."""
    path = tmp_path / "a.parquet"
    rows(3_000).write_parquet(path, row_group_size=1_000, compression="zstd")
    source = ParquetSource(path=str(path), timestamp="ts")
    place = pq.ParquetFile(path).metadata.row_group(1).column(2).data_page_offset
    content = bytearray(path.read_bytes())
    status = os.stat(path)
    content[place : place + 600] = b"\xff" * 600
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    with pytest.raises(SourceError, match=r"a\.parquet: cannot be read") as caught:
        source.count(reference, DAY, NO_EXTRAS)
    assert caught.value.transient


def test_text_that_is_none_fails_and_names_the_file(tmp_path: Path) -> None:
    """A label is text; bytes that are not UTF-8 are a writer's fault."""
    times = pa.array([T0 + timedelta(minutes=n) for n in range(120)], pa.timestamp("us", tz="UTC"))
    wrong = pa.array([b"ok", b"\xff\xfe"] * 60, pa.binary())
    texts = pa.StringArray.from_buffers(len(wrong), wrong.buffers()[1], wrong.buffers()[2])
    pq.write_table(pa.table({"ts": times, "c": texts}), tmp_path / "a.parquet")
    on = build_profile(columns_of({"c": ["a", "b"]}, {"c": Kind.CATEGORY}), roles={})
    with pytest.raises(SourceError, match=r"a\.parquet: cannot be read"):
        ParquetSource(path=str(tmp_path), timestamp="ts").count(on, DAY, NO_EXTRAS)


@pytest.mark.parametrize("module", [_row_groups, _many_labels])
def test_a_file_replaced_while_it_is_read_fails(
    tmp_path: Path, reference: Profile, monkeypatch: pytest.MonkeyPatch, module: Any
) -> None:
    """Half of one and half of another is neither."""
    path = tmp_path / "a.parquet"
    rows(300).write_parquet(path)
    source = ParquetSource(path=str(path), timestamp="ts")

    rows(301).write_parquet(tmp_path / "b")

    def swap(_: str) -> None:
        with suppress(FileNotFoundError):  # another stripe was first
            (tmp_path / "b").replace(path)

    monkeypatch.setattr(module, "hit", swap)
    monkeypatch.setattr(_many_labels, "MANY", 4)
    with pytest.raises(SourceError, match="was replaced while it was read") as caught:
        source.count(reference, DAY, NO_EXTRAS)
    assert caught.value.transient


def test_pandas_stays_out(tmp_path: Path) -> None:
    """50 MiB and a third of a second, which Arrow's conversions load where they can."""
    rows(300).write_parquet(tmp_path / "a.parquet", row_group_size=90)
    code = f"""
import sys
from datetime import UTC, datetime, timedelta
from detectors import Kind, build_profile
from detectors._count import NO_EXTRAS
from monitor.sources import _arrow, _footer, _row_groups, _scan, _stripes
from monitor.sources.parquet import ParquetSource
import polars as pl
from monitor.sources import _values
_scan.LARGE_ROWS, _footer.LEAST_GROUP_ROWS = -1, 0
source = ParquetSource(path={str(tmp_path)!r}, timestamp="ts", filter={{"model": "ours"}})
kinds = {{"f": Kind.NUMERIC, "c": Kind.CATEGORY, "w": Kind.CATEGORY, "d": Kind.NUMERIC}}
batch = next(iter(source.pull(None, kinds).batches))
profile = build_profile(batch.columns, roles={{}})
assert source.count(profile, None, NO_EXTRAS).summary.rows > 100
assert "pyarrow" in sys.modules
assert "pandas" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
