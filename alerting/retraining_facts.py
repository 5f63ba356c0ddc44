"""What is looked at before a model is trained again: the policy, the windows, and what was asked before?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from alerting.breaker import Breaker
from alerting.incident import Incident
from alerting.verdict import Severity


class Mode(StrEnum):
    """What is done when every gate is open."""

    OFF = "off"
    DRY_RUN = "dry_run"  # a post of what would have been sent
    APPROVE = "approve"  # a person is asked, and says yes or no
    AUTO = "auto"


class Ask(StrEnum):
    """What the target is asked for."""

    RETRAINING = "retraining"
    ROLLBACK = "rollback"  # to the model that answered before

    @property
    def event(self) -> str:
        """Its name on the wire, as Standard Webhooks spells types."""
        return f"model.{self.value}.requested"


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrainingPolicy:
    """When a target may be asked, and by whose leave."""

    mode: Mode = Mode.DRY_RUN
    ask: Ask = Ask.RETRAINING
    target: str = ""  # a channel's name; "" none
    breached: int = 3  # n of the last …
    within: int = 5  # … m windows breached
    min_rows: int = 200  # in each breached window that counts
    min_severity: Severity = Severity.PAGE  # of a breached window that counts, and of the incident
    cooldown: timedelta = timedelta(days=7)  # after the last request, or dry run
    max_a_day: int = 1  # requests and dry runs in any 24 hours
    max_in_30_days: int = 4
    approve_within: timedelta = timedelta(hours=24)  # a proposal that nobody answered ends then
    in_flight_limit: timedelta = timedelta(hours=24)  # so does a request that nobody reported on
    improve_within: timedelta = timedelta(days=14)  # after a success: by then it has helped, or it has not

    def __post_init__(self) -> None:
        if not 1 <= self.breached <= self.within:
            raise ValueError(f"breached: must be 1 … within ({self.within}), got {self.breached}")
        if self.min_severity is Severity.NONE:
            raise ValueError("min_severity: must be ticket or page")
        if not 1 <= self.max_a_day <= self.max_in_30_days:
            raise ValueError(
                f"max_a_day: must be 1 … max_in_30_days ({self.max_in_30_days}), got {self.max_a_day}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedWindow:
    """One folded window of the model, in one line."""

    start: datetime
    end: datetime
    rows: int
    severity: Severity  # the worst of its breaches after the fold, data health left aside
    sound: bool = True  # False: the feed or a column of it was broken: no model can be blamed for that


@dataclass(frozen=True, slots=True, kw_only=True)
class Success:
    """The last request that was reported as done, and what the model was when it was asked for."""

    id: str
    reference_version: int  # in force then
    versions: tuple[str, ...] = ()  # of the model that answered then; empty: nobody knows


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrainingFacts:
    """All that the gates look at."""

    model: str
    incidents: Sequence[Incident]  # of this model; resolved ones are passed over
    windows: Sequence[JudgedWindow]  # the last `within` or more, in order
    targets: frozenset[str]  # names of the channels that take requests
    allowed: frozenset[str] | None = None  # those of them that may be asked; None: any
    silenced: frozenset[str] = frozenset()  # ids of incidents that a silence covers
    past: bool = False  # the window was folded long after its end: what it says is history
    killed: str = ""  # who or what has switched retraining off; "" nobody
    restored_at: datetime | None = None  # what was asked for shortly before that is not known any more
    schema_changed: bool = False  # a column appeared, vanished or changed type in the last window
    in_flight: str = ""  # id of the request that has not ended; "" none
    previous: str = ""  # id of the last request (or dry run) of this model; "" none
    previous_at: datetime | None = None
    asked_in_a_day: int = 0  # requests, proposals and dry runs of the last 24 hours …
    asked_in_30_days: int = 0  # … and of the last 30 days
    success: Success | None = None
    versions: tuple[str, ...] = ()  # of the model that answered in the last window; empty: nobody knows
    unanswered: str = ""  # id of a success of which it is not known yet whether it helped; "" none
    breaker: Breaker = field(default_factory=Breaker)
    reference_version: int = 0
    reference_digest: str = ""
    config_digest: str = ""
    lineage: Mapping[str, object] = field(default_factory=dict)  # of the last window: JSON, for the trainer
    call_back: str = ""  # the URL at which the target may report; "" none. The request's id goes behind it
