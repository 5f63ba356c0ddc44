"""Laws of late labels: which count, since when, and that nobody who looks changes it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors import CategoryColumn, NumericColumn
from monitor.labels import (
    ALWAYS,
    NEVER,
    Completion,
    Keys,
    Labels,
    by_row,
    completion,
    first_available,
    key_labels,
    known_at,
    needed,
    one_after_another,
    outcomes,
    row_labels,
    values_by_row,
)

DEADLINE = 1_000


def labels(*entries: tuple[int, int, float], classes: tuple[str, ...] | None = None) -> Labels:
    """(place, when available, outcome), in the order of the source."""
    return Labels(
        place=np.array([entry[0] for entry in entries], dtype=np.int64),
        at=np.array([entry[1] for entry in entries], dtype=np.int64),
        values=np.array([entry[2] for entry in entries], dtype=np.float64),
        classes=classes,
    )


def words(*values: str | None) -> CategoryColumn:
    table = tuple(sorted({value for value in values if value is not None}))
    codes = [-1 if value is None else table.index(value) for value in values]
    return CategoryColumn(codes=np.array(codes, dtype=np.int32), labels=table)


def ask(first: list[int], *, now: int = DEADLINE, min_share: float = 0.5) -> Completion | None:
    return completion(np.array(first), min_share=min_share, deadline=DEADLINE, now=now)


@pytest.mark.parametrize(
    ("rows", "share", "least"), [(20, 0.95, 19), (160, 0.95, 152), (3, 0.5, 2), (7, 0, 1)]
)
def test_the_asked_share_is_rounded_up(rows: int, share: float, least: int) -> None:
    """A float's last digit asks for no label more."""
    assert needed(rows, share) == least


def test_complete_at_the_first_instant_that_has_enough() -> None:
    """Two of four at 20: what came at 30 does not count, nor does it matter when somebody looks."""
    for now in (20, 25, 999, 5_000):
        found = ask([30, 10, NEVER, 20], now=now)
        assert found == Completion(rows=4, labelled=2, complete=True, cutoff=20)
    assert ask([30, 10, NEVER, 20], now=19) is None


def test_at_the_deadline_with_what_there_is() -> None:
    """Too few labels are waited for until the deadline, and the window says so; later ones do not count."""
    first = [10, DEADLINE + 1, NEVER, NEVER]
    assert ask(first, now=DEADLINE - 1) is None
    for now in (DEADLINE, DEADLINE + 500):
        found = ask(first, now=now)
        assert found == Completion(rows=4, labelled=1, complete=False, cutoff=DEADLINE)
    nothing = ask([NEVER, NEVER])
    assert nothing is not None
    assert (nothing.labelled, nothing.complete) == (0, False)


def test_labels_without_a_time_count_as_soon_as_they_are_seen() -> None:
    """What is there now, and no more is asked."""
    found = ask([ALWAYS, ALWAYS, NEVER], now=0)
    assert found == Completion(rows=3, labelled=2, complete=True, cutoff=ALWAYS)
    assert not found.is_dated


@given(
    first=st.lists(st.one_of(st.integers(0, 2 * DEADLINE), st.just(NEVER)), min_size=1, max_size=30),
    looks=st.lists(st.integers(0, 3 * DEADLINE), min_size=1, max_size=10),
    share=st.floats(0.01, 1.0),
)
def test_who_looks_when_changes_nothing(first: list[int], looks: list[int], share: float) -> None:
    """Whoever looks sees the labels there are by then, and all that decide agree."""

    def seen(now: int) -> Completion | None:
        there = [at if at <= now else NEVER for at in first]
        return ask(there, now=now, min_share=share)

    said = {found for now in looks if (found := seen(now)) is not None}
    assert len(said) <= 1
    last = seen(3 * DEADLINE)
    assert last is not None
    assert said <= {last}


def test_the_latest_label_at_the_cutoff_counts() -> None:
    """A correction replaces what was said before it; of two at one instant, the one written last."""
    found = labels((0, 30, 3.0), (0, 10, 1.0), (1, 20, 5.0), (1, 20, 6.0), (0, 20, 2.0))
    assert known_at(found, 3, 20)[:2].tolist() == [2.0, 6.0]
    assert known_at(found, 3, 30)[0] == 3.0
    assert np.isnan(known_at(found, 3, 30)[2])
    assert np.isnan(known_at(found, 3, 9)).all()
    assert first_available(found, 3).tolist() == [10, 20, NEVER]


def test_each_place_may_have_its_own_cutoff() -> None:
    """Windows of a reference were complete at different times."""
    found = labels((0, 10, 1.0), (0, 20, 2.0), (1, 10, 3.0), (1, 20, 4.0))
    assert known_at(found, 2, np.array([10, 20])).tolist() == [1.0, 4.0]


@given(
    entries=st.lists(
        st.tuples(st.integers(0, 4), st.integers(0, 50), st.floats(-5, 5, allow_nan=False)), max_size=40
    ),
    cutoff=st.integers(0, 50),
)
def test_known_labels_agree_with_a_slow_reading(entries: list[tuple[int, int, float]], cutoff: int) -> None:
    """Entry by entry: the greatest time at or before the cutoff wins, then the later line."""
    slow = [np.nan] * 5
    since = [-1] * 5
    for place, at, value in entries:
        if at <= cutoff and at >= since[place]:
            slow[place], since[place] = value, at
    assert np.array_equal(known_at(labels(*entries), 5, cutoff), slow, equal_nan=True)


def test_keys_join_across_batches() -> None:
    """Every batch numbers its labels by itself; a row whose key nobody labelled has none."""
    keys = Keys()
    places = np.concatenate([keys.add(words("b", None, "a")), keys.add(words("c", "b"))])
    batches = [
        (words("a", "z"), NumericColumn(values=np.array([1.0, 9.0])), np.array([5, 5])),
        (words("b", "c"), NumericColumn(values=np.array([0.0, np.nan])), np.array([7, 8])),
    ]
    found = key_labels(keys, iter(batches))
    assert values_by_row(places, known_at(found, len(keys), 10)).tolist()[::2] == [0.0, 1.0, 0.0]
    first = by_row(places, first_available(found, len(keys)), NEVER)
    assert first.tolist() == [7, NEVER, 5, NEVER, 7]


def test_classes_keep_their_names_across_batches() -> None:
    """A class has another code in every batch, and one name."""
    keys = Keys()
    places = keys.add(words("k1", "k2", "k3"))
    batches = [(words("k1"), words("cat"), None), (words("k2", "k3"), words("ant", "cat"), None)]
    found = key_labels(keys, iter(batches))
    known = outcomes(values_by_row(places, known_at(found, len(keys), 0)), found.classes)
    assert isinstance(known, CategoryColumn)
    assert [known.labels[code] for code in known.codes] == ["cat", "ant", "cat"]
    in_rows = one_after_another(
        [(1, row_labels(words("cat"), None)), (2, row_labels(words("ant", None), None))]
    )
    known = outcomes(known_at(in_rows, 3, 0), in_rows.classes)
    assert isinstance(known, CategoryColumn)
    assert [known.labels[c] if c >= 0 else None for c in known.codes] == ["cat", "ant", None]


def test_labels_in_the_rows_themselves() -> None:
    """Known where there are both a label and, if the source says it, a time."""
    column = NumericColumn(values=np.array([1.0, np.nan, 0.0, 1.0]))
    found = row_labels(column, np.array([10.0, 10.0, np.nan, 30.0]))
    assert (found.place.tolist(), found.at.tolist()) == ([0, 3], [10, 30])
    assert row_labels(column, None).at.tolist() == [ALWAYS] * 3


def test_no_label_at_all() -> None:
    """Empty sources join to nothing."""
    keys = Keys()
    places = keys.add(words("a", "b"))
    found = key_labels(keys, iter([]))
    assert first_available(found, len(keys)).tolist() == [NEVER, NEVER]
    assert np.isnan(values_by_row(places, known_at(found, len(keys), DEADLINE))).all()
    assert one_after_another([]).place.shape == (0,)
