"""What does a column of a table hold, how is it asked for, and as what does it come out?

Values become series of one fixed type; what a number or a label is, monitor/sources/_values.py says as it
does for files. SQLite fixes no types: there each value says its own, and the declared type only tells what is
a boolean, a date or a time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import polars as pl
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.sql.elements import quoted_name

from detectors._column import Kind
from monitor.sources import _values
from monitor.sources._timestamps import Timestamps

_TEXTS = (sa.String, sa.Uuid, postgresql.INET, postgresql.CIDR, postgresql.MACADDR)
_DAY_US = 86_400_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A column as it is declared. `dtype`: as of a file that holds the same; pl.Binary: of no use to us."""

    name: str
    declared: str  # in the database's own words
    holds: str  # the same, of what a domain is of
    dtype: pl.DataType
    is_text: bool  # compares with texts as it stands

    @property
    def column(self) -> sa.ColumnElement[Any]:
        """Always quoted: a name is only a name."""
        return sa.column(quoted_name(self.name, quote=True))


def stored(name: str, declared: sa.types.TypeEngine[Any], dialect: sa.Dialect) -> Stored:
    inner = declared.data_type if isinstance(declared, postgresql.DOMAIN) else declared
    return Stored(
        name=name,
        declared=_words(declared, dialect),
        holds=_words(inner, dialect),
        dtype=_dtype(inner),
        is_text=isinstance(inner, sa.String) and not isinstance(inner, sa.Enum),
    )


def _words(declared: sa.types.TypeEngine[Any], dialect: sa.Dialect) -> str:
    try:
        return declared.compile(dialect)
    except sa.exc.CompileError:
        return "a type that is not known"


def retyped(column: Stored, kind: Kind) -> str:
    """Why it cannot be read as `kind`; empty where it can."""
    return f"wanted {kind}, found {column.declared}" if _values.retyped(column.dtype, kind) else ""


def is_foreign(column: Stored, kind: Kind) -> sa.ColumnElement[bool]:
    """SQLite: whether a value cannot be read as `kind`. It keeps texts where numbers are declared."""
    of = sa.func.typeof(column.column)
    if kind is Kind.NUMERIC and column.dtype not in (pl.Date, pl.Datetime):
        return of.in_(("text", "blob"))
    return of == "blob"


def selected(column: Stored, dialect: str) -> sa.ColumnElement[Any]:
    """Times of PostgreSQL come as whole microseconds, days or seconds: quicker than as objects, and exact.

    "infinity", and years that Python does not know, come as NULL.
    """
    raw, dtype = column.column, column.dtype
    if dialect != "postgresql" or not dtype.is_temporal():
        return raw
    if dtype == pl.Date:
        return _within(raw, "DATE", raw - sa.literal_column("DATE '1970-01-01'"))
    seconds = sa.extract("epoch", raw)
    if dtype == pl.Duration:
        return sa.cast(seconds, sa.Double)
    exact = sa.cast(seconds * sa.literal_column("1000000"), sa.BigInteger)
    if dtype == pl.Time:
        return exact % sa.literal_column(str(_DAY_US))  # PostgreSQL has a 24:00
    return _within(raw, "TIMESTAMPTZ" if is_aware(dtype) else "TIMESTAMP", exact)


def is_aware(dtype: pl.DataType) -> bool:
    return isinstance(dtype, pl.Datetime) and dtype.time_zone is not None


def series(values: Sequence[Any], column: Stored, kind: Kind, dialect: str) -> pl.Series:
    """What `selected` brought, for `_values.expression`. Raises where the driver brings another type."""
    if dialect == "sqlite":
        return _of_sqlite(values, column, kind)
    dtype = column.dtype
    if isinstance(dtype, pl.Decimal):
        return _decimals(values, kind)
    if dtype == pl.String:
        texts = [value if value is None or isinstance(value, str) else str(value) for value in values]
        return pl.Series(texts, dtype=pl.String)
    if dialect != "postgresql" or not dtype.is_temporal():
        return pl.Series(values, dtype=dtype)
    if dtype == pl.Date:
        return pl.Series(values, dtype=pl.Int32).cast(pl.Date)
    if dtype == pl.Duration:
        return pl.Series(values, dtype=pl.Float64)
    whole = pl.Series(values, dtype=pl.Int64)
    return (whole * 1_000).cast(pl.Time) if dtype == pl.Time else whole.cast(dtype)


def times(values: Sequence[Any], column: Stored, dialect: str) -> pl.Series:
    """A column of times, for Timestamps.expression."""
    if dialect != "sqlite":
        # A decimal may be an epoch; anything else is what it is.
        kind = Kind.NUMERIC if column.dtype.is_numeric() else Kind.CATEGORY
        return series(values, column, kind, dialect)
    if any(isinstance(value, str) for value in values):
        texts = [None if value is None or isinstance(value, bytes) else str(value) for value in values]
        return pl.Series(texts, dtype=pl.String)
    numbers = [None if isinstance(value, bytes) else value for value in values]
    return pl.Series(numbers, dtype=pl.Float64 if any(isinstance(n, float) for n in numbers) else pl.Int64)


def _within(raw: sa.ColumnElement[Any], word: str, value: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    low: sa.ColumnElement[Any] = sa.literal_column(f"{word} '0001-01-02'")
    high: sa.ColumnElement[Any] = sa.literal_column(f"{word} '9999-12-30'")
    return sa.case((sa.and_(raw >= low, raw <= high), value))


def _dtype(declared: object) -> pl.DataType:
    plain: tuple[tuple[Any, pl.DataType], ...] = (
        (sa.Boolean, pl.Boolean()),
        (sa.Integer, pl.Int64()),
        (sa.Float, pl.Float64()),
        (sa.Numeric, pl.Decimal(38, 9)),
        (sa.Date, pl.Date()),
        ((sa.Interval, postgresql.INTERVAL), pl.Duration("us")),
        (_TEXTS, pl.String()),
    )
    if isinstance(declared, sa.DateTime):
        return pl.Datetime("us", "UTC" if declared.timezone else None)
    if isinstance(declared, sa.Time):
        return pl.Binary() if declared.timezone else pl.Time()
    return next((dtype for types, dtype in plain if isinstance(declared, types)), pl.Binary())


def _decimals(values: Sequence[Decimal | None], kind: Kind) -> pl.Series:
    if kind is Kind.NUMERIC:
        return pl.Series([None if value is None else float(value) for value in values], dtype=pl.Float64)
    # A signalling NaN of a database is a missing label, as NaN is.
    texts = [None if value is None or value != value else format(value, "f") for value in values]  # noqa: PLR0124
    return pl.Series(texts, dtype=pl.String)


def _of_sqlite(values: Sequence[Any], column: Stored, kind: Kind) -> pl.Series:
    if kind is Kind.CATEGORY:
        return _labels(values, flag=column.dtype == pl.Boolean)
    if column.dtype in (pl.Date, pl.Datetime) and any(isinstance(value, str) for value in values):
        texts = pl.DataFrame({"": [value if isinstance(value, str) else None for value in values]})
        written = Timestamps(zone="UTC").expression(pl.col(""), pl.String(), where="", sample=None)
        return texts.select(written).to_series().cast(pl.Datetime("us")).cast(column.dtype)
    numbers = [float(value) if isinstance(value, int | float) else None for value in values]
    return pl.Series(numbers, dtype=pl.Float64)


def _labels(values: Sequence[Any], *, flag: bool) -> pl.Series:
    """As `_values` writes labels of files."""
    given = [value if isinstance(value, float) else None for value in values]
    numbers = pl.DataFrame({"": pl.Series(given, dtype=pl.Float64)})
    written = numbers.select(_values.expression(pl.col(""), pl.Float64(), Kind.CATEGORY)).to_series()
    others = [_label(value, flag=flag) for value in values]
    texts = [text if other is None else other for text, other in zip(written, others, strict=True)]
    return pl.Series(texts, dtype=pl.String)


def _label(value: object, *, flag: bool) -> str | None:
    """Of what is no float; a float is a flag at most."""
    if value is None or isinstance(value, bytes):
        return None
    if flag and value in (0, 1):
        return "true" if value else "false"
    return None if isinstance(value, float) else str(value)
