"""Is a model behind, so that what is told now would be yesterday's news?

After downtime, or on a restored backup, windows of hours are judged within seconds. Told one by one, people
would be woken for what is long over. So a group waits until its model has caught up, and then tells at most
once what holds now; never longer than a quarter of an hour, in case it does not catch up.
"""

from datetime import datetime, timedelta

from sqlalchemy import Connection

from monitor.runtime import Watched
from storage import backlog
from storage.due_window import DueWindow, Stream

HOLD_AT_MOST = timedelta(minutes=15)  # as alerting's group_interval: a group tells no oftener anyhow
OLD_INTERVALS = 2


def holds_back(conn: Connection, watched: Watched, dirty_since: datetime | None, now: datetime) -> bool:
    """Whether a group of this model should wait: old windows are about to be evaluated or folded."""
    if dirty_since is None or now - dirty_since >= HOLD_AT_MOST:
        return False
    before = now - OLD_INTERVALS * watched.spec.nominal - watched.config.window.settle
    return backlog.is_moving(conn, watched.name, before, now)


def is_historical(watched: Watched, window: DueWindow, now: datetime) -> bool:
    """Whether a window was judged over two intervals later than it could have been.

    Labels come late by nature: theirs are counted from the end of the wait for them.
    """
    labels = watched.config.labels
    waited = labels.max_delay if window.stream is Stream.LABELS and labels is not None else timedelta(0)
    ripe = window.span.end + watched.config.window.settle + waited
    return now > ripe + OLD_INTERVALS * watched.spec.nominal
