"""Is the calibration error that of the rows, and is what chance adds taken off?"""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors._reliability import BINS, Reliability, calibration_error


def plain(score: np.ndarray, hit: np.ndarray) -> float:
    """Ten bins of equal count over the sorted rows, one loop."""
    order = np.argsort(score, kind="stable")
    bins = np.array_split(order, BINS)
    return sum(len(b) / len(score) * abs((hit[b] - score[b]).mean()) for b in bins if len(b))


def of(score: np.ndarray, hit: np.ndarray, knots: np.ndarray | None = None) -> Reliability:
    return Reliability.of(np.unique(score) if knots is None else knots, score, hit)


def test_plain_number_is_that_of_equal_bins() -> None:
    """A slow twin over the sorted rows, where each row has a cell of its own."""
    rng = np.random.default_rng(1)
    score = rng.random(1_000)
    hit = rng.random(1_000) < score**1.5
    assert calibration_error(of(score, hit)).plain == pytest.approx(plain(score, hit), abs=1e-9)


def test_a_score_that_is_no_probability_does_not_drown_a_bin() -> None:
    """One row's gap is held to 8 either way."""
    score = np.array([0.5, 1e300, -1e300])
    counted = Reliability.of(np.array([0.0, 0.5]), score, np.array([True, False, False]))
    assert (counted.gaps / (1 << 30)).tolist() == [8.0, 0.5, -8.0]


def test_cells_of_a_reference_come_near() -> None:
    """With 256 cells of another sample the bins are of nearly equal count: within a tenth of a point."""
    rng = np.random.default_rng(2)
    knots = np.sort(rng.beta(2.0, 5.0, 256))
    score = rng.beta(2.0, 5.0, 20_000)
    hit = rng.random(20_000) < score**1.5
    assert calibration_error(of(score, hit, knots)).plain == pytest.approx(plain(score, hit), abs=1e-3)


def test_a_perfect_model_has_nearly_none() -> None:
    """Chance alone: three fifths of the plain number and more go, at any number of rows."""
    rng = np.random.default_rng(3)
    for rows in (100, 1_000):
        found = []
        for _ in range(300):
            score = rng.beta(2.0, 3.0, rows)
            found.append(calibration_error(of(score, rng.random(rows) < score)))
        mean, raw = np.mean([f.value for f in found]), np.mean([f.plain for f in found])
        assert mean < 0.4 * raw


def test_a_real_gap_stays() -> None:
    """Off by 0.1 everywhere: the mean over windows is 0.1, where the plain number is too large."""
    rng = np.random.default_rng(4)
    found = []
    for _ in range(300):
        score = rng.uniform(0.2, 0.8, 500)
        found.append(calibration_error(of(score, rng.random(500) < score + 0.1)))
    assert np.mean([f.value for f in found]) == pytest.approx(0.1, abs=0.005)
    assert np.mean([f.plain for f in found]) > np.mean([f.value for f in found])
    assert np.std([f.value for f in found]) == pytest.approx(np.mean([f.error for f in found]), rel=0.25)


@given(
    scores=st.lists(st.floats(-3.0, 3.0), min_size=1, max_size=60),
    seed=st.integers(0, 1_000),
    cut=st.integers(0, 60),
)
def test_any_split_in_any_order_gives_the_same_counts(scores: list[float], seed: int, cut: int) -> None:
    """Merge law."""
    rng = np.random.default_rng(seed)
    score, knots = np.array(scores), np.linspace(-1.0, 2.0, 9)
    hit = rng.random(score.size) < 0.5
    order = rng.permutation(score.size)
    parts = [of(score[p], hit[p], knots) for p in (order[:cut], order[cut:])]
    assert parts[0] + parts[1] == of(score, hit, knots)


def test_no_rows() -> None:
    """Not a number, and no warning."""
    assert math.isnan(calibration_error(of(np.empty(0), np.empty(0, dtype=bool))).value)


def test_ties_stay_in_one_bin() -> None:
    """A score of one value is one bin: its gap by hand."""
    score, hit = np.full(100, 0.3), np.arange(100) < 60
    assert calibration_error(of(score, hit)).plain == pytest.approx(0.3, abs=1e-9)
    assert calibration_error(of(score, hit)).value == pytest.approx(0.3, abs=1e-3)
