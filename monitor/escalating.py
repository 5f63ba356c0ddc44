"""Of which pages is a channel to hear because nobody acknowledged them, and which groups may that concern?"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection

from alerting.escalation import Overdue, overdue, unattended_since
from alerting.group import Group, GroupPolicy, group_labels, new_group
from alerting.incident import Incident
from alerting.quiet import quiet_until
from alerting.route import Route, Step
from alerting.verdict import Severity
from monitor.config import Config
from monitor.routing import routes_of, step_channels
from storage import groups, incidents


def escalated(
    conn: Connection, config: Config, group: Group, members: Sequence[Incident], now: datetime
) -> dict[str, Overdue]:
    """By incident id, the last step that leads to this channel and is due."""
    routes = [
        each for each in _stepped(config, group.labels["model"]) if group.channel in step_channels([each])
    ]
    if not routes:
        return {}
    given_back = incidents.given_back(conn, [each.id for each in members])
    found: dict[str, Overdue] = {}
    for route in routes:
        if quiet_until(route.quiet, Severity.PAGE, now) is not None:
            continue  # its pages wait, and so does what comes of them
        paged = _paged(conn, route, group.labels)
        for incident in members:
            if not route.takes(incident.series, incident.kind, incident.severity):
                continue
            since = unattended_since(
                incident, paged=paged.get(incident.id), given_back=given_back.get(incident.id), now=now
            )
            due = None if since is None else overdue(route.steps, group.channel, since, now)
            known = found.get(incident.id)
            if due is not None and (known is None or known.number < due.number):
                found[incident.id] = due
    return found


def coming(
    conn: Connection, config: Config, incident: Incident, now: datetime
) -> tuple[datetime, Step] | None:
    """The step that is next if nobody acknowledges it; quiet hours may put it off. None: there is none."""
    given_back = incidents.given_back(conn, [incident.id]).get(incident.id)
    found: list[tuple[datetime, Step]] = []
    for route in _stepped(config, incident.series.model):
        if not route.takes(incident.series, incident.kind, incident.severity):
            continue
        paged = _paged(conn, route, group_labels(incident, GroupPolicy())).get(incident.id)
        since = unattended_since(incident, paged=paged, given_back=given_back, now=now)
        if since is not None:
            found += [(since + step.after, step) for step in route.steps if since + step.after > now]
    return min(found, key=lambda each: each[0], default=None)


def next_groups(conn: Connection, config: Config, looked_at: Iterable[Group]) -> list[Group]:
    """The groups to which those may escalate; a channel that was told nothing yet has a fresh one."""
    keys: dict[str, Group] = {}
    for group in looked_at:
        for route in _stepped(config, group.labels["model"]):
            if group.channel in route.channels:
                for name in step_channels([route]):
                    fresh = new_group(name, group.labels)
                    keys.setdefault(fresh.key, fresh)
    return [groups.get(conn, key) or fresh for key, fresh in keys.items()]


def moments(conn: Connection, config: Config, group: Group) -> Iterator[datetime]:
    """When a step may be due that counts from what this group was told."""
    mine = incidents.by_ids(conn, list(group.paged))
    marks = [*group.paged.values(), *incidents.given_back(conn, list(group.paged)).values()]
    marks += [each.acknowledged_until for each in mine if each.acknowledged_until is not None]
    for route in _stepped(config, group.labels["model"]):
        yield from (
            at + step.after for at in marks for step in route.steps if group.channel in route.channels
        )


def _stepped(config: Config, model: str) -> list[Route]:
    return [route for route in routes_of(config, model) if route.steps] if model else []


def _paged(conn: Connection, route: Route, labels: Mapping[str, str]) -> dict[str, datetime]:
    """When the first of the route's channels was to be told of each page."""
    found: dict[str, datetime] = {}
    for name in route.channels:
        group = groups.get(conn, new_group(name, labels).key)
        for id_, at in (group.paged if group else {}).items():
            found[id_] = min(at, found.get(id_, at))
    return found
