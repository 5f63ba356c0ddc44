"""What do messages that had to wait become when their turn comes?

A problem that began and ended meanwhile is one message that says both; what a whole channel could not take is
one digest. Rows that may have been accepted are left alone: nobody knows what the reader has seen.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select, update

from alerting.courier import OutboxState
from alerting.digest import digest, is_news, merged
from alerting.notification import Action
from alerting.verdict import Severity
from storage import groups
from storage.dialect import insert_ignore
from storage.tables import channel_state, outbox

WITH_EARLIER = "told with an earlier message that had to wait"


def collapse_lane(conn: Connection, head: Row[Any], now: datetime) -> bool:
    """Let the first waiting row of a lane say what those behind it would; False: there is nothing to add."""
    followers: list[Row[Any]] = []
    for row in _queued(conn, outbox.c.lane == head.lane, outbox.c.id > head.id):
        if row.action == Action.PICTURE:
            continue  # if its post goes out as part of another, it is not wanted any more
        # A root never goes into what belongs to the thread before it: there, nobody would look for it.
        another_thread = row.action == Action.ROOT and (row.reason == "first" or head.action != Action.ROOT)
        if not is_news(row.facts) or another_thread:
            break
        followers.append(row)
    said = [row for row in followers if row.action != Action.EDIT]
    edits = [row for row in followers if row.action == Action.EDIT] if head.action == Action.ROOT else []
    if not is_news(head.facts) or head.facts.get("kind") == "digest" or not (said or edits):
        return False
    parts = [head.facts, *(row.facts for row in sorted((*said, *edits), key=lambda row: row.id))]
    facts = merged(parts)
    conn.execute(
        update(outbox).where(outbox.c.id == head.id).values(facts=facts, level=_level(facts["severity"]))
    )
    _cancel(conn, (*said, *edits), now, WITH_EARLIER)
    _forget_roots(conn, said)
    return True


def collapse_channel(conn: Connection, channel: str, now: datetime) -> bool:
    """Put all that waits for a broken channel into one digest; False: one thread or less is waiting."""
    lanes: dict[str, list[Row[Any]]] = {}
    for row in _queued(conn, outbox.c.channel == channel):
        if is_news(row.facts):
            lanes.setdefault(row.lane, []).append(row)
    # An edit alone is no post: it brings a root up to date that the channel has already.
    lanes = {name: rows for name, rows in lanes.items() if any(row.action != Action.EDIT for row in rows)}
    if len(lanes) < 2:  # one thread needs no digest
        return False
    taken: list[Row[Any]] = []
    parts: dict[str, dict[str, object]] = {}
    for name, rows in lanes.items():
        opens = any(row.action == Action.ROOT for row in rows)
        mine = [row for row in rows if opens or row.action != Action.EDIT]
        parts[str(mine[0].facts.get("group", name))] = merged([row.facts for row in mine])
        taken += mine
    known = conn.execute(select(channel_state).where(channel_state.c.channel == channel)).first()
    made = digest(
        channel,
        parts,
        now=now,
        why=known.reason if known else "",
        broken_since=known.broken_since if known else None,
        created=min(row.created for row in taken),
    )
    values = {
        "key": made.key,
        "channel": made.channel,
        "lane": made.lane,
        "action": made.action,
        "reason": made.reason,
        "level": _level(made.facts["severity"]),
        "facts": made.facts,
        "created": made.created,
        "deadline": max(row.deadline for row in taken),
        "state": OutboxState.QUEUED,
        "next_try": now,
        "plain": False,
    }
    conn.execute(insert_ignore(conn, outbox), [values])
    _cancel(conn, taken, now, f"told in digest {made.key[:12]}")
    _forget_roots(conn, taken)
    return True


def _queued(conn: Connection, *where: Any) -> Sequence[Row[Any]]:
    statement = select(outbox).where(
        *where, outbox.c.state == OutboxState.QUEUED, outbox.c.uncertain.is_(False)
    )
    return conn.execute(statement.order_by(outbox.c.id)).all()


def _cancel(conn: Connection, rows: Sequence[Row[Any]], now: datetime, why: str) -> None:
    for first in range(0, len(rows), 500):
        ids = [row.id for row in rows[first : first + 500]]
        conn.execute(
            update(outbox)
            .where(outbox.c.id.in_(ids))
            .values(state=OutboxState.CANCELLED, closed=now, error=why)
        )


def _forget_roots(conn: Connection, rows: Sequence[Row[Any]]) -> None:
    for row in rows:
        if row.action == Action.ROOT:
            groups.forget_root(conn, str(row.facts.get("group", row.lane)), row.key)


def _level(severity: object) -> int:
    return Severity(severity).level if isinstance(severity, str) and severity in set(Severity) else 0
