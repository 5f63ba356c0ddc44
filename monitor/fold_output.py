"""What does one folded window leave behind for people: verdicts, and groups with something to tell?"""

from collections.abc import Collection, Iterable
from datetime import datetime

from sqlalchemy import Connection

from alerting.grouping import mark_dirty
from alerting.health import Folded, WindowFold
from alerting.incident import Incident
from alerting.series import LABEL_FEED
from alerting.verdict import VerdictKind
from monitor.config import Config
from monitor.routing import groups_of
from storage import groups


def worth_keeping(result: WindowFold) -> list[Folded]:
    """The verdicts that are written down: a feed that is well is not worth a row."""
    return [
        item
        for item in result.verdicts
        if item.verdict.series.column not in ("", LABEL_FEED) or item.verdict.kind is not VerdictKind.CLEAR
    ]


def mark_groups(
    conn: Connection, config: Config, touched: Iterable[Incident], eventful: Collection[str], now: datetime
) -> None:
    """A crash after this commit cannot forget that there is something to tell. `eventful`: incident ids."""
    for incident in touched:
        if incident.id in eventful:
            for group in groups_of(config, incident):
                groups.save(conn, mark_dirty(groups.get(conn, group.key) or group, now))
