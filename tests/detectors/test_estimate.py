"""Does the estimate say what labels will say, and how far it may be off?"""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import f1_score, roc_auc_score

from detectors._calibration import PART, Calibration, calibration_of, fit_calibration, predicts
from detectors._cells import cells_of
from detectors._column import CategoryColumn, Columns, NumericColumn, Role
from detectors._column_profile import NumericProfile
from detectors._count import count
from detectors._estimate import estimate, estimated_components, estimated_evidence
from detectors._profile import Profile, ScoreSpec, build_profile
from detectors.estimated import Estimated
from tests.detectors.worlds import CLASSES, Floats, Sample, World, values, with_score

ROWS = 12_000
OVERSURE = World(slope=2.5)
SAMPLE = OVERSURE.draw(np.random.default_rng(1), ROWS)
PROFILE = OVERSURE.profile(SAMPLE)


def plain(profile: Profile) -> Profile:
    """The same with the score's curve alone, nothing regressed on features."""
    found = calibration_of(profile)
    assert found is not None
    return profile.with_parts({PART: replace(found, rest=None).to_bytes()})


def chances(sample: Sample, columns: Columns) -> Floats:
    """The slow twin of the curve: scikit-learn on the cells of the rows themselves."""
    reference = PROFILE.columns["score"]
    assert isinstance(reference, NumericProfile)
    assert isinstance(sample.outcome, np.ndarray)
    curve = IsotonicRegression(out_of_bounds="clip")
    curve.fit(cells_of(reference.knots, values(sample.columns, "score")), sample.outcome)
    return np.asarray(curve.predict(cells_of(reference.knots, values(columns, "score"))))


WINDOW = OVERSURE.draw(np.random.default_rng(2), 900, shift=0.8)
CHANCE = chances(SAMPLE, WINDOW.columns)
PREDICTED = values(WINDOW.columns, "score") >= 0.5
# Each row as both of its outcomes, each as heavy as it is likely: scikit-learn then gives what is expected.
TWICE = np.repeat([1, 0], 900)
WEIGHT = np.concatenate([CHANCE, 1.0 - CHANCE])


def test_accuracy_is_the_mean_chance_of_being_right() -> None:
    """Σ q_s ĉ(s) from counts is the mean over rows of the calibrated chance that the prediction holds."""
    found = estimate(plain(PROFILE), count(plain(PROFILE), WINDOW.columns, 900))
    assert found is not None
    assert found.accuracy is not None
    right = np.where(PREDICTED, CHANCE, 1.0 - CHANCE)
    assert found.accuracy.value == pytest.approx(right.mean(), abs=2e-3)
    assert found.accuracy.band == pytest.approx(2.0 * np.sqrt((right * (1.0 - right)).sum()) / 900, rel=0.01)


def test_f1_and_auc_against_scikit_learn() -> None:
    """F1 and ROC AUC of rows that have both outcomes, each as heavy as it is likely."""
    found = estimate(plain(PROFILE), count(plain(PROFILE), WINDOW.columns, 900))
    assert found is not None
    assert found.f1 is not None
    assert found.roc_auc is not None
    f1 = f1_score(TWICE, np.tile(PREDICTED, 2), sample_weight=WEIGHT)
    score = np.tile(values(WINDOW.columns, "score"), 2)
    assert found.f1.value == pytest.approx(f1, abs=3e-3)
    assert found.roc_auc.value == pytest.approx(roc_auc_score(TWICE, score, sample_weight=WEIGHT), abs=3e-3)


def test_bands_are_two_sd_of_what_chance_does() -> None:
    """Labels drawn again and again from the chances: each metric's sd is half its band."""
    found = estimate(plain(PROFILE), count(plain(PROFILE), WINDOW.columns, 900))
    assert found is not None
    rng = np.random.default_rng(3)
    score = values(WINDOW.columns, "score")
    drawn = []
    for _ in range(200):
        y = rng.random(900) < CHANCE
        drawn.append(((y == PREDICTED).mean(), f1_score(y, PREDICTED), roc_auc_score(y, score)))
    for sd, number in zip(np.std(drawn, axis=0), (found.accuracy, found.f1, found.roc_auc), strict=True):
        assert number is not None
        assert number.band == pytest.approx(2.0 * sd, rel=0.15)


@pytest.mark.parametrize(
    ("world", "held"),
    [
        (World(), 0.8),
        (World(slope=2.5), 0.8),
        (World(slope=0.4), 0.8),
        # Whether x1 helps or harms depends on what was predicted, which marginal counts cannot tell.
        (World(blind=True), 0.3),
        (World(slope=3.0, blind=True), 0.3),
    ],
    ids=["calibrated", "oversure", "timid", "blind", "oversure and blind"],
)
def test_better_than_a_constant_guess(world: World, held: float) -> None:
    """Under covariate drift the mean error is at most 0.65 of a constant guess's, and the band holds it."""
    rng = np.random.default_rng(4)
    profile = world.profile(world.draw(rng, ROWS))
    level = calibration_of(profile)
    assert level is not None
    errors, constant, inside = [], [], []
    for _ in range(40):
        window = world.draw(rng, 1_500, shift=1.2 * rng.standard_normal(), shift1=1.2 * rng.standard_normal())
        real = ((values(window.columns, "score") >= 0.5) == window.outcome).mean()
        found = estimate(profile, count(profile, window.columns, 1_500))
        assert found is not None
        assert found.accuracy is not None
        errors.append(abs(found.accuracy.value - real))
        constant.append(abs(level.level - real))
        inside.append(abs(found.accuracy.value - real) <= found.accuracy.band)
    assert np.mean(errors) < 0.65 * np.mean(constant)
    assert np.mean(inside) >= held


def test_regression_error_follows_its_inputs() -> None:
    """Where the noise depends on an input, the estimate follows it and a constant guess does not."""
    world = World(task="regression")
    rng = np.random.default_rng(5)
    profile = world.profile(world.draw(rng, ROWS))
    level = calibration_of(profile)
    assert level is not None
    errors, constant = [], []
    for shift in (-1.5, -1.0, 0.5, 1.0, 1.5):
        window = world.draw(rng, 1_500, shift1=shift)
        assert isinstance(window.outcome, np.ndarray)
        real = np.abs(window.outcome - values(window.columns, "score")).mean()
        summary = count(profile, window.columns, 1_500)
        found = estimate(profile, summary)
        assert found is not None
        assert found.mae is not None
        errors.append(abs(found.mae.value - real))
        constant.append(abs(level.level - real))
        (part,) = estimated_components(profile, summary)
        assert (part.name, part.share) == ("mae", False)
        assert part.y == pytest.approx(found.mae.value / level.level)
    assert np.mean(errors) < 0.3 * np.mean(constant)


def test_multiclass_close_to_what_happens() -> None:
    """Accuracy, macro F1 and macro AUC of a multiclass model come near those of the labels."""
    world = World(task="multiclass", slope=2.0)
    rng = np.random.default_rng(6)
    profile = world.profile(world.draw(rng, ROWS))
    window = world.draw(rng, 4_000, shift=0.7)
    assert isinstance(window.outcome, CategoryColumn)
    truth = window.outcome.codes
    score = np.column_stack([values(window.columns, f"p_{label}") for label in CLASSES])
    predicted = score.argmax(axis=1)
    found = estimate(profile, count(profile, window.columns, 4_000))
    assert found is not None
    auc = np.mean([roc_auc_score(truth == k, score[:, k]) for k in range(3)])
    for number, real in (
        (found.accuracy, (predicted == truth).mean()),
        (found.f1, f1_score(truth, predicted, average="macro")),
        (found.roc_auc, auc),
    ):
        assert number is not None
        assert number.value == pytest.approx(real, abs=0.03)


def test_distrusted_beyond_the_range_of_scores() -> None:
    """Scores that no reference row had: said in words, from 2 % of them on."""
    narrow = with_score(SAMPLE, 0.2 + 0.6 * values(SAMPLE.columns, "score"))
    sample = Sample(columns=narrow, outcome=SAMPLE.outcome)
    profile = OVERSURE.profile(sample)
    inside = estimate(profile, count(profile, narrow, ROWS))
    assert inside is not None
    assert (inside.trusted, inside.why) == (True, "")
    wide = with_score(WINDOW, np.where(np.arange(900) < 90, 0.99, 0.5))
    found = estimate(profile, count(profile, wide, 900))
    assert found is not None
    assert not found.trusted
    assert found.why == "10 % of the scores lie outside the reference's range"
    assert estimated_evidence(profile, count(profile, wide, 900))["trusted"] is False


def test_distrusted_without_its_inputs() -> None:
    """An input that what was learnt rests on is gone: said, with its name."""
    world = World(blind=True)
    profile = world.profile(world.draw(np.random.default_rng(7), ROWS))
    window = world.draw(np.random.default_rng(8), 500)
    lost = {**window.columns, "x1": NumericColumn(values=np.full(500, np.nan))}
    found = estimate(profile, count(profile, lost, 500))
    assert found is not None
    assert not found.trusted
    assert "x1" in found.why


def test_bands_widen_together_with_what_windows_stray() -> None:
    """Accuracy strays beyond what scores promise; F1 and AUC by as much more."""
    world = World(blind=True)
    profile = world.profile(world.draw(np.random.default_rng(13), ROWS))
    summary = count(profile, world.draw(np.random.default_rng(14), 900, shift1=1.5).columns, 900)
    wide, narrow = estimate(profile, summary), estimate(plain(profile), summary)
    assert wide is not None
    assert narrow is not None
    assert wide.accuracy is not None
    assert narrow.accuracy is not None
    factor = wide.accuracy.band / narrow.accuracy.band
    assert factor > 1.1
    for one, other in ((wide.f1, narrow.f1), (wide.roc_auc, narrow.roc_auc)):
        assert one is not None
        assert other is not None
        assert one.band == pytest.approx(factor * other.band)


def test_a_window_of_the_reference_is_asked_of_who_has_not_seen_it() -> None:
    """The place among the reference's rows decides who answers, asked in any order."""
    world = World(blind=True)
    profile = world.profile(world.draw(np.random.default_rng(15), ROWS))
    summary = count(profile, world.draw(np.random.default_rng(16), 900, shift1=1.5).columns, 900)
    final, first, last = (estimate(profile, summary, at) for at in (None, 0.1, 0.9))
    assert final is not None
    assert first is not None
    assert last is not None
    assert len({each.accuracy.value for each in (final, first, last) if each.accuracy is not None}) == 3
    assert estimate(profile, summary, 0.1) == first


def test_component_is_the_estimate() -> None:
    """`accuracy`, over the rows with a score, with the variance of what one row adds."""
    summary = count(PROFILE, WINDOW.columns, 900)
    found = estimate(PROFILE, summary)
    assert found is not None
    assert found.accuracy is not None
    (part,) = estimated_components(PROFILE, summary)
    assert (part.name, part.y, part.n, part.share) == ("accuracy", found.accuracy.value, 900, False)
    right = np.where(PREDICTED, CHANCE, 1.0 - CHANCE)
    assert part.variance == pytest.approx(right.var(), rel=0.05)


def test_nothing_without_outcomes_or_score() -> None:
    """No outcomes in the reference, too few, or no score in the window: nothing is estimated."""
    assert fit_calibration(PROFILE, SAMPLE.columns, None, ROWS) is None
    few = np.where(np.arange(ROWS) < 150, 1.0, np.nan)
    assert fit_calibration(PROFILE, SAMPLE.columns, few, ROWS) is None
    bare = build_profile(SAMPLE.columns, roles={"score": Role.SCORE}, score=OVERSURE.spec(), knots=64)
    assert estimate(bare, count(bare, WINDOW.columns, 900)) is None
    absent = {name: column for name, column in WINDOW.columns.items() if name != "score"}
    assert estimate(PROFILE, count(PROFILE, absent, 900)) is None
    assert estimated_components(PROFILE, count(PROFILE, absent, 900)) == ()
    assert estimated_evidence(PROFILE, count(PROFILE, absent, 900)) == {}


def test_a_class_of_two_columns() -> None:
    """A binary score given as both probabilities is the same model as one of them alone."""
    score = values(SAMPLE.columns, "score")
    both: Columns = {
        **{name: column for name, column in SAMPLE.columns.items() if name != "score"},
        "no": NumericColumn(values=1.0 - score),
        "yes": NumericColumn(values=score),
    }
    spec = ScoreSpec(task="binary", columns={"0": "no", "1": "yes"})
    profile = build_profile(
        both, roles={"no": Role.SCORE, "yes": Role.SCORE}, score=spec, outcome=SAMPLE.outcome
    )
    learnt = fit_calibration(profile, both, SAMPLE.outcome, ROWS)
    assert learnt is not None
    found = estimate(profile.with_parts({PART: learnt}), count(profile, both, ROWS))
    alone = estimate(PROFILE, count(PROFILE, SAMPLE.columns, ROWS))
    assert found is not None
    assert alone is not None
    assert found.accuracy is not None
    assert alone.accuracy is not None
    assert found.accuracy.value == pytest.approx(alone.accuracy.value, abs=2e-3)


def test_the_outcome_may_be_spelt_otherwise() -> None:
    """Numbers, their labels, true and false: one outcome, one calibration."""
    assert isinstance(SAMPLE.outcome, np.ndarray)
    codes = SAMPLE.outcome.astype(np.int32)
    for labels in (("0", "1"), ("false", "true")):
        told = CategoryColumn(codes=codes, labels=labels)
        assert fit_calibration(PROFILE, SAMPLE.columns, told, ROWS) == PROFILE.parts[PART]


def test_classes_that_are_numbers() -> None:
    """Outcomes as numbers are the classes that spell them, more than two of them too."""
    sample = World(task="multiclass").draw(np.random.default_rng(12), 1_000)
    assert isinstance(sample.outcome, CategoryColumn)
    spec = ScoreSpec(task="multiclass", columns={str(i): f"p_{label}" for i, label in enumerate(CLASSES)})
    roles = dict.fromkeys(spec.columns.values(), Role.SCORE)
    profile = build_profile(sample.columns, roles=roles, score=spec)
    numbers = sample.outcome.codes.astype(np.float64)
    labels = CategoryColumn(codes=sample.outcome.codes, labels=("0", "1", "2"))
    learnt = [fit_calibration(profile, sample.columns, told, 1_000) for told in (numbers, labels)]
    assert learnt[0] is not None
    assert learnt[0] == learnt[1]


def test_predictions_by_cell() -> None:
    """Half is predicted positive; the cell that it cuts goes by its middle."""
    profile = build_profile({"s": NumericColumn(values=np.array([0.1, 0.4, 0.5, 0.9]))}, roles={})
    column = profile.columns["s"]
    assert isinstance(column, NumericProfile)
    assert predicts(column).tolist() == [False, False, False, False, False, True, True, True, True]


def test_bytes_and_back() -> None:
    """A calibration from the database is the same to the bit."""
    for world in (OVERSURE, World(task="regression"), World(task="multiclass")):
        profile = world.profile(world.draw(np.random.default_rng(9), 1_000))
        assert Calibration.from_bytes(profile.parts[PART]).to_bytes() == profile.parts[PART]


def test_member_reports_what_was_estimated() -> None:
    """Value and band of each number the task has, on the reference rows whose outcome was known."""
    summary = count(PROFILE, WINDOW.columns, 900)
    found = estimate(PROFILE, summary)
    assert found is not None
    told = {each.metric: each for each in Estimated().measure(PROFILE, summary)}
    assert set(told) == {"estimated_accuracy", "estimated_f1", "estimated_roc_auc"}
    assert found.f1 is not None
    assert (told["estimated_f1"].value, told["estimated_f1"].bound) == (found.f1.value, found.f1.band)
    assert told["estimated_accuracy"].n_reference == ROWS
    regression = World(task="regression")
    profile = regression.profile(regression.draw(np.random.default_rng(10), 2_000))
    window = regression.draw(np.random.default_rng(11), 200)
    assert [m.metric for m in Estimated().measure(profile, count(profile, window.columns, 200))] == [
        "estimated_mae"
    ]
