"""Does wasserstein say what its docstring says?"""

import math

import numpy as np
import pytest
from scipy import stats

from detectors._profile import build_profile
from detectors.wasserstein import Wasserstein
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

WASSERSTEIN = Wasserstein()


def exact(x: np.ndarray, y: np.ndarray) -> float:
    """The definition on raw values."""
    low, high = np.quantile(x, [0.001, 0.999], method="inverted_cdf")
    return float(stats.wasserstein_distance(np.clip(x, low, high), np.clip(y, low, high)) / np.std(x, ddof=1))


def test_by_hand() -> None:
    """0 1 2 3 against itself moved by one, clipped at 3: three of four values move by 1; sd is √(5/3)."""
    profile = reference(x=[0.0, 1.0, 2.0, 3.0])
    found = only(WASSERSTEIN.measure(profile, window(profile, x=[1.0, 2.0, 3.0, 4.0])), "wasserstein")
    assert found.value == pytest.approx(0.75 / math.sqrt(5 / 3))
    assert found.direction == 1


@pytest.mark.parametrize("knots", [32, 512, 4_096])
@pytest.mark.parametrize("shift", [0.0, -0.2, 1.5])
def test_scipy_is_the_oracle(knots: int, shift: float) -> None:
    """The value on raw rows lies within the bound, and close at 4,096 knots."""
    rng = np.random.default_rng(6)
    x, y = rng.standard_normal(6_000), rng.standard_normal(2_000) + shift
    profile = build_profile({"x": column(x)}, roles={}, knots=knots)
    found = only(WASSERSTEIN.measure(profile, counted(profile, {"x": column(y)})), "wasserstein")
    assert abs(found.value - exact(x, y)) <= (found.bound or 0.0) + 1e-12
    if knots == 4_096:
        assert found.value == pytest.approx(exact(x, y), abs=0.002)


def test_exact_for_values_that_are_knots() -> None:
    """Counts with few distinct values, in the window the same ones: no approximation, no bound."""
    rng = np.random.default_rng(7)
    x, y = rng.poisson(3.0, 5_000).astype(float), np.minimum(rng.poisson(4.0, 500).astype(float), 8.0)
    profile = reference(x=x)
    found = only(WASSERSTEIN.measure(profile, window(profile, x=y)), "wasserstein")
    assert found.value == pytest.approx(exact(x, y), abs=1e-12)
    assert found.bound is None


def test_one_absurd_value_is_clipped() -> None:
    """A single 1e12, or +inf, moves the distance by one row's way to q.999 at most."""
    x = np.random.default_rng(8).standard_normal(5_000)
    profile = reference(x=x)
    for absurd in (1e12, np.inf):
        y = x.copy()
        y[0] = absurd
        found = only(WASSERSTEIN.measure(profile, window(profile, x=y)), "wasserstein")
        assert found.value < 0.01


def test_undefined_for_a_constant_reference() -> None:
    """Without a standard deviation there is no unit: NaN, never 0."""
    profile = reference(x=np.full(100, 3.0))
    found = only(WASSERSTEIN.measure(profile, window(profile, x=np.arange(100.0))), "wasserstein")
    assert math.isnan(found.value)
    assert found.noise_limit is None


@pytest.mark.parametrize("rows", [50, 1_000])
@pytest.mark.parametrize("draw", [normal, lognormal, counts])
def test_noise_limit(draw: object, rows: int) -> None:
    """Without drift at most 1 window in 1,000 passes the limit, and it is at most half again as wide."""
    found = simulate(WASSERSTEIN.measure, "wasserstein", draw, rows_reference=10_000, rows=rows)  # type: ignore[arg-type]
    assert found.exceeded <= 0.003
    assert 0.9 <= found.slack <= 1.6
