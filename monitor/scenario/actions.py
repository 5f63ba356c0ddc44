"""What may a person do in a scenario? One class an action: its fields are its keys, `perform` does it.

Another action is another class here, and its name in `Action`.
"""

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field, field_validator
from sqlalchemy import Connection

from alerting.incident import Incident
from alerting.silence import Matcher, Operator, Silence
from monitor.config_types import PositiveDuration, Room
from monitor.promotion import promote, resolve_by_hand
from monitor.scenario.places import FEED, Place
from monitor.scenario.reference import another_reference
from monitor.scenario.spelling import At
from monitor.scenario.stage import Impossible, Stage
from storage import incidents, silences


class Act(Room):
    """When, and who."""

    at: At
    by: str = Field(default="ada", min_length=1)


class OnIncident(Act):
    """About the open incident of a series: that of its data with `health`, always so for the feed."""

    column: str
    health: bool = False

    def incident(self, conn: Connection, stage: Stage) -> Incident:
        return stage.incident(conn, Place.of(self.column), health=self.health or self.column == FEED)


class Ack(OnIncident):
    """`leeway incidents ack`."""

    do: Literal["ack"]
    for_: PositiveDuration = Field(default=timedelta(hours=24), alias="for")

    def perform(self, stage: Stage) -> None:
        now = stage.clock.now()
        with stage.runtime.store.write() as conn:
            id_ = self.incident(conn, stage).id
            incidents.acknowledge(conn, id_, by=self.by, now=now, until=now + self.for_)


class Unack(OnIncident):
    """`leeway incidents unack`."""

    do: Literal["unack"]

    def perform(self, stage: Stage) -> None:
        with stage.runtime.store.write() as conn:
            incidents.give_back(conn, self.incident(conn, stage).id, by=self.by, now=stage.clock.now())


class Resolve(OnIncident):
    """`leeway incidents resolve`."""

    do: Literal["resolve"]
    reason: str = Field(default="mended", min_length=1)

    def perform(self, stage: Stage) -> None:
        with stage.runtime.store.write() as conn:
            id_, config = self.incident(conn, stage).id, stage.runtime.config
            resolve_by_hand(conn, config, id_, by=self.by, reason=self.reason, now=stage.clock.now())


class AddSilence(Act):
    """`leeway silence add`: `match` has a glob by label, and every one must agree."""

    do: Literal["silence"]
    match: dict[str, str] = Field(min_length=1)
    for_: PositiveDuration = Field(alias="for")
    comment: str = Field(default="planned", min_length=1)

    @field_validator("match")
    @classmethod
    def _labels(cls, match: dict[str, str]) -> dict[str, str]:
        for label, value in match.items():
            Matcher(label=label, operator=Operator.LIKE, value=value)
        return match

    def perform(self, stage: Stage) -> None:
        now = stage.clock.now()
        matchers = [Matcher(label=k, operator=Operator.LIKE, value=v) for k, v in self.match.items()]
        made = Silence.make(matchers, until=now + self.for_, author=self.by, comment=self.comment, now=now)
        with stage.runtime.store.write() as conn:
            silences.add(conn, made)


class ExpireSilence(Act):
    """`leeway silence expire`: of all that hold now."""

    do: Literal["expire"]

    def perform(self, stage: Stage) -> None:
        now = stage.clock.now()
        with stage.runtime.store.write() as conn:
            active = silences.active(conn, now)
            if not active:
                raise Impossible("no silence holds then")
            for each in active:
                silences.expire(conn, each.id, by=self.by, now=now)


class FalsePage(OnIncident):
    """`leeway incidents mark --false-page`."""

    do: Literal["false_page"]

    def perform(self, stage: Stage) -> None:
        with stage.runtime.store.write() as conn:
            incidents.mark_false_page(conn, self.incident(conn, stage).id, by=self.by, now=stage.clock.now())


class Promote(Act):
    """`leeway reference promote`: another reference is put in force."""

    do: Literal["promote"]

    def perform(self, stage: Stage) -> None:
        with stage.runtime.store.write() as conn:
            fresh = another_reference(conn, stage)
            promote(conn, stage.runtime.config, fresh, stage.clock.now())


Action = Annotated[
    Ack | Unack | Resolve | AddSilence | ExpireSilence | FalsePage | Promote, Field(discriminator="do")
]
