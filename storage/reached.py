"""How far has each model come: to where is it planned, to where folded, and where does its reference end?

One question for all models: what is to be planned is looked at every few seconds, and nearly always it is
nothing. Each part of it is one step down an index, whatever lies in the ledger.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, Select, select

from storage.due_window import IS_OF_FOLDED_KIND, Stream, WindowKind
from storage.profiles import ReferenceStatus
from storage.span import Span
from storage.tables import ledger, reference


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """Of one model that has a reference in force."""

    reference: Span | None  # what it was learnt from; None: a file without time
    planned_until: datetime | None  # the end of the latest scheduled window; None: never planned
    folded: datetime | None  # the start of the latest folded window


def reached(conn: Connection) -> dict[str, Reached]:
    """Every model with a reference in force. Windows of the inputs; those do not overlap: latest by start."""
    return {
        row.model: Reached(
            reference=None
            if row.span_start is None or row.span_end is None
            else Span(start=row.span_start, end=row.span_end),
            planned_until=row.planned_until,
            folded=row.folded,
        )
        for row in conn.execute(_of_all())
    }


@cache
def _of_all() -> Select[Any]:
    mine = (ledger.c.model == reference.c.model, ledger.c.stream == Stream.INPUTS)
    planned = select(ledger.c.end).where(*mine, ledger.c.kind == WindowKind.SCHEDULED)
    folded = select(ledger.c.start).where(*mine, ledger.c.folded_at.is_not(None), IS_OF_FOLDED_KIND)
    latest = [
        question.order_by(ledger.c.start.desc()).limit(1).correlate(reference).scalar_subquery().label(name)
        for question, name in ((planned, "planned_until"), (folded, "folded"))
    ]
    return select(reference.c.model, reference.c.span_start, reference.c.span_end, *latest).where(
        reference.c.status == ReferenceStatus.ACTIVE
    )
