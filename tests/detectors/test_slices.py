"""Laws of slices: which values are slices, what their cells are, and that they count as the whole does."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from detectors import CategoryColumn, Column, NumericColumn, NumericProfile, Profile, Role, count
from detectors._cells import cells_of
from detectors._column_profile import CategoryProfile
from detectors._components import components
from detectors._number_counting import count_numbers
from detectors._profile import build_profile, numeric_on_knots
from detectors._slices import KNOTS, coarse_cells, fit_slices, labels_of, slices_of
from detectors._summary import CategorySummary, NumericSummary, WindowSummary

ROWS = 6_000
LABELS = ("JFK", "LGA", "EWR", "rare")


def batch(rows: int, seed: int, *, odd: bool = False) -> dict[str, Column]:
    """Numbers with ties and holes, labels, and where each row belongs."""
    rng = np.random.default_rng(seed)
    x = np.where(rng.random(rows) < 0.03, np.nan, rng.lognormal(0.0, 1.0, rows))
    if odd:
        x[rng.random(rows) < 0.02] = np.inf
        x[rng.random(rows) < 0.02] = -1e6
    codes = rng.choice(4, rows, p=[0.5, 0.3, 0.195, 0.005]).astype(np.int32)
    codes[rng.random(rows) < 0.01] = -1
    return {
        "x": NumericColumn(values=x),
        "k": NumericColumn(values=rng.integers(0, 50, rows).astype(float)),
        "c": CategoryColumn(
            codes=rng.integers(-1, 4 if odd else 3, rows).astype(np.int32), labels=("a", "b", "c", "new")
        ),
        "origin": CategoryColumn(codes=codes, labels=LABELS),
    }


def sliced(rows: int = ROWS) -> Profile:
    columns = batch(rows, 1)
    profile = build_profile(columns, roles={})
    return profile.with_parts(fit_slices(profile, columns, rows, ["origin"]))


def taken(columns: dict[str, Column], mask: NDArray[np.bool_]) -> dict[str, Column]:
    return {
        name: NumericColumn(values=column.values[mask])
        if isinstance(column, NumericColumn)
        else CategoryColumn(codes=column.codes[mask], labels=column.labels)
        for name, column in columns.items()
    }


def test_large_values_are_slices() -> None:
    """At least 2 % and 200 rows; the others are pooled, and too few of them are no slice."""
    slices = slices_of(sliced())
    assert slices is not None
    assert [segment.labels for segment in slices.segments] == [("JFK", "LGA", "EWR")]


def test_what_is_pooled_is_a_slice_where_it_is_large() -> None:
    """Thirty values of 3 %: twenty by name, the rest together, and missing ones with them."""
    rows = 9_000
    codes = np.arange(rows, dtype=np.int32) % 30
    columns: dict[str, Column] = {
        "x": NumericColumn(values=np.arange(float(rows))),
        "origin": CategoryColumn(codes=codes, labels=tuple(f"v{i:02d}" for i in range(30))),
    }
    profile = build_profile(columns, roles={})
    slices = slices_of(profile.with_parts(fit_slices(profile, columns, rows, ["origin"])))
    assert slices is not None
    (segment,) = slices.segments
    assert len(segment.labels) == 21
    assert segment.labels[-1] == "other"
    assert slices.profiles["origin=other"].rows == 3_000
    strange = CategoryColumn(codes=np.array([0, 1, -1], dtype=np.int32), labels=("v00", "brand new"))
    assert segment.codes(strange).tolist() == [0, 20, 20]


def test_a_value_may_be_called_other() -> None:
    """Then it is a slice like any value, and nothing is pooled into it."""
    codes = np.arange(9_000, dtype=np.int32) % 30
    labels = ("other", *(f"v{i:02d}" for i in range(1, 30)))
    columns: dict[str, Column] = {
        "x": NumericColumn(values=np.arange(9_000.0)),
        "origin": CategoryColumn(codes=codes, labels=labels),
    }
    profile = build_profile(columns, roles={})
    slices = slices_of(profile.with_parts(fit_slices(profile, columns, 9_000, ["origin"])))
    assert slices is not None
    assert slices.profiles["origin=other"].rows == 300
    (segment,) = slices.segments
    strange = CategoryColumn(codes=np.array([0, 1, -1], dtype=np.int32), labels=("other", "brand new"))
    assert segment.codes(strange).tolist() == [0, 20, 20]


def test_a_column_of_numbers_can_be_a_segment() -> None:
    """Whole numbers without their .0, as a source writes labels."""
    column = labels_of(NumericColumn(values=np.array([2.0, 1.5, np.nan, 2.0])))
    assert [column.labels[code] if code >= 0 else None for code in column.codes] == ["2", "1.5", None, "2"]


@pytest.mark.parametrize("name", ["x", "k"])
def test_coarse_cells_are_the_cells_of_the_coarse_knots(name: str) -> None:
    """A row's cell in the slice follows from its cell in the whole, whatever its value."""
    column = sliced().columns[name]
    assert isinstance(column, NumericProfile)
    knots, coarse = coarse_cells(column)
    rng = np.random.default_rng(5)
    values = np.concatenate([column.knots, column.knots + 1e-9, rng.normal(1.0, 3.0, 500), [-1e9, 1e9]])
    np.testing.assert_array_equal(coarse[cells_of(column.knots, values)], cells_of(knots, values))
    assert knots.size <= KNOTS + 1
    assert np.isin(knots, column.knots).all()


def test_cells_are_what_the_twin_finds() -> None:
    """The kernel's cells of rows, against a plain search; missing ones are told by their value."""
    rng = np.random.default_rng(2)
    for draw in (rng.normal(size=5_000), rng.integers(0, 9, 5_000).astype(float), rng.standard_cauchy(5_000)):
        profile = build_profile({"x": NumericColumn(values=draw)}, roles={}).columns["x"]
        assert isinstance(profile, NumericProfile)
        values = np.concatenate([draw * 1.3, [np.inf, -np.inf, 0.0, -0.0]])
        cells = np.empty(values.size, dtype=np.uint32)
        count_numbers(profile, values, cells)
        np.testing.assert_array_equal(cells, cells_of(profile.knots, values))


@pytest.mark.parametrize("odd", [False, True])
def test_a_slice_counts_its_own_rows(odd: bool) -> None:
    """Against the slice's rows taken out and counted by themselves on the slice's profile."""
    profile = sliced()
    slices = slices_of(profile)
    assert slices is not None
    columns = batch(3_000, 7, odd=odd)
    counted = count(profile, columns, 3_000)
    origin = columns["origin"]
    assert isinstance(origin, CategoryColumn)
    for label, name in ((label, f"origin={label}") for label in ("JFK", "LGA", "EWR")):
        mine = origin.codes == LABELS.index(label)
        own = slices.profiles[name]
        alone = count(own, taken(columns, mine), int(mine.sum()))
        found = counted.slices[name]
        assert found.rows == alone.rows
        for column in ("x", "k"):
            expected, seen = alone.columns[column], found.columns[column]
            assert isinstance(expected, NumericSummary)
            assert isinstance(seen, NumericSummary)
            assert seen == expected, (name, column)
        labels, whole = found.columns["c"], profile.columns["c"]
        assert isinstance(labels, CategorySummary)
        assert isinstance(whole, CategoryProfile)
        plain = taken(columns, mine)["c"]
        assert isinstance(plain, CategoryColumn)
        rows = {value: int((plain.codes == code).sum()) for code, value in enumerate(plain.labels)}
        assert labels.counts.tolist() == [rows[level] for level in whole.levels]
        assert (labels.unseen, labels.missing) == (rows["new"], int((plain.codes < 0).sum()))


def test_values_beyond_the_edges_count_in_every_block() -> None:
    """Long after the first of them was a new extreme."""
    profile = sliced()
    columns = batch(5_000, 9)
    columns["x"] = NumericColumn(values=np.full(5_000, -1e6))
    columns["origin"] = CategoryColumn(codes=np.zeros(5_000, dtype=np.int32), labels=LABELS)
    found = count(profile, columns, 5_000).slices["origin=JFK"].columns["x"]
    assert isinstance(found, NumericSummary)
    assert found.below_edge == 5_000


def test_knots_do_not_change_what_a_slice_is_in_the_mean() -> None:
    """A slice's own reference rows give components of mean 0 and variance near 1, as a column's do."""
    profile = sliced()
    slices = slices_of(profile)
    assert slices is not None
    whole = count(profile, batch(ROWS, 1), ROWS)
    for name, own in slices.profiles.items():
        found = components(own.columns["x"], whole.slices[name].columns["x"], whole.slices[name].rows)
        by_name = {part.name: part for part in found}
        assert abs(by_name["c1"].y) < 1e-9
        assert by_name["c1"].variance == pytest.approx(1.0, abs=0.01)


@given(st.lists(st.integers(0, 400), max_size=4), st.permutations(range(5)))
def test_any_split_in_any_order_gives_the_same_slices(cuts: list[int], order: list[int]) -> None:
    """Slices are part of what merges."""
    profile, rows = _SHARED, 400
    columns = batch(rows, 9, odd=True)
    ends = [0, *sorted(cuts), rows]
    parts = [
        count(profile, taken(columns, (np.arange(rows) >= a) & (np.arange(rows) < b)), b - a)
        for a, b in pairwise(ends)
    ]
    shuffled = [parts[index] for index in order if index < len(parts)]
    total = WindowSummary.empty(profile)
    for part in shuffled:
        total = total + part
    assert total == count(profile, columns, rows)


def test_parts_come_back_as_they_were() -> None:
    """Decoded slices count like the ones that were fitted; another format is refused."""
    profile = sliced()
    slices = slices_of(profile)
    assert slices is not None
    for name, own in slices.profiles.items():
        part = profile.parts[f"slice:{name}"]
        assert len(part) < 40_000
        assert own.rows > 0
    broken = profile.with_parts({"slice:origin=JFK": b'{"format": 2}\n'})
    with pytest.raises(ValueError, match="rebuild the reference"):
        slices_of(broken)


def test_a_batch_without_the_segment_has_no_slices() -> None:
    """That the column is gone is said of the column itself."""
    profile = sliced()
    columns = {name: column for name, column in batch(50, 3).items() if name != "origin"}
    assert count(profile, columns, 50).slices == {}


def test_knots_of_another_sample_hold_its_values() -> None:
    """A slice's profile is exact about its own rows, on knots that are not its own."""
    values = np.array([1.0, 1.0, 2.5, np.nan, np.inf])
    profile = numeric_on_knots("x", Role.FEATURE, values, np.array([0.0, 1.0, 2.0, 3.0]))
    assert profile.counts.tolist() == [0, 0, 0, 2, 0, 0, 1, 0, 1]
    assert (profile.missing, profile.infinite, profile.mean) == (1, 1, 1.5)


_SHARED = sliced()
