"""What does a value of a file mean as a number, and what as a label?

Numbers: integers, booleans and decimals become float64; null and NaN are missing. Dates count as days since
1970-01-01, times as seconds since it (or since midnight), durations as seconds.
Labels: text as it stands; true and false; numbers as text, a whole number without its ".0", because a column
of integers turns into floats as soon as one value is missing.
"""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from detectors._column import CategoryColumn, Column, Kind, NumericColumn
from monitor.source import ColumnKind

# Texts in a numeric column of a CSV file that mean "nothing here", compared in lower case.
_NOTHING = ("", "na", "n/a", "#n/a", "nan", "null", "none", "nil", "-", "?")

# A column divided by a number is, in polars, multiplied by its reciprocal; a row alone in its batch is
# divided, and differs in the last digit. Told to multiply, it gives one number wherever the row stands.
_MICRO, _NANO = 1e-6, 1e-9


def guess(dtype: pl.DataType) -> ColumnKind:
    """What a column looks like, when a reference is built."""
    if dtype in (pl.Date, pl.Time) or isinstance(dtype, pl.Datetime):
        return ColumnKind.TIME
    if dtype.is_numeric() or dtype == pl.Null or isinstance(dtype, pl.Duration):
        return ColumnKind.NUMERIC
    return ColumnKind.CATEGORY if _readable(dtype, Kind.CATEGORY) else ColumnKind.OTHER


def retyped(dtype: pl.DataType, kind: Kind) -> str:
    """Why a column stored as `dtype` cannot be read as `kind`; empty where it can."""
    return "" if _readable(dtype, kind) else f"wanted {kind}, found {dtype}"


def expression(raw: pl.Expr, dtype: pl.DataType, kind: Kind) -> pl.Expr:
    """float64 with NaN for missing, or text with null."""
    return _number(raw, dtype) if kind is Kind.NUMERIC else _label(raw, dtype)


def moment(time: pl.Expr) -> pl.Expr:
    """A time of a row, in µs, as a number."""
    return time.cast(pl.Float64).fill_null(np.nan)


def missing(kind: Kind) -> pl.Expr:
    """A column that this file lacks while others of the same window have it."""
    if kind is Kind.NUMERIC:
        return pl.lit(np.nan, dtype=pl.Float64)
    return pl.lit(None, dtype=pl.String)


def nothing(kind: Kind, rows: int) -> Column:
    """The same, out of any frame."""
    if kind is Kind.NUMERIC:
        return NumericColumn(values=np.full(rows, np.nan))
    return CategoryColumn(codes=np.full(rows, -1, dtype=np.int32), labels=())


def text_as_number(raw: pl.Expr) -> pl.Expr:
    """A number written in a CSV file; anything else is missing."""
    return raw.str.strip_chars().cast(pl.Float64, strict=False).fill_null(np.nan)


def not_a_number(raw: pl.Expr) -> pl.Expr:
    """Whether a text of a CSV file is neither a number nor a way to write nothing."""
    text = raw.str.strip_chars()
    nothing = text.str.to_lowercase().is_in(_NOTHING)
    return text.is_not_null() & ~nothing & text.cast(pl.Float64, strict=False).is_null()


def something(raw: pl.Expr) -> pl.Expr:
    """Whether a text of a CSV file says anything."""
    text = raw.str.strip_chars()
    return text.is_not_null() & ~text.str.to_lowercase().is_in(_NOTHING)


def column(series: pl.Series, kind: Kind) -> Column:
    """Out of the frame, into what detectors count."""
    if kind is Kind.NUMERIC:
        values: NDArray[np.float64] = np.ascontiguousarray(series.to_numpy(), dtype=np.float64)
        return NumericColumn(values=values)
    labels = series.drop_nulls().unique().sort()
    if labels.is_empty():
        return nothing(kind, len(series))
    codes = series.cast(pl.Enum(labels)).to_physical().cast(pl.Int32).fill_null(-1).to_numpy()
    return CategoryColumn(codes=np.ascontiguousarray(codes, dtype=np.int32), labels=tuple(labels.to_list()))


def _readable(dtype: pl.DataType, kind: Kind) -> bool:
    shared = dtype.is_numeric() or dtype.is_temporal() or dtype in (pl.Boolean, pl.Null)
    text = dtype == pl.String or isinstance(dtype, pl.Categorical | pl.Enum)
    return shared or (text and kind is Kind.CATEGORY)


def _number(raw: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    if isinstance(dtype, pl.Datetime):
        number = raw.dt.epoch("us").cast(pl.Float64) * _MICRO
    elif isinstance(dtype, pl.Duration):
        number = raw.dt.total_microseconds().cast(pl.Float64) * _MICRO
    elif dtype == pl.Time:
        number = raw.cast(pl.Int64).cast(pl.Float64) * _NANO
    elif dtype == pl.Date:
        number = raw.cast(pl.Int32).cast(pl.Float64)
    else:
        number = raw.cast(pl.Float64)
    return number.fill_null(np.nan)


def _label(raw: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    if dtype.is_float():
        number = raw.cast(pl.Float64).fill_nan(None)
        whole = (number == number.round()) & (number.abs() < 2**53)
        return (
            pl.when(whole)
            .then(number.cast(pl.Int64, strict=False).cast(pl.String))
            .otherwise(number.cast(pl.String))
        )
    return raw.cast(pl.String)
