"""Does confidence say what its docstring says?"""

import math

import numpy as np
import pytest

from detectors._profile import ScoreSpec, build_profile
from detectors.confidence import Confidence
from tests.detectors.samples import column, counted, only, window

CONFIDENCE = Confidence()
BINARY = ScoreSpec(task="binary", columns={"": "score"})
THREE = ScoreSpec(task="multiclass", columns={"a": "pa", "b": "pb", "c": "pc"})
METRICS = ("max_probability_shift", "entropy_shift", "margin_shift", "predicted_class_distance")


def test_by_hand_for_a_binary_score() -> None:
    """From .9/.2 in equal parts to .6 throughout: maximum .85 → .6, margin .7 → .2, class 1 half → all."""
    profile = build_profile({"score": column([0.9, 0.2] * 50)}, roles={}, score=BINARY)
    found = CONFIDENCE.measure(profile, counted(profile, {"score": column([0.6] * 40)}))
    assert [each.metric for each in found] == list(METRICS)
    assert only(found, "max_probability_shift").value == pytest.approx(0.25, abs=1e-6)
    assert only(found, "max_probability_shift").direction == -1
    assert only(found, "margin_shift").value == pytest.approx(0.5, abs=1e-6)

    def entropy(p: float) -> float:
        return -p * math.log(p) - (1 - p) * math.log(1 - p)

    change = entropy(0.6) - (entropy(0.9) + entropy(0.2)) / 2
    assert only(found, "entropy_shift").value == pytest.approx(change, abs=1e-6)
    assert only(found, "entropy_shift").direction == 1
    assert only(found, "predicted_class_distance").value == pytest.approx(0.5)


def test_nothing_for_a_regression() -> None:
    """A regression, and a model without a score, have no confidence."""
    score = ScoreSpec(task="regression", columns={"": "score"})
    for spec in (score, None):
        profile = build_profile({"score": column(np.arange(50.0))}, roles={}, score=spec)
        assert CONFIDENCE.measure(profile, counted(profile, {"score": column(np.arange(50.0))})) == []


def test_absent_score_is_not_measured() -> None:
    """Without the score's column in the window there is nothing to say."""
    profile = build_profile(
        {"score": column([0.9, 0.2] * 50), "x": column([1.0] * 100)}, roles={}, score=BINARY
    )
    assert CONFIDENCE.measure(profile, window(profile, x=[1.0] * 10)) == []


def test_missing_scores_are_not_a_number() -> None:
    """A window whose scores are all missing gives four values that are not numbers."""
    profile = build_profile({"score": column([0.9, 0.2] * 50)}, roles={}, score=BINARY)
    found = CONFIDENCE.measure(profile, counted(profile, {"score": column([np.nan] * 10)}))
    assert all(math.isnan(each.value) and each.noise_limit is None for each in found)
    assert len(found) == 4


@pytest.mark.parametrize("rows", [50, 1_000])
def test_noise_limits(rows: int) -> None:
    """Without drift each limit is passed by at most about 1 window in 1,000 and is not vacuous."""
    rng = np.random.default_rng(9)
    values: dict[str, list[float]] = {metric: [] for metric in METRICS}
    limits: dict[str, float] = {}
    exceeded = dict.fromkeys(METRICS, 0)

    def scores(size: int) -> dict[str, object]:
        p = rng.dirichlet([4.0, 2.0, 1.0], size)
        return {name: column(p[:, place]) for place, name in enumerate(("pa", "pb", "pc"))}

    for _ in range(10):
        profile = build_profile(scores(5_000), roles={}, score=THREE, knots=128)  # type: ignore[arg-type]
        for _ in range(200):
            for each in CONFIDENCE.measure(profile, counted(profile, scores(rows))):  # type: ignore[arg-type]
                assert each.noise_limit is not None
                values[each.metric].append(each.value)
                limits[each.metric] = each.noise_limit
                exceeded[each.metric] += each.value > each.noise_limit
    for metric in METRICS:
        assert exceeded[metric] <= 8, metric
        assert limits[metric] <= 1.6 * np.quantile(values[metric], 0.999), metric
