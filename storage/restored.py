"""When was this history last put back from a backup, and what does that make unsure?

A backup does not know what was sent after it was taken. Messages that were waiting in it may have arrived
long ago: they are not sent again. What they told counts as not told, and is worded anew where it still holds.
"""

from datetime import datetime

from sqlalchemy import Connection, func, select, update

from alerting.courier import OutboxState
from alerting.notification import Action
from storage import daemon_events, groups, lanes, retraining
from storage.tables import attempt, daemon_event, outbox

KIND = "database.restored"
WHY = "the database was restored from a backup: told anew where it still holds"


def restored_at(conn: Connection) -> datetime | None:
    """When it was last put back; None: never."""
    statement = select(func.max(daemon_event.c.at)).where(daemon_event.c.kind == KIND)
    at: datetime | None = conn.execute(statement).scalar()
    return at


def forget_what_was_open(conn: Connection, file: str, now: datetime) -> int:
    """Mark a copy as put back: what waits in its outbox is cancelled. Returns how many messages."""
    states = (OutboxState.QUEUED, OutboxState.SENDING, OutboxState.UNCERTAIN)
    rows = conn.execute(select(outbox).where(outbox.c.state.in_(states)).order_by(outbox.c.id)).all()
    for row in rows:
        if row.action == Action.REQUEST:
            retraining.delivered(conn, row.key, OutboxState.CANCELLED, now, WHY)
            continue
        if row.action == Action.ROOT:  # whether its thread exists is not known
            lanes.set_root(conn, row.lane, row.channel, {}, now)
        groups.forget_told(conn, row.lane, row.key, row.facts.get("told"), now)
    ids = [row.id for row in rows]
    conn.execute(
        update(outbox)
        .where(outbox.c.id.in_(ids))
        .values(state=OutboxState.CANCELLED, closed=now, error=WHY, owner="", lease_until=None)
    )
    conn.execute(
        update(attempt)
        .where(attempt.c.outbox_id.in_(ids), attempt.c.closed.is_(None))
        .values(closed=now, outcome=OutboxState.CANCELLED, error=WHY)
    )
    daemon_events.add(conn, KIND, now, {"from": file, "cancelled": len(rows)})
    return len(rows)
