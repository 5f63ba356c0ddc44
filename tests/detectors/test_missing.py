"""Does missing say what its docstring says?"""

import numpy as np
import pytest
from scipy import stats

from detectors.missing import Missing
from tests.detectors.samples import only, reference, simulate, window

MISSING = Missing()


def holes(rng: np.random.Generator, rows: int) -> np.ndarray:
    """3 % missing."""
    return np.where(rng.random(rows) < 0.03, np.nan, rng.standard_normal(rows))


def test_by_hand() -> None:
    """3 of 12 rows are missing, in numbers and in labels; the reference had none."""
    profile = reference(x=np.arange(100.0), k=["a"] * 100)
    batch = window(profile, x=[1.0] * 9 + [np.nan] * 3, k=["a"] * 9 + [None] * 3)
    found = MISSING.measure(profile, batch)
    assert [each.column for each in found] == ["x", "k"]
    assert {(each.value, each.direction, each.n) for each in found} == {(0.25, 1, 12)}


@pytest.mark.parametrize(("absent", "n"), [(0, 50), (0, 5_000), (30, 50), (30, 1_000), (5, 100_000)])
def test_limit_and_p_are_the_beta_binomial_law(absent: int, n: int) -> None:
    """SciPy's beta-binomial law with Beta(k + ½, N − k + ½) gives the same limit and two-sided p."""
    x = np.arange(1_000.0)
    profile = reference(x=np.where(x < absent, np.nan, x))
    k = 2 + n // 40
    rows = np.zeros(n)
    rows[:k] = np.nan
    found = only(MISSING.measure(profile, window(profile, x=rows)), "missing")
    law = stats.betabinom(n, absent + 0.5, 1_000 - absent + 0.5)
    assert found.noise_limit == pytest.approx(law.ppf(0.999) / n, rel=0.03)
    expected = min(1.0, 2 * min(law.cdf(k), law.sf(k - 1)))
    assert found.p == pytest.approx(expected, rel=1e-6, abs=1e-12 if n < 5_000 else 1e-3)


def test_fewer_than_before_points_down() -> None:
    """A column that is always filled of late lies below its reference."""
    profile = reference(x=[np.nan, 1.0] * 50)
    found = only(MISSING.measure(profile, window(profile, x=np.ones(40))), "missing")
    assert (found.value, found.direction) == (0.0, -1)
    assert found.p is not None
    assert found.p < 1e-6


def test_infinity_is_not_missing() -> None:
    """±inf is a value."""
    profile = reference(x=np.arange(100.0))
    assert only(MISSING.measure(profile, window(profile, x=[np.inf, -np.inf])), "missing").value == 0.0


def test_a_batch_without_the_column_is_missing() -> None:
    """Rows of a batch that lacked the column count as rows without a value."""
    profile = reference(x=np.arange(100.0), y=np.arange(100.0))
    both = window(profile, x=[1.0] * 30, y=[1.0] * 30) + window(profile, y=[1.0] * 10)
    found = [each for each in MISSING.measure(profile, both) if each.column == "x"]
    assert (found[0].value, found[0].n) == (0.25, 40)


@pytest.mark.parametrize(("rows_reference", "rows"), [(20_000, 50), (20_000, 2_000), (1_000, 1_000)])
def test_noise_limit(rows_reference: int, rows: int) -> None:
    """Without drift at most about 1 window in 1,000 passes the limit, and the limit is near that quantile."""
    found = simulate(
        MISSING.measure, "missing", holes, rows_reference=rows_reference, rows=rows, references=50
    )
    assert found.exceeded <= 0.003
    assert 0.9 <= found.slack <= 1.6
