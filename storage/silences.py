"""What did people ask to hear nothing of, when, and why?

A row is written once; ending it early sets who and when, and an edit ends the old one and adds a new one that
names it. So every version of a silence stays readable.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, or_, select, update

from alerting import silence as nouns
from alerting.silence import Silence
from storage import audit, incidents
from storage.tables import silence


def add(conn: Connection, made: Silence) -> None:
    """Keep a new one. The same one twice, as after a lost answer, is one."""
    if get(conn, made.id) is not None:
        return
    conn.execute(
        insert(silence).values(
            id=made.id,
            matchers=made.matchers_json(),
            starts=made.starts,
            ends=made.ends,
            author=made.author,
            comment=made.comment,
            created=made.created,
            expired=made.expired,
            expired_by=made.expired_by,
            replaces=made.replaces,
        )
    )
    facts = {"matchers": [str(each) for each in made.matchers], "until": made.ends, "comment": made.comment}
    audit.add(conn, "silence.added", made.id, actor=made.author, now=made.created, facts=facts)


def expire(conn: Connection, silence_id: str, *, by: str, now: datetime) -> Silence:
    """End it now. ValueError: not known, or over already."""
    after = nouns.expire(_known(conn, silence_id), by=by, now=now)
    conn.execute(update(silence).where(silence.c.id == after.id).values(expired=now, expired_by=by))
    audit.add(conn, "silence.expired", after.id, actor=by, now=now)
    return after


def replace(conn: Connection, silence_id: str, made: Silence) -> None:
    """An edit: the old one ends, the new one begins, in the caller's one transaction."""
    expire(conn, silence_id, by=made.author, now=made.created)
    add(conn, made)


def get(conn: Connection, silence_id: str) -> Silence | None:
    row = conn.execute(select(silence).where(silence.c.id == silence_id)).first()
    return None if row is None else _silence(row)


def by_prefix(conn: Connection, prefix: str) -> list[Silence]:
    """Those whose id begins so: people type the first few digits."""
    statement = select(silence).where(silence.c.id.startswith(prefix, autoescape=True))
    return [_silence(row) for row in conn.execute(statement.order_by(silence.c.created).limit(20))]


def active(conn: Connection, now: datetime) -> list[Silence]:
    """Those that hold now."""
    statement = select(silence).where(
        silence.c.starts <= now,
        silence.c.ends > now,
        or_(silence.c.expired.is_(None), silence.c.expired > now),
    )
    return [_silence(row) for row in conn.execute(statement.order_by(silence.c.created, silence.c.id))]


def overlapping(conn: Connection, start: datetime, end: datetime) -> list[Silence]:
    """Those that held at any time in [start, end)."""
    statement = select(silence).where(
        silence.c.starts < end,
        silence.c.ends > start,
        or_(silence.c.expired.is_(None), silence.c.expired > start),
    )
    return [_silence(row) for row in conn.execute(statement.order_by(silence.c.created, silence.c.id))]


def covering(conn: Connection, now: datetime, model: str | None = None) -> dict[str, Silence]:
    """Which open incidents are silenced now, by incident id."""
    return nouns.silenced(incidents.open_incidents(conn, model), active(conn, now), now)


def _known(conn: Connection, silence_id: str) -> Silence:
    found = get(conn, silence_id)
    if found is None:
        raise ValueError(f"silence {silence_id}: not known; see `leeway silence list --all`")
    return found


def _silence(row: Row[Any]) -> Silence:
    fields = dict(row._mapping)
    return Silence(**{**fields, "matchers": Silence.matchers_from(fields["matchers"])})
