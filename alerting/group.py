"""What does one channel know of one problem? A group is a thread: what was told in it, and when."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Self
from urllib.parse import quote, unquote

from alerting.incident import Incident, Transition, TransitionKind
from alerting.quiet import QuietHours, quiet_until
from alerting.route import Route, routes_quiet_until
from alerting.series import Series
from alerting.verdict import IncidentKind, Severity

ROOTS_AN_HOUR = 30  # posts of their own that a channel is given; beyond it one digest says the rest
LINK_PARTS = ("model", "column", "segment", "version", "incident", "start", "end")
PAST_LINES = 20  # incidents of a downtime that its digest may name


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupPolicy:
    """When, and what about."""

    group_by: tuple[str, ...] = ("model",)  # labels of Series
    severities: frozenset[Severity] = frozenset({Severity.PAGE})  # routed to this channel
    routes: tuple[Route, ...] = ()  # that lead here and say more than a severity; () takes all of those
    quiet: tuple[QuietHours, ...] = ()  # of the channel, beside those of its routes
    group_wait: timedelta = timedelta(seconds=60)
    group_interval: timedelta = timedelta(minutes=15)
    repeat_every: timedelta | None = timedelta(hours=4)  # pages; a ticket never repeats. None: nothing does
    digest_hour: int = 9  # what is about tickets alone is told then, once a day …
    digest_zone: str | None = None  # … on the clocks of this zone; None: of `zone`
    max_lines: int = 10
    runbook: str | None = None
    links: Mapping[str, str] = field(default_factory=dict)  # URLs by name; LINK_PARTS in braces are filled in
    zone: str | None = None  # the model's, for times in messages; None: UTC
    task: str | None = None  # binary | multiclass | regression: the unit of harm in messages

    def takes(self, series: Series, kind: IncidentKind, severity: Severity) -> bool:
        """Whether a route leads such an incident here."""
        if not self.routes:
            return severity in self.severities
        return any(route.takes(series, kind, severity) for route in self.routes)

    def wants(self, incident: Incident) -> bool:
        """Whether a route leads this one here, as it is now."""
        return self.takes(incident.series, incident.kind, incident.severity)

    def quiet_until(
        self, series: Series, kind: IncidentKind, severity: Severity, now: datetime, *, as_: Severity
    ) -> datetime | None:
        """When the hours end in which nothing is told here of such an incident, told as a ticket or a page.

        Those of the channel, and of the routes that lead it here if all of them rest. None: none holds now.
        """
        mine = [route for route in self.routes if route.takes(series, kind, severity)]
        ends = (quiet_until(self.quiet, as_, now), routes_quiet_until(mine, as_, now))
        return max((end for end in ends if end is not None), default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What the channel was last told of one incident."""

    firing: bool
    severity: Severity
    flapping: bool = False  # told that it comes and goes: no more until it is steady
    reopens: int = 0  # how often it had been reopened by then
    escalated: int = 0  # the last step of an escalation that was told here; 0: none
    routed: bool = True  # told by a route of this channel; False: by an escalation alone


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What happened while nobody was told, as windows came late or hours were quiet: told in numbers."""

    start: datetime  # of the first such window, or when the first of it was kept back
    end: datetime  # of the last, or of the quiet hours
    opened: int = 0  # reopenings included
    resolved: int = 0
    ids: tuple[str, ...] = ()  # of these incidents, at most PAST_LINES
    quiet: bool = False  # quiet hours had their part in it


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What would have been told, had the hours not been quiet."""

    since: datetime  # when the first of it was kept back
    until: datetime  # when the hours end that are the last to end
    ids: frozenset[str]  # of the incidents


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
    kept: Kept | None = None  # None: quiet hours keep nothing back
    # By incident id, when it was first to be told here as a page, in its present run; also where that message
    # was given up. Escalation counts from it.
    paged: Mapping[str, datetime] = field(default_factory=dict)
    # By incident id, who has it and until when, as the root last showed it; what nobody has is left out.
    taken: Mapping[str, str] = field(default_factory=dict)
    fallback: bool = False  # its own channel gave a message up: what comes next goes to the fallback
    deaths: int = 0  # messages given up since the last one that arrived
    retry_from: datetime | None = None  # nothing is told before then; None: at once

    def to_json(self) -> dict[str, object]:
        """Only JSON values; `from_json` gives an equal group back."""
        past, kept = self.past, self.kept
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
                    "escalated": told.escalated,
                    "routed": told.routed,
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
                "quiet": past.quiet,
            },
            "kept": None
            if kept is None
            else {
                "since": kept.since.isoformat(),
                "until": kept.until.isoformat(),
                "ids": sorted(kept.ids),
            },
            "paged": {id_: at.isoformat() for id_, at in self.paged.items()},
            "taken": dict(self.taken),
            "fallback": self.fallback,
            "deaths": self.deaths,
            "retry_from": None if self.retry_from is None else self.retry_from.isoformat(),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """The group that `to_json` wrote, this version or an earlier one."""
        dirty, flushed, past = value["dirty_since"], value["flushed"], value.get("past")
        retry, kept = value.get("retry_from"), value.get("kept")
        firing = [id_ for id_, told in value["told"].items() if told["firing"] and told["severity"] == "page"]
        # A group of an earlier version knows only when it last told something.
        paged = value.get("paged", dict.fromkeys(firing, flushed) if flushed else {})
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
                    escalated=told.get("escalated", 0),
                    routed=told.get("routed", True),
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
                quiet=past.get("quiet", False),
            ),
            kept=None
            if kept is None
            else Kept(
                since=datetime.fromisoformat(kept["since"]),
                until=datetime.fromisoformat(kept["until"]),
                ids=frozenset(kept["ids"]),
            ),
            paged={id_: datetime.fromisoformat(at) for id_, at in paged.items()},
            taken=dict(value.get("taken", {})),
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


def group_of_key(key: str) -> Group:
    """The group before anything was told, by the key that `new_group` gave it."""
    channel, *labels = key.split("&")
    named = dict(label.split("=", 1) for label in labels)
    return new_group(unquote(channel), {name: unquote(value) for name, value in named.items()})


def mark_dirty(group: Group, now: datetime) -> Group:
    """An incident of this group changed: written with the fold, so that a crash cannot forget it."""
    return group if group.dirty_since is not None else replace(group, dirty_since=now)


def note_past(group: Group, transitions: Sequence[Transition], policy: GroupPolicy) -> Group:
    """Remember what happened in a window that was folded long after its end."""
    routed = [each for each in transitions if policy.takes(each.series, each.incident_kind, each.severity)]
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
        quiet=before.quiet,
    )
    return replace(group, past=past)
