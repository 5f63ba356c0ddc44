"""Does latency say what its docstring says?"""

import math

import numpy as np
import pytest

from detectors import NumericColumn, Profile, Role
from detectors._profile import build_profile
from detectors.latency import Latency
from tests.detectors.samples import only, window

LATENCY = Latency()


def profiled(values: np.ndarray) -> Profile:
    columns = {"ms": NumericColumn(values=values), "x": NumericColumn(values=values)}
    return build_profile(columns, roles={"ms": Role.SERVICE})


def test_numpy_is_the_oracle() -> None:
    """The three quantiles of a slower service, to the width of a cell."""
    rng = np.random.default_rng(3)
    profile = profiled(rng.lognormal(4.0, 0.5, 8_000))
    slow = rng.lognormal(4.0, 0.5, 4_000) * 1.4
    found = LATENCY.measure(profile, window(profile, ms=slow, x=slow))
    for metric, level in (("latency_p50", 0.5), ("latency_p95", 0.95), ("latency_p99", 0.99)):
        one = only(found, metric)
        assert one.value == pytest.approx(float(np.quantile(slow, level)), rel=0.02)
        assert (one.column, one.direction, one.n) == ("ms", 1, 4_000)


def test_only_the_service_has_latency() -> None:
    """Other columns have their own quantiles (moments)."""
    profile = profiled(np.arange(100.0))
    assert {each.column for each in LATENCY.measure(profile, window(profile, ms=[1.0], x=[1.0]))} == {"ms"}


def test_no_finite_row_is_not_a_number() -> None:
    """Nor is ±inf a latency."""
    profile = profiled(np.arange(100.0))
    found = LATENCY.measure(profile, window(profile, ms=[np.inf, np.nan], x=[1.0, 2.0]))
    assert all(math.isnan(each.value) for each in found)
