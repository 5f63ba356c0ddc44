"""On what is a scenario played? A database of its own, a clock moved by hand, channels that write down."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection

from alerting.channel import DeliveryError, Failure, Receipt
from alerting.fold import HEALTH_RULE
from alerting.incident import Incident
from alerting.message import Message
from alerting.notification import Action, Notification
from detectors._column import Role
from monitor.clock import SteppedClock
from monitor.runtime import Runtime
from monitor.scenario.places import Place
from storage import incidents
from storage.span import Span


class Impossible(Exception):
    """An action cannot be done at its moment: what the scenario takes for granted is not there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """A channel does not take messages in [start, end)."""

    start: datetime
    end: datetime
    failure: Failure
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """A message that arrived."""

    at: datetime
    notification: Notification
    message: Message


@dataclass(slots=True, kw_only=True)
class Ear:
    """A channel of a scenario: alerting.channel.Channel that keeps what it hears."""

    name: str
    clock: SteppedClock
    threads: bool
    outages: Sequence[Outage] = ()
    heard: list[Delivered] = field(default_factory=list)
    idempotent: bool = True
    asked: int = 0  # how often it was given something, whether it took it or not

    @property
    def edits(self) -> bool:
        """What can hang replies on a post can edit it."""
        return self.threads

    def send(self, notification: Notification, message: Message) -> Receipt:
        now = self.clock.now()
        self.asked += 1
        outage = next((each for each in self.outages if each.start <= now < each.end), None)
        if outage is not None and outage.failure is not Failure.AMBIGUOUS:
            raise DeliveryError(
                outage.failure,
                f"{self.name} is down in this scenario",
                retry_after_s=outage.retry_after_s,
            )
        if notification.uncertain and notification.action is not Action.EDIT:
            message = message.as_possible_repeat()  # as a chat does whose history may not be read
        self.heard.append(Delivered(at=now, notification=notification, message=message))
        if outage is not None:  # it arrived, and nobody was told so
            raise DeliveryError(outage.failure, f"{self.name} did not answer in this scenario")
        return Receipt(reference={"ts": str(len(self.heard)), "channel": self.name})


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What the player and a person's actions work on."""

    runtime: Runtime
    clock: SteppedClock
    model: str
    spans: Sequence[Span]  # of the scenario's windows, in order
    places: Mapping[Place, Role]

    def incident(self, conn: Connection, place: Place, *, health: bool) -> Incident:
        """The open one of this series."""
        series = place.series(self.model, rule=HEALTH_RULE if health else "")
        for each in incidents.open_incidents(conn, self.model):
            if each.series == series:
                return each
        kind = "data incident" if health or not place.column else "incident"
        raise Impossible(f"no {kind} of {place} is open then")
