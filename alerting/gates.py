"""Which gate stands between a drifting model and its retraining, and what does each say?

Every gate is evaluated and recorded, also when another has already refused: the record answers "why not?" in
one place. A broken pipeline looks like drift, and training on it makes things worse, so broken data and
schema changes refuse whatever else holds.
"""

from dataclasses import dataclass
from datetime import datetime

from alerting.incident import Incident, Status
from alerting.retraining_facts import JudgedWindow, Mode, RetrainingFacts, RetrainingPolicy
from alerting.verdict import IncidentKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """One condition, with what it saw."""

    name: str
    passed: bool
    why: str  # for a person, also when it passed


def gates(policy: RetrainingPolicy, facts: RetrainingFacts, now: datetime) -> tuple[Gate, ...]:
    """All gates, in a fixed order."""
    bad_enough = severe(policy, facts)
    firing = [incident for incident in _mendable(facts) if incident.status is Status.FIRING]
    unfit = [incident for incident in _open(facts) if incident.kind is IncidentKind.DATA]
    recent = facts.windows[-policy.within :]
    steady = [incident for incident in firing if not incident.flapping]
    heard = [incident for incident in steady if incident.id not in facts.silenced]
    breached = [window for window in recent if is_breached(window, policy)]
    counted = [window for window in breached if window.rows >= policy.min_rows]
    broken = [window for window in recent if not window.sound]
    begins = max((at for at in (facts.previous_at, facts.restored_at) if at is not None), default=None)
    rest_until = None if begins is None else begins + policy.cooldown
    rested = rest_until is None or now >= rest_until
    return (
        Gate(name="mode", passed=policy.mode is not Mode.OFF, why=f"mode is {policy.mode}"),
        Gate(
            name="kill_switch",
            passed=not facts.killed,
            why=facts.killed or "not switched off",
        ),
        Gate(name="target", passed=not (barred := _barred(policy, facts)), why=barred or _takes(policy)),
        Gate(
            name="incident_firing",
            passed=bool(firing),
            why=f"{len(firing)} firing incidents of the model's inputs, scores or performance",
        ),
        Gate(
            name="severity",
            passed=any(incident in bad_enough for incident in firing),
            why=f"{len(bad_enough)} open incidents of severity {policy.min_severity} or worse",
        ),
        Gate(
            name="not_flapping",
            passed=bool(steady) or not firing,
            why=f"{len(firing) - len(steady)} of {len(firing)} firing incidents come and go",
        ),
        Gate(
            name="not_silenced",
            passed=bool(heard) or not steady,
            why=f"{len(steady) - len(heard)} of {len(steady)} steadily firing incidents are silenced",
        ),
        Gate(
            name="not_historical",
            passed=not facts.past,
            why=(
                "the window ended long before it was judged: how things stand today is not known yet"
                if facts.past
                else "judged in its time"
            ),
        ),
        Gate(
            name="breached_windows",
            passed=len(breached) >= policy.breached,
            why=(
                f"{len(breached)} of the last {len(recent)} windows breached with {policy.min_severity} "
                f"or worse, {policy.breached} of {policy.within} needed"
            ),
        ),
        Gate(
            name="min_rows",
            passed=len(counted) >= policy.breached,
            why=f"{len(counted)} of them have {policy.min_rows} rows or more, {policy.breached} needed",
        ),
        Gate(
            name="sound_windows",
            passed=not broken,
            why=(
                f"the data of {len(broken)} of the last {len(recent)} windows was broken, the latest of "
                f"{broken[-1].start.isoformat()}"
                if broken
                else f"the data of the last {len(recent)} windows is sound"
            ),
        ),
        Gate(
            name="data_quality",
            passed=not unfit,
            why=(
                f"open data incidents: {', '.join(sorted(_place(incident) for incident in unfit))}"
                if unfit
                else "no open data incident"
            ),
        ),
        Gate(
            name="schema",
            passed=not facts.schema_changed,
            why="the columns changed in the last window" if facts.schema_changed else "same columns",
        ),
        Gate(
            name="cooldown",
            passed=rested,
            why=_rest(facts, rest_until),
        ),
        Gate(
            name="cap_a_day",
            passed=facts.asked_in_a_day < policy.max_a_day,
            why=f"{facts.asked_in_a_day} in the last 24 hours, at most {policy.max_a_day}",
        ),
        Gate(
            name="cap_in_30_days",
            passed=facts.asked_in_30_days < policy.max_in_30_days,
            why=f"{facts.asked_in_30_days} in the last 30 days, at most {policy.max_in_30_days}",
        ),
        Gate(
            name="in_flight",
            passed=not facts.in_flight,
            why=f"{facts.in_flight} has not ended" if facts.in_flight else "none in flight",
        ),
        Gate(name="model_changed", passed=not (same := _unchanged(facts)), why=same or _changed(facts)),
        Gate(
            name="answered",
            passed=not facts.unanswered,
            why=(
                f"{facts.unanswered} succeeded, and whether it helped is not known yet"
                if facts.unanswered
                else "no success waits for its answer"
            ),
        ),
        Gate(name="breaker", passed=not facts.breaker.is_open, why=facts.breaker.why),
    )


def _takes(policy: RetrainingPolicy) -> str:
    return f"{policy.target} takes requests"


def _barred(policy: RetrainingPolicy, facts: RetrainingFacts) -> str:
    """Why the target may not be asked; "" when it may."""
    if policy.target not in facts.targets:
        return f"{policy.target or 'no target'}: not a channel that takes requests"
    if facts.allowed is not None and policy.target not in facts.allowed:
        return f"{policy.target}: not on the allow-list, retraining.targets"
    return ""


def _unchanged(facts: RetrainingFacts) -> str:
    """Why the same model would be trained again from where the last training began; "" when it would not."""
    success = facts.success
    if success is None or facts.reference_version != success.reference_version:
        return ""
    if success.versions and facts.versions and facts.versions != success.versions:
        return ""
    versions = f" and the model version {', '.join(facts.versions)}" if facts.versions else ""
    return (
        f"{success.id} succeeded, and the reference is still v{facts.reference_version}{versions}: "
        "put the new model and its reference in force first"
    )


def _changed(facts: RetrainingFacts) -> str:
    if facts.success is None:
        return "none has succeeded yet"
    return f"the model or its reference changed since {facts.success.id} was asked for"


def _rest(facts: RetrainingFacts, until: datetime | None) -> str:
    if until is None:
        return "no earlier request"
    if facts.restored_at is not None and (facts.previous_at is None or facts.restored_at > facts.previous_at):
        return (
            f"the database was restored at {facts.restored_at.isoformat()} and may not know of the last "
            f"request, next one from {until.isoformat()}"
        )
    return f"last request {facts.previous}, next one from {until.isoformat()}"


def _open(facts: RetrainingFacts) -> list[Incident]:
    return [incident for incident in facts.incidents if incident.is_open]


def _mendable(facts: RetrainingFacts) -> list[Incident]:
    """The open incidents that training could mend: of the model, not of its data, its service or Leeway."""
    kinds = (IncidentKind.DRIFT, IncidentKind.PERFORMANCE, IncidentKind.CONFIDENCE)
    return [incident for incident in _open(facts) if incident.kind in kinds]


def severe(policy: RetrainingPolicy, facts: RetrainingFacts) -> list[Incident]:
    least = policy.min_severity.level
    return [incident for incident in _mendable(facts) if incident.severity.level >= least]


def is_breached(window: JudgedWindow, policy: RetrainingPolicy) -> bool:
    return window.severity.level >= policy.min_severity.level


def _place(incident: Incident) -> str:
    return incident.series.column or "the feed"
