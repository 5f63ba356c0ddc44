"""The running mean of z."""

import numpy as np
import pytest

from detectors._ewma import Ewma, advance, goes_on, surprise, variance, widening


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
    """p is never below the share of the reference's own running means as extreme."""
    assert surprise(9.0, 0.14, 100.0, 0.02) == 0.02
    assert surprise(9.0, 0.14, 100.0, 0.0) < 1e-20


def test_a_violent_change_that_is_over_is_forgotten() -> None:
    """Twenty times as likely without the change as with it: the mean starts again; less, and it goes on."""
    filled = Ewma(z=3.9, effect=1.0)
    assert advance(filled, 1.0, 0.1) == Ewma(z=0.25, effect=0.025)
    assert advance(filled, 1.5, 0.1).z == pytest.approx(0.75 * 3.9 + 0.25 * 1.5)
    assert advance(Ewma(z=-3.9, effect=-1.0), -1.0, 0.0).z == -0.25


def test_a_window_speaks_for_a_change_only_where_it_fits_it() -> None:
    """As likely with what is remembered as without, or more: from half of it on."""
    assert goes_on(Ewma(z=3.0), 1.5)
    assert not goes_on(Ewma(z=3.0), 1.4)
    assert not goes_on(Ewma(z=3.0), -3.0)
    assert goes_on(Ewma(), 0.1)
