"""The choice of a slot."""

import numpy as np
import pytest

from detectors._slots import choose

WINDOWS = 168
DAY = np.arange(WINDOWS) % 7
SLOTS = {
    "none": np.zeros(WINDOWS, dtype=np.int64),
    "weekend": (DAY >= 5).astype(np.int64),
    "day_of_week": DAY,
}
ONES = np.ones(WINDOWS)


def _noise(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(WINDOWS)


def test_noise_alone_has_no_slot() -> None:
    """Leave-one-out makes a useless slot worse, not better: in 40 of 40 tries none is chosen."""
    assert {choose(_noise(seed), ONES, SLOTS).kind for seed in range(40)} == {"none"}


def test_the_coarsest_that_suffices_is_chosen() -> None:
    """A weekend effect is a weekend, although the day of the week holds it too."""
    found = choose(_noise(1) + 2.0 * (DAY >= 5), ONES, SLOTS)
    assert found.kind == "weekend"
    assert found.means[1] - found.means[0] == pytest.approx(2.0, abs=0.4)


def test_a_day_of_its_own_is_found() -> None:
    """Fridays alone differ: the weekend cannot say that."""
    assert choose(_noise(2) + 3.0 * (DAY == 4), ONES, SLOTS).kind == "day_of_week"


def test_three_cycles_are_needed() -> None:
    """Two weeks teach no day of the week."""
    few = {kind: codes[:14] for kind, codes in SLOTS.items()}
    y = _noise(3)[:14] * 0.01 + 3.0 * (DAY[:14] == 4)
    assert choose(y, ONES[:14], few).kind in ("none", "weekend")


def test_the_mean_left_out_does_not_know_its_window() -> None:
    """Left-one-out mean of a slot with m windows: (m·mean − y)/(m − 1)."""
    y = np.array([1.0, 2.0, 6.0])
    found = choose(y, np.ones(3), {})
    assert found.left_out == pytest.approx([4.0, 3.5, 1.5])


def test_weights_move_the_mean() -> None:
    """A window of few rows says less about the mean of its slot."""
    found = choose(np.array([0.0, 10.0]), np.array([3.0, 1.0]), {})
    assert found.means == {0: pytest.approx(2.5)}
