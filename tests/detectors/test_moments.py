"""Does moments say what its docstring says?"""

import math

import numpy as np
import pytest
from scipy import stats

from detectors.moments import Moments
from tests.detectors.samples import only, reference, window

MOMENTS = Moments()


def test_by_hand() -> None:
    """1 2 3 4 has mean 2.5 and sd √(5/3); NaN and ±inf are left out."""
    profile = reference(x=np.arange(100.0))
    found = MOMENTS.measure(profile, window(profile, x=[1.0, 2.0, 3.0, 4.0, np.nan, np.inf]))
    assert only(found, "mean").value == pytest.approx(2.5, abs=1e-4)
    assert only(found, "sd").value == pytest.approx(math.sqrt(5 / 3), abs=1e-3)
    assert only(found, "mean").direction == -1
    assert only(found, "mean").n == 4


def test_numpy_is_the_oracle() -> None:
    """Mean, sd and quantiles of a shifted sample agree with NumPy's."""
    rng = np.random.default_rng(10)
    profile = reference(x=rng.standard_normal(8_000))
    y = rng.standard_normal(3_000) * 1.2 + 0.3
    found = MOMENTS.measure(profile, window(profile, x=y))
    assert only(found, "mean").value == pytest.approx(float(y.mean()), abs=1e-5)
    assert only(found, "sd").value == pytest.approx(float(y.std(ddof=1)), abs=1e-4)
    for metric, level in (("q05", 0.05), ("q25", 0.25), ("median", 0.5), ("q75", 0.75), ("q95", 0.95)):
        assert only(found, metric).value == pytest.approx(float(np.quantile(y, level)), abs=0.02)


def test_p_of_the_mean_is_the_z_test() -> None:
    """Two-sided, with the reference's sd."""
    rng = np.random.default_rng(11)
    x = rng.standard_normal(1_000)
    profile = reference(x=x)
    found = only(MOMENTS.measure(profile, window(profile, x=x[:100] + 0.2)), "mean")
    z = (found.value - x.mean()) / (x.std(ddof=1) * math.sqrt(1 / 1_000 + 1 / 100))
    assert found.p == pytest.approx(2 * stats.norm.sf(abs(z)), rel=1e-6)


def test_too_few_rows_are_not_a_number() -> None:
    """No finite row: no mean; one row: no sd."""
    profile = reference(x=np.arange(100.0))
    assert math.isnan(only(MOMENTS.measure(profile, window(profile, x=[np.inf])), "mean").value)
    assert math.isnan(only(MOMENTS.measure(profile, window(profile, x=[3.0])), "sd").value)
