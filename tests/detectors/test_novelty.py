"""Does novelty say what its docstring says?"""

import math

import numpy as np
import pytest

from detectors.novelty import Novelty
from tests.detectors.samples import labels, only, reference, simulate, window

NOVELTY = Novelty()


def zipf(rng: np.random.Generator, rows: int) -> list[str]:
    """Rows of endless labels: every window holds some that no reference has."""
    return [f"z{label}" for label in rng.zipf(1.9, rows)]


def test_by_hand() -> None:
    """2 of 8 known rows carry a label the reference never had; 3 labels are told apart."""
    profile = reference(x=["a"] * 50 + ["b"] * 50)
    found = NOVELTY.measure(profile, window(profile, x=["a"] * 4 + ["b"] * 2 + ["new"] * 2 + [None] * 2))
    assert only(found, "unseen").value == 0.25
    assert only(found, "unseen").direction == 1
    assert only(found, "unseen").n == 8
    assert only(found, "distinct").value == 3.0


def test_a_pooled_label_is_not_unseen() -> None:
    """A label with a single reference row was seen, although it has no count of its own."""
    profile = reference(x=["a"] * 99 + ["rare"])
    found = only(NOVELTY.measure(profile, window(profile, x=["rare"] * 10)), "unseen")
    assert found.value == 0.0


def test_without_a_known_row() -> None:
    """Missing rows only: the share is not a number, the count of labels is 0."""
    profile = reference(x=["a"] * 50)
    found = NOVELTY.measure(profile, window(profile, x=[None] * 10))
    assert math.isnan(only(found, "unseen").value)
    assert only(found, "distinct").value == 0.0


def test_numbers_are_not_measured() -> None:
    """A numeric column has no labels."""
    profile = reference(x=np.arange(50.0))
    assert NOVELTY.measure(profile, window(profile, x=np.arange(50.0))) == []


def test_new_labels_in_a_fixed_set_stand_out() -> None:
    """2 % new labels where the reference had none twice over pass the limit in 500 rows."""
    profile = reference(x=["a"] * 5_000 + ["b"] * 5_000)
    found = only(NOVELTY.measure(profile, window(profile, x=["a"] * 490 + ["new"] * 10)), "unseen")
    assert found.noise_limit is not None
    assert found.value > found.noise_limit
    assert found.p is not None
    assert found.p < 1e-9


@pytest.mark.parametrize(("rows_reference", "rows"), [(5_000, 50), (1_000, 1_000)])
def test_noise_limit_of_unseen_by_good_and_turing(rows_reference: int, rows: int) -> None:
    """Where labels never end, unseen rows pass the limit in at most about 1 window of 1,000."""
    found = simulate(NOVELTY.measure, "unseen", zipf, rows_reference=rows_reference, rows=rows, windows=1_000)
    assert found.exceeded <= 0.005
    assert 0.8 <= found.slack <= 2.0


@pytest.mark.parametrize(("rows_reference", "rows"), [(20_000, 50), (1_000, 1_000)])
def test_noise_limit_of_distinct(rows_reference: int, rows: int) -> None:
    """The number of labels passes its limit in at most about 1 window of 1,000."""
    found = simulate(NOVELTY.measure, "distinct", labels, rows_reference=rows_reference, rows=rows)
    assert found.exceeded <= 0.002
    assert found.slack <= 1.6
