"""What was said about each series of a window, after the fold?"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, Table, delete, insert, select

from alerting.health import Folded
from alerting.series import Series
from alerting.verdict import IncidentKind, Severity, Verdict, VerdictKind
from storage import encoding
from storage.tables import ledger, past_verdict, verdict


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


def replace(
    conn: Connection, ledger_id: int, folded: Sequence[Folded], *, since: datetime, now: datetime
) -> bool:
    """Say it anew; what was said otherwise is kept as known until now. False: nothing is said otherwise.

    `since`: when the window was first folded.
    """
    stored = {_place(row): row for row in _rows(conn, ledger_id)}
    said = {_place(row): row for row in (_row(ledger_id, item) for item in folded)}
    gone = [row for place, row in stored.items() if place not in said or not _alike(row, said[place])]
    new = [row for place, row in said.items() if place not in stored or not _alike(stored[place], row)]
    if gone:
        conn.execute(
            insert(past_verdict),
            [{**row, "known_from": row["known_from"] or since, "known_until": now} for row in gone],
        )
        conn.execute(delete(verdict).where(verdict.c.id.in_([row["id"] for row in gone])))
    if new:
        conn.execute(insert(verdict), [{**row, "known_from": now} for row in new])
    return bool(gone or new)


def load(conn: Connection, ledger_id: int) -> list[StoredVerdict]:
    statement = _select().where(verdict.c.ledger_id == ledger_id).order_by(verdict.c.id)
    return [_stored(row) for row in conn.execute(statement)]


def get(conn: Connection, verdict_id: int) -> StoredVerdict | None:
    row = conn.execute(_select().where(verdict.c.id == verdict_id)).first()
    if row is None:  # it may have been in force once
        row = conn.execute(_select(past_verdict).where(past_verdict.c.id == verdict_id)).first()
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


def _select(table: Table = verdict) -> Select[Any]:
    return select(
        table,
        ledger.c.model,
        ledger.c.start,
        ledger.c.end,
        ledger.c.revision,
        ledger.c.folded_at,
    ).join(ledger, ledger.c.id == table.c.ledger_id)


def _rows(conn: Connection, ledger_id: int) -> list[dict[str, Any]]:
    statement = select(verdict).where(verdict.c.ledger_id == ledger_id)
    return [dict(row) for row in conn.execute(statement).mappings()]


def _place(row: Mapping[str, Any]) -> tuple[str, str, str]:
    return row["segment"], row["column_name"], row["version"]


def _alike(stored: Mapping[str, Any], said: Mapping[str, Any]) -> bool:
    """Whether a row that is kept says the same; facts as they come back from the database."""
    return all(
        stored[name] == (encoding.loads(encoding.dumps(value)) if name == "facts" else value)
        for name, value in said.items()
    )


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
