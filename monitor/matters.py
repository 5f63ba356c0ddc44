"""An alert is a ticket: what makes it worth waking somebody?"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf

from alerting.verdict import Severity, VerdictKind
from detectors._column import Role
from monitor import wording
from monitor.column_rules import Rule
from monitor.judge_state import HarmState
from monitor.policy import DATA_QUALITY, HARM, LOUD, STUCK_TIMES, JudgePolicy
from storage.measurements import ColumnResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Matter:
    """What a breach of one rule asks for, and the reason in one word."""

    severity: Severity
    why: str  # data | unit | itself | score | important | harm | pull | size | limit; "" does not matter
    data_quality: bool = False  # the data feed itself is broken


def in_score_unit(policy: JudgePolicy, results: Sequence[ColumnResult]) -> JudgePolicy:
    """The policy with its pull in the unit of the score; nothing pulls a score that cannot be measured."""
    if policy.pull_sd is None:
        return policy
    sds = (wording.pair(result.evidence, "sd")[0] for result in results if result.role is Role.SCORE)
    sd = next((sd for sd in sds if sd), None)
    return replace(policy, pull=inf if sd is None else policy.pull_sd * sd)


def matter(
    rule: Rule,
    result: ColumnResult,
    running: HarmState,
    policy: JudgePolicy,
    *,
    unit_changed: bool,
    score_alerts: bool,
    learning: bool,
) -> Matter:
    """Whether this rule's breach matters. While learning, only the hard rule and plain limits may page."""
    if rule.kind is not VerdictKind.BREACH:
        return Matter(severity=Severity.NONE, why="")
    if rule.severity is not None:
        missing = rule.name == "mostly_missing"
        return Matter(
            severity=rule.severity,
            why="data" if missing else "limit" if rule.severity is Severity.PAGE else "",
            data_quality=missing,
        )
    why = _why(rule, result, running, policy, unit_changed=unit_changed, score_alerts=score_alerts)
    page = bool(why) and not learning and not result.segment
    return Matter(
        severity=Severity.PAGE if page else Severity.TICKET, why=why, data_quality=_is_broken(rule, why)
    )


def _is_broken(rule: Rule, why: str) -> bool:
    """Missing, stuck, another unit: a broken pipeline, on which nobody should retrain. A new value or a new
    extreme matters as much, but may be the world's doing, and then retraining is the cure."""
    part = rule.component
    return why == "unit" or (why == "data" and part is not None and part.name in ("missing", "stuck"))


def _why(
    rule: Rule,
    result: ColumnResult,
    running: HarmState,
    policy: JudgePolicy,
    *,
    unit_changed: bool,
    score_alerts: bool,
) -> str:
    part = rule.component
    if part is None:
        return ""
    lasting = rule.name == "ewma"
    effect = part.after.effect if lasting else part.score.effect
    if part.name in DATA_QUALITY and effect > 0.0 and (part.name != "stuck" or _is_stuck(result)):
        return "data"
    if unit_changed:
        return "unit"
    if result.role in (Role.SCORE, Role.PREDICTION):
        return "itself"
    if score_alerts:
        return "score"
    if policy.is_important(result.column):
        return "important"
    harm = result.harm
    if harm.harm is not None:
        value, error = harm.harm, harm.harm_error or 0.0
        if lasting:
            value, error = running.harm, running.harm_variance**0.5
        return "harm" if value <= HARM and abs(value) > 2.0 * error else ""
    if harm.pull is not None:
        pull = running.pull if lasting else harm.pull
        return "pull" if abs(pull) >= policy.pull else ""
    return "size" if abs(effect) >= LOUD * part.floor else ""


def _is_stuck(result: ColumnResult) -> bool:
    """Whether a value took over. In a column of few values, one that grew by half is a change of mix."""
    before, now = wording.pair(result.evidence.get("stuck"), "share")
    return now is None or before is None or now >= STUCK_TIMES * before
