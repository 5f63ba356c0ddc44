"""Does psi say what its docstring says?"""

import math
from itertools import pairwise

import numpy as np
import pytest

from detectors.psi import PopulationStabilityIndex
from tests.detectors.samples import counts, labels, normal, only, reference, simulate, window

PSI = PopulationStabilityIndex()


def test_by_hand() -> None:
    """Two labels, 60/40 against 30/70 rows of 100: (q − p)·ln(q/p) summed, shares (count + ½)/(n + 1)."""
    profile = reference(x=["a"] * 60 + ["b"] * 40)
    found = only(PSI.measure(profile, window(profile, x=["a"] * 30 + ["b"] * 70)), "psi")
    p, q = (60.5 / 101, 40.5 / 101), (30.5 / 101, 70.5 / 101)
    assert found.value == pytest.approx(sum((b - a) * math.log(b / a) for a, b in zip(p, q, strict=True)))
    # 99.9 % of χ²(1) is 10.8276.
    assert found.noise_limit == pytest.approx(10.827566 * (1 / 100 + 1 / 100))


def test_plain_twin_on_deciles() -> None:
    """Without ties it is the textbook sum over deciles, below and above range."""
    rng = np.random.default_rng(1)
    x, y = rng.standard_normal(1_000), rng.standard_normal(400) * 1.3 + 0.4
    profile = reference(x=x)
    ordered = np.sort(x)
    inner = ordered[[100 * j - 1 for j in range(1, 10)]]
    edges = np.array([-np.inf, np.nextafter(ordered[0], -np.inf), *inner, ordered[-1], np.inf])
    a = np.array([((x > low) & (x <= high)).sum() for low, high in pairwise(edges)])
    b = np.array([((y > low) & (y <= high)).sum() for low, high in pairwise(edges)])
    kept = a + b > 0
    p = (a[kept] + 0.5) / (1_000 + kept.sum() / 2)
    q = (b[kept] + 0.5) / (400 + kept.sum() / 2)
    found = only(PSI.measure(profile, window(profile, x=y)), "psi")
    assert found.value == pytest.approx(float(((q - p) * np.log(q / p)).sum()), abs=1e-12)


def test_symmetric_for_labels() -> None:
    """Reference and window may change places."""
    one, other = ["a"] * 50 + ["b"] * 30 + ["c"] * 20, ["a"] * 20 + ["b"] * 30 + ["c"] * 50
    first, second = reference(x=one), reference(x=other)
    there = only(PSI.measure(first, window(first, x=other)), "psi").value
    back = only(PSI.measure(second, window(second, x=one)), "psi").value
    assert there == pytest.approx(back)


@pytest.mark.parametrize("bins", [2, 3, 7, 10, 20, 100])
def test_bins_are_honoured(bins: int) -> None:
    """`bins` quantile groups of equal reference share: χ² has bins − 1 degrees when nothing is outside."""
    from scipy import stats

    x = np.arange(10_000.0)
    profile = reference(x=x)
    found = only(PopulationStabilityIndex(bins=bins).measure(profile, window(profile, x=x[50:-50])), "psi")
    expected = stats.chi2.isf(0.001, bins - 1) * (1 / 10_000 + 1 / 9_900)
    assert found.noise_limit == pytest.approx(expected)
    assert found.value < 0.01


def test_ten_bins_by_either_way_agree() -> None:
    """The display bins and the groups cut by the reference cdf are the same law: 9, 10, 11 bins are alike."""
    rng = np.random.default_rng(2)
    profile = reference(x=rng.standard_normal(5_000))
    shifted = window(profile, x=rng.standard_normal(2_000) + 0.5)
    values = [
        only(PopulationStabilityIndex(bins=b).measure(profile, shifted), "psi").value for b in (9, 10, 11)
    ]
    assert max(values) - min(values) < 0.05 * max(values)


def test_tied_deciles_merge() -> None:
    """A column with 90 % zeros has bins for zero, the rest and no empty ones; against itself it is 0."""
    x = np.concatenate([np.zeros(900), np.arange(1.0, 101.0)])
    profile = reference(x=x)
    found = only(PSI.measure(profile, window(profile, x=x)), "psi")
    assert found.value == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("bins", [1, 101, 2.0, True, "ten"])
def test_bad_bins_are_refused(bins: object) -> None:
    """Options are checked when they are set, and the message says what is expected."""
    with pytest.raises(ValueError, match="bins: must be an integer from 2 to 100"):
        PopulationStabilityIndex(bins=bins)  # type: ignore[arg-type]  # the point of the test


@pytest.mark.parametrize(
    ("draw", "rows_reference", "rows"),
    [(normal, 20_000, 50), (normal, 1_000, 1_000), (counts, 20_000, 1_000), (labels, 1_000, 1_000)],
)
def test_noise_limit(draw: object, rows_reference: int, rows: int) -> None:
    """Without drift about 1 window in 1,000 passes the limit, and the limit is near that quantile."""
    found = simulate(PSI.measure, "psi", draw, rows_reference=rows_reference, rows=rows, references=50)  # type: ignore[arg-type]
    assert found.exceeded <= 0.004
    assert 0.8 <= found.slack <= 1.6
