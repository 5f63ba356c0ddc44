"""When did a row happen? Whatever a time column looks like, microseconds since the epoch, UTC.

The zone of a time without one is never guessed: the config says it, or an error names the key. Where clocks
are set back, an ambiguous wall-clock time is its first occurrence; where they are set forward, a time that
does not exist is read with the offset before the gap, as Python does (PEP 495).
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import polars as pl

from monitor.source import SourceError
from monitor.zones import zones
from storage.span import Span

TIME = "\0time"  # what a row's time is called among columns whose names are not ours
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
UNITS = {"epoch_s": 1_000_000, "epoch_ms": 1_000}  # microseconds
_NAIVE = ("%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M")
# Offsets reach from −12 to +14 hours, and one zone jumped over a whole day: enough for a first, coarse cut.
MARGIN = timedelta(hours=50)
YEAR_2500_S = 16_725_225_600  # larger numbers are another unit, and would overflow in this one


def microseconds(moment: datetime) -> int:
    """Exact, unlike timestamp()."""
    return (moment - EPOCH) // _MICROSECOND


def instant(us: int) -> datetime:
    """The inverse of `microseconds`."""
    return EPOCH + us * _MICROSECOND


@dataclass(frozen=True, slots=True, kw_only=True)
class Timestamps:
    """How one source writes time. `format`: auto | epoch_s | epoch_ms | a strptime pattern."""

    format: str = "auto"
    zone: str | None = None

    def __post_init__(self) -> None:
        if self.format not in ("auto", *UNITS) and "%" not in self.format:
            known = "auto, epoch_s, epoch_ms or a strptime pattern"
            raise ValueError(f'timestamp_format: must be {known}, got "{self.format}"')
        if self.zone is not None and self.zone not in zones():
            raise ValueError(f'timestamp_zone: must be a time zone such as "UTC", got "{self.zone}"')

    def expression(self, raw: pl.Expr, dtype: pl.DataType, *, where: str, sample: object) -> pl.Expr:
        """int64 microseconds UTC; null where a value cannot be read. `sample` is one value of the column."""
        if isinstance(dtype, pl.Datetime):
            if dtype.time_zone is not None:
                return raw.dt.epoch("us")
            return self._local(raw.dt.cast_time_unit("us"), where)
        if dtype == pl.Date:
            return self._local(raw.cast(pl.Datetime("us")), where)
        if self.format in UNITS:
            return self._number(raw, dtype)
        if self.format != "auto":
            text = raw.cast(pl.String)
            parsed = text.str.to_datetime(self.format, time_unit="us", strict=False)
            if any(mark in self.format for mark in ("%z", "%:z", "%#z", "%+")):
                return parsed.dt.epoch("us")
            return self._local(parsed, where)
        if dtype == pl.String:
            return self._text(raw, where, sample)
        raise SourceError(
            f'{where}: holds {dtype}, which could be any unit of time; set timestamp_format to "epoch_s", '
            '"epoch_ms" or a strptime pattern',
            transient=False,
        )

    def coarse(self, raw: pl.Expr, dtype: pl.DataType, span: Span) -> pl.Expr | None:
        """A cut on the column as stored: row groups outside the span are skipped by their statistics."""
        ends = self.bounds(dtype, span)
        return None if ends is None else (raw >= ends[0]) & (raw <= ends[1])

    def bounds(self, dtype: pl.DataType, span: Span) -> tuple[pl.Expr, pl.Expr] | None:
        """What no row of the span is below and above, as stored; None where that takes reading the rows."""
        if isinstance(dtype, pl.Datetime):
            # Instants need no margin: a table's neighbouring days would be opened for nothing.
            zone, margin = (None, MARGIN) if dtype.time_zone is None else (UTC, timedelta(0))
            low = (span.start - margin).replace(tzinfo=zone)
            high = (span.end + margin).replace(tzinfo=zone)
            return pl.lit(low).cast(dtype), pl.lit(high).cast(dtype)
        if dtype == pl.Date:
            return pl.lit((span.start - MARGIN).date()), pl.lit((span.end + MARGIN).date())
        if self.format in UNITS and dtype.is_numeric():
            unit = UNITS[self.format]
            return pl.lit(microseconds(span.start) // unit), pl.lit(-(-microseconds(span.end) // unit))
        return None

    def _number(self, raw: pl.Expr, dtype: pl.DataType) -> pl.Expr:
        unit = UNITS[self.format]
        number = raw if dtype.is_numeric() else raw.cast(pl.Float64, strict=False)
        number = pl.when(number.abs() < YEAR_2500_S * 1_000_000 // unit).then(number)
        if dtype.is_integer():
            return number.cast(pl.Int64, strict=False) * unit
        return (number.cast(pl.Float64) * unit).round().cast(pl.Int64, strict=False)

    def _text(self, raw: pl.Expr, where: str, sample: object) -> pl.Expr:
        """ISO 8601, with an offset or without one."""
        text = raw.str.strip_chars()
        aware = text.str.to_datetime("%+", time_unit="us", strict=False).dt.epoch("us")
        if self.zone is None:
            if isinstance(sample, str) and _is_naive(sample):
                self._local(raw, where)
            return aware
        spaced = text.str.replace("T", " ", literal=True)
        naive = [spaced.str.to_datetime(form, time_unit="us", strict=False) for form in _NAIVE]
        day = spaced.str.to_date("%Y-%m-%d", strict=False).cast(pl.Datetime("us"))
        return pl.coalesce(aware, self._local(pl.coalesce(*naive, day), where))

    def _local(self, naive: pl.Expr, where: str) -> pl.Expr:
        """Wall-clock time of the configured zone."""
        if self.zone is None:
            raise SourceError(
                f'{where}: holds times without a zone; set timestamp_zone, such as "America/New_York"',
                transient=False,
            )
        here = naive.dt.replace_time_zone(self.zone, ambiguous="earliest", non_existent="null").dt.epoch("us")
        # In a gap: three hours earlier the old offset still holds; three hours later it still counts.
        gap = timedelta(hours=3)
        earlier = naive.dt.offset_by("-3h").dt.replace_time_zone(
            self.zone, ambiguous="earliest", non_existent="null"
        )
        return pl.coalesce(here, earlier.dt.epoch("us") + gap // _MICROSECOND)


def _is_naive(text: str) -> bool:
    try:
        return datetime.fromisoformat(text.strip()).tzinfo is None
    except ValueError:
        return False
