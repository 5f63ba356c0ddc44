"""Which outbox row may leave next, and on which root does it hang?

A lane (one channel, one group) is strictly in order: a row may leave only when no earlier row of its lane is
open, but for one that waits for a person, and for pictures, which hold nobody up.
"""

from collections.abc import Collection
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    BindParameter,
    Connection,
    Row,
    Select,
    Update,
    and_,
    bindparam,
    or_,
    select,
    update,
)
from sqlalchemy import text as sql

from alerting.courier import ChannelState, OutboxState
from alerting.notification import Action
from storage.dialect import upsert
from storage.tables import channel_state, lane, outbox

# Literal words, not parameters: only then does SQLite use the partial index over them.
_OPEN_WORDS = "state IN ('queued', 'sending', 'uncertain')"


def next_row(conn: Connection, now: datetime, channels: Collection[str] | None) -> Row[Any] | None:
    """The row that may leave next, with its lane's root and its channel's state."""
    only = {} if channels is None else {"only": list(channels)}
    return conn.execute(_next(limited=channels is not None), {"at": now} | only).first()


@cache
def _next(*, limited: bool) -> Select[Any]:
    """Made once: to make it takes longer than to run it, and couriers ask it all the time."""
    now: BindParameter[datetime] = bindparam("at")
    earlier = outbox.alias("earlier")
    ahead = (
        select(earlier.c.id)
        .where(
            earlier.c.lane == outbox.c.lane,
            earlier.c.id < outbox.c.id,
            sql(f"earlier.{_OPEN_WORDS}"),
            earlier.c.action != Action.PICTURE,  # what is said never waits for what is shown
            # waits for a person: nobody knows when, so it holds up nothing
            or_(earlier.c.state != OutboxState.UNCERTAIN, earlier.c.next_try.is_not(None)),
        )
        .exists()
    )
    due = or_(
        and_(outbox.c.state.in_((OutboxState.QUEUED, OutboxState.UNCERTAIN)), outbox.c.next_try <= now),
        and_(outbox.c.state == OutboxState.SENDING, outbox.c.lease_until <= now),
    )
    passable = or_(
        channel_state.c.state.is_(None),
        channel_state.c.state == ChannelState.OK,
        channel_state.c.blocked_until <= now,
    )
    # A picture is no probe: whether a channel works again is found out by a message.
    passable = and_(
        passable,
        or_(
            outbox.c.action != Action.PICTURE,
            channel_state.c.state.is_(None),
            channel_state.c.state != ChannelState.BROKEN,
        ),
    )
    statement = (
        select(outbox, lane.c.root, channel_state.c.state.label("channel_state"))
        .outerjoin(lane, lane.c.lane == outbox.c.lane)
        .outerjoin(channel_state, channel_state.c.channel == outbox.c.channel)
        .where(sql(f"outbox.{_OPEN_WORDS}"), due, ~ahead, passable)
        .order_by(outbox.c.level.desc(), outbox.c.created, outbox.c.id)
        .limit(1)
    )
    return statement.where(outbox.c.channel.in_(bindparam("only", expanding=True))) if limited else statement


def keep_newest_edits(conn: Connection, now: datetime) -> None:
    """Of several queued edits of one root only the last has anything to say."""
    conn.execute(_supersede(), {"at": now})


@cache
def _supersede() -> Update:
    """Made once, as `_next` is."""
    newer, root = outbox.alias("newer"), outbox.alias("root")
    another_thread = (
        select(root.c.id)
        .where(
            sql(f"root.{_OPEN_WORDS}"),
            root.c.lane == outbox.c.lane,
            root.c.id > outbox.c.id,
            root.c.id < newer.c.id,
            root.c.action == Action.ROOT,
        )
        .correlate(outbox, newer)
        .exists()
    )
    superseded = (
        select(newer.c.id)
        .where(
            sql(f"newer.{_OPEN_WORDS}"),
            newer.c.lane == outbox.c.lane,
            newer.c.id > outbox.c.id,
            newer.c.state == OutboxState.QUEUED,
            newer.c.action == Action.EDIT,
            ~another_thread,
        )
        .correlate(outbox)
        .exists()
    )
    return (
        update(outbox)
        .where(
            sql(f"outbox.{_OPEN_WORDS}"),
            outbox.c.state == OutboxState.QUEUED,
            outbox.c.action == Action.EDIT,
            superseded,
        )
        .values(state=OutboxState.CANCELLED, closed=bindparam("at"), error="superseded by a newer edit")
    )


def root_of(conn: Connection, lane_name: str) -> dict[str, str]:
    """Where the post stands that a lane hangs on; empty: there is none."""
    found = conn.execute(select(lane.c.root).where(lane.c.lane == lane_name)).scalar()
    return {str(name): str(value) for name, value in (found or {}).items()}


def set_root(
    conn: Connection, lane_name: str, channel: str, reference: dict[str, str], now: datetime
) -> None:
    statement = upsert(conn, lane).values(lane=lane_name, channel=channel, root=reference, updated=now)
    changed = {"root": statement.excluded.root, "updated": statement.excluded.updated}
    conn.execute(statement.on_conflict_do_update(index_elements=["lane"], set_=changed))
