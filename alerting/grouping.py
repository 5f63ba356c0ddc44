"""Whether, and why, do we tell a channel something about a group of incidents now?

Theory
------
A group is one thread of one channel: all incidents that share the channel and the `group_by` labels. It
remembers what the channel was last told of each incident, and everything follows from comparing that with how
the incidents are now. Each difference is told once; an incident that fired and resolved between two flushes
was never told and stays history.

    told                  now                        news
    never                 open, routed severity      new
    never                 resolved                   none: history only
    firing                higher severity            severity_up
    firing                resolved                   resolved
    firing                firing or recovering       none, relapses and quick reopenings included
    resolved              open, routed severity      reopened

When: the first flush waits until every window with the same end is folded, or `group_wait`. Later ones wait
`group_interval` after the last, with one exception: a page goes out as soon as the first flush would if the
channel knows of no firing page in this group, because then nobody has been woken yet. Who is awake already
can wait; so can good news, and a resolve that is undone within the interval is never posted.

Repeats: while any firing page is not acknowledged. So a new member ends the silence that an acknowledgement
of the others bought, without that acknowledgement being lost.

A group closes when everything it told is resolved and told so. The next new incident opens a new root; a
reopened one goes on in the old thread.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Self
from urllib.parse import quote

from alerting.incident import Incident
from alerting.verdict import Severity

REMEMBERED = 50  # resolved incidents of a thread: one page that fires for months must not collect them all


class Reason(StrEnum):
    """Why we would notify. Most urgent first: the first that holds is the one that is given."""

    FIRST = "first"
    SEVERITY_UP = "severity_up"
    REOPENED = "reopened"
    NEW_MEMBER = "new_member"
    RESOLVED = "resolved"
    REPEAT = "repeat"


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupPolicy:
    """When, and what about."""

    group_by: tuple[str, ...] = ("model",)  # labels of Series
    severities: frozenset[Severity] = frozenset({Severity.PAGE})  # routed to this channel
    group_wait: timedelta = timedelta(seconds=60)
    group_interval: timedelta = timedelta(minutes=15)
    repeat_every: timedelta = timedelta(hours=4)  # pages; a ticket never repeats
    max_lines: int = 10
    runbook: str | None = None
    zone: str | None = None  # the model's, for times in messages; None: UTC
    task: str | None = None  # binary | multiclass | regression: the unit of harm in messages


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What the channel was last told of one incident."""

    firing: bool
    severity: Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """One thread of one channel: what it was told, and when. `key` is the outbox lane."""

    key: str
    channel: str
    labels: Mapping[str, str]
    dirty_since: datetime | None = None  # wall clock; an incident of the group changed since then
    flushed: datetime | None = None  # last flush; None: nothing told yet
    flushes: int = 0
    root_key: str = ""  # key of the notification that is this thread's root; "" none yet
    closed: bool = False  # everything told is resolved and told so
    told: Mapping[str, Told] = field(default_factory=dict)  # by incident id

    def to_json(self) -> dict[str, object]:
        """Only JSON values; `from_json` gives an equal group back."""
        return {
            "key": self.key,
            "channel": self.channel,
            "labels": dict(self.labels),
            "dirty_since": None if self.dirty_since is None else self.dirty_since.isoformat(),
            "flushed": None if self.flushed is None else self.flushed.isoformat(),
            "flushes": self.flushes,
            "root_key": self.root_key,
            "closed": self.closed,
            "told": {
                id_: {"firing": told.firing, "severity": told.severity.value}
                for id_, told in self.told.items()
            },
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """The group that `to_json` wrote."""
        dirty, flushed = value["dirty_since"], value["flushed"]
        return cls(
            key=value["key"],
            channel=value["channel"],
            labels=dict(value["labels"]),
            dirty_since=None if dirty is None else datetime.fromisoformat(dirty),
            flushed=None if flushed is None else datetime.fromisoformat(flushed),
            flushes=value["flushes"],
            root_key=value["root_key"],
            closed=value["closed"],
            told={
                id_: Told(firing=told["firing"], severity=Severity(told["severity"]))
                for id_, told in value["told"].items()
            },
        )


def group_labels(incident: Incident, policy: GroupPolicy) -> dict[str, str]:
    """The incident's values of the group_by labels."""
    return {label: str(getattr(incident.series, label)) for label in policy.group_by}


def new_group(channel: str, labels: Mapping[str, str]) -> Group:
    """The group of these labels in this channel before anything was told."""
    parts = (quote(channel), *(f"{label}={quote(labels[label])}" for label in sorted(labels)))
    return Group(key="&".join(parts), channel=channel, labels=dict(labels))


def mark_dirty(group: Group, now: datetime) -> Group:
    """An incident of this group changed: written with the fold, so that a crash cannot forget it."""
    return group if group.dirty_since is not None else replace(group, dirty_since=now)


def news(group: Group, incidents: Sequence[Incident], policy: GroupPolicy) -> dict[str, Reason]:
    """What the channel does not know yet, by incident id (table above)."""
    found: dict[str, Reason] = {}
    for incident in incidents:
        told = group.told.get(incident.id)
        routed = incident.is_open and incident.severity in policy.severities
        if told is None:
            if routed:
                found[incident.id] = Reason.NEW_MEMBER if _has_thread(group) else Reason.FIRST
        elif not told.firing:
            if routed:
                found[incident.id] = Reason.REOPENED
        elif not incident.is_open:
            found[incident.id] = Reason.RESOLVED
        elif incident.severity.level > told.severity.level:
            found[incident.id] = Reason.SEVERITY_UP
    if Reason.REOPENED in found.values():
        # The old thread goes on, and what is new joins it.
        found = {id_: Reason.NEW_MEMBER if why is Reason.FIRST else why for id_, why in found.items()}
    return found


def decide(
    group: Group, incidents: Sequence[Incident], *, now: datetime, policy: GroupPolicy, complete: bool
) -> Reason | None:
    """Why to flush now, or None.

    `incidents`: the group's open ones, and those it was told of. `complete`: all windows of the model with
    the same end are folded.
    """
    found = news(group, incidents, policy)
    if found:
        waited = group.dirty_since is None or now >= group.dirty_since + policy.group_wait
        started = complete or waited
        rested = group.flushed is None or now >= group.flushed + policy.group_interval
        pages = any(
            incident.severity is Severity.PAGE
            and found.get(incident.id, Reason.RESOLVED) is not Reason.RESOLVED
            for incident in incidents
        )
        woken = any(told.firing and told.severity is Severity.PAGE for told in group.told.values())
        if started and (rested or (pages and not woken)):
            return next(reason for reason in Reason if reason in found.values())
    if group.flushed is not None and now >= group.flushed + policy.repeat_every:
        for incident in incidents:
            told = group.told.get(incident.id)
            firing = told is not None and told.firing and incident.is_open
            if firing and incident.severity is Severity.PAGE and not incident.is_acknowledged(now):
                return Reason.REPEAT
    return None


def tell(
    group: Group, incidents: Sequence[Incident], *, now: datetime, reason: Reason, policy: GroupPolicy
) -> Group:
    """The group once all of today's news is told. The root's key is left to who makes the notification."""
    found = news(group, incidents, policy)
    told = {} if reason is Reason.FIRST else dict(group.told)
    for incident in incidents:
        if incident.id in found:
            told[incident.id] = Told(firing=incident.is_open, severity=incident.severity)
    for id_ in _long_over(told, incidents):
        if id_ not in found:
            del told[id_]
    return replace(
        group,
        dirty_since=None,
        flushed=now,
        flushes=group.flushes + 1,
        closed=not any(entry.firing for entry in told.values()),
        told=told,
    )


def untell(group: Group, posted: Mapping[str, str], *, key: str) -> Group:
    """A post died: what it was to tell is news again, and a dead root is no root.

    `posted` is its facts["told"]: the news it carried, by incident id. An edit or a repeat carried none.
    """
    told = dict(group.told)
    for id_, why in posted.items():
        before = told.pop(id_, None)
        if before is None:
            continue
        if why == Reason.RESOLVED:
            told[id_] = replace(before, firing=True)  # the channel still believes that it fires
        elif why == Reason.REOPENED:
            told[id_] = replace(before, firing=False)
        elif why == Reason.SEVERITY_UP:
            told[id_] = replace(before, severity=Severity.TICKET)
    return replace(
        group,
        told=told,
        root_key="" if group.root_key == key else group.root_key,
        closed=bool(told) and not any(entry.firing for entry in told.values()),
    )


def _long_over(told: Mapping[str, Told], incidents: Sequence[Incident]) -> list[str]:
    """What a thread that never closes may forget. Should one of them return, it is a new member."""
    over = [each for each in incidents if each.id in told and not told[each.id].firing and each.resolved]
    over.sort(key=lambda each: (each.resolved, each.id))
    return [each.id for each in over[: max(0, len(over) - REMEMBERED)]]


def _has_thread(group: Group) -> bool:
    return bool(group.told) and not group.closed
