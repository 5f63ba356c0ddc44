"""What did the detectors say about every column of one window, and how is that kept?

A statistic that is not a number is stored as NULL beside the status `undefined`: SQLite keeps no NaN.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, insert, select, update

from detectors import Bins, Component, Harm, Kind, Measurement, Role
from storage import fields
from storage.encoding import Json
from storage.tables import column_result


class ColumnStatus(StrEnum):
    """Could the column be measured at all?"""

    OK = "ok"
    ABSENT = "absent"  # the source has no such column
    RETYPED = "retyped"  # its type is not the reference's
    EMPTY = "empty"  # every row is missing, or there are no rows


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnResult:
    """One column of one window: everything judging needs, so that no row is ever read twice."""

    column: str
    segment: str = ""  # "" is the whole, else "origin=JFK"
    version: str = ""  # model version; "" where the config names none
    role: Role
    kind: Kind
    status: ColumnStatus = ColumnStatus.OK
    reason: str = ""  # for a person: "expected numeric, got String"; empty when ok
    rows: int  # rows of the window in this segment and version
    missing: int  # of them, rows without a value
    components: tuple[Component, ...] = ()
    measurements: tuple[Measurement, ...] = ()
    bins: Bins | None = None
    evidence: Mapping[str, object] = field(
        default_factory=dict
    )  # JSON: detectors' facts for the named change
    harm: Harm = field(default_factory=Harm)


# Metrics that have a column of their own, for queries by hand; every metric is in `measurements` as well.
TYPED = (
    "psi",
    "ks",
    "jensen_shannon",
    "hellinger",
    "wasserstein",
    "chi_square",
    "missing",
    "unseen",
    "out_of_range",
    "stuck",
    "mean",
    "sd",
)


@dataclass(frozen=True, slots=True)
class EncodedResults:
    """Results as the database keeps them, but for the window that they belong to."""

    rows: Sequence[Mapping[str, object]]


def encoded(results: Sequence[ColumnResult]) -> EncodedResults:
    """For `save`, before its transaction begins: a window of 50 columns is half a megabyte of text."""
    json = {column.name: column.type for column in column_result.c if isinstance(column.type, Json)}
    rows = [_row(result) for result in results]
    for row in rows:
        row.update((name, type_.encoded(row[name])) for name, type_ in json.items() if row[name] is not None)
    return EncodedResults(rows)


def save(conn: Connection, ledger_id: int, results: Sequence[ColumnResult] | EncodedResults) -> None:
    """Keep the results of one window; a second call for the same columns is refused by the unique key."""
    rows = results.rows if isinstance(results, EncodedResults) else [_row(result) for result in results]
    if rows:
        conn.execute(insert(column_result), [{**row, "ledger_id": ledger_id} for row in rows])


def forget(conn: Connection, windows: Select[tuple[int]]) -> None:
    """Drop the results of these ledger rows, which are to be measured again."""
    conn.execute(delete(column_result).where(column_result.c.ledger_id.in_(windows)))


def add_facts(
    conn: Connection,
    ledger_id: int,
    result: ColumnResult,
) -> None:
    """Keep evidence and measurements that were learnt after the column was measured."""
    statement = update(column_result).where(
        column_result.c.ledger_id == ledger_id,
        column_result.c.column_name == result.column,
        column_result.c.segment == result.segment,
        column_result.c.version == result.version,
    )
    row = _row(result)
    conn.execute(statement.values(evidence=row["evidence"], measurements=row["measurements"]))


def load(conn: Connection, ledger_id: int) -> list[ColumnResult]:
    """What was saved, equal to the bit, in the order it was saved."""
    statement = select(column_result).where(column_result.c.ledger_id == ledger_id)
    return [result_of(row) for row in conn.execute(statement.order_by(column_result.c.id))]


def _row(result: ColumnResult) -> dict[str, object]:
    typed = {m.metric: fields.finite(m.value) for m in result.measurements if m.metric in TYPED}
    return {
        "segment": result.segment,
        "column_name": result.column,
        "version": result.version,
        "role": result.role,
        "kind": result.kind,
        "status": result.status,
        "reason": result.reason,
        "rows": result.rows,
        "missing_rows": result.missing,
        **{name: typed.get(name) for name in TYPED},
        "harm": result.harm.harm,
        "harm_error": result.harm.harm_error,
        "pull": result.harm.pull,
        "measurements": [fields.kept(m) for m in result.measurements],
        "components": [[c.name, c.y, c.n, c.variance, c.share] for c in result.components],
        "bins": None
        if result.bins is None
        else {
            "labels": result.bins.labels,
            "reference": result.bins.reference,
            "window": result.bins.window,
        },
        "evidence": result.evidence,
    }


def result_of(row: Row[Any]) -> ColumnResult:
    """One row of the table, as it was saved."""
    bins = row.bins
    return ColumnResult(
        column=row.column_name,
        segment=row.segment,
        version=row.version,
        role=Role(row.role),
        kind=Kind(row.kind),
        status=ColumnStatus(row.status),
        reason=row.reason,
        rows=row.rows,
        missing=row.missing_rows,
        components=tuple(
            Component(name=name, y=y, n=n, variance=variance, share=share)
            for name, y, n, variance, share in row.components
        ),
        measurements=tuple(fields.measurement_of(row.column_name, one) for one in row.measurements),
        bins=None
        if bins is None
        else Bins(
            labels=tuple(bins["labels"]),
            reference=tuple(bins["reference"]),
            window=tuple(bins["window"]),
        ),
        evidence=row.evidence,
        harm=Harm(harm=row.harm, harm_error=row.harm_error, pull=row.pull),
    )
