"""Which person changed what, apart from incidents? (An incident's own history is storage/incidents.py.)

Append-only: triggers refuse the rest.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, insert, select

from storage.tables import audit


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditLine:
    """One change by one person."""

    id: int
    at: datetime
    kind: str  # noun.verb, as in the log: silence.added, outbox.cancelled
    subject: str  # id of what was changed
    actor: str
    facts: Mapping[str, object] = field(default_factory=dict)


def add(
    conn: Connection,
    kind: str,
    subject: str,
    *,
    actor: str,
    now: datetime,
    facts: Mapping[str, object] | None = None,
) -> None:
    """Append one line. ValueError without an actor: a change by nobody is not audited."""
    if not actor:
        raise ValueError(f"audit: {kind} needs an actor")
    conn.execute(insert(audit).values(at=now, kind=kind, subject=subject, actor=actor, facts=facts or {}))


def lines(conn: Connection, subject: str | None = None) -> list[AuditLine]:
    """Oldest first; of one subject, or all."""
    statement = select(audit).order_by(audit.c.id)
    if subject is not None:
        statement = statement.where(audit.c.subject == subject)
    return [AuditLine(**row._mapping) for row in conn.execute(statement)]
