"""Whether, and why, do we tell a channel something about a group of incidents now?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Self

from alerting.incident import Incident
from alerting.notification import Notification
from alerting.verdict import Severity


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
    """When, and what about. Defaults: docs/decisions.md."""

    group_by: tuple[str, ...] = ("model",)  # labels of Series
    severities: frozenset[Severity] = frozenset({Severity.PAGE})  # routed to this channel
    group_wait: timedelta = timedelta(seconds=60)
    group_interval: timedelta = timedelta(minutes=15)
    repeat_every: timedelta = timedelta(hours=4)  # pages; a ticket never repeats
    max_lines: int = 10
    runbook: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What the channel was last told of one incident."""

    firing: bool
    severity: Severity
    reopens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """One thread of one channel: what it was told, and when."""

    key: str  # channel and the group_by labels
    channel: str
    labels: Mapping[str, str]
    dirty_since: datetime | None = None  # wall clock; something may have to be told since then
    flushed: datetime | None = None  # last flush; None: nothing told yet
    flushes: int = 0
    root_key: str = ""  # key of the notification that is this thread's root; "" none yet
    closed: bool = False  # everything told is resolved and told so
    told: Mapping[str, Told] = field(default_factory=dict)  # by incident id

    def to_json(self) -> dict[str, object]:
        """Only JSON values; `from_json` gives an equal group back."""
        raise NotImplementedError

    @classmethod
    def from_json(cls, value: Mapping[str, object]) -> Self:
        """The group that `to_json` wrote."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True, kw_only=True)
class Flush:
    """The group afterwards and the outbox rows, to be stored in one transaction."""

    group: Group
    notifications: tuple[Notification, ...]


def group_labels(incident: Incident, policy: GroupPolicy) -> dict[str, str]:
    """The incident's values of the group_by labels."""
    raise NotImplementedError


def group_key(channel: str, labels: Mapping[str, str]) -> str:
    """Key of the group: also the outbox lane."""
    raise NotImplementedError


def mark_dirty(group: Group, now: datetime) -> Group:
    """Something happened to an incident of this group."""
    raise NotImplementedError


def decide(
    group: Group, incidents: Sequence[Incident], *, now: datetime, policy: GroupPolicy, complete: bool
) -> Reason | None:
    """Why to flush now, or None. `complete`: all windows of the model with the same end are folded."""
    raise NotImplementedError


def flush(
    group: Group,
    incidents: Sequence[Incident],
    *,
    reason: Reason,
    now: datetime,
    policy: GroupPolicy,
    threads: bool,
    retraining: Mapping[str, object] | None = None,
) -> Flush:
    """What goes out for `reason`, and what has been told after it."""
    raise NotImplementedError
