"""What was measured, metric by metric? The records of `v_measurements`, unfolded here.

The view says what they are, and is what people query by hand; tests hold the two together. Unfolding JSON
takes a database several times as long.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Connection, Row, Select, Table, Text, select, type_coerce

from storage.encoding import from_micros, iso
from storage.fields import fields_of, read
from storage.tables import column_result, daily_result, ledger

Record = dict[str, Any]
Windows = Select[Any] | Sequence[int]  # ids of the ledger


def unfolded(
    conn: Connection,
    windows: Windows,
    *,
    column: str | None = None,
    segment: str | None = None,
    metric: str | None = None,
) -> list[Record]:
    """Of these windows, in no order; None: whatever it is."""
    found: list[Record] = []
    said = cache(_iso)  # one window begins where another ends
    for table, asked, measured in (
        (column_result, _IN_FULL, _of_window),
        (daily_result, _BY_THE_DAY, _of_day),
    ):
        of = table.c
        statement = select(*asked).join(ledger, ledger.c.id == of.ledger_id).where(ledger.c.id.in_(windows))
        if column is not None:
            statement = statement.where(of.column_name == column)
        if segment is not None:
            statement = statement.where(of.segment == segment)
        for row in conn.execute(statement):
            where = {
                "model": row.model,
                "version": row.version,
                "window_start": said(row.window_start),
                "window_end": said(row.window_end),
                "revision": row.revision,
                "segment": row.segment,
                "column_name": row.column_name,
            }
            found += [where | _facts(each, row) for each in measured(row, metric)]
    return found


def _asked(of: Table, table: Table, *names: str) -> tuple[ColumnElement[Any], ...]:
    """`of`: whose start and end count, the window's or the day's.

    Times and JSON as they are stored: to make values of them row by row takes SQLAlchemy twice as long as
    the database takes to find them.
    """
    return (
        ledger.c.model,
        ledger.c.revision,
        type_coerce(of.c.start, BigInteger).label("window_start"),
        type_coerce(of.c.end, BigInteger).label("window_end"),
        type_coerce(table.c.measurements, Text).label("measurements"),
        *(table.c[name] for name in ("ledger_id", "version", "segment", "column_name", *names)),
    )


def _iso(micros: int) -> str:
    return iso(from_micros(micros))


_BESIDE = ("rows", "harm", "pull")
_IN_FULL = _asked(ledger, column_result, "rows", "missing_rows", "harm", "pull")
_BY_THE_DAY = _asked(daily_result, daily_result, "windows")


def _of_window(row: Row[Any], metric: str | None) -> Iterator[Mapping[str, Any]]:
    """What was measured of a column, and what stands beside it: rows, harm and pull. None: every metric."""
    for each in map(fields_of, read(row.measurements, metric)):
        if each["value"] is not None or each["status"] != "ok":
            yield each
    if metric is not None and metric not in _BESIDE:
        return
    known = row.rows - row.missing_rows
    for name, value, n in zip(_BESIDE, (row.rows, row.harm, row.pull), (row.rows, known, known), strict=True):
        if value is not None and metric in (None, name):
            yield {"metric": name, "value": value, "n": n, "status": "ok"}


def _of_day(row: Row[Any], metric: str | None) -> Iterator[Mapping[str, Any]]:
    """What is left of a day; each row has a smallest and a largest value."""
    for each in map(fields_of, read(row.measurements, metric)):
        yield {**each, "p": None, "direction": 0, "windows": row.windows}


def _facts(each: Mapping[str, Any], row: Row[Any]) -> Record:
    value = _number(each["value"])
    return {
        "metric": each["metric"],
        "value": value,
        "noise_limit": each.get("noise_limit"),
        "n": each.get("n"),
        "n_reference": each.get("n_reference"),
        "p": each.get("p"),
        "direction": each.get("direction") or 0,
        "status": each["status"],
        "window_id": row.ledger_id,
        "windows": each.get("windows", 1),
        "value_min": _number(each["min"]) if "windows" in each else value,
        "value_max": _number(each["max"]) if "windows" in each else value,
    }


def _number(value: float | None) -> float | None:
    """A count is an integer in JSON."""
    return None if value is None else float(value)
