"""What was measured, metric by metric? The records of `v_measurements`, unfolded here.

The view says what they are, and is what people query by hand; tests hold the two together. Unfolding JSON
takes a database several times as long.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Connection, Select, Table, Text, select, type_coerce

from storage.dialect import among
from storage.encoding import from_micros, iso
from storage.fields import Fields, fields_of, read
from storage.tables import column_result, daily_result, ledger

Record = dict[str, Any]
Windows = Select[Any] | Sequence[int]  # ids of the ledger
_AT_ONCE = 1_000  # rows that are fetched


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
        named = ledger.c.id.in_(windows) if isinstance(windows, Select) else among(conn, ledger.c.id, windows)
        statement = select(*asked).join(ledger, ledger.c.id == of.ledger_id).where(named)
        if column is not None:
            statement = statement.where(of.column_name == column)
        if segment is not None:
            statement = statement.where(of.segment == segment)
        for rows in conn.execute(statement).partitions(_AT_ONCE):
            for model, revision, start, end, version, part, name, *facts in rows:
                where = {
                    "model": model,
                    "version": version,
                    "window_start": said(start),
                    "window_end": said(end),
                    "revision": revision,
                    "segment": part,
                    "column_name": name,
                }
                found += [where | one for one in measured(metric, *facts)]
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
        *(table.c[name] for name in ("version", "segment", "column_name", "ledger_id")),
        type_coerce(table.c.measurements, Text).label("measurements"),
        *(table.c[name] for name in names),
    )


def _iso(micros: int) -> str:
    return iso(from_micros(micros))


_BESIDE = ("rows", "harm", "pull")
_IN_FULL = _asked(ledger, column_result, "rows", "missing_rows", "harm", "pull")
_BY_THE_DAY = _asked(daily_result, daily_result, "windows")


def _of_window(
    metric: str | None,
    window: int,
    measured: str,
    rows: int,
    missing: int,
    harm: float | None,
    pull: float | None,
) -> Iterator[Record]:
    """What was measured of a column, and what stands beside it: rows, harm and pull. None: every metric."""
    for each in map(fields_of, read(measured, metric)):
        if each.value is not None or each.status != "ok":
            yield _facts(each, window)
    if metric is not None and metric not in _BESIDE:
        return
    known = rows - missing
    for name, value, n in zip(_BESIDE, (rows, harm, pull), (rows, known, known), strict=True):
        if value is not None and metric in (None, name):
            yield _facts(Fields(name, value, "ok", n=n), window)


def _of_day(metric: str | None, window: int, measured: str, windows: int) -> Iterator[Record]:
    """What is left of a day; each row has a smallest and a largest value."""
    day: Any  # an object, as it was rolled up
    for day in read(measured, metric):
        least, most = (_number(day[name]) for name in ("min", "max"))
        whole = _facts(fields_of(day)._replace(p=None, direction=None), window)
        yield whole | {"windows": windows, "value_min": least, "value_max": most}


def _facts(each: Fields, window: int) -> Record:
    value = _number(each.value)
    return {
        "metric": each.metric,
        "value": value,
        "noise_limit": each.noise_limit,
        "n": each.n,
        "n_reference": each.n_reference,
        "p": each.p,
        "direction": each.direction or 0,
        "status": each.status,
        "window_id": window,
        "windows": 1,
        "value_min": value,
        "value_max": value,
    }


def _number(value: float | None) -> float | None:
    """A count is an integer in JSON."""
    return None if value is None else float(value)
