"""What is waiting to be sent, what was tried, and what came of it?

Fulfils alerting.courier.Outbox. A lane is strictly in order; the attempt row is committed before anything is
sent; a mark without the claim's fence changes nothing.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, insert, or_, select, update

from alerting.channel import Failure
from alerting.courier import ChannelMark, ChannelState, Claimed, Mark, OutboxState
from alerting.notification import Action, Notification
from alerting.verdict import Severity
from storage import daemon_events, groups, lanes, retraining
from storage.dialect import insert_ignore, upsert
from storage.engine import Store
from storage.tables import attempt, channel_state, incident, outbox

_OPEN = (OutboxState.QUEUED, OutboxState.SENDING, OutboxState.UNCERTAIN)


def enqueue(conn: Connection, notifications: Iterable[Notification], now: datetime) -> int:
    """Add rows and return how many are new: a known key is the same message and is left alone."""
    rows = [
        {
            "key": notification.key,
            "channel": notification.channel,
            "lane": notification.lane,
            "action": notification.action,
            "reason": notification.reason,
            "level": _level(notification.facts),
            "facts": notification.facts,
            "created": notification.created,
            "deadline": notification.deadline,
            "state": OutboxState.QUEUED,
            "next_try": now,
            "plain": notification.plain,
        }
        for notification in notifications
    ]
    if not rows:
        return 0
    return len(conn.execute(insert_ignore(conn, outbox).returning(outbox.c.id), rows).all())


def known(conn: Connection, key: str) -> bool:
    """Whether this message is in the outbox already, in whatever state."""
    return conn.execute(select(outbox.c.id).where(outbox.c.key == key)).first() is not None


def waiting_channels(conn: Connection) -> set[str]:
    """The channels that have anything left to send."""
    return set(conn.execute(select(outbox.c.channel).where(outbox.c.state.in_(_OPEN)).distinct()).scalars())


def retry(conn: Connection, outbox_id: int, now: datetime) -> bool:
    """A person says: send it (again) now. False: it is not waiting or dead."""
    statement = update(outbox).where(
        outbox.c.id == outbox_id,
        outbox.c.state.in_((OutboxState.QUEUED, OutboxState.UNCERTAIN, OutboxState.DEAD)),
    )
    values = {"state": OutboxState.QUEUED, "next_try": now, "closed": None}
    return conn.execute(statement.values(**values)).rowcount == 1


def cancel(conn: Connection, outbox_id: int, now: datetime, reason: str) -> bool:
    """A person says: do not send it. False: it is being sent, or over."""
    statement = update(outbox).where(
        outbox.c.id == outbox_id, outbox.c.state.in_((OutboxState.QUEUED, OutboxState.UNCERTAIN))
    )
    values = {"state": OutboxState.CANCELLED, "closed": now, "error": reason}
    return conn.execute(statement.values(**values)).rowcount == 1


class SqlOutbox:
    """alerting.courier.Outbox over a store: each call is one transaction."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def claim(
        self, now: datetime, owner: str, lease: timedelta, channels: Collection[str] | None = None
    ) -> Claimed | None:
        with self._store.write() as conn:
            return claim(conn, now, owner, lease, channels)

    def still_wanted(self, claimed: Claimed, now: datetime) -> bool:
        with self._store.read() as conn:
            return still_wanted(conn, claimed.notification, now)

    def mark(self, claimed: Claimed, mark: Mark, now: datetime) -> bool:
        with self._store.write() as conn:
            return record(conn, claimed, mark, now)


def claim(
    conn: Connection,
    now: datetime,
    owner: str,
    lease: timedelta,
    channels: Collection[str] | None = None,
) -> Claimed | None:
    """Lease the next row and open its attempt; the rules are the Protocol's."""
    lanes.keep_newest_edits(conn, now)
    row = conn.execute(lanes.next_row(now, channels)).first()
    if row is None:
        return None
    expired = row.state == OutboxState.SENDING
    if expired:
        _close_attempt(conn, row.id, row.fence, now, outcome=OutboxState.UNCERTAIN, error="the lease ended")
    uncertain = row.uncertain or expired or row.state == OutboxState.UNCERTAIN
    first_try = row.first_try or now
    burnt = row.attempts + 1 if expired else row.attempts  # a courier that died used its attempt up
    conn.execute(
        update(outbox)
        .where(outbox.c.id == row.id)
        .values(
            state=OutboxState.SENDING,
            owner=owner,
            fence=row.fence + 1,
            lease_until=now + lease,
            tries=row.tries + 1,
            attempts=burnt,
            uncertain=uncertain,
            first_try=first_try,
        )
    )
    conn.execute(
        insert(attempt).values(
            outbox_id=row.id, number=row.tries + 1, fence=row.fence + 1, owner=owner, opened=now
        )
    )
    probe = row.channel_state == ChannelState.BROKEN
    if probe:
        conn.execute(
            update(channel_state)
            .where(channel_state.c.channel == row.channel)
            .values(blocked_until=now + lease, last_probe=now)
        )
    notification = Notification(
        key=row.key,
        channel=row.channel,
        lane=row.lane,
        action=Action(row.action),
        reason=row.reason,
        facts=row.facts,
        created=row.created,
        deadline=row.deadline,
        root={} if row.action == Action.ROOT else (row.root or {}),
        attempt=burnt + 1,
        uncertain=uncertain,
        plain=row.plain,
        last_failure=row.error,
    )
    return Claimed(
        id=row.id,
        fence=row.fence + 1,
        owner=owner,
        notification=notification,
        first_try=first_try,
        probe=probe,
    )


def still_wanted(conn: Connection, notification: Notification, now: datetime) -> bool:
    """A repeat is for incidents that are open and that nobody has; a request for what is still requested.

    What happened once is told even when it is over: its words say so.
    """
    if notification.action is Action.REQUEST:
        return retraining.is_requested(conn, notification.key)
    if notification.reason != "repeat":
        return True
    ids = [str(line["incident_id"]) for line in _lines(notification.facts)]
    unattended = or_(incident.c.acknowledged_until.is_(None), incident.c.acknowledged_until <= now)
    statement = select(incident.c.id).where(incident.c.id.in_(ids), incident.c.is_open, unattended)
    return conn.execute(statement.limit(1)).first() is not None


def record(conn: Connection, claimed: Claimed, mark: Mark, now: datetime) -> bool:
    """What became of a claimed row, its attempt, its lane and its channel. False: the fence moved."""
    final = mark.state not in _OPEN
    sticky = {"plain": True} if mark.plain else {}  # once plain, once uncertain: so it stays
    if mark.state is OutboxState.UNCERTAIN:
        sticky["uncertain"] = True
    notification = claimed.notification
    changed = conn.execute(
        update(outbox)
        .where(
            outbox.c.id == claimed.id,
            outbox.c.fence == claimed.fence,
            outbox.c.state == OutboxState.SENDING,
        )
        .values(
            state=mark.state,
            next_try=mark.next_try,
            attempts=outbox.c.attempts + (1 if mark.burnt else 0),
            owner="",
            lease_until=None,
            error=mark.reason,
            closed=now if final else None,
            receipt=dict(mark.reference) or None,
            **sticky,
        )
    )
    if changed.rowcount != 1:
        return False
    _close_attempt(
        conn,
        claimed.id,
        claimed.fence,
        now,
        outcome=mark.state,
        failure=mark.failure,
        error=mark.reason,
        receipt=mark.reference,
    )
    if mark.root is not None:
        lanes.set_root(conn, notification.lane, notification.channel, dict(mark.root), now)
    if mark.channel is not None:
        _set_channel(conn, notification.channel, mark.channel, now)
    if notification.action is Action.REQUEST and final:
        retraining.delivered(conn, notification.key, mark.state, now, mark.reason)
    if mark.state is OutboxState.DEAD:
        if notification.action is Action.ROOT:  # else what follows would hang on the thread before
            lanes.set_root(conn, notification.lane, notification.channel, {}, now)
        groups.forget_told(conn, notification.lane, notification.key, notification.facts.get("told"), now)
        facts = {"key": notification.key, "channel": notification.channel, "reason": mark.reason}
        daemon_events.add(conn, "outbox.dead", now, facts, model=str(notification.facts.get("model", "")))
    return True


def _close_attempt(
    conn: Connection,
    outbox_id: int,
    fence: int,
    now: datetime,
    *,
    outcome: OutboxState,
    failure: Failure | None = None,
    error: str = "",
    receipt: Mapping[str, str] | None = None,
) -> None:
    conn.execute(
        update(attempt)
        .where(attempt.c.outbox_id == outbox_id, attempt.c.fence == fence)
        .values(
            closed=now,
            outcome=outcome,
            failure=failure or "",
            error=error,
            receipt=dict(receipt) if receipt else None,
        )
    )


def _set_channel(conn: Connection, channel: str, mark: ChannelMark, now: datetime) -> None:
    known: Row[Any] | None = conn.execute(
        select(channel_state).where(channel_state.c.channel == channel)
    ).first()
    broken_since = None
    if mark.state is ChannelState.BROKEN:
        broken_since = now if known is None or known.broken_since is None else known.broken_since
    values = {
        "channel": channel,
        "state": mark.state,
        "blocked_until": mark.until,
        "broken_since": broken_since,
        "reason": mark.reason,
        "updated": now,
    }
    statement = upsert(conn, channel_state).values(**values)
    changed = {name: statement.excluded[name] for name in values if name != "channel"}
    conn.execute(statement.on_conflict_do_update(index_elements=["channel"], set_=changed))


def _level(facts: Mapping[str, object]) -> int:
    severity = facts.get("severity")
    return Severity(severity).level if isinstance(severity, str) and severity in set(Severity) else 0


def _lines(facts: Mapping[str, object]) -> list[Mapping[str, object]]:
    """The incidents a message is about, one a line (alerting/message.py)."""
    lines = facts.get("lines")
    if not isinstance(lines, (list, tuple)):
        return []
    return [line for line in lines if isinstance(line, Mapping) and "incident_id" in line]
