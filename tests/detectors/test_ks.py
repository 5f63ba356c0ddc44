"""Does ks say what its docstring says?"""

import numpy as np
import pytest
from scipy import stats

from detectors._profile import build_profile
from detectors.ks import KolmogorovSmirnov
from tests.detectors.samples import (
    column,
    counted,
    counts,
    lognormal,
    normal,
    only,
    reference,
    simulate,
    window,
)

KS = KolmogorovSmirnov()


def test_by_hand() -> None:
    """Reference 1 2 3 4, window 3 3 4 5: at 2 half of the reference lies below and none of the window."""
    profile = reference(x=[1.0, 2.0, 3.0, 4.0])
    found = only(KS.measure(profile, window(profile, x=[3.0, 3.0, 4.0, 5.0])), "ks")
    assert found.value == 0.5
    assert found.direction == 1
    assert found.bound is None


@pytest.mark.parametrize("shift", [0.0, -0.3, 1.0])
@pytest.mark.parametrize("ties", [False, True])
def test_scipy_is_the_oracle_when_every_value_is_a_knot(shift: float, ties: bool) -> None:
    """With at most K distinct reference values it is the exact two-sample statistic, ties and all."""
    rng = np.random.default_rng(3)
    x, y = rng.standard_normal(3_000), rng.standard_normal(700) + shift
    if ties:
        x, y = np.round(x, 1), np.round(y, 1)
    profile = reference(x=x)
    found = only(KS.measure(profile, window(profile, x=y)), "ks")
    exact = stats.ks_2samp(x, y, method="asymp")
    assert found.value == pytest.approx(exact.statistic, abs=1e-12)
    assert found.bound is None
    assert found.direction == int(exact.statistic_sign)


@pytest.mark.parametrize("knots", [16, 64, 512])
def test_the_bound_holds_the_exact_statistic(knots: int) -> None:
    """With fewer knots than values the exact statistic lies within the bound, which is at most 1/knots."""
    rng = np.random.default_rng(4)
    for _ in range(50):
        x, y = rng.lognormal(size=5_000), rng.lognormal(sigma=1.1, size=300)
        profile = build_profile({"x": column(x)}, roles={}, knots=knots)
        found = only(KS.measure(profile, counted(profile, {"x": column(y)})), "ks")
        exact = float(stats.ks_2samp(x, y, method="asymp").statistic)
        assert found.value <= exact + 1e-12
        assert exact <= found.value + (found.bound or 0.0) + 1e-12
        assert (found.bound or 0.0) <= 1.0 / knots


def test_a_window_hidden_in_one_cell_is_bounded() -> None:
    """A window that lies between two knots altogether is still within the bound."""
    x = np.arange(10_000.0)
    profile = build_profile({"x": column(x)}, roles={}, knots=8)
    y = np.full(100, 5_100.5)
    found = only(KS.measure(profile, counted(profile, {"x": column(y)})), "ks")
    exact = float(stats.ks_2samp(x, y, method="asymp").statistic)
    assert abs(exact - found.value) <= (found.bound or 0.0)


def test_p_is_the_asymptotic_law() -> None:
    """p agrees with SciPy's Kolmogorov law at the effective number of rows."""
    rng = np.random.default_rng(5)
    x, y = rng.standard_normal(2_000), rng.standard_normal(500) + 0.1
    profile = reference(x=x)
    found = only(KS.measure(profile, window(profile, x=y)), "ks")
    expected = stats.kstwobign.sf(found.value * np.sqrt(2_000 * 500 / 2_500))
    assert found.p == pytest.approx(expected)


def test_infinities_are_ordered() -> None:
    """−inf lies below and +inf above every finite value."""
    x = np.arange(100.0)
    profile = reference(x=x)
    found = only(KS.measure(profile, window(profile, x=np.where(x < 25, np.inf, x))), "ks")
    assert found.value == pytest.approx(0.25)
    assert found.direction == 1


def test_a_reference_without_a_finite_value_has_no_statistic() -> None:
    """Infinities alone leave no knot to compare at: not a number, and no error."""
    profile = reference(x=[np.inf, -np.inf, np.inf])
    found = only(KS.measure(profile, window(profile, x=[1.0, np.inf])), "ks")
    assert np.isnan(found.value)
    assert (found.n_reference, found.n) == (3, 2)


def test_missing_rows_are_left_out() -> None:
    """NaN changes n, not the statistic."""
    x = np.arange(100.0)
    profile = reference(x=x)
    found = only(KS.measure(profile, window(profile, x=np.append(x, [np.nan] * 50))), "ks")
    assert found.value == 0.0
    assert found.n == 100


@pytest.mark.parametrize("rows", [50, 1_000])
@pytest.mark.parametrize("draw", [normal, lognormal])
def test_noise_limit(draw: object, rows: int) -> None:
    """Without drift at most about 1 window in 1,000 passes the limit, and the limit is near that quantile."""
    found = simulate(KS.measure, "ks", draw, rows_reference=10_000, rows=rows)  # type: ignore[arg-type]
    assert found.exceeded <= 0.004
    assert 0.8 <= found.slack <= 1.5


def test_noise_limit_is_conservative_for_ties() -> None:
    """A discrete column exceeds its limit less often than 1 in 1,000."""
    found = simulate(KS.measure, "ks", counts, rows_reference=10_000, rows=200)
    assert found.exceeded <= 0.001
    assert found.slack <= 2.0
