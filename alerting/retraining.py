"""Do we ask for the model to be trained again, and which gate says no?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from alerting.incident import Incident
from alerting.verdict import Severity


class Mode(StrEnum):
    """`approve` belongs to later work."""

    OFF = "off"
    DRY_RUN = "dry_run"  # all gates, and a post of what would have been sent
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
    min_rows: int = 200  # each breached window that counts has at least these
    min_severity: Severity = Severity.PAGE
    cooldown: timedelta = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedWindow:
    """One folded window of the model, in one line."""

    start: datetime
    end: datetime
    rows: int
    severity: Severity  # the worst after the fold, data health aside


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrainingFacts:
    """All that the gates look at."""

    model: str
    incidents: Sequence[Incident]  # the open ones of this model
    windows: Sequence[JudgedWindow]  # the last `within` or more, in order
    targets: frozenset[str]  # names of the channels that take requests
    killed: bool = False  # retraining is switched off for the whole daemon
    schema_changed: bool = False  # a column appeared, vanished or changed type in the last window
    in_flight: str = ""  # id of the request that has not ended; "" none
    previous: str = ""  # id of the last request (or dry run) of this model; "" none
    previous_at: datetime | None = None
    reference_version: int = 0
    reference_digest: str = ""
    config_digest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """One condition, with what it saw. Every one is evaluated and recorded."""

    name: str
    passed: bool
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrainingDecision:
    """What was decided, and on what grounds."""

    outcome: Outcome
    mode: Mode
    target: str
    request_id: str  # the same for the same incidents and the same previous request: stable over retries
    gates: tuple[Gate, ...]
    request: Mapping[str, object] = field(default_factory=dict)  # JSON; empty when refused


def gates(policy: RetrainingPolicy, facts: RetrainingFacts, now: datetime) -> tuple[Gate, ...]:
    """All gates, in a fixed order."""
    raise NotImplementedError


def decide(policy: RetrainingPolicy, facts: RetrainingFacts, now: datetime) -> RetrainingDecision:
    """Refused, dry run, or requested."""
    raise NotImplementedError
