"""What is waiting to be sent, what was tried, and what came of it?

Fulfils alerting.courier.Outbox. A lane is strictly in order; the attempt row is committed before anything is
sent; a mark without the claim's fence changes nothing.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update
from sqlalchemy import text as sql

from alerting import trouble
from alerting.channel import Failure
from alerting.courier import ChannelMark, ChannelState, Claimed, Mark, OutboxState
from alerting.incident import Incident
from alerting.notification import Action, Notification
from alerting.reason import Reason
from alerting.silence import silenced
from alerting.verdict import Severity
from storage import audit, daemon_events, groups, incidents, lanes, retraining, silences, troubles, waiting
from storage.dialect import insert_ignore, upsert
from storage.engine import Store
from storage.tables import attempt, channel_state, outbox

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


def roots_since(conn: Connection, channel: str, since: datetime) -> int:
    """How many posts of its own, not replies, a channel was given after `since`: its bucket."""
    statement = select(func.count()).where(
        outbox.c.channel == channel,
        sql("action = 'root'"),  # a literal, or SQLite does not use the partial index
        outbox.c.created > since,
        outbox.c.state != OutboxState.CANCELLED,
    )
    return conn.execute(statement).scalar_one()


def last_digest(conn: Connection, channel: str) -> datetime | None:
    """When the channel was last given one post for many; None: never."""
    statement = select(func.max(outbox.c.created)).where(
        outbox.c.channel == channel, sql("action = 'root'"), outbox.c.reason == "digest"
    )
    at: datetime | None = conn.execute(statement).scalar()
    return at


def waiting_channels(conn: Connection) -> set[str]:
    """The channels that have anything left to send."""
    return set(conn.execute(select(outbox.c.channel).where(outbox.c.state.in_(_OPEN)).distinct()).scalars())


def retry(conn: Connection, outbox_id: int, now: datetime, *, by: str, sure: bool = False) -> None:
    """A person says: send it (again) now. ValueError says why that cannot be.

    What may have arrived goes out marked as a possible repeat. A retraining request has no such mark: for one
    that may have been accepted, `sure` says that the person asked the other side.
    """
    row = _row(conn, outbox_id)
    if row.state not in (OutboxState.QUEUED, OutboxState.UNCERTAIN, OutboxState.DEAD):
        raise ValueError(f"outbox {outbox_id}: is {row.state}, so it cannot be sent again")
    request = row.action == Action.REQUEST
    doubtful = bool(row.uncertain) or row.state == OutboxState.UNCERTAIN
    if request and row.state == OutboxState.DEAD:
        raise ValueError(f"outbox {outbox_id}: the request has expired; the next decision makes a new one")
    if request and doubtful and not sure:
        raise ValueError(
            f"outbox {outbox_id}: {row.channel} may have this retraining request already; ask there whether "
            "it runs, then say --yes to send it again, or cancel it"
        )
    picture = row.action == Action.PICTURE  # a person sees that it is not there
    dead = row.state == OutboxState.DEAD  # its news may have been told another way since
    values: dict[str, object] = {
        "state": OutboxState.QUEUED,
        "next_try": now,
        "closed": None,
        "uncertain": (doubtful or dead) and not request and not picture,
        "plain": row.plain and not dead,
    }
    if now >= row.deadline or dead:
        values["deadline"] = now + (row.deadline - row.created)
    conn.execute(update(outbox).where(outbox.c.id == outbox_id).values(**values))
    facts = {"was": row.state, "channel": row.channel, "key": row.key}
    audit.add(conn, "outbox.retried", str(outbox_id), actor=by, now=now, facts=facts)


def cancel(conn: Connection, outbox_id: int, now: datetime, *, by: str, reason: str) -> None:
    """A person says: do not send it. It counts as told, for who cancels has read it. ValueError: too late.

    A retraining request that may have arrived was asked after, and is there: what its target reports counts.
    """
    row = _row(conn, outbox_id)
    if row.state not in (OutboxState.QUEUED, OutboxState.UNCERTAIN):
        raise ValueError(f"outbox {outbox_id}: is {row.state}, so it cannot be cancelled")
    said = f"cancelled by {by}: {reason}" if reason else f"cancelled by {by}"
    values = {"state": OutboxState.CANCELLED, "closed": now, "error": said}
    conn.execute(update(outbox).where(outbox.c.id == outbox_id).values(**values))
    if row.action == Action.REQUEST:
        arrived = bool(row.uncertain) or row.state == OutboxState.UNCERTAIN
        became = OutboxState.SENT if arrived else OutboxState.CANCELLED
        retraining.delivered(conn, row.key, became, now, said)
    if row.action == Action.ROOT:
        groups.forget_root(conn, str(row.facts.get("group", row.lane)), row.key)
    facts = {"was": row.state, "channel": row.channel, "key": row.key, "reason": reason}
    audit.add(conn, "outbox.cancelled", str(outbox_id), actor=by, now=now, facts=facts)


def withdraw(conn: Connection, key: str, now: datetime, reason: str) -> bool:
    """What waits is not wanted any more; False: it has left, is leaving, or is not there."""
    waits = (OutboxState.QUEUED, OutboxState.UNCERTAIN)
    statement = update(outbox).where(outbox.c.key == key, outbox.c.state.in_(waits))
    values = {"state": OutboxState.CANCELLED, "closed": now, "error": reason}
    return conn.execute(statement.values(**values)).rowcount == 1


def _row(conn: Connection, outbox_id: int) -> Row[Any]:
    row = conn.execute(select(outbox).where(outbox.c.id == outbox_id)).first()
    if row is None:
        raise ValueError(f"outbox {outbox_id}: not known; see `leeway outbox list --all`")
    return row


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
    row = _next(conn, now, channels)
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


def _next(conn: Connection, now: datetime, channels: Collection[str] | None) -> Row[Any] | None:
    """The row whose turn it is, saying all that had to wait with it."""
    row = lanes.next_row(conn, now, channels)
    if row is None or row.state != OutboxState.QUEUED or row.uncertain:
        return row
    changed = False
    if row.channel_state == ChannelState.BROKEN:
        changed = waiting.collapse_channel(conn, row.channel, now)
    if not changed and (row.tries or row.channel_state == ChannelState.BROKEN):
        changed = waiting.collapse_lane(conn, row, now)
    return lanes.next_row(conn, now, channels) if changed else row


def still_wanted(conn: Connection, notification: Notification, now: datetime) -> bool:
    """A repeat, and a step of an escalation, is for open incidents that nobody has; a request for what is
    still requested.

    What happened once is told even when it is over: its words say so. What a silence covers by now is not.
    A picture is for a post that was sent.
    """
    if notification.action is Action.REQUEST:
        return retraining.is_requested(conn, notification.key)
    if notification.facts.get("kind") == "retraining":
        return True
    if notification.action is Action.PICTURE and not _is_sent(conn, str(notification.facts.get("post"))):
        return False
    told = _told(notification.facts)
    about = incidents.by_ids(conn, list(told) or _line_ids(notification.facts))
    quiet = silenced(about, silences.active(conn, now), now)

    def unanswered(each: Incident) -> bool:
        return each.is_open and not each.is_acknowledged(now)

    heard = [each for each in about if each.id not in quiet]
    if notification.reason == "repeat":
        return any(unanswered(each) for each in heard)
    # A step is for what nobody has; what else the message says is told in any case.
    return not about or any(told.get(each.id) != Reason.ESCALATION or unanswered(each) for each in heard)


def _is_sent(conn: Connection, key: str) -> bool:
    state = conn.execute(select(outbox.c.state).where(outbox.c.key == key)).scalar()
    return state == OutboxState.SENT


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
    elif notification.action is Action.REQUEST and mark.next_try is None:
        retraining.undecided(conn, notification.key, now, mark.reason, claimed.id)
    if mark.state is OutboxState.SENT:
        _note_steps(conn, notification, now)
        troubles.clear(conn, notification.channel, now)
        if notification.facts.get("deaths"):
            groups.forgive(conn, str(notification.facts.get("group", notification.lane)))
        if meant_for := notification.facts.get("for_channel"):
            troubles.clear_dead(conn, str(meant_for), now)
    if notification.action is Action.PICTURE:  # what it belongs to has been said, and nobody is to be woken
        return True
    if mark.state in (OutboxState.DEAD, OutboxState.CANCELLED):
        _not_told(conn, notification, now, dead=mark.state is OutboxState.DEAD)
    if mark.state is OutboxState.DEAD:
        troubles.note(conn, notification.channel, trouble.DEAD, mark.reason, now)
        facts = {"key": notification.key, "channel": notification.channel, "reason": mark.reason}
        daemon_events.add(conn, "outbox.dead", now, facts, model=str(notification.facts.get("model", "")))
    return True


def _note_steps(conn: Connection, notification: Notification, now: datetime) -> None:
    """It said that nobody acknowledged some incidents: the step they have reached."""
    steps = notification.facts.get("escalated")
    for id_, said in steps.items() if isinstance(steps, Mapping) else ():
        payload = {"channel": notification.channel, **said}
        if instead_of := notification.facts.get("for_channel"):
            payload["for_channel"] = instead_of
        incidents.escalate(conn, str(id_), step=int(said["step"]), now=now, payload=payload)


def _not_told(conn: Connection, notification: Notification, now: datetime, *, dead: bool) -> None:
    """What it would have said is news again; by another way where its channel gave it up."""
    facts = notification.facts
    if notification.action is Action.ROOT:  # else what follows would hang on the thread before
        lanes.set_root(conn, notification.lane, notification.channel, {}, now)
    parts = facts.get("groups")
    told: Mapping[str, object] = (
        parts
        if isinstance(parts, Mapping)
        else {str(facts.get("group", notification.lane)): facts.get("told")}
    )
    for key, posted in told.items():
        if posted or dead:
            groups.forget_told(conn, key, notification.key, posted, now, dead=dead)


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
        troubles.note(conn, channel, trouble.BROKEN, mark.reason, now)
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


def _told(facts: Mapping[str, object]) -> dict[str, str]:
    """The incidents that it has news of, and which; of a digest those of all its groups."""
    groups_told = facts.get("groups")
    parts = groups_told.values() if isinstance(groups_told, Mapping) else [facts.get("told")]
    return {str(id_): str(why) for part in parts if isinstance(part, Mapping) for id_, why in part.items()}


def _line_ids(facts: Mapping[str, object]) -> list[str]:
    """The incidents a message is about, one a line (alerting/message.py)."""
    lines = facts.get("lines")
    if not isinstance(lines, (list, tuple)):
        return []
    return [str(line["incident_id"]) for line in lines if isinstance(line, Mapping) and "incident_id" in line]
