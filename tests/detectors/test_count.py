"""Laws of what is counted beside the columns: model versions, a second score, errors."""

from itertools import pairwise
from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors import CategoryColumn, Column, NumericColumn, Profile, ScoreSpec, WindowSummary, count
from detectors._count import Extras
from detectors._profile import build_profile
from detectors._service import error_rows, errors_of, fit_errors
from detectors._shadow import count_shadow, shadow_columns

EXTRAS = Extras(version="version", shadow={"": "challenger"}, error="error")


def batch(rows: int, seed: int, versions: int = 2) -> dict[str, Column]:
    rng = np.random.default_rng(seed)
    score = np.where(rng.random(rows) < 0.05, np.nan, rng.random(rows))
    return {
        "x": NumericColumn(values=rng.normal(size=rows)),
        "score": NumericColumn(values=score),
        "challenger": NumericColumn(values=np.clip(score + 0.2 * rng.normal(size=rows), 0.0, 1.0)),
        "version": CategoryColumn(
            codes=rng.integers(0, versions, rows).astype(np.int32), labels=("v1", "v2", "v3")[:versions]
        ),
        "error": CategoryColumn(codes=rng.integers(-1, 2, rows).astype(np.int32), labels=("ok", "timeout")),
    }


def cut(columns: dict[str, Column], start: int, stop: int) -> dict[str, Column]:
    return {
        name: NumericColumn(values=column.values[start:stop])
        if isinstance(column, NumericColumn)
        else CategoryColumn(codes=column.codes[start:stop], labels=column.labels)
        for name, column in columns.items()
    }


def profiled() -> Profile:
    columns = batch(500, 1)
    return build_profile(
        {name: columns[name] for name in ("x", "score")},
        roles={},
        score=ScoreSpec(task="binary", columns={"": "score"}),
    )


PROFILE = profiled()


def test_versions_are_counted_apart_and_add_up() -> None:
    """Each as if it were alone; together as if nobody had asked."""
    columns = batch(300, 2)
    found = count(PROFILE, columns, 300, EXTRAS)
    version = columns["version"]
    assert isinstance(version, CategoryColumn)
    assert sorted(found.versions) == ["v1", "v2"]
    plain = count(PROFILE, columns, 300)
    assert (found.rows, found.columns) == (plain.rows, plain.columns)
    for code, name in enumerate(version.labels):
        mine = np.flatnonzero(version.codes == code)
        alone = {
            other: NumericColumn(values=column.values[mine])
            for other, column in columns.items()
            if isinstance(column, NumericColumn)
        }
        assert found.versions[name].columns == count(PROFILE, alone, mine.size).columns


def test_one_version_is_not_counted_twice() -> None:
    """Its rows are the whole."""
    found = count(PROFILE, batch(100, 3, versions=1), 100, EXTRAS)
    assert (found.version, found.versions) == ("v1", {})
    assert list(found.by_version()) == ["v1"]


@given(st.lists(st.integers(0, 200), max_size=3), st.integers(1, 3))
def test_any_split_gives_the_same(cuts: list[int], versions: int) -> None:
    """Versions come and go between batches; the sum does not notice."""
    rows = 200
    columns = batch(rows, 4, versions)
    ends = [0, *sorted(cuts), rows]
    total = WindowSummary.empty(PROFILE)
    for start, stop in pairwise(ends):
        total = count(PROFILE, cut(columns, start, stop), stop - start, EXTRAS) + total
    assert total == count(PROFILE, columns, rows, EXTRAS)


def test_rows_without_a_version_are_a_version_of_their_own() -> None:
    """Beside rows that have one."""
    columns = batch(4, 5)
    columns["version"] = CategoryColumn(codes=np.array([0, -1, 0, -1], dtype=np.int32), labels=("v1",))
    assert sorted(count(PROFILE, columns, 4, EXTRAS).versions) == ["", "v1"]


def test_what_the_batch_lacks_is_not_counted() -> None:
    """No version, no challenger, no errors: as before."""
    columns = {name: column for name, column in batch(20, 6).items() if name in ("x", "score")}
    found = count(PROFILE, columns, 20, EXTRAS)
    assert (found.version, found.versions, found.shadow, found.errors) == (None, {}, None, None)


def test_errors_of_some_rows_are_not_those_of_all() -> None:
    """A batch that does not say leaves the window's errors unknown; one without rows has nothing to say."""
    columns = batch(20, 10)
    said = count(PROFILE, columns, 20, EXTRAS)
    silent = {name: column for name, column in columns.items() if name != "error"}
    unsaid = count(PROFILE, silent, 20, EXTRAS)
    nothing = count(PROFILE, cut(silent, 0, 0), 0, EXTRAS)
    assert said.errors is not None
    assert [(said + unsaid).errors, (unsaid + said).errors] == [None, None]
    assert [(said + nothing).errors, (nothing + said).errors] == [said.errors, said.errors]
    assert (nothing + nothing).errors is None


def test_a_second_score_against_its_twin() -> None:
    """Agreement, distance and difference, over rows that have both; to the resolution of a sum."""
    columns = batch(2_000, 7)
    own, other = columns["score"], columns["challenger"]
    assert isinstance(own, NumericColumn)
    assert isinstance(other, NumericColumn)
    found = count(PROFILE, columns, 2_000, EXTRAS).shadow
    assert found is not None
    both = ~(np.isnan(own.values) | np.isnan(other.values))
    a, b = own.values[both], other.values[both]
    assert found.rows == both.sum()
    assert found.agreement == pytest.approx(((a >= 0.5) == (b >= 0.5)).mean(), abs=1e-12)
    mean, variance = found.mean_distance
    assert (mean, variance) == (
        pytest.approx(np.abs(b - a).mean(), abs=1e-6),
        pytest.approx(np.abs(b - a).var(ddof=1), abs=1e-5),
    )
    assert found.mean_difference == (
        pytest.approx((b - a).mean(), abs=1e-6),
        pytest.approx((b - a).var(ddof=1), abs=1e-5),
    )


def test_a_second_score_of_a_regression_is_told_in_sd() -> None:
    """Of the reference's own score."""
    columns: dict[str, Column] = {
        "score": NumericColumn(values=np.array([0.0, 10.0, 20.0])),
        "challenger": NumericColumn(values=np.array([10.0, 20.0, 30.0])),
    }
    score = ScoreSpec(task="regression", columns={"": "score"})
    profile = build_profile({"score": columns["score"]}, roles={}, score=score)
    found = count_shadow(columns, score, {"": "challenger"}, profile.columns)
    assert found is not None
    assert found.mean_difference[0] == pytest.approx(1.0)
    assert found.agreed == 0


def test_a_second_score_of_several_classes() -> None:
    """By hand: half the sum of absolute differences, and whether both name the same class."""
    own = {"a": [0.7, 0.2], "b": [0.2, 0.5], "c": [0.1, 0.3]}
    other = {"a2": [0.6, 0.2], "b2": [0.3, 0.3], "c2": [0.1, 0.5]}
    columns: dict[str, Column] = {
        name: NumericColumn(values=np.array(values)) for name, values in {**own, **other}.items()
    }
    score = ScoreSpec(task="multiclass", columns={"a": "a", "b": "b", "c": "c"})
    found = count_shadow(columns, score, {"a": "a2", "b": "b2", "c": "c2"}, {})
    assert found is not None
    assert (found.rows, found.agreed) == (2, 1)
    assert found.mean_distance[0] == pytest.approx((0.1 + 0.2) / 2, abs=1e-6)


@pytest.mark.parametrize("task", ["binary", "regression"])
def test_infinite_scores_are_left_out(task: Literal["binary", "regression"]) -> None:
    """Of either side, and where the two are too far apart for a number: no warning, no row."""
    columns: dict[str, Column] = {
        "score": NumericColumn(values=np.array([np.inf, -np.inf, 0.5, 0.5, 1e308])),
        "challenger": NumericColumn(values=np.array([np.inf, -np.inf, 0.75, np.inf, -1e308])),
    }
    found = count_shadow(columns, ScoreSpec(task=task, columns={"": "score"}), {"": "challenger"}, {})
    assert found is not None
    assert found.rows == 1
    assert found.mean_difference == (0.25, 0.0)


def test_higher_is_nearer_to_the_class_1() -> None:
    """Whichever of its two columns a binary score names first."""
    given = {"no": 0.6, "yes": 0.4, "no2": 0.5, "yes2": 0.5}
    columns: dict[str, Column] = {name: NumericColumn(values=np.array([p])) for name, p in given.items()}
    for classes in (("0", "1"), ("1", "0")):
        score = ScoreSpec(task="binary", columns={each: "yes" if each == "1" else "no" for each in classes})
        found = count_shadow(columns, score, {"0": "no2", "1": "yes2"}, {})
        assert found is not None
        assert found.mean_difference[0] == pytest.approx(0.1)


def test_no_row_has_both_scores() -> None:
    """Nothing is known of either."""
    nothing: dict[str, Column] = {name: NumericColumn(values=np.empty(0)) for name in ("score", "challenger")}
    found = count_shadow(nothing, ScoreSpec(task="binary", columns={"": "score"}), {"": "challenger"}, {})
    assert found is not None
    assert np.isnan([found.agreement, *found.mean_distance, *found.mean_difference]).all()


def test_the_second_score_can_stand_in_for_the_first() -> None:
    """So that labels judge it by the same code."""
    columns = batch(10, 8)
    score = PROFILE.score
    assert score is not None
    swapped = shadow_columns(columns, score, {"": "challenger"})
    assert swapped is not None
    assert swapped["score"] is columns["challenger"]
    assert shadow_columns({"score": columns["score"]}, score, {"": "challenger"}) is None


def test_which_rows_are_errors() -> None:
    """A number other than 0; a text that says anything but fine; nothing where nothing is said."""
    numbers = NumericColumn(values=np.array([0.0, 1.0, 503.0, np.nan]))
    assert error_rows(numbers).tolist() == [False, True, True, False]
    labels = ("ok", "True", "false", "timeout", "", "0")
    texts = CategoryColumn(codes=np.array([0, 1, 2, 3, 4, 5, -1], dtype=np.int32), labels=labels)
    assert error_rows(texts).tolist() == [False, True, False, True, False, False, False]


def test_the_share_of_errors_is_a_part_of_the_reference() -> None:
    """Kept as bytes; of no rows where the reference has no such column."""
    columns = batch(100, 9)
    parts = fit_errors(columns, 100, "error")
    kept = errors_of(PROFILE.with_parts(parts))
    assert kept is not None
    assert (kept.column, kept.rows, kept.errors) == ("error", 100, int(error_rows(columns["error"]).sum()))
    absent = errors_of(PROFILE.with_parts(fit_errors(columns, 100, "nothing")))
    assert absent is not None
    assert absent.rows == 0
    assert fit_errors(columns, 100, None) == {}
    assert errors_of(PROFILE) is None
