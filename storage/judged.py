"""Which row of a window is its judged one, where late rows gave it several?

A revision names itself in the earlier row as soon as it has ended, and is judged only when it is put in its
place in the fold (monitor/refolding.py). In between the earlier row is what was judged: who asked for rows
that no revision replaced would find neither, and the window before it in its place.
"""

from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, select

from storage.due_window import IS_OF_FOLDED_KIND, DueWindow, Stream, window_of
from storage.span import Span
from storage.tables import ledger

_later = ledger.alias("later")


def is_judged() -> ColumnElement[bool]:
    """Of the ledger's row: it is folded, and no revision that is folded too has replaced it.

    A revision that stands for nothing names the earlier row in its turn (storage/revisions.py).
    """
    waits = select(_later.c.id).where(
        _later.c.id == ledger.c.superseded_by,
        _later.c.revision > ledger.c.revision,
        _later.c.folded_at.is_(None),
    )
    stands = ledger.c.superseded_by.is_(None) | waits.correlate(ledger).exists()
    return ledger.c.folded_at.is_not(None) & stands


def latest(conn: Connection, model: str, stream: Stream) -> DueWindow | None:
    """The one that starts last; None: nothing was judged yet."""
    row = conn.execute(_rows(model, stream).order_by(*_NEWEST).limit(1)).first()
    return None if row is None else window_of(row)


def of_span(conn: Connection, model: str, stream: Stream, span: Span) -> DueWindow | None:
    """That of one window; None: it was not judged yet."""
    same = (ledger.c.start == span.start, ledger.c.end == span.end)
    row = conn.execute(_rows(model, stream).where(*same).order_by(*_NEWEST).limit(1)).first()
    return None if row is None else window_of(row)


def within(conn: Connection, model: str, stream: Stream, span: Span) -> list[DueWindow]:
    """Those of all windows that lie within `span`, oldest first."""
    inside = (ledger.c.start >= span.start, ledger.c.end <= span.end)
    rows = conn.execute(_rows(model, stream).where(*inside).order_by(ledger.c.start, ledger.c.id))
    return [window_of(row) for row in rows]


_NEWEST = (ledger.c.start.desc(), ledger.c.revision.desc())


def _rows(model: str, stream: Stream) -> Select[Any]:
    return select(ledger).where(
        ledger.c.model == model, ledger.c.stream == stream, IS_OF_FOLDED_KIND, is_judged()
    )
