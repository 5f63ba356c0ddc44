"""Adjusted p values."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from detectors._multiplicity import benjamini_hochberg, bonferroni


@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=40))
def test_adjusted_values_are_those_of_scipy(p: list[float]) -> None:
    """The step-up procedure, ties and zeros included."""
    adjusted = [one.p for one in benjamini_hochberg(p)]
    assert adjusted == pytest.approx(list(stats.false_discovery_control(p)), abs=1e-12)


@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=20))
def test_an_adjusted_value_can_be_recomputed_from_its_step(p: list[float]) -> None:
    """step · size / rank, where step is a p of the family and no smaller than the own one."""
    for own, one in zip(p, benjamini_hochberg(p), strict=True):
        assert one.step in p
        assert one.step >= own
        assert one.p == min(1.0, one.step * one.size / one.rank)


def test_a_part_is_never_below_its_column() -> None:
    """A second rule of the same column is raised by the same family."""
    first = benjamini_hochberg([0.001, 0.5, 0.9])[0]
    assert first.of_part(0.001) == first.p == pytest.approx(0.003)
    assert first.of_part(0.2) == pytest.approx(0.6)


def test_bonferroni_of_nothing_is_one() -> None:
    """A column without components says nothing."""
    assert bonferroni([], 0) == 1.0
    assert bonferroni([0.3, 0.01], 6) == pytest.approx(0.06)


def test_no_family_no_values() -> None:
    """A window of which no column can be judged."""
    assert benjamini_hochberg([]) == []
