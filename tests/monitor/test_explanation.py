"""A stored verdict is recomputed to the bit."""

import copy
import json
from typing import Any

import pytest

from alerting.verdict import Verdict, VerdictKind
from detectors import Measurement
from monitor.explanation import explain_verdict
from monitor.judge_state import JudgeState
from monitor.policy import JudgePolicy, Threshold
from storage.measurements import ColumnStatus
from tests.monitor.judging import HARMFUL, broken, category, judged, noise_model, numeric, one

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
