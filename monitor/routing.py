"""Which channels hear of a model, and about what?"""

from fnmatch import fnmatchcase

from alerting.grouping import Group, GroupPolicy, group_labels, new_group
from alerting.incident import Incident
from alerting.verdict import Severity
from monitor.config import Config


def group_policies(config: Config, model: str) -> dict[str, GroupPolicy]:
    """By channel. A route without a severity is about pages: tickets need a route that asks for them."""
    severities: dict[str, set[Severity]] = {}
    for route in config.routes:
        if fnmatchcase(model, route.match.model):
            for channel in route.channels:
                severities.setdefault(channel, set()).add(Severity(route.match.severity or "page"))
    settings = config.models.get(model)
    runbook = settings.runbook if settings else None
    zone = settings.window.zone if settings else "UTC"
    task = settings.task if settings else None
    return {
        channel: GroupPolicy(severities=frozenset(found), runbook=runbook, zone=zone, task=task)
        for channel, found in severities.items()
    }


def groups_of(config: Config, incident: Incident) -> list[Group]:
    """The groups, as nothing was told yet, that an incident belongs to: one a channel that wants it."""
    return [
        new_group(channel, group_labels(incident, policy))
        for channel, policy in group_policies(config, incident.series.model).items()
        if incident.severity in policy.severities
    ]
