"""Does out_of_range say what its docstring says?"""

import numpy as np
import pytest
from scipy import stats

from detectors.out_of_range import OutOfRange
from tests.detectors.samples import only, reference, simulate, window

OUT_OF_RANGE = OutOfRange()


def tailed(rng: np.random.Generator, rows: int) -> np.ndarray:
    """Student's t with 3 degrees of freedom: now and then a value far out."""
    return rng.standard_t(3, rows)


def test_by_hand() -> None:
    """Reference 0 to 100, so the edges are −50 and 150, themselves within: 2 of 6 known values lie beyond."""
    profile = reference(x=np.arange(101.0))
    found = only(
        OUT_OF_RANGE.measure(profile, window(profile, x=[-50.0, 150.0, 150.1, 1e9, 3.0, 120.0, np.nan])),
        "out_of_range",
    )
    assert found.value == pytest.approx(2 / 6)
    assert found.direction == 1
    assert found.n == 6


def test_infinities_are_out_of_range() -> None:
    """±inf is counted, and −inf alone points down."""
    profile = reference(x=np.arange(101.0))
    found = only(OUT_OF_RANGE.measure(profile, window(profile, x=[-np.inf, 1.0])), "out_of_range")
    assert (found.value, found.direction) == (0.5, -1)


def test_limit_is_the_beta_binomial_law_of_none() -> None:
    """None in N = 1,000 leaves Beta(½, N + ½)."""
    profile = reference(x=np.arange(1_000.0))
    found = only(OUT_OF_RANGE.measure(profile, window(profile, x=np.arange(500.0))), "out_of_range")
    assert found.noise_limit == pytest.approx(stats.betabinom(500, 0.5, 1_000.5).ppf(0.999) / 500)


@pytest.mark.parametrize("rows", [50, 1_000])
def test_noise_limit(rows: int) -> None:
    """Without drift at most 1 window in 1,000 passes the limit, which is a few rows."""
    found = simulate(
        OUT_OF_RANGE.measure, "out_of_range", tailed, rows_reference=5_000, rows=rows, references=50
    )
    assert found.exceeded <= 0.003
    assert found.slack <= 3.0
