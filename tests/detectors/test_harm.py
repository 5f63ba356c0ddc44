"""Is harm what the reference's accuracy says of the window's mix?"""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from detectors import CategoryColumn, Harm, NumericColumn, Role, ScoreSpec, build_profile, count
from detectors._harm import harm


def codes(*values: int) -> CategoryColumn:
    return CategoryColumn(codes=np.array(values, dtype=np.int32), labels=("easy", "hard", "never"))


def judged(
    score: NDArray[np.float64],
    outcome: NDArray[np.float64] | None,
    window: CategoryColumn,
    task: str = "binary",
) -> Harm:
    """Reference: the first half of the rows is easy, the second hard."""
    half = score.size // 2
    columns = {"c": codes(*([0] * half + [1] * half)), "s": NumericColumn(values=score)}
    spec = ScoreSpec(task=task, columns={"": "s"})  # type: ignore[arg-type]
    profile = build_profile(columns, roles={"s": Role.SCORE}, score=spec, outcome=outcome)
    summary = count(profile, {"c": window}, len(window))
    return harm(profile.columns["c"], summary.columns["c"])


ACCURACY = np.array([1.0] * 95 + [0.0] * 5 + [1.0] * 60 + [0.0] * 40)  # 0.95 easy, 0.60 hard


def test_harm_of_an_accuracy_by_hand() -> None:
    """All rows become hard: half of the change from 0.5 to 1 costs the shrunk difference of the two."""
    found = judged(np.ones(200), ACCURACY, codes(*[1] * 40))
    easy, hard = (95 + 50 * 0.775) / 150, (60 + 50 * 0.775) / 150
    assert found.harm == pytest.approx(100 * (0.5 * hard - 0.5 * easy))
    assert found.harm_error == pytest.approx(0.0, abs=1e-6)
    assert found.pull == pytest.approx(0.0)


def test_the_sampling_error_is_that_of_the_multinomial() -> None:
    """Half easy, half hard, n rows: the sd of a coin between the two accuracies, over √n."""
    found = judged(np.ones(200), ACCURACY, codes(*[0, 1] * 50))
    easy, hard = (95 + 50 * 0.775) / 150, (60 + 50 * 0.775) / 150
    assert found.harm == pytest.approx(0.0, abs=1e-9)
    assert found.harm_error == pytest.approx(100 * (easy - hard) / 2 / math.sqrt(100))


def test_harm_of_a_regression_is_a_share_of_its_mae() -> None:
    """Errors of 1 on easy rows, 3 on hard ones: more hard rows is negative."""
    found = judged(np.zeros(200), np.repeat([1.0, 3.0], 100), codes(*[1] * 40), task="regression")
    easy, hard = (100 + 50 * 2) / 150, (300 + 50 * 2) / 150
    assert found.harm == pytest.approx(-100 * 0.5 * (hard - easy) / 2)


def test_labels_never_seen_count_as_average() -> None:
    """A bin without outcomes has the overall accuracy: an unknown label alone does no harm."""
    found = judged(np.ones(200), ACCURACY, codes(*[2] * 40))
    assert found.harm == pytest.approx(0.0, abs=1e-9)


def test_without_outcomes_there_is_pull_alone() -> None:
    """The change of the mean score, from the mix."""
    found = judged(np.repeat([0.1, 0.7], 100), None, codes(*[1] * 40))
    low, high = (10 + 50 * 0.4) / 150, (70 + 50 * 0.4) / 150
    assert found.harm is None
    assert found.harm_error is None
    assert found.pull == pytest.approx(0.5 * (high - low))


def test_unknown_outcomes_are_left_out() -> None:
    """NaN labels neither right nor wrong."""
    known = ACCURACY.copy()
    known[::2] = np.nan
    assert judged(np.ones(200), np.full(200, np.nan), codes(*[1] * 40)).harm is None
    assert judged(np.ones(200), known, codes(*[1] * 40)).harm is not None


def test_a_multiclass_outcome_is_compared_by_label() -> None:
    """Right for "a", wrong for "b", whatever the codes of either column."""
    columns = {
        "pa": NumericColumn(values=np.full(100, 0.6)),
        "pb": NumericColumn(values=np.full(100, 0.4)),
        "c": codes(*([0] * 50 + [1] * 50)),
    }
    truth = CategoryColumn(codes=np.repeat(np.array([1, 0], dtype=np.int32), 50), labels=("b", "a"))
    spec = ScoreSpec(task="multiclass", columns={"a": "pa", "b": "pb"})
    profile = build_profile(columns, roles={}, score=spec, outcome=truth)
    outcomes = profile.columns["c"].outcomes
    assert outcomes is not None
    assert outcomes.quality[:2].tolist() == [50.0, 0.0]
    assert outcomes.known[:2].tolist() == [50, 50]


def test_no_score_or_no_rows_is_no_harm() -> None:
    """None, never zero."""
    profile = build_profile({"c": codes(0, 1)}, roles={})
    summary = count(profile, {"c": codes(0)}, 1)
    assert harm(profile.columns["c"], summary.columns["c"]) == Harm()
    assert judged(np.ones(200), ACCURACY, codes()) == Harm()
