"""What can be said in a scenario? Values in, expected incidents and messages out (docs/scenarios.md)."""

from datetime import datetime, timedelta
from typing import Annotated, Literal

from pydantic import Field, model_validator

from alerting.channel import Failure
from alerting.grouping import ROOTS_AN_HOUR
from alerting.incident import ResolveReason
from detectors._column import Role
from monitor.config_model import PolicyConfig, RetrainingConfig, WindowConfig
from monitor.config_routes import Quiet, RouteConfig
from monitor.config_types import Duration, Moment, Room, Task, Zone
from monitor.scenario.actions import Action
from monitor.scenario.spelling import At, Conditions, Endings, Feed, Said, Values, Verdicts

START = datetime(2026, 1, 5)  # noqa: DTZ001  a Monday at midnight, in the zone of the windows
Z = "z"  # a value in sd of a usual window, judged by the noise law; every other name is a metric


class DownConfig(Room):
    """From the one moment to the other."""

    from_: At = Field(alias="from")
    to: At


class OutageConfig(DownConfig):
    """How a channel fails meanwhile; `ambiguous`: the message arrives and its answer is lost."""

    failure: Literal["transient", "rate", "ambiguous", "channel_broken", "payload", "lane"] = "transient"
    retry_after_s: float | None = Field(default=None, gt=0)

    @property
    def word(self) -> Failure:
        return Failure(self.failure)


class ChannelConfig(Room):
    """A channel that writes down what it is given."""

    threads: bool = True  # replies and edits, like Slack with a bot token; else posts alone
    down: tuple[OutageConfig, ...] = Field(default=(), strict=False)
    posts_an_hour: int = Field(default=ROOTS_AN_HOUR, ge=1)
    digest_hour: int = Field(default=9, ge=0, le=23)
    zone: Zone | None = None
    quiet: Quiet = ()


class ColumnConfig(Room):
    """What a column is to the model."""

    role: Literal["feature", "score", "prediction"] = "feature"
    matters: bool = True  # False: it has no effect on the model, so what is sure of it is a ticket

    @property
    def word(self) -> Role:
        return Role(self.role)


class IncidentExpected(Room):
    """One incident. What is left out is not compared; without `resolved` it must still be open."""

    column: str
    health: bool = False  # of the column's data; always so for the feed
    opened: At
    resolved: At | None = None
    reason: Literal[tuple(str(reason) for reason in ResolveReason)] | None = None  # type: ignore[valid-type]  # a closed set of the code, not copied
    severity: Literal["ticket", "page"] | None = None
    kind: Literal["drift", "performance", "confidence", "data", "service", "daemon"] | None = None
    relapses: int | None = Field(default=None, ge=0)
    reopens: int | None = Field(default=None, ge=0)
    acknowledged_by: str | None = None
    escalation_step: int | None = Field(default=None, ge=0)


class MessageExpected(Room):
    """One message that a person gets: a post or a reply. Edits of a root are not news and not listed."""

    channel: str
    reason: str
    at: At | None = None
    by: At | None = None  # at the latest
    contains: tuple[str, ...] = Field(default=(), strict=False)
    lacks: tuple[str, ...] = Field(default=(), strict=False)
    times: int = Field(default=1, ge=1)  # so many alike, one after the other


class Expected(Room):
    """What must come out. Nothing else may, unless `only` is false."""

    only: bool = True
    windows: Endings | None = None
    verdicts: dict[str, Said] = Field(default_factory=dict)
    conditions: dict[str, Conditions] = Field(default_factory=dict)
    health: dict[str, Conditions] = Field(default_factory=dict)
    incidents: tuple[IncidentExpected, ...] = Field(default=(), strict=False)
    messages: tuple[MessageExpected, ...] = Field(default=(), strict=False)


class Scenario(Room):
    """A whole file."""

    name: str = Field(min_length=1)
    about: str = ""
    model: str = "model"
    task: Task = "binary"
    start: Moment = START
    lasts: Annotated[Duration, Field(le=timedelta(days=31))] = timedelta(minutes=20)  # after the last is due
    window: WindowConfig
    policy: PolicyConfig = PolicyConfig()
    retraining: RetrainingConfig = RetrainingConfig(mode="off")
    channels: dict[str, ChannelConfig] = Field(default_factory=dict)
    routes: tuple[RouteConfig, ...] = Field(default=(), strict=False)
    fallback: str | None = None  # the channel that is told when another takes nothing
    columns: dict[str, ColumnConfig] = Field(default_factory=dict)
    feed: Feed | None = None  # how each window ends; None: done
    verdicts: dict[str, Verdicts] = Field(default_factory=dict)  # by series
    values: dict[str, dict[str, Values]] = Field(default_factory=dict)  # by series, then metric
    down: tuple[DownConfig, ...] = Field(default=(), strict=False)  # the daemon
    actions: tuple[Action, ...] = Field(default=(), strict=False)
    expect: Expected

    @model_validator(mode="after")
    def _something(self) -> "Scenario":
        if not self.lengths:
            raise ValueError("must have windows: write `verdicts`, `values` or `feed`")
        return self

    @property
    def lengths(self) -> dict[tuple[str | int, ...], int]:
        """Windows of each series, by the path of its key."""
        found: dict[tuple[str | int, ...], int] = {}
        if self.feed is not None:
            found["feed",] = len(self.feed)
        found |= {("verdicts", name): len(said) for name, said in self.verdicts.items()}
        for name, metrics in self.values.items():
            found |= {("values", name, metric): len(values) for metric, values in metrics.items()}
        return found

    @property
    def windows(self) -> int:
        return max(self.lengths.values())
