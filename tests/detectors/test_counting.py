"""Does the compiled pass count what a slow, plain one counts?"""

import math
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from detectors import (
    CategoryColumn,
    CategoryProfile,
    NumericColumn,
    NumericProfile,
    NumericSummary,
    _number_counting,
    build_profile,
    count,
)
from detectors._column import SharedLabels
from detectors._grid import WORTH, grid
from detectors._label_counts import count_labels
from detectors._number_counting import count_numbers
from detectors._summary import MOMENT_BITS, MOMENT_CLIP, moment_scale

ANY_FLOAT = st.one_of(
    st.floats(width=64),
    st.sampled_from([0.0, -0.0, math.inf, -math.inf, math.nan, 5e-324, -5e-324, 1.0, 1.0 + 2**-52, 1e308]),
    st.integers(-3, 3).map(float),
)
VALUES = arrays.arrays(np.float64, st.integers(0, 60), elements=ANY_FLOAT)
SAMPLES = {
    "normal": lambda rng, n: rng.normal(size=n),
    "lognormal": lambda rng, n: rng.lognormal(0.0, 2.0, n),
    "cauchy": lambda rng, n: rng.standard_cauchy(n),
    "integers": lambda rng, n: rng.integers(-20, 20, n).astype(np.float64),
    "uniform": lambda rng, n: rng.random(n),
    "denormal": lambda rng, n: rng.integers(-500, 500, n) * 5e-324,
    "huge": lambda rng, n: rng.uniform(-1.0, 1.0, n) * 1.7e308,
    "two scales": lambda rng, n: np.where(rng.random(n) < 0.5, rng.normal(0, 1e-9, n), rng.normal(0, 1e9, n)),
    "constant": lambda rng, n: np.full(n, 3.5),
}


def numeric(values: NDArray[np.float64], knots: int = 4_096) -> NumericProfile:
    profile = build_profile({"x": NumericColumn(values=values)}, roles={}, knots=knots).columns["x"]
    assert isinstance(profile, NumericProfile)
    return profile


def slow_cells(knots: list[float], values: list[float]) -> list[int]:
    """Rows by cell, by comparing every value with every knot."""
    counts = [0] * (2 * len(knots) + 1)
    for value in values:
        if not math.isnan(value):
            below = sum(knot < value for knot in knots)
            equal = any(knot == value for knot in knots)
            counts[2 * below + equal] += 1
    return counts


def assert_counted(profile: NumericProfile, values: NDArray[np.float64]) -> None:
    summary = count_numbers(profile, values)
    rows = values.tolist()
    finite = [value for value in rows if math.isfinite(value)]
    assert summary.counts.tolist() == slow_cells(profile.knots.tolist(), rows)
    assert summary.missing == sum(math.isnan(value) for value in rows)
    assert summary.infinite == sum(math.isinf(value) for value in rows)
    assert summary.minimum == min(finite, default=math.inf)
    assert summary.maximum == max(finite, default=-math.inf)
    if profile.knots.size:
        low, high = profile.edges
        assert summary.below_edge == sum(value < low for value in rows)
        assert summary.above_edge == sum(value > high for value in rows)
        beyond = [value for value in finite if not profile.knots[0] <= value <= profile.knots[-1]]
        assert sum(held for _, held in summary.tails) == len(beyond)


@settings(max_examples=300, deadline=None)
@given(reference=VALUES, window=VALUES)
def test_cells_equal_the_slow_count_for_any_floats(
    reference: NDArray[np.float64], window: NDArray[np.float64]
) -> None:
    """NaN, ±inf, −0.0, denormals, ties: each value is in the one cell that comparisons put it in."""
    profile = numeric(reference)
    assert_counted(profile, window)  # few rows: all knots are searched
    assert_counted(profile, reference)
    if profile.knots.size:
        grid(profile)  # and by its table
        assert_counted(profile, window)


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("other", SAMPLES)
def test_cells_equal_numpys_search_on_every_kind_of_grid(name: str, other: str) -> None:
    """At 4,096 knots, and for windows unlike the reference, the lookup table finds what a search finds."""
    rng = np.random.default_rng(1)
    profile = numeric(SAMPLES[name](rng, 20_000))
    values = np.concatenate([SAMPLES[name](rng, 3_000), SAMPLES[other](rng, 3_000)])
    near = rng.choice(profile.knots, 1_000)
    values = np.concatenate([values, near, np.nextafter(near, -np.inf), np.nextafter(near, np.inf)])
    left = np.searchsorted(profile.knots, values, side="left")
    cells = 2 * left + (profile.knots[np.minimum(left, profile.knots.size - 1)] == values)
    expected = np.bincount(cells, minlength=profile.counts.size)
    np.testing.assert_array_equal(count_numbers(profile, values).counts, expected)
    assert "grid" not in profile.memo
    grid(profile)
    np.testing.assert_array_equal(count_numbers(profile, values).counts, expected)


def test_a_table_is_made_once_it_pays() -> None:
    """Few rows of many models never earn one; small batches of many rows do."""
    rng = np.random.default_rng(4)
    profile = numeric(rng.standard_normal(5_000))
    batch = rng.standard_normal(WORTH // 4)
    made = []
    for _ in range(5):
        count_numbers(profile, batch)
        made.append("grid" in profile.memo)
    assert made == [False, False, False, True, True]


@pytest.mark.parametrize(("name", "uniform", "outer"), [("normal", True, False), ("lognormal", False, False)])
def test_each_column_gets_the_grid_that_resolves_it(name: str, uniform: bool, outer: bool) -> None:
    """Equal widths for a bell, the bits of the number for a skewed one: at most two steps are left."""
    found = grid(numeric(SAMPLES[name](np.random.default_rng(2), 200_000)))
    assert (found.uniform, found.outer) == (uniform, outer)
    assert found.steps <= 2


def test_a_heavy_tailed_column_keeps_a_short_search() -> None:
    """Cauchy values outside the grid are searched among all knots, the others need at most three steps."""
    found = grid(numeric(SAMPLES["cauchy"](np.random.default_rng(3), 200_000)))
    assert found.outer
    assert found.steps <= 3


@settings(max_examples=100, deadline=None)
@given(reference=VALUES, window=VALUES)
def test_moments_are_the_documented_fixed_point_sums(
    reference: NDArray[np.float64], window: NDArray[np.float64]
) -> None:
    """Each value enters as rint(z·2²⁰), clipped: the sums can be recomputed row by row."""
    profile = numeric(reference)
    centre, scale = moment_scale(profile)
    inverse = min(1.0 / scale, 1e300)
    first = second = 0
    for value in window.tolist():
        if math.isfinite(value):
            z = max(min((value - centre) * inverse, MOMENT_CLIP), -MOMENT_CLIP)
            first += round(z * 2**MOMENT_BITS)
            second += round(z * z * 2**MOMENT_BITS)
    summary = count_numbers(profile, window)
    assert (summary.moment1, summary.moment2) == (first, second)


def test_a_batch_of_clipped_values_does_not_overflow() -> None:
    """Values far beyond 2,048 sd sum to exactly the clip each, in first and second moment."""
    profile = numeric(np.array([-1.0, 0.0, 1.0]))
    summary = count_numbers(profile, np.full(300_000, 1e300))
    assert summary.moment1 == 300_000 * 2**31
    assert summary.moment2 == 300_000 * 2**42


def test_mean_and_sd_are_those_of_the_rows() -> None:
    """Read back from the counts, mean and sd agree with numpy to the resolution of the moments."""
    rng = np.random.default_rng(4)
    profile, window = numeric(rng.normal(10.0, 3.0, 5_000)), rng.normal(12.0, 4.0, 5_000)
    summary = count_numbers(profile, window)
    assert summary.mean(profile) == pytest.approx(window.mean(), abs=3.0 * 2**-MOMENT_BITS)
    assert summary.sd(profile) == pytest.approx(window.std(ddof=1), rel=1e-5)
    exact = Fraction(summary.moment1, 5_000 << MOMENT_BITS)
    assert summary.mean(profile) == pytest.approx(profile.mean + profile.sd * float(exact))


def test_a_reference_without_a_finite_value_is_counted_all_the_same() -> None:
    """All-null columns have one open cell, and say nothing but how many rows are missing."""
    summary = count_numbers(numeric(np.full(5, np.nan)), np.array([1.0, np.nan, np.inf]))
    assert summary.counts.tolist() == [2]
    assert (summary.missing, summary.infinite, summary.maximum) == (1, 1, 1.0)


def test_a_batch_laid_out_in_strides_counts_like_a_copy() -> None:
    """Every second element of an array counts like the same values side by side."""
    rng = np.random.default_rng(5)
    profile, values = numeric(rng.normal(size=500)), rng.normal(size=1_000)
    assert count_numbers(profile, values[::2]) == count_numbers(profile, values[::2].copy())


@pytest.mark.parametrize("interrupted", [False, True])
def test_nothing_is_left_of_a_column_before(interrupted: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Room for tails is used again, and made anew where somebody gave up with rows in it."""
    rng = np.random.default_rng(8)
    profile = numeric(rng.normal(size=500))
    wild, tame = np.array([-90.0, 1e300, -1e-300, 40.0] * 3), np.array([40.0, -90.0])

    def gives_up(_: object) -> None:
        raise KeyboardInterrupt

    if interrupted:
        monkeypatch.setattr(
            _number_counting, "int", gives_up, raising=False
        )  # between its kernel and the end
        with pytest.raises(KeyboardInterrupt):
            count_numbers(profile, wild)
        monkeypatch.undo()
    else:
        assert sum(rows for _, rows in count_numbers(profile, wild).tails) == 9
    assert [rows for _, rows in count_numbers(profile, tame).tails] == [1, 1]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda column: count_numbers(profile, column), [wild, tame] * 40))
    assert found == [count_numbers(profile, wild), count_numbers(profile, tame)] * 40


@pytest.mark.parametrize("kept", [tuple, SharedLabels])
def test_labels_fall_into_kept_rest_unseen_and_missing(kept: type[tuple[str, ...]]) -> None:
    """A label the reference pooled is rest; only one it never held is unseen."""
    labels = ("a", "b", "rare", "rarest")
    codes = np.array([0] * 60 + [1] * 30 + [2] * 3 + [3] + [-1], dtype=np.int32)
    built = build_profile({"c": CategoryColumn(codes=codes, labels=labels)}, roles={})
    profile = built.columns["c"]
    assert isinstance(profile, CategoryProfile)
    window = CategoryColumn(
        codes=np.array([1, 1, 0, 2, 3, 3, -1], dtype=np.int32),
        labels=kept(("new", "b", "rare", "a", "elsewhere")),
    )
    for _ in range(2):
        summary = count_labels(profile, window)
        assert profile.labels == ("a", "b")
        assert summary.counts.tolist() == [2, 2]
        assert (summary.rest, summary.unseen, summary.missing) == (1, 1, 1)
        assert summary.unseen_labels == {"new": 1}
    other = build_profile({"c": CategoryColumn(codes=codes[:60], labels=labels)}, roles={}).columns["c"]
    assert isinstance(other, CategoryProfile)
    assert count_labels(other, window).counts.tolist() == [2]  # the same labels, on another profile


def test_a_column_of_the_other_kind_is_refused_by_name() -> None:
    """Numbers where the reference holds labels, or the reverse, raise ValueError naming the column."""
    text = CategoryColumn(codes=np.zeros(3, dtype=np.int32), labels=("a",))
    number = NumericColumn(values=np.zeros(3))
    profile = build_profile({"n": number, "c": text}, roles={})
    with pytest.raises(ValueError, match='column "n": numeric in the reference, labels in the window'):
        count(profile, {"n": text}, 3)
    with pytest.raises(ValueError, match='column "c": category in the reference, numbers in the window'):
        count(profile, {"c": number}, 3)


def test_a_column_of_another_length_than_the_batch_is_refused() -> None:
    """A batch whose columns disagree on its rows is an error, not a guess."""
    profile = build_profile({"n": NumericColumn(values=np.zeros(3))}, roles={})
    with pytest.raises(ValueError, match='column "n": 3 values in a batch of 4 rows'):
        count(profile, {"n": NumericColumn(values=np.zeros(3))}, 4)


def test_absent_columns_are_absent_and_unknown_ones_ignored() -> None:
    """The summary holds what both the profile and the batch hold."""
    column = NumericColumn(values=np.zeros(3))
    profile = build_profile({"a": column, "b": column}, roles={})
    summary = count(profile, {"b": column, "z": column}, 3)
    assert list(summary.columns) == ["b"]
    assert isinstance(summary.columns["b"], NumericSummary)
