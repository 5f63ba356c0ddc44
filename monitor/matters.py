"""An alert is a ticket: what makes it worth waking somebody?"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf, log

from alerting.verdict import Severity, VerdictKind
from detectors._column import Role
from monitor import wording
from monitor.column_rules import UNIT, Rule
from monitor.judge_state import HarmState
from monitor.policy import (
    DATA_QUALITY,
    HALVED,
    HARM,
    LOUD,
    MOSTLY,
    PAIR,
    QUARTERED,
    STUCK_TIMES,
    JudgePolicy,
)
from storage.measurements import ColumnResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Matter:
    """What a breach of one rule asks for, and the reason in one word."""

    severity: Severity
    # data | unit | itself | score | important | harm | pull | size | limit | performance | calibration |
    # volume | errors; "" does not matter
    why: str
    data_quality: bool = False  # the data feed itself is broken


@dataclass(frozen=True, slots=True, kw_only=True)
class Alerts:
    """What the model's own answers say in the same window."""

    score: bool = False  # score or prediction breach
    behaviour: bool = False  # the score given the features does


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
    alerts: Alerts,
    *,
    unit_changed: bool,
    learning: bool,
) -> Matter:
    """Whether this rule's breach matters. While learning, only the hard rule and plain limits may page."""
    if rule.kind is not VerdictKind.BREACH:
        return Matter(severity=Severity.NONE, why="")
    if rule.severity is not None:
        hard = {"mostly_missing": "data", UNIT: "unit"}.get(rule.name, "")
        page = rule.severity is Severity.PAGE and (hard == "data" or not _is_part(result))
        return Matter(
            severity=Severity.PAGE if page else Severity.TICKET,
            why=hard or ("limit" if page else ""),
            data_quality=bool(hard),
        )
    why = _why(rule, result, running, policy, alerts, unit_changed=unit_changed)
    page = bool(why) and not learning and (not _is_part(result) or _is_hard(rule))
    return Matter(
        severity=Severity.PAGE if page else Severity.TICKET, why=why, data_quality=_is_broken(rule, why)
    )


def _is_part(result: ColumnResult) -> bool:
    """A slice or a version: it says where, and the whole says how bad."""
    return bool(result.segment or result.version)


def _is_hard(rule: Rule) -> bool:
    """Half the rows of a slice or version: no noise explains it, and the whole may not show it."""
    part = rule.component
    return part is not None and part.name in DATA_QUALITY and part.score.effect >= MOSTLY


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
    alerts: Alerts,
    *,
    unit_changed: bool,
) -> str:
    part = rule.component
    if part is None:
        return ""
    effect = part.after.effect if rule.lasting else part.score.effect
    match result.role:
        case Role.PERFORMANCE:
            return _of_performance(part.name, part.score.mu, effect, result)
        case Role.ESTIMATE | Role.SHADOW:
            # The score it is made of pages by itself; a challenger answers nobody.
            return ""
        case Role.BEHAVIOUR:
            return "itself"
        case Role.JOINT:
            return _of_pair(part.name, policy, alerts)
        case Role.SERVICE:
            return _of_service(rule, effect, part.floor, result, policy)
        case _:
            pass
    if part.name in DATA_QUALITY and effect > 0.0 and (part.name != "stuck" or _is_stuck(result)):
        return "data"
    if unit_changed:
        return "unit"
    if part.name in DATA_QUALITY and effect <= 0.0:
        return ""  # fewer rows lack a value than in the reference
    if result.role in (Role.SCORE, Role.PREDICTION):
        return "itself"
    if alerts.score:
        return "score"
    if policy.is_important(result.column):
        return "important"
    harm = result.harm
    if harm.harm is not None:
        value, error = harm.harm, harm.harm_error or 0.0
        if rule.lasting:
            value, error = running.harm, running.harm_variance**0.5
        return "harm" if value <= HARM and abs(value) > 2.0 * error else ""
    if harm.pull is not None:
        pull = running.pull if rule.lasting else harm.pull
        return "pull" if abs(pull) >= policy.pull else ""
    return "size" if abs(effect) >= LOUD * part.floor else ""


def _of_performance(component: str, usual: float, effect: float, result: ColumnResult) -> str:
    """The model got worse; or its scores fit no more, where its own column has not said so already."""
    if result.evidence.get("incomplete"):
        return ""  # labels that come late are not a fair sample of the window
    if component in ("accuracy", "mae"):
        return "performance" if (effect < 0.0) == (component == "accuracy") else ""
    # A bias nearer to 0 than the reference's is none to wake anybody for, on whichever side.
    better = effect < 0.0 if component == "brier" else abs(usual + effect) < abs(usual)
    return "" if better or result.evidence.get("score_alerted") else "calibration"


def _of_pair(component: str, policy: JudgePolicy, alerts: Alerts) -> str:
    if alerts.score or alerts.behaviour:
        return "score"
    pair = component.removeprefix(PAIR).split("~")
    return "important" if any(policy.is_important(column) for column in pair) else ""


def _of_service(rule: Rule, effect: float, floor: float, result: ColumnResult, policy: JudgePolicy) -> str:
    name = rule.component.name if rule.component is not None else ""
    # A holiday halves a day or two and is in no slot; it leaves more than a quarter, and is over soon.
    if name == "rows" and effect <= log(HALVED if rule.lasting else QUARTERED):
        return "volume"
    if name == "errors" and effect >= LOUD * floor:
        return "errors"
    return "important" if policy.is_important(result.column) else ""


def _is_stuck(result: ColumnResult) -> bool:
    """Whether a value took over. In a column of few values, one that grew by half is a change of mix."""
    before, now = wording.pair(result.evidence.get("stuck"), "share")
    return now is None or before is None or now >= STUCK_TIMES * before
