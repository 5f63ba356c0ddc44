"""What is told now? Step 8: decide, group by group, and put the messages into the outbox.

One transaction a group: what has been told and the outbox rows go together, so a crash between two groups
leaves neither a message without a memory of it nor the other way round. Nothing is sent here.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Connection

from alerting import failpoint, kept
from alerting.channel import takes_pictures
from alerting.digest import digest
from alerting.flush import edit
from alerting.flush import flush as tell_group
from alerting.group import group_of_key
from alerting.grouping import Group, GroupPolicy, decide, hold, mark_dirty, news, taken
from alerting.incident import Incident
from alerting.notification import Action, Notification
from alerting.reason import Reason
from alerting.silence import silenced
from monitor.catching_up import is_behind
from monitor.escalating import escalated, next_groups
from monitor.goodness import goodness
from monitor.logs import logger
from monitor.retraining_news import groups_with_news, posts
from monitor.routing import group_policies, groups_of, is_about, posts_an_hour
from monitor.runtime import Runtime
from storage import fold_order, groups, incidents, outbox, silences

MOST_IN_A_DIGEST = 500  # groups; more wait for the next, so that no transaction takes seconds
_DIGEST = "digest:"  # no group's key begins so: a channel's name is quoted in it


def flush(runtime: Runtime) -> int:
    """Put what is due to be told into the outbox. Returns the messages put there."""
    return sum(flush_group(runtime, key) for key in groups_to_look_at(runtime))


def groups_to_look_at(runtime: Runtime) -> list[str]:
    """The keys of the groups about which something may have to be told, and of the channels' digests."""
    with runtime.store.read() as conn:
        found = _groups(runtime, conn)
        told = groups_with_news(conn, runtime.clock.now())
        own = [
            group for each in incidents.open_incidents(conn, "") for group in groups_of(runtime.config, each)
        ]
    channels = {_instead(runtime, group) or group.channel for group in found}
    return [
        *dict.fromkeys(group.key for group in (*found, *own, *told)),
        *(f"{_DIGEST}{channel}" for channel in sorted(channels)),
    ]


def _groups(runtime: Runtime, conn: Connection) -> list[Group]:
    """Those with something to tell or to remind of, and those to which they may escalate."""
    found = groups.to_look_at(conn)
    known = {group.key for group in found}
    return [*found, *(each for each in next_groups(conn, runtime.config, found) if each.key not in known)]


def flush_group(runtime: Runtime, key: str) -> int:
    """The same for one group, or for the digest of a channel that was given enough single posts."""
    if key.startswith(_DIGEST):
        return _tell_digest(runtime, key.removeprefix(_DIGEST))
    return _tell_news(runtime, key) + _tell_retraining(runtime, key)


def mark_untold(runtime: Runtime) -> None:
    """At start: what is open and was never told to a channel that wants it is told now."""
    now = runtime.clock.now()
    with runtime.store.write() as conn:
        for incident in incidents.open_incidents(conn):
            for fresh in groups_of(runtime.config, incident):
                group = groups.get(conn, fresh.key) or fresh
                told = group.told.get(incident.id)
                if told is None or not told.firing:
                    groups.save(conn, mark_dirty(group, now))


def _tell_retraining(runtime: Runtime, key: str) -> int:
    """What happened around retraining, into the thread of its cause: each thing once, by its derived key."""
    with runtime.store.read() as conn:
        group = groups.get(conn, key)
        if group is None or group.channel not in runtime.channels:
            return 0
        made = posts(conn, runtime.config, group, runtime.clock.now())
        fresh = [each for each in made if not outbox.known(conn, each.key)]
    if not fresh:
        return 0
    with runtime.store.write() as conn:
        return outbox.enqueue(conn, fresh, runtime.clock.now())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Due:
    """A group with something to tell now, or one of which a silence keeps more back than before."""

    reason: Reason | None  # None: there is nothing to tell, only `group` to be remembered
    group: Group
    channel: str  # that is told: the group's own, or the fallback in its place
    notifications: tuple[Notification, ...] = ()
    is_over: bool = False  # the channel was given enough posts this hour: it waits for the digest


def _tell_news(runtime: Runtime, key: str) -> int:
    with runtime.store.read() as conn:  # most looks find nothing: they need not take the writer's turn
        found = _due(runtime, conn, key)
        if found is None or found.is_over:
            return 0
    with runtime.store.write() as conn:
        due = _due(runtime, conn, key)
        if due is None or due.is_over:
            return 0
        groups.save(conn, due.group)
        outbox.enqueue(conn, due.notifications, runtime.clock.now())
        failpoint.hit("before_flush_commit")
    failpoint.hit("after_flush_commit")
    return _say(due.notifications)


def _tell_digest(runtime: Runtime, channel: str) -> int:
    """One post for all groups whose own would be one too many."""
    with runtime.store.read() as conn:
        if not _over(runtime, conn, channel):
            return 0
    with runtime.store.write() as conn:
        over = _over(runtime, conn, channel)
        if not over:
            return 0
        now = runtime.clock.now()
        made = digest(
            channel,
            {due.group.key: due.notifications[0].facts for due in over},
            now=now,
            why=f"more than {posts_an_hour(runtime.config, channel)} posts an hour are noise",
        )
        for due in over:
            groups.save(conn, replace(due.group, root_key=""))
        outbox.enqueue(conn, [made], now)
        failpoint.hit("before_flush_commit")
    failpoint.hit("after_flush_commit")
    return _say((made,))


def _over(runtime: Runtime, conn: Connection, channel: str) -> list[_Due]:
    now = runtime.clock.now()
    if channel not in runtime.channels or not _is_full(runtime, conn, channel, now):
        return []
    last = outbox.last_digest(conn, channel)
    if last is not None and now < last + GroupPolicy().group_interval:
        return []
    mine = [
        group for group in _groups(runtime, conn) if (_instead(runtime, group) or group.channel) == channel
    ]
    found = (_due(runtime, conn, group.key) for group in mine)
    return [due for due in found if due is not None and due.is_over][:MOST_IN_A_DIGEST]


def _is_full(runtime: Runtime, conn: Connection, channel: str, now: datetime) -> bool:
    most = posts_an_hour(runtime.config, channel)
    return outbox.roots_since(conn, channel, now - timedelta(hours=1)) >= most


def _say(notifications: Sequence[Notification]) -> int:
    if notifications:
        first, messages = notifications[0], len(notifications)
        logger().info("group.flushed", channel=first.channel, reason=first.reason, messages=messages)
    return len(notifications)


def _due(runtime: Runtime, conn: Connection, key: str) -> _Due | None:
    now = runtime.clock.now()
    group = groups.get(conn, key) or _own(runtime, conn, key) or group_of_key(key)
    if group.channel not in runtime.channels:
        return None
    model = group.labels["model"]
    policy = group_policies(runtime.config, model).get(group.channel)
    if policy is None:  # no route leads here any more
        return None
    members = _members(conn, group)
    if not members:
        return None
    silent = silenced(members, silences.active(conn, now), now)
    resting = kept.quiet(group, members, policy, now)
    steps = escalated(conn, runtime.config, group, members, now)
    held = kept.release(hold(group, members, policy, silent, steps), members, resting)
    watched = runtime.models.get(model)
    behind = watched is not None and is_behind(conn, watched, now)
    if behind and steps:  # it may be over in the windows to come: a step waits as a first message does
        held = mark_dirty(held, now)
    latest = max(members, key=lambda incident: incident.window_end)
    why = partial(
        decide,
        incidents=members,
        now=now,
        policy=policy,
        complete=fold_order.all_folded(conn, model, latest.window_end),
        escalated=steps,
        catching_up=behind,
    )
    unheard = {*silent, *resting}
    # What happened while nobody was told wakes nobody either.
    reason = why(replace(held, past=None) if kept.is_hushed(policy, now) else held, silenced=unheard)
    if resting and why(held, silenced=silent) not in (None, Reason.REPEAT):
        back = set(news(held, members, policy, silent, steps)).intersection(resting)
        held = kept.keep(held, back, resting, now)
    if reason is None:
        # Easing and relapses mark a group too. What is no news must not make the next news look old: it would
        # neither wait for the digest's hour nor for the rest of a downtime.
        waiting = held.held or held.past is not None or held.kept is not None
        nothing = not waiting and not news(held, members, policy, silent, steps)
        after = replace(held, dirty_since=None) if nothing else held
        edits = runtime.channels[group.channel].edits and not _instead(runtime, group)
        if edits and taken(after.told, members, now) != after.taken:
            facts = goodness(conn, model, latest.window_start) if model else None
            done = edit(after, members, now=now, policy=policy, performance=facts)
            return _Due(
                reason=None, group=done.group, channel=group.channel, notifications=done.notifications
            )
        return None if after == group else _Due(reason=None, group=after, channel=group.channel)
    instead = _instead(runtime, group)
    channel = instead or group.channel
    done = tell_group(
        held,
        members,
        reason=reason,
        now=now,
        policy=policy,
        threads=runtime.channels[channel].threads,
        silenced=unheard,
        escalated=steps,
        performance=goodness(conn, model, latest.window_start) if model else None,
        pictures=takes_pictures(runtime.channels[channel]),
        instead=instead,
    )
    roots = any(each.action is Action.ROOT for each in done.notifications)
    return _Due(
        reason=reason,
        group=done.group,
        channel=channel,
        notifications=done.notifications,
        is_over=roots and bool(model) and _is_full(runtime, conn, channel, now),
    )


def _members(conn: Connection, group: Group) -> list[Incident]:
    """The open ones, those it was told of, and those of a downtime."""
    found = {incident.id: incident for incident in incidents.open_incidents(conn, group.labels["model"])}
    known = [*group.told, *group.held, *(group.past.ids if group.past else ())]
    known += group.kept.ids if group.kept else ()
    found |= {incident.id: incident for incident in incidents.by_ids(conn, known)}
    return [incident for incident in found.values() if not is_about(incident, group.channel)]


def _own(runtime: Runtime, conn: Connection, key: str) -> Group | None:
    """The group of Leeway's own troubles, which no fold marks: it is there as soon as one is open."""
    for incident in incidents.open_incidents(conn, ""):
        for group in groups_of(runtime.config, incident):
            if group.key == key:
                return group
    return None


def _instead(runtime: Runtime, group: Group) -> str:
    """The fallback channel, where the group's own gave a message up; "" where there is none."""
    fallback = runtime.config.daemon.fallback
    usable = fallback is not None and fallback != group.channel and fallback in runtime.channels
    return fallback if group.fallback and usable and fallback else ""
