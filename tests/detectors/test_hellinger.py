"""Does hellinger say what its docstring says?"""

import math

import numpy as np
import pytest

from detectors.hellinger import Hellinger
from tests.detectors.samples import counts, labels, normal, only, reference, simulate, window

DETECTOR = Hellinger()


def test_by_hand() -> None:
    """60/40 against 30/70 rows: √(½ Σ (√q − √p)²) of the shares (count + ½)/101."""
    profile = reference(x=["a"] * 60 + ["b"] * 40)
    found = only(DETECTOR.measure(profile, window(profile, x=["a"] * 30 + ["b"] * 70)), "hellinger")
    p, q = (60.5 / 101, 40.5 / 101), (30.5 / 101, 70.5 / 101)
    squares = sum((math.sqrt(b) - math.sqrt(a)) ** 2 for a, b in zip(p, q, strict=True))
    assert found.value == pytest.approx(math.sqrt(0.5 * squares))


def test_bounds() -> None:
    """Nothing shared between reference and window: near 1, never above."""
    profile = reference(x=np.arange(1_000.0))
    found = only(DETECTOR.measure(profile, window(profile, x=np.full(1_000, 5_000.0))), "hellinger")
    assert 0.9 < found.value <= 1.0


@pytest.mark.parametrize("bins", [2, 10, 100])
def test_bins_are_honoured(bins: int) -> None:
    """The limit has bins − 1 degrees of freedom when no row is outside the reference's range."""
    from scipy import stats

    x = np.arange(10_000.0)
    profile = reference(x=x)
    found = only(Hellinger(bins=bins).measure(profile, window(profile, x=x[50:-50])), "hellinger")
    divisor = 8.0
    spread = 1 / 10_000 + 1 / 9_900
    assert found.noise_limit == pytest.approx(math.sqrt(stats.chi2.isf(0.001, bins - 1) * spread / divisor))


def test_bad_bins_are_refused() -> None:
    """Options are checked when they are set."""
    with pytest.raises(ValueError, match="bins: must be an integer from 2 to 100, got 1"):
        Hellinger(bins=1)


@pytest.mark.parametrize(
    ("draw", "rows_reference", "rows"),
    [(normal, 20_000, 50), (normal, 1_000, 1_000), (counts, 20_000, 1_000), (labels, 1_000, 1_000)],
)
def test_noise_limit(draw: object, rows_reference: int, rows: int) -> None:
    """Without drift at most about 1 window in 1,000 passes the limit, and the limit is near that quantile."""
    found = simulate(
        DETECTOR.measure, "hellinger", draw, rows_reference=rows_reference, rows=rows, references=50
    )  # type: ignore[arg-type]
    assert found.exceeded <= 0.004
    assert 0.8 <= found.slack <= 1.6
