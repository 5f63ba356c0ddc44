"""Is the reference remembered as it was?"""

import subprocess
import sys

import numpy as np
import pytest

from detectors import (
    CategoryColumn,
    CategoryProfile,
    NumericColumn,
    NumericProfile,
    Profile,
    Role,
    ScoreSpec,
    build_profile,
    decode,
)
from detectors._profile import QUANTILE_LEVELS


def numeric(values: np.ndarray) -> NumericProfile:
    profile = build_profile({"x": NumericColumn(values=values)}, roles={}).columns["x"]
    assert isinstance(profile, NumericProfile)
    return profile


def category(codes: list[int], labels: tuple[str, ...], **options: object) -> Profile:
    column = CategoryColumn(codes=np.array(codes, dtype=np.int32), labels=labels)
    return build_profile({"c": column}, roles={}, **options)  # type: ignore[arg-type]


def test_counts_of_a_numeric_column_by_hand() -> None:
    """Missing, infinite, −0.0 and ties each in their place."""
    profile = numeric(np.array([-0.0, 0.0, 1.0, 3.0, np.nan, np.inf, -np.inf, -np.inf]))
    assert profile.knots.tolist() == [0.0, 1.0, 3.0]
    assert profile.counts.tolist() == [2, 2, 0, 1, 0, 1, 1]
    assert (profile.rows, profile.missing, profile.infinite, profile.values) == (8, 1, 3, 7)
    assert profile.edges == (-1.5, 4.5)
    assert profile.mean == 1.0
    assert profile.spike == 0.0


def test_every_row_is_in_one_cell() -> None:
    """The counts add up to the rows that are not missing."""
    rng = np.random.default_rng(0)
    values = np.round(rng.lognormal(size=30_000), 2)
    values[::7] = np.nan
    profile = numeric(values)
    assert int(profile.counts.sum()) == profile.values == int((~np.isnan(values)).sum())


def test_moments_and_quantiles_are_exact() -> None:
    """Mean, sd and order statistics are those of the rows, not of the cells."""
    values = np.random.default_rng(1).normal(5.0, 2.0, 10_001)
    profile = numeric(values)
    assert profile.mean == pytest.approx(values.mean())
    assert profile.sd == pytest.approx(values.std(ddof=1))
    for level in QUANTILE_LEVELS:
        assert profile.quantiles[level] == np.quantile(values, level, method="inverted_cdf")


def test_deciles_are_knots_that_cut_equal_parts() -> None:
    """Nine inner edges, a tenth of the rows each."""
    values = np.random.default_rng(2).normal(size=20_000)
    profile = numeric(values)
    assert np.isin(profile.deciles, profile.knots).all()
    parts = np.histogram(values, bins=[-np.inf, *profile.deciles, np.inf])[0]
    np.testing.assert_allclose(parts, 2_000, atol=20)


@pytest.mark.parametrize(
    "values",
    [
        np.full(50, np.nan),
        np.full(50, 7.0),
        np.zeros(0),
        np.array([1.0]),
        np.full(20, np.inf),
        np.array([-1.7e308, 0.0, 1.7e308]),
        np.array([5e-324, 0.0, -5e-324]),
    ],
)
def test_degenerate_columns_profile_without_error(values: np.ndarray) -> None:
    """All-null, constant, empty, one row, infinite, huge and tiny: profiled and restored alike."""
    profile = numeric(values)
    assert NumericProfile.from_bytes(profile.to_bytes()).digest == profile.digest
    assert int(profile.counts.sum()) == profile.values


def test_labels_are_by_count_then_name_and_rare_ones_pooled() -> None:
    """Labels under five rows are pooled, and still known as seen."""
    codes = [0] * 40 + [1] * 50 + [2] * 50 + [3] * 4 + [4] + [-1] * 3
    profile = category(codes, ("c", "b", "a", "few", "one", "never")).columns["c"]
    assert isinstance(profile, CategoryProfile)
    assert profile.labels == ("a", "b", "c")
    assert profile.counts.tolist() == [50, 50, 40]
    assert (profile.rest, profile.distinct, profile.singletons, profile.missing) == (5, 5, 1, 3)
    assert profile.seen(["few", "one", "never"]).tolist() == [True, True, False]
    assert profile.seen([]).tolist() == []


def test_levels_are_labels_of_one_percent_and_thirty_at_most() -> None:
    """A level each gets a component; the rest is pooled."""
    codes = [code for code in range(40) for _ in range(20 + code)] + [40] * 6
    profile = category(codes, tuple(f"l{i:02d}" for i in range(41))).columns["c"]
    assert isinstance(profile, CategoryProfile)
    assert len(profile.labels) == 41
    assert len(profile.levels) == 30
    assert profile.levels == profile.labels[:30]


def test_identifiers_are_left_out_with_a_notice_unless_included() -> None:
    """A label a row says nothing about a distribution."""
    labels = tuple(str(i) for i in range(150))
    left_out = category(list(range(150)), labels)
    assert not left_out.columns
    assert 'column "c": 150 distinct labels in 150 rows' in left_out.notices[0]
    assert "c" in category(list(range(150)), labels, include=("c",)).columns


def test_bytes_restore_an_equal_profile_with_outcomes() -> None:
    """Both kinds, with outcomes: same digest, same arrays."""
    rng = np.random.default_rng(3)
    columns = {
        "x": NumericColumn(values=rng.normal(size=5_000)),
        "c": CategoryColumn(codes=rng.integers(-1, 3, 5_000).astype(np.int32), labels=("a", "β", "c")),
        "score": NumericColumn(values=rng.random(5_000)),
    }
    built = build_profile(
        columns,
        roles={"score": Role.SCORE},
        score=ScoreSpec(task="binary", columns={"": "score"}),
        outcome=rng.integers(0, 2, 5_000).astype(np.float64),
    )
    for profile in built.columns.values():
        restored = decode(profile.to_bytes())
        assert restored.digest == profile.digest
        assert restored.outcomes is not None
        assert profile.outcomes is not None
        np.testing.assert_array_equal(restored.outcomes.quality, profile.outcomes.quality)
    assert Profile.of(built.columns, score=built.score, rows=built.rows).digest == built.digest


def test_a_full_numeric_profile_stays_near_a_hundred_kilobytes() -> None:
    """4,097 knots and their counts."""
    profile = numeric(np.random.default_rng(4).normal(size=50_000))
    assert profile.knots.size == 4_097
    assert len(profile.to_bytes()) < 100_000


def test_other_bytes_are_refused() -> None:
    """An unknown version, or a blob cut short, says so."""
    data = numeric(np.arange(10.0)).to_bytes()
    with pytest.raises(ValueError, match="unknown format"):
        decode(b"leeway.profile/9" + data[16:])
    with pytest.raises(ValueError, match="cut off"):
        decode(data[:-1])


def test_the_digest_tells_profiles_apart() -> None:
    """One row more or one label other, another digest; the same rows, the same digest."""
    values = np.arange(100.0)
    assert numeric(values).digest == numeric(values[::-1]).digest
    assert numeric(values).digest != numeric(np.append(values, 100.0)).digest


def test_columns_of_different_length_are_refused() -> None:
    """A reference is a table."""
    columns = {"a": NumericColumn(values=np.zeros(2)), "b": NumericColumn(values=np.zeros(3))}
    with pytest.raises(ValueError, match="of one length"):
        build_profile(columns, roles={})


def test_a_score_that_is_not_there_is_refused() -> None:
    """The error names the column."""
    columns = {"a": NumericColumn(values=np.zeros(2))}
    with pytest.raises(ValueError, match='score column "s" is not among'):
        build_profile(columns, roles={}, score=ScoreSpec(task="regression", columns={"": "s"}))


def test_importing_detectors_loads_no_compiler() -> None:
    """Nouns come without numba, polars, pandas or SciPy: reading history starts at once."""
    heavy = ("numba", "polars", "pandas", "scipy.stats", "scipy.special")
    code = f"import sys, detectors; print([name for name in {heavy} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_what_was_learnt_is_part_of_the_digest() -> None:
    """Other parts, another profile: windows counted on the one do not add up with the other's."""
    profile = build_profile({"x": NumericColumn(values=np.arange(50.0))}, roles={})
    digests = [profile.with_parts(parts).digest for parts in ({}, {"a": b"1"}, {"a": b"2"}, {"b": b"1"})]
    assert digests[0] == profile.digest
    assert len(set(digests)) == 4
