"""What does a database make of a column, so that it counts the very float64 that would have been read?

The twin of `_sql_types.series` with `_values`; NULL for what is missing there. A few things have no exact
spelling: their columns are read and counted here.
"""

from decimal import Context, Decimal
from functools import cache
from typing import Any

import polars as pl
import sqlalchemy as sa

from monitor.sources import _sql_types
from monitor.sources._sql_types import Stored


def number(column: Stored, dialect: str) -> sa.ColumnElement[float] | None:
    """The value as a double, for a column that can be read as a number; None: only rows can say."""
    raw, dtype = column.column, column.dtype
    if dialect == "sqlite":
        if dtype in (pl.Date, pl.Datetime):  # texts, of any spelling
            return None
        # Each value has a type of its own, and a text is missing.
        return sa.case((sa.func.typeof(raw).in_(("integer", "real")), sa.cast(raw, sa.Double)))
    if dtype == pl.Boolean:
        return sa.case((raw.is_(sa.true()), _double(1.0)), (raw.is_(sa.false()), _double(0.0)))
    if isinstance(dtype, pl.Decimal):
        return _nearest(raw)
    if dtype == pl.Float64:
        # The driver reads a float4 by its digits: 0.1 is 0.1, not the double that its bits are.
        return sa.cast(raw if _is_double(column) else sa.cast(raw, sa.Text), sa.Double)
    if dtype == pl.Int64:
        return sa.cast(raw, sa.Double)
    chosen = _sql_types.selected(column, dialect)
    if dtype == pl.Date:
        return sa.cast(chosen, sa.Double)
    if dtype == pl.Duration:
        return chosen
    if dtype == pl.Time:  # nanoseconds there
        return _over(chosen * sa.literal_column("1000"), 1e9)
    if isinstance(dtype, pl.Datetime):
        return _over(chosen, 1e6)
    return None


def _is_double(column: Stored) -> bool:
    return column.holds.upper().startswith("DOUBLE")


def _over(whole: sa.ColumnElement[Any], unit: float) -> sa.ColumnElement[float]:
    # As polars divides by a number: times its reciprocal, which may be another double.
    return sa.type_coerce(sa.cast(whole, sa.Double) * _double(1.0 / unit), sa.Double)


def _double(value: float) -> sa.ColumnElement[float]:
    return sa.literal(value, sa.Double)


def _nearest(raw: sa.ColumnElement[Decimal]) -> sa.ColumnElement[float]:
    """PostgreSQL rounds a numeric rightly, and refuses one that becomes infinite or 0 as a double."""
    huge, tiny = _limits()
    return sa.case(
        (raw == sa.cast("NaN", sa.Numeric), sa.null()),
        (raw >= sa.literal_column(huge), _double(float("inf"))),
        (raw <= sa.literal_column(f"-{huge}"), _double(float("-inf"))),
        (
            sa.and_(raw <= sa.literal_column(tiny), raw >= sa.literal_column(f"-{tiny}")),
            _double(0.0),
        ),
        else_=sa.cast(raw, sa.Double),
    )


@cache
def _limits() -> tuple[str, str]:
    """Half way from the largest double to the next power of two, and half of the smallest: as digits."""
    exact = Context(prec=1_200, Emin=-2_000, Emax=2_000)
    return str(2**1024 - 2**970), format(exact.power(Decimal(2), Decimal(-1_075)), "f")
