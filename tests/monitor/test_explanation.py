"""A stored verdict is recomputed to the bit."""

import copy
import json
from typing import Any

import pytest

from alerting.verdict import Verdict, VerdictKind
from detectors import Measurement, Role
from monitor.explanation import explain_verdict
from monitor.judge_state import JudgeState
from monitor.policy import JudgePolicy, Threshold
from storage.measurements import ColumnStatus
from tests.monitor.judging import (
    HARMFUL,
    QUANTILES,
    broken,
    category,
    judged,
    noise_model,
    numeric,
    one,
    special,
    special_noise,
)

NOISE = noise_model()


def _stored(verdict: Verdict) -> dict[str, Any]:
    """Through JSON as a database keeps it, keys sorted."""
    found: dict[str, Any] = json.loads(json.dumps(dict(verdict.facts), sort_keys=True, allow_nan=False))
    return found


def _history() -> list[Verdict]:
    """Clear, hold, breach by each rule, thresholds, errors, low volume; running means on the way."""
    psi = Measurement(column="x", metric="psi", value=0.095, n_reference=9_000, n=900)
    policy = JudgePolicy(thresholds=(Threshold(metric="psi", ticket=0.1, page=0.25),))
    state, found = JudgeState(), []
    for results in (
        (numeric(measurements=[psi]), category(), numeric("score")),
        (numeric(c1=0.2), category(0.63)),
        (numeric(c1=0.25, missing=0.02), category(unseen=0.04)),
        (numeric(c1=0.3, harm=HARMFUL), category(0.7)),
        (numeric(c1=0.3, out_of_range=0.05), category(0.6)),
        (numeric(c2=1.5, stuck=0.7), category()),
        (numeric(c1=-0.1), broken(ColumnStatus.ABSENT, "c")),
        (numeric(c1=float("nan")), category()),
        (numeric(rows=3), category()),
    ):
        judgement = judged(*results, noise=NOISE, state=state, policy=policy)
        state = judgement.state
        found += judgement.verdicts
    return found


_PAIRS = {f"r_a_{i}": 0.1 for i in range(40)}
_SPECIAL = (
    special("__performance__", Role.PERFORMANCE, accuracy=0.86, bias=0.0, brier=0.1, mae=1.0),
    special("__joint__", Role.JOINT, **_PAIRS),
    special("__behaviour__", Role.BEHAVIOUR, score=0.0, confidence=0.0),
    special("__estimated__", Role.ESTIMATE, accuracy=0.86),
    special("__volume__", Role.SERVICE, rows=6.8),
    special("__shadow__", Role.SHADOW, agreement=0.95, distance=0.05),
    special("failed", Role.SERVICE, errors=0.01),
    special("x", Role.FEATURE, c1=0.0, missing=0.02),
    special("x", Role.FEATURE, segment="origin=JFK", c1=0.0, missing=0.02),
)
SPECIAL_NOISE = special_noise(*_SPECIAL)


def _special_history() -> list[Verdict]:
    """Every kind that is no column of its own, and parts of columns: clear, hold and breach by each rule."""
    state, found = JudgeState(), []
    grid = {
        "quantiles": {**QUANTILES, "window": [2.54 * value for value in QUANTILES["reference"]]},
        "unit": {"a": 0.0, "b": 2.54, "residual": 0.0, "scale": 2.54, "scale_residual": 0.0},
        "grid": {"values": 30, "new": 0.0, "between": 1.0, "rows": 900},
    }
    for moved in (
        (),
        (
            special("__performance__", Role.PERFORMANCE, accuracy=0.7, bias=0.1, brier=0.2, mae=1.4),
            special("__joint__", Role.JOINT, **(_PAIRS | {"r_a_7": 1.2})),
            special("__behaviour__", Role.BEHAVIOUR, score=0.3, confidence=0.02),
            special("__estimated__", Role.ESTIMATE, accuracy=0.6),
            special("__volume__", Role.SERVICE, rows=5.0),
            special("__shadow__", Role.SHADOW, agreement=0.5, distance=0.3),
            special("failed", Role.SERVICE, errors=0.3),
            special("x", Role.FEATURE, evidence=grid, c1=0.3, missing=0.2),
            special("x", Role.FEATURE, segment="origin=JFK", c1=0.2, missing=0.6),
            special("x", Role.FEATURE, version="v2", c1=0.2, missing=0.1),
        ),
        *(
            (
                special("__performance__", Role.PERFORMANCE, accuracy=0.8, bias=0.03, brier=0.1, mae=1.0),
                special("__joint__", Role.JOINT, **(_PAIRS | {"r_a_7": 0.3})),
                special("__behaviour__", Role.BEHAVIOUR, score=0.04, confidence=0.0),
            ),
        )
        * 6,
    ):
        names = {(r.column, r.segment) for r in moved}
        still = [r for r in _SPECIAL if (r.column, r.segment) not in names]
        judgement = judged(*still, *moved, noise=SPECIAL_NOISE, state=state)
        state = judgement.state
        found += judgement.verdicts
    return found


@pytest.mark.parametrize("verdict", _special_history(), ids=lambda v: f"{v.series.column}-{v.kind}")
def test_every_kind_is_recomputed_to_the_bit(verdict: Verdict) -> None:
    """Relations, answers, performance, the estimate, the service, slices and versions: the same functions."""
    explained = explain_verdict(verdict.kind, _stored(verdict))
    assert explained.differences == ()
    assert explained.kind is verdict.kind


def test_the_special_history_has_every_rule() -> None:
    """Else the test above proves little."""
    found = _special_history()
    rules = {
        (verdict.series.column, rule["name"])
        for verdict in found
        for rule in _stored(verdict)["rules"]
        if rule["kind"] == "breach"
    }
    assert rules >= {
        ("__performance__", "accuracy"),
        ("__performance__", "ewma_accuracy"),
        ("__joint__", "shewhart"),
        ("__joint__", "ewma"),
        ("__behaviour__", "shewhart"),
        ("__estimated__", "accuracy"),
        ("__volume__", "shewhart"),
        ("x", "unit"),
    }
    assert {v.series.segment for v in found} == {"", "origin=JFK"}


def test_of_many_pairs_ten_are_kept() -> None:
    """And those that decided; the arithmetic still counts all forty."""
    breached = next(v for v in _special_history() if v.series.column == "__joint__" and v.rank is not None)
    components, family = breached.facts["components"], breached.facts["family"]
    assert isinstance(components, dict)
    assert isinstance(family, dict)
    assert "r:a~7" in components
    assert 10 <= len(components) <= 14
    assert family["m"] == 40


@pytest.mark.parametrize("index", range(len(_history())))
def test_every_verdict_is_recomputed_to_the_bit(index: int) -> None:
    """Same kind, no difference in any number, from the facts alone."""
    verdict = _history()[index]
    explained = explain_verdict(verdict.kind, _stored(verdict))
    assert explained.differences == ()
    assert explained.kind is verdict.kind


def test_the_history_has_every_kind() -> None:
    """Else the test above proves little."""
    kinds = {verdict.kind for verdict in _history()}
    assert kinds >= {VerdictKind.CLEAR, VerdictKind.BREACH, VerdictKind.ERROR, VerdictKind.LOW_VOLUME}
    rules = {verdict.facts.get("rule") for verdict in _history() if verdict.kind is VerdictKind.BREACH}
    assert {"missing", "unseen", "stuck"} <= rules


@pytest.mark.parametrize("key", ["z", "p", "mu", "tau2", "se"])
def test_a_number_that_was_tampered_with_is_told(key: str) -> None:
    """The check can fail."""
    facts = _stored(one(judged(numeric(c1=0.8), noise=NOISE)))
    facts["components"]["c1"][key] *= 1.0 + 1e-12
    explained = explain_verdict(VerdictKind.BREACH, facts)
    assert not explained.agrees
    assert any(line.startswith("recomputed, and NOT equal") for line in explained.lines)


def test_a_verdict_of_another_kind_is_told() -> None:
    """Stored clear, recomputed breach."""
    facts = copy.deepcopy(_stored(one(judged(numeric(c1=0.8), noise=NOISE))))
    explained = explain_verdict(VerdictKind.CLEAR, facts)
    assert explained.kind is VerdictKind.BREACH
    assert "verdict: stored clear, recomputed breach" in explained.differences


def test_the_lines_show_each_step() -> None:
    """From y to α, by hand."""
    verdict = one(judged(numeric(c1=0.8, harm=HARMFUL), noise=NOISE))
    text = "\n".join(explain_verdict(verdict.kind, _stored(verdict)).lines)
    for part in (
        "y = 0.8 over n = 900",
        "σ²/n + τ²",
        "z = ",
        "record guard",
        "floor",
        "family of 1",
        "α 0.005",
        "harm",
    ):
        assert part in text
    assert text.endswith("recomputed from the stored numbers: equal to the last bit")


def test_facts_are_json_numbers() -> None:
    """No NaN, no infinity, no numpy type."""
    for verdict in _history():
        json.dumps(dict(verdict.facts), allow_nan=False)
