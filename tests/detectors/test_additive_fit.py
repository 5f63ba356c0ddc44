"""Is the fit the one a slow plain twin finds, and honest about windows it has not seen?"""

import numpy as np
import pytest

from detectors._additive import FOLDS, fine_bins
from detectors._additive_fit import _all_folds, _choice, _equations, _penalty, _sums, fit_additive
from detectors._additive_rows import LEAST_ROWS, MOST_COLUMNS, codes_of, teaching_rows
from detectors._column import NumericColumn
from detectors._count import count
from detectors._profile import build_profile
from tests.detectors.worlds import World, values

RNG = np.random.default_rng(7)
WORLD = World()
ROWS = 2_000
SAMPLE = WORLD.draw(RNG, ROWS)
PROFILE = WORLD.profile(SAMPLE)
FEATURES = ("x0", "x1", "x2", "k")
SCORE = values(SAMPLE.columns, "score")
WINDOWS = np.arange(ROWS) // 50


@pytest.mark.parametrize("ridge", [1.0, 100.0])
def test_equals_plain_least_squares(ridge: float) -> None:
    """Solved from sums, the effects are those of dense generalised least squares on one row a row."""
    data = teaching_rows(PROFILE, FEATURES, SAMPLE.columns, SCORE[None, :], WINDOWS)
    assert data is not None
    sums = _sums(data)
    weight = 1.0 / (1.0 + 0.2 * sums.held[:, 0])
    penalty = ridge * _penalty(data, sums.held)
    solved = _all_folds(_equations(sums, data.fold, weight), penalty)
    x = [np.ones((ROWS, 1))]
    for codes, wide in zip(data.codes, data.bins.tolist(), strict=True):
        x.append(np.eye(wide)[codes])
    dense = np.hstack(x)
    for model, left_out in enumerate(range(-1, FOLDS)):
        kept = data.fold[data.window] != left_out
        # V = I + 0.2·11' within a window: rows of one window share a random effect.
        a, b = penalty.copy(), np.zeros(dense.shape[1])
        for window in np.unique(data.window[kept]):
            rows = data.window == window
            inverse = np.linalg.inv(np.eye(rows.sum()) + 0.2 * np.ones((rows.sum(), rows.sum())))
            a = a + dense[rows].T @ inverse @ dense[rows]
            b = b + dense[rows].T @ inverse @ data.targets[0, rows]
        # The same predictions: effects are only known up to what the faint level of the ridge fixes.
        np.testing.assert_allclose(dense @ solved[model, :, 0], dense @ np.linalg.solve(a, b), atol=1e-6)


def test_codes_agree_with_counting() -> None:
    """Bins of rows are the bins that a window's counts fall into."""
    for name in FEATURES:
        column = PROFILE.columns[name]
        codes = codes_of(column, SAMPLE.columns[name], np.arange(ROWS))
        bins = fine_bins(column)
        held = np.bincount(codes, minlength=len(bins.labels))
        assert held.sum() == ROWS
        mix = fit_additive(PROFILE, [name], SAMPLE.columns, SCORE[None, :], None)
        if mix is not None:
            counted = mix.marginals(PROFILE, count(PROFILE, SAMPLE.columns, ROWS))
            np.testing.assert_allclose(counted, held / ROWS)


def test_weather_does_not_name_the_day() -> None:
    """A column that is one number a window explains nothing of windows that share an effect of their own."""
    rng = np.random.default_rng(8)
    windows, each = 60, 100
    window = np.repeat(np.arange(windows), each)
    x = rng.standard_normal(windows * each)
    weather = rng.standard_normal((windows, 6))[window]
    y = x + rng.standard_normal(windows)[window] * 0.5 + rng.standard_normal(window.size) * 0.3
    columns = {"x": NumericColumn(values=x)}
    columns |= {f"w{j}": NumericColumn(values=weather[:, j]) for j in range(6)}
    profile = build_profile(columns, roles={}, knots=512)
    model = fit_additive(profile, list(columns), columns, y[None, :], window)
    assert model is not None
    # In the folds that were left out, windows stray as they do: τ² = 0.25, neither explained nor doubled.
    assert 0.15 < model.between[0] < 0.40
    assert 0.09 < model.variance[0] < 0.15  # 0.09 of a row, and x within its bins
    spread = dict(zip(model.columns, model.spread[0], strict=True))
    assert spread["x"] == pytest.approx(1.0, rel=0.1)
    assert sum(part for name, part in spread.items() if name != "x") < 0.1


def test_windows_without_a_known_row_say_nothing() -> None:
    """τ² is that of the windows that know their target; the others do not water it down."""
    rng = np.random.default_rng(11)
    windows, each = 80, 100
    window = np.repeat(np.arange(windows), each)
    x = rng.standard_normal(window.size)
    y = x + 0.1 * rng.standard_normal(windows)[window] + 0.5 * rng.standard_normal(window.size)
    late = np.where(window >= windows // 2, y, np.nan)[None, :]
    columns = {"x": NumericColumn(values=x)}
    profile = build_profile(columns, roles={}, knots=512)
    unknown = fit_additive(profile, ["x"], columns, late, window)
    outside = fit_additive(profile, ["x"], columns, late, np.where(window >= windows // 2, window, -1))
    assert unknown is not None
    assert outside is not None
    assert unknown.between[0] == pytest.approx(outside.between[0], rel=0.02)


def test_useless_columns_are_left_out() -> None:
    """Of many columns the useful ones are kept, 30 at most, the most useful first."""
    rng = np.random.default_rng(9)
    columns = {f"n{j:02d}": NumericColumn(values=rng.standard_normal(1_500)) for j in range(80)}
    y = sum(values(columns, f"n{j:02d}") * (40 - j) for j in range(40))
    profile = build_profile(columns, roles={}, knots=128)
    model = fit_additive(profile, list(columns), columns, np.asarray(y)[None, :], None)
    assert model is not None
    assert len(model.columns) <= MOST_COLUMNS
    assert {"n00", "n01", "n02", "n03", "n04"} <= set(model.columns[:12])


def test_too_little_to_learn_from() -> None:
    """Fewer than 200 known rows, or no column that says anything, give no model."""
    y = np.full((1, ROWS), np.nan)
    y[0, : LEAST_ROWS - 1] = SCORE[: LEAST_ROWS - 1]
    assert fit_additive(PROFILE, FEATURES, SAMPLE.columns, y, None) is None
    assert fit_additive(PROFILE, (), SAMPLE.columns, SCORE[None, :], None) is None
    assert fit_additive(PROFILE, FEATURES, SAMPLE.columns, np.zeros((1, ROWS)), None) is None


def test_rows_outside_windows_do_not_teach() -> None:
    """A span that is no reference window leaves no trace."""
    outside = np.where(np.arange(ROWS) < 500, -1, WINDOWS)
    wild = SCORE.copy()
    wild[:500] = 1e6
    one = fit_additive(PROFILE, FEATURES, SAMPLE.columns, wild[None, :], outside)
    other = fit_additive(PROFILE, FEATURES, SAMPLE.columns, SCORE[None, :], outside)
    assert one is not None
    assert other is not None
    np.testing.assert_array_equal(one.effects, other.effects)


def test_outcomes_known_at_the_end_only() -> None:
    """Where all known rows lie in one fold, every fold is answered by the model that has seen them."""
    y = np.where(np.arange(ROWS) < 0.85 * ROWS, np.nan, SCORE)[None, :]
    model = fit_additive(PROFILE, FEATURES, SAMPLE.columns, y, None)
    assert model is not None
    np.testing.assert_array_equal(model.effects[FOLDS], model.effects[0])
    assert np.isfinite(model.constants).all()


def test_choice_of_the_ridge() -> None:
    """The best for rows among those whose windows are predicted within one standard error of the best."""
    rng = np.random.default_rng(10)
    base = rng.random(100)
    windows = np.stack([base, base + 0.001 * rng.standard_normal(100), base + 1.0])
    assert _choice(np.array([3.0, 2.0, 1.0]), windows) in (0, 1)
    assert _choice(np.array([3.0, 2.0, 1.0]), np.stack([base, base, base + 1.0])) == 1
    assert _choice(np.array([1.0, 2.0, 3.0]), np.stack([base + 1.0, base, base])) == 1


def test_the_same_rows_give_the_same_bytes() -> None:
    """No chance in the fit: a reference built twice has one digest."""
    one = fit_additive(PROFILE, FEATURES, SAMPLE.columns, SCORE[None, :], WINDOWS)
    other = fit_additive(PROFILE, FEATURES, SAMPLE.columns, SCORE[None, :], WINDOWS)
    assert one is not None
    assert other is not None
    assert one.to_bytes() == other.to_bytes()
