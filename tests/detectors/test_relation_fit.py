"""Does a reference teach the right columns, the usual r of a window, and the law of r?"""

import numpy as np
import pytest

from detectors import CategoryColumn, Columns, NumericColumn, Role, build_profile
from detectors._joint_counting import count_joint
from detectors._relation_fit import fit_relations
from detectors._relations import LEAST_ROWS, MOST_COLUMNS, Relations, relations_of

Rows = dict[str, NumericColumn]


def numbers(**columns: np.ndarray) -> Rows:
    return {name: NumericColumn(values=np.asarray(x, dtype=np.float64)) for name, x in columns.items()}


def learnt(
    columns: Columns, window_rows: int = 1_000, windows: np.ndarray | None = None, **roles: Role
) -> Relations | None:
    profile = build_profile(columns, roles=roles, knots=512)
    rows = len(next(iter(columns.values())))
    part = fit_relations(profile, columns, rows, window_rows, windows)
    return relations_of(profile.with_parts({"relations": part})) if part is not None else None


def needed(columns: Columns, window_rows: int = 1_000, windows: np.ndarray | None = None) -> Relations:
    found = learnt(columns, window_rows, windows)
    assert found is not None
    return found


def test_needs_two_columns_that_vary() -> None:
    """Nothing to learn from labels, constants, a single column, or fewer than 100 rows."""
    rng = np.random.default_rng(1)
    labels = CategoryColumn(codes=np.zeros(500, dtype=np.int32), labels=("a",))
    assert learnt({**numbers(x=rng.random(500), flat=np.ones(500)), "label": labels}) is None
    assert learnt(numbers(x=rng.random(99), y=rng.random(99))) is None
    assert learnt(numbers(x=rng.random(100), y=rng.random(100))) is not None


def test_bytes_give_the_same_part_back() -> None:
    """And the same rows give the same bytes."""
    rng = np.random.default_rng(2)
    columns = numbers(x=rng.random(3_000), y=rng.random(3_000), z=rng.random(3_000))
    found = needed(columns, 100_000)
    assert Relations.from_bytes(found.to_bytes()).to_bytes() == found.to_bytes()
    assert needed(columns, 100_000).to_bytes() == found.to_bytes()
    with pytest.raises(ValueError, match="rebuild the reference"):
        Relations.from_bytes(build_profile(columns, roles={}).columns["x"].to_bytes())


def test_of_many_columns_those_with_relations_and_the_score() -> None:
    """Forty of sixty: the score, and every column that goes together with another."""
    rng = np.random.default_rng(3)
    x = rng.standard_normal((60, 3_000))
    x[51:60] += x[40:49]
    columns = numbers(**{f"x{i:02d}": x[i] for i in range(60)}, score=rng.random(3_000))
    found = learnt(columns, score=Role.SCORE, x00=Role.SERVICE)
    assert found is not None
    assert len(found.columns) == MOST_COLUMNS
    assert {"score", *(f"x{i}" for i in (*range(51, 60), *range(40, 49)))} <= set(found.columns)
    assert "x00" not in found.columns


def test_usual_is_that_within_a_window() -> None:
    """Season moves two columns together over the year; within a day they go the other way."""
    rng = np.random.default_rng(4)
    day = np.repeat(np.arange(40), 500)
    season = rng.standard_normal(40)[day] * 3.0
    x = rng.standard_normal(20_000)
    y = -0.5 * x + np.sqrt(0.75) * rng.standard_normal(20_000)
    columns = numbers(x=x + season, y=y + season)
    assert np.tanh(needed(columns).usual[0]) > 0.7
    # Ranks squeeze days far from the middle, so r is near −0.5, not equal to it.
    assert np.tanh(needed(columns, windows=day).usual[0]) == pytest.approx(-0.5, abs=0.1)


def test_variance_between_windows_is_found() -> None:
    """atanh r that strays by 0.2 from window to window; without straying next to nothing."""
    rng = np.random.default_rng(5)
    day, strays = np.repeat(np.arange(80), 500), rng.normal(0.3, 0.2, 80)
    for r, expected in ((np.tanh(strays)[day], 0.04), (np.full(40_000, 0.3), 0.0)):
        x = rng.standard_normal(40_000)
        y = r * x + np.sqrt(1.0 - r * r) * rng.standard_normal(40_000)
        found = needed(numbers(x=x, y=y), windows=day)
        assert found.window_variance[0] == pytest.approx(expected, abs=0.015)
        assert found.usual[0] == pytest.approx(0.3, abs=0.07)


@pytest.mark.parametrize("law", ["normal", "together", "discrete"])
def test_row_variance_is_that_of_simulated_windows(law: str) -> None:
    """n·Var(atanh r) over 3,000 windows of 400 independent rows, within a seventh."""
    rng = np.random.default_rng(6)

    def draw(rows: int) -> Rows:
        x = rng.standard_normal(rows)
        y = 0.5 * x + rng.standard_normal(rows)
        if law == "together":  # both zero in the same half of the rows
            off = rng.random(rows) < 0.5
            x, y = np.where(off, 0.0, np.abs(x)), np.where(off, 0.0, np.abs(y))
        if law == "discrete":
            x, y = np.round(x), (y > 1.0).astype(np.float64)
        return numbers(x=x, y=y)

    reference = draw(40_000)
    profile = build_profile(reference, roles={}, knots=512)
    part = fit_relations(profile, reference, 40_000, 400)
    assert part is not None
    found = Relations.from_bytes(part)
    joints = [count_joint(profile, found, draw(400), 400) for _ in range(3_000)]
    both, s, q, p = (
        np.array([getattr(joint, name) for joint in joints], dtype=np.float64)
        for name in ("both", "sums", "squares", "products")
    )
    covariance = p[:, 0, 1] - s[:, 0, 1] * s[:, 1, 0] / both[:, 0, 1]
    spreads = (q[:, 0, 1] - s[:, 0, 1] ** 2 / 400.0) * (q[:, 1, 0] - s[:, 1, 0] ** 2 / 400.0)
    simulated = 400.0 * np.arctanh(covariance / np.sqrt(spreads)).var()
    assert found.row_variance[0] == pytest.approx(simulated, rel=1 / 7)


def test_rare_values_need_more_rows() -> None:
    """Two columns that are zero but for one row in a hundred: r hangs on the few rows where they meet."""
    rng = np.random.default_rng(7)
    x, y = (np.where(rng.random(20_000) < 0.01, rng.random(20_000), 0.0) for _ in range(2))
    found = needed(numbers(x=x, y=y, z=rng.random(20_000)))
    least = dict(zip(found.names, found.least.tolist(), strict=True))
    assert least["x", "y"] > 5_000
    assert least["x", "z"] < 1_000
    assert needed(numbers(x=rng.random(500), y=rng.random(500))).least.tolist() == [LEAST_ROWS]


def test_rows_are_chosen_only_where_windows_are_large() -> None:
    """20,000 to 40,000 rows of a window are looked at; of columns of few values all, or few combinations
    would stand for everything."""
    rng = np.random.default_rng(8)
    columns = numbers(x=rng.random(5_000), y=rng.random(5_000))
    assert [needed(columns, rows).sparsity for rows in (1_000, 39_999, 40_000, 1_000_000)] == [0, 0, 1, 5]
    coins = numbers(x=rng.integers(0, 2, 5_000), y=rng.integers(0, 2, 5_000))
    assert needed(coins, 1_000_000).sparsity == 0
