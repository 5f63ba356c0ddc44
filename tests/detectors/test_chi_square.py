"""Does chi_square say what its docstring says?"""

import math

import numpy as np
import pytest
from scipy import stats

from detectors.chi_square import ChiSquare
from tests.detectors.samples import labels, only, reference, simulate, window

CHI_SQUARE = ChiSquare()


def test_scipy_is_the_oracle() -> None:
    """Statistic and p are those of the test of homogeneity on the 2 × 3 table."""
    profile = reference(x=["a"] * 500 + ["b"] * 300 + ["c"] * 200)
    found = CHI_SQUARE.measure(profile, window(profile, x=["a"] * 40 + ["b"] * 30 + ["c"] * 40))
    oracle = stats.chi2_contingency([[500, 300, 200], [40, 30, 40]], correction=False)
    assert only(found, "chi_square").value == pytest.approx(oracle.statistic)
    assert only(found, "chi_square").p == pytest.approx(oracle.pvalue)
    assert only(found, "chi_square").noise_limit == pytest.approx(stats.chi2.isf(0.001, 2))


def test_cramers_v_of_sides_with_equal_weight() -> None:
    """It is SciPy's Cramér's V of the table whose rows are scaled to the same sum."""
    profile = reference(x=["a"] * 500 + ["b"] * 300 + ["c"] * 200)
    found = CHI_SQUARE.measure(profile, window(profile, x=["a"] * 40 + ["b"] * 30 + ["c"] * 30))
    scaled = np.array([[500, 300, 200], [400, 300, 300]])
    assert only(found, "cramers_v").value == pytest.approx(
        stats.contingency.association(scaled, method="cramer")
    )


def test_largest_change_by_hand() -> None:
    """a falls from 50 to 40 points, c rises from 20 to 30: the largest change is 10 points."""
    profile = reference(x=["a"] * 500 + ["b"] * 300 + ["c"] * 200)
    found = CHI_SQUARE.measure(profile, window(profile, x=["a"] * 40 + ["b"] * 30 + ["c"] * 30))
    assert only(found, "l_infinity").value == pytest.approx(0.1)


def test_levels_with_few_expected_rows_are_pooled() -> None:
    """In a window of 100 rows levels under 5 % join the rest: χ² has one degree of freedom, not eleven."""
    values = ["a"] * 500 + ["b"] * 300 + [f"k{code}" for code in range(10) for _ in range(20)]
    profile = reference(x=values)
    found = CHI_SQUARE.measure(profile, window(profile, x=["a"] * 50 + ["b"] * 30 + ["k0"] * 20))
    assert only(found, "chi_square").noise_limit == pytest.approx(stats.chi2.isf(0.001, 2))
    assert only(found, "chi_square").value == pytest.approx(0.0, abs=1e-9)


def test_nothing_shared() -> None:
    """All rows on a label never seen: V near 1, l_infinity the growth of the pooled level."""
    profile = reference(x=["a"] * 700 + ["b"] * 200 + [f"r{code}" for code in range(100)])
    found = CHI_SQUARE.measure(profile, window(profile, x=["new"] * 200))
    assert only(found, "l_infinity").value == pytest.approx(0.9)
    assert only(found, "cramers_v").value > 0.9


def test_one_level_is_undefined() -> None:
    """A constant column has no table to test: NaN and no p, while l_infinity is defined."""
    profile = reference(x=["a"] * 100)
    found = CHI_SQUARE.measure(profile, window(profile, x=["a"] * 50))
    assert math.isnan(only(found, "chi_square").value)
    assert only(found, "chi_square").p is None
    assert only(found, "l_infinity").value == 0.0


def test_missing_rows_are_left_out() -> None:
    """Missing rows change n, not the table."""
    profile = reference(x=["a"] * 60 + ["b"] * 40)
    found = only(
        CHI_SQUARE.measure(profile, window(profile, x=["a"] * 60 + ["b"] * 40 + [None] * 50)), "chi_square"
    )
    assert found.value == 0.0
    assert found.n == 100


@pytest.mark.parametrize("metric", ["chi_square", "cramers_v", "l_infinity"])
@pytest.mark.parametrize(("rows_reference", "rows"), [(20_000, 50), (1_000, 1_000)])
def test_noise_limit(metric: str, rows_reference: int, rows: int) -> None:
    """Without drift at most about 1 window in 1,000 passes the limit, and the limit is near that quantile."""
    found = simulate(
        CHI_SQUARE.measure, metric, labels, rows_reference=rows_reference, rows=rows, references=50
    )
    assert found.exceeded <= 0.005
    assert 0.8 <= found.slack <= 1.6
