"""What did a dead owner hold? On SQLite the owner's lock proves that nobody is working on it any more."""

from datetime import datetime

from sqlalchemy import Connection, update

from alerting.courier import OutboxState
from storage.ledger import WindowState
from storage.tables import ledger, outbox


def take_over(conn: Connection, now: datetime) -> int:
    """End every lease now; the next claim finds the rows, with the next fence. Returns how many there were.

    Only under the owner's lock: with several daemons a lease is ended by time alone.
    """
    claimed = update(ledger).where(ledger.c.state == WindowState.CLAIMED)
    sending = update(outbox).where(outbox.c.state == OutboxState.SENDING)
    return sum(conn.execute(held.values(lease_until=now)).rowcount for held in (claimed, sending))
