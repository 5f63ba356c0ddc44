"""What would be sent, of each kind of message, about one incident? The real one's facts, or an example's.

The same functions as when it is sent: only what happens to the incident (it fires, it is over) is supposed.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Any

from alerting import trouble
from alerting.escalation import Overdue, to_json
from alerting.flush import flush
from alerting.group import Group, GroupPolicy, Told, new_group
from alerting.incident import Incident, ResolveReason, Status, apply
from alerting.notification import Notification
from alerting.reason import Reason
from alerting.series import Series
from alerting.verdict import IncidentKind, Severity
from monitor.picture import Course, Picture, Shares


class Variant(StrEnum):
    """The kinds of message, as `leeway channels preview --variant` takes them."""

    PAGE = "page"
    DIGEST = "digest"  # of tickets, once a day
    REPEAT = "repeat"
    ESCALATION = "escalation"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"
    REVISED = "revised"
    DRILL = "drill"
    TROUBLE = "trouble"  # of the daemon's own: a channel that takes nothing


EVERY = frozenset({Severity.PAGE, Severity.TICKET})
CHANNEL = "oncall"  # of what is nobody's channel


def preview(
    incident: Incident,
    variant: Variant,
    *,
    now: datetime,
    policy: GroupPolicy,
    channel: str = CHANNEL,
    performance: Mapping[str, object] | None = None,
) -> Notification:
    """The post of this kind about this incident, as it would stand in the outbox at `now`."""
    if variant is Variant.TROUBLE:
        incident, policy, performance = _trouble(channel, now), replace(policy, runbook=None, links={}), None
    about = _supposed(incident, variant)
    group = new_group(channel, {"model": about.series.model})
    reason = _REASONS.get(variant, Reason.FIRST)
    if reason is not Reason.FIRST and variant is not Variant.DIGEST:
        group = _told_of(group, about, now)
    said = flush(
        group,
        [about],
        reason=reason,
        now=now,
        policy=replace(policy, severities=EVERY, routes=(), quiet=()),
        threads=True,
        performance=performance,
    ).notifications[0]
    more: dict[str, object] = {}
    if variant is Variant.ESCALATION:
        step = Overdue(number=1, of=2, after=timedelta(minutes=30), since=now - timedelta(minutes=30))
        more = {"escalated": to_json({about.id: step})}
        said = replace(said, reason="escalation")
    if variant is Variant.DRILL:
        more = {"drill": {"fault": f"{about.change.replace('_', ' ')} of {about.series.column}", "by": ""}}
    return replace(said, facts={**said.facts, **more})


_REASONS = {
    Variant.DIGEST: Reason.DIGEST,
    Variant.REPEAT: Reason.REPEAT,
    Variant.RESOLVED: Reason.RESOLVED,
    Variant.REVISED: Reason.RESOLVED,
}


def _supposed(incident: Incident, variant: Variant) -> Incident:
    """The incident as it is when such a message is sent."""
    if variant in (Variant.RESOLVED, Variant.REVISED):
        reason = incident.resolved_reason or ResolveReason.RECOVERED
        return replace(
            incident,
            status=Status.RESOLVED,
            resolved=incident.resolved or incident.window_end,
            resolved_reason=ResolveReason.REVISED if variant is Variant.REVISED else reason,
            flapping=False,
        )
    taken = variant is Variant.ACKNOWLEDGED
    return replace(
        incident,
        status=Status.FIRING,
        resolved=None,
        resolved_reason=None,
        flapping=False,
        severity=Severity.TICKET if variant is Variant.DIGEST else incident.severity,
        acknowledged_by="Ada" if taken else "",
        acknowledged_until=incident.window_end + timedelta(hours=24) if taken else None,
    )


def _told_of(group: Group, about: Incident, now: datetime) -> Group:
    told = {about.id: Told(firing=True, severity=about.severity)}
    return replace(group, told=told, root_key="root", flushes=1, flushed=now - timedelta(hours=4))


def _trouble(channel: str, now: datetime) -> Incident:
    since = now - timedelta(minutes=40)
    reason = "slack answered invalid_auth; check the token"
    return apply(None, trouble.opened(channel, trouble.BROKEN, reason=reason, waiting=3, now=since))


EXAMPLE_NOW = datetime(2013, 5, 28, 4, 10, tzinfo=UTC)
_DAY = datetime(2013, 5, 27, 4, tzinfo=UTC)  # Monday in New York
EXAMPLE_POLICY = GroupPolicy(
    runbook="https://wiki.example.com/delays",
    links={
        "Page": "https://leeway.example.com/incidents/{incident}",
        "Report": "https://leeway.example.com/reports/{model}/{start}",
    },
    zone="America/New_York",
    task="binary",
)
EXAMPLE_PERFORMANCE: Mapping[str, object] = {
    "metric": "accuracy",
    "estimated": {"value": 0.861, "band": 0.024, "reference": 0.897, "trusted": True},
    "realised": {
        "value": 0.889,
        "band": 0.021,
        "reference": 0.897,
        "start": (_DAY - timedelta(days=6)).isoformat(),
        "end": (_DAY - timedelta(days=5)).isoformat(),
        "labelled": 961,
    },
}


def example() -> Incident:
    """Distances that come in kilometres from one Monday on: that of the demo, made up."""
    series = Series(model="delays", column="distance")
    return Incident(
        id="27520eb5e6b4f0c3a1d2e3f405162738",
        series=series,
        kind=IncidentKind.DATA,
        severity=Severity.PAGE,
        status=Status.FIRING,
        opened=_DAY,
        since=_DAY,
        window_start=_DAY,
        window_end=_DAY + timedelta(days=1),
        peak=44.1,
        rank=1,
        change="unit",
        title="distance: looks like ×1.609 (miles → kilometres): median 937 → 1,404",
        facts={"rows": 981, "z": 44.1, "p": 1e-30, "harm": -4.2, "pull": 0.031},
    )


def example_picture() -> Picture:
    """Of the example: ten bins that moved up, and a step in the last window."""
    steps = [0.3, -0.8, -0.5, 0.1, 0.6, 0.9, -0.2]
    values = tuple(940.0 + 25.0 * steps[day % 7] for day in range(29))
    ends: list[Any] = [80, 228, 431, 569, 740, 937, 1028, 1096, 1576, 2425, 4983]
    return Picture(
        heading="delays: distance",
        line="looks like ×1.609 (miles → kilometres): median 937 → 1,404",
        window="Mon 27 May",
        rows=981,
        zone="America/New_York",
        shares=Shares(
            labels=tuple(f"{low} to {high}" for low, high in pairwise(ends)),
            window=(0.007, 0.115, 0.036, 0.052, 0.091, 0.02, 0.014, 0.217, 0.216, 0.232),
            reference=(0.106, 0.102, 0.095, 0.098, 0.108, 0.092, 0.114, 0.084, 0.101, 0.1),
            low=(0.091, 0.075, 0.085, 0.086, 0.106, 0.079, 0.088, 0.07, 0.088, 0.106),
            high=(0.122, 0.108, 0.102, 0.114, 0.112, 0.094, 0.115, 0.09, 0.121, 0.138),
            windows=28,
        ),
        course=Course(
            measure="typical distance",
            percent=False,
            starts=tuple(_DAY - timedelta(days=29 - day) for day in range(30)),
            values=(*values, 1271.0),
            low=(885.0,) * 30,
            high=(1005.0,) * 30,
            breached=(*(False,) * 29, True),
        ),
    )
