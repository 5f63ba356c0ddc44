"""Laws of a second score's performance: the metrics of the model's own, over the second score's rows."""

import numpy as np
import pytest
from sklearn import metrics

from detectors import Column, NumericColumn, Profile, ScoreSpec
from detectors._column import SHADOW
from detectors._performance import fit_performance
from detectors._performance_profile import PART
from detectors._profile import build_profile
from monitor.shadow_labels import shadow_performance

SHADOWS = {"": "challenger"}


def world(rows: int = 2_000) -> tuple[Profile, dict[str, Column], np.ndarray]:
    """The challenger knows more than the model does."""
    rng = np.random.default_rng(4)
    chance = rng.random(rows)
    columns: dict[str, Column] = {
        "score": NumericColumn(values=np.clip(chance + 0.3 * rng.normal(size=rows), 0.0, 1.0)),
        "challenger": NumericColumn(values=chance),
    }
    outcome = (rng.random(rows) < chance).astype(np.float64)
    spec = ScoreSpec(task="binary", columns={"": "score"})
    profile = build_profile({"score": columns["score"]}, roles={}, score=spec)
    part = fit_performance(profile, columns, outcome, rows)
    assert part is not None
    return profile.with_parts({PART: part}), columns, outcome


def test_scikit_learn_is_the_oracle() -> None:
    """Accuracy and ROC AUC of the challenger, not of the model; in two batches as in one."""
    profile, columns, outcome = world()
    challenger = columns["challenger"]
    assert isinstance(challenger, NumericColumn)
    halves = [
        (
            {
                n: NumericColumn(values=c.values[a:b])
                for n, c in columns.items()
                if isinstance(c, NumericColumn)
            },
            outcome[a:b],
            b - a,
        )
        for a, b in ((0, 700), (700, 2_000))
    ]
    found = shadow_performance(profile, SHADOWS, halves)
    assert found is not None
    assert (found.column, found.components) == (SHADOW, ())
    values = {each.metric: each.value for each in found.measurements}
    assert values["shadow_accuracy"] == metrics.accuracy_score(outcome, challenger.values >= 0.5)
    assert values["shadow_roc_auc"] == pytest.approx(
        metrics.roc_auc_score(outcome, challenger.values), abs=1e-3
    )
    assert found == shadow_performance(profile, SHADOWS, [(columns, outcome, 2_000)])


def test_nothing_to_compare() -> None:
    """No second score asked for, none in the rows, or no label."""
    profile, columns, outcome = world(100)
    own = {"score": columns["score"]}
    assert shadow_performance(profile, {}, [(columns, outcome, 100)]) is None
    assert shadow_performance(profile, SHADOWS, [(own, outcome, 100)]) is None
    assert shadow_performance(profile, SHADOWS, [(columns, np.full(100, np.nan), 100)]) is None
