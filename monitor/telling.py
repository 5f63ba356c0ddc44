"""What is told now? Step 8: decide, group by group, and put the messages into the outbox.

One transaction a group: what has been told and the outbox rows go together, so a crash between two groups
leaves neither a message without a memory of it nor the other way round. Nothing is sent here.
"""

from dataclasses import dataclass

from sqlalchemy import Connection

from alerting import failpoint
from alerting.flush import flush as flush_group
from alerting.grouping import Group, GroupPolicy, Reason, decide, mark_dirty
from alerting.incident import Incident
from monitor.logs import logger
from monitor.routing import group_policies, groups_of
from monitor.runtime import Runtime
from storage import groups, incidents, ledger, outbox


def flush(runtime: Runtime) -> int:
    """Put what is due to be told into the outbox. Returns the messages put there."""
    with runtime.store.read() as conn:
        candidates = [group.key for group in groups.to_look_at(conn)]
    return sum(_flush_group(runtime, key) for key in candidates)


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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Due:
    """A group with something to tell now."""

    group: Group
    members: list[Incident]  # the open ones, and those it was told of
    reason: Reason
    policy: GroupPolicy


def _flush_group(runtime: Runtime, key: str) -> int:
    with runtime.store.read() as conn:  # most looks find nothing: they need not take the writer's turn
        if _due(runtime, conn, key) is None:
            return 0
    with runtime.store.write() as conn:
        due = _due(runtime, conn, key)
        if due is None:
            return 0
        done = flush_group(
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
        complete=ledger.all_folded(conn, model, latest),
    )
    if reason is None:
        return None
    return _Due(group=group, members=list(members.values()), reason=reason, policy=policy)
