"""What came of a scenario? Read from its database and its channels, in the scenario's own words."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from alerting.fold import HEALTH_RULE
from alerting.incident import Incident
from alerting.notification import Action
from monitor.drawing import post_lines
from monitor.scenario.notation import Moment
from monitor.scenario.places import Place
from monitor.scenario.stage import Delivered, Ear, Stage
from storage import checkpoints, history, incidents, ledger
from storage.encoding import iso
from storage.history import Filter
from storage.ledger import DueWindow, Stream
from storage.span import Span

Words = tuple[str | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundIncident:
    """One incident. Moments as in a scenario; `resolved` None: it is still open."""

    place: Place
    health: bool
    opened: Moment
    resolved: Moment | None
    incident: Incident


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundMessage:
    """One message that arrived. An edit of a root is upkeep; the others are news."""

    channel: str
    at: Moment
    reason: str
    action: Action
    lines: Sequence[str]  # as a person sees it

    @property
    def is_news(self) -> bool:
        return self.action is not Action.EDIT

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The whole history of a scenario. Series have one word a window, None where nothing was said."""

    windows: Words  # how each ended
    verdicts: Mapping[Place, Words]
    conditions: Mapping[Place, Words]
    health: Mapping[Place, Words]
    incidents: Sequence[FoundIncident]
    messages: Sequence[FoundMessage]  # in order of arrival


def found(stage: Stage, ears: Mapping[str, Ear], moment: Callable[[datetime], Moment]) -> Found:
    """Read it; `moment` spells an instant."""
    places = [Place(column=""), *stage.places]
    with stage.runtime.store.read() as conn:
        rows = {
            window.span.start: window
            for window in ledger.find(conn, stage.model, Stream.INPUTS, _whole(stage.spans))
        }
        in_order = [rows.get(span.start) for span in stage.spans]
        records = history.incident_list(conn)
        every = incidents.by_ids(conn, [str(record["incident_id"]) for record in records])
        return Found(
            windows=tuple("planned" if row is None else row.state.value for row in in_order),
            verdicts=_verdicts(conn, stage, places, in_order),
            conditions=_conditions(conn, stage, places, in_order, rule=""),
            health=_conditions(conn, stage, places, in_order, rule=HEALTH_RULE),
            incidents=[_incident(each, stage.spans, moment) for each in every],
            messages=sorted(
                (_message(name, each, moment) for name, ear in ears.items() for each in ear.heard),
                key=lambda each: (each.at.window or 0, each.at.later),
            ),
        )


def _whole(spans: Sequence[Span]) -> Span:
    return Span(start=spans[0].start, end=spans[-1].end)


def _verdicts(
    conn: Connection, stage: Stage, places: Sequence[Place], rows: Sequence[DueWindow | None]
) -> dict[Place, Words]:
    said = {
        (Place(column=record["column_name"], segment=record["segment"]), record["window_start"]): str(
            record["verdict"]
        )
        for record in history.verdicts(conn, Filter(model=stage.model))
    }
    starts = [iso(span.start) for span in stage.spans]
    series = {place: tuple(said.get((place, start)) for start in starts) for place in places}
    # A feed that is well has no row.
    feed = Place(column="")
    series[feed] = tuple(
        "clear" if word is None and row is not None and row.state.value == "done" else word
        for word, row in zip(series[feed], rows, strict=True)
    )
    return series


def _conditions(
    conn: Connection,
    stage: Stage,
    places: Sequence[Place],
    rows: Sequence[DueWindow | None],
    *,
    rule: str,
) -> dict[Place, Words]:
    """After each window; a window that said nothing of a series leaves it as it was."""
    now = dict.fromkeys(places, "ok")
    after: dict[Place, list[str]] = {place: [] for place in places}
    for row in rows:
        states = {} if row is None else checkpoints.changed_by(conn, row.id)
        for place in places:
            state = states.get(place.series(stage.model, rule=rule).fingerprint)
            now[place] = now[place] if state is None else state.condition.value
            after[place].append(now[place])
    return {place: tuple(words) for place, words in after.items()}


def _incident(
    incident: Incident, spans: Sequence[Span], moment: Callable[[datetime], Moment]
) -> FoundIncident:
    def named(at: datetime, bounds: list[datetime]) -> Moment:
        """The window that opened or ended it; a moment where a person or the daemon itself did."""
        return Moment(window=bounds.index(at) + 1) if at in bounds else moment(at)

    resolved = incident.resolved
    return FoundIncident(
        place=Place(column=incident.series.column, segment=incident.series.segment),
        health=incident.series.rule == HEALTH_RULE,
        opened=named(incident.opened, [span.start for span in spans]),
        resolved=None if resolved is None else named(resolved, [span.end for span in spans]),
        incident=incident,
    )


def _message(channel: str, heard: Delivered, moment: Callable[[datetime], Moment]) -> FoundMessage:
    reply = heard.notification.action is Action.REPLY
    return FoundMessage(
        channel=channel,
        at=moment(heard.at),
        reason=heard.notification.reason,
        action=heard.notification.action,
        lines=post_lines(heard.message, channel=channel, reply=reply),
    )
