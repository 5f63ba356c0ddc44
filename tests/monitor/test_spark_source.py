"""Does Spark count as this machine does, to the last integer, whatever its rows look like?"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from detectors import DERIVED, Kind, Profile, ScoreSpec, build_profile
from detectors._count import Extras
from detectors._relation_fit import fit_relations
from detectors._slices import fit_slices
from monitor.counting import Counted, count_span, read_window, wanted
from monitor.source import ColumnKind, SourceError, Trouble
from monitor.sources.parquet import ParquetSource
from storage.span import Span
from tests import spark

spark.must_be_there()

from monitor.sources._spark_session import _SESSIONS  # noqa: E402
from monitor.sources.spark import SparkSource  # noqa: E402 - after the skip

pytestmark = [pytest.mark.spark, pytest.mark.timeout(600)]

T0 = datetime(2024, 3, 10, tzinfo=UTC)
DAY = Span(start=T0, end=T0 + timedelta(days=1))
EXTRAS = Extras(version="version", shadow={"": "challenger"}, error="error")


@pytest.fixture(scope="module", autouse=True)
def driver() -> Iterator[None]:
    """One for all tests here; it ends with them."""
    yield
    for session in _SESSIONS.values():
        session.stop()
    _SESSIONS.clear()


def source(path: Path | str, **options: Any) -> SparkSource:
    given = {"master": spark.MASTER, "config": spark.CONFIG, "timestamp": "ts", **options}
    return SparkSource(path=str(path), **given)


def frame(rows: int, seed: int, *, numbers: int = 3, texts: int = 2) -> pl.DataFrame:
    """A day of rows: NaN, ±inf, −0.0, nulls, ties, unicode, whole numbers, and labels nobody saw before."""
    rng = np.random.default_rng(seed)
    columns: dict[str, pl.Series] = {}
    for at in range(numbers):
        values = rng.normal(at, 1.0 + at, rows) if at % 3 else rng.choice([0.0, -0.0, 1.5, 2.0], rows)
        for value in (np.nan, np.inf, -np.inf, 1e300):
            values[rng.random(rows) < 0.02] = value
        series = pl.Series(values)
        if at % 5 == 4:
            series = pl.Series(rng.integers(-50, 50, rows), dtype=pl.Int32)
        columns[f"n.{at}`"] = series.set(pl.Series(rng.random(rows) < 0.05), None)
    for at in range(texts):
        labels = np.array(["a", "Zürich ✈", "", " b", "日本", f"only {seed}"])
        values = pl.Series(labels[rng.integers(0, 5 if seed == 0 else 6, rows)])
        columns[f"t {at}"] = values.set(pl.Series(rng.random(rows) < 0.1), None)
    columns["score"] = pl.Series(rng.random(rows))
    columns["challenger"] = pl.Series(rng.random(rows))
    columns["version"] = pl.Series(rng.choice(["v1", "v2"], rows))
    columns["error"] = pl.Series(rng.random(rows) < 0.1)
    seconds = np.sort(rng.integers(-7_200, 93_600, rows))
    times = pl.Series("ts", (seconds * 1_000_000 + 1).astype(np.int64)).cast(pl.Duration("us"))
    return pl.DataFrame(columns).with_columns((pl.lit(T0) + times).alias("ts"))


def profile_of(path: Path, names: list[str]) -> Profile:
    """With relations and slices, of what this machine reads."""
    reading = ParquetSource(path=str(path), timestamp="ts")
    kinds = {name: Kind.CATEGORY if name.startswith("t ") else Kind.NUMERIC for name in names}
    batches = list(reading.pull(None, kinds).batches)
    assert len(batches) == 1
    columns = batches[0].columns
    plain = build_profile(columns, roles={}, score=ScoreSpec(task="binary", columns={"": "score"}))
    parts = fit_slices(plain, columns, batches[0].rows, ["t 0"])
    relations = fit_relations(plain, columns, batches[0].rows, 1_000)
    return plain.with_parts({**parts, **({"relations": relations} if relations else {})})


def laid_out(folder: Path, rows: pl.DataFrame, files: int) -> Path:
    folder.mkdir()
    size = -(-rows.height // files)
    for at in range(files):
        rows[at * size : (at + 1) * size].write_parquet(folder / f"part-{at}.parquet", row_group_size=700)
    return folder


def here(folder: Path, profile: Profile, span: Span | None, extras: Extras, **options: Any) -> Counted:
    """The plain twin: the same files, read by this process."""
    return count_span(
        ParquetSource(path=f"{folder}/*.parquet", **{"timestamp": "ts", **options}), profile, span, extras
    )


def test_two_hundred_columns_to_the_last_integer(tmp_path: Path) -> None:
    """150 of numbers and 50 of texts, in several partitions, with everything that is counted beside them."""
    reference = frame(2_000, 0, numbers=150, texts=50)
    reference.write_parquet(tmp_path / "reference.parquet")
    names = [name for name in reference.columns if name.startswith(("n.", "t ", "score"))]
    profile = profile_of(tmp_path / "reference.parquet", names)
    rows = laid_out(tmp_path / "rows", frame(5_000, 1, numbers=150, texts=50), 3)
    there = source(rows).count(profile, DAY, EXTRAS)
    mine = here(rows, profile, DAY, EXTRAS)
    assert there is not None
    assert there.summary == mine.summary
    assert (there.newest, there.problems) == (mine.newest, ())
    summary = there.summary
    assert 3_000 < summary.rows < 5_000  # the span left some out
    assert len(summary.columns) == 201 + len(DERIVED)
    assert summary.versions
    assert summary.slices
    assert summary.joint is not None
    assert summary.shadow is not None
    assert summary.errors


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Profile]:
    folder = tmp_path_factory.mktemp("small")
    frame(800, 0).write_parquet(folder / "reference.parquet")
    names = [name for name in frame(1, 0).columns if name.startswith(("n.", "t ", "score"))]
    profile = profile_of(folder / "reference.parquet", names)
    return laid_out(folder / "rows", frame(900, 2), 2), profile


# As columns hold times, and how a config says so.
TIMES: dict[str, tuple[Any, dict[str, Any]]] = {
    "instants": (pl.col("ts"), {}),
    "naive": (
        pl.col("ts").dt.convert_time_zone("America/New_York").dt.replace_time_zone(None),
        {"timestamp_zone": "America/New_York"},  # clocks were set forward on that very day
    ),
    "dates": (pl.col("ts").dt.date(), {"timestamp_zone": "Europe/Berlin"}),
    "milliseconds": (pl.col("ts").dt.epoch("ms"), {"timestamp_format": "epoch_ms"}),
    "seconds": (pl.col("ts").dt.epoch("us") / 1e6, {"timestamp_format": "epoch_s"}),
    "texts": (pl.col("ts").dt.strftime("%Y-%m-%dT%H:%M:%S%.fZ"), {}),
    "pattern": (
        pl.col("ts").dt.strftime("%d.%m.%Y %H:%M"),
        {"timestamp_format": "%d.%m.%Y %H:%M", "timestamp_zone": "UTC"},
    ),
}


@pytest.mark.parametrize("written", TIMES)
def test_times_are_read_as_files_are(small: tuple[Path, Profile], tmp_path: Path, written: str) -> None:
    """Watermark, fingerprint and counts of a span, however the time is written."""
    rows, profile = small
    expression, options = TIMES[written]
    whole = pl.read_parquet(f"{rows}/*.parquet").with_columns(expression.alias("ts"))
    folder = laid_out(tmp_path / "rows", whole, 2)
    span = Span(start=T0 + timedelta(hours=3), end=T0 + timedelta(hours=20))
    there = source(folder, **options)
    mine = ParquetSource(path=f"{folder}/*.parquet", timestamp="ts", **options)
    assert there.watermark() == mine.watermark()
    assert there.fingerprint(span) == mine.fingerprint(span)
    counted = there.count(profile, span, EXTRAS)
    assert counted is not None
    assert counted.summary == here(folder, profile, span, EXTRAS, **options).summary


def test_rows_come_as_files_give_them(small: tuple[Path, Profile]) -> None:
    """`pull`: the same columns, and what is counted of them is what is counted there."""
    rows, profile = small
    there = source(rows)
    counted = there.count(profile, DAY, EXTRAS)
    assert counted is not None
    assert read_window(profile, there.pull(DAY, wanted(profile, EXTRAS)), EXTRAS) == counted
    assert there.schema()["n.0`"] is ColumnKind.NUMERIC
    assert list(there.schema()) == frame(1, 0).columns


def test_filter_and_problems_are_those_of_files(small: tuple[Path, Profile]) -> None:
    """A filter counts its rows alone; a column that is gone, or another type, is said, and others go on."""
    rows, profile = small
    chosen = {"t 0": "Zürich ✈", "error": False}
    counted = source(rows, filter=chosen).count(profile, DAY, EXTRAS)
    assert counted is not None
    assert counted.summary == here(rows, profile, DAY, EXTRAS, filter=chosen).summary
    window = source(rows).pull(DAY, {"n.0": Kind.NUMERIC, "t 0": Kind.NUMERIC, "score": Kind.NUMERIC})
    assert [(each.column, each.trouble) for each in window.problems] == [
        ("n.0", Trouble.ABSENT),
        ("t 0", Trouble.RETYPED),
    ]
    assert "the nearest is 'n.0`'" in window.problems[0].reason
    assert sum(batch.rows for batch in window.batches) == counted_rows(rows)
    with pytest.raises(SourceError, match="column 'score' is double, and `filter` compares it with 'high'"):
        source(rows, filter={"score": "high"}).fingerprint(DAY)
    with pytest.raises(SourceError, match="no column 'tss', which `timestamp` names; did you mean 'ts'"):
        source(rows, timestamp="tss").watermark()


def counted_rows(rows: Path) -> int:
    return ParquetSource(path=f"{rows}/*.parquet", timestamp="ts").fingerprint(DAY).rows


def test_nothing_yet_is_no_error(tmp_path: Path, small: tuple[Path, Profile]) -> None:
    """No file yet, or no row in the span: an empty window, as of files."""
    nowhere = source(tmp_path / "nowhere")
    assert nowhere.watermark() is None
    assert nowhere.fingerprint(DAY).rows == 0
    assert list(nowhere.pull(DAY, {"x": Kind.NUMERIC}).batches) == []
    later = Span(start=T0 + timedelta(days=9), end=T0 + timedelta(days=10))
    for each in (nowhere, source(small[0])):
        counted = each.count(small[1], later, EXTRAS)
        assert counted is not None
        assert (counted.summary.rows, counted.newest, counted.problems) == (0, None, ())
    with pytest.raises(SourceError, match="nothing to look at yet") as caught:
        nowhere.schema()
    assert caught.value.transient


def test_a_naive_time_asks_for_its_zone(tmp_path: Path) -> None:
    """Before rows are asked for."""
    frame(10, 1).with_columns(pl.col("ts").dt.replace_time_zone(None)).write_parquet(tmp_path / "a.parquet")
    with pytest.raises(SourceError, match="holds times without a zone; set timestamp_zone"):
        source(tmp_path).watermark()


def test_what_is_wrong_is_said_with_what_to_do(small: tuple[Path, Profile]) -> None:
    """A table that is not there passes by itself; a format nobody knows does not."""
    given: dict[str, Any] = {"master": spark.MASTER, "config": spark.CONFIG, "timestamp": "ts"}
    with pytest.raises(SourceError, match="correct `table`, or create it") as caught:
        SparkSource(table="nope", **given).watermark()
    assert caught.value.transient
    with pytest.raises(SourceError, match="correct `format`") as caught:
        source(small[0], format="nope").watermark()
    assert not caught.value.transient


def test_a_job_ends_when_its_time_is_over(small: tuple[Path, Profile]) -> None:
    """And the next one is answered: what is over leaves nothing running."""
    rows, profile = small
    with pytest.raises(SourceError, match=r"took longer than job_timeout, 0.3 s") as caught:
        source(rows, job_timeout=timedelta(seconds=0.3)).count(profile, DAY, EXTRAS)
    assert caught.value.transient
    assert source(rows).fingerprint(DAY).rows == counted_rows(rows)


def test_a_table_of_the_catalog(small: tuple[Path, Profile]) -> None:
    """Also after its files have become more."""
    rows, profile = small
    given: dict[str, Any] = {"master": spark.MASTER, "config": spark.CONFIG, "timestamp": "ts"}
    session = next(iter(_SESSIONS.values()))
    session.read.parquet(str(rows)).createOrReplaceTempView("rows_of_a_day")
    counted = SparkSource(table="rows_of_a_day", **given).count(profile, DAY, EXTRAS)
    assert counted is not None
    assert counted.summary == here(rows, profile, DAY, EXTRAS).summary


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"path": "a"}, "master: must be given"),
        ({"path": "a", "master": "local", "remote": "sc://b"}, "master: must be given"),
        ({"path": "a", "remote": "http://b"}, "remote: must begin with sc://"),
        ({"master": "local"}, "table: must be given"),
        ({"master": "local", "path": "a", "table": "b"}, "table: must be given"),
    ],
)
def test_options_that_cannot_be_meant(given: dict[str, Any], said: str) -> None:
    """Said when the config is read."""
    with pytest.raises(ValueError, match=said):
        SparkSource(**given)
