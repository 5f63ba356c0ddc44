"""What is told now? Step 8: decide, group by group, and put the messages into the outbox.

One transaction a group: what has been told and the outbox rows go together, so a crash between two groups
leaves neither a message without a memory of it nor the other way round. Nothing is sent here.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from alerting import failpoint
from alerting.digest import digest
from alerting.flush import flush as tell_group
from alerting.grouping import ROOTS_AN_HOUR, Group, GroupPolicy, Reason, decide, hold, mark_dirty, news
from alerting.incident import Incident
from alerting.notification import Action, Notification
from alerting.silence import silenced
from monitor.catching_up import is_behind
from monitor.logs import logger
from monitor.retraining_news import groups_with_news, posts
from monitor.routing import group_policies, groups_of, is_about
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
        found = groups.to_look_at(conn)
        told = groups_with_news(conn, runtime.clock.now())
        own = [
            group for each in incidents.open_incidents(conn, "") for group in groups_of(runtime.config, each)
        ]
    channels = {_instead(runtime, group) or group.channel for group in found}
    return [
        *dict.fromkeys(group.key for group in (*found, *own, *told)),
        *(f"{_DIGEST}{channel}" for channel in sorted(channels)),
    ]


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
            why=f"more than {ROOTS_AN_HOUR} posts an hour are noise",
        )
        for due in over:
            groups.save(conn, replace(due.group, root_key=""))
        outbox.enqueue(conn, [made], now)
        failpoint.hit("before_flush_commit")
    failpoint.hit("after_flush_commit")
    return _say((made,))


def _over(runtime: Runtime, conn: Connection, channel: str) -> list[_Due]:
    now = runtime.clock.now()
    if channel not in runtime.channels or not _is_full(conn, channel, now):
        return []
    last = outbox.last_digest(conn, channel)
    if last is not None and now < last + GroupPolicy().group_interval:
        return []
    all_groups = groups.to_look_at(conn)
    mine = [group for group in all_groups if (_instead(runtime, group) or group.channel) == channel]
    found = (_due(runtime, conn, group.key) for group in mine)
    return [due for due in found if due is not None and due.is_over][:MOST_IN_A_DIGEST]


def _is_full(conn: Connection, channel: str, now: datetime) -> bool:
    return outbox.roots_since(conn, channel, now - timedelta(hours=1)) >= ROOTS_AN_HOUR


def _say(notifications: Sequence[Notification]) -> int:
    if notifications:
        first, messages = notifications[0], len(notifications)
        logger().info("group.flushed", channel=first.channel, reason=first.reason, messages=messages)
    return len(notifications)


def _due(runtime: Runtime, conn: Connection, key: str) -> _Due | None:
    group, now = groups.get(conn, key) or _own(runtime, conn, key), runtime.clock.now()
    if group is None or group.channel not in runtime.channels:
        return None
    model = group.labels["model"]
    policy = group_policies(runtime.config, model).get(group.channel)
    if policy is None:  # no route leads here any more
        return None
    members, watched = _members(conn, group), runtime.models.get(model)
    if not members:
        return None
    quiet = silenced(members, silences.active(conn, now), now)
    held = hold(group, members, policy, quiet)
    latest = max(incident.window_end for incident in members)
    reason = decide(
        held,
        members,
        now=now,
        policy=policy,
        complete=fold_order.all_folded(conn, model, latest),
        silenced=quiet,
        catching_up=watched is not None and is_behind(conn, watched, now),
    )
    if reason is None:
        # Easing and relapses mark a group too. What is no news must not make the next news look old: it would
        # neither wait for the digest's hour nor for the rest of a downtime.
        nothing = not held.held and held.past is None and not news(held, members, policy, quiet)
        after = replace(held, dirty_since=None) if nothing else held
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
        silenced=quiet,
        instead=instead,
    )
    roots = any(each.action is Action.ROOT for each in done.notifications)
    return _Due(
        reason=reason,
        group=done.group,
        channel=channel,
        notifications=done.notifications,
        is_over=roots and bool(model) and _is_full(conn, channel, now),
    )


def _members(conn: Connection, group: Group) -> list[Incident]:
    """The open ones, those it was told of, and those of a downtime."""
    found = {incident.id: incident for incident in incidents.open_incidents(conn, group.labels["model"])}
    known = [*group.told, *group.held, *(group.past.ids if group.past else ())]
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
