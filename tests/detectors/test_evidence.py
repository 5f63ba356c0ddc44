"""The facts that name a change later: what lies at the ends, and whether values still stand on their grid."""

from typing import Any

import numpy as np
import pytest

from detectors import NumericColumn, build_profile, count
from detectors._evidence import evidence

RNG = np.random.default_rng(21)
NORMAL = RNG.normal(size=20_000)
KNOTS = 1.15078 * RNG.integers(0, 30, 20_000)  # wind in knots, stored in mph


def _facts(reference: np.ndarray, window: np.ndarray) -> dict[str, Any]:
    profile = build_profile({"x": NumericColumn(values=reference)}, roles={})
    summary = count(profile, {"x": NumericColumn(values=window)}, len(window))
    return evidence(profile.columns["x"], summary.columns["x"], len(window))


@pytest.mark.parametrize(("low", "high"), [(-9.0, 1.5), (-1.0, 9.0), (-1.0, 1.5)])
def test_a_cut_leaves_at_the_end_what_lay_beyond(low: float, high: float) -> None:
    """Against the plain shares of rows."""
    window = np.clip(RNG.normal(size=5_000), low, high)
    ends = _facts(NORMAL, window)["ends"]
    for end, value, beyond, is_cut in (
        ("low", window.min(), np.mean(window.min() > NORMAL), low == -1.0),
        ("high", window.max(), np.mean(window.max() < NORMAL), high == 1.5),
    ):
        facts = ends[end]
        if facts is None:  # beyond everything in the reference
            assert not is_cut
            continue
        assert facts["value"] == value
        assert facts["beyond"] == pytest.approx(beyond, abs=0.002)
        if is_cut:
            assert facts["share"][1] == pytest.approx(np.mean(window == value), abs=0.002)
            assert facts["share"][1] - facts["share"][0] == pytest.approx(facts["beyond"], abs=0.02)


def test_the_end_of_few_values_is_exact() -> None:
    """At a knot nothing is guessed."""
    ends = _facts(np.array([1.0, 2.0, 2.0, 3.0]), np.array([2.0, 2.0]))["ends"]
    assert ends["low"] == {"value": 2.0, "share": [0.5, 1.0], "rows": 2, "beyond": 0.25}
    assert ends["high"] == {"value": 2.0, "share": [0.5, 1.0], "rows": 2, "beyond": 0.25}


def test_converted_values_leave_the_grid() -> None:
    """All rows on it; in another unit nearly none; beyond the range does not count."""
    assert _facts(KNOTS, KNOTS[:500])["grid"]["between"] == 0.0
    converted = _facts(KNOTS, 0.44704 * KNOTS[KNOTS > 0.0][:500])["grid"]
    assert converted["between"] > 0.9
    assert converted["new"] == 0.0
    above = _facts(KNOTS, np.append(KNOTS[:40], np.full(60, 99.0)))["grid"]
    assert (above["between"], above["rows"]) == (0.0, 40)


def test_without_a_grid_there_is_none() -> None:
    """More distinct values than knots: nothing said; a small reference of single values says so."""
    assert _facts(NORMAL, NORMAL[:50])["grid"] is None
    assert _facts(NORMAL[:300], NORMAL[:50])["grid"]["new"] == 1.0


def test_the_values_of_a_grid_are_kept_of_a_grid_alone() -> None:
    """Where many values stand in one row each, any window has others: they would be kept with every one."""
    assert _facts(KNOTS, 0.44704 * KNOTS[KNOTS > 0.0][:500])["grid"]["knots"] == sorted(set(KNOTS.tolist()))
    assert _facts(KNOTS, KNOTS[:500])["grid"]["knots"] is None
    assert _facts(NORMAL[:300], NORMAL[300:600])["grid"]["knots"] is None


def test_nothing_is_said_without_values() -> None:
    """Empty on either side."""
    assert _facts(NORMAL, np.empty(0))["ends"] is None
    assert _facts(np.full(5, np.nan), NORMAL[:50])["ends"] is None


NARROW = RNG.normal(1013.0, 8.0, 20_000)  # pressures in mbar: one sd is a hundredth of the value
LITRES = np.abs(RNG.normal(20.0, 6.0, 20_000))
WARMTH = RNG.normal(12.0, 7.0, 20_000)


@pytest.mark.parametrize(
    ("reference", "factor", "offset"),
    [
        (NARROW, 1.0 / 33.863886, 0.0),  # far below, in one cell of the grid beyond the range
        (NARROW, 100.0, 0.0),  # beyond where moments are clipped
        (NARROW, 1e-6, 0.0),  # too narrow for the moments
        (LITRES, 1.0 / 3.7854118, 0.0),  # in the lowest cells of the range
        (LITRES, 1e-3, 0.0),
        (WARMTH, 1.0, 273.15),
    ],
)
def test_a_conversion_into_few_cells_is_seen_as_exactly_as_one_into_many(
    reference: np.ndarray, factor: float, offset: float
) -> None:
    """With nothing left over: a factor to 4 %, a line to 2 % where the values are."""
    window = offset + factor * RNG.permutation(reference)[:500]
    fit = _facts(reference, window)["unit"]
    if offset:
        assert fit["b"] == pytest.approx(factor, rel=0.1)
        assert fit["a"] + fit["b"] * 12.0 == pytest.approx(offset + factor * 12.0, rel=0.02)
        assert fit["residual"] < 0.05
    else:
        assert fit["scale"] == pytest.approx(factor, rel=0.04)
        assert fit["scale_residual"] < 0.1


def test_a_shift_into_few_cells_is_no_conversion() -> None:
    """All pressures 60 mbar higher: a factor of 1.06, and as exactly a line of slope 1."""
    fit = _facts(NARROW, 60.0 + RNG.permutation(NARROW)[:500])["unit"]
    assert fit["b"] == pytest.approx(1.0, rel=0.1)
    assert fit["a"] + fit["b"] * 1013.0 == pytest.approx(1073.0, rel=0.001)
    assert fit["scale"] == pytest.approx(1073.0 / 1013.0, rel=0.001)


def test_one_value_alone_has_no_unit() -> None:
    """A column that hangs far outside is stuck, not converted."""
    assert _facts(NARROW, np.full(500, 29.9))["unit"] is None


def test_the_largest_numbers_leave_no_warning() -> None:
    """A reference near the end of the floats, an ordinary window: no fit, and nothing overflows aloud."""
    huge = RNG.choice([-1.0, 1.0], 500) * RNG.uniform(1e307, 1.7e308, 500)
    with np.errstate(over="ignore"):  # its own sd is beyond them
        profile = build_profile({"x": NumericColumn(values=huge)}, roles={})
    window = RNG.normal(size=500)
    summary = count(profile, {"x": NumericColumn(values=window)}, 500)
    with np.errstate(over="raise"):
        evidence(profile.columns["x"], summary.columns["x"], 500)
