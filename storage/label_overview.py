"""How well does a model do, and which labels are awaited?"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select

from detectors._column import PERFORMANCE
from storage.due_window import Stream, WindowState
from storage.tables import column_result, ledger


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelOverview:
    """The stream of the labels in a few numbers; `start` None: no window of it has ended."""

    waiting: int  # windows whose labels are awaited
    oldest: datetime | None  # the first of them starts here
    start: datetime | None  # the latest window that ended otherwise than by being passed over
    state: WindowState | None
    reason: str
    measured: datetime | None  # the latest window whose performance is known starts here
    evidence: Mapping[str, Any]  # what was found and foretold of it


def label_overview(conn: Connection, model: str) -> LabelOverview | None:
    """None: no label window was ever planned."""
    mine = (ledger.c.model == model, ledger.c.stream == Stream.LABELS, ledger.c.superseded_by.is_(None))
    if conn.execute(select(ledger.c.id).where(*mine).limit(1)).first() is None:
        return None
    waiting = ledger.c.state.in_((WindowState.PLANNED, WindowState.CLAIMED))
    awaited = conn.execute(select(func.count(), func.min(ledger.c.start)).where(*mine, waiting)).one()
    ended = conn.execute(
        select(ledger.c.start, ledger.c.state, ledger.c.reason)
        .where(*mine, ~waiting, ledger.c.state != WindowState.SKIPPED)
        .order_by(ledger.c.start.desc())
        .limit(1)
    ).first()
    known = conn.execute(
        select(ledger.c.start, column_result.c.evidence)
        .join(column_result, column_result.c.ledger_id == ledger.c.id)
        .where(*mine, ledger.c.folded_at.is_not(None), column_result.c.column_name == PERFORMANCE)
        .where(column_result.c.segment == "", column_result.c.version == "")
        .order_by(ledger.c.start.desc())
        .limit(1)
    ).first()
    return LabelOverview(
        waiting=awaited[0],
        oldest=awaited[1],
        start=None if ended is None else ended.start,
        state=None if ended is None else WindowState(ended.state),
        reason="" if ended is None else ended.reason,
        measured=None if known is None else known.start,
        evidence={} if known is None else known.evidence,
    )
