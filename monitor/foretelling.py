"""Who would be told of such an incident, and when, if it opened now?

By the policies that the daemon decides by, so the answer is that of `alerting.grouping.decide`. What nobody
can know is left out: what a channel was told lately, whether it works, what follows.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from alerting.clocks import next_hour, zone_of
from alerting.grouping import GroupPolicy
from alerting.quiet import quiet_until
from alerting.route import Route
from alerting.series import Series
from alerting.silence import Silence
from alerting.verdict import IncidentKind, Severity
from monitor.config import Config
from monitor.routing import group_policies, is_of, routes_of

_LOOKS = 400  # stretches of quiet hours that follow on each other: more than a year of days


@dataclass(frozen=True, slots=True, kw_only=True)
class Supposed:
    """An incident that might open."""

    series: Series
    kind: IncidentKind
    severity: Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """One channel that would be told."""

    channel: str
    at: datetime  # at the earliest; a page waits up to a minute for the other windows of its model
    routes: tuple[int, ...]  # numbers of the routes that lead there
    step: int = 0  # of an escalation, if nobody acknowledges it; 0: told without one
    of: int = 0  # steps of that route
    digest: bool = False  # with the tickets of the day
    quiet: bool = False  # would be earlier, were there no quiet hours


def tellings(config: Config, what: Supposed, now: datetime) -> list[Telling]:
    """Every channel, the first to be told first."""
    policies = group_policies(config, what.series.model)
    first = [
        _first(name, policy, what, now)
        for name, policy in policies.items()
        if policy.takes(what.series, what.kind, what.severity) and not is_of(what.series, what.kind, name)
    ]
    routes = routes_of(config, what.series.model) if what.series.model else []
    steps = [
        step
        for route in routes
        if route.takes(what.series, what.kind, what.severity)
        for step in _steps(route, first, policies)
    ]
    return sorted([*first, *steps], key=lambda each: (each.at, each.step, each.channel))


def silence_over(silences: Iterable[Silence], what: Supposed, now: datetime) -> Silence | None:
    """The one that keeps it back for the longest; None: none does."""
    labels = {
        "model": what.series.model,
        "column": what.series.column,
        "segment": what.series.segment,
        "version": what.series.version,
        "kind": what.kind.value,
        "severity": what.severity.value,
        "rule": what.series.rule,
    }
    covering = [
        each
        for each in silences
        if each.is_active(now) and all(m.accepts(labels[m.label]) for m in each.matchers)
    ]
    return max(covering, key=lambda each: each.over, default=None)


def _first(channel: str, policy: GroupPolicy, what: Supposed, now: datetime) -> Telling:
    digest = what.severity is Severity.TICKET
    zone = zone_of(policy.digest_zone or policy.zone)
    at = due = next_hour(policy.digest_hour, now, zone) if digest else now
    for _ in range(_LOOKS):
        until = policy.quiet_until(what.series, what.kind, what.severity, at, as_=what.severity)
        if until is None:
            break
        at = until
    mine = tuple(r.number for r in policy.routes if r.takes(what.series, what.kind, what.severity))
    return Telling(channel=channel, at=at, routes=mine, digest=digest, quiet=at > due)


def _steps(route: Route, first: list[Telling], policies: dict[str, GroupPolicy]) -> Iterator[Telling]:
    begins = min(each.at for each in first if each.channel in route.channels)
    for number, step in enumerate(route.steps, start=1):
        at = due = begins + step.after
        for _ in range(_LOOKS):
            hours = (*route.quiet, *policies[step.channel].quiet)
            until = quiet_until(hours, Severity.PAGE, at)
            if until is None:
                break
            at = until
        yield Telling(
            channel=step.channel,
            at=at,
            routes=(route.number,),
            step=number,
            of=len(route.steps),
            quiet=at > due,
        )
