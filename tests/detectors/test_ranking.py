"""Are the area under the curve, its error and the average precision those of the rows?"""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from detectors._ranking import average_precision, resolution, roc_auc


def cells(scores: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """One cell a value."""
    values, place = np.unique(scores, return_inverse=True)
    return (
        np.bincount(place[y], minlength=values.size),
        np.bincount(place[~y], minlength=values.size),
    )


rows = st.lists(st.tuples(st.integers(0, 12), st.booleans()), min_size=2, max_size=80)


@given(rows)
def test_scikit_learn_agrees(drawn: list[tuple[int, bool]]) -> None:
    """Both numbers, ties included, wherever both classes occur."""
    scores, y = np.array([s for s, _ in drawn], dtype=float), np.array([y for _, y in drawn])
    if y.all() or not y.any():
        assert math.isnan(roc_auc(*cells(scores, y)).value)
        assert math.isnan(average_precision(*cells(scores, y)).value)
        return
    assert roc_auc(*cells(scores, y)).value == pytest.approx(roc_auc_score(y, scores), abs=1e-12)
    assert average_precision(*cells(scores, y)).value == pytest.approx(
        average_precision_score(y, scores), abs=1e-12
    )


@given(rows)
def test_error_is_delongs(drawn: list[tuple[int, bool]]) -> None:
    """Against placements computed pair by pair."""
    scores, y = np.array([s for s, _ in drawn], dtype=float), np.array([y for _, y in drawn])
    up, down = scores[y], scores[~y]
    if up.size < 2 or down.size < 2:
        return
    pairs = (up[:, None] > down[None, :]) + 0.5 * (up[:, None] == down[None, :])
    variance = pairs.mean(axis=1).var(ddof=1) / up.size + pairs.mean(axis=0).var(ddof=1) / down.size
    found = roc_auc(*cells(scores, y))
    if variance > 1e-15:
        assert found.error == pytest.approx(math.sqrt(variance), rel=1e-9)
    else:
        assert found.error > 0.0


def test_one_row_of_a_class_says_little() -> None:
    """Where it stands is all that is known of its class: half a unit of error, the most there can be."""
    alone = np.array([0, 0, 1]), np.array([500, 500, 0])
    for positives, negatives in (alone, alone[::-1]):
        assert roc_auc(positives, negatives).error >= 0.5


def test_by_hand() -> None:
    """Positives at 2 and 3, negatives at 1 and 2: three and a half of four pairs are in order."""
    positives, negatives = np.array([0, 1, 1]), np.array([1, 1, 0])
    assert roc_auc(positives, negatives).value == 3.5 / 4.0
    assert average_precision(positives, negatives).value == 0.5 * 1.0 + 0.5 * 2.0 / 3.0


def test_resolution_holds_the_rows_own_number() -> None:
    """Scores pooled into cells: the true number lies within the resolution of the cells' one."""
    rng = np.random.default_rng(3)
    score = rng.random(4_000)
    y = rng.random(4_000) < score
    for width in (2, 10, 100):
        pair = cells(np.floor(score * width), y)
        off = abs(roc_auc(*pair).value - roc_auc_score(y, score))
        assert 0.0 < off <= resolution(*pair, exact=False)


def test_resolution_of_single_values_is_none() -> None:
    """Odd cells hold one value: their ties are real."""
    assert resolution(np.array([0, 5, 0]), np.array([0, 7, 0]), exact=True) == 0.0
    assert resolution(np.array([5, 0, 0]), np.array([7, 0, 0]), exact=True) == 0.5
