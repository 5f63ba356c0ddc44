"""Do the knots hold what is promised of them?"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from scipy import stats

from detectors import NumericColumn, NumericProfile, build_profile
from detectors._cells import choose_knots, merge_tails, quantiles, tail_bounds, tail_codes
from detectors._number_counting import count_numbers

TIED = st.one_of(st.integers(-4, 4).map(float), st.floats(-1e6, 1e6, allow_subnormal=False))
ROWS = arrays.arrays(np.float64, st.integers(2, 120), elements=TIED)
INTERVALS = st.integers(2, 40)


def profile_of(values: NDArray[np.float64], intervals: int) -> NumericProfile:
    columns = {"x": NumericColumn(values=values)}
    profile = build_profile(columns, roles={}, knots=intervals).columns["x"]
    assert isinstance(profile, NumericProfile)
    return profile


def distance_at_knots(profile: NumericProfile, window: NDArray[np.float64]) -> float:
    """Largest difference of the two distribution functions at the knots and their left limits."""
    reference = np.cumsum(profile.counts) / profile.values
    found = np.cumsum(count_numbers(profile, window).counts) / window.size
    return float(np.abs(found - reference).max())


@settings(max_examples=300, deadline=None)
@given(values=ROWS, intervals=INTERVALS)
def test_no_cell_between_knots_holds_more_than_its_share(values: NDArray[np.float64], intervals: int) -> None:
    """At most 1/K of the rows lie strictly between two knots, whatever the ties; none beyond the outer."""
    profile = profile_of(values, intervals)
    assert profile.below.max() * intervals <= values.size
    assert profile.below[0] == profile.below[-1] == 0
    assert profile.knots.size <= intervals + 1


@settings(max_examples=300, deadline=None)
@given(values=ROWS, window=ROWS, intervals=INTERVALS)
def test_the_exact_ks_distance_lies_within_the_stated_bound(
    values: NDArray[np.float64], window: NDArray[np.float64], intervals: int
) -> None:
    """D at the knots ≤ exact D ≤ D at the knots + 1/K, the whole window inside one cell included."""
    exact = float(stats.ks_2samp(values, window, method="asymp").statistic)
    found = distance_at_knots(profile_of(values, intervals), window)
    assert found - 1e-12 <= exact <= found + 1.0 / intervals + 1e-12


@settings(max_examples=150, deadline=None)
@given(values=ROWS, window=ROWS)
def test_ks_is_exact_when_every_value_is_a_knot(
    values: NDArray[np.float64], window: NDArray[np.float64]
) -> None:
    """With no more distinct values than knots nothing is lost."""
    exact = float(stats.ks_2samp(values, window, method="asymp").statistic)
    assert distance_at_knots(profile_of(values, 4_096), window) == pytest.approx(exact, abs=1e-12)


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("window", ["same", "one cell", "shifted"])
def test_ks_at_full_size_is_within_a_quarter_of_a_thousandth(tied: bool, window: str) -> None:
    """At 4,096 knots and 50,000 rows the error stays below 2.5e-4."""
    rng = np.random.default_rng(3)
    reference = rng.normal(size=50_000)
    reference = np.round(reference, 3) if tied else reference
    profile = profile_of(reference, 4_096)
    middle = float(profile.knots[2_000] + profile.knots[2_001]) / 2.0
    rows = {
        "same": rng.normal(size=40_000),
        "one cell": np.full(1_000, middle),
        "shifted": rng.normal(0.05, 1.1, 40_000),
    }[window]
    exact = float(stats.ks_2samp(reference, rows, method="asymp").statistic)
    found = distance_at_knots(profile, rows)
    assert found - 1e-12 <= exact <= found + 2.5e-4


def test_knots_are_all_distinct_values_when_few() -> None:
    """Worked by hand: five rows, three values, three knots."""
    assert choose_knots(np.array([-1.0, 0.0, 0.0, 2.0, 2.0])).tolist() == [-1.0, 0.0, 2.0]
    assert choose_knots(np.empty(0)).size == 0


@given(value=st.floats(allow_nan=False, allow_infinity=False), above=st.booleans())
def test_a_tail_code_is_an_interval_around_its_value(value: float, above: bool) -> None:
    """The interval holds the value and, for normal numbers, is no wider than 1/16 of its near end."""
    code = int(tail_codes(np.array([value]), np.array([above]))[0])
    low, high = tail_bounds(code)
    assert low <= value <= high
    if abs(value) >= np.finfo(np.float64).tiny:
        assert high - low <= min(abs(low), abs(high)) * 0.0625


def test_tails_merge_by_code() -> None:
    """Sparse counts add up, codes ascending."""
    assert merge_tails(((3, 1), (9, 2)), ((1, 5), (9, 1))) == ((1, 5), (3, 1), (9, 3))


def test_quantiles_of_known_counts() -> None:
    """Worked by hand: one row at 0, two between 0 and 10, one at 10."""
    knots, counts = np.array([0.0, 10.0]), np.array([0, 1, 2, 1, 0])
    found = quantiles(knots, counts, np.array([0.25, 0.5, 0.75, 1.0]))
    assert found.tolist() == [0.0, 5.0, 10.0, 10.0]
