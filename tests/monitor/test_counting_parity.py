"""Wherever the same rows are counted, the integers are the same.

A place that counts by itself is one more name in PLACES and one more line in `place`; every law here is then
asked of it.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from detectors import (
    CategoryColumn,
    Column,
    Kind,
    NumericColumn,
    NumericSummary,
    Profile,
    Role,
    ScoreSpec,
    WindowSummary,
    _slices,
    build_profile,
    count,
)
from detectors._count import NO_EXTRAS, Extras
from detectors._slices import fit_slices
from monitor.counting import Counted, count_span, read_window, wanted
from monitor.source import Source
from monitor.sources import _footer, _many_labels, _row_groups, _scan, _sql_tails, _stripes, _values
from monitor.sources.parquet import ParquetSource
from monitor.sources.sql import SqlSource
from storage.span import Span
from tests.monitor.shelves import PostgresTables, SqliteTables, Table
from tests.postgres import Server

T0 = datetime(2024, 3, 10, tzinfo=UTC)
DAY = Span(start=T0, end=T0 + timedelta(days=1))
PLACES = ("sqlite", "postgresql", "stripes")
Rows = Mapping[str, list[Any]]


@dataclass(frozen=True, slots=True)
class Place:
    """Where rows are put, and counted where they are."""

    name: str
    source: Callable[[pl.DataFrame], Source]

    def counts(
        self, rows: Source, profile: Profile, extras: Extras = NO_EXTRAS, span: Span | None = DAY
    ) -> Counted:
        """By the place itself; never by reading the rows, unless there is none."""
        found: Counted | None = rows.count(profile, span, extras)  # type: ignore[attr-defined]  # it counts
        if found is None:
            assert not rows.fingerprint(DAY).rows, f"{self.name} left it to us"
            return count_span(rows, profile, span, extras)
        return found


@pytest.fixture(scope="module")
def database(postgres: Server) -> Iterator[str]:
    name = postgres.database()
    yield name
    postgres.drop(name)


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    if request.param == "stripes":
        return stripes(tmp_path / "rows.parquet", monkeypatch)
    if request.param == "sqlite":
        shelf: Any = SqliteTables(tmp_path / "rows.db")
    else:
        server: Server = request.getfixturevalue("postgres")
        shelf = PostgresTables(server.url(request.getfixturevalue("database")))

    def source(frame: pl.DataFrame) -> Source:
        table: Table = shelf.write("parity", frame)
        return SqlSource(url=table.url, table=table.name, timestamp="ts", counted_by="database")

    return Place(str(request.param), source)


def stripes(path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A file that is read two columns and a few rows at a time, in row groups that end anywhere."""
    monkeypatch.setattr(_scan, "LARGE_ROWS", -1)
    monkeypatch.setattr(_footer, "LEAST_GROUP_ROWS", 0)
    monkeypatch.setattr(_stripes, "COLUMNS", 2)
    monkeypatch.setattr(_many_labels, "MANY", 3)
    for name, value in {"COLUMNS": 2, "VALUES": 14, "BATCH_ROWS": 7, "FEWEST_ROWS": 1}.items():
        monkeypatch.setattr(_row_groups, name, value)

    def source(frame: pl.DataFrame) -> Source:
        frame.write_parquet(path, row_group_size=max(11, frame.height // 7))
        return ParquetSource(path=str(path), timestamp="ts")

    return Place("stripes", source)


def timed(rows: Rows, **types: Any) -> pl.DataFrame:
    """With a time each, all within the day; one row before and one after it that must not be counted."""
    size = len(next(iter(rows.values())))
    ts = [T0 + timedelta(seconds=7 * n) for n in range(size)]
    given = {"ts": pl.Datetime("us", "UTC"), **types}
    frame = pl.DataFrame({"ts": ts, **rows}, schema_overrides=given, strict=False)
    if not size:
        return frame
    outside = [
        frame[:1].with_columns(ts=pl.lit(T0 + shift)) for shift in (-timedelta(seconds=1), DAY.end - T0)
    ]
    return pl.concat([outside[0], frame, outside[1]])


def columns_of(rows: Rows, kinds: Mapping[str, Kind], **types: Any) -> dict[str, Column]:
    """What a source of files would give."""
    frame = pl.DataFrame(rows, schema_overrides=types, strict=False)
    return {
        name: _values.column(
            frame.select(_values.expression(pl.col(name), frame.schema[name], kind)).to_series(), kind
        )
        for name, kind in kinds.items()
    }


def cut(columns: Mapping[str, Column], start: int, stop: int) -> dict[str, Column]:
    return {
        name: NumericColumn(values=column.values[start:stop])
        if isinstance(column, NumericColumn)
        else CategoryColumn(codes=column.codes[start:stop], labels=column.labels)
        for name, column in columns.items()
    }


def counted_here(profile: Profile, columns: Mapping[str, Column], rows: int, size: int) -> WindowSummary:
    """In batches of `size` rows."""
    whole = WindowSummary.empty(profile)
    for start in range(0, rows, size):
        stop = min(start + size, rows)
        whole = whole + count(profile, cut(columns, start, stop), stop - start)
    return whole


ODD = [
    math.nan, math.inf, -math.inf, 0.0, -0.0, 5e-324, -5e-324, 1e-310, 1.0, -1.0, 0.5, 2.5, 1e-160, -1e-160,
    3e9, 1.7976931348623157e308, -1.7976931348623157e308, 1e16, 9007199254740993.0,
]  # fmt: skip
floats = st.one_of(st.none(), st.sampled_from(ODD), st.floats(-3, 3), st.floats())
# SQLite and PostgreSQL keep no NUL in a text; lone surrogates are no text.
texts = st.one_of(st.none(), st.sampled_from(["a", "A", "b", "ä", "日本", "", " ", "a "]),
    st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\0"), max_size=4))  # fmt: skip
STRATEGIES = {
    "x": floats,
    "y": st.one_of(st.none(), st.floats(-2, 2, width=16), st.just(0.25)),
    "i": st.one_of(st.none(), st.integers(-3, 3), st.integers(-(2**63), 2**63 - 1)),
    "b": st.one_of(st.none(), st.booleans()),
    "c": texts,
    "k": st.one_of(st.none(), st.integers(-2, 4)),
}
KINDS = {
    "x": Kind.NUMERIC, "y": Kind.NUMERIC, "i": Kind.NUMERIC, "b": Kind.NUMERIC,
    "c": Kind.CATEGORY, "k": Kind.CATEGORY,
}  # fmt: skip
TYPES = {"x": pl.Float64, "y": pl.Float64, "i": pl.Int64, "b": pl.Boolean, "c": pl.String, "k": pl.Int64}


frames = st.integers(0, 40).flatmap(
    lambda size: st.fixed_dictionaries(
        {name: st.lists(values, min_size=size, max_size=size) for name, values in STRATEGIES.items()}
    )
)


def profile_of(rows: Rows) -> Profile:
    return build_profile(columns_of(rows, KINDS, **TYPES), roles={}, knots=8, include=tuple(KINDS))


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(reference=frames, window=frames, size=st.integers(1, 17))
def test_the_same_rows_give_the_same_summary(place: Place, reference: Rows, window: Rows, size: int) -> None:
    """Of a hostile reference and a hostile window; whatever the size of the batches that are counted here."""
    profile = profile_of(reference)
    rows = place.source(timed(window, **TYPES))
    there = place.counts(rows, profile)
    here = counted_here(profile, columns_of(window, KINDS, **TYPES), len(window["x"]), size)
    assert there.summary == here
    assert there == read_window(profile, rows.pull(DAY, wanted(profile)))


def normal(size: int, seed: int = 1, **change: float) -> dict[str, list[Any]]:
    random = np.random.default_rng(seed)
    values = random.normal(change.get("mean", 0.0), change.get("sd", 1.0), size)
    labels = random.choice(["a", "b", "c"], size)
    return {"x": values.tolist(), "c": labels.tolist()}


def plain(**change: Any) -> Profile:
    rows = normal(2_000)
    kinds = {"x": Kind.NUMERIC, "c": Kind.CATEGORY}
    return build_profile(columns_of(rows, kinds), roles={}, **{"knots": 64, **change})


@pytest.fixture(params=[0, 10_000], ids=["counted", "travelling"])
def few(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether what lies beyond the outer knots is counted by a database, or here."""
    monkeypatch.setattr(_sql_tails, "_FEW", request.param)


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize(
    "change", [{"mean": 40.0}, {"sd": 1e6}, {"mean": -1e300}, {"sd": 1e-200}, {"sd": 30.0}]
)
def test_what_lies_beyond_the_reference_keeps_its_codes(place: Place, change: dict[str, float]) -> None:
    """Thousands of values, of hundreds of codes, on either side."""
    rows = place.source(timed(normal(3_000, seed=2, **change)))
    profile = plain()
    there = place.counts(rows, profile)
    assert there == read_window(profile, rows.pull(DAY, wanted(profile)))


@pytest.mark.usefixtures("few")
def test_a_range_on_one_side_of_zero(place: Place) -> None:
    """What lies beyond it crosses zero, and with that two thousand powers of two."""
    profile = build_profile({"x": NumericColumn(values=np.linspace(-3.0, -1.0, 50))}, roles={}, knots=64)
    values = [
        -2.0,
        -1.0,
        -0.5,
        -1e-300,
        -5e-324,
        -0.0,
        0.0,
        5e-324,
        1e-9,
        0.5,
        1.0,
        1e12,
        1e308,
        -7.0,
        -1e308,
    ]
    rows = place.source(timed({"x": values}))
    there = place.counts(rows, profile)
    here = count(profile, {"x": NumericColumn(values=np.array(values))}, len(values))
    assert there.summary == here


@pytest.mark.parametrize(
    "reference", [[1e-320, 3e-320], [1e300, 2e300], [0.0, 1e-200], [5.0], [math.inf], [-1e308, 1e308]]
)
def test_moments_of_scales_at_the_ends_of_float64(place: Place, reference: list[float]) -> None:
    """Neither an overflow nor an underflow stops a statement, and each rounds as it does here."""
    profile = build_profile({"x": NumericColumn(values=np.array(reference * 5))}, roles={}, knots=64)
    rows = place.source(timed({"x": ODD}, x=pl.Float64))
    here = count(profile, {"x": NumericColumn(values=np.array(ODD))}, len(ODD))
    assert place.counts(rows, profile).summary == here


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_half_way_is_rounded_to_even(place: Place, sign: float) -> None:
    """As rint does; a database's own round() or cast may not."""
    # Its sd is 2 exactly, so that z·2²⁰ is half way between two integers.
    profile = build_profile({"x": NumericColumn(values=np.array([-2.0, 0.0, 2.0]))}, roles={}, knots=64)
    values = [sign * (n + 0.5) / 2**19 for n in range(9)]
    here = count(profile, {"x": NumericColumn(values=np.array(values))}, len(values))
    counted = here.columns["x"]
    assert isinstance(counted, NumericSummary)
    assert counted.moment1 == sign * (0 + 2 + 2 + 4 + 4 + 6 + 6 + 8 + 8)
    assert place.counts(place.source(timed({"x": values})), profile).summary == here


def scored(size: int, seed: int) -> dict[str, list[Any]]:
    random = np.random.default_rng(seed)
    return {
        **normal(size, seed),
        "score": random.beta(2, 3, size).tolist(),
        "second": random.beta(2, 3, size).tolist(),
        "version": random.choice(["v1", "v2"], size).tolist(),
        "error": random.choice(["", "ok", "timeout"], size).tolist(),
    }


BESIDE = Extras(version="version", shadow={"": "second"}, error="error")


def test_versions_shadow_errors_and_confidence(place: Place) -> None:
    """What is computed from the score row by row is counted from the score's rows, all in one moment."""
    kinds = {"x": Kind.NUMERIC, "c": Kind.CATEGORY, "score": Kind.NUMERIC}
    profile = build_profile(
        columns_of(scored(2_000, 3), kinds),
        roles={"score": Role.SCORE},
        score=ScoreSpec(task="binary", columns={"": "score"}),
        knots=64,
    )
    rows = place.source(timed(scored(700, 4)))
    there = place.counts(rows, profile, BESIDE)
    assert set(there.summary.versions) == {"v1", "v2"}
    assert there == read_window(profile, rows.pull(DAY, wanted(profile, BESIDE)), BESIDE)
    one = timed({**scored(50, 4), "version": [None] * 50}, version=pl.String)
    alone = place.source(one)
    there = place.counts(alone, profile, BESIDE)
    assert there.summary.version == ""
    assert there == read_window(profile, alone.pull(DAY, wanted(profile, BESIDE)), BESIDE)


def in_slices(profile: Profile, rows: Rows, by: Mapping[str, Kind], **types: Any) -> Profile:
    """The same, watched in slices of some of its columns, and of some that are not its own."""
    kinds = {name: column.kind for name, column in profile.columns.items() if column.role is not Role.DERIVED}
    columns = columns_of(rows, {**by, **kinds}, **types)
    return profile.with_parts(fit_slices(profile, columns, profile.rows, list(by)))


# A scale that has no inverse: the numbers are as small as there are any.
TINY: Rows = {name: [None] * 10 for name in KINDS} | {"x": [None] * 8 + [0.0, 5e-324]}


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Slices of one row, and few enough that some rows are in "other"."""
    monkeypatch.setattr(_slices, "LEAST_ROWS", 1)
    monkeypatch.setattr(_slices, "MOST", 3)


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(reference=frames, window=frames, by=st.permutations([*KINDS]), size=st.integers(1, 17))
@example(reference=TINY, window=TINY, by=["y", "x", "i", "b", "c", "k"], size=1)
@pytest.mark.usefixtures("small")
def test_slices_are_counted_alike(
    place: Place, reference: Rows, window: Rows, by: list[str], size: int
) -> None:
    """By labels, numbers, flags; by two columns at once, one of which is watched nowhere else."""
    inner = {name: kind for name, kind in KINDS.items() if name != by[0]}
    profile = build_profile(columns_of(reference, inner, **TYPES), roles={}, knots=8, include=tuple(inner))
    kinds = {by[0]: Kind.CATEGORY, by[1]: inner[by[1]]}
    profile = in_slices(profile, reference, kinds, **TYPES)
    rows = place.source(timed(window, **TYPES))
    there = place.counts(rows, profile)
    columns = columns_of(window, {**kinds, **inner}, **TYPES)
    assert there.summary == counted_here(profile, columns, len(window["x"]), size)
    assert there == read_window(profile, rows.pull(DAY, wanted(profile)))


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("change", [{"mean": 40.0}, {"sd": 1e6}, {"sd": 1e-200}, {}])
def test_a_slice_keeps_what_lies_beyond_the_reference(place: Place, change: dict[str, float]) -> None:
    """Each its own, and the moments on its own scale."""
    reference = normal(2_000)
    reference["x"] = [
        x * 10.0 ** ("abc".index(c)) for x, c in zip(reference["x"], reference["c"], strict=True)
    ]
    kinds = {"x": Kind.NUMERIC, "c": Kind.CATEGORY}
    profile = build_profile(columns_of(reference, kinds), roles={}, knots=64)
    profile = in_slices(profile, reference, {"c": Kind.CATEGORY})
    window = normal(3_000, seed=2, **change)
    window["c"][::7] = [None] * len(window["c"][::7])
    window["c"][::11] = ["new"] * len(window["c"][::11])
    rows = place.source(timed(window))
    there = place.counts(rows, profile)
    assert set(there.summary.slices) == {"c=a", "c=b", "c=c"}
    assert there == read_window(profile, rows.pull(DAY, wanted(profile)))


def test_slices_of_versions_and_of_what_is_read(place: Place) -> None:
    """The score's rows are read for its confidence: its slices are counted from them."""
    kinds = {"x": Kind.NUMERIC, "c": Kind.CATEGORY, "score": Kind.NUMERIC}
    reference = {**scored(4_000, 3), "shop": [f"s{n % 40}" for n in range(2_000)] + ["big"] * 2_000}
    profile = build_profile(
        columns_of(reference, kinds),
        roles={"score": Role.SCORE},
        score=ScoreSpec(task="binary", columns={"": "score"}),
        knots=64,
    )
    profile = in_slices(profile, reference, {"shop": Kind.CATEGORY, "c": Kind.CATEGORY})
    window = {**scored(700, 4), "shop": [f"s{n}" for n in range(400)] + ["big"] * 300}
    rows = place.source(timed(window))
    there = place.counts(rows, profile, BESIDE)
    assert {"shop=big", "shop=other", "c=a"} <= set(there.summary.slices)
    assert "score" in there.summary.slices["shop=other"].columns
    assert there == read_window(profile, rows.pull(DAY, wanted(profile, BESIDE)), BESIDE)


def test_slices_of_an_absent_column_are_absent(place: Place) -> None:
    """Those of the others are counted."""
    reference = {**normal(2_000), "shop": ["a", "b"] * 1_000}
    kinds = {"x": Kind.NUMERIC, "c": Kind.CATEGORY}
    profile = build_profile(columns_of(reference, kinds), roles={}, knots=64)
    profile = in_slices(profile, reference, {"shop": Kind.CATEGORY, "c": Kind.CATEGORY})
    rows = place.source(timed(normal(300, seed=2)))
    there = place.counts(rows, profile)
    assert set(there.summary.slices) == {"c=a", "c=b", "c=c"}
    assert there == read_window(profile, rows.pull(DAY, wanted(profile)))


def test_an_absent_column_is_absent_there_too(place: Place) -> None:
    """And a retyped one; the others are counted."""
    profile = plain()
    rows = place.source(timed({"x": ["one", "two"]}))
    there = place.counts(rows, profile)
    assert there == read_window(profile, rows.pull(DAY, wanted(profile)))
    assert {problem.column for problem in there.problems} == {"x", "c"}
    assert there.summary.rows == 2


def test_many_unseen_labels_are_counted_in_parts(place: Place) -> None:
    """The 256 smallest are named; the rows of all of them are known."""
    labels = [f"new {n:05d}" for n in range(9_000)]
    rows = place.source(timed({"x": [0.0] * 9_000, "c": labels}))
    profile = plain()
    there = place.counts(rows, profile)
    assert there == read_window(profile, rows.pull(DAY, wanted(profile)))


@pytest.mark.parametrize("place", ["sqlite", "postgresql"], indirect=True)
def test_a_finer_reference_is_counted_here_and_said(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    """One that was built before: right all the same, and the remedy is named."""
    rows = place.source(timed(normal(500)))
    profile = plain(knots=1_000)
    assert rows.count(profile, DAY, NO_EXTRAS) is None  # type: ignore[attr-defined]  # it counts
    found = count_span(rows, profile, DAY)
    assert found == read_window(profile, rows.pull(DAY, wanted(profile)))
