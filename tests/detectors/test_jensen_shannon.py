"""Does jensen_shannon say what its docstring says?"""

import math

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon

from detectors.jensen_shannon import JensenShannon
from tests.detectors.samples import counts, labels, normal, only, reference, simulate, window

DETECTOR = JensenShannon()


def test_scipy_is_the_oracle() -> None:
    """On the smoothed shares of three labels it is SciPy's distance to base 2."""
    profile = reference(x=["a"] * 50 + ["b"] * 30 + ["c"] * 20)
    found = only(
        DETECTOR.measure(profile, window(profile, x=["a"] * 5 + ["b"] * 10 + ["c"] * 25)), "jensen_shannon"
    )
    p, q = np.array([50.5, 30.5, 20.5]), np.array([5.5, 10.5, 25.5])
    assert found.value == pytest.approx(float(jensenshannon(p, q, base=2)))


def test_bounds() -> None:
    """Nothing shared between reference and window: near 1, never above."""
    profile = reference(x=np.arange(1_000.0))
    found = only(DETECTOR.measure(profile, window(profile, x=np.full(1_000, 5_000.0))), "jensen_shannon")
    assert 0.9 < found.value <= 1.0


@pytest.mark.parametrize("bins", [2, 10, 100])
def test_bins_are_honoured(bins: int) -> None:
    """The limit has bins − 1 degrees of freedom when no row is outside the reference's range."""
    from scipy import stats

    x = np.arange(10_000.0)
    profile = reference(x=x)
    found = only(JensenShannon(bins=bins).measure(profile, window(profile, x=x[50:-50])), "jensen_shannon")
    divisor = 8.0 * math.log(2.0)
    spread = 1 / 10_000 + 1 / 9_900
    assert found.noise_limit == pytest.approx(math.sqrt(stats.chi2.isf(0.001, bins - 1) * spread / divisor))


def test_bad_bins_are_refused() -> None:
    """Options are checked when they are set."""
    with pytest.raises(ValueError, match="bins: must be an integer from 2 to 100, got 1"):
        JensenShannon(bins=1)


@pytest.mark.parametrize(
    ("draw", "rows_reference", "rows"),
    [(normal, 20_000, 50), (normal, 1_000, 1_000), (counts, 20_000, 1_000), (labels, 1_000, 1_000)],
)
def test_noise_limit(draw: object, rows_reference: int, rows: int) -> None:
    """Without drift at most about 1 window in 1,000 passes the limit, and the limit is near that quantile."""
    found = simulate(
        DETECTOR.measure, "jensen_shannon", draw, rows_reference=rows_reference, rows=rows, references=50
    )  # type: ignore[arg-type]
    assert found.exceeded <= 0.004
    assert 0.8 <= found.slack <= 1.6
