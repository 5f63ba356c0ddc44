"""Laws of a reference's usual number of rows beside production's."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from detectors import NumericColumn
from monitor.reference_rows import Rows
from monitor.source import Fingerprint
from monitor.volume import is_alike, latest_rows, usual_rows
from monitor.windows import WindowSpec
from storage.span import Span

START = datetime(2026, 3, 2, tzinfo=UTC)
SPEC = WindowSpec.parse("1d")
DAY = timedelta(days=1)


class Feed:
    """So many rows on each day from START on; the newest at noon of the last."""

    def __init__(self, rows: list[int]) -> None:
        self.rows = rows

    def watermark(self) -> datetime | None:
        return START + (len(self.rows) - 1) * DAY + DAY / 2 if self.rows else None

    def fingerprint(self, span: Span) -> Fingerprint:
        day = (span.start - START) // DAY
        return Fingerprint(rows=self.rows[day] if 0 <= day < len(self.rows) else 0, newest=None)


def test_the_latest_whole_windows_that_hold_rows_count() -> None:
    """Not the one that is still filling, nor an outage, nor what lies weeks back."""
    feed = Feed([9_000] * 5 + [100, 0, 120, 110, 130, 90, 100, 7])
    assert latest_rows(feed, SPEC) == 105.0  # type: ignore[arg-type]  # the two methods that are asked
    assert latest_rows(Feed([]), SPEC) is None  # type: ignore[arg-type]


def test_usual_is_the_median_of_reference_windows() -> None:
    """None without times."""
    per_day = [10, 30, 20]
    times = [START + day * DAY + row * DAY / 50 for day, rows in enumerate(per_day) for row in range(rows)]
    micros = np.array([int(at.timestamp() * 1e6) for at in times], dtype=np.int64)
    columns = {"x": NumericColumn(values=np.zeros(micros.size))}
    assert usual_rows(Rows(columns=columns, count=micros.size, times=micros), SPEC, []) == 20.0
    assert usual_rows(Rows(columns=columns, count=micros.size, times=None), SPEC, []) is None


@pytest.mark.parametrize(
    ("reference", "production", "alike"), [(100, 200, True), (100, 201, False), (10, 1, False)]
)
def test_within_a_factor_of_two(reference: float, production: float, alike: bool) -> None:
    """Either way."""
    assert is_alike(reference, production) is alike
    assert is_alike(production, reference) is alike
