"""What happened to the daemon itself: clock jumps, promotions, a model that left learning, a dead letter?"""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, insert

from storage.tables import daemon_event


def add(
    conn: Connection, kind: str, now: datetime, facts: Mapping[str, object] | None = None, *, model: str = ""
) -> None:
    """Append one event; `kind` is noun.verb as in the log."""
    conn.execute(insert(daemon_event).values(at=now, kind=kind, model=model, facts=facts or {}))
