"""Which routes and channels of a config can never matter? What is accepted, and is hardly what was meant."""

from collections.abc import Iterator

from alerting.glob import is_like
from alerting.verdict import IncidentKind
from monitor.config import Config
from monitor.config_routes import RouteConfig


def route_notes(config: Config) -> tuple[str, ...]:
    """A line each."""
    return (*_routes(config), *_channels(config))


def _routes(config: Config) -> Iterator[str]:
    if config.models and not config.routes:
        yield "routes: there is none, so nobody is told of anything; history still holds everything"
    for index, route in enumerate(config.routes):
        reason = _never(config, route)
        if reason:
            yield f"routes[{index}].match.{reason}: this route can never match"


def _never(config: Config, route: RouteConfig) -> str:
    """Why it cannot; empty: it can."""
    match, daemon = route.match, str(IncidentKind.DAEMON)
    if set(match.kind) == {daemon}:
        return (
            "severity: is ticket, and Leeway's own troubles are pages" if match.severity == "ticket" else ""
        )
    models = [model for name, model in config.models.items() if is_like(name, match.model)]
    if not models:
        known = ", ".join(sorted(config.models)) or "none"
        return f'model: "{match.model}" is like no model of the config (there is {known})'
    sliced = any(model.columns.segments or model.reference.trailing for model in models)
    if match.segment.strip("*") and not sliced:
        return f'segment: is "{match.segment}", and no model it is about has columns.segments'
    if match.version.strip("*") and not any(model.columns.version for model in models):
        return f'version: is "{match.version}", and no model it is about has columns.version'
    return ""


def _channels(config: Config) -> Iterator[str]:
    used = {config.daemon.fallback, *(model.retraining.target for model in config.models.values())}
    for route in config.routes:
        used |= {*route.channels, *(step.channel for step in route.escalation)}
    for name in config.channels:
        if name not in used:
            yield f"channels.{name}: no route, escalation, fallback or retraining leads there"
