"""What asks for a page, kind by kind (docs/detectors.md, "ticket or page")."""

from math import log

import pytest

from alerting.verdict import IncidentKind, Severity, Verdict, VerdictKind
from detectors import Measurement, Role
from monitor.judge_state import JudgeState
from monitor.policy import JudgePolicy, Threshold
from storage.measurements import ColumnResult
from tests.monitor.judging import judged, numeric, one, special, special_noise

PERFORMANCE, JOINT, BEHAVIOUR = "__performance__", "__joint__", "__behaviour__"
ESTIMATED, VOLUME, SHADOW = "__estimated__", "__volume__", "__shadow__"
NORMAL = (
    special(PERFORMANCE, Role.PERFORMANCE, accuracy=0.8, bias=0.0, brier=0.15),
    special(JOINT, Role.JOINT, r_a_b=0.9, r_a_c=0.0),
    special(BEHAVIOUR, Role.BEHAVIOUR, score=0.0),
    special(ESTIMATED, Role.ESTIMATE, accuracy=0.8),
    special(VOLUME, Role.SERVICE, rows=log(900.0)),
    special(SHADOW, Role.SHADOW, agreement=0.95),
    special("failed", Role.SERVICE, errors=0.01),
    special("ms", Role.SERVICE, c1=0.0),
    special("score", Role.SCORE, c1=0.0),
    special("x", Role.FEATURE, c1=0.0, missing=0.02),
    special("x", Role.FEATURE, segment="origin=JFK", c1=0.0, missing=0.02),
)
NOISE = special_noise(*NORMAL)


def _said(result: ColumnResult, *others: ColumnResult, policy: JudgePolicy | None = None) -> Verdict:
    found = judged(result, *others, noise=NOISE, policy=policy).verdicts
    return next(v for v in found if (v.series.column, v.series.segment) == (result.column, result.segment))


def test_everything_normal_is_clear() -> None:
    """Or the tests below prove little."""
    assert {v.kind for v in judged(*NORMAL, noise=NOISE).verdicts} == {VerdictKind.CLEAR}


@pytest.mark.parametrize(
    ("result", "severity", "kind", "why"),
    [
        (
            special(PERFORMANCE, Role.PERFORMANCE, accuracy=0.6, bias=0.0, brier=0.15),
            Severity.PAGE,
            IncidentKind.PERFORMANCE,
            "performance",
        ),
        (
            special(PERFORMANCE, Role.PERFORMANCE, accuracy=0.99, bias=0.0, brier=0.15),
            Severity.TICKET,
            IncidentKind.PERFORMANCE,
            "",
        ),
        (
            special(PERFORMANCE, Role.PERFORMANCE, accuracy=0.8, bias=0.3, brier=0.15),
            Severity.PAGE,
            IncidentKind.PERFORMANCE,
            "calibration",
        ),
        (
            special(
                PERFORMANCE,
                Role.PERFORMANCE,
                evidence={"score_alerted": True},
                accuracy=0.8,
                bias=0.3,
                brier=0.15,
            ),
            Severity.TICKET,
            IncidentKind.PERFORMANCE,
            "",
        ),
        (
            special(
                PERFORMANCE,
                Role.PERFORMANCE,
                evidence={"incomplete": True},
                accuracy=0.6,
                bias=0.0,
                brier=0.15,
            ),
            Severity.TICKET,
            IncidentKind.PERFORMANCE,
            "",
        ),
        (special(ESTIMATED, Role.ESTIMATE, accuracy=0.5), Severity.TICKET, IncidentKind.CONFIDENCE, ""),
        (special(BEHAVIOUR, Role.BEHAVIOUR, score=0.4), Severity.PAGE, IncidentKind.CONFIDENCE, "itself"),
        (special(JOINT, Role.JOINT, r_a_b=-0.9), Severity.TICKET, IncidentKind.DRIFT, ""),
        (special(SHADOW, Role.SHADOW, agreement=0.5), Severity.TICKET, IncidentKind.CONFIDENCE, ""),
        (special(VOLUME, Role.SERVICE, rows=log(200.0)), Severity.PAGE, IncidentKind.DATA, "volume"),
        (special(VOLUME, Role.SERVICE, rows=log(400.0)), Severity.TICKET, IncidentKind.DATA, ""),
        (special(VOLUME, Role.SERVICE, rows=log(600.0)), Severity.TICKET, IncidentKind.DATA, ""),
        (special("failed", Role.SERVICE, errors=0.3), Severity.PAGE, IncidentKind.SERVICE, "errors"),
        (special("ms", Role.SERVICE, c1=1.5), Severity.TICKET, IncidentKind.SERVICE, ""),
    ],
)
def test_each_kind_has_its_severity(
    result: ColumnResult, severity: Severity, kind: IncidentKind, why: str
) -> None:
    """One change, far outside the noise."""
    verdict = _said(result)
    assert (verdict.kind, verdict.severity) == (VerdictKind.BREACH, severity)
    assert verdict.incident_kind is kind
    rules = verdict.facts["rules"]
    assert isinstance(rules, list)
    assert next(r["matters"] for r in rules if r["name"] == verdict.facts["rule"]) == why


def test_fewer_than_half_of_the_rows_page_where_they_last() -> None:
    """A day or two may be a holiday."""
    state, found = JudgeState(), []
    for rows in (360.0, 360.0, 360.0, 360.0, 360.0):
        said = judged(special(VOLUME, Role.SERVICE, rows=log(rows)), noise=NOISE, state=state)
        found.append(one(said, VOLUME).severity)
        state = said.state
    assert found == [Severity.TICKET] * 4 + [Severity.PAGE]


def test_accuracy_that_fell_pages_though_the_score_had_alerted() -> None:
    """Only calibration is excused by its score."""
    evidence = {"score_alerted": True}
    worse = special(PERFORMANCE, Role.PERFORMANCE, evidence=evidence, accuracy=0.6, bias=0.3, brier=0.3)
    assert _said(worse).severity is Severity.PAGE


@pytest.mark.parametrize(
    "other",
    [special("score", Role.SCORE, c1=1.5), special(BEHAVIOUR, Role.BEHAVIOUR, score=0.4)],
)
def test_a_relation_pages_when_the_model_answers_otherwise(other: ColumnResult) -> None:
    """Score or behaviour alert in the same window."""
    assert _said(special(JOINT, Role.JOINT, r_a_b=-0.9), other).severity is Severity.PAGE


def test_a_relation_of_an_important_column_pages() -> None:
    """The owner's word, for either of the two."""
    policy = JudgePolicy(important=("b",))
    assert _said(special(JOINT, Role.JOINT, r_a_b=-0.9), policy=policy).severity is Severity.PAGE
    assert _said(special(JOINT, Role.JOINT, r_a_c=0.9), policy=policy).severity is Severity.TICKET


def test_behaviour_does_not_make_every_input_a_page() -> None:
    """A shift that harms nothing stays a ticket beside it."""
    moved = special("x", Role.FEATURE, c1=0.3, missing=0.02)
    assert _said(moved, special(BEHAVIOUR, Role.BEHAVIOUR, score=0.4)).severity is Severity.TICKET


@pytest.mark.parametrize(("missing", "severity"), [(0.2, Severity.TICKET), (0.9, Severity.PAGE)])
def test_a_slice_is_a_ticket_unless_half_of_it_is_gone(missing: float, severity: Severity) -> None:
    """The whole says how bad; but a small slice may not show there."""
    part = special("x", Role.FEATURE, segment="origin=JFK", c1=0.0, missing=missing)
    verdict = _said(part)
    assert (verdict.kind, verdict.severity) == (VerdictKind.BREACH, severity)


def test_a_version_is_judged_by_its_own_reference_or_by_the_whole() -> None:
    """At most a ticket either way."""
    shifted = special("x", Role.FEATURE, version="v2", c1=0.5, missing=0.02)
    by_whole = judged(shifted, noise=NOISE).verdicts[0]
    own = special_noise(special("x", Role.FEATURE, c1=0.5, missing=0.02))
    by_own = judged(shifted, noise=NOISE, versions={"v2": own}).verdicts[0]
    assert (by_whole.kind, by_whole.severity) == (VerdictKind.BREACH, Severity.TICKET)
    assert by_own.kind is VerdictKind.CLEAR


def test_a_plain_limit_on_a_slice_is_a_ticket() -> None:
    """Its page limit speaks of the whole."""
    psi = Measurement(column="x", metric="psi", value=0.9, n_reference=9, n=9)
    policy = JudgePolicy(thresholds=(Threshold(metric="psi", page=0.2),))
    part = special("x", Role.FEATURE, segment="origin=JFK", c1=0.0, missing=0.02, measurements=[psi])
    assert _said(part, policy=policy).severity is Severity.TICKET


def test_a_slice_that_nobody_taught_is_not_judged() -> None:
    """No flood of errors until the next reference; a column of the whole is an error."""
    part = special("x", Role.FEATURE, segment="origin=SFO", c1=0.0)
    assert judged(part, noise=NOISE).verdicts == ()
    assert one(judged(numeric("new"), noise=NOISE), "new").kind is VerdictKind.ERROR
