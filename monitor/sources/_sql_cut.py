"""Can the database itself say which rows fall into a span, to the microsecond?

Instants, whole epochs, local times of a zone and days: yes. Texts of SQLite: yes where every one of them near
the span is written alike. Else the reason why not, and the rows are cut here.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import polars as pl
import sqlalchemy as sa

from monitor.sources import _sql_types
from monitor.sources._sql_times import Condition, TimeColumn
from monitor.sources._timestamps import MARGIN, microseconds
from storage.span import Span

_MINUTE = timedelta(minutes=1)
_MICROSECOND = timedelta(microseconds=1)
_LONGEST = timedelta(days=400)  # of a span whose minutes are looked at one by one
_PREFIX = 19  # characters of YYYY-MM-DD HH:MM:SS
_SHAPE = "[0-9][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9]{}[0-2][0-9]:[0-5][0-9]:[0-5][0-9]"
_SUFFIXES = ("+00:00", "Z")


class Ask(Protocol):
    """Of the table's rows that a filter lets pass; `distinct`: each answer once."""

    def __call__(
        self,
        what: Sequence[sa.ColumnElement[Any]],
        where: Sequence[Condition],
        *,
        distinct: bool = False,
    ) -> Sequence[sa.Row[Any]]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """`where`: exactly the rows of the span. `newest`: of those, in µs since the epoch; asks the database."""

    where: Sequence[Condition]
    newest: Callable[[], int | None]


def exact_cut(time: TimeColumn, span: Span | None, ask: Ask) -> Cut | str:
    """A text: why only rows can say."""
    if time.is_exact:
        return _instants(time, span, ask)
    if span is None:
        return "the time column does not hold instants, and all rows are asked for"
    if time.dialect == "sqlite":
        return _of_sqlite(time, span, ask)
    if time.column.dtype == pl.Date:
        return _days(time, span, ask)
    if isinstance(time.column.dtype, pl.Datetime):
        return _local(time, span, ask)
    return f"the time column is {time.column.declared}, whose order need not be that of time"


def _instants(time: TimeColumn, span: Span | None, ask: Ask) -> Cut:
    where = time.within(span) if span is not None else []
    if not where and time.newest is not None:
        where = time.newest[1]  # what can be read at all
    selected = _sql_types.selected(time.column, time.dialect)

    def newest() -> int | None:
        ((found,),) = ask([sa.func.max(selected)], where)
        return None if found is None else _read(time, [found])[0]

    return Cut(where=where, newest=newest)


def _local(time: TimeColumn, span: Span, ask: Ask) -> Cut | str:
    """Wall-clock times: between two changes of the zone's offset their order is that of the instants."""
    if span.end - span.start > _LONGEST:
        return "the window is longer than a year, and its times have no zone"
    raw = time.column.column
    ranges = _ranges(time, span)
    if ranges is None:
        return "the zone's offset changed within a minute"
    pieces = [sa.and_(raw >= _naive(start), raw < _naive(end)) for start, end, _ in ranges]
    selected = _sql_types.selected(time.column, time.dialect)

    def newest() -> int | None:
        found = [ask([sa.func.max(selected)], [piece])[0][0] for piece in pieces]
        known = [
            most - offset for most, (_, _, offset) in zip(found, ranges, strict=True) if most is not None
        ]
        return max(known, default=None)

    return Cut(where=[sa.or_(sa.false(), *pieces)], newest=newest)


def _ranges(time: TimeColumn, span: Span) -> list[tuple[datetime, datetime, int]] | None:
    """Half-open ranges of wall-clock time that are the span, each with its offset in µs."""
    first = (span.start - MARGIN).replace(tzinfo=None, second=0, microsecond=0)
    last = (span.end + MARGIN).replace(tzinfo=None, second=0, microsecond=0)
    minutes = pl.datetime_range(first, last, "1m", time_unit="us", eager=True)
    offsets = []
    for shift in (timedelta(0), _MINUTE - _MICROSECOND):  # the first and the last instant of each
        wall = minutes + shift
        utc = pl.DataFrame({"": wall}).select(time.expression(pl.col(""), wall.dtype)).to_series()
        offsets.append(wall.dt.epoch("us") - utc)
    if not (offsets[0] == offsets[1]).all():
        return None
    found: list[tuple[datetime, datetime, int]] = []
    runs = pl.DataFrame({"at": minutes, "offset": offsets[0]}).with_columns(
        pl.col("offset").rle_id().alias("run")
    )
    for _, run in sorted(runs.group_by("run"), key=lambda each: each[0]):
        offset = int(run["offset"][0])
        shift = timedelta(microseconds=offset)
        start = max(run["at"][0], span.start.astimezone(UTC).replace(tzinfo=None) + shift)
        end = min(run["at"][-1] + _MINUTE, span.end.astimezone(UTC).replace(tzinfo=None) + shift)
        if start < end:
            found.append((start, end, offset))
    return found


def _days(time: TimeColumn, span: Span, ask: Ask) -> Cut | str:
    if span.end - span.start > _LONGEST:
        return "the window is longer than a year, and its times are days"
    every = pl.date_range((span.start - MARGIN).date(), (span.end + MARGIN).date(), "1d", eager=True)
    at = pl.DataFrame({"": every}).select(time.expression(pl.col(""), every.dtype)).to_series()
    start, end = microseconds(span.start), microseconds(span.end)
    inside = {day: us for day, us in zip(every, at, strict=True) if us is not None and start <= us < end}
    raw = time.column.column
    where = [raw.in_([sa.literal(day, sa.Date) for day in inside])]

    def newest() -> int | None:
        return max((inside[day] for (day,) in ask([raw], where, distinct=True)), default=None)

    return Cut(where=where, newest=newest)


def _of_sqlite(time: TimeColumn, span: Span, ask: Ask) -> Cut | str:
    if time.sample is None:  # no row has a time
        return Cut(where=[sa.false()], newest=lambda: None)
    raw = time.column.column
    near = time.within(span)
    of = sa.func.typeof(raw)
    start, end = microseconds(span.start), microseconds(span.end)
    if time.times.format in ("epoch_s", "epoch_ms"):
        if _any(ask, [*near, of != "integer"]):
            return "some times are not whole numbers"
        unit = 1_000_000 if time.times.format == "epoch_s" else 1_000
        where = [of == "integer", raw >= -(-start // unit), raw < -(-end // unit)]
        return Cut(where=where, newest=lambda: _most(ask, raw, where, unit))
    if not isinstance(time.sample, str) or time.times.format != "auto":
        return "its times are texts that only timestamp_format can read"
    if span.start.microsecond or span.end.microsecond:
        return "the window does not begin and end at whole seconds"
    suffix = next((each for each in _SUFFIXES if time.sample.endswith(each)), "")
    if not suffix and time.times.zone != "UTC":
        return "its times are texts in local time"
    between = time.sample[10:11]
    if between not in (" ", "T") or _any(ask, [*near, sa.not_(_alike(raw, between, suffix))]):
        return "its times are texts of several spellings"
    begins = sa.func.substr(raw, 1, _PREFIX)
    low, high = (_written(moment, between) for moment in (span.start, span.end))
    where = [of == "text", begins >= low, begins < high]

    def newest() -> int | None:
        ((last,),) = ask([sa.func.max(begins)], where)
        if last is None:
            return None
        same = [text for (text,) in ask([raw], [*where, begins == last], distinct=True)]
        return max(_read(time, same))

    return Cut(where=where, newest=newest)


def _alike(raw: sa.ColumnElement[Any], between: str, suffix: str) -> Condition:
    """A time that is one, in ISO 8601 with this separator and this end."""
    text = sa.type_coerce(raw, sa.Text)
    fraction = sa.func.substr(text, _PREFIX + 1, sa.func.length(text) - _PREFIX - len(suffix))
    day = sa.func.substr(text, 1, 10)
    return sa.and_(
        sa.func.typeof(raw) == "text",
        # SQLite's functions end at a NUL.
        sa.func.length(sa.cast(raw, sa.LargeBinary)) == sa.func.length(text),
        sa.func.substr(text, 1, _PREFIX).op("GLOB")(_SHAPE.format(between)),
        sa.func.date(day) == day,  # 2024-02-30 would be March
        sa.func.substr(text, 12, 2) < "24",
        sa.func.substr(text, -len(suffix)) == suffix if suffix else sa.true(),
        sa.or_(
            sa.func.length(text) == _PREFIX + len(suffix),
            sa.and_(fraction.op("GLOB")(".[0-9]*"), sa.not_(fraction.op("GLOB")(".*[^0-9]*"))),
        ),
    )


def _any(ask: Ask, where: Sequence[Condition]) -> bool:
    ((found,),) = ask([sa.func.count()], where)
    return bool(found)


def _most(ask: Ask, raw: sa.ColumnElement[Any], where: Sequence[Condition], unit: int) -> int | None:
    ((found,),) = ask([sa.func.max(raw)], where)
    return None if found is None else int(found) * unit


def _read(time: TimeColumn, values: Sequence[Any]) -> list[int]:
    """Values of the column as it is selected, as µs since the epoch."""
    raw = _sql_types.times(values, time.column, time.dialect)
    return pl.DataFrame({"": raw}).select(time.expression(pl.col(""), raw.dtype)).to_series().to_list()


def _naive(moment: datetime) -> sa.ColumnElement[datetime]:
    return sa.literal(moment, sa.DateTime(timezone=False))


def _written(moment: datetime, between: str) -> str:
    return moment.astimezone(UTC).strftime(f"%Y-%m-%d{between}%H:%M:%S")
