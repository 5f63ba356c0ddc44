"""Are means and variances of rows exact, and blind to batches and order?"""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors._sums import Sums


@pytest.mark.parametrize("scale", [1.0, 1e-6, 40.0])
def test_mean_and_variance_are_numpys(scale: float) -> None:
    """Mean, mean square and n − 1 variance in units of the scale, to a trillionth."""
    x = np.random.default_rng(1).normal(3.0, 2.0, 5_000) * scale
    found = Sums.of(x, scale)
    assert found.mean * scale == pytest.approx(x.mean(), rel=1e-11)
    assert found.mean_square * scale**2 == pytest.approx((x**2).mean(), rel=1e-11)
    assert found.variance * scale**2 == pytest.approx(x.var(ddof=1), rel=1e-10)


@given(
    values=st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60),
    cut=st.integers(0, 60),
    seed=st.integers(0, 1_000),
)
def test_any_split_in_any_order_gives_the_same_bits(values: list[float], cut: int, seed: int) -> None:
    """Merge law: parts of shuffled rows add up to the whole."""
    x = np.array(values)
    shuffled = np.random.default_rng(seed).permutation(x)
    assert Sums.of(shuffled[:cut]) + Sums.of(shuffled[cut:]) == Sums.of(x)
    assert Sums() + Sums.of(x) == Sums.of(x)


def test_a_constant_has_no_variance() -> None:
    """Nothing cancels into noise."""
    for value in (0.3, -1_234.567, 1e-9):
        assert Sums.of(np.full(1_000, value)).variance == 0.0


def test_few_rows() -> None:
    """No rows: no mean; one row: no variance."""
    assert math.isnan(Sums().mean)
    assert math.isnan(Sums().mean_square)
    assert math.isnan(Sums.of(np.array([2.0])).variance)


def test_an_absurd_row_is_clipped() -> None:
    """±inf and 1e300 count as 2,048 scales: one row cannot drown the others."""
    assert Sums.of(np.array([np.inf, 0.0])).mean == 1_024.0
    assert Sums.of(np.array([-1e300, 0.0])).mean == -1_024.0


def test_many_rows_at_the_clip_do_not_overflow() -> None:
    """Sums beyond 2⁶³ stay exact."""
    found = Sums.of(np.full(100_000, 1e9))
    assert found.mean == 2_048.0
    assert found.variance == 0.0


def test_json_gives_the_same_sums() -> None:
    """What a database keeps is equal to the bit."""
    found = Sums.of(np.random.default_rng(2).standard_normal(50))
    assert Sums.from_json(found.to_json()) == found
