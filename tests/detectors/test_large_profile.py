"""Laws of a profile whose rows are not held: counts are those of all rows, what is not is bounded."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from detectors import (
    CategoryColumn,
    CategoryProfile,
    Column,
    NumericColumn,
    NumericProfile,
    Profile,
    Role,
    ScoreSpec,
    build_profile,
    count,
)
from detectors._cells import KNOTS
from detectors._large_profile import LargeProfile
from detectors._survey import Survey
from detectors.ks import KolmogorovSmirnov

Columns = dict[str, Column]


def numbers(values: ArrayLike) -> NumericColumn:
    return NumericColumn(values=np.asarray(values, dtype=np.float64))


def taken(columns: Columns, rows: NDArray[np.int64]) -> Columns:
    found: Columns = {}
    for name, column in columns.items():
        if isinstance(column, NumericColumn):
            found[name] = NumericColumn(values=column.values[rows])
        else:  # like a source: labels of the batch alone
            held = np.unique(column.codes[rows][column.codes[rows] >= 0])
            table = np.full(len(column.labels) + 1, -1, dtype=np.int32)
            table[held] = np.arange(held.size)
            labels = tuple(column.labels[code] for code in held)
            found[name] = CategoryColumn(codes=table[column.codes[rows]], labels=labels)
    return found


def large(
    columns: Columns,
    sample: NDArray[np.int64],
    *,
    roles: dict[str, Role] | None = None,
    score: ScoreSpec | None = None,
    include: Sequence[str] = (),
    outcome: NDArray[np.float64] | None = None,
    batch: int = 1_000,
) -> LargeProfile:
    """Both looks, in batches of so many rows. `sample`: which rows are held, ascending."""
    roles = roles or dict.fromkeys(columns, Role.FEATURE)
    rows = len(next(iter(columns.values())))
    batches = [np.arange(start, min(start + batch, rows)) for start in range(0, rows, batch)]
    survey = Survey(roles=roles, score=score, include=include)
    for part in batches:
        survey.add(taken(columns, part), part.size)
    found = LargeProfile(survey, taken(columns, sample), sample.size)
    for part in batches:
        found.add(taken(columns, part), part.size)
    return found


def world(rows: int, seed: int = 0) -> tuple[Columns, NDArray[np.float64]]:
    """Every sort of column, and outcomes of its score."""
    rng = np.random.default_rng(seed)
    score = rng.beta(2, 3, rows)
    gaps = np.where(rng.random(rows) < 0.1, np.nan, rng.lognormal(size=rows))
    edges = rng.normal(size=rows)
    edges[:4] = [np.inf, -np.inf, -0.0, 0.0]
    label = rng.integers(0, 40, rows) ** 2 // 40
    columns: Columns = {
        "gaps": numbers(gaps),
        "edges": numbers(edges),
        "heavy": numbers(rng.standard_cauchy(rows)),
        "whole": numbers(rng.integers(0, 50, rows)),
        "spike": numbers(np.where(rng.random(rows) < 0.3, 7.0, rng.normal(size=rows))),
        "flat": numbers(np.full(rows, 3.0)),
        "void": numbers(np.full(rows, np.nan)),
        "score": numbers(score),
        "label": CategoryColumn(
            codes=np.where(rng.random(rows) < 0.05, -1, label).astype(np.int32),
            labels=tuple(f"l{i}" for i in range(40)),
        ),
    }
    outcome = np.where(rng.random(rows) < 0.2, np.nan, (rng.random(rows) < score).astype(float))
    return columns, outcome


ROLES = dict.fromkeys(world(10)[0], Role.FEATURE) | {"score": Role.SCORE}
SCORE = ScoreSpec(task="binary", columns={"": "score"})


def spread(rows: int, held: int, seed: int = 1) -> NDArray[np.int64]:
    return np.sort(np.random.default_rng(seed).choice(rows, held, replace=False))


def test_a_sample_that_is_all_rows_gives_the_same_profile() -> None:
    """Bit for bit, outcomes too: there is one rule for each field."""
    columns, outcome = world(20_000)
    plain = build_profile(columns, roles=ROLES, score=SCORE, outcome=outcome)
    found = large(columns, np.arange(20_000), roles=ROLES, score=SCORE)
    assert found.differing() == ""
    profile = found.profile(outcome)
    assert [*profile.columns] == [*plain.columns]
    for name, column in plain.columns.items():
        assert profile.columns[name].digest == column.digest, name
    assert profile.digest == plain.digest


@pytest.fixture(scope="module")
def sampled() -> tuple[Columns, Profile, Profile]:
    """A tenth of the rows is held. The columns, the plain profile and the one of the sample."""
    rows, held = 200_000, spread(200_000, 20_000)
    columns, outcome = world(rows)
    plain = build_profile(columns, roles=ROLES, score=SCORE, outcome=outcome)
    found = large(columns, held, roles=ROLES, score=SCORE, batch=65_536)
    assert found.differing() == ""
    return columns, plain, found.profile(outcome[held])


def test_what_can_be_counted_is_exact(sampled: tuple[Columns, Profile, Profile]) -> None:
    """Rows, missing, infinite, ends and edges, labels; all of a column that has no more values than knots."""
    _, plain, found = sampled
    for name, theirs in plain.columns.items():
        mine = found.columns[name]
        assert (mine.rows, mine.missing) == (theirs.rows, theirs.missing)
        if isinstance(theirs, NumericProfile) and isinstance(mine, NumericProfile):
            assert mine.infinite == theirs.infinite
            assert mine.edges == pytest.approx(theirs.edges, rel=0, abs=0, nan_ok=True)
            assert int(mine.counts.sum()) == theirs.values
        if isinstance(theirs, CategoryProfile) and isinstance(mine, CategoryProfile):
            assert (mine.labels, mine.levels, mine.rest) == (theirs.labels, theirs.levels, theirs.rest)
            assert mine.counts.tolist() == theirs.counts.tolist()
    for name in ("whole", "flat", "void"):
        mine, theirs = found.columns[name], plain.columns[name]
        assert isinstance(mine, NumericProfile)
        assert isinstance(theirs, NumericProfile)
        assert mine.knots.tolist() == theirs.knots.tolist()
        assert mine.counts.tolist() == theirs.counts.tolist()
        assert mine.quantiles == theirs.quantiles
        assert mine.deciles.tolist() == theirs.deciles.tolist()
        assert mine.spike == theirs.spike


def test_counts_are_those_of_numpy(sampled: tuple[Columns, Profile, Profile]) -> None:
    """Each knot and each cell between two, over all rows."""
    columns, _, found = sampled
    column, raw = found.columns["gaps"], columns["gaps"]
    assert isinstance(column, NumericProfile)
    assert isinstance(raw, NumericColumn)
    values = np.sort(raw.values[~np.isnan(raw.values)])
    left = np.searchsorted(values, column.knots, side="left")
    right = np.searchsorted(values, column.knots, side="right")
    assert column.at.tolist() == (right - left).tolist()
    assert column.below.tolist() == (np.append(left, values.size) - np.append(0, right)).tolist()


def test_mean_and_sd_are_those_of_all_rows(sampled: tuple[Columns, Profile, Profile]) -> None:
    """To rounding, also where a few values are a million sd away."""
    _, plain, found = sampled
    for name, theirs in plain.columns.items():
        mine = found.columns[name]
        if isinstance(theirs, NumericProfile) and isinstance(mine, NumericProfile):
            assert mine.mean == pytest.approx(theirs.mean, rel=1e-9, abs=1e-9 * theirs.sd, nan_ok=True), name
            assert mine.sd == pytest.approx(theirs.sd, rel=1e-9, nan_ok=True), name


def test_a_quantile_is_in_its_cell(sampled: tuple[Columns, Profile, Profile]) -> None:
    """Its rank among all rows is off by no more than the cell holds."""
    columns, plain, found = sampled
    for name in ("gaps", "edges", "heavy", "spike", "score"):
        mine, theirs, raw = found.columns[name], plain.columns[name], columns[name]
        assert isinstance(mine, NumericProfile)
        assert isinstance(theirs, NumericProfile)
        assert isinstance(raw, NumericColumn)
        finite = raw.values[np.isfinite(raw.values)]
        most = int(mine.below[1:-1].max())
        for level, value in theirs.quantiles.items():
            low, high = sorted((value, mine.quantiles[level]))
            assert int(((finite > low) & (finite < high)).sum()) <= most, (name, level)


def test_a_cell_holds_about_its_share(sampled: tuple[Columns, Profile, Profile]) -> None:
    """No more than the law of order statistics gives the largest of all cells once in a thousand samples."""
    _, _, found = sampled
    for name in ("gaps", "edges", "heavy", "score"):
        column = found.columns[name]
        assert isinstance(column, NumericProfile)
        held = 20_000 * column.values // column.rows
        apart = -(-held // KNOTS)  # rows of the sample from one knot to the next
        most = stats.beta.isf(1e-3 / KNOTS, apart, held - apart + 1)
        assert column.below[1:-1].max() / column.values <= most


def test_what_the_sample_says_of_outcomes_is_close(sampled: tuple[Columns, Profile, Profile]) -> None:
    """Accuracy within four standard errors of the sample's."""
    _, plain, found = sampled
    mine, theirs = found.columns["score"].outcomes, plain.columns["score"].outcomes
    assert mine is not None
    assert theirs is not None
    accuracy = [float(each.quality.sum() / each.known.sum()) for each in (mine, theirs)]
    error = np.sqrt(accuracy[1] * (1 - accuracy[1]) / mine.known.sum())
    assert abs(accuracy[0] - accuracy[1]) <= 4 * error


@given(
    rows=st.integers(20, 400),
    held=st.integers(1, 20),
    ties=st.integers(0, 3),
    shift=st.floats(-2, 2),
    seed=st.integers(0, 2**32 - 1),
)
def test_the_bound_of_ks_holds(rows: int, held: int, ties: int, shift: float, seed: int) -> None:
    """Against the exact statistic of all rows, whatever the sample: knots may be few and cells full."""
    rng = np.random.default_rng(seed)
    reference = np.round(rng.normal(size=rows), ties)
    sample = np.sort(rng.choice(rows, held, replace=False))
    survey = Survey(roles={"x": Role.FEATURE}, score=None)
    survey.add({"x": numbers(reference)}, rows)
    survey.numbers["x"]._distinct = None  # as if there were more values than knots
    found = LargeProfile(survey, {"x": numbers(reference[sample])}, held)
    found.add({"x": numbers(reference)}, rows)
    profile = found.profile(None)
    window = np.round(rng.normal(shift, 1.5, size=60), ties)
    [told] = KolmogorovSmirnov().measure(profile, count(profile, {"x": numbers(window)}, 60))
    exact = stats.ks_2samp(reference, window).statistic
    assert abs(exact - told.value) <= (told.bound or 0.0) + 1e-12


def test_rows_in_any_order_and_batches_give_the_same_bits() -> None:
    """The looks add up whole numbers, ends and labels."""
    columns, outcome = world(30_000)
    held = spread(30_000, 3_000)
    one = large(columns, held, roles=ROLES, score=SCORE, batch=30_000).profile(outcome[held])
    order = np.random.default_rng(2).permutation(30_000)
    place = np.argsort(order)[held]  # where the same rows are now, in the order they are held
    other = large(taken(columns, order), place, roles=ROLES, score=SCORE, batch=777).profile(outcome[held])
    assert one.digest == other.digest


def test_other_rows_at_the_second_look_are_noticed() -> None:
    """A new extreme, a missing label, a label more."""
    columns, _ = world(5_000)
    others: Columns = {
        "edges": numbers(np.full(5_000, 1e9)),
        "label": CategoryColumn(codes=np.zeros(5_000, dtype=np.int32), labels=("l0",)),
    }
    for name, changed in others.items():
        survey = Survey(roles=ROLES, score=None)
        survey.add(columns, 5_000)
        found = LargeProfile(survey, columns, 5_000)
        found.add({**columns, name: changed}, 5_000)
        assert found.differing() == name


def test_an_identifier_is_left_out_and_said() -> None:
    """As `build_profile` does; one that is included stays."""
    names = CategoryColumn(codes=np.arange(9_000, dtype=np.int32), labels=tuple(map(str, range(9_000))))
    columns: Columns = {"id": names, "x": numbers(np.arange(9_000))}
    found = large(columns, spread(9_000, 500))
    profile = found.profile(None)
    assert [*profile.columns] == ["x"]
    assert "more than 2,000 distinct labels" in profile.notices[0]
    kept = large(columns, spread(9_000, 500), include=["id"]).profile(None).columns["id"]
    plain = build_profile(columns, roles={}, include=["id"]).columns["id"]
    assert kept.digest == plain.digest


def test_more_labels_than_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The frequent ones have all their rows, the others are the rest, and none is ever unseen."""
    monkeypatch.setattr("detectors._survey.POOLED_HASHES", 1_000)
    rng = np.random.default_rng(3)
    codes = np.where(rng.random(60_000) < 0.5, rng.integers(0, 5, 60_000), rng.integers(5, 9_000, 60_000))
    column = CategoryColumn(codes=codes.astype(np.int32), labels=tuple(f"l{i}" for i in range(9_000)))
    found = large({"c": column}, spread(60_000, 6_000), include=["c"]).profile(None).columns["c"]
    plain = build_profile({"c": column}, roles={}, include=["c"]).columns["c"]
    assert isinstance(found, CategoryProfile)
    assert isinstance(plain, CategoryProfile)
    assert found.labels[:5] == plain.labels[:5]
    assert found.counts[:5].tolist() == plain.counts[:5].tolist()
    assert found.levels == plain.levels
    assert (found.values, found.missing) == (plain.values, plain.missing)
    assert sorted(found.counts, reverse=True) == found.counts.tolist()
    assert abs(found.distinct - plain.distinct) <= 4 * plain.distinct / np.sqrt(1_000)
    assert found.seen(["never there"]).all()
