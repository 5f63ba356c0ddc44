"""Is a model behind, so that what is told now would be yesterday's news?

After downtime, or on a restored backup, windows of hours are judged within seconds. Told one by one, people
would be woken for what is long over. So a group waits until its model has caught up, and then tells at most
once what holds now (alerting/grouping.py says for how long it may wait).
"""

from datetime import datetime, timedelta

from sqlalchemy import Connection

from monitor.runtime import Watched
from storage import backlog
from storage.due_window import DueWindow, Stream

OLD_INTERVALS = 2


def is_behind(conn: Connection, watched: Watched, now: datetime) -> bool:
    """Whether windows that ended over two intervals ago are about to be evaluated or folded."""
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
