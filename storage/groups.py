"""What has each thread of each channel been told?"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, or_, select

from alerting.grouping import Group, mark_dirty
from alerting.untold import give_up, untell
from storage.dialect import upsert
from storage.tables import notification_group


def get(conn: Connection, key: str) -> Group | None:
    state = conn.execute(select(notification_group.c.state).where(notification_group.c.key == key)).scalar()
    return None if state is None else Group.from_json(state)


def save(conn: Connection, group: Group) -> None:
    values = {
        "key": group.key,
        "channel": group.channel,
        "model": group.labels.get("model", ""),
        "state": group.to_json(),
        "dirty_since": group.dirty_since,
        "last_flush": group.flushed,
        "flush_number": group.flushes,
        # What a silence keeps back is looked at until it ends, also after the thread before is over.
        "closed": group.closed and not group.held,
    }
    statement = upsert(conn, notification_group).values(**values)
    changed = {name: statement.excluded[name] for name in values if name != "key"}
    conn.execute(statement.on_conflict_do_update(index_elements=["key"], set_=changed))


def to_look_at(conn: Connection) -> list[Group]:
    """Groups about which something may have to be told: dirty ones, and open ones (repeats)."""
    statement = select(notification_group.c.state).where(
        or_(notification_group.c.dirty_since.is_not(None), notification_group.c.closed.is_(False))
    )
    rows = conn.execute(statement.order_by(notification_group.c.key)).scalars()
    return [Group.from_json(state) for state in rows]


def of_model(conn: Connection, model: str) -> list[Group]:
    """Every thread about a model, those that are over too."""
    statement = select(notification_group.c.state).where(notification_group.c.model == model)
    rows = conn.execute(statement.order_by(notification_group.c.key)).scalars()
    return [Group.from_json(state) for state in rows]


def forget_told(
    conn: Connection,
    key: str,
    notification_key: str,
    posted: object,
    now: datetime,
    *,
    dead: bool = False,
) -> None:
    """A message was not sent: its news, facts["told"], was not told after all, and its root is no root.

    `dead`: its channel gave it up, so the fallback channel is told next.
    """
    group = get(conn, key)
    if group is None:
        return
    news = {str(id_): str(why) for id_, why in posted.items()} if isinstance(posted, Mapping) else {}
    if dead:
        after = give_up(group, news, key=notification_key, now=now)
    else:
        after = untell(group, news, key=notification_key)
    save(conn, mark_dirty(after, now))


def forgive(conn: Connection, key: str) -> None:
    """A message arrived after some that did not."""
    group = get(conn, key)
    if group is not None and group.deaths:
        save(conn, replace(group, deaths=0, retry_from=None))


def forget_root(conn: Connection, key: str, notification_key: str) -> None:
    """The post that was to be a thread's root went out as part of another: the next one is a root again."""
    group = get(conn, key)
    if group is not None and group.root_key == notification_key:
        save(conn, replace(group, root_key=""))
