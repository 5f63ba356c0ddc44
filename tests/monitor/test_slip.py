"""Does evidence that adds up for weeks find a model that slipped, page when it should, and explain itself?"""

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta

import numpy as np
import pytest

from alerting.verdict import Severity, Verdict, VerdictKind
from detectors import Component, Kind, Role
from detectors._column import PERFORMANCE
from detectors._learning import Observations, learn
from detectors._noise import NoiseModel
from monitor.explanation import explain_verdict
from monitor.judge_state import JudgeState
from monitor.judgement import WindowFacts, judge
from monitor.policy import JudgePolicy
from storage.measurements import ColumnResult
from tests.monitor.judging import SLOTS, START

ROWS = 900
TAU = {"accuracy": 0.03, "bias": 0.05, "brier": 0.02}
USUAL = {"accuracy": 0.9, "bias": 0.0, "brier": 0.08}
SIGMA = {"accuracy": 0.3, "bias": 0.28, "brier": 0.2}


def window(rng: np.random.Generator, shift: Mapping[str, float]) -> tuple[Component, ...]:
    """Components of a day on which the model does by so much otherwise."""
    found = []
    for name, usual in USUAL.items():
        y = usual + shift.get(name, 0.0) + TAU[name] * rng.standard_normal()
        y += SIGMA[name] / np.sqrt(ROWS) * rng.standard_normal()
        if name == "accuracy":
            y = round(min(y, 1.0) * ROWS) / ROWS
        found.append(Component(name=name, y=y, n=ROWS, variance=SIGMA[name] ** 2, share=name == "accuracy"))
    return tuple(found)


def learnt(windows: int = 120) -> NoiseModel:
    rng = np.random.default_rng(1)
    seen = [window(rng, {}) for _ in range(windows)]
    observed = {
        (PERFORMANCE, name): Observations(
            y=np.array([w[i].y for w in seen]),
            n=np.full(windows, ROWS),
            variance=np.array([w[i].variance for w in seen]),
            share=name == "accuracy",
        )
        for i, name in enumerate(USUAL)
    }
    return learn(observed, {kind: np.zeros(windows, dtype=np.int64) for kind in SLOTS})


NOISE = learnt()


def told(
    shifts: Sequence[Mapping[str, float]],
    *,
    seed: int = 2,
    evidence: Mapping[str, object] | None = None,
    role: Role = Role.PERFORMANCE,
    noise: NoiseModel = NOISE,
    state: JudgeState | None = None,
) -> tuple[list[Verdict], JudgeState]:
    """The verdict of each day, the model off by so much on it."""
    rng, state, found = np.random.default_rng(seed), state or JudgeState(), []
    for day, shift in enumerate(shifts):
        result = ColumnResult(
            column=PERFORMANCE,
            role=role,
            kind=Kind.NUMERIC,
            rows=ROWS,
            missing=0,
            components=window(rng, shift),
            evidence=evidence or {},
        )
        start = START + timedelta(days=day)
        facts = WindowFacts(
            model="m", start=start, end=start + timedelta(days=1), rows=ROWS, slots=SLOTS, results=(result,)
        )
        judged = judge(facts, noise, state, JudgePolicy())
        state = judged.state
        found.append(judged.verdicts[0])
    return found, state


SLIPPED = {"bias": 0.075, "accuracy": -0.04, "brier": 0.025}  # one sd and a half: too little for a few days

BETTER = {name: -0.3 * by for name, by in SLIPPED.items()}


def rule(verdict: Verdict, name: str = "slip") -> Mapping[str, object]:
    (found,) = [each for each in verdict.facts["rules"] if each["name"] == name]
    return found


def strongest(verdict: Verdict) -> tuple[float, float]:
    """The most evidence of any component for one alternative of one side, before and after the window."""
    stored = [part["slip"] for part in verdict.facts["components"].values()]
    pairs = [
        (before, after)
        for slip in stored
        for side, now in zip(slip["before"], slip["after"], strict=True)
        for before, after in zip(side, now, strict=True)
    ]
    return max(pairs, key=lambda pair: pair[1])


def test_a_slip_that_lasts_is_found_and_pages() -> None:
    """A change of one and a half sd: in a month at most, of eight tries all; first a ticket."""
    for seed in range(8):
        verdicts, _ = told([{}] * 30 + [SLIPPED] * 30, seed=seed)
        breaches = [i for i, v in enumerate(verdicts) if rule(v)["kind"] == "breach"]
        assert breaches
        assert breaches[0] >= 30
        assert verdicts[breaches[-1]].severity is Severity.PAGE
        latest = [rule(verdict)["kind"] for verdict in verdicts[-10:]]
        assert "clear" not in latest
        assert latest.count("breach") >= 5


def test_a_quiet_year_has_no_false_slip() -> None:
    """No rule of the kind breaches in 4 × 300 days without a change."""
    for seed in range(4):
        verdicts, _ = told([{}] * 300, seed=100 + seed)
        assert not [v for v in verdicts if rule(v)["kind"] == "breach" and v.severity is Severity.PAGE]


def test_a_repair_is_seen() -> None:
    """After two months off, a month as usual clears it."""
    verdicts, _ = told([SLIPPED] * 60 + [{}] * 30)
    assert VerdictKind.BREACH in [verdict.kind for verdict in verdicts[57:60]]
    assert rule(verdicts[-1])["kind"] == "clear"


def test_a_window_that_contradicts_holds() -> None:
    """While evidence suffices, a day that takes some away is no breach, and no step towards clear."""
    verdicts, _ = told([{}] * 20 + [SLIPPED] * 25 + [BETTER])
    for verdict in verdicts:
        if float(str(rule(verdict)["p"])) <= 0.001:
            before, after = strongest(verdict)
            assert rule(verdict)["kind"] == ("breach" if after >= before else "hold")
    assert rule(verdicts[-2])["kind"] == "breach"
    assert rule(verdicts[-1])["kind"] == "hold"
    assert verdicts[-1].kind is VerdictKind.HOLD


def test_evidence_first_suffices_in_a_window_that_adds_to_it() -> None:
    """So holding costs no day until a slip is found, and what is found is never a hold first."""
    for seed in range(8):
        verdicts, _ = told([{}] * 30 + [SLIPPED] * 30, seed=seed)
        first = next(verdict for verdict in verdicts if float(str(rule(verdict)["p"])) <= 0.005)
        assert rule(first)["kind"] == "breach"


def test_calibration_alone_is_a_ticket_where_the_score_alerted() -> None:
    """Its page would double the score's; accuracy as usual."""
    off = [{"bias": 0.1}] * 30
    alone, _ = told(off)
    doubled, _ = told(off, evidence={"score_alerted": True})
    last = max(day for day, verdict in enumerate(alone) if rule(verdict)["kind"] == "breach")
    assert alone[last].severity is Severity.PAGE
    assert rule(doubled[last])["kind"] == "breach"
    assert doubled[last].severity is Severity.TICKET


def test_the_worse_model_speaks_before_the_worse_fit() -> None:
    """Where accuracy's own evidence will do it is named, whatever the bias says."""
    verdicts, _ = told([{"bias": 0.1, "accuracy": -0.06}] * 30)
    assert rule(verdicts[-1])["component"] == "accuracy"
    assert rule(told([{"bias": 0.1}] * 30)[0][-1])["component"] == "bias"


def test_only_performance_gathers_evidence() -> None:
    """Inputs have no such rule, and nothing is remembered for them."""
    verdicts, state = told([{}] * 3, role=Role.FEATURE)
    assert "slip" not in [each["name"] for each in verdicts[0].facts["rules"]]
    assert not state.slips


@pytest.mark.parametrize("seed", range(3))
def test_explained_to_the_bit(seed: int) -> None:
    """Clear, hold and breach alike are recomputed from the stored facts, evidence too."""
    verdicts, _ = told([{}] * 20 + [SLIPPED] * 25, seed=seed)
    for verdict in verdicts:
        stored = json.loads(json.dumps(verdict.facts))
        explained = explain_verdict(verdict.kind, stored)
        assert explained.agrees, explained.differences
    slips = [v for v in verdicts if v.facts["rule"] == "slip"]
    assert slips
    lines = "\n".join(explain_verdict(slips[-1].kind, slips[-1].facts).lines)
    assert "evidence of bias" in lines
    assert "this window speaks for" in lines


def test_a_hold_is_explained() -> None:
    """Why p is below α and nothing breaches is told."""
    verdict = told([{}] * 20 + [SLIPPED] * 25 + [BETTER])[0][-1]
    assert rule(verdict)["kind"] == "hold"
    explained = explain_verdict(verdict.kind, json.loads(json.dumps(verdict.facts)))
    assert explained.agrees, explained.differences
    assert "this window speaks against: a hold where it suffices" in "\n".join(explained.lines)


def test_state_survives_the_database() -> None:
    """Written as JSON and read back, the next day's verdict is the same to the bit."""
    _, state = told([SLIPPED] * 10)
    again = JudgeState.from_json(json.loads(json.dumps(state.to_json())))
    assert again == state
    assert told([SLIPPED], seed=9, state=again)[0] == told([SLIPPED], seed=9, state=state)[0]
    old = {key: value for key, value in state.to_json().items() if key != "slips"}
    assert JudgeState.from_json(old).slips == {}
