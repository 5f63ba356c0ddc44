"""What is told now? Step 8: decide, group by group, and put the messages into the outbox.

One transaction a group: what has been told and the outbox rows go together, so a crash between two groups
leaves neither a message without a memory of it nor the other way round. Nothing is sent here.
"""

import hashlib
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Connection

from alerting import failpoint
from alerting.flush import flush as tell_group
from alerting.grouping import Group, GroupPolicy, Reason, decide, mark_dirty
from alerting.incident import Incident
from alerting.notification import Action, Notification
from monitor.catching_up import holds_back
from monitor.logs import logger
from monitor.routing import group_policies, groups_of
from monitor.runtime import Runtime
from storage import fold_order, groups, incidents, outbox, retraining

DEADLINE = timedelta(hours=24)  # of the word to people that retraining was, or would have been, asked for


def flush(runtime: Runtime) -> int:
    """Put what is due to be told into the outbox. Returns the messages put there."""
    return sum(flush_group(runtime, key) for key in groups_to_look_at(runtime))


def groups_to_look_at(runtime: Runtime) -> list[str]:
    """The keys of the groups about which something may have to be told."""
    with runtime.store.read() as conn:
        return [group.key for group in groups.to_look_at(conn)]


def flush_group(runtime: Runtime, key: str) -> int:
    """The same for one group."""
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
    """Post a request, or what would have been one, into the thread of its cause: once, by its derived key."""
    with runtime.store.read() as conn:
        notification = _retraining_post(runtime, conn, key)
        if notification is None or outbox.known(conn, notification.key):
            return 0
    with runtime.store.write() as conn:
        return outbox.enqueue(conn, [notification], runtime.clock.now())


def _retraining_post(runtime: Runtime, conn: Connection, key: str) -> Notification | None:
    group, now = groups.get(conn, key), runtime.clock.now()
    if group is None or group.closed or not group.root_key:
        return None
    # What was decided before then was about another thread.
    asked = retraining.last_asked(conn, group.labels["model"], since=now - DEADLINE)
    if asked is None:
        return None
    digest = hashlib.sha256(f"retraining\x1f{asked['request_id']}\x1f{key}".encode()).hexdigest()
    return Notification(
        key=digest[:32],
        channel=group.channel,
        lane=group.key,
        action=Action.REPLY,
        reason="retraining",
        facts={"model": group.labels["model"], "kind": "retraining", "retraining": dict(asked)},
        created=now,
        deadline=now + DEADLINE,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Due:
    """A group with something to tell now."""

    group: Group
    members: list[Incident]  # the open ones, and those it was told of
    reason: Reason
    policy: GroupPolicy


def _tell_news(runtime: Runtime, key: str) -> int:
    with runtime.store.read() as conn:  # most looks find nothing: they need not take the writer's turn
        if _due(runtime, conn, key) is None:
            return 0
    with runtime.store.write() as conn:
        due = _due(runtime, conn, key)
        if due is None:
            return 0
        done = tell_group(
            due.group,
            due.members,
            reason=due.reason,
            now=runtime.clock.now(),
            policy=due.policy,
            threads=runtime.channels[due.group.channel].threads,
        )
        groups.save(conn, done.group)
        outbox.enqueue(conn, done.notifications, runtime.clock.now())
        failpoint.hit("before_flush_commit")
    failpoint.hit("after_flush_commit")
    messages = len(done.notifications)
    logger().info("group.flushed", channel=due.group.channel, reason=due.reason, messages=messages)
    return messages


def _due(runtime: Runtime, conn: Connection, key: str) -> _Due | None:
    group = groups.get(conn, key)
    if group is None or group.channel not in runtime.channels:
        return None
    model = group.labels["model"]
    policy = group_policies(runtime.config, model).get(group.channel)
    if policy is None:  # no route leads here any more
        return None
    watched = runtime.models.get(model)
    if watched is not None and holds_back(conn, watched, group.dirty_since, runtime.clock.now()):
        return None
    members = {incident.id: incident for incident in incidents.open_incidents(conn, model)}
    members |= {incident.id: incident for incident in incidents.by_ids(conn, list(group.told))}
    if not members:
        return None
    latest = max(incident.window_end for incident in members.values())
    reason = decide(
        group,
        list(members.values()),
        now=runtime.clock.now(),
        policy=policy,
        complete=fold_order.all_folded(conn, model, latest),
    )
    if reason is None:
        return None
    return _Due(group=group, members=list(members.values()), reason=reason, policy=policy)
