"""Which of several daemons leads? One row: who, since when, until when, and a fence that each change raises.

Only the leader plans, folds, flushes and prunes. Each of its transactions begins with `check`, which holds
the row until it commits: nothing of a leader that was paused can come after what another one wrote.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, select, update

from storage.dialect import insert_ignore
from storage.errors import FenceLost
from storage.tables import leader

_ONE = "leader"  # the only row's name


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One daemon's time as the leader."""

    owner: str  # "host pid"
    fence: int  # 1, 2, … a change
    since: datetime
    lease_until: datetime  # then anybody may take over


def take(conn: Connection, owner: str, now: datetime, lease: timedelta) -> Term | None:
    """Lead, if nobody does or the lease has ended; None: another one leads."""
    nobody = {"name": _ONE, "owner": "", "fence": 0, "since": now, "lease_until": now}
    conn.execute(insert_ignore(conn, leader).values(**nobody))
    statement = (
        update(leader)
        .where(leader.c.name == _ONE, leader.c.lease_until <= now)
        .values(owner=owner, fence=leader.c.fence + 1, since=now, lease_until=now + lease)
        .returning(leader)
    )
    row = conn.execute(statement).first()
    return None if row is None else _term(row)


def renew(conn: Connection, fence: int, until: datetime) -> bool:
    """Go on leading; False: another one took over."""
    statement = update(leader).where(leader.c.name == _ONE, leader.c.fence == fence)
    return conn.execute(statement.values(lease_until=until)).rowcount == 1


def resign(conn: Connection, fence: int, now: datetime) -> bool:
    """Let the next one begin at once; what this one might still write is refused from now on."""
    statement = update(leader).where(leader.c.name == _ONE, leader.c.fence == fence)
    changed = {"owner": "", "fence": leader.c.fence + 1, "lease_until": now}
    return conn.execute(statement.values(**changed)).rowcount == 1


def check(conn: Connection, fence: int | None) -> None:
    """FenceLost unless this fence leads, and goes on to until the transaction has ended."""
    # FOR SHARE: a take-over, which updates the row, waits for us, and we for it.
    row = conn.execute(select(leader).where(leader.c.name == _ONE).with_for_update(read=True)).first()
    if row is None or fence is None or row.fence != fence:
        who = row.owner if row is not None and row.owner else "nobody"
        raise FenceLost(f"this daemon does not lead any more, {who} does; nothing was written")


def current(conn: Connection) -> Term | None:
    """Who leads, as far as the row knows; None: nobody ever did, or the last one resigned."""
    row = conn.execute(select(leader).where(leader.c.name == _ONE)).first()
    return None if row is None or not row.owner else _term(row)


def _term(row: Row[Any]) -> Term:
    return Term(owner=row.owner, fence=row.fence, since=row.since, lease_until=row.lease_until)
