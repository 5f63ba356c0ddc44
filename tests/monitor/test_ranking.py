"""Causes before effects, over every kind of verdict."""

from datetime import UTC, datetime
from math import log

from alerting.series import Series
from alerting.verdict import Verdict, VerdictKind
from detectors import Role
from monitor.ranking import cause_first
from tests.monitor.judging import judged, special, special_noise

NORMAL = (
    special("__performance__", Role.PERFORMANCE, accuracy=0.8),
    special("__estimated__", Role.ESTIMATE, accuracy=0.8),
    special("__max_probability__", Role.DERIVED, c1=0.0),
    special("score", Role.SCORE, c1=0.0),
    special("__joint__", Role.JOINT, r_a_b=0.0),
    special("x", Role.FEATURE, c1=0.0),
    special("x", Role.FEATURE, segment="origin=JFK", c1=0.0),
    special("__volume__", Role.SERVICE, rows=log(900.0)),
)
MOVED = (
    special("__performance__", Role.PERFORMANCE, accuracy=0.2),
    special("__estimated__", Role.ESTIMATE, accuracy=0.2),
    special("__max_probability__", Role.DERIVED, c1=1.0),
    special("score", Role.SCORE, c1=1.0),
    special("__joint__", Role.JOINT, r_a_b=1.0),
    special("x", Role.FEATURE, segment="origin=JFK", c1=1.7),
    special("x", Role.FEATURE, c1=0.5),
)


def test_causes_come_before_effects_and_the_whole_before_its_parts() -> None:
    """However much clearer the effects are."""
    found = judged(*MOVED, noise=special_noise(*NORMAL)).verdicts
    order = [(v.series.column, v.series.segment) for v in sorted(found, key=lambda v: v.rank or 99)]
    assert order == [
        ("x", ""),
        ("__joint__", ""),
        ("score", ""),
        ("__max_probability__", ""),
        ("__estimated__", ""),
        ("__performance__", ""),
        ("x", "origin=JFK"),
    ]


def test_what_has_just_begun_comes_before_what_lasts() -> None:
    """A change of this window, before one that only its running mean still holds, however small its p."""
    result, old = special("x", Role.FEATURE, c1=0.5), verdict_of("ewma", 1e-17)
    new = verdict_of("shewhart", 1e-10)
    assert cause_first(result, (), new, known=False) < cause_first(result, (), old, known=False)


def verdict_of(rule: str, p: float) -> Verdict:
    """A sure breach by this rule."""
    return Verdict(
        series=Series(model="m", column="x"),
        start=datetime(2026, 1, 1, tzinfo=UTC),
        end=datetime(2026, 1, 2, tzinfo=UTC),
        kind=VerdictKind.BREACH,
        sure=True,
        facts={"rule": rule, "p": p},
    )
