"""By what do rows of a table share a label, so that the database can count them together?

What a value means as a label is said here, of the few distinct values, by the code that reads rows.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import polars as pl
import sqlalchemy as sa

from detectors._column import Kind
from monitor.sources import _sql_types, _values
from monitor.sources._sql_types import Stored


def label_key(column: Stored, dialect: str) -> list[sa.ColumnElement[Any]]:
    """Rows that agree in it have one label; rows of one label may differ in it."""
    raw = column.column
    if dialect == "sqlite":
        # To SQLite 2⁵³ and its float are equal; their labels are not. A blob is no label, whatever it holds.
        of = sa.func.typeof(raw)
        value = sa.case((of != "blob", raw))
        return [of, sa.collate(sa.type_coerce(value, sa.Text), "BINARY")]
    if column.dtype == pl.String and column.is_text:
        # Byte by byte: a column's own rules may take "a" and "A" for one. A cast cuts off a CHAR's spaces.
        padded = column.holds.upper().startswith("CHAR")
        text = sa.type_coerce(raw, sa.Text) if padded else sa.cast(raw, sa.Text)
        return [sa.collate(text, "C")] if dialect == "postgresql" else [text]
    if isinstance(column.dtype, pl.Decimal):  # 1.5 and 1.50 are equal numbers, and two labels
        return [sa.cast(raw, sa.Text)]
    return [_sql_types.selected(column, dialect)]


def labels_of(column: Stored, dialect: str) -> Callable[[Sequence[Sequence[Any]]], list[str | None]]:
    """What `label_key` brought, as labels; None: missing."""

    def read(keys: Sequence[Sequence[Any]]) -> list[str | None]:
        values = [key[-1] for key in keys]
        if dialect != "sqlite" and isinstance(column.dtype, pl.Decimal):
            values = [None if text is None else Decimal(text) for text in values]
        raw = _sql_types.series(values, column, Kind.CATEGORY, dialect)
        label = _values.expression(pl.col(""), raw.dtype, Kind.CATEGORY)
        return pl.DataFrame({"": raw}).select(label).to_series().to_list()

    return read
