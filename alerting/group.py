"""What does one channel know of one problem? A group is a thread: what was told in it, and when."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Self
from urllib.parse import quote

from alerting.incident import Incident, Transition, TransitionKind
from alerting.verdict import Severity

ROOTS_AN_HOUR = 30  # posts of their own that a channel is given; beyond it one digest says the rest
LINK_PARTS = ("model", "column", "segment", "version", "incident", "start", "end")
PAST_LINES = 20  # incidents of a downtime that its digest may name


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupPolicy:
    """When, and what about."""

    group_by: tuple[str, ...] = ("model",)  # labels of Series
    severities: frozenset[Severity] = frozenset({Severity.PAGE})  # routed to this channel
    group_wait: timedelta = timedelta(seconds=60)
    group_interval: timedelta = timedelta(minutes=15)
    repeat_every: timedelta | None = timedelta(hours=4)  # pages; a ticket never repeats. None: nothing does
    digest_hour: int = 9  # of the day in `zone`: what is about tickets alone is told then, once a day
    max_lines: int = 10
    runbook: str | None = None
    links: Mapping[str, str] = field(default_factory=dict)  # URLs by name; LINK_PARTS in braces are filled in
    zone: str | None = None  # the model's, for times in messages; None: UTC
    task: str | None = None  # binary | multiclass | regression: the unit of harm in messages


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What the channel was last told of one incident."""

    firing: bool
    severity: Severity
    flapping: bool = False  # told that it comes and goes: no more until it is steady
    reopens: int = 0  # how often it had been reopened by then


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What happened in windows that were folded long after their end, told as one digest."""

    start: datetime  # of the first such window
    end: datetime  # of the last
    opened: int = 0  # reopenings included
    resolved: int = 0
    ids: tuple[str, ...] = ()  # of these incidents, at most PAST_LINES


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
    held: frozenset[str] = frozenset()  # incidents with news that a silence kept back
    past: Past | None = None  # None: nothing happened while nobody looked
    fallback: bool = False  # its own channel gave a message up: what comes next goes to the fallback
    deaths: int = 0  # messages given up since the last one that arrived
    retry_from: datetime | None = None  # nothing is told before then; None: at once

    def to_json(self) -> dict[str, object]:
        """Only JSON values; `from_json` gives an equal group back."""
        past = self.past
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
                id_: {
                    "firing": told.firing,
                    "severity": told.severity.value,
                    "flapping": told.flapping,
                    "reopens": told.reopens,
                }
                for id_, told in self.told.items()
            },
            "held": sorted(self.held),
            "past": None
            if past is None
            else {
                "start": past.start.isoformat(),
                "end": past.end.isoformat(),
                "opened": past.opened,
                "resolved": past.resolved,
                "ids": list(past.ids),
            },
            "fallback": self.fallback,
            "deaths": self.deaths,
            "retry_from": None if self.retry_from is None else self.retry_from.isoformat(),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """The group that `to_json` wrote, this version or an earlier one."""
        dirty, flushed, past = value["dirty_since"], value["flushed"], value.get("past")
        retry = value.get("retry_from")
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
                id_: Told(
                    firing=told["firing"],
                    severity=Severity(told["severity"]),
                    flapping=told.get("flapping", False),
                    reopens=told.get("reopens", 0),
                )
                for id_, told in value["told"].items()
            },
            held=frozenset(value.get("held", ())),
            past=None
            if past is None
            else Past(
                start=datetime.fromisoformat(past["start"]),
                end=datetime.fromisoformat(past["end"]),
                opened=past["opened"],
                resolved=past["resolved"],
                ids=tuple(past["ids"]),
            ),
            fallback=value.get("fallback", False),
            deaths=value.get("deaths", 0),
            retry_from=None if retry is None else datetime.fromisoformat(retry),
        )

    @property
    def has_thread(self) -> bool:
        """Whether something told in it is not over."""
        return bool(self.told) and not self.closed


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


def note_past(group: Group, transitions: Sequence[Transition], policy: GroupPolicy) -> Group:
    """Remember what happened in a window that was folded long after its end."""
    routed = [each for each in transitions if each.severity in policy.severities]
    opened = [e for e in routed if e.kind in (TransitionKind.OPENED, TransitionKind.REOPENED)]
    resolved = [e for e in routed if e.kind is TransitionKind.RESOLVED]
    if not opened and not resolved:
        return group
    both = (*opened, *resolved)
    start, end = min(each.start for each in both), max(each.end for each in both)
    before = group.past or Past(start=start, end=end)
    ids = dict.fromkeys((*before.ids, *(each.incident_id for each in both)))
    past = Past(
        start=min(before.start, start),
        end=max(before.end, end),
        opened=before.opened + len(opened),
        resolved=before.resolved + len(resolved),
        ids=tuple(ids)[:PAST_LINES],
    )
    return replace(group, past=past)
