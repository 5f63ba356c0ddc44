"""What was said about each series of a window, after the fold?"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, insert, select

from alerting.health import Folded
from alerting.series import Series
from alerting.verdict import IncidentKind, Severity, Verdict, VerdictKind
from storage.tables import ledger, verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredVerdict:
    """A verdict with its number, the window it is about, and what the fold made of it."""

    id: int
    ledger_id: int
    verdict: Verdict  # with the facts that `explain` recomputes it from
    severity: Severity  # after the fold
    incident_id: str  # "" none
    folded_at: datetime | None


def save(conn: Connection, ledger_id: int, folded: Sequence[Folded]) -> None:
    """Keep all verdicts of a window, one a segment and column; incidents must be there already."""
    if folded:
        conn.execute(insert(verdict), [_row(ledger_id, item) for item in folded])


def load(conn: Connection, ledger_id: int) -> list[StoredVerdict]:
    statement = _select().where(verdict.c.ledger_id == ledger_id).order_by(verdict.c.id)
    return [_stored(row) for row in conn.execute(statement)]


def get(conn: Connection, verdict_id: int) -> StoredVerdict | None:
    row = conn.execute(_select().where(verdict.c.id == verdict_id)).first()
    return None if row is None else _stored(row)


def find(conn: Connection, series: Series, start: datetime | None) -> StoredVerdict | None:
    """The latest verdict on a column, of the window that starts at `start`, or of any where that is None."""
    statement = _select().where(
        ledger.c.model == series.model,
        verdict.c.column_name == series.column,
        verdict.c.segment == series.segment,
        verdict.c.version == series.version,
    )
    if start is not None:
        statement = statement.where(ledger.c.start == start)
    order = ledger.c.start.desc(), ledger.c.revision.desc(), verdict.c.id.desc()
    row = conn.execute(statement.order_by(*order).limit(1)).first()
    return None if row is None else _stored(row)


def _select() -> Select[Any]:
    return select(
        verdict,
        ledger.c.model,
        ledger.c.start,
        ledger.c.end,
        ledger.c.revision,
        ledger.c.folded_at,
    ).join(ledger, ledger.c.id == verdict.c.ledger_id)


def _row(ledger_id: int, item: Folded) -> dict[str, object]:
    said = item.verdict
    return {
        "ledger_id": ledger_id,
        "fingerprint": said.series.fingerprint,
        "segment": said.series.segment,
        "column_name": said.series.column,
        "version": said.series.version,
        "rule": said.series.rule,
        "verdict": said.kind,
        "incident_kind": said.incident_kind,
        "severity": item.severity,
        "severity_asked": said.severity,
        "sure": said.sure,
        "immediate": said.immediate,
        "rank": said.rank,
        "change": said.change,
        "title": said.title,
        "value": _number(said.facts.get("value")),
        "z": _number(said.facts.get("z")),
        "p": _number(said.facts.get("p")),
        "harm": _number(said.facts.get("harm")),
        "facts": said.facts,
        "incident_id": item.incident_id or None,
    }


def _stored(row: Row[Any]) -> StoredVerdict:
    series = Series(
        model=row.model,
        column=row.column_name,
        segment=row.segment,
        version=row.version,
        rule=row.rule,
    )
    return StoredVerdict(
        id=row.id,
        ledger_id=row.ledger_id,
        verdict=Verdict(
            series=series,
            start=row.start,
            end=row.end,
            revision=row.revision,
            kind=VerdictKind(row.verdict),
            incident_kind=IncidentKind(row.incident_kind),
            severity=Severity(row.severity_asked),
            sure=row.sure,
            immediate=row.immediate,
            rank=row.rank,
            change=row.change,
            title=row.title,
            facts=row.facts,
        ),
        severity=Severity(row.severity),
        incident_id=row.incident_id or "",
        folded_at=row.folded_at,
    )


def _number(value: object) -> float | None:
    """A fact as a column; what is not a finite number stays in the facts alone."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    return float(value)
