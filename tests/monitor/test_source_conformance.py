"""The laws of every source, asked of each member of monitor/sources."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from detectors._column import CategoryColumn, Kind, NumericColumn
from monitor.members import Family, kinds
from monitor.source import ColumnKind, SourceError, Trouble, Window
from storage.span import Span
from tests.monitor.shelves import (
    DeltaTables,
    Files,
    FileShelf,
    IcebergTables,
    Inboxes,
    Objects,
    PostgresTables,
    Shelf,
    SqliteTables,
    source,
)
from tests.object_store import ObjectStore
from tests.postgres import Server

# Each member of monitor/sources by the kinds of places it reads.
KINDS = {
    "csv": ("csv", "csv of s3"),
    "delta": ("delta", "delta of s3"),
    "iceberg": ("iceberg", "iceberg of s3"),
    "ingest": ("ingest",),
    "parquet": ("parquet", "parquet of s3"),
    "spark": (),  # a JVM: its laws are asked in tests/monitor/test_spark_source.py
    "sql": ("sqlite", "postgresql"),
}
EVERY = [kind for several in KINDS.values() for kind in several]
FILES = [*KINDS["csv"], *KINDS["parquet"]]
T0 = datetime(2024, 3, 10, tzinfo=UTC)
DAY = Span(start=T0, end=T0 + timedelta(days=1))
Write = Callable[[str, pl.DataFrame], Any]

TYPED = [kind for kind in FILES if kind not in KINDS["csv"]]  # files that say what their columns hold
KNOWING = [kind for kind in EVERY if kind not in KINDS["csv"]]  # what a column holds

# A table has no glob, no half-written file and no bytes to be replaced beneath a reader; what it has instead
# is asked in tests/monitor/test_sql_source.py.
about_files = pytest.mark.parametrize("kind", FILES)


@pytest.fixture(params=EVERY)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def rows_url(postgres: Server) -> Iterator[str]:
    name = postgres.database()
    yield postgres.url(name)
    postgres.drop(name)


@pytest.fixture
def shelf(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> Shelf:
    if kind == "postgresql":
        return PostgresTables(request.getfixturevalue("rows_url"))
    if kind == "sqlite":
        return SqliteTables(tmp_path / "rows.db")
    if kind == "ingest":
        return Inboxes(tmp_path)
    if kind in KINDS["delta"]:
        return DeltaTables(tmp_path if kind == "delta" else request.getfixturevalue("object_store").bucket())
    if kind in KINDS["iceberg"]:
        store: ObjectStore | None = None if kind == "iceberg" else request.getfixturevalue("object_store")
        return IcebergTables(tmp_path, None if store is None else store.bucket())
    return files_of(kind, tmp_path, request)


@pytest.fixture
def files(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> FileShelf:
    return files_of(kind, tmp_path, request)


def files_of(kind: str, folder: Path, request: pytest.FixtureRequest) -> FileShelf:
    if kind.endswith(" of s3"):
        store: ObjectStore = request.getfixturevalue("object_store")
        return Objects(kind.removesuffix(" of s3"), store.bucket())
    return Files(kind, folder)


def ending(kind: str) -> str:
    return kind.partition(" ")[0]


@pytest.fixture
def write(shelf: Shelf) -> Write:
    return shelf.write


def rows(hours: int = 24, start: datetime = T0, **extra: Any) -> pl.DataFrame:
    """A row an hour: x counts up, c goes a, b, missing."""
    return pl.DataFrame(
        {
            "ts": [start + timedelta(hours=hour) for hour in range(hours)],
            "x": [float(hour) for hour in range(hours)],
            "c": [("a", "b", None)[hour % 3] for hour in range(hours)],
            **extra,
        }
    )


WANTED = {"x": Kind.NUMERIC, "c": Kind.CATEGORY}


def numbers(window: Window, name: str) -> list[float]:
    found: list[float] = []
    for batch in window.batches:
        column = batch.columns[name]
        assert isinstance(column, NumericColumn)
        assert column.values.dtype == np.float64
        assert len(column) == batch.rows
        found += column.values.tolist()
    return found


def labels(window: Window, name: str) -> list[str | None]:
    found: list[str | None] = []
    for batch in window.batches:
        column = batch.columns[name]
        assert isinstance(column, CategoryColumn)
        assert column.codes.dtype == np.int32
        assert len(set(column.labels)) == len(column.labels)
        found += [None if code < 0 else column.labels[code] for code in column.codes]
    return found


def test_every_member_is_asked() -> None:
    """A new one has to bring how its rows are written."""
    assert set(KINDS) == set(kinds(Family.SOURCE))


def test_a_span_is_half_open(kind: str, write: Write) -> None:
    """The row at the start is in, the row at the end is the next window's."""
    path = write("a", rows(48))
    (batch,) = source(kind, path).pull(DAY, WANTED).batches
    assert batch.rows == 24
    assert batch.times is not None
    assert batch.times.dtype == np.int64
    assert batch.times[0] == int(T0.timestamp()) * 1_000_000
    assert numbers(source(kind, path).pull(DAY, WANTED), "x") == [float(hour) for hour in range(24)]


def test_missing_is_nan_and_minus_one(kind: str, write: Write) -> None:
    """Whether a file writes null or NaN."""
    frame = rows(3).with_columns(x=pl.Series([1.0, None, float("nan")]))
    window = source(kind, write("a", frame)).pull(DAY, WANTED)
    assert np.array_equal(numbers(window, "x"), [1.0, np.nan, np.nan], equal_nan=True)
    assert labels(source(kind, write("a", frame)).pull(DAY, WANTED), "c") == ["a", "b", None]


def test_infinity_is_a_value(kind: str, write: Write) -> None:
    """Out of range is not missing."""
    frame = rows(3).with_columns(x=pl.Series([float("inf"), -float("inf"), 0.0]))
    assert numbers(source(kind, write("a", frame)).pull(DAY, WANTED), "x") == [np.inf, -np.inf, 0.0]


def test_an_empty_span_has_no_batch(kind: str, write: Write) -> None:
    """And no problem: no row, no verdict on types."""
    path = write("a", rows())
    before = Span(start=T0 - timedelta(days=1), end=T0)
    window = source(kind, path).pull(before, WANTED)
    assert (list(window.batches), list(window.problems)) == ([], [])
    assert source(kind, path).fingerprint(before).rows == 0


@about_files
def test_a_glob_that_matches_nothing_is_no_data_yet(kind: str, files: FileShelf) -> None:
    """Not a failure: production may not have begun."""
    empty = source(kind, files.below(f"*.{ending(kind)}"))
    window = empty.pull(DAY, WANTED)
    assert (list(window.batches), list(window.problems)) == ([], [])
    assert empty.watermark() is None
    assert empty.fingerprint(DAY).rows == 0
    with pytest.raises(SourceError, match="nothing to look at"):
        empty.schema()


def test_a_place_that_does_not_exist_is_an_error(kind: str, shelf: Shelf) -> None:
    """A plain name is a promise."""
    with pytest.raises(SourceError, match=r"no such (file|table)") as caught:
        source(kind, shelf.nowhere()).watermark()
    assert caught.value.transient


def test_a_place_without_rows_is_an_empty_source(kind: str, shelf: Shelf) -> None:
    """Not a failure, and its columns are known."""
    empty = source(kind, shelf.write("a", rows()[:0]))
    window = empty.pull(DAY, {**WANTED, "other": Kind.NUMERIC})
    assert (list(window.batches), list(window.problems)) == ([], [])
    assert empty.watermark() is None
    assert (empty.fingerprint(DAY).rows, empty.fingerprint(DAY).newest) == (0, None)
    assert list(empty.schema()) == ["ts", "x", "c"]


def test_an_absent_column_is_its_own_problem(kind: str, write: Write) -> None:
    """The others go on; the nearest name is told."""
    window = source(kind, write("a", rows(carrier=["AA"] * 24))).pull(
        DAY, {**WANTED, "carier": Kind.CATEGORY}
    )
    (problem,) = window.problems
    assert (problem.column, problem.trouble) == ("carier", Trouble.ABSENT)
    assert "'carrier'" in problem.reason
    (batch,) = window.batches
    assert batch.columns.keys() == {"x", "c"}


def test_text_where_numbers_were_is_retyped(kind: str, write: Write) -> None:
    """Never cast in silence to a column of missing values."""
    window = source(kind, write("a", rows().with_columns(x=pl.lit("high")))).pull(DAY, WANTED)
    (problem,) = window.problems
    assert (problem.column, problem.trouble) == ("x", Trouble.RETYPED)
    assert labels(window, "c")[:2] == ["a", "b"]


def test_an_all_null_column_is_missing_not_retyped(kind: str, write: Write) -> None:
    """Whatever type a file gives nothing."""
    frame = rows().with_columns(x=pl.lit(None), c=pl.lit(None))
    window = source(kind, write("a", frame)).pull(DAY, WANTED)
    assert not window.problems
    (batch,) = window.batches
    assert isinstance(batch.columns["x"], NumericColumn)
    assert np.isnan(batch.columns["x"].values).all()
    assert isinstance(batch.columns["c"], CategoryColumn)
    assert set(batch.columns["c"].codes.tolist()) == {-1}


def test_a_missing_time_column_needs_a_person(kind: str, write: Write) -> None:
    """Permanent, with the key to change and the nearest name."""
    with pytest.raises(SourceError, match="`timestamp` names; did you mean 'ts'") as caught:
        source(kind, write("a", rows()), timestamp="tss").pull(DAY, WANTED)
    assert not caught.value.transient


# To CSV forty zero bytes are a header, and a file cut at a line is a shorter file.
@pytest.mark.parametrize(("kind", "content"), [(m, b"") for m in FILES] + [(m, b"\x00" * 40) for m in TYPED])
def test_a_broken_file_is_transient_and_named(kind: str, files: FileShelf, content: bytes) -> None:
    """It may still be being written."""
    path = files.put(f"a.{ending(kind)}", content)
    with pytest.raises(SourceError, match=rf"a\.{ending(kind)}.*(rename|replace it)") as caught:
        source(kind, path).pull(DAY, WANTED)
    assert caught.value.transient


@pytest.mark.parametrize("kind", TYPED)
def test_a_truncated_file_is_transient(kind: str, files: FileShelf) -> None:
    """A copy that is under way."""
    path = files.write("a", rows())
    files.put(f"a.{ending(kind)}", files.content(path)[:-20])
    with pytest.raises(SourceError) as caught:
        source(kind, path).pull(DAY, WANTED)
    assert caught.value.transient


@about_files
def test_a_broken_file_older_than_the_window_spoils_nothing(kind: str, files: FileShelf) -> None:
    """Rows are written after they happened."""
    files.put(f"a.{ending(kind)}", b"")
    later = datetime(2124, 3, 10, tzinfo=UTC)  # than the file that was written just now
    files.write("b", rows(start=later))
    every = source(kind, files.below(f"*.{ending(kind)}"))
    window = every.pull(Span(start=later, end=later + timedelta(days=1)), WANTED)
    assert numbers(window, "x") == [float(hour) for hour in range(24)]


@about_files
def test_a_file_replaced_while_read_is_transient(kind: str, files: FileShelf) -> None:
    """Half of one file and half of another is no window."""
    path = files.write("a", rows())
    window = source(kind, path).pull(DAY, WANTED)
    files.rewrite(path, rows(12))
    with pytest.raises(SourceError, match="replaced while it was read") as caught:
        list(window.batches)
    assert caught.value.transient


@about_files
def test_a_file_gone_while_read_is_transient(kind: str, files: FileShelf) -> None:
    """Not a traceback."""
    path = files.write("a", rows())
    window = source(kind, path).pull(DAY, WANTED)
    files.remove(path)
    with pytest.raises(SourceError, match="went away") as caught:
        list(window.batches)
    assert caught.value.transient


@about_files
def test_the_data_version_is_that_of_the_rows(kind: str, files: FileShelf) -> None:
    """The same for another look, another one when a file changed or came."""
    path = files.write("a", rows(12))
    first = source(kind, path).pull(DAY, WANTED).data_version
    assert first.startswith("1 file, ")
    assert source(kind, path).pull(DAY, WANTED).data_version == first
    files.rewrite(path, rows(13))
    assert source(kind, path).pull(DAY, WANTED).data_version != first
    files.write("b", rows(1))
    every = source(kind, files.below(f"*.{ending(kind)}"))
    assert every.pull(DAY, WANTED).data_version.startswith("2 files, ")


def test_late_rows_change_the_fingerprint(kind: str, shelf: Shelf) -> None:
    """That is how a revision begins."""
    place, add = shelf.growing(rows(12))
    every = source(kind, place)
    first = every.fingerprint(DAY)
    assert (first.rows, first.newest) == (12, T0 + timedelta(hours=11))
    add(rows(3, start=T0 + timedelta(hours=20)))
    second = every.fingerprint(DAY)
    assert (second.rows, second.newest) == (15, T0 + timedelta(hours=22))


def test_what_was_rewritten_is_looked_at_again(kind: str, shelf: Shelf) -> None:
    """What was remembered of it is gone with it."""
    place = shelf.write("a", rows(12))
    every = source(kind, place)
    assert every.watermark() == T0 + timedelta(hours=11)
    shelf.rewrite(place, rows(30))
    assert every.watermark() == T0 + timedelta(hours=29)


@about_files
def test_files_of_one_glob_may_differ(kind: str, files: FileShelf) -> None:
    """A column that came, went or widened in one file is missing in the other, and the window goes on."""
    files.write("a", rows(2).with_columns(n=pl.Series([1, 2])))
    files.write("b", rows(2, start=T0 + timedelta(hours=2), n=[0.5, 1.5], new=[7, 8]).drop("c"))
    every = source(kind, files.below(f"*.{ending(kind)}"))
    wanted = {**WANTED, "n": Kind.NUMERIC, "new": Kind.NUMERIC}
    assert not every.pull(DAY, wanted).problems
    assert numbers(every.pull(DAY, wanted), "n") == [1.0, 2.0, 0.5, 1.5]
    assert labels(every.pull(DAY, wanted), "c") == ["a", "b", None, None]
    assert np.array_equal(numbers(every.pull(DAY, wanted), "new"), [np.nan, np.nan, 7, 8], equal_nan=True)


@about_files
def test_the_same_rows_give_the_same_values_however_they_are_filed(kind: str, files: FileShelf) -> None:
    """One file or many, in a folder or by a glob of any depth."""
    whole = numbers(source(kind, files.write("one", rows(24))).pull(DAY, WANTED), "x")
    for index in range(4):
        files.write(f"parts/{index % 2}/{index}", rows(24)[index * 6 : index * 6 + 6])
    end = ending(kind)
    for path in ("parts", f"parts/*/*.{end}", f"parts/**/*.{end}", f"parts/[01]/?.{end}"):
        assert sorted(numbers(source(kind, files.below(path)).pull(DAY, WANTED), "x")) == whole, path
    assert numbers(source(kind, files.below(f"parts/0/*.{end}")).pull(DAY, WANTED), "x") == [
        *whole[:6],
        *whole[12:18],
    ]


@pytest.mark.parametrize("kind", KNOWING)
def test_floats_are_labels_of_one_spelling(kind: str, write: Write) -> None:
    """Whoever writes them: a reference in one kind of place, windows in another."""
    odd = [1e16, -0.00006103515625, 1e-7, 0.1, 1.5e300, 5e-324, -(2.0**53), 123456789.125]
    found = source(kind, write("f", rows(len(odd), k=odd))).pull(DAY, {"k": Kind.CATEGORY})
    frame = pl.DataFrame({"k": odd})
    assert labels(found, "k") == frame["k"].cast(pl.String).to_list()


@pytest.mark.parametrize("kind", KNOWING)
def test_whole_numbers_and_their_floats_are_one_label(kind: str, write: Write) -> None:
    """A column of integers turns into floats once a value is missing; text is a label as it stands."""
    ints = source(kind, write("i", rows(2, k=[1, 2])))
    floats = source(kind, write("f", rows(2, k=[1.0, 2.0])))
    assert labels(ints.pull(DAY, {"k": Kind.CATEGORY}), "k") == ["1", "2"]
    assert labels(floats.pull(DAY, {"k": Kind.CATEGORY}), "k") == ["1", "2"]


def test_true_and_false_are_labels_and_numbers(kind: str, write: Write) -> None:
    """As the reference wants it."""
    flagged = source(kind, write("a", rows(2, flag=[True, False])))
    assert labels(flagged.pull(DAY, {"flag": Kind.CATEGORY}), "flag") == ["true", "false"]


def test_a_filter_keeps_one_model_of_a_table(kind: str, write: Write) -> None:
    """In rows, fingerprint and watermark alike."""
    frame = rows(24, model=["churn", "other"] * 12)
    churn = source(kind, write("a", frame), filter={"model": "churn"})
    assert len(numbers(churn.pull(DAY, WANTED), "x")) == 12
    assert churn.fingerprint(DAY).rows == 12
    assert churn.watermark() == T0 + timedelta(hours=22)


def test_a_filter_on_a_column_that_is_not_there_needs_a_person(kind: str, write: Write) -> None:
    """Else another model's rows would be judged."""
    with pytest.raises(SourceError, match="`filter` names") as caught:
        source(kind, write("a", rows()), filter={"modell": "x"}).pull(DAY, WANTED)
    assert not caught.value.transient


def test_hostile_names_are_only_names(kind: str, write: Write) -> None:
    """Patterns, quotes, and our own inner names."""
    # polars leaves the doubled quotes of a CSV header as they are: such a name is only read from other files.
    quote = "'" if kind in KINDS["csv"] else '"'
    hostile = ["^x.*$", f"a{quote};drop table x;--", "*", "0", "ünï", "len"]
    frame = rows(2).with_columns(pl.lit(float(i)).alias(name) for i, name in enumerate(hostile))
    read = source(kind, write("a", frame))
    for index, name in enumerate(hostile):
        assert numbers(read.pull(DAY, dict.fromkeys(hostile, Kind.NUMERIC)), name) == [index, index]


@about_files
def test_unfinished_files_are_left_alone(kind: str, files: FileShelf) -> None:
    """A dot or an underscore in front, in folders too."""
    for name in ("in/a", "in/_b", "in/_temporary/c"):
        files.write(name, rows(2))
    assert len(numbers(source(kind, files.below("in")).pull(DAY, WANTED), "x")) == 2


def test_without_time_only_the_whole_can_be_read(kind: str, write: Write) -> None:
    """A training set; a span of it is a question without an answer."""
    static = source(kind, write("a", rows()), timestamp=None)
    (batch,) = static.pull(None, WANTED).batches
    assert (batch.rows, batch.times) == (24, None)
    assert static.watermark() is None
    with pytest.raises(SourceError, match="set `timestamp`"):
        static.pull(DAY, WANTED)


def test_nothing_wanted_still_counts_rows(kind: str, write: Write) -> None:
    """Volume is known whatever else is missing."""
    path = write("a", rows())
    assert sum(batch.rows for batch in source(kind, path).pull(DAY, {}).batches) == 24
    assert sum(batch.rows for batch in source(kind, path, timestamp=None).pull(None, {}).batches) == 24


def test_schema_guesses_kinds(kind: str, write: Write) -> None:
    """For a reference to be built from; order kept."""
    frame = rows(n=list(range(24)), flag=[True] * 24, day=[date(2024, 3, 10)] * 24)
    assert source(kind, write("a", frame)).schema() == {
        "ts": ColumnKind.TIME,
        "x": ColumnKind.NUMERIC,
        "c": ColumnKind.CATEGORY,
        "n": ColumnKind.NUMERIC,
        "flag": ColumnKind.CATEGORY,
        "day": ColumnKind.TIME,
    }


def test_batches_are_bounded(kind: str, write: Write) -> None:
    """A window is never in memory as a whole."""
    many = 150_000
    frame = pl.DataFrame({"ts": pl.Series([T0]).new_from_index(0, many), "x": np.arange(many, dtype=float)})
    batches = list(source(kind, write("a", frame)).pull(DAY, {"x": Kind.NUMERIC}).batches)
    assert len(batches) >= 2
    assert max(batch.rows for batch in batches) <= 70_000
    assert sum(batch.rows for batch in batches) == many


@pytest.mark.parametrize(
    ("stored", "options"),
    [
        ([1_710_028_800, 1_710_032_400], {"timestamp_format": "epoch_s"}),
        ([1_710_028_800.0, 1_710_032_400.0], {"timestamp_format": "epoch_s"}),
        ([1_710_028_800_000, 1_710_032_400_000], {"timestamp_format": "epoch_ms"}),
        (["2024-03-10T00:00:00Z", "2024-03-10 01:00:00.000+00:00"], {}),
        (["2024-03-10T05:45:00+05:45", "2024-03-09T20:00:00-05:00"], {}),
        (["2024-03-09 19:00", "2024-03-09T20:00:00"], {"timestamp_zone": "America/New_York"}),
        (
            ["10/03/2024 00:00", "10/03/2024 01:00"],
            {"timestamp_format": "%d/%m/%Y %H:%M", "timestamp_zone": "UTC"},
        ),
        (["2024-03-10 00:00 +0000", "2024-03-10 02:00 +0100"], {"timestamp_format": "%Y-%m-%d %H:%M %z"}),
    ],
)
def test_times_in_many_spellings(
    kind: str, write: Write, stored: list[Any], options: Mapping[str, str]
) -> None:
    """One instant, however a file writes it."""
    read = source(kind, write("a", pl.DataFrame({"ts": stored, "x": [1.0, 2.0]})), **options)
    (batch,) = read.pull(DAY, {"x": Kind.NUMERIC}).batches
    assert batch.times is not None
    assert batch.times.tolist() == [1_710_028_800_000_000, 1_710_032_400_000_000]
    assert read.watermark() == T0 + timedelta(hours=1)


def test_naive_times_without_a_zone_name_the_key(kind: str, write: Write) -> None:
    """A zone is never guessed."""
    frame = rows().with_columns(pl.col("ts").dt.replace_time_zone(None).dt.strftime("%Y-%m-%d %H:%M:%S"))
    with pytest.raises(SourceError, match="set timestamp_zone") as caught:
        source(kind, write("a", frame)).watermark()
    assert not caught.value.transient


def test_times_that_cannot_be_read_name_the_key(kind: str, write: Write) -> None:
    """A wrong pattern is an error, not an empty window."""
    frame = rows().with_columns(ts=pl.lit("10.03.2024"))
    with pytest.raises(SourceError, match=r"10\.03\.2024.*set timestamp_format"):
        source(kind, write("a", frame), timestamp_format="%Y-%m-%d", timestamp_zone="UTC").watermark()


def test_parquet_types_become_numbers(tmp_path: Path) -> None:
    """Integers, booleans, decimals; dates are days, times seconds since the epoch."""
    frame = pl.DataFrame(
        {
            "ts": [T0],
            "i": pl.Series([3], dtype=pl.UInt8),
            "b": [True],
            "d": pl.Series([Decimal("1.25")], dtype=pl.Decimal(10, 2)),
            "day": [date(1970, 1, 3)],
            "at": [datetime(1970, 1, 1, 0, 1, tzinfo=UTC)],
            "for": [timedelta(minutes=2)],
        }
    )
    frame.write_parquet(tmp_path / "a.parquet")
    wanted = dict.fromkeys(frame.columns[1:], Kind.NUMERIC)
    (batch,) = source("parquet", tmp_path / "a.parquet").pull(DAY, wanted).batches
    found = {
        name: column.values[0] for name, column in batch.columns.items() if isinstance(column, NumericColumn)
    }
    assert found == {"i": 3.0, "b": 1.0, "d": 1.25, "day": 2.0, "at": 60.0, "for": 120.0}


def test_parquet_naive_and_date_times_are_local(tmp_path: Path) -> None:
    """A gap is read with the offset before it, an ambiguous hour is its first occurrence."""
    naive = [datetime(2013, 3, 10, 2, 30), datetime(2013, 11, 3, 1, 30)]  # noqa: DTZ001 wall-clock times
    pl.DataFrame({"ts": naive}).write_parquet(tmp_path / "a.parquet")
    read = source("parquet", tmp_path / "a.parquet", timestamp_zone="America/New_York")
    (batch,) = read.pull(None, {}).batches
    assert batch.times is not None
    assert [datetime.fromtimestamp(us / 1e6, tz=UTC) for us in batch.times.tolist()] == [
        datetime(2013, 3, 10, 7, 30, tzinfo=UTC),
        datetime(2013, 11, 3, 5, 30, tzinfo=UTC),
    ]


@pytest.mark.parametrize("kind", KNOWING)
def test_integers_of_unknown_unit_name_the_key(kind: str, write: Write) -> None:
    """Seconds or milliseconds is not for us to guess."""
    path = write("a", pl.DataFrame({"ts": [1_710_028_800]}))
    with pytest.raises(SourceError, match="epoch_s") as caught:
        source(kind, path).watermark()
    assert not caught.value.transient


@pytest.mark.parametrize("kind", ["parquet", "postgresql"])  # the others have no lists
def test_lists_are_retyped_for_every_kind(kind: str, write: Write) -> None:
    """They can be neither counted nor compared."""
    window = source(kind, write("a", rows(2, x=[[1], [2]]))).pull(DAY, {"x": Kind.CATEGORY})
    assert [problem.trouble for problem in window.problems] == [Trouble.RETYPED]


def test_a_few_bad_cells_of_a_csv_are_missing(tmp_path: Path) -> None:
    """One typing error is not another type."""
    frame = rows(10).with_columns(x=pl.Series([*map(str, range(8)), "oops", "N/A"]))
    frame.write_csv(tmp_path / "a.csv")
    window = source("csv", tmp_path / "a.csv").pull(DAY, WANTED)
    assert not window.problems
    assert np.isnan(numbers(window, "x")[8:]).all()


def test_csv_options(tmp_path: Path) -> None:
    """Another separator, and texts that mean missing."""
    rows(3).with_columns(c=pl.Series(["a", "unknown", "b"])).write_csv(tmp_path / "a.csv", separator=";")
    read = source("csv", tmp_path / "a.csv", separator=";", null_values=("unknown",))
    assert labels(read.pull(DAY, WANTED), "c") == ["a", None, "b"]
    with pytest.raises(ValueError, match="separator: must be one"):
        source("csv", "x", separator=";;")


def test_a_column_of_times_is_read_like_the_sources_own(kind: str, write: Write) -> None:
    """Asked for as a moment it comes as µs since the epoch, missing ones as NaN."""
    known = [T0 + timedelta(days=2, microseconds=7), None, T0]
    frame = rows(3).with_columns(pl.Series("known", known, dtype=pl.Datetime("us", "UTC")))
    wanted = {"x": Kind.NUMERIC, "known": Kind.NUMERIC}
    window = source(kind, write("a", frame)).pull(DAY, wanted, {"known"})
    assert list(window.problems) == []
    first = int(T0.timestamp()) * 1_000_000
    expected = [first + 2 * 86_400_000_000 + 7, np.nan, first]
    assert np.array_equal(numbers(window, "known"), expected, equal_nan=True)


def test_a_column_of_times_that_is_not_there_is_a_problem(kind: str, write: Write) -> None:
    """Like any other."""
    window = source(kind, write("a", rows(3))).pull(DAY, {"known": Kind.NUMERIC}, {"known"})
    assert [problem.column for problem in window.problems] == ["known"]
