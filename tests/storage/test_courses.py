"""What was measured and said of one series: newest revisions, oldest first."""

from dataclasses import replace

import pytest

from alerting.series import Series
from alerting.verdict import VerdictKind
from storage import courses, measurements
from storage.engine import Store
from storage.ledger import Stream
from tests.storage.samples import DAY, T0, done, fold, result, verdict

TEMP = Series(model="m", column="temp")


def values(store: Store, series: Series = TEMP, *, until: int = 100, last: int = 30) -> list[float]:
    with store.read() as conn:
        passed = courses.latest(conn, series, Stream.INPUTS, T0 + until * DAY, last)
    return [each.result.measurements[0].value for each in passed]


@pytest.fixture
def five(store: Store) -> Store:
    """Five windows of two columns; the value is the day's number. In the first `temp` breached."""
    with store.write() as conn:
        windows = done(conn, 5)
        for number, window in enumerate(windows):
            both = [result(value=number), result("hour", value=10 + number)]
            measurements.save(conn, window.id, both)
        fold(conn, windows[0], verdict(kind=VerdictKind.BREACH))
    return store


def test_oldest_first_and_of_this_series_alone(five: Store) -> None:
    """Another column, segment, version, model or stream is another series."""
    assert values(five) == [0, 1, 2, 3, 4]
    assert values(five, replace(TEMP, column="hour")) == [10, 11, 12, 13, 14]
    for other in ({"segment": "origin=JFK"}, {"version": "v2"}, {"model": "n"}):
        assert values(five, replace(TEMP, **other)) == []


def test_the_latest_windows_up_to_one(five: Store) -> None:
    """What came after the incident's window is not in its picture."""
    assert values(five, until=3, last=2) == [2, 3]


def test_with_the_word_that_was_said(five: Store) -> None:
    """None where nothing was."""
    with five.read() as conn:
        passed = courses.latest(conn, TEMP, Stream.INPUTS, T0 + 9 * DAY, 30)
    assert [each.said for each in passed] == [VerdictKind.BREACH, None, None, None, None]
    assert passed[0].span.start == T0
