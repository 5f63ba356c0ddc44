"""What did a dead owner hold? On SQLite the owner's lock proves that nobody is working on it any more."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import Connection, select, update

from alerting.courier import OutboxState
from storage.ledger import WindowState
from storage.tables import channel_state, ledger, outbox

LONGEST = timedelta(hours=1)  # nothing is put off, and no lease lasts, for longer by the right clock


def take_over(conn: Connection, now: datetime, lateness: Mapping[str, timedelta]) -> int:
    """End every lease now; the next claim finds the rows, with the next fence. Returns how many there were.

    A look for late rows is put off while it is had, which is a lease as well: it is put back to its own time,
    `lateness` of each model after the end of the window. Only under the owner's lock: with several daemons a
    lease is ended by time alone.
    """
    claimed = update(ledger).where(ledger.c.state == WindowState.CLAIMED)
    sending = update(outbox).where(outbox.c.state == OutboxState.SENDING)
    held = sum(conn.execute(lease.values(lease_until=now)).rowcount for lease in (claimed, sending))
    return held + sum(_look_for_late_rows(conn, now, model, wait) for model, wait in lateness.items())


def look_again(conn: Connection, now: datetime, lateness: Mapping[str, timedelta]) -> int:
    """The clock was set back: what was put off by the wrong one is looked at now. Returns how many rows.

    A look too many costs nothing: a window that is not complete is put off again, and the ladder of a message
    goes on where it was. A look for late rows is had once, so it is put back to its own time: `lateness` of
    each model after the end of the window.
    """
    planned = update(ledger).where(
        ledger.c.state == WindowState.PLANNED, ledger.c.next_try > now, ledger.c.due <= now
    )
    held = update(ledger).where(ledger.c.state == WindowState.CLAIMED, ledger.c.lease_until > now + LONGEST)
    queued = update(outbox).where(
        outbox.c.state.in_((OutboxState.QUEUED, OutboxState.UNCERTAIN)), outbox.c.next_try > now + LONGEST
    )
    blocked = update(channel_state).where(channel_state.c.blocked_until > now + LONGEST)
    changes = (
        planned.values(next_try=now),
        held.values(lease_until=now),
        queued.values(next_try=now),
        blocked.values(blocked_until=now),
    )
    changed = sum(conn.execute(change).rowcount for change in changes)
    return changed + sum(_look_for_late_rows(conn, now, model, wait) for model, wait in lateness.items())


def _look_for_late_rows(conn: Connection, now: datetime, model: str, lateness: timedelta) -> int:
    waiting = select(ledger.c.id, ledger.c.end, ledger.c.recheck).where(
        ledger.c.model == model, ledger.c.rechecked_at.is_(None), ledger.c.recheck > now
    )
    put_off = [row for row in conn.execute(waiting) if row.recheck > row.end + lateness]
    for row in put_off:
        conn.execute(update(ledger).where(ledger.c.id == row.id).values(recheck=row.end + lateness))
    return len(put_off)
