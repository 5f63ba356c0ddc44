"""Are products of normal scores counted as a plain twin counts them, whatever the batches?"""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from detectors import CategoryColumn, Columns, NumericColumn, NumericProfile, Profile, build_profile
from detectors._joint import JointSummary, correlations, pairs
from detectors._joint_counting import chosen, count_joint, key_hashes, normal_scores
from detectors._relation_fit import fit_relations
from detectors._relations import SCORE_MOST, SCORE_UNIT, Relations, relations_of

ROWS = 700
COLUMNS = ("a", "b", "c", "d")
FIELDS = [name for name in Relations.__dataclass_fields__ if name != "memo"]


def batch(seed: int, rows: int = ROWS) -> dict[str, NumericColumn]:
    """Related, tied, missing, infinite and constant columns."""
    rng = np.random.default_rng(seed)
    a = rng.standard_normal(rows)
    b = 0.6 * a + 0.8 * rng.standard_normal(rows)
    b[rng.random(rows) < 0.2] = np.nan
    c = rng.poisson(1.0, rows).astype(np.float64)
    d = np.exp(3.0 * a)
    d[rng.random(rows) < 0.01 * (seed > 0)] = np.inf  # the reference, seed 0, is finite
    return {
        "a": NumericColumn(values=a),
        "b": NumericColumn(values=b),
        "c": NumericColumn(values=c),
        "d": NumericColumn(values=d),
        "flat": NumericColumn(values=np.ones(rows)),
    }


PROFILE = build_profile(batch(0, 4_000), roles={})


def relations(*, sparsity: int = 0, profile: Profile = PROFILE) -> Relations:
    part = fit_relations(profile, batch(0, 4_000), 4_000, 1_000)
    found = relations_of(profile.with_parts({"relations": part or b""}))
    assert found is not None
    assert found.columns == COLUMNS  # a constant goes together with nothing
    names = {field: getattr(found, field) for field in FIELDS}
    return Relations(**names | {"sparsity": sparsity, "keys": ("a", "d")})


EVERY, SOME = relations(), relations(sparsity=2)


def taken(columns: Columns, rows: np.ndarray) -> dict[str, NumericColumn]:
    found = {}
    for name, column in columns.items():
        assert isinstance(column, NumericColumn)
        found[name] = NumericColumn(values=column.values[rows])
    return found


def scores(columns: Columns) -> np.ndarray:
    """The plain twin: Φ⁻¹ of the mid-rank among the reference's values, rounded; NaN where missing."""
    found = []
    for name in COLUMNS:
        profile, column = PROFILE.columns[name], columns[name]
        assert isinstance(profile, NumericProfile)
        assert profile.knots.size < 4_097  # every value of the reference is a knot
        assert isinstance(column, NumericColumn)
        reference = batch(0, 4_000)[name].values
        reference = reference[~np.isnan(reference)]
        below = (reference[:, None] < column.values).sum(axis=0)
        equal = (reference[:, None] == column.values).sum(axis=0)
        rank = np.clip(below + 0.5 * equal, 0.5, reference.size - 0.5) / reference.size
        z = np.clip(np.rint(stats.norm.ppf(rank) * SCORE_UNIT), -SCORE_MOST, SCORE_MOST)
        found.append(np.where(np.isnan(column.values), np.nan, z))
    return np.array(found)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, ROWS), max_size=4), st.randoms(use_true_random=False), st.booleans())
def test_any_split_in_any_order_gives_the_same(cuts: list[int], chance: object, sparse: bool) -> None:
    """Batches of any sizes, rows and batches in any order: equal summaries, hashed selection included."""
    part = SOME if sparse else EVERY
    columns = batch(1)
    whole = count_joint(PROFILE, part, columns, ROWS)
    order = list(range(ROWS))
    chance.shuffle(order)  # type: ignore[attr-defined]  # hypothesis' random
    parts = [
        np.array(order[start:stop], dtype=np.int64) for start, stop in pairwise([0, *sorted(cuts), ROWS])
    ]
    chance.shuffle(parts)  # type: ignore[attr-defined]
    merged = JointSummary.empty(part.columns)
    for rows in parts:
        merged = merged + count_joint(PROFILE, part, taken(columns, rows), rows.size)
    assert merged == whole
    assert not sparse or 0 < whole.rows < ROWS


def test_equals_the_plain_twin() -> None:
    """Sums, squares and products of the twin's scores over the rows where both columns have a value."""
    columns = batch(2, 20_000)  # several blocks of rows
    x = scores(columns)
    held = ~np.isnan(x)
    y = np.where(held, x, 0.0)
    found = count_joint(PROFILE, EVERY, columns, 20_000)
    assert np.array_equal(found.both, held.astype(int) @ held.T.astype(int))
    for name, twin in (("sums", y @ held.T), ("squares", y**2 @ held.T), ("products", y @ y.T)):
        assert np.array_equal(getattr(found, name), twin), name
    i, j = pairs(len(COLUMNS))
    for pair, (first, second) in enumerate(zip(i, j, strict=True)):
        both = held[first] & held[second]
        assert correlations(found)[0][pair] == pytest.approx(
            stats.pearsonr(x[first][both], x[second][both]).statistic, abs=1e-12
        )


def test_scores_of_few_values_are_exact() -> None:
    """Where every reference value is a knot, each value has exactly the twin's score."""
    cuts, levels = normal_scores(PROFILE.columns["c"])
    values = np.array([-1.0, 0.0, 0.5, 1.0, 2.0, 3.0, 50.0])
    columns = batch(0, 7) | {"c": NumericColumn(values=values)}
    assert levels[np.searchsorted(cuts, values, side="right")].tolist() == scores(columns)[2].tolist()


def test_normal_scores_are_normal() -> None:
    """A window like the reference has scores of mean 0 and variance 1, held to ±63 units."""
    cuts, levels = normal_scores(PROFILE.columns["a"])
    z = levels[np.searchsorted(cuts, batch(3, 50_000)["a"].values, side="right")] / SCORE_UNIT
    assert abs(z.mean()) < 0.03
    assert abs(z.var() - 1.0) < 0.05
    assert levels.min() >= -SCORE_MOST
    assert levels.max() <= SCORE_MOST


@pytest.mark.parametrize(
    "draw",
    [
        lambda rng, n: rng.standard_normal(n),
        lambda rng, n: rng.integers(0, 1_000_000, n).astype(np.float64),
        lambda rng, n: np.arange(n, dtype=np.float64),
        lambda rng, n: np.round(rng.lognormal(3.0, 1.0, n), 2),
    ],
)
def test_the_hash_chooses_its_share(draw: object) -> None:
    """One row in 32, within five standard errors, of values with many bits and with few."""
    rng, rows = np.random.default_rng(4), 200_000
    keys = [draw(rng, rows), draw(rng, rows)]  # type: ignore[operator]
    found = chosen(keys, 5, rows)
    assert found is not None
    assert abs(found.size - rows / 32) < 5.0 * np.sqrt(rows / 32)


def test_rows_of_zeros_are_like_any_other() -> None:
    """Rows that are zero, or missing, in every key are not chosen at every sparsity and number of keys."""
    for value in (0.0, 1.0, np.nan):
        taken_up = [chosen([np.full(1, value)] * keys, 4, 1) for keys in range(1, 41)]
        assert sum(found.size for found in taken_up if found is not None) < 10


def test_equal_values_are_chosen_together() -> None:
    """One zero and one missing: −0.0 and 0.0, and NaN of other bits, are the same key."""
    odd = np.array([0x7FF8_0000_0000_0001], dtype=np.uint64).view(np.float64)[0]
    hashes = key_hashes([np.array([0.0, -0.0, np.nan, odd])], 4)
    assert hashes[0] == hashes[1]
    assert hashes[2] == hashes[3]
    assert hashes[0] != hashes[2]


def test_an_absent_column_is_missing_in_every_row() -> None:
    """Its pairs have no row, the others all of theirs; the rows chosen are those of a missing value."""
    columns = batch(5)
    without = {name: column for name, column in columns.items() if name != "a"}
    missing = columns | {"a": NumericColumn(values=np.full(ROWS, np.nan))}
    for part in (EVERY, SOME):
        assert count_joint(PROFILE, part, without, ROWS) == count_joint(PROFILE, part, missing, ROWS)
    assert not count_joint(PROFILE, EVERY, without, ROWS).both[0].any()


def test_refuses_what_cannot_be_counted() -> None:
    """Labels for numbers, and columns of another length, are the caller's fault."""
    labels = CategoryColumn(codes=np.zeros(ROWS, dtype=np.int32), labels=("x",))
    with pytest.raises(ValueError, match="numeric in the reference, labels in the window"):
        count_joint(PROFILE, EVERY, batch(1) | {"a": labels}, ROWS)
    with pytest.raises(ValueError, match="values in a batch of"):
        count_joint(PROFILE, EVERY, batch(1), ROWS + 1)
    narrow = JointSummary.empty(("a", "b"))
    with pytest.raises(ValueError, match="over different columns"):
        _ = narrow + JointSummary.empty(EVERY.columns)


def test_a_constant_has_no_correlation() -> None:
    """A column that does not vary in the window: NaN, and not a rounding error's correlation."""
    columns = batch(6) | {"a": NumericColumn(values=np.full(ROWS, 0.123))}
    r, n = correlations(count_joint(PROFILE, EVERY, columns, ROWS))
    i, j = pairs(len(COLUMNS))
    assert np.isnan(r[(i == 0) | (j == 0)]).all()
    assert np.isfinite(r[(i != 0) & (j != 0)]).all()
    assert n[0] > 0


def test_no_rows() -> None:
    """The zero of `+`."""
    zero = {name: NumericColumn(values=np.empty(0)) for name in COLUMNS}
    assert count_joint(PROFILE, SOME, zero, 0) == JointSummary.empty(SOME.columns)
    assert np.isnan(correlations(JointSummary.empty(SOME.columns))[0]).all()


def test_correlations_of_huge_sums() -> None:
    """Beyond 2²⁵ rows sums leave int64's reach; r stays that of the same rows once."""
    once = count_joint(PROFILE, EVERY, batch(7), ROWS)
    often = 1_000_000
    many = JointSummary(
        columns=once.columns,
        rows=once.rows * often,
        both=once.both * often,
        sums=once.sums * often,
        squares=once.squares * often,
        products=once.products * often,
    )
    assert np.allclose(correlations(many)[0], correlations(once)[0], rtol=1e-12, equal_nan=True)
