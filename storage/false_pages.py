"""How often did a model page, and how many of those pages did a person mark as false?"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from alerting.verdict import Severity
from storage.due_window import FOLDED_KINDS, Stream, WindowState
from storage.tables import incident, ledger


@dataclass(frozen=True, slots=True, kw_only=True)
class PagesSeen:
    """Of one model, over some of its judged windows. An incident counts where it opened."""

    windows: int  # of the inputs
    pages: int
    marked_false: int  # of the pages


def pages_seen(conn: Connection, model: str, since: datetime | None = None) -> PagesSeen:
    """Windows that start, and pages that opened, at or after `since`; None: ever."""
    paged = select(func.count(), func.count().filter(incident.c.false_page_by != "")).where(
        incident.c.model == model, incident.c.severity == Severity.PAGE
    )
    judged = select(func.count()).where(
        ledger.c.model == model,
        ledger.c.stream == Stream.INPUTS,
        ledger.c.folded_at.is_not(None),
        ledger.c.superseded_by.is_(None),
        ledger.c.kind.in_(FOLDED_KINDS),
        ledger.c.state != WindowState.SKIPPED,
    )
    if since is not None:
        paged, judged = paged.where(incident.c.opened >= since), judged.where(ledger.c.start >= since)
    pages, false = conn.execute(paged).one()
    return PagesSeen(windows=conn.execute(judged).scalar_one(), pages=pages, marked_false=false)
