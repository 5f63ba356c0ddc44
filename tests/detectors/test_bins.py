"""Are the bins a person sees the rows that were counted?"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from detectors import CategoryColumn, Column, NumericColumn, build_profile, count
from detectors._binning import binning
from detectors._bins import bin_counts, display
from detectors._column_profile import NumericProfile

VALUES = arrays.arrays(
    np.float64,
    st.integers(0, 80),
    elements=st.one_of(st.integers(-3, 3).map(float), st.floats(width=64)),
)


def binned(reference: Column, window: Column) -> tuple[tuple[str, ...], NDArray[np.int64], NDArray[np.int64]]:
    profile = build_profile({"x": reference}, roles={})
    summary = count(profile, {"x": window}, len(window))
    return bin_counts(profile.columns["x"], summary.columns["x"])


def number(values: NDArray[np.float64]) -> NumericColumn:
    return NumericColumn(values=values)


@settings(max_examples=200, deadline=None)
@given(reference=VALUES, window=VALUES)
def test_every_row_is_in_one_bin(reference: NDArray[np.float64], window: NDArray[np.float64]) -> None:
    """Both sides add up to their rows, in 15 bins at most, each drawn one held by the reference."""
    labels, before, after = binned(number(reference), number(window))
    assert (int(before.sum()), int(after.sum())) == (reference.size, window.size)
    assert len(labels) == before.size == after.size <= 15
    drawn = [rows for label, rows in zip(labels, before, strict=True) if " to " in label]
    assert all(rows > 0 for rows in drawn)


@settings(max_examples=200, deadline=None)
@given(reference=VALUES)
def test_runs_are_the_bins_of_cells(reference: NDArray[np.float64]) -> None:
    """A value is in the first bin that ends at it or beyond, cell by cell; the spike in one of its own."""
    column = build_profile({"x": number(reference)}, roles={}).columns["x"]
    assert isinstance(column, NumericProfile)
    found = binning(column)
    assert np.all(np.diff(found.runs) > 0)
    assert np.all(np.diff(found.bins) != 0)
    if not column.knots.size:
        return
    of, last = found.bin_of.tolist(), found.missing - 1
    assert len(of) == 2 * column.knots.size + 1
    assert (of[0], of[-1]) == (0, last)
    ends = [column.knots.tolist().index(value) for value in [*column.deciles, column.knots[-1]]]
    spike = None if column.spike is None else column.knots.tolist().index(column.spike)
    rows = column.counts.tolist()
    seen: list[int] = []  # decile bins with rows, the spike's aside
    for end, before in zip(ends, [-1, *ends], strict=False):
        apart = None if spike is None else 2 * spike + 1
        cells = [cell for cell in range(max(2 * before + 2, 1), 2 * end + 2) if cell != apart]
        drawn = any(rows[cell] for cell in cells)
        its = min(len(seen), sum_of_drawn(ends, rows, spike) - 1)
        assert all(of[cell] == (1 + its if its >= 0 else 0) for cell in cells)
        seen += [end] if drawn else []
    if spike is not None:
        assert of[2 * spike + 1] == last - 1


def sum_of_drawn(ends: list[int], rows: list[int], spike: int | None) -> int:
    """Decile bins that some row lies in, the spike's aside."""
    apart = None if spike is None else 2 * spike + 1
    return sum(
        any(rows[cell] for cell in range(max(2 * before + 2, 1), 2 * end + 2) if cell != apart)
        for end, before in zip(ends, [-1, *ends], strict=False)
    )


def test_deciles_hold_a_tenth_each_and_the_unexpected_has_its_own() -> None:
    """Ten equal bins; rows below, above and missing apart."""
    reference = np.random.default_rng(0).permutation(np.arange(1_000.0))
    window = np.array([-1.0, -5.0, 5.0, 1_500.0, np.nan, np.nan, np.inf])
    labels, before, after = binned(number(reference), number(window))
    assert before.tolist() == [0] + [100] * 10 + [0, 0]
    assert after.tolist() == [2, 1] + [0] * 9 + [2, 2]
    assert (labels[0], labels[-2], labels[-1]) == ("below 0", "above 999", "missing")


def test_a_frequent_value_has_its_own_bin() -> None:
    """Zero in a third of the rows is not hidden in the first decile."""
    reference = np.append(np.zeros(300), np.linspace(0.5, 7.0, 600))
    labels, before, _ = binned(number(reference), number(reference))
    assert before[labels.index("= 0")] == 300


def test_a_constant_has_one_bin_between_the_outer_ones() -> None:
    """Below, the value, above, missing."""
    labels, before, after = binned(number(np.full(9, 4.0)), number(np.array([4.0, 3.0, 5.0])))
    assert labels == ("below 4", "= 4", "above 4", "missing")
    assert before.tolist() == [0, 9, 0, 0]
    assert after.tolist() == [1, 1, 1, 0]


def test_levels_rest_unseen_and_missing() -> None:
    """A label that is called like a bin is told apart by its quotes."""
    names = ("a", "rest", "few", "new")
    reference = CategoryColumn(codes=np.array([0] * 60 + [1] * 37 + [2] * 3, dtype=np.int32), labels=names)
    window = CategoryColumn(codes=np.array([0, 1, 2, 3, 3, -1], dtype=np.int32), labels=names)
    labels, before, after = binned(reference, window)
    assert labels == ("a", '"rest"', "rest", "unseen", "missing")
    assert before.tolist() == [60, 37, 3, 0, 0]
    assert after.tolist() == [1, 1, 1, 2, 1]


def test_shares_are_of_all_rows() -> None:
    """They sum to one, or are zero without rows."""
    profile = build_profile({"x": number(np.arange(50.0))}, roles={})
    column = profile.columns["x"]
    window = count(profile, {"x": number(np.array([1.0, np.nan]))}, 2)
    shown = display(column, window.columns["x"])
    assert sum(shown.reference) == pytest.approx(1.0)
    assert sum(shown.window) == pytest.approx(1.0)
    assert set(display(column, None).window) == {0.0}
