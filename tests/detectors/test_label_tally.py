"""Laws of counting labels without an end: exact while they are few, the same fair part of them beyond."""

import numpy as np
import pytest

from detectors._column import CategoryColumn
from detectors._label_tally import LabelTally


def column(labels: list[str | None]) -> CategoryColumn:
    names = tuple(sorted({label for label in labels if label is not None}))
    codes = [-1 if label is None else names.index(label) for label in labels]
    return CategoryColumn(codes=np.array(codes, dtype=np.int32), labels=names)


def counted(codes: np.ndarray, batch: int, **options: int) -> LabelTally:
    tally = LabelTally(**options)
    for start in range(0, codes.size, batch):
        held, part = np.unique(codes[start : start + batch], return_inverse=True)
        tally.add(CategoryColumn(codes=part.astype(np.int32), labels=tuple(f"l{code}" for code in held)))
    return tally


def test_few_labels_are_counted_exactly() -> None:
    """Each by its name, missing ones apart, whatever number a batch gives it."""
    tally = LabelTally(most=10)
    tally.add(column(["b", None, "a", "b"]))
    tally.add(column(["c", "b", None]))
    assert dict(tally.counts) == {"a": 1, "b": 3, "c": 1}
    assert (tally.rows, tally.missing, tally.distinct, tally.singletons) == (7, 2, 3, 2)
    assert tally.is_exact


@pytest.mark.parametrize("batch", [97, 1_000, 50_000])
def test_of_many_labels_the_same_are_kept(batch: int) -> None:
    """In any batches, each with all of its rows."""
    codes = np.random.default_rng(0).integers(0, 5_000, 50_000)
    tally, other = counted(codes, batch, most=300), counted(codes[::-1], 501, most=300)
    assert dict(tally.counts) == dict(other.counts)
    assert len(tally.counts) == 300
    rows = np.bincount(codes)
    assert all(rows[int(label[1:])] == kept for label, kept in tally.counts.items())


def test_their_number_is_told_from_their_hashes() -> None:
    """Within four standard errors, 1/√k; so are those of one row."""
    codes = np.random.default_rng(1).integers(0, 40_000, 50_000)
    tally = counted(codes, 5_000, most=2_000)
    rows = np.bincount(codes)
    assert abs(tally.distinct / (rows > 0).sum() - 1) <= 4 / np.sqrt(2_000)
    assert abs(tally.singletons / (rows == 1).sum() - 1) <= 4 / np.sqrt(1_000)


def test_a_column_of_names_is_given_up() -> None:
    """Nothing of it is held any more, and it stays so."""
    tally = counted(np.arange(500), 50, most=1_000, give_up_above=100)
    assert tally.given_up
    assert not tally.counts
    tally.add(column(["a"]))
    assert not tally.counts
    assert tally.rows == 501
