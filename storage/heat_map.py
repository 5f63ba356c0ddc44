"""Which columns of a model were not clear, and in which windows?

For the picture that is looked at first: columns beside windows. Segments and model versions are left to the
history of verdicts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from sqlalchemy import BigInteger, Connection, literal_column, select, type_coerce

from alerting.verdict import Severity, VerdictKind
from storage.due_window import IS_OF_FOLDED_KIND, Stream, WindowState
from storage.encoding import from_micros
from storage.span import Span
from storage.tables import ledger, verdict

_UNCLEAR = "verdict.verdict <> 'clear'"
# As they are stored: to make values of them row by row takes longer than to find them.
_START, _END = (type_coerce(ledger.c[name], BigInteger) for name in ("start", "end"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One verdict; `severity` after the fold."""

    kind: VerdictKind
    severity: Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatMap:
    """Columns × windows of one model. A window that is judged and not in `said` was clear."""

    windows: Mapping[Span, WindowState]  # of the inputs, newest revisions, oldest first
    judged: frozenset[datetime]  # starts of the folded ones
    said: Mapping[str, Mapping[datetime, Said]]  # by column, then by the window's start


def heat_map(conn: Connection, model: str, since: datetime, until: datetime) -> HeatMap:
    """The windows that start in [since, until), in one moment of a reader. What labels say of a window stands
    at that window."""
    windows: list[tuple[Span, WindowState]] = []
    said: dict[str, dict[datetime, Said]] = {}
    judged: set[datetime] = set()
    at = cache(from_micros)  # one window begins where another ends, and has many columns
    # Asked apart, as there is an index that holds all of those that are folded, and one of the others: each
    # window's own row lies somewhere else on the disk.
    for is_folded in (True, False):
        folded = ledger.c.folded_at.is_not(None) if is_folded else ledger.c.folded_at.is_(None)
        mine = (
            ledger.c.model == model,
            ledger.c.start >= since,
            ledger.c.start < until,
            ledger.c.superseded_by.is_(None),
            IS_OF_FOLDED_KIND,
            folded,
        )
        looked = conn.execute(
            select(_START, _END, ledger.c.state)
            .where(*mine, ledger.c.stream == Stream.INPUTS)
            .order_by(ledger.c.start)
        )
        spans = [(Span(start=at(start), end=at(end)), WindowState(state)) for start, end, state in looked]
        judged.update(span.start for span, _ in spans if is_folded)
        windows += spans
        for stream in Stream:
            unclear = conn.execute(
                select(_START, verdict.c.column_name, verdict.c.verdict, verdict.c.severity)
                .join(verdict, verdict.c.ledger_id == ledger.c.id)
                # Literally as the index has it: with a bound value neither database takes a partial index.
                .where(*mine, ledger.c.stream == stream, literal_column(_UNCLEAR))
                .where(verdict.c.segment == "", verdict.c.version == "")
            )
            for start, column, kind, severity in unclear:
                said.setdefault(column, {})[at(start)] = _said(kind, severity)
    windows.sort(key=lambda each: each[0].start)
    return HeatMap(windows=dict(windows), judged=frozenset(judged), said=said)


@cache
def _said(kind: str, severity: str) -> Said:
    return Said(kind=VerdictKind(kind), severity=Severity(severity))


def latest_start(conn: Connection, model: str, last: int, before: datetime | None = None) -> datetime | None:
    """The start of the model's window that is the `last`th from the end, of those that start `before`; None:
    there is none at all."""
    mine = select(ledger.c.start).where(
        ledger.c.model == model,
        ledger.c.stream == Stream.INPUTS,
        ledger.c.superseded_by.is_(None),
        IS_OF_FOLDED_KIND,
    )
    if before is not None:
        mine = mine.where(ledger.c.start < before)
    found = conn.execute(mine.order_by(ledger.c.start.desc()).limit(last)).scalars().all()
    return found[-1] if found else None
