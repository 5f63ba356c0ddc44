"""The running mean of z."""

import numpy as np
import pytest
from scipy.stats import norm

from detectors._ewma import (
    Ewma,
    Spread,
    advance,
    deviate,
    goes_on,
    sum_variances,
    surprise,
    variance,
    widening,
)


def test_one_step_by_hand() -> None:
    """e = 0.75·1 + 0.25·clip(9) = 1.75."""
    after = advance(Ewma(z=1.0, effect=0.2), z=9.0, effect=0.6)
    assert after.z == pytest.approx(1.75)
    assert after.effect == pytest.approx(0.3)


@pytest.mark.parametrize("rho", [0.0, 0.6])
def test_variance_is_that_of_the_process(rho: float) -> None:
    """Simulated AR(1) z with variance 1."""
    rng = np.random.default_rng(8)
    z, e, seen = 0.0, Ewma(), []
    for _ in range(60_000):
        z = rho * z + np.sqrt(1.0 - rho**2) * rng.standard_normal()
        e = advance(e, float(z), 0.0)
        seen.append(e.z)
    assert np.var(seen) == pytest.approx(variance(widening(rho), 1.0, 10**9), rel=0.08)


def test_guard_holds() -> None:
    """p is never below the share of the reference's own windows as extreme."""
    state, spread = Ewma(z=9.0), Spread(variance=0.14, nu=100.0)
    assert surprise(state, spread, 0.02) == 0.02
    assert surprise(state, spread, 0.0) < 1e-20


@pytest.mark.parametrize("rho", [0.0, 0.6])
def test_sums_have_the_variance_of_the_process(rho: float) -> None:
    """Simulated AR(1) z with variance 1: the last two to four windows, and a learnt mean on top."""
    rng = np.random.default_rng(9)
    z = np.zeros(60_000)
    for t in range(1, z.size):
        z[t] = rho * z[t - 1] + np.sqrt(1.0 - rho**2) * rng.standard_normal()
    found = sum_variances((rho, rho**2, rho**3), 1.0, 10**9)
    for k, expected in zip((2, 3, 4), found, strict=True):
        sums = np.convolve(z, np.ones(k), "valid") / np.sqrt(k)
        assert np.var(sums) == pytest.approx(expected, rel=0.08)
    assert sum_variances((), 2.0, 50) == pytest.approx([1.0 + k * 2.0 / 50 for k in (2, 3, 4)])


def test_two_windows_say_at_once_what_the_mean_says_later() -> None:
    """Twice 3.6 sd: the mean is at 4 of its sd, the sum at 5."""
    state = advance(advance(Ewma(), 3.6, 0.5), 3.6, 0.5)
    spread = Spread(variance=variance(1.0, 0.0, 1), nu=1e9, sums=(1.0, 1.0), sums_nu=1e9)
    assert state.z / spread.variance**0.5 == pytest.approx(4.17, abs=0.01)
    assert deviate(state, spread) == pytest.approx(2 * 3.6 / np.sqrt(2))
    assert surprise(state, spread, 0.0) == pytest.approx(3.0 * 2.0 * norm.sf(2 * 3.6 / np.sqrt(2)))


def test_only_four_windows_are_remembered_one_by_one() -> None:
    """Newest first; three where an older noise model knows the variance of no longer sum."""
    state, older = Ewma(), Ewma()
    for z in (0.5, 1.0, 2.0, 3.0, 9.0):
        state, older = advance(state, z, 0.0), advance(older, z, 0.0, 3)
    assert state.recent == (4.0, 3.0, 2.0, 1.0)
    assert older.recent == (4.0, 3.0, 2.0)


def test_a_violent_change_that_is_over_is_forgotten() -> None:
    """Twenty times as likely without the change as with it: the mean starts again; less, and it goes on."""
    filled = Ewma(z=3.9, effect=1.0)
    assert advance(filled, 1.0, 0.1) == Ewma(z=0.25, effect=0.025, recent=(1.0,))
    assert advance(filled, 1.5, 0.1).z == pytest.approx(0.75 * 3.9 + 0.25 * 1.5)
    assert advance(Ewma(z=-3.9, effect=-1.0), -1.0, 0.0).z == -0.25


def test_a_window_speaks_for_a_change_only_where_it_fits_it() -> None:
    """As likely with what is remembered as without, or more: from half of it on."""
    assert goes_on(Ewma(z=3.0), 1.5)
    assert not goes_on(Ewma(z=3.0), 1.4)
    assert not goes_on(Ewma(z=3.0), -3.0)
    assert goes_on(Ewma(), 0.1)
