"""Is a relation that changed found, and the column that moved named?"""

import json

import numpy as np
import pytest
from scipy import stats

from detectors import NumericColumn, Profile, build_profile
from detectors._joint import JointSummary
from detectors._joint_components import joint_components, joint_evidence
from detectors._joint_counting import count_joint
from detectors._relation_fit import fit_relations
from detectors._relations import Relations, relations_of

ROWS = 1_000


def draw(rng: np.random.Generator, rows: int) -> dict[str, np.ndarray]:
    """a, b and c go together, d is alone."""
    common = rng.standard_normal(rows)
    return {name: common + rng.standard_normal(rows) for name in "abc"} | {"d": rng.standard_normal(rows)}


def numbers(columns: dict[str, np.ndarray]) -> dict[str, NumericColumn]:
    return {name: NumericColumn(values=x) for name, x in columns.items()}


def reference() -> tuple[Profile, Relations]:
    columns = numbers(draw(np.random.default_rng(1), 30 * ROWS))
    profile = build_profile(columns, roles={}, knots=512)
    part = fit_relations(profile, columns, 30 * ROWS, ROWS, np.repeat(np.arange(30), ROWS))
    assert part is not None
    found = relations_of(profile.with_parts({"relations": part}))
    assert found is not None
    return profile, found


PROFILE, RELATIONS = reference()


def joint(columns: dict[str, np.ndarray]) -> JointSummary:
    return count_joint(PROFILE, RELATIONS, numbers(columns), len(columns["a"]))


def test_components_are_fishers_z() -> None:
    """atanh of Pearson's r of normal scores, near that of the values where those are normal."""
    columns = draw(np.random.default_rng(2), ROWS)
    found = {c.name: c for c in joint_components(RELATIONS, joint(columns), ROWS)}
    assert list(found) == ["r:a~b", "r:a~c", "r:a~d", "r:b~c", "r:b~d", "r:c~d"]
    for name, component in found.items():
        first, second = name.removeprefix("r:").split("~")
        oracle = stats.pearsonr(columns[first], columns[second]).statistic
        assert np.tanh(component.y) == pytest.approx(oracle, abs=0.02)
        assert (component.n, component.share) == (ROWS, False)
        assert component.variance == pytest.approx(1.0, abs=0.1)


def test_pairs_of_few_rows_are_left_out() -> None:
    """99 rows with both values are too few; the other pairs stay."""
    columns = draw(np.random.default_rng(3), ROWS)
    columns["a"][99:] = np.nan
    names = {c.name for c in joint_components(RELATIONS, joint(columns), ROWS)}
    assert names == {"r:b~c", "r:b~d", "r:c~d"}
    assert joint_components(RELATIONS, JointSummary.empty(RELATIONS.columns), 0) == ()


def test_the_column_that_moved_is_named() -> None:
    """Exchanged between rows, each marginal stays: a's relations break, b and c keep theirs."""
    rng = np.random.default_rng(4)
    columns = draw(rng, ROWS)
    columns["a"] = rng.permutation(columns["a"])
    facts = joint_evidence(RELATIONS, joint(columns), ROWS)
    assert {frozenset(fact["columns"]) for fact in facts["pairs"][:2]} == {frozenset("ab"), frozenset("ac")}
    for fact in facts["pairs"][:2]:
        assert fact["moved"] == "a"
        assert fact["r"] == [pytest.approx(0.5, abs=0.05), pytest.approx(0.0, abs=0.1)]
        assert fact["z"] < -10.0
    assert facts["largest"] in facts["pairs"]
    assert facts["rows"] == [ROWS, ROWS]


def test_no_column_is_named_without_evidence() -> None:
    """b and d begin to go together, and nothing else changes: it may be either."""
    columns = draw(np.random.default_rng(5), ROWS)
    noise = columns["b"] + columns["d"]  # shared by both alike
    columns["b"], columns["d"] = columns["b"] + 0.4 * noise, columns["d"] + 0.4 * noise
    fact = joint_evidence(RELATIONS, joint(columns), ROWS)["pairs"][0]
    assert fact["columns"] == ["b", "d"]
    two = ["a", "d"]
    profile = build_profile(numbers(columns), roles={}, knots=512)
    part = fit_relations(profile, {name: numbers(columns)[name] for name in two}, ROWS, ROWS)
    assert part is not None
    pair = Relations.from_bytes(part)
    flipped = numbers(columns) | {"a": NumericColumn(values=np.sort(columns["a"]))}
    flipped["d"] = NumericColumn(values=np.sort(columns["d"]))
    facts = joint_evidence(pair, count_joint(profile, pair, flipped, ROWS), ROWS)
    assert facts["pairs"][0]["moved"] is None  # no third column to tell by


def test_two_that_moved_alike_are_not_told_apart() -> None:
    """a and b both left c: of their own pair neither is the one that moved."""
    rng = np.random.default_rng(8)
    columns = draw(rng, ROWS)
    columns["a"], columns["b"] = rng.permutation(columns["a"]), rng.permutation(columns["b"])
    facts = joint_evidence(RELATIONS, joint(columns), ROWS)
    moved = {"".join(fact["columns"]): fact["moved"] for fact in facts["pairs"][:3]}
    assert moved == {"ab": None, "ac": None, "bc": None}


def test_silent_without_a_change() -> None:
    """Of 200 windows like the reference's, z of the strongest pair is that of six normal values."""
    rng = np.random.default_rng(6)
    strongest = [
        abs(joint_evidence(RELATIONS, joint(draw(rng, ROWS)), ROWS)["pairs"][0]["z"]) for _ in range(200)
    ]
    assert max(strongest) < 5.0
    assert np.mean(np.array(strongest) > 2.64) == pytest.approx(0.05, abs=0.04)  # 1 − Φ-mass⁶ = 5 %


def test_evidence_is_plain_json() -> None:
    """It is stored, and read back equal."""
    for rows in (0, 50, ROWS):
        facts = joint_evidence(RELATIONS, joint(draw(np.random.default_rng(7), rows)), rows)
        assert json.loads(json.dumps(facts, allow_nan=False)) == facts
        assert facts["pairs_compared"] == (6 if rows == ROWS else 0)
