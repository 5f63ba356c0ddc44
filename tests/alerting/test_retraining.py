"""Every gate can refuse alone, and every one is recorded."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from alerting.breaker import Breaker
from alerting.fold import FoldPolicy
from alerting.incident import Incident
from alerting.retraining import Outcome, RetrainingDecision, decide
from alerting.retraining_facts import (
    Ask,
    JudgedWindow,
    Mode,
    RetrainingFacts,
    RetrainingPolicy,
    Success,
)
from alerting.verdict import IncidentKind, Severity
from tests.alerting.verdicts import START, incidents, run, window

NOW = START + timedelta(days=9)
POLICY = RetrainingPolicy(mode=Mode.AUTO, target="trainer")
GATES = {
    "mode",
    "kill_switch",
    "target",
    "incident_firing",
    "severity",
    "not_flapping",
    "not_silenced",
    "not_historical",
    "breached_windows",
    "min_rows",
    "sound_windows",
    "data_quality",
    "schema",
    "cooldown",
    "cap_a_day",
    "cap_in_30_days",
    "in_flight",
    "model_changed",
    "answered",
    "breaker",
}


def incident(letters: str, kind: IncidentKind = IncidentKind.DRIFT) -> Incident:
    (only,) = incidents(run(letters, FoldPolicy())).values()
    return replace(only, kind=kind)


def judged(letters: str, rows: int = 900, *, sound: bool = True) -> list[JudgedWindow]:
    """p and t are breached windows."""
    severities = {"p": Severity.PAGE, "t": Severity.TICKET, "c": Severity.NONE}
    return [
        JudgedWindow(
            start=window(i)[0], end=window(i)[1], rows=rows, severity=severities[letter], sound=sound
        )
        for i, letter in enumerate(letters)
    ]


FACTS = RetrainingFacts(
    model="delays",
    incidents=[incident("PP")],
    windows=judged("cpppc"),
    targets=frozenset({"trainer"}),
    reference_version=2,
    reference_digest="ab",
    config_digest="cd",
)


def shut(decision: RetrainingDecision) -> set[str]:
    return set(decision.refused_by)


def test_all_gates_open_requests() -> None:
    """The request carries what the trainer needs to know what it answers."""
    decision = decide(POLICY, FACTS, NOW)
    assert {gate.name for gate in decision.gates} == GATES
    assert decision.refused_by == ()
    assert decision.outcome is Outcome.REQUESTED
    request = json.loads(json.dumps(dict(decision.request)))
    assert request["id"] == decision.request_id
    assert request["model"] == "delays"
    assert request["incidents"] == [FACTS.incidents[0].id]
    assert [entry["rows"] for entry in request["windows"]] == [900, 900, 900]
    assert request["reference"] == {"version": 2, "digest": "ab"}
    assert request["config_digest"] == "cd"


def test_dry_run_passes_the_same_gates() -> None:
    """It says what would have gone out, with the same content."""
    dry = decide(replace(POLICY, mode=Mode.DRY_RUN), FACTS, NOW)
    assert dry.outcome is Outcome.DRY_RUN
    assert dry.request == decide(POLICY, FACTS, NOW).request


@pytest.mark.parametrize(
    ("gate", "facts"),
    [
        ("kill_switch", replace(FACTS, killed="paused by ada")),
        ("target", replace(FACTS, targets=frozenset({"oncall"}))),
        ("target", replace(FACTS, allowed=frozenset({"other"}))),
        ("cap_a_day", replace(FACTS, asked_in_a_day=1)),
        ("cap_in_30_days", replace(FACTS, asked_in_30_days=4)),
        ("model_changed", replace(FACTS, success=Success(id="x", reference_version=2))),
        (
            "model_changed",
            replace(FACTS, versions=("v1",), success=Success(id="x", reference_version=2, versions=("v1",))),
        ),
        ("answered", replace(FACTS, unanswered="x")),
        ("breaker", replace(FACTS, breaker=Breaker(is_open=True, unimproved=2))),
        ("sound_windows", replace(FACTS, windows=judged("cpppc", sound=False))),
        ("breached_windows", replace(FACTS, windows=judged("ppptcpcc"))),  # old ones are out of the five
        ("min_rows", replace(FACTS, windows=judged("ppppp", rows=199))),
        ("cooldown", replace(FACTS, restored_at=NOW - timedelta(days=6))),
        ("data_quality", replace(FACTS, incidents=[incident("PP"), incident("T", IncidentKind.DATA)])),
        ("schema", replace(FACTS, schema_changed=True)),
        (
            "cooldown",
            replace(FACTS, previous="x", previous_at=NOW - timedelta(days=7) + timedelta(seconds=1)),
        ),
        ("in_flight", replace(FACTS, in_flight="x")),
        ("incident_firing", replace(FACTS, incidents=[incident("Pc")])),  # recovering
        ("severity", replace(FACTS, incidents=[incident("T")])),
        ("not_flapping", replace(FACTS, incidents=[incident("PcccP")])),
        ("not_silenced", replace(FACTS, silenced=frozenset({incident("PP").id}))),
        ("not_historical", replace(FACTS, past=True)),
    ],
)
def test_each_gate_refuses_alone(gate: str, facts: RetrainingFacts) -> None:
    """All the others are evaluated too, and nothing is sent."""
    decision = decide(POLICY, facts, NOW)
    assert gate in shut(decision)
    assert shut(decision) <= {gate, "severity", "min_rows", "sound_windows"}
    assert len(decision.gates) == len(GATES)
    assert decision.outcome is Outcome.REFUSED
    assert decision.request == {}
    assert all(gate.why for gate in decision.gates)


@pytest.mark.parametrize(
    "facts",
    [
        replace(FACTS, success=Success(id="x", reference_version=1)),
        replace(FACTS, versions=("v2",), success=Success(id="x", reference_version=2, versions=("v1",))),
    ],
)
def test_another_reference_or_version_is_another_model(facts: RetrainingFacts) -> None:
    """Either is enough: what was trained is in force."""
    assert decide(POLICY, facts, NOW).outcome is Outcome.REQUESTED


def test_approve_proposes() -> None:
    """The same gates and the same request; a person says whether it leaves."""
    proposed = decide(replace(POLICY, mode=Mode.APPROVE), FACTS, NOW)
    assert proposed.outcome is Outcome.PROPOSED
    assert proposed.request == decide(POLICY, FACTS, NOW).request


def test_a_rollback_is_another_request() -> None:
    """By its event and its id: nobody takes one for the other."""
    rollback = decide(replace(POLICY, ask=Ask.ROLLBACK), FACTS, NOW)
    assert rollback.request["event"] == "model.rollback.requested"
    assert rollback.request_id != decide(POLICY, FACTS, NOW).request_id


def test_the_request_says_where_to_report() -> None:
    """Where the listener is reached; nothing without one."""
    told = decide(POLICY, replace(FACTS, call_back="https://x/api/v1/retraining"), NOW)
    assert told.request["call_back"] == f"https://x/api/v1/retraining/{told.request_id}"
    assert "call_back" not in decide(POLICY, FACTS, NOW).request


def test_mode_off_refuses() -> None:
    """But says what it saw."""
    decision = decide(replace(POLICY, mode=Mode.OFF), FACTS, NOW)
    assert shut(decision) == {"mode"}


@pytest.mark.parametrize("kind", [IncidentKind.DATA, IncidentKind.SERVICE, IncidentKind.DAEMON])
def test_training_mends_only_models(kind: IncidentKind) -> None:
    """A page about the pipeline is no reason to train on what it delivers."""
    decision = decide(POLICY, replace(FACTS, incidents=[incident("PP", kind)]), NOW)
    assert "incident_firing" in shut(decision)


def test_cool_down_ends() -> None:
    """Exactly after its time."""
    facts = replace(FACTS, previous="x", previous_at=NOW - timedelta(days=7))
    assert decide(POLICY, facts, NOW).outcome is Outcome.REQUESTED


def test_tickets_count_where_the_policy_says_so() -> None:
    """min_severity holds for incident and windows alike."""
    facts = replace(FACTS, incidents=[incident("T")], windows=judged("ttt"))
    assert decide(POLICY, facts, NOW).outcome is Outcome.REFUSED
    policy = replace(POLICY, min_severity=Severity.TICKET)
    assert decide(policy, facts, NOW).outcome is Outcome.REQUESTED


def test_request_id_is_stable_over_retries() -> None:
    """Time and new windows do not change it; an earlier request or another target does."""
    id_ = decide(POLICY, FACTS, NOW).request_id
    later = decide(POLICY, replace(FACTS, windows=judged("pppp")), NOW + timedelta(hours=1))
    assert later.request_id == id_
    assert decide(POLICY, replace(FACTS, previous=id_), NOW).request_id != id_
    assert decide(replace(POLICY, target="other"), FACTS, NOW).request_id != id_


@pytest.mark.parametrize(
    "wrong",
    [
        {"breached": 6},
        {"breached": 0},
        {"min_severity": Severity.NONE},
        {"max_a_day": 0},
        {"max_a_day": 5},
    ],
)
def test_impossible_policies_are_refused(wrong: dict[str, int]) -> None:
    """n of m that can never, or always, hold."""
    with pytest.raises(ValueError, match="must be"):
        RetrainingPolicy(**wrong)  # type: ignore[arg-type]  # wrong on purpose
