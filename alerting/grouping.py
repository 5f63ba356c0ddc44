"""Whether, and why, do we tell a channel something about a group of incidents now?

Theory
------
A group is one thread of one channel: all incidents that share the channel and the `group_by` labels. It
remembers what the channel was last told of each incident, and everything follows from comparing that with how
the incidents are now. Each difference is told once; an incident that fired and resolved between two flushes
was never told and stays history.

    told                  now                        news
    never                 open, routed severity      new, or silence_ended where a silence had kept it back
    never                 resolved                   none: history only
    firing                higher severity            severity_up
    firing                resolved                   resolved
    firing                firing or recovering       none, relapses and quick reopenings included
    firing                reopened, and a silence    reopened: the resolve between was not seen by anybody
                          had kept the resolve back
    resolved              open, routed severity      reopened
    not as flapping       flapping                   flapping
    as flapping           flapping                   none, but for severity_up
    as flapping           steady, open or resolved   steady
    anything              silenced                   none; kept in `held` for when the silence ends

When: the first flush waits until every window with the same end is folded, or `group_wait`. Later ones wait
`group_interval` after the last, with one exception: a page goes out as soon as the first flush would if the
channel knows of no firing page in this group, because then nobody has been woken yet. Who is awake already
can wait; so can good news, and a resolve that is undone within the interval is never posted.

News of tickets alone is no haste: it waits for `digest_hour` and is one digest a day. What happened in
windows that were folded long after their end is a digest too, or a line in whatever is told just then.

Repeats: while any firing page is not acknowledged, silenced or flapping. So a new member ends the silence
that an acknowledgement of the others bought, without that acknowledgement being lost.

A group closes when everything it told is resolved and told so. The next new incident opens a new root; a
reopened one goes on in the old thread.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta, tzinfo
from enum import StrEnum
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from alerting.group import (
    ROOTS_AN_HOUR,
    Group,
    GroupPolicy,
    Past,
    Told,
    group_labels,
    mark_dirty,
    new_group,
    note_past,
)
from alerting.incident import Incident
from alerting.verdict import Severity

__all__ = [
    "ROOTS_AN_HOUR",
    "Group",
    "GroupPolicy",
    "Past",
    "Reason",
    "Told",
    "begins",
    "decide",
    "give_up",
    "group_labels",
    "hold",
    "mark_dirty",
    "new_group",
    "news",
    "note_past",
    "tell",
    "untell",
]

FIRST_WAIT = timedelta(minutes=15)  # after the second message in a row that was given up
LONGEST_WAIT = timedelta(hours=4)
REMEMBERED = 50  # resolved incidents of a thread: one page that fires for months must not collect them all


class Reason(StrEnum):
    """Why we would notify. Most urgent first: the first that holds is the one that is given."""

    FIRST = "first"
    SEVERITY_UP = "severity_up"
    REOPENED = "reopened"
    NEW_MEMBER = "new_member"
    SILENCE_ENDED = "silence_ended"
    FLAPPING = "flapping"
    STEADY = "steady"
    RESOLVED = "resolved"
    REPEAT = "repeat"
    DIGEST = "digest"


_NEW = (Reason.FIRST, Reason.NEW_MEMBER, Reason.SILENCE_ENDED)  # of an incident that was never told
_OLD_THREAD = (Reason.REOPENED, Reason.FLAPPING)  # of one that was: its thread goes on


def news(
    group: Group, incidents: Sequence[Incident], policy: GroupPolicy, silenced: Collection[str] = ()
) -> dict[str, Reason]:
    """What the channel does not know yet, by incident id (table above)."""
    found = {
        incident.id: why
        for incident in incidents
        if incident.id not in silenced and (why := _why(group, incident, policy)) is not None
    }
    if any(why in _OLD_THREAD for why in found.values()):
        # The old thread goes on, and what is new joins it.
        found = {id_: Reason.NEW_MEMBER if why is Reason.FIRST else why for id_, why in found.items()}
    return found


def decide(
    group: Group,
    incidents: Sequence[Incident],
    *,
    now: datetime,
    policy: GroupPolicy,
    complete: bool,
    silenced: Collection[str] = (),
    catching_up: bool = False,
) -> Reason | None:
    """Why to flush now, or None.

    `incidents`: the group's open ones, and those it was told of. `complete`: all windows of the model with
    the same end are folded. `silenced`: ids that a silence covers now. `catching_up`: windows of the model
    that ended long ago are about to be folded, so how things stand is not known yet.
    """
    if group.retry_from is not None and now < group.retry_from:
        return None
    found = news(group, incidents, policy, silenced)
    if (found or group.past is not None) and not (catching_up and _may_wait(group, policy, now)):
        waited = group.dirty_since is None or now >= group.dirty_since + policy.group_wait
        started = complete or waited
        rested = group.flushed is None or now >= group.flushed + policy.group_interval
        if found and _only_tickets(group, incidents, found):
            if _digest_is_due(group, policy, now) or (group.past is not None and started and rested):
                return Reason.DIGEST
        elif found:
            pages = any(
                incident.severity is Severity.PAGE
                and found.get(incident.id, Reason.RESOLVED) not in (Reason.RESOLVED, Reason.STEADY)
                for incident in incidents
            )
            woken = any(told.firing and told.severity is Severity.PAGE for told in group.told.values())
            if started and (rested or (pages and not woken)):
                return next(reason for reason in Reason if reason in found.values())
        elif started and rested:
            return Reason.DIGEST
    every = policy.repeat_every
    rested = every is not None and group.flushed is not None and now >= group.flushed + every
    if rested and any(_repeats(group, incident, now, silenced) for incident in incidents):
        return Reason.REPEAT
    return None


def begins(group: Group, found: Mapping[str, Reason]) -> bool:
    """Whether this news opens a new thread."""
    return not group.has_thread and bool(found) and all(why in _NEW for why in found.values())


def tell(
    group: Group,
    incidents: Sequence[Incident],
    *,
    now: datetime,
    policy: GroupPolicy,
    silenced: Collection[str] = (),
) -> Group:
    """The group once all of today's news is told. The root's key is left to who makes the notification."""
    found = news(group, incidents, policy, silenced)
    told = {} if begins(group, found) else dict(group.told)
    for incident in incidents:
        if incident.id in found:
            told[incident.id] = Told(
                firing=incident.is_open,
                severity=incident.severity,
                flapping=incident.flapping,
                reopens=incident.reopens,
            )
    for id_ in _long_over(told, incidents):
        if id_ not in found:
            del told[id_]
    return replace(
        group,
        dirty_since=None,
        flushed=now,
        flushes=group.flushes + 1,
        closed=not any(entry.firing or entry.flapping for entry in told.values()),
        told=told,
        held=group.held.difference(found),
        past=None,
        fallback=False,
    )


def hold(
    group: Group, incidents: Sequence[Incident], policy: GroupPolicy, silenced: Collection[str]
) -> Group:
    """Remember whose news a silence keeps back, so that its end can be told as such."""
    kept = {
        incident.id
        for incident in incidents
        if (incident.id in group.held and (incident.is_open or incident.id in group.told))
        or (incident.id in silenced and _why(group, incident, policy) is not None)
    }
    return group if kept == group.held else replace(group, held=frozenset(kept))


def untell(group: Group, posted: Mapping[str, str], *, key: str) -> Group:
    """A post was not sent after all: what it was to tell is news again, and its root is no root.

    `posted` is its facts["told"]: the news it carried, by incident id. An edit or a repeat carried none.
    """
    told = dict(group.told)
    for id_, why in posted.items():
        before = told.pop(id_, None)
        if before is None or why in _NEW:
            continue
        match why:
            case Reason.RESOLVED:
                told[id_] = replace(before, firing=True)  # the channel still believes that it fires
            case Reason.REOPENED:
                told[id_] = replace(before, firing=False)
            case Reason.SEVERITY_UP:
                told[id_] = replace(before, firing=True, severity=Severity.TICKET)
            case Reason.FLAPPING:
                told[id_] = replace(before, flapping=False)
            case Reason.STEADY:
                told[id_] = replace(before, flapping=True)
    return replace(
        group,
        told=told,
        root_key="" if group.root_key == key else group.root_key,
        closed=bool(told) and not any(entry.firing or entry.flapping for entry in told.values()),
    )


def give_up(group: Group, posted: Mapping[str, str], *, key: str, now: datetime) -> Group:
    """A channel refused a message for good: untold, and told next by the fallback.

    What is refused again and again is tried more and more rarely: a page that no channel takes must not be
    sent every few seconds.
    """
    after = untell(group, posted, key=key)
    if not posted:
        return after
    wait = timedelta(0) if group.deaths == 0 else min(FIRST_WAIT * 2 ** (group.deaths - 1), LONGEST_WAIT)
    return replace(after, fallback=True, deaths=min(group.deaths + 1, 10), retry_from=now + wait)


def _why(group: Group, incident: Incident, policy: GroupPolicy) -> Reason | None:
    """The table, for one incident that no silence covers."""
    told = group.told.get(incident.id)
    routed = incident.is_open and incident.severity in policy.severities
    if told is None:
        if not routed:
            return None
        if incident.id in group.held:
            return Reason.SILENCE_ENDED
        return Reason.NEW_MEMBER if group.has_thread else Reason.FIRST
    rose = incident.is_open and incident.severity.level > told.severity.level
    if told.flapping:
        if not incident.flapping:
            return Reason.STEADY
        return Reason.SEVERITY_UP if rose else None
    if incident.flapping and (told.firing or routed):
        return Reason.FLAPPING
    if not told.firing:
        return Reason.REOPENED if routed else None
    if not incident.is_open:
        return Reason.RESOLVED
    if rose:
        return Reason.SEVERITY_UP
    unseen = incident.id in group.held and incident.reopens > told.reopens
    return Reason.REOPENED if unseen and routed else None


def _may_wait(group: Group, policy: GroupPolicy, now: datetime) -> bool:
    """A page is not held back for longer than a quarter of an hour, whatever is still to be folded."""
    return group.dirty_since is not None and now < group.dirty_since + policy.group_interval


def _only_tickets(group: Group, incidents: Sequence[Incident], found: Mapping[str, Reason]) -> bool:
    """Whether it is of tickets alone. What the channel knows as a page ends as one, whatever it is by now."""
    about = [each for each in incidents if each.id in found]
    pages = {id_ for id_, told in group.told.items() if told.severity is Severity.PAGE}
    return all(each.severity is Severity.TICKET and each.id not in pages for each in about)


def _digest_is_due(group: Group, policy: GroupPolicy, now: datetime) -> bool:
    """Whether the hour of the digest has struck since there was something to tell."""
    since = group.dirty_since or group.flushed
    return since is None or since < _latest_hour(policy.digest_hour, now, _zone(policy.zone))


def _latest_hour(hour: int, now: datetime, zone: tzinfo) -> datetime:
    """The latest moment, not after now, at which a clock of this zone showed that hour."""
    local = now.astimezone(zone)
    day = local.date() if local.hour >= hour else local.date() - timedelta(days=1)
    return datetime.combine(day, time(hour), zone).astimezone(UTC)


def _zone(name: str | None) -> tzinfo:
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


def _repeats(group: Group, incident: Incident, now: datetime, silenced: Collection[str]) -> bool:
    told = group.told.get(incident.id)
    return (
        told is not None
        and told.firing
        and not told.flapping
        and incident.is_open
        and incident.severity is Severity.PAGE
        and incident.id not in silenced
        and not incident.is_acknowledged(now)
    )


def _long_over(told: Mapping[str, Told], incidents: Sequence[Incident]) -> list[str]:
    """What a thread that never closes may forget. Should one of them return, it is a new member."""
    over = [each for each in incidents if each.id in told and not told[each.id].firing and each.resolved]
    over.sort(key=lambda each: (each.resolved, each.id))
    return [each.id for each in over[: max(0, len(over) - REMEMBERED)]]
