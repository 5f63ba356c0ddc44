"""What may a person do in a scenario? One class an action: its fields are its keys, `perform` does it.

Another action is another class here, and its name in `Action`.
"""

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field
from sqlalchemy import Connection

from alerting.incident import Incident
from monitor.config_types import PositiveDuration, Room
from monitor.promotion import promote
from monitor.scenario.places import FEED, Place
from monitor.scenario.reference import another_reference
from monitor.scenario.spelling import At
from monitor.scenario.stage import Stage
from storage import incidents


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


Action = Annotated[Ack | FalsePage | Promote, Field(discriminator="do")]
