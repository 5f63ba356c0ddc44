"""Does stuck say what its docstring says?"""

import math

import numpy as np
import pytest

from detectors._evidence import evidence
from detectors.stuck import Stuck
from tests.detectors.samples import counts, lognormal, normal, only, reference, simulate, window

STUCK = Stuck()


def test_by_hand() -> None:
    """4 stands for 10 % of the reference and 40 % of the window: 30 points."""
    profile = reference(x=np.repeat(np.arange(10.0), 10))
    found = only(STUCK.measure(profile, window(profile, x=[4.0] * 40 + [1.0, 2.0, 3.0] * 20)), "stuck")
    assert found.value == pytest.approx(0.3)


def test_a_value_between_two_near_knots_counts() -> None:
    """A default that no reference row had falls between two close knots and still stands out."""
    x = np.linspace(0.0, 1.0, 20_000)
    profile = reference(x=x)
    y = np.where(np.arange(1_000) % 5 == 0, 0.50001, np.linspace(0.0, 1.0, 1_000))
    found = only(STUCK.measure(profile, window(profile, x=y)), "stuck")
    assert found.value == pytest.approx(0.2, abs=0.01)
    assert found.noise_limit is not None
    assert found.value > found.noise_limit


def test_a_default_just_beyond_the_range_counts() -> None:
    """−1 in a column that was never negative: within half a range, so not out of range either."""
    x = np.exp(np.random.default_rng(3).normal(3.0, 0.5, 20_000))
    profile = reference(x=x)
    for default in (-1.0, 0.0, 0.5):
        y = np.where(np.arange(1_000) % 10 == 0, default, x[:1_000])
        seen = window(profile, x=y)
        found = only(STUCK.measure(profile, seen), "stuck")
        assert found.value == pytest.approx(0.1, abs=0.001)
        assert found.noise_limit is not None
        assert found.value > found.noise_limit
        facts = evidence(profile.columns["x"], seen.columns["x"], 1_000)["stuck"]
        assert (facts["value"], facts["share"]) == (default, [0.0, 0.1])


def test_many_values_beyond_the_range_do_not_count() -> None:
    """A week colder than any before is weather."""
    x = np.linspace(20.0, 60.0, 5_000)
    profile = reference(x=x)
    y = np.concatenate([np.linspace(10.0, 19.9, 300), x[::5]])
    assert only(STUCK.measure(profile, window(profile, x=y)), "stuck").value < 0.01


def test_many_values_in_a_wide_cell_do_not_count() -> None:
    """An unusual week inside a gap of the reference is not a stuck sensor."""
    profile = reference(x=np.concatenate([np.linspace(0.0, 1.0, 500), np.linspace(9.0, 10.0, 500)]))
    found = only(STUCK.measure(profile, window(profile, x=np.linspace(4.0, 6.0, 100))), "stuck")
    assert found.value == 0.0


def test_constant_window_in_a_wide_cell_or_beyond_the_range() -> None:
    """A window of ≥ 20 rows with a single value is stuck wherever the value lies."""
    profile = reference(x=np.concatenate([np.linspace(0.0, 1.0, 500), np.linspace(9.0, 10.0, 500)]))
    for value in (5.0, 99.0, -99.0):
        assert only(STUCK.measure(profile, window(profile, x=np.full(20, value))), "stuck").value == 1.0


def test_constant_as_ever() -> None:
    """A column that was constant in the reference may stay so."""
    profile = reference(x=np.full(100, 7.0))
    assert only(STUCK.measure(profile, window(profile, x=np.full(50, 7.0))), "stuck").value == 0.0


def test_needs_twenty_rows() -> None:
    """19 known values are too few to say: not a number, not 0."""
    profile = reference(x=np.arange(100.0))
    found = only(STUCK.measure(profile, window(profile, x=[1.0] * 19 + [np.nan] * 9)), "stuck")
    assert math.isnan(found.value)
    assert found.noise_limit is None


@pytest.mark.parametrize(
    ("draw", "rows_reference", "rows"),
    [(normal, 20_000, 50), (lognormal, 20_000, 1_000), (lognormal, 1_000, 1_000), (counts, 20_000, 200)],
)
def test_noise_limit(draw: object, rows_reference: int, rows: int) -> None:
    """Without drift at most about 1 window in 1,000 passes the limit, and the limit is not twice as wide."""
    found = simulate(STUCK.measure, "stuck", draw, rows_reference=rows_reference, rows=rows, references=50)  # type: ignore[arg-type]
    assert found.exceeded <= 0.004
    assert 0.8 <= found.slack <= 2.0
