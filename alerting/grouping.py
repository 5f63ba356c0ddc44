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
    never, or by an       open page that nobody      escalation, also beside what a route of this channel
    earlier step          acknowledged for so long   would tell (alerting/escalation.py)
    anything              silenced                   none; kept in `held` for when the silence ends
    anything              quiet hours                none; told when they end (alerting/kept.py)

When: the first flush waits until every window with the same end is folded, or `group_wait`. Later ones wait
`group_interval` after the last, with one exception: a page goes out as soon as the first flush would if the
channel knows of no firing page in this group, because then nobody has been woken yet. Who is awake already
can wait; so can good news, and a resolve that is undone within the interval is never posted.

News of tickets alone is no haste: it waits for `digest_hour` and is one digest a day. What happened in
windows that were folded long after their end is a digest too, or a line in whatever is told just then.

An escalation is told at once, however lately this channel was told something else.

Repeats: while any firing page is not acknowledged, silenced or flapping. So a new member ends the silence
that an acknowledgement of the others bought, without that acknowledgement being lost.

A group closes when everything it told is resolved and told so. The next new incident opens a new root; a
reopened one goes on in the old thread.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from alerting.clocks import latest_hour, zone_of
from alerting.escalation import Overdue
from alerting.group import (
    ROOTS_AN_HOUR,
    Group,
    GroupPolicy,
    Kept,
    Past,
    Told,
    group_labels,
    mark_dirty,
    new_group,
    note_past,
)
from alerting.incident import Incident
from alerting.reason import NEW, OLD_THREAD, Reason
from alerting.verdict import Severity

__all__ = [
    "ROOTS_AN_HOUR",
    "Group",
    "GroupPolicy",
    "Kept",
    "Past",
    "Reason",
    "Told",
    "begins",
    "decide",
    "group_labels",
    "hold",
    "mark_dirty",
    "new_group",
    "news",
    "note_past",
    "tell",
]

REMEMBERED = 50  # resolved incidents of a thread: one page that fires for months must not collect them all


_NO_STEPS: Mapping[str, Overdue] = {}


def news(
    group: Group,
    incidents: Sequence[Incident],
    policy: GroupPolicy,
    silenced: Collection[str] = (),
    escalated: Mapping[str, Overdue] = _NO_STEPS,
) -> dict[str, Reason]:
    """What the channel does not know yet, by incident id (table above)."""
    found = {
        incident.id: why
        for incident in incidents
        if incident.id not in silenced and (why := _why(group, incident, policy, escalated)) is not None
    }
    if any(why in OLD_THREAD for why in found.values()):
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
    escalated: Mapping[str, Overdue] = _NO_STEPS,
    catching_up: bool = False,
) -> Reason | None:
    """Why to flush now, or None.

    `incidents`: the group's open ones, and those it was told of. `complete`: all windows of the model with
    the same end are folded. `silenced`: ids of which nothing is told now. `escalated`: ids of which this
    channel is to hear as nobody acknowledged them. `catching_up`: windows of the model that ended long ago
    are about to be folded, so how things stand is not known yet.
    """
    if group.retry_from is not None and now < group.retry_from:
        return None
    found = news(group, incidents, policy, silenced, escalated)
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
            urgent = (pages and not woken) or Reason.ESCALATION in found.values()
            if started and (rested or urgent):
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
    return not group.has_thread and bool(found) and all(why in NEW for why in found.values())


def tell(
    group: Group,
    incidents: Sequence[Incident],
    *,
    now: datetime,
    policy: GroupPolicy,
    silenced: Collection[str] = (),
    escalated: Mapping[str, Overdue] = _NO_STEPS,
) -> Group:
    """The group once all of today's news is told. The root's key is left to who makes the notification."""
    found = news(group, incidents, policy, silenced, escalated)
    told = {} if begins(group, found) else dict(group.told)
    for incident in incidents:
        if incident.id in found:
            before = group.told.get(incident.id)
            known = before if before is not None and before.firing else None
            step = found[incident.id] is Reason.ESCALATION
            told[incident.id] = Told(
                firing=incident.is_open,
                severity=incident.severity,
                flapping=incident.flapping,
                reopens=incident.reopens,
                escalated=escalated[incident.id].number if step else known.escalated if known else 0,
                routed=known.routed if known else not step,
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
        kept=_still_kept(group, found),
        paged=_paged(group, incidents, found, now),
        taken=taken(told, incidents, now),
        fallback=False,
    )


def taken(told: Collection[str], incidents: Sequence[Incident], now: datetime) -> dict[str, str]:
    """By incident id, who has it and until when: of what was told and is open; without what nobody has."""
    return {
        each.id: f"{each.acknowledged_by} until {each.acknowledged_until}"
        for each in incidents
        if each.id in told and each.is_open and each.is_acknowledged(now)
    }


def hold(
    group: Group,
    incidents: Sequence[Incident],
    policy: GroupPolicy,
    silenced: Collection[str],
    escalated: Mapping[str, Overdue] = _NO_STEPS,
) -> Group:
    """Remember whose news a silence keeps back, so that its end can be told as such."""
    kept = {
        incident.id
        for incident in incidents
        if (incident.id in group.held and (incident.is_open or incident.id in group.told))
        or (incident.id in silenced and _why(group, incident, policy, escalated) is not None)
    }
    return group if kept == group.held else replace(group, held=frozenset(kept))


def _why(
    group: Group, incident: Incident, policy: GroupPolicy, escalated: Mapping[str, Overdue]
) -> Reason | None:
    """The table, for one incident that no silence covers."""
    told, step = group.told.get(incident.id), escalated.get(incident.id)
    routed = incident.is_open and policy.wants(incident)
    if step is not None and not (told and told.firing and told.escalated >= step.number):
        return Reason.ESCALATION
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


def _paged(
    group: Group, incidents: Sequence[Incident], found: Mapping[str, Reason], now: datetime
) -> dict[str, datetime]:
    """Since when this channel is to know of each open page. A message that dies does not turn it back."""
    paged = {each.id: group.paged[each.id] for each in incidents if each.is_open and each.id in group.paged}
    for incident in incidents:
        if incident.id in found and incident.is_open and incident.severity is Severity.PAGE:
            told = group.told.get(incident.id)
            if incident.id not in paged or (told is not None and incident.reopens > told.reopens):
                paged[incident.id] = now
    return paged


def _still_kept(group: Group, found: Mapping[str, Reason]) -> Kept | None:
    """What quiet hours keep back although something else was told in them."""
    ids = group.kept.ids.difference(found) if group.kept else frozenset()
    return replace(group.kept, ids=ids) if group.kept and ids else None


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
    zone = zone_of(policy.digest_zone or policy.zone)
    return since is None or since < latest_hour(policy.digest_hour, now, zone)


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
