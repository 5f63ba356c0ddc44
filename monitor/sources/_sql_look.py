"""What is a table as it was when it was looked at, and how do its rows tell their time?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl
import sqlalchemy as sa

from monitor.source import SourceError
from monitor.sources import _sql_types
from monitor.sources._sql_place import TablePlace
from monitor.sources._sql_times import Condition, TimeColumn
from monitor.sources._sql_types import Stored
from monitor.sources._timestamps import TIME, Timestamps


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """`filter`: as conditions on `columns`. `time`: None where none is set."""

    columns: Mapping[str, Stored]
    time: TimeColumn | None
    filter: Sequence[Condition]

    def timed(self) -> TimeColumn:
        if self.time is None:
            raise SourceError("set `timestamp` to read a span of a table", transient=False)
        return self.time


def look_at(
    place: TablePlace,
    conn: sa.Connection,
    filter_by: Mapping[str, str | int | float | bool],
    timestamp: str | None,
    times: Timestamps,
) -> Look:
    """SourceError where what the config names is not there, or its times need more than it says."""
    columns = place.columns(conn)
    for name in filter_by:
        place.must_have(columns, name, "filter")
    chosen = [_chosen(place, columns[name], value) for name, value in filter_by.items()]
    if timestamp is None:
        return Look(columns=columns, time=None, filter=chosen)
    place.must_have(columns, timestamp, "timestamp")
    column, dialect = columns[timestamp], place.database.dialect
    sample = None
    if dialect == "sqlite" or column.dtype == pl.String:
        query = place.select([column.column], [*chosen, column.column.is_not(None)]).limit(1)
        sample = conn.execute(query).scalar()
    time = TimeColumn(
        column=column,
        times=times,
        dialect=dialect,
        where=f"{place}: column {timestamp!r}",
        sample=sample,
    )
    if sample is not None or dialect != "sqlite":
        dtype = _sql_types.times([sample], column, dialect).dtype
        time.expression(pl.col(TIME), dtype)  # says what a person must set, before rows are asked for
    return Look(columns=columns, time=time, filter=chosen)


def _chosen(place: TablePlace, column: Stored, value: str | float | bool) -> Condition:
    """A filter's value as the column spells it."""
    raw, dialect = column.column, place.database.dialect
    if column.dtype == pl.String:
        text = str(value).lower() if isinstance(value, bool) else str(value)
        return (raw if column.is_text else sa.cast(raw, sa.Text)) == text
    if column.dtype == pl.Boolean and isinstance(value, bool):
        return raw == (int(value) if dialect == "sqlite" else value)
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not (column.dtype.is_numeric() and number) and dialect != "sqlite":
        raise SourceError(
            f"{place}: column {column.name!r} is {column.declared}, and `filter` compares it with "
            f"{value!r}; write it as the column does",
            transient=False,
        )
    return raw == value
