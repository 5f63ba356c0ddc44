"""Laws of a reference that is read in parts: the same as one that is held, where the sample is all of it."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count as numbers_from

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray

from detectors import CategoryColumn, Column, Kind, NumericColumn, NumericProfile, Role, ScoreSpec
from detectors._column import taken
from detectors._survey import Survey
from monitor.label_source import micros
from monitor.reference_build import Built, build, quiet, read_rows
from monitor.reference_large import Large
from monitor.reference_parts import Asked
from monitor.reference_passes import Reading, Surveyed, hold, survey_rows
from monitor.source import Batch, ColumnKind, Fingerprint, SourceError, Window
from monitor.windows import WindowSpec
from storage.span import Span

DAY = timedelta(days=1)
START = datetime(2026, 3, 2, tzinfo=UTC)
SPEC = WindowSpec.parse("1d")
ROLES = {"x": Role.FEATURE, "y": Role.FEATURE, "c": Role.FEATURE, "score": Role.SCORE}
KINDS = {
    "x": Kind.NUMERIC,
    "y": Kind.NUMERIC,
    "c": Kind.CATEGORY,
    "score": Kind.NUMERIC,
    "label": Kind.NUMERIC,
}
SCORE = ScoreSpec(task="binary", columns={"": "score"})
ASKED = Asked(segments=["c"])


class Shelf:
    """A source in memory; `at_pull` may change its rows before each look."""

    def __init__(
        self, columns: dict[str, Column], times: NDArray[np.int64] | None, batch: int = 4_000
    ) -> None:
        self.columns, self.times, self.batch = columns, times, batch
        self.at_pull: dict[int, dict[str, Column]] = {}
        self.pulls = 0

    def watermark(self) -> datetime | None:
        raise NotImplementedError

    def fingerprint(self, span: Span) -> Fingerprint:
        raise NotImplementedError

    def schema(self) -> Mapping[str, ColumnKind]:
        raise NotImplementedError

    def pull(self, span: Span | None, wanted: Mapping[str, Kind], moments: Collection[str] = ()) -> Window:
        assert not moments
        self.columns = self.at_pull.get(self.pulls, self.columns)
        self.pulls += 1
        rows = len(next(iter(self.columns.values())))
        keep = np.arange(rows)
        if span is not None and self.times is not None:
            keep = keep[(self.times >= micros(span.start)) & (self.times < micros(span.end))]
        return Window(span=span, batches=self._batches(keep, wanted), problems=())

    def _batches(self, keep: NDArray[np.int64], wanted: Mapping[str, Kind]) -> Iterator[Batch]:
        for start in range(0, keep.size, self.batch):
            part = keep[start : start + self.batch]
            yield Batch(
                rows=part.size,
                columns={name: taken(self.columns[name], part) for name in wanted},
                times=None if self.times is None else self.times[part],
            )


def shelf(days: int = 24, rows: int = 800, *, seed: int = 0, timed: bool = True, late: bool = False) -> Shelf:
    """A binary model with labels, so many rows a day. `late`: not in order of time."""
    rng = np.random.default_rng(seed)
    n = days * rows
    x = rng.normal(size=n)
    score = 1.0 / (1.0 + np.exp(-x - rng.normal(size=n)))
    place = rng.permutation(n) if late else np.arange(n)
    columns: dict[str, Column] = {
        "x": numbers(x),
        "y": numbers(np.where(rng.random(n) < 0.1, np.nan, np.round(0.5 * x + rng.lognormal(size=n), 1))),
        "c": CategoryColumn(codes=rng.integers(0, 3, n).astype(np.int32), labels=("a", "b", "d")),
        "score": numbers(score),
        "label": numbers((rng.random(n) < score).astype(float)),
    }
    times = micros(START) + place * (DAY // timedelta(microseconds=1) // rows)
    return Shelf(columns, times if timed else None)


def numbers(values: ArrayLike) -> NumericColumn:
    return NumericColumn(values=np.asarray(values, dtype=np.float64))


def reading(source: Shelf, excluded: Sequence[Span] = ()) -> Reading:
    return Reading(source=source, span=None, wanted=KINDS, moments=(), excluded=excluded)


def surveyed(source: Shelf, most: int, excluded: Sequence[Span] = ()) -> Surveyed:
    return survey_rows(
        source.pull(None, KINDS).batches,
        reading(source, excluded),
        Survey(roles=ROLES, score=SCORE),
        spec=SPEC,
        most=most,
        needed=(),
        version=None,
        told=lambda _rows: None,
    )


def large(source: Shelf, most: int, *, excluded: Sequence[Span] = (), memory: int = 1 << 30) -> Built:
    """Read in parts, with a sample of so many rows."""
    return Large(
        reading=reading(source, excluded),
        spec=SPEC,
        label="label",
        in_rows=True,
        min_rows=5,
        asked=ASKED,
        memory=memory,
        progress=quiet,
    ).build(surveyed(source, most, excluded))


def held(source: Shelf, excluded: Sequence[Span] = ()) -> Built:
    """The same rows, held at once."""
    return build(
        read_rows(source.pull(None, KINDS), excluded),
        roles=ROLES,
        score=SCORE,
        label="label",
        include=(),
        spec=SPEC,
        excluded=excluded,
        min_rows=5,
        asked=ASKED,
    )


def same(one: Built, other: Built) -> None:
    assert one.profile.parts.keys() == other.profile.parts.keys()
    for name, part in one.profile.parts.items():
        assert other.profile.parts[name] == part, name
    assert one.profile.digest == other.profile.digest
    assert (one.span, one.spans) == (other.span, other.spans)
    assert one.noise.to_json() == other.noise.to_json()


def test_a_sample_that_is_all_rows_gives_the_same_reference() -> None:
    """Profile, small models, slices and noise, bit for bit; also of rows that are not in order of time, with
    days left out, and with the windows counted a few at once."""
    excluded = [Span(start=START + 3 * DAY, end=START + 5 * DAY)]
    source = shelf(late=True)
    same(large(source, 10**6, excluded=excluded), held(source, excluded))
    few = shelf()
    same(large(few, 10**6, memory=1_000_000), held(few))
    assert few.pulls > 6, "one pull for all windows: nothing was counted in groups"


def test_rows_without_time_give_the_same_reference() -> None:
    """No windows, so no third reading."""
    source = shelf(timed=False)
    same(large(source, 10**6), held(source))
    assert source.pulls == 3


def test_of_a_sample_windows_are_exact() -> None:
    """What the noise model learns from columns is the same but for knots; volume and windows are equal."""
    source = shelf(rows=2_000)
    mine, theirs = large(source, 6_000), held(source)
    assert mine.spans == theirs.spans
    assert mine.profile.parts["volume"] == theirs.profile.parts["volume"]
    assert mine.profile.rows == theirs.profile.rows
    for name, column in theirs.profile.columns.items():
        own = mine.profile.columns[name]
        assert (own.rows, own.missing) == (column.rows, column.missing)
        if isinstance(column, NumericProfile) and isinstance(own, NumericProfile):
            assert own.mean == pytest.approx(column.mean, rel=1e-9)
            assert own.sd == pytest.approx(column.sd, rel=1e-9)
    # A row's rank is off by one cell at most: components move by as much, whatever the sample.
    for name in ("x", "score"):
        column = mine.profile.columns[name]
        assert isinstance(column, NumericProfile)
        cell = float(column.below.max() / column.values)
        one, other = mine.noise.components[name, "c1"], theirs.noise.components[name, "c1"]
        assert (one.slot, one.windows) == (other.slot, other.windows)
        assert abs(one.mean - other.mean) <= 2 * np.sqrt(3) * cell
        assert one.sigma2 == pytest.approx(other.sigma2, abs=4 * np.sqrt(3) * cell)
    for name in ("y", "c"):
        assert mine.noise.components[name, "missing"] == theirs.noise.components[name, "missing"]


def test_the_sample_is_the_same_in_any_batches() -> None:
    """It follows from the positions of the rows alone, and is spread over all of them."""
    samples = []
    for batch in (137, 4_000, 50_000):
        source = shelf()
        source.batch = batch
        samples.append(surveyed(source, 1_000).sample)
    first = samples[0]
    assert first.count == 1_000
    for other in samples[1:]:
        for name, column in first.columns.items():
            mine = other.columns[name]
            if isinstance(column, NumericColumn) and isinstance(mine, NumericColumn):
                assert np.array_equal(mine.values, column.values, equal_nan=True)
    assert first.times is not None
    by_day = np.bincount((first.times - micros(START)) // (DAY // timedelta(microseconds=1)), minlength=24)
    # 1,000 of 19,200 rows: 41.7 a day, sd 6.2; four sd and a bit
    assert by_day.min() >= 15
    assert by_day.max() <= 70


def test_batches_are_held_while_they_fit() -> None:
    """All of them, or those with which the limit was passed: the rest is not read yet."""
    read = numbers_from()

    def batches() -> Iterator[Batch]:
        for _ in range(5):
            next(read)
            yield Batch(rows=1_000, columns={"x": numbers(np.zeros(1_000))}, times=None)

    few, complete = hold(batches(), 40_000)
    assert (len(few), complete) == (5, True)
    read = numbers_from()
    some, complete = hold(batches(), 16_001)
    assert (len(some), complete, next(read)) == (3, False, 3)


@pytest.mark.parametrize("pull", [1, 2])
def test_rows_that_changed_between_two_readings_are_an_error(pull: int) -> None:
    """One value of one row is enough; whoever builds is told to build again."""
    source = shelf()
    column = source.columns["x"]
    assert isinstance(column, NumericColumn)
    values = column.values.copy()
    values[7_000] += 1e-9
    source.at_pull = {pull: {**source.columns, "x": numbers(values)}}
    with pytest.raises(SourceError, match=r"changed while it was read.*build it again") as caught:
        large(source, 2_000)
    assert caught.value.transient


def test_a_label_that_changed_is_an_error() -> None:
    """Labels are counted at both readings."""
    source = shelf()
    column = source.columns["c"]
    assert isinstance(column, CategoryColumn)
    codes = column.codes.copy()
    codes[0] = (codes[0] + 1) % 3
    source.at_pull = {1: {**source.columns, "c": CategoryColumn(codes=codes, labels=column.labels)}}
    with pytest.raises(SourceError, match="column 'c' has other values now"):
        large(source, 2_000)


def test_rows_that_are_gone_are_an_error() -> None:
    """With both numbers."""
    source = shelf(timed=False)
    source.at_pull = {1: {name: taken(column, slice(0, 19_000)) for name, column in source.columns.items()}}
    with pytest.raises(SourceError, match="it had 19,200 rows and now has 19,000"):
        large(source, 2_000)
