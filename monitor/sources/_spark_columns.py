"""What are Spark's types to a source, and which rows may fall into a span, said so that Spark can skip files?

A coarse cut never leaves out a row that belongs to the span; monitor/sources/_timestamps.py makes the exact
one where the rows are. An instant's coarse cut is the exact one.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

from monitor.sources._spark_session import functions
from monitor.sources._timestamps import MARGIN, UNITS, YEAR_2500_S, Timestamps, instant, microseconds
from storage.span import Span

_TYPES: dict[str, pl.DataType] = {
    "BooleanType": pl.Boolean(),
    "ByteType": pl.Int8(),
    "ShortType": pl.Int16(),
    "IntegerType": pl.Int32(),
    "LongType": pl.Int64(),
    "FloatType": pl.Float32(),
    "DoubleType": pl.Float64(),
    "StringType": pl.String(),
    "CharType": pl.String(),
    "VarcharType": pl.String(),
    "DateType": pl.Date(),
    "TimestampType": pl.Datetime("us", "UTC"),
    "TimestampNTZType": pl.Datetime("us"),
    "DayTimeIntervalType": pl.Duration("us"),
    "TimeType": pl.Time(),
    "NullType": pl.Null(),
}
_DATED = r"^\d\d\d\d-\d\d-\d\d"  # ISO 8601 sorts as it is dated; any other spelling is looked at row by row


def dtype(spark: Any) -> pl.DataType:
    """What a column of this type is once it is here; binary for what cannot be counted."""
    name = type(spark).__name__
    if name == "DecimalType":
        return pl.Decimal(spark.precision, spark.scale)
    return _TYPES.get(name, pl.Binary())


def column(name: str) -> Any:
    """By its name, whatever letters are in it."""
    return functions().col("`" + name.replace("`", "``") + "`")


def is_exact(of: pl.DataType) -> bool:
    """Spark's own comparison of such times is exact."""
    return isinstance(of, pl.Datetime) and of.time_zone is not None


def within(name: str, of: pl.DataType, times: Timestamps, span: Span) -> Any | None:
    """Rows that may belong to a span; None: any may."""
    raw = column(name)
    low, high = span.start - MARGIN, span.end + MARGIN
    if is_exact(of):
        return (raw >= _moment(span.start, "timestamp")) & (raw < _moment(span.end, "timestamp"))
    if isinstance(of, pl.Datetime):
        return (raw >= _moment(low, "timestamp_ntz")) & (raw <= _moment(high, "timestamp_ntz"))
    if of == pl.Date:
        return (raw >= _day(low)) & (raw <= _day(high))
    if times.format in UNITS and of.is_numeric():
        unit = UNITS[times.format]
        first, last = microseconds(span.start) // unit - 1, -(-microseconds(span.end) // unit) + 1
        return (raw >= first) & (raw <= last)
    if of == pl.String and times.format == "auto":
        after = (high + timedelta(days=1)).date().isoformat()
        dated = (raw >= low.date().isoformat()) & (raw < after)
        return dated | ~raw.rlike(_DATED)
    return None


def newest(name: str, of: pl.DataType, times: Timestamps) -> tuple[Any, Any | None] | None:
    """What to ask for the value near which the newest row is, and of which rows; None: read them all."""
    raw, greatest = column(name), functions().max(column(name))
    if isinstance(of, pl.Datetime | pl.Date):
        return greatest, None
    if times.format in UNITS and of.is_numeric():
        most = YEAR_2500_S * 1_000_000 // UNITS[times.format]
        return greatest, (raw > -most) & (raw < most)
    return None


def said(what: Any, of: pl.DataType) -> Any:
    """As text: pyspark gives an instant as the wall clock of this machine's zone."""
    return what.cast("string") if isinstance(of, pl.Datetime | pl.Date) else what


def heard(value: Any, of: pl.DataType, times: Timestamps) -> datetime | None:
    """What `said` brought, an instant; wall clocks as if in UTC. None: no time of Python's."""
    if not isinstance(of, pl.Datetime | pl.Date):
        return instant(int(value) * UNITS[times.format])
    try:
        return datetime.fromisoformat(value).replace(tzinfo=UTC)  # the session's zone is UTC
    except ValueError:
        return None


def near(moment: datetime) -> Span:
    """Around what was heard, wide enough for any zone."""
    return Span(start=moment - MARGIN, end=moment + MARGIN)


def chosen(name: str, of: pl.DataType, value: str | float | bool) -> Any | None:
    """A filter's value as Spark compares it; None: it is not of the column's kind.

    The exact comparison is made where the rows are, by the code that reads files.
    """
    raw = column(name)
    if of == pl.String:
        return raw == (str(value).lower() if isinstance(value, bool) else str(value))
    if isinstance(value, bool) and of == pl.Boolean:
        return raw == value
    if not isinstance(value, bool | str) and of.is_numeric():
        return raw == value
    return None


def _moment(moment: datetime, kind: str) -> Any:
    zone = UTC if kind == "timestamp" else None
    said = moment.astimezone(UTC).replace(tzinfo=zone).isoformat(sep=" ", timespec="microseconds")
    return functions().lit(said).cast(kind)


def _day(moment: datetime) -> Any:
    return functions().lit(moment.date().isoformat()).cast("date")
