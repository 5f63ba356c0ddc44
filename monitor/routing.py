"""Which channels hear of a model, and about what?"""

from collections.abc import Iterable, Mapping

from alerting.glob import is_like
from alerting.grouping import Group, GroupPolicy, group_labels, new_group
from alerting.incident import Incident
from alerting.quiet import QuietHours
from alerting.route import Route, Step
from alerting.series import Series
from alerting.verdict import IncidentKind, Severity
from monitor.config import Config
from monitor.config_routes import DAYS, ChannelConfig, QuietConfig, RouteConfig

Policies = Mapping[str, GroupPolicy]  # by channel


def routes_of(config: Config, model: str) -> list[Route]:
    """Those about this model. One without a severity is about pages: tickets need one that asks for them."""
    return [
        _route(config, number, route, model)
        for number, route in enumerate(config.routes, start=1)
        if is_like(model, route.match.model)
    ]


def group_policies(config: Config, model: str) -> dict[str, GroupPolicy]:
    """By channel, those of escalations too.

    No model ("") is Leeway itself: its troubles go to the fallback channel, or else to all that get pages of
    any kind, and to those that a route of kind daemon names. They are not repeated and do not escalate: it is
    one message that a channel is broken, until it works again.
    """
    if not model:
        return {channel: GroupPolicy(repeat_every=None) for channel in _of_the_daemon(config)}
    routes = routes_of(config, model)
    settings = config.models.get(model)
    names = [*(name for route in routes for name in route.channels), *step_channels(routes)]
    links = {name.capitalize(): url for name, url in config.links.model_dump().items() if url}
    policies = {}
    for name in dict.fromkeys(names):
        mine = tuple(route for route in routes if name in route.channels)
        channel = config.channels.get(name)
        policies[name] = GroupPolicy(
            severities=frozenset(route.severity for route in mine),
            routes=mine,
            quiet=_quiet(channel.quiet, channel, config, model) if channel else (),
            digest_hour=channel.digest_hour if channel else GroupPolicy().digest_hour,
            digest_zone=channel.zone if channel else None,
            runbook=settings.runbook if settings else None,
            links=links,
            zone=_model_zone(config, model),
            task=settings.task if settings else None,
        )
    return policies


def groups_of(config: Config, incident: Incident, policies: Policies | None = None) -> list[Group]:
    """The groups, as nothing was told yet, that an incident belongs to: one a channel that wants it.

    `policies`: those of its model, where they are known already.
    """
    policies = group_policies(config, incident.series.model) if policies is None else policies
    return [
        new_group(channel, group_labels(incident, policy))
        for channel, policy in policies.items()
        if policy.wants(incident) and not is_about(incident, channel)
    ]


def escalation_groups(config: Config, incident: Incident, policies: Policies | None = None) -> list[Group]:
    """The groups, as nothing was told yet, that may hear of it because nobody answered."""
    policies = group_policies(config, incident.series.model) if policies is None else policies
    stepped = {route.number: route for policy in policies.values() for route in policy.routes if route.steps}
    routes = [
        each for each in stepped.values() if each.takes(incident.series, incident.kind, incident.severity)
    ]
    return [new_group(name, group_labels(incident, GroupPolicy())) for name in step_channels(routes)]


def step_channels(routes: Iterable[Route]) -> list[str]:
    """Whom these routes tell if nobody answers."""
    return list(dict.fromkeys(step.channel for route in routes for step in route.steps))


def is_about(incident: Incident, channel: str) -> bool:
    """Whether it says that this very channel takes nothing: to be told anywhere but there."""
    return is_of(incident.series, incident.kind, channel)


def is_of(series: Series, kind: IncidentKind, channel: str) -> bool:
    """The same of what is no incident yet."""
    return kind is IncidentKind.DAEMON and series.column == channel


def posts_an_hour(config: Config, channel: str) -> int:
    """How many posts of its own a channel is given."""
    return config.channels[channel].posts_an_hour


def _of_the_daemon(config: Config) -> list[str]:
    daemon = str(IncidentKind.DAEMON)
    named = [name for route in config.routes if daemon in route.match.kind for name in route.channels]
    if config.daemon.fallback:
        return list(dict.fromkeys([*named, config.daemon.fallback]))
    pages = [route for route in config.routes if route.match.severity != "ticket"]
    # A route of certain kinds or columns is for people who look after those; better they than nobody.
    wide = [route for route in pages if not _is_narrow(route)] or ([] if named else pages)
    return list(dict.fromkeys([*named, *(name for route in wide for name in route.channels)]))


def _is_narrow(route: RouteConfig) -> bool:
    match = route.match
    return bool(match.kind) or (match.column, match.segment, match.version) != ("*", "*", "*")


def _route(config: Config, number: int, route: RouteConfig, model: str) -> Route:
    match = route.match
    return Route(
        number=number,
        severity=Severity(match.severity or "page"),
        kinds=frozenset(IncidentKind(kind) for kind in match.kind),
        column=match.column,
        segment=match.segment,
        version=match.version,
        channels=route.channels,
        quiet=_quiet(route.quiet, None, config, model),
        steps=tuple(Step(after=step.after, channel=step.channel) for step in route.escalation),
    )


def _quiet(
    hours: Iterable[QuietConfig], channel: ChannelConfig | None, config: Config, model: str
) -> tuple[QuietHours, ...]:
    zone = channel.zone if channel else None
    return tuple(
        QuietHours(
            start=each.from_,
            end=each.to,
            zone=each.zone or zone or _model_zone(config, model),
            days=frozenset(DAYS.index(day) for day in each.days),
            pages=each.pages,
        )
        for each in hours
    )


def _model_zone(config: Config, model: str) -> str:
    settings = config.models.get(model)
    return settings.window.zone if settings else "UTC"
