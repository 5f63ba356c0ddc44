"""Which rows may fall into a span, said so that a database can answer by its index?

A coarse cut never leaves out a row that belongs to the span; monitor/sources/_timestamps.py makes the exact
one afterwards. Where a column holds instants as they are, the coarse cut is the exact one.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import sqlalchemy as sa

from monitor.sources._sql_types import Stored, is_aware, times
from monitor.sources._timestamps import MARGIN, TIME, UNITS, YEAR_2500_S, Timestamps, instant, microseconds
from storage.span import Span

Condition = sa.ColumnElement[bool]

_DATED = "____-__-__%"  # ISO 8601 sorts as it is dated; any other spelling is looked at row by row
_FIRST, _LAST = datetime(1, 1, 2), datetime(9999, 12, 30)  # noqa: DTZ001 bounds of what Python can say


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeColumn:
    """The column that says when a row happened. `sample`: one of its values, where it may hold texts."""

    column: Stored
    times: Timestamps
    dialect: str
    where: str  # for a message
    sample: object

    def expression(self, raw: pl.Expr, dtype: pl.DataType) -> pl.Expr:
        """int64 microseconds UTC; raises where a person must say what the values mean."""
        return self.times.expression(raw, dtype, where=self.where, sample=self.sample)

    @property
    def reads_sample(self) -> bool:
        """False: it is a text of which no time can be read, perhaps by a wrong pattern."""
        if not isinstance(self.sample, str):
            return True
        raw = times([self.sample], self.column, self.dialect)
        read = pl.DataFrame({TIME: raw}).select(self.expression(pl.col(TIME), raw.dtype))
        return read.item() is not None

    @property
    def is_text(self) -> bool:
        return isinstance(self.sample, str) or (self.dialect != "sqlite" and self.column.dtype == pl.String)

    @property
    def is_exact(self) -> bool:
        """The database's own comparison is exact: real instants, or whole numbers of a unit."""
        if self.dialect != "postgresql":
            return False
        return is_aware(self.column.dtype) or (self._is_epoch and self.column.dtype == pl.Int64)

    def within(self, span: Span) -> list[Condition]:
        """Rows that may belong to a span; no condition: any may."""
        raw, dtype = self.column.column, self.column.dtype
        start, end = microseconds(span.start), microseconds(span.end)
        if self.is_exact and is_aware(dtype):
            return [raw >= _literal(span.start), raw < _literal(span.end)]
        if self._is_epoch:
            unit = self._unit
            low, high = -(-start // unit), -(-end // unit)
            if self.is_exact:
                return [raw >= low, raw < high]
            return [self._or_text(sa.and_(raw >= low - 1, raw <= high + 1))]
        low_, high_ = span.start - MARGIN, span.end + MARGIN
        if self._is_dated_text:
            day, after = low_.date().isoformat(), (high_ + timedelta(days=1)).date().isoformat()
            return [sa.or_(sa.and_(self._sorted >= day, self._sorted < after), raw.not_like(_DATED))]
        if self._is_native:
            return [raw >= self._bound(low_), raw <= self._bound(high_)]
        return []

    @property
    def newest(self) -> tuple[sa.ColumnElement[Any], list[Condition]] | None:
        """What to ask for the value near which the newest row is, and of which rows; None: read them all."""
        raw = self.column.column
        if self._is_epoch:
            most = YEAR_2500_S * 1_000_000 // self._unit
            return sa.func.max(raw), [raw > -most, raw < most, *self._not_text]
        if self._is_dated_text:
            return sa.func.max(self._sorted), [raw.like(_DATED)]
        if self._is_native:
            zone = UTC if is_aware(self.column.dtype) else None
            low, high = (self._bound(each.replace(tzinfo=zone)) for each in (_FIRST, _LAST))
            return sa.func.max(raw), [raw >= low, raw <= high]
        return None

    def instant(self, found: Any) -> datetime:
        """What `newest` brought, of a column that is exact."""
        return found if isinstance(found, datetime) else instant(int(found) * self._unit)

    def near(self, found: Any) -> list[Condition]:
        """Rows among which the newest is, when `newest` brought this: local time is not quite in order."""
        raw = self.column.column
        if self._is_epoch:
            return [self._or_text(raw >= found)]
        if isinstance(found, str):
            try:
                day = (date.fromisoformat(found[:10]) - 2 * MARGIN).isoformat()
            except (ValueError, OverflowError):
                return []
            return [sa.or_(self._sorted >= day, raw.not_like(_DATED))]
        if not isinstance(found, datetime):  # a day
            found = datetime(found.year, found.month, found.day)  # noqa: DTZ001 compared with days
        try:
            return [raw >= self._bound(found - 2 * MARGIN)]
        except OverflowError:
            return []

    @property
    def _unit(self) -> int:
        return UNITS[self.times.format]

    @property
    def _is_epoch(self) -> bool:
        """Numbers of a unit; texts of such numbers cannot be compared by the database."""
        number = (
            isinstance(self.sample, int | float)
            if self.dialect == "sqlite"
            else self.column.dtype.is_numeric()
        )
        return self.times.format in UNITS and number

    @property
    def _is_dated_text(self) -> bool:
        # Other databases may sort texts by a language's rules.
        return self.is_text and self.times.format == "auto" and self.dialect in ("postgresql", "sqlite")

    @property
    def _is_native(self) -> bool:
        return self.dialect != "sqlite" and (
            self.column.dtype == pl.Date or isinstance(self.column.dtype, pl.Datetime)
        )

    @property
    def _sorted(self) -> sa.ColumnElement[Any]:
        raw = self.column.column
        return sa.collate(sa.type_coerce(raw, sa.Text), "C") if self.dialect == "postgresql" else raw

    @property
    def _not_text(self) -> list[Condition]:
        return [sa.func.typeof(self.column.column) != "text"] if self.dialect == "sqlite" else []

    def _or_text(self, condition: Condition) -> Condition:
        """A column of SQLite may hold numbers as texts, which are larger than any number to it."""
        if self.dialect != "sqlite":
            return condition
        return sa.or_(condition, sa.func.typeof(self.column.column) == "text")

    def _bound(self, moment: datetime) -> sa.ColumnElement[Any]:
        if self.column.dtype == pl.Date:
            return sa.literal(moment.date(), sa.Date())
        aware = is_aware(self.column.dtype)
        return _literal(moment if aware else moment.replace(tzinfo=None))


def _literal(moment: datetime) -> sa.ColumnElement[Any]:
    return sa.literal(moment, sa.DateTime(timezone=moment.tzinfo is not None))
