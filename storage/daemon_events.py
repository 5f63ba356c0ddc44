"""What happened to the daemon itself: clock jumps, promotions, a model that left learning, a dead letter?"""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, insert, select

from storage.tables import daemon_event


def add(
    conn: Connection, kind: str, now: datetime, facts: Mapping[str, object] | None = None, *, model: str = ""
) -> None:
    """Append one event; `kind` is noun.verb as in the log."""
    conn.execute(insert(daemon_event).values(at=now, kind=kind, model=model, facts=facts or {}))


def facts_of(conn: Connection, kind: str, model: str) -> list[Mapping[str, object]]:
    """Of every event of a kind about a model, oldest first."""
    statement = select(daemon_event.c.facts).where(daemon_event.c.kind == kind, daemon_event.c.model == model)
    return list(conn.execute(statement.order_by(daemon_event.c.id)).scalars())
