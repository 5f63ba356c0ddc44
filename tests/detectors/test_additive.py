"""Do counts say what rows would, and does a model know what it does not know?"""

import numpy as np
import pytest

from detectors._additive import FOLDS, AdditiveModel, fine_bins, fold_of
from detectors._additive_fit import fit_additive
from detectors._additive_rows import codes_of
from detectors._column import CategoryColumn, NumericColumn
from detectors._column_profile import NumericProfile
from detectors._count import count
from detectors._profile import Profile
from tests.detectors.worlds import Sample, World, values

WORLD = World()
REFERENCE = WORLD.draw(np.random.default_rng(1), 6_000)
PROFILE = WORLD.profile(REFERENCE)
FEATURES = ("x0", "x1", "x2", "k")


def fitted(sample: Sample = REFERENCE, profile: Profile = PROFILE) -> AdditiveModel:
    found = fit_additive(profile, FEATURES, sample.columns, values(sample.columns, "score")[None, :], None)
    assert found is not None
    return found


MODEL = fitted()


def by_row(sample: Sample, model: AdditiveModel = MODEL) -> np.ndarray:
    """The slow twin: one effect a row and column, added up."""
    rows = np.arange(len(sample.columns["x0"]))
    found = np.full(rows.size, model.constants[0, 0])
    start = 0
    for name, bins in zip(model.columns, model.bins.tolist(), strict=True):
        found += model.effects[0, 0, start + codes_of(PROFILE.columns[name], sample.columns[name], rows)]
        start += bins
    return found


@pytest.mark.parametrize("shift", [0.0, 1.5])
def test_counts_say_what_rows_would(shift: float) -> None:
    """The expectation from marginal counts is the mean of the effects of every row."""
    sample = WORLD.draw(np.random.default_rng(2), 700, shift=shift)
    x = values(sample.columns, "x0").copy()
    x[::9], x[5] = np.nan, np.inf
    sample = Sample(columns={**sample.columns, "x0": NumericColumn(values=x)}, outcome=sample.outcome)
    mix = MODEL.marginals(PROFILE, count(PROFILE, sample.columns, 700))
    assert MODEL.expected(mix)[0] == pytest.approx(by_row(sample).mean(), abs=1e-12)


def test_effects_average_to_nothing() -> None:
    """Over the reference the expectation is the mean target, and every column adds 0."""
    mix = MODEL.marginals(PROFILE, count(PROFILE, REFERENCE.columns, 6_000))
    assert MODEL.expected(mix)[0] == pytest.approx(values(REFERENCE.columns, "score").mean(), abs=1e-6)
    starts = np.append(0, np.cumsum(MODEL.bins)[:-1])
    np.testing.assert_allclose(np.add.reduceat(MODEL.effects[0, 0] * mix, starts), 0.0, atol=1e-12)


def test_what_is_not_known_says_nothing() -> None:
    """A label never seen, a first missing value and an absent column expect what the average row expects."""
    mean = MODEL.constants[0, 0]
    new = CategoryColumn(codes=np.zeros(50, dtype=np.int32), labels=("new",))
    lost = NumericColumn(values=np.full(50, np.nan))
    for columns in ({"k": new}, {"x0": lost}, {}):
        mix = MODEL.marginals(PROFILE, count(PROFILE, columns, 50))
        assert MODEL.expected(mix)[0] == pytest.approx(mean, abs=1e-9)


def test_doubt_of_unknown_inputs() -> None:
    """Error grows by the variance of a column's effect where the reference says nothing of its values."""
    sample = WORLD.draw(np.random.default_rng(3), 500)
    whole = MODEL.marginals(PROFILE, count(PROFILE, sample.columns, 500))
    lost = {**sample.columns, "x0": NumericColumn(values=np.full(500, np.nan))}
    mix = MODEL.marginals(PROFILE, count(PROFILE, lost, 500))
    at = MODEL.columns.index("x0")
    assert MODEL.unknown(whole)[at] == 0.0
    assert MODEL.unknown(mix)[at] == pytest.approx(1.0)
    first = MODEL.columns[0]
    codes = codes_of(PROFILE.columns[first], REFERENCE.columns[first], np.arange(6_000))
    assert MODEL.spread[0, 0] == pytest.approx(np.var(MODEL.effects[0, 0, : MODEL.bins[0]][codes]))
    assert MODEL.error2(mix)[0] - MODEL.error2(whole)[0] > 0.9 * MODEL.spread[0, at]


def test_error_is_the_jackknife() -> None:
    """With known inputs the error is that of estimates which each leave a fifth of the reference out."""
    mix = MODEL.marginals(PROFILE, count(PROFILE, WORLD.draw(np.random.default_rng(4), 400).columns, 400))
    alone = [float((MODEL.constants[1 + k] + MODEL.effects[1 + k] @ mix)[0]) for k in range(FOLDS)]
    twin = (FOLDS - 1) / FOLDS * sum((each - np.mean(alone)) ** 2 for each in alone)
    unknown = float(MODEL.spread[0] @ MODEL.unknown(mix) ** 2)
    assert MODEL.error2(mix)[0] == pytest.approx(twin + unknown)


def test_a_fold_is_answered_by_a_model_without_it() -> None:
    """`at` picks the model that left out the fold around that place; the folds cut the reference in five."""
    mix = MODEL.marginals(PROFILE, count(PROFILE, REFERENCE.columns, 6_000))
    assert [fold_of(at) for at in (0.0, 0.19, 0.2, 0.99, 1.0)] == [0, 0, 1, 4, 4]
    for fold in range(FOLDS):
        expected = MODEL.constants[1 + fold] + MODEL.effects[1 + fold] @ mix
        assert MODEL.expected(mix, (fold + 0.5) / FOLDS) == pytest.approx(expected)


def test_bytes_and_back() -> None:
    """A model from the database answers with the same bits."""
    again = AdditiveModel.from_bytes(MODEL.to_bytes())
    assert again.to_bytes() == MODEL.to_bytes()
    mix = MODEL.marginals(PROFILE, count(PROFILE, REFERENCE.columns, 6_000))
    assert again.expected(mix, 0.3)[0] == MODEL.expected(mix, 0.3)[0]
    assert again.error2(mix)[0] == MODEL.error2(mix)[0]


def test_fine_bins_reach_into_the_tails() -> None:
    """32 quantile bins, the outermost halved five times; every cell in one bin, bins in order."""
    column = PROFILE.columns["x0"]
    assert isinstance(column, NumericProfile)
    bins = fine_bins(column)
    held = bins.pool(column.counts, column.missing)
    assert held.sum() == column.rows
    assert len(bins.labels) == 32 + 2 * 5 + 1
    assert (np.diff(bins.bin_of) >= 0).all()
    assert held[0] < 0.003 * column.rows
    assert held[-2] < 0.003 * column.rows


@pytest.mark.parametrize("x", [[3.0] * 300, [np.nan] * 300, [0.0, 1.0] * 150])
def test_bins_of_odd_columns(x: list[float]) -> None:
    """A constant column, one without a value and one of two values are binned without a fuss."""
    sample = WORLD.draw(np.random.default_rng(5), 300)
    odd = Sample(columns={**sample.columns, "x2": NumericColumn(values=np.array(x))}, outcome=sample.outcome)
    profile = WORLD.profile(odd)
    bins = fine_bins(profile.columns["x2"])
    assert bins.bin_of.max() < bins.missing
    model = fit_additive(profile, FEATURES, odd.columns, values(odd.columns, "score")[None, :], None)
    assert model is not None
    assert np.isfinite(model.effects).all()
