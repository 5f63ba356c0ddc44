"""Laws of what a value of a file means."""

from datetime import UTC, datetime, time, timedelta

import polars as pl
import pytest

from detectors import Kind
from monitor.sources import _values

T0 = datetime(2024, 3, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    "values",
    [
        [timedelta(milliseconds=7_966 + n) for n in range(40)],
        [T0 + timedelta(milliseconds=n) for n in range(40)],
        [time(microsecond=7_966 + n) for n in range(40)],
    ],
    ids=["durations", "datetimes", "times"],
)
def test_a_value_is_one_number_however_rows_are_cut(values: list[object]) -> None:
    """Alone in its batch, or among others."""
    raw = pl.Series("x", values)

    def numbers(part: pl.Series) -> list[float]:
        said = _values.expression(pl.col("x"), part.dtype, Kind.NUMERIC)
        found: list[float] = part.to_frame().lazy().select(said).collect().to_series().to_list()
        return found

    together = numbers(raw)
    assert [numbers(raw[place : place + 1])[0] for place in range(len(raw))] == together
