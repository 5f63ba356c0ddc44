"""From which size on a change is worth a word."""

from math import atanh, tanh

import pytest

from detectors._component_noise import ComponentNoise
from monitor.floors import floor_of, floor_word
from monitor.policy import Floors, JudgePolicy


def _noise(mean: float = 0.0) -> ComponentNoise:
    return ComponentNoise(share=False, means={0: mean}, cycles={0: 50}, mean=mean, sigma2=1.0)


@pytest.mark.parametrize(
    ("component", "word"),
    [
        ("c2", "sd"),
        ("missing", "missing"),
        ("level:rows", "share"),
        ("accuracy", "accuracy"),
        ("mae", "accuracy"),
        ("bias", "calibration"),
        ("score", "calibration"),
        ("r:a~b", "correlation"),
        ("rows", "rows"),
    ],
)
def test_each_component_has_a_word_of_the_config(component: str, word: str) -> None:
    """The key under `policy.floors`."""
    assert floor_word(component) == word


@pytest.mark.parametrize("r", [-0.9, -0.3, 0.0, 0.5, 0.9])
@pytest.mark.parametrize("side", [-1.0, 1.0])
def test_a_correlation_moves_by_its_floor_in_r(r: float, side: float) -> None:
    """0.15 of r on either side, whatever that is in atanh; never infinite."""
    mu = atanh(r)
    floor = floor_of(JudgePolicy(), "__joint__", "r:a~b", _noise(mu), 0, mu + side)
    expected = max(-0.999, min(0.999, r + side * 0.15))
    assert tanh(mu + side * floor) == pytest.approx(expected)


def test_floors_are_set_by_column() -> None:
    """The last rule that matches wins, number by number."""
    policy = JudgePolicy(floors=(Floors(accuracy=0.05), Floors(column="__perf*", accuracy=0.01)))
    assert floor_of(policy, "__performance__", "accuracy", _noise(), 0, 1.0) == 0.01
    assert floor_of(policy, "__estimated__", "accuracy", _noise(), 0, 1.0) == 0.05


def test_scores_with_a_unit_are_told_in_sd() -> None:
    """Bias in sd of the errors, behaviour in sd of the score; a probability in points."""
    regression = JudgePolicy(pull_sd=0.1)
    for component in ("bias", "score", "distance"):
        assert floor_of(regression, "__any__", component, _noise(), 0, 1.0) == 0.1
        assert floor_of(JudgePolicy(), "__any__", component, _noise(), 0, 1.0) == 0.02


def test_each_class_has_the_floor_of_a_score() -> None:
    """Behaviour of a multiclass model: one component a class."""
    assert floor_word("score:UA") == "calibration"
