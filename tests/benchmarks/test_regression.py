"""Have the kernels kept their lead? Ratios of CPU within one process: no test asserts a time.

Each limit is more than twice what was measured with a load of ten on two cores (docs/decisions.md), where the
ratios stayed within 5 % of each other.
"""

from collections.abc import Callable, Iterator

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from benchmarks.regression import times_yardstick
from detectors import Kind, NumericColumn, build_profile
from detectors._column_profile import CategoryProfile, NumericProfile
from detectors._label_counts import count_labels
from detectors._number_counting import count_numbers
from monitor.sources import _values

ROWS = 200_000
Draw = Callable[[np.random.Generator], NDArray[np.float64]]


@pytest.mark.parametrize(
    ("draw", "limit"),
    [
        pytest.param(lambda rng: rng.normal(size=ROWS), 0.15, id="4,097 knots: measured 0.06"),
        pytest.param(
            lambda rng: rng.integers(0, 50, ROWS).astype(np.float64), 0.25, id="50 knots: measured 0.11"
        ),
    ],
)
def test_the_pass_over_numbers_keeps_its_lead(draw: Draw, limit: float) -> None:
    """Cells, moments, missing and tails take a small part of NumPy's searchsorted and bincount alone."""
    rng = np.random.default_rng(0)
    values = draw(rng)
    profile = build_profile({"x": NumericColumn(values=draw(rng))}, roles={}).columns["x"]
    assert isinstance(profile, NumericProfile)

    def numpys() -> object:
        found = np.searchsorted(profile.knots, values)
        return np.bincount(found, minlength=profile.knots.size + 1)

    assert times_yardstick(lambda: count_numbers(profile, values), numpys) < limit


def test_labels_cost_little_more_than_counting_them() -> None:
    """Codes and counts of a column of text, beside polars' own value_counts: measured 2.0 times."""
    import time

    rng = np.random.default_rng(0)
    text = pl.Series(rng.choice([f"label {number:06d}" for number in range(250)], ROWS))
    column = _values.column(text, Kind.CATEGORY)
    profile = build_profile({"s": column}, roles={}).columns["s"]
    assert isinstance(profile, CategoryProfile)
    ratio = times_yardstick(
        lambda: count_labels(profile, _values.column(text, Kind.CATEGORY)),
        text.value_counts,
        clock=time.process_time,  # polars works on threads of its own
    )
    assert ratio < 5.0


def test_the_least_disturbed_of_each_is_compared() -> None:
    """One undisturbed round of each is enough, and what is slower in all rounds is seen."""

    def clock(readings: list[float]) -> Callable[[], float]:
        ticks: Iterator[float] = iter(np.cumsum([0.0, *readings]).tolist())
        return lambda: next(ticks)

    def nothing() -> None:
        return None

    # work, yardstick, then what lies between rounds is nothing: the clock is read three times a round.
    disturbed = [9.0, 8.0, 0.0, 2.0, 30.0, 0.0, 7.0, 4.0]
    assert times_yardstick(nothing, nothing, rounds=3, clock=clock(disturbed)) == 2.0 / 4.0
    slower = [9.0, 8.0, 0.0, 8.0, 30.0, 0.0, 8.5, 4.0]
    assert times_yardstick(nothing, nothing, rounds=3, clock=clock(slower)) == 8.0 / 4.0
