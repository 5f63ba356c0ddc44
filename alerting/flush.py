"""Which posts does one flush of a group make, and which facts go into each?

Facts only: alerting/message.py words them at send time. Keys are derived from facts, never from the clock, so
the same flush after a lost commit makes the same rows.
"""

import hashlib
import math
import shlex
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from urllib.parse import quote

from alerting.escalation import Overdue, to_json
from alerting.grouping import Group, GroupPolicy, begins, news, taken, tell
from alerting.incident import Incident
from alerting.notification import Action, Notification
from alerting.reason import Reason
from alerting.series import LABEL_FEED
from alerting.verdict import IncidentKind, Severity

# How long a post is worth sending: a page about last weekend still matters on Tuesday.
_DEADLINE = timedelta(hours=24)
SHORT_ID = 12  # hex digits that a person types; commands take any unambiguous start of an id
_PAGE_DEADLINE = timedelta(hours=72)
_PICTURE_DEADLINE = timedelta(hours=1)  # who has read the words for so long has looked elsewhere by then
# Posts that bring something new, which a picture shows.
_PICTURED = (Reason.FIRST, Reason.NEW_MEMBER, Reason.SEVERITY_UP, Reason.REOPENED, Reason.SILENCE_ENDED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Flush:
    """The group afterwards and the outbox rows, to be stored in one transaction."""

    group: Group
    notifications: tuple[Notification, ...]


def flush(
    group: Group,
    incidents: Sequence[Incident],
    *,
    reason: Reason,
    now: datetime,
    policy: GroupPolicy,
    threads: bool,
    retraining: Mapping[str, object] | None = None,
    silenced: Collection[str] = (),
    escalated: Mapping[str, Overdue] | None = None,
    instead: str = "",
    pictures: bool = False,
    performance: Mapping[str, object] | None = None,
) -> Flush:
    """What goes out for `reason` (from grouping.decide), and what has been told after it.

    A channel with threads gets a root, then replies that say what changed, each with an edit that brings the
    root up to date. One without gets a new post each time, with what changed. `instead`: the fallback channel
    that is told in the place of the group's own; a post there stands alone. `pictures`: a post that brings
    something new is followed by the picture of its first line. `performance`: what is known of the model as a
    whole (alerting/toll.py); None: nothing, or nobody looked.
    """
    steps = escalated or {}
    found = news(group, incidents, policy, silenced, steps)
    after = tell(group, incidents, now=now, policy=policy, silenced=silenced, escalated=steps)
    unanswered = {id_: steps[id_] for id_, why in found.items() if why is Reason.ESCALATION}
    members = _ordered([incident for incident in incidents if incident.id in after.told])
    changed = [incident for incident in members if incident.id in found]
    if reason is Reason.REPEAT and not changed:
        changed = [each for each in members if each.is_open and each.id not in silenced]
    past_alone = reason is Reason.DIGEST and not changed and group.past is not None
    if past_alone and group.past is not None:
        changed = _ordered([incident for incident in incidents if incident.id in group.past.ids])
    if not changed:
        raise ValueError(f"flush: nothing to tell about group {group.key} for {reason}")
    past = _past(group, incidents)
    lane = f"{quote(instead)}&for={group.key}" if instead else group.key

    def post(action: Action, lines: Sequence[Incident]) -> Notification:
        firing = [each for each in members if after.told[each.id].firing and each.is_open]
        facts = _facts(
            members=members or lines,
            lines=lines,
            firing=firing,
            found=found,
            reason=reason,
            policy=policy,
            performance=performance,
        )
        ids = sorted(incident.id for incident in changed)
        page = facts["severity"] == Severity.PAGE.value
        return Notification(
            key=_key("incident", instead or group.channel, lane, *ids, reason, str(group.flushes), action),
            channel=instead or group.channel,
            lane=f"{lane}&past" if past_alone and action is Action.ROOT else lane,
            action=action,
            reason=reason.value,
            facts=facts
            | {
                "group": group.key,
                "flush": group.flushes,
                "deaths": group.deaths,
                # All of it, also what is beyond max_lines: needed if this post dies (grouping.untell).
                "told": {} if action is Action.EDIT else {id_: why.value for id_, why in found.items()},
                "escalated": {} if action is Action.EDIT else to_json(unanswered),
                "retraining": None if retraining is None else dict(retraining),
                "past": None if action is Action.EDIT else past,
                "for_channel": group.channel if instead else None,
            },
            created=now,
            deadline=now + (_PAGE_DEADLINE if page else _DEADLINE),
        )

    def shown(said: Notification) -> tuple[Notification, ...]:
        picture = _picture(said, changed[0], group) if pictures and reason in _PICTURED else None
        return (said,) if picture is None else (said, picture)

    if instead:
        alone = shown(post(Action.ROOT, changed))
        return Flush(group=replace(after, root_key=""), notifications=alone)
    if past_alone:
        action = Action.REPLY if threads and group.has_thread and group.root_key else Action.ROOT
        return Flush(group=after, notifications=(post(action, changed),))
    if begins(group, found) or (threads and not group.root_key):
        root = post(Action.ROOT, members)
        return Flush(group=replace(after, root_key=root.key), notifications=shown(root))
    if threads:
        reply, edit = post(Action.REPLY, changed), post(Action.EDIT, members)
        return Flush(group=after, notifications=(*shown(reply), edit))
    return Flush(group=after, notifications=(post(Action.ROOT, changed),))


def edit(
    group: Group,
    incidents: Sequence[Incident],
    *,
    now: datetime,
    policy: GroupPolicy,
    performance: Mapping[str, object] | None = None,
) -> Flush:
    """The root brought up to date where nothing is news but who has what; no post where there is no root, or
    nothing of it is open."""
    members = [each for each in incidents if each.id in group.told]
    after = taken(group.told, members, now)
    firing = any(each.is_open for each in members)
    if not firing or not group.has_thread or not group.root_key:
        return Flush(group=replace(group, taken=after), notifications=())
    # A reminder's own edit: how all that was told stands now. Nothing is told by it, so the rest stays.
    made = flush(
        group,
        members,
        reason=Reason.REPEAT,
        now=now,
        policy=policy,
        threads=True,
        performance=performance,
    )
    shown = [f"{each.id} {each.version} {after.get(each.id, '')}" for each in members]
    key = _key("taken", group.key, group.root_key, *sorted(shown))
    edits = [each for each in made.notifications if each.action is Action.EDIT]
    return Flush(
        group=replace(group, taken=after),
        notifications=tuple(replace(each, key=key, reason="acknowledged") for each in edits),
    )


def _picture(said: Notification, top: Incident, group: Group) -> Notification | None:
    """What is to be drawn beside a post: facts alone, as everywhere. None for what has no numbers."""
    if not top.is_open or top.kind is IncidentKind.DAEMON or top.series.column in ("", LABEL_FEED):
        return None
    return Notification(
        key=_key("picture", said.channel, said.lane, said.key),
        channel=said.channel,
        lane=said.lane,
        action=Action.PICTURE,
        reason=said.reason,
        facts={
            "model": top.series.model,
            "kind": "picture",
            "group": group.key,
            "post": said.key,
            "lines": [_line(top, None)],
        },
        created=said.created,
        deadline=said.created + _PICTURE_DEADLINE,
    )


def _past(group: Group, incidents: Sequence[Incident]) -> dict[str, object] | None:
    """What happened while nobody looked, in numbers."""
    past = group.past
    if past is None:
        return None
    mine = [incident for incident in incidents if incident.id in past.ids]
    return {
        "start": past.start.isoformat(),
        "end": past.end.isoformat(),
        "opened": past.opened,
        "quiet": past.quiet,
        # As things are now: what resolved since is not "still firing" either.
        "resolved": past.resolved
        + sum(each.resolved is not None and each.resolved > past.end for each in mine),
        "firing": sum(each.is_open for each in mine),
    }


def _facts(
    *,
    members: Sequence[Incident],
    lines: Sequence[Incident],
    firing: Sequence[Incident],
    found: Mapping[str, Reason],
    reason: Reason,
    policy: GroupPolicy,
    performance: Mapping[str, object] | None,
) -> dict[str, object]:
    latest = max(lines, key=lambda incident: incident.window_end)
    worst = max((incident.severity for incident in firing or lines), key=lambda severity: severity.level)
    return {
        "model": latest.series.model,
        "kind": "incident",
        "reason": reason.value,
        "severity": worst.value,
        "state": "firing" if firing else "resolved",
        "window_start": latest.window_start.isoformat(),
        "window_end": latest.window_end.isoformat(),
        "since": min(incident.since for incident in firing or lines).isoformat(),
        "runbook": policy.runbook,
        "links": {name: _filled(template, lines[0]) for name, template in policy.links.items()},
        "performance": None if performance is None else dict(performance),
        "zone": policy.zone,
        "task": policy.task,
        "lineage": dict(latest.lineage),
        "lines": [_line(incident, found.get(incident.id)) for incident in lines[: policy.max_lines]],
        "more": max(0, len(lines) - policy.max_lines),
        "counts": {
            "firing": len(firing),
            "pages": sum(incident.severity is Severity.PAGE for incident in firing),
            "tickets": sum(incident.severity is Severity.TICKET for incident in firing),
            "resolved": len(members) - len(firing),
            "changed": len(found),
        },
        "next": _next(lines[0]),
    }


def _line(incident: Incident, why: Reason | None) -> dict[str, object]:
    return {
        "incident_id": incident.id,
        "fingerprint": incident.fingerprint,
        "column": incident.series.column,
        "segment": incident.series.segment,
        "version": incident.series.version,
        "kind": incident.kind.value,
        "change": incident.change,
        "title": incident.title,
        "severity": incident.severity.value,
        "state": incident.status.value,
        "news": "" if why is None else why.value,
        "since": incident.since.isoformat(),
        "resolved": _moment(incident.resolved),
        "resolved_reason": None if incident.resolved_reason is None else incident.resolved_reason.value,
        **{name: _number(incident.facts.get(name)) for name in ("z", "p", "harm", "pull", "rows")},
        "rank": incident.rank,
        "reopens": incident.reopens,
        "relapses": incident.relapses,
        "flapping": incident.flapping,
        "acknowledged_by": incident.acknowledged_by,
        "acknowledged_until": _moment(incident.acknowledged_until),
    }


def _moment(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _filled(template: str, incident: Incident) -> str:
    """A link of the config for this incident; what comes from data is quoted as a part of an address."""
    series = incident.series
    known = {
        "model": series.model,
        "column": series.column,
        "segment": series.segment,
        "version": series.version,
        "incident": incident.id,
        "start": incident.window_start.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "end": incident.window_end.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    for name, value in known.items():
        template = template.replace(f"{{{name}}}", quote(value, safe=""))
    return template


def _ordered(incidents: Sequence[Incident]) -> list[Incident]:
    """Open before resolved, pages first, then the most probable cause: bad data, then the judge's rank."""
    return sorted(
        incidents,
        key=lambda incident: (
            not incident.is_open,
            -incident.severity.level,
            incident.kind is not IncidentKind.DATA,
            math.inf if incident.rank is None else incident.rank,
            incident.since,
            incident.id,
        ),
    )


def _next(top: Incident) -> list[str]:
    """Commands that look closer at the first line."""
    show = f"leeway incidents show {top.id[:SHORT_ID]}"
    series = top.series
    if not series.model:  # Leeway's own trouble
        return [show, "leeway outbox list"]
    if series.column in ("", LABEL_FEED):
        stream = ["--stream", "labels"] if series.column else []
        return [show, shlex.join(["leeway", "history", "windows", "--model", series.model, *stream])]
    window = top.window_start.isoformat()
    explain = ["leeway", "explain", "--model", series.model, "--column", series.column, "--window", window]
    explain += ["--segment", series.segment] if series.segment else []
    explain += ["--model-version", series.version] if series.version else []
    return [show, shlex.join(explain)]


def _number(value: object) -> float | int | None:
    """As JSON: not a number is not a number to show."""
    return value if isinstance(value, int | float) and math.isfinite(value) else None


def _key(*parts: str) -> str:
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:32]
