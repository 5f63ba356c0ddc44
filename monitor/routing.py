"""Which channels hear of a model, and about what?"""

from fnmatch import fnmatchcase

from alerting.grouping import Group, GroupPolicy, group_labels, new_group
from alerting.incident import Incident
from alerting.verdict import IncidentKind, Severity
from monitor.config import Config


def group_policies(config: Config, model: str) -> dict[str, GroupPolicy]:
    """By channel. A route without a severity is about pages: tickets need a route that asks for them.

    No model ("") is Leeway itself: its troubles go to the fallback channel, or else to all that get pages,
    and are not repeated: it is one message that a channel is broken, until it works again.
    """
    if not model:
        pages = [route for route in config.routes if route.match.severity != "ticket"]
        every = dict.fromkeys(channel for route in pages for channel in route.channels)
        names = [config.daemon.fallback] if config.daemon.fallback else list(every)
        return {channel: GroupPolicy(repeat_every=None) for channel in names}
    severities: dict[str, set[Severity]] = {}
    for route in config.routes:
        if fnmatchcase(model, route.match.model):
            for channel in route.channels:
                severities.setdefault(channel, set()).add(Severity(route.match.severity or "page"))
    settings = config.models.get(model)
    runbook = settings.runbook if settings else None
    zone = settings.window.zone if settings else "UTC"
    links = {name.capitalize(): url for name, url in config.links.model_dump().items() if url}
    task = settings.task if settings else None
    return {
        channel: GroupPolicy(severities=frozenset(found), runbook=runbook, links=links, zone=zone, task=task)
        for channel, found in severities.items()
    }


def groups_of(config: Config, incident: Incident) -> list[Group]:
    """The groups, as nothing was told yet, that an incident belongs to: one a channel that wants it."""
    return [
        new_group(channel, group_labels(incident, policy))
        for channel, policy in group_policies(config, incident.series.model).items()
        if incident.severity in policy.severities and not is_about(incident, channel)
    ]


def is_about(incident: Incident, channel: str) -> bool:
    """Whether it says that this very channel takes nothing: to be told anywhere but there."""
    return incident.kind is IncidentKind.DAEMON and incident.series.column == channel
