"""Do we ask for the model to be trained again, and which gate says no?

Every gate is evaluated and recorded, also when another has already refused: the record answers "why not?" in
one place. A broken pipeline looks like drift, and training on it makes things worse, so data incidents and
schema changes refuse whatever else holds.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from alerting.incident import Incident, Status
from alerting.verdict import IncidentKind, Severity


class Mode(StrEnum):
    """What is done when every gate is open."""

    OFF = "off"
    DRY_RUN = "dry_run"  # a post of what would have been sent
    AUTO = "auto"


class Outcome(StrEnum):
    """What became of one decision."""

    REFUSED = "refused"
    DRY_RUN = "dry_run"
    REQUESTED = "requested"


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrainingPolicy:
    """When a model may be retrained without asking anybody."""

    mode: Mode = Mode.DRY_RUN
    target: str = ""  # a channel's name; "" none
    breached: int = 3  # n of the last …
    within: int = 5  # … m windows breached
    min_rows: int = 200  # in each breached window that counts
    min_severity: Severity = Severity.PAGE  # of a breached window that counts, and of the incident
    cooldown: timedelta = timedelta(days=7)  # after the last request, or dry run

    def __post_init__(self) -> None:
        if not 1 <= self.breached <= self.within:
            raise ValueError(f"breached: must be 1 … within ({self.within}), got {self.breached}")
        if self.min_severity is Severity.NONE:
            raise ValueError("min_severity: must be ticket or page")


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedWindow:
    """One folded window of the model, in one line."""

    start: datetime
    end: datetime
    rows: int
    severity: Severity  # the worst of its breaches after the fold, data health left aside


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrainingFacts:
    """All that the gates look at."""

    model: str
    incidents: Sequence[Incident]  # of this model; resolved ones are passed over
    windows: Sequence[JudgedWindow]  # the last `within` or more, in order
    targets: frozenset[str]  # names of the channels that take requests
    silenced: frozenset[str] = frozenset()  # ids of incidents that a silence covers
    past: bool = False  # the window was folded long after its end: what it says is history
    killed: bool = False  # retraining is switched off for the whole daemon
    restored_at: datetime | None = None  # what was asked for shortly before that is not known any more
    schema_changed: bool = False  # a column appeared, vanished or changed type in the last window
    in_flight: str = ""  # id of the request that has not ended; "" none
    previous: str = ""  # id of the last request (or dry run) of this model; "" none
    previous_at: datetime | None = None
    reference_version: int = 0
    reference_digest: str = ""
    config_digest: str = ""
    lineage: Mapping[str, object] = field(default_factory=dict)  # of the last window: JSON, for the trainer


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """One condition, with what it saw."""

    name: str
    passed: bool
    why: str  # for a person, also when it passed


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrainingDecision:
    """What was decided, and on what grounds."""

    outcome: Outcome
    mode: Mode
    target: str
    request_id: str  # the same for the same incidents and the same previous request: stable over retries
    gates: tuple[Gate, ...]
    request: Mapping[str, object] = field(default_factory=dict)  # JSON; empty when refused

    @property
    def refused_by(self) -> tuple[str, ...]:
        """Names of the gates that are shut."""
        return tuple(gate.name for gate in self.gates if not gate.passed)


def gates(policy: RetrainingPolicy, facts: RetrainingFacts, now: datetime) -> tuple[Gate, ...]:
    """All gates, in a fixed order."""
    severe = _severe(policy, facts)
    firing = [incident for incident in _mendable(facts) if incident.status is Status.FIRING]
    unfit = [incident for incident in _open(facts) if incident.kind is IncidentKind.DATA]
    recent = facts.windows[-policy.within :]
    steady = [incident for incident in firing if not incident.flapping]
    heard = [incident for incident in steady if incident.id not in facts.silenced]
    breached = [window for window in recent if _is_breached(window, policy)]
    counted = [window for window in breached if window.rows >= policy.min_rows]
    begins = max((at for at in (facts.previous_at, facts.restored_at) if at is not None), default=None)
    rest_until = None if begins is None else begins + policy.cooldown
    rested = rest_until is None or now >= rest_until
    return (
        Gate(name="mode", passed=policy.mode is not Mode.OFF, why=f"mode is {policy.mode}"),
        Gate(
            name="kill_switch",
            passed=not facts.killed,
            why="retraining is switched off for the whole daemon" if facts.killed else "not switched off",
        ),
        Gate(
            name="target",
            passed=policy.target in facts.targets,
            why=(
                f"{policy.target} takes requests"
                if policy.target in facts.targets
                else f"{policy.target or 'no target'}: not a channel that takes requests"
            ),
        ),
        Gate(
            name="incident_firing",
            passed=bool(firing),
            why=f"{len(firing)} firing incidents of the model's inputs, scores or performance",
        ),
        Gate(
            name="severity",
            passed=any(incident in severe for incident in firing),
            why=f"{len(severe)} open incidents of severity {policy.min_severity} or worse",
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
            name="in_flight",
            passed=not facts.in_flight,
            why=f"{facts.in_flight} has not ended" if facts.in_flight else "none in flight",
        ),
    )


def decide(policy: RetrainingPolicy, facts: RetrainingFacts, now: datetime) -> RetrainingDecision:
    """Refused, dry run, or requested. The store has the last word on one in flight: a unique index."""
    looked_at = gates(policy, facts, now)
    cause = sorted(incident.id for incident in _severe(policy, facts))
    id_ = _digest("retraining", facts.model, policy.target, facts.previous, *cause)
    outcome = Outcome.REFUSED
    if all(gate.passed for gate in looked_at):
        outcome = Outcome.REQUESTED if policy.mode is Mode.AUTO else Outcome.DRY_RUN
    return RetrainingDecision(
        outcome=outcome,
        mode=policy.mode,
        target=policy.target,
        request_id=id_,
        gates=looked_at,
        request={} if outcome is Outcome.REFUSED else _request(policy, facts, id_, cause),
    )


def _rest(facts: RetrainingFacts, until: datetime | None) -> str:
    if until is None:
        return "no earlier request"
    if facts.restored_at is not None and (facts.previous_at is None or facts.restored_at > facts.previous_at):
        return (
            f"the database was restored at {facts.restored_at.isoformat()} and may not know of the last "
            f"request, next one from {until.isoformat()}"
        )
    return f"last request {facts.previous}, next one from {until.isoformat()}"


def _request(
    policy: RetrainingPolicy, facts: RetrainingFacts, id_: str, cause: Sequence[str]
) -> dict[str, object]:
    return {
        "id": id_,
        "model": facts.model,
        "incidents": list(cause),
        "windows": [
            {
                "start": window.start.isoformat(),
                "end": window.end.isoformat(),
                "rows": window.rows,
                "severity": window.severity.value,
            }
            for window in facts.windows[-policy.within :]
            if _is_breached(window, policy)
        ],
        "reference": {"version": facts.reference_version, "digest": facts.reference_digest},
        "config_digest": facts.config_digest,
        "lineage": dict(facts.lineage),
    }


def _open(facts: RetrainingFacts) -> list[Incident]:
    return [incident for incident in facts.incidents if incident.is_open]


def _mendable(facts: RetrainingFacts) -> list[Incident]:
    """The open incidents that training could mend: of the model, not of its data, its service or Leeway."""
    kinds = (IncidentKind.DRIFT, IncidentKind.PERFORMANCE, IncidentKind.CONFIDENCE)
    return [incident for incident in _open(facts) if incident.kind in kinds]


def _severe(policy: RetrainingPolicy, facts: RetrainingFacts) -> list[Incident]:
    least = policy.min_severity.level
    return [incident for incident in _mendable(facts) if incident.severity.level >= least]


def _is_breached(window: JudgedWindow, policy: RetrainingPolicy) -> bool:
    return window.severity.level >= policy.min_severity.level


def _place(incident: Incident) -> str:
    return incident.series.column or "the feed"


def _digest(*parts: str) -> str:
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:32]
