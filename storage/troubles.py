"""Which incidents of Leeway itself does the delivery of messages open and close?"""

from datetime import datetime

from sqlalchemy import Connection, func, select

from alerting import trouble
from alerting.courier import OutboxState
from storage import incidents
from storage.tables import outbox


def note(conn: Connection, channel: str, rule: str, reason: str, now: datetime) -> None:
    """A channel broke, or gave a message up: one open incident a channel and rule."""
    known = incidents.open_by_fingerprint(conn, trouble.series(channel, rule).fingerprint)
    if known is None:
        waiting = _waiting(conn, channel) if rule == trouble.BROKEN else 1
        incidents.apply(conn, [trouble.opened(channel, rule, reason=reason, waiting=waiting, now=now)], now)
        return
    if rule == trouble.DEAD:
        before = known.facts.get("waiting")
        waiting = (before if isinstance(before, int) else 0) + 1
        again = trouble.goes_on(channel, rule, reason=reason, waiting=waiting, since=known.opened, now=now)
        incidents.apply(conn, [again], now)


def clear(conn: Connection, channel: str, now: datetime) -> None:
    """The channel took a message: whatever was wrong with it is over."""
    for rule in trouble.RULES:
        known = incidents.open_by_fingerprint(conn, trouble.series(channel, rule).fingerprint)
        if known is not None:
            incidents.apply(conn, [trouble.mended(channel, rule, since=known.opened, now=now)], now)


def clear_dead(conn: Connection, channel: str, now: datetime) -> None:
    """What the channel gave up was told elsewhere."""
    known = incidents.open_by_fingerprint(conn, trouble.series(channel, trouble.DEAD).fingerprint)
    if known is not None:
        incidents.apply(conn, [trouble.mended(channel, trouble.DEAD, since=known.opened, now=now)], now)


def _waiting(conn: Connection, channel: str) -> int:
    statement = select(func.count()).where(
        outbox.c.channel == channel,
        outbox.c.action != "edit",
        outbox.c.state.in_((OutboxState.QUEUED, OutboxState.SENDING, OutboxState.UNCERTAIN)),
    )
    return conn.execute(statement).scalar_one()
