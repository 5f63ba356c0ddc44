"""How are rows that arrived written as one Parquet file that a source can read, or why can they not be?

The time of a row is stored as an instant, whatever it was sent as, so that a window skips what is not its
own by the statistics of the file.
"""

import io
from collections.abc import Mapping
from datetime import datetime, timedelta

import polars as pl

from monitor.source import SourceError
from monitor.sources._rows import Rows, RowsError
from monitor.sources._timestamps import Timestamps, microseconds

# A row from far ahead would end every window before it: the newest time is the watermark. Clocks differ by
# less, and a time written in the wrong zone by at most 14 hours.
AHEAD = timedelta(days=1)
_TYPES = {bool: pl.Boolean, int: pl.Int64, float: pl.Float64, str: pl.String}
_TIME = "\0time"


def frame_of(
    rows: Rows,
    *,
    timestamp: str | None,
    timestamps: Timestamps,
    filter: Mapping[str, str | int | float | bool],
    now: datetime,
) -> pl.DataFrame:
    """Raises RowsError where a row has no time, a wrong one, or no column to filter by."""
    if timestamp is not None and timestamp not in rows.columns:
        raise RowsError(f"no row has the column {timestamp!r} that `timestamp` names: when did they happen")
    frame = pl.DataFrame(
        [pl.Series(name, values, dtype=_dtype(values)) for name, values in rows.columns.items()]
    )
    for name, value in filter.items():
        dtype = frame.schema.get(name, pl.Null())
        if dtype == pl.Null:
            raise RowsError(f"no row has a value in column {name!r}, by which source.filter chooses rows")
        if dtype != pl.String and (
            isinstance(value, str) or isinstance(value, bool) is not (dtype == pl.Boolean)
        ):
            raise RowsError(f"column {name!r}: holds {dtype}, where source.filter has {value!r}")
    if timestamp is None:
        return frame
    return frame.with_columns(_times(frame, timestamp, timestamps, now))


def parquet_of(frame: pl.DataFrame, about: Mapping[str, str]) -> bytes:
    """`about`: kept in the file beside the rows."""
    written = io.BytesIO()
    frame.write_parquet(written, metadata=dict(about))
    return written.getvalue()


def _dtype(values: object) -> type[pl.DataType]:
    assert isinstance(values, list)  # noqa: S101  parse_rows makes lists
    first = next((value for value in values if value is not None), None)
    return pl.Null if first is None else _TYPES[type(first)]


def _times(frame: pl.DataFrame, timestamp: str, timestamps: Timestamps, now: datetime) -> pl.Series:
    raw = frame[timestamp].alias(_TIME)
    sample = raw.drop_nulls().first() if raw.dtype != pl.Null else None
    if sample is None:
        raise RowsError(f"row 1, column {timestamp!r}: no time; every row needs one")
    try:
        expression = timestamps.expression(
            pl.col(_TIME), raw.dtype, where=f"column {timestamp!r}", sample=sample
        )
    except SourceError as error:
        raise RowsError(str(error)) from error
    found = raw.to_frame().select(expression.alias(_TIME))[_TIME]
    latest = microseconds(now + AHEAD)
    wrong = (found.is_null() | (found > latest)).arg_true()
    if len(wrong):
        row = int(wrong[0])
        value, time = raw[row], found[row]
        if value is None:
            raise RowsError(f"row {row + 1}, column {timestamp!r}: no time; every row needs one")
        shown = repr(value if not isinstance(value, str) else value[:60])
        if time is None:
            raise RowsError(
                f"row {row + 1}, column {timestamp!r}: no time can be read from {shown}; timestamp_format is "
                f"{timestamps.format!r}"
            )
        raise RowsError(
            f"row {row + 1}, column {timestamp!r}: {shown} is more than a day ahead of this machine's clock"
        )
    return found.cast(pl.Datetime("us", "UTC")).alias(timestamp)
