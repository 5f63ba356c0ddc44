"""Does the surrogate find an answer that changed, and only that?"""

import numpy as np
import pytest

from detectors._column import BEHAVIOUR, CategoryColumn, NumericColumn, Role
from detectors._count import count
from detectors._learning import learn
from detectors._noise import score_component
from detectors._profile import Profile, ScoreSpec, build_profile
from detectors._surrogate import (
    PART,
    Surrogate,
    behaviour_components,
    behaviour_evidence,
    fit_surrogate,
    residuals,
    surrogate_of,
)
from detectors.behaviour import Behaviour
from monitor.observations import observe
from tests.detectors.worlds import CLASSES, Sample, World, logistic, values, with_score

WINDOWS, EACH = 40, 400
WORLD = World(slope=1.5)
OF_ROW = np.repeat(np.arange(WINDOWS), EACH)


def build(world: World, seed: int = 1) -> tuple[Sample, Profile]:
    sample = world.draw(np.random.default_rng(seed), WINDOWS * EACH)
    return sample, world.profile(sample, OF_ROW)


SAMPLE, PROFILE = build(WORLD)


def part(sample: Sample, window: int) -> dict[str, NumericColumn | CategoryColumn]:
    rows = window * EACH <= np.arange(WINDOWS * EACH)
    rows &= np.arange(WINDOWS * EACH) < (window + 1) * EACH
    return {
        name: NumericColumn(values=column.values[rows])
        if isinstance(column, NumericColumn)
        else CategoryColumn(codes=column.codes[rows], labels=column.labels)
        for name, column in sample.columns.items()
    }


def z_of(columns: dict[str, NumericColumn | CategoryColumn], rows: int) -> dict[str, float]:
    """z of each component by the noise of the reference's own windows, which no surrogate had seen."""
    found = {}
    for component in behaviour_components(PROFILE, count(PROFILE, columns, rows)):
        noise = NOISE.components[BEHAVIOUR, component.name]
        found[component.name] = score_component(noise, component.y, component.n, 0).z
    return found


NOISE = learn(
    observe(
        [
            {
                (BEHAVIOUR, each.name): each
                for each in behaviour_components(
                    PROFILE, count(PROFILE, part(SAMPLE, window), EACH), (window + 0.5) / WINDOWS
                )
            }
            for window in range(WINDOWS)
        ]
    ),
    {"none": np.zeros(WINDOWS, dtype=np.int64)},
)


def test_silent_when_only_inputs_move() -> None:
    """Inputs shift by up to 1.5 sd, the model is the same: windows stay within the floor of 2 points."""
    rng = np.random.default_rng(2)
    zs = []
    for shift in (0.0, 0.5, -1.0, 1.5):
        for _ in range(10):
            sample = WORLD.draw(rng, 600, shift=shift)
            summary = count(PROFILE, sample.columns, 600)
            (score, _confidence) = behaviour_components(PROFILE, summary)
            assert abs(score.y) < 0.02
            zs.append(z_of(dict(sample.columns), 600)["score"])
    assert np.abs(zs).max() < 4.5


@pytest.mark.parametrize("shift", [0.0, 1.0])
def test_finds_a_score_times_six_tenths(shift: float) -> None:
    """A score × 0.6 stands out in one window, whatever the inputs do meanwhile, and the direction is told."""
    sample = WORLD.draw(np.random.default_rng(3), 600, shift=shift)
    found = z_of(with_score(sample, 0.6 * values(sample.columns, "score")), 600)  # type: ignore[arg-type]
    assert found["score"] < -8.0


def test_finds_a_collapse_of_confidence() -> None:
    """Scores pulled to ½ with the same inputs: the mean score hardly moves, the confidence does."""
    sample = WORLD.draw(np.random.default_rng(4), 600)
    pulled = 0.5 + 0.7 * (values(sample.columns, "score") - 0.5)
    assert z_of(with_score(sample, pulled), 600)["confidence"] < -8.0  # type: ignore[arg-type]


def test_mean_and_expectation_row_by_row() -> None:
    """The residual is the mean of score − surrogate over the rows: nothing of it needs them together."""
    sample = WORLD.draw(np.random.default_rng(5), 300)
    summary = count(PROFILE, sample.columns, 300)
    score = residuals(PROFILE, summary)[0]
    assert score.mean == pytest.approx(values(sample.columns, "score").mean(), abs=1e-5)
    first, second = (count(PROFILE, part(SAMPLE, window), EACH) for window in (0, 1))
    both, one, other = (residuals(PROFILE, each)[0] for each in (first + second, first, second))
    assert both.expected == pytest.approx((one.expected + other.expected) / 2)


def test_noise_is_learnt_out_of_sample() -> None:
    """A window of the reference is answered by a surrogate that has not seen its fold."""
    summary = count(PROFILE, part(SAMPLE, 3), EACH)
    surrogate = surrogate_of(PROFILE)
    assert surrogate is not None
    mix = surrogate.model.marginals(PROFILE, summary)
    alone = surrogate.model.constants[1] + surrogate.model.effects[1] @ mix
    assert residuals(PROFILE, summary, 3.5 / WINDOWS)[0].expected == alone[0]
    assert residuals(PROFILE, summary)[0].expected != alone[0]


def test_a_lost_input_is_worth_few_rows() -> None:
    """Where an important column is gone the expectation is hardly known: n falls, and the z with it."""
    sample = WORLD.draw(np.random.default_rng(6), 600, shift=1.0)
    without = {name: column for name, column in sample.columns.items() if name != "x0"}
    (whole, _), (less, _) = (
        behaviour_components(PROFILE, count(PROFILE, columns, 600)) for columns in (sample.columns, without)
    )
    assert less.n < 5 < whole.n
    assert abs(z_of(without, 600)["score"]) < 3.0


def test_missing_scores_are_left_out() -> None:
    """n counts the rows with a finite score; without one there is nothing to say."""
    sample = WORLD.draw(np.random.default_rng(7), 400)
    score = values(sample.columns, "score").copy()
    score[:100], score[100] = np.nan, np.inf
    found = residuals(PROFILE, count(PROFILE, with_score(sample, score), 400))
    assert found[0].n == 299
    lost = with_score(sample, np.full(400, np.nan))
    assert residuals(PROFILE, count(PROFILE, lost, 400)) == ()
    absent = {name: column for name, column in sample.columns.items() if name != "score"}
    assert behaviour_components(PROFILE, count(PROFILE, absent, 400)) == ()
    assert behaviour_evidence(PROFILE, count(PROFILE, absent, 400)) == {}


def test_regression_in_its_own_sd() -> None:
    """A regression's component is in sd of its score, and has no confidence."""
    world = World(task="regression")
    sample, profile = build(world, 8)
    score = values(sample.columns, "score")
    window = world.draw(np.random.default_rng(9), 500)
    moved = with_score(window, values(window.columns, "score") + 1.0)
    (found,) = behaviour_components(profile, count(profile, moved, 500))
    assert found.name == "score"
    assert found.y == pytest.approx(1.0 / score.std(ddof=1), abs=0.08)
    (told,) = behaviour_evidence(profile, count(profile, moved, 500)).values()
    assert told["mean"][1] - told["mean"][0] == pytest.approx(1.0, abs=0.2)


def test_multiclass_has_a_component_a_class() -> None:
    """Each class and the confidence; what one class loses to another is found in both."""
    world = World(task="multiclass")
    _, profile = build(world, 10)
    window = world.draw(np.random.default_rng(11), 800)
    a, b = values(window.columns, "p_a"), values(window.columns, "p_b")
    moved = {"p_a": NumericColumn(values=0.6 * a), "p_b": NumericColumn(values=b + 0.4 * a)}
    shifted = {**window.columns, **moved}
    before, after = (
        {each.name: each for each in behaviour_components(profile, count(profile, columns, 800))}
        for columns in (window.columns, shifted)
    )
    assert set(before) == {*(f"score:{label}" for label in CLASSES), "confidence"}
    for name in ("score:a", "score:b"):
        assert abs(before[name].y) < 0.04
        assert abs(after[name].y) > 0.1
    metrics = {each.metric for each in Behaviour().measure(profile, count(profile, shifted, 800))}
    assert metrics == {*(f"behaviour_residual:{label}" for label in CLASSES), "confidence_residual"}


def test_nothing_to_learn_from() -> None:
    """No score, a constant score, no feature or few rows: no part."""
    sample = WORLD.draw(np.random.default_rng(12), 300)
    plain = build_profile(sample.columns, roles={"score": Role.SCORE})
    assert fit_surrogate(plain, sample.columns, 300, None) is None
    flat = with_score(sample, np.full(300, 0.25))
    spec = ScoreSpec(task="regression", columns={"": "score"})
    assert (
        fit_surrogate(build_profile(flat, roles={"score": Role.SCORE}, score=spec), flat, 300, None) is None
    )
    alone = {"score": sample.columns["score"]}
    profile = build_profile(alone, roles={"score": Role.SCORE}, score=WORLD.spec())
    assert fit_surrogate(profile, alone, 300, None) is None
    few = WORLD.draw(np.random.default_rng(13), 150)
    assert PART not in WORLD.profile(few).parts


def test_bytes_and_back() -> None:
    """A surrogate from the database is the same to the bit, and is decoded once."""
    again = Surrogate.from_bytes(PROFILE.parts[PART])
    assert again.to_bytes() == PROFILE.parts[PART]
    assert surrogate_of(PROFILE) is surrogate_of(PROFILE)


def test_member_reports_in_the_unit_of_the_score() -> None:
    """behaviour_residual is |mean − expected|, its limit 3.29 sd of that, its p from the same law."""
    sample = WORLD.draw(np.random.default_rng(14), 500)
    moved = with_score(sample, logistic(1.0 + 0.0 * values(sample.columns, "score")))
    summary = count(PROFILE, moved, 500)
    told, each = Behaviour().measure(PROFILE, summary)[0], residuals(PROFILE, summary)[0]
    assert told.value == pytest.approx(abs(each.mean - each.expected))
    assert told.direction == 1
    assert told.noise_limit == pytest.approx(
        3.2905 * (each.row_variance / 500 + each.error2) ** 0.5, rel=1e-4
    )
    assert told.p is not None
    assert told.p < 1e-6
