"""Do counts of parts add up to the counts of the whole, bit for bit?"""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors import (
    CategoryColumn,
    CategorySummary,
    Column,
    NumericColumn,
    NumericProfile,
    Profile,
    Role,
    ScoreSpec,
    WindowSummary,
    build_profile,
    count,
)

ROWS = 400
LABELS = tuple(f"label {i:03d}" for i in range(700))


def batch(seed: int, rows: int = ROWS, labels: int = 700) -> dict[str, Column]:
    """Awkward columns: heavy tails, NaN, ±inf, a score, and more unseen labels than a summary lists."""
    rng = np.random.default_rng(seed)
    x = rng.standard_cauchy(rows) * 10.0 ** rng.integers(-3, 9, rows)
    x[rng.random(rows) < 0.1] = np.nan
    x[rng.random(rows) < 0.02] = np.inf
    codes = rng.integers(-1, labels, rows).astype(np.int32)
    score = rng.random(rows)
    return {
        "x": NumericColumn(values=x),
        "c": CategoryColumn(codes=codes, labels=LABELS),
        "score": NumericColumn(values=score),
    }


PROFILE: Profile = build_profile(
    batch(0, 3_000, 40),
    roles={"score": Role.SCORE},
    score=ScoreSpec(task="binary", columns={"": "score"}),
)


def take(columns: dict[str, Column], rows: np.ndarray) -> dict[str, Column]:
    return {
        name: NumericColumn(values=column.values[rows])
        if isinstance(column, NumericColumn)
        else CategoryColumn(codes=column.codes[rows], labels=column.labels)
        for name, column in columns.items()
    }


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), cuts=st.lists(st.integers(0, ROWS), max_size=6), data=st.data())
def test_every_split_of_the_same_rows_gives_equal_summaries(
    seed: int, cuts: list[int], data: st.DataObject
) -> None:
    """Rows shuffled, cut anywhere, parts added in any order: the same bits."""
    columns = batch(seed)
    order = np.random.default_rng(seed + 1).permutation(ROWS)
    bounds = [0, *sorted(cuts), ROWS]
    parts = [count(PROFILE, take(columns, order[start:end]), end - start) for start, end in pairwise(bounds)]
    total = WindowSummary.empty(PROFILE)
    for part in data.draw(st.permutations(parts)):
        total = total + part
    assert total == count(PROFILE, columns, ROWS)


def test_addition_is_associative_and_commutative() -> None:
    """(a + b) + c = a + (b + c) and a + b = b + a, unseen labels beyond 256 included."""
    a, b, c = (count(PROFILE, batch(seed), ROWS) for seed in (1, 2, 3))
    assert (a + b) + c == a + (b + c)
    assert a + b == b + a
    unseen = (a + b + c).columns["c"]
    assert isinstance(unseen, CategorySummary)
    assert len(unseen.unseen_labels) == 256
    assert unseen.unseen > sum(unseen.unseen_labels.values())


def test_empty_is_the_zero_and_holds_no_column() -> None:
    """Adding the empty summary changes nothing, so a column no batch held stays absent."""
    window = count(PROFILE, {"x": batch(1)["x"]}, ROWS)
    empty = WindowSummary.empty(PROFILE)
    assert empty + window == window == window + empty
    assert list((empty + window).columns) == ["x"]


def test_a_batch_without_rows_is_counted_as_zero() -> None:
    """Zero rows of a known column: present, all counts zero, statistics undefined."""
    window = count(PROFILE, {"x": NumericColumn(values=np.empty(0))}, 0)
    summary, profile = window.columns["x"], PROFILE.columns["x"]
    assert isinstance(profile, NumericProfile)
    assert summary.rows == 0
    assert not isinstance(summary, CategorySummary)
    assert math.isnan(summary.mean(profile))
    assert math.isnan(summary.sd(profile))
    assert math.isnan(summary.quantile(profile, 0.5))


def test_summaries_of_two_profiles_do_not_add_up() -> None:
    """Counts on other knots are other counts: an error, not a sum."""
    other = build_profile(batch(9), roles={})
    with pytest.raises(ValueError, match="summaries of two profiles"):
        _ = count(PROFILE, batch(1), ROWS) + count(other, batch(1), ROWS)


def test_quantiles_inside_the_range_are_known_to_a_cell() -> None:
    """Against numpy's inverted distribution function, between two neighbouring knots."""
    rng = np.random.default_rng(7)
    profile = build_profile({"x": NumericColumn(values=rng.normal(size=50_000))}, roles={})
    window = rng.normal(0.2, 0.8, 20_000)
    summary, column = (
        count(profile, {"x": NumericColumn(values=window)}, 20_000).columns["x"],
        profile.columns["x"],
    )
    assert isinstance(column, NumericProfile)
    assert not isinstance(summary, CategorySummary)
    for level in (0.01, 0.25, 0.5, 0.9, 0.99):
        exact = np.quantile(window, level, method="inverted_cdf")
        at = np.searchsorted(column.knots, exact)
        low, high = column.knots[max(at - 1, 0)], column.knots[min(at + 1, column.knots.size - 1)]
        assert low <= summary.quantile(column, level) <= high


@pytest.mark.parametrize("factor", [1_000.0, -1_000.0, 1e-3])
def test_quantiles_of_a_window_in_another_unit_are_known_to_six_percent(factor: float) -> None:
    """Beyond the outer knots a log grid keeps quantiles to 6.25 %."""
    rng = np.random.default_rng(8)
    reference = rng.uniform(50.0, 80.0, 5_000)
    profile = build_profile({"x": NumericColumn(values=reference)}, roles={})
    column = profile.columns["x"]
    assert isinstance(column, NumericProfile)
    window = reference * factor
    summary = count(profile, {"x": NumericColumn(values=window)}, 5_000).columns["x"]
    assert not isinstance(summary, CategorySummary)
    for level in (0.05, 0.5, 0.95):
        exact = float(np.quantile(window, level))
        assert summary.quantile(column, level) == pytest.approx(exact, rel=0.0625)
