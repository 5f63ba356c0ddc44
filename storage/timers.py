"""When is the next instant at which something that waits in the database may move by itself?"""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, select

from alerting.courier import OutboxState
from storage.tables import channel_state, incident, ledger, outbox, silence

_WAITING = (OutboxState.QUEUED, OutboxState.SENDING, OutboxState.UNCERTAIN)


def timers(conn: Connection) -> list[datetime]:
    """Windows to look at again, rows to send, leases, channels that wait, acknowledgements, silences: all."""
    statements = (
        select(ledger.c.next_try).where(ledger.c.finished_at.is_(None)),
        select(ledger.c.lease_until).where(ledger.c.finished_at.is_(None)),
        select(outbox.c.next_try).where(outbox.c.state.in_(_WAITING)),
        select(outbox.c.lease_until).where(outbox.c.state.in_(_WAITING)),
        select(outbox.c.deadline).where(outbox.c.state.in_(_WAITING)),
        select(channel_state.c.blocked_until),
        select(incident.c.acknowledged_until).where(incident.c.is_open),
        select(silence.c.starts),
        select(silence.c.ends).where(silence.c.expired.is_(None)),
    )
    return [at for statement in statements for at in _known(conn.execute(statement).scalars())]


def _known(found: Iterable[datetime | None]) -> Iterable[datetime]:
    return (at for at in found if at is not None)
