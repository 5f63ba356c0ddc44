"""When a failed send is tried again."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerting import ladder
from alerting.notification import Action
from alerting.verdict import Severity

NOW = datetime(2026, 5, 28, 3, 0, tzinfo=UTC)
WAITS_S = (5, 15, 60, 120, 300, 600, 900, 900, 900)


@given(st.text(), st.integers(1, 9))
def test_waits_are_the_tables_within_20_percent(key: str, attempt: int) -> None:
    """5 s, 15 s, 1 m, 2 m, 5 m, 10 m, then every 15 m."""
    wait = (ladder.next_try(key, attempt, NOW) - NOW).total_seconds()
    assert 0.8 * WAITS_S[attempt - 1] <= wait <= 1.2 * WAITS_S[attempt - 1]


def test_jitter_is_the_keys_own() -> None:
    """The same row has the same plan after a restart; rows that failed together part."""
    times = {ladder.next_try(f"row {i}", 3, NOW) for i in range(50)}
    assert len(times) == 50
    assert ladder.next_try("row 1", 3, NOW) == ladder.next_try("row 1", 3, NOW)


@pytest.mark.parametrize(
    ("severity", "action", "hours"),
    [
        (Severity.PAGE, Action.ROOT, 72),
        (Severity.TICKET, Action.ROOT, 24),
        (Severity.PAGE, Action.REQUEST, 2),
    ],
)
def test_deadlines(severity: Severity, action: Action, hours: int) -> None:
    """Pages 72 h, the rest 24 h, a stale request to retrain is worth nothing after 2 h."""
    assert ladder.deadline(NOW, severity, action) == NOW + timedelta(hours=hours)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("2", 2.0),
        ("30", 30.0),
        ("0.5", 0.5),
        ("-3", 0.0),
        ("999999", 999999.0),
        (format_datetime(NOW + timedelta(seconds=90), usegmt=True), 90.0),
        (format_datetime(NOW - timedelta(seconds=90), usegmt=True), 0.0),
        ("soon", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_in_both_forms(value: str | None, seconds: float | None) -> None:
    """Seconds or an HTTP date; what is neither says nothing."""
    assert ladder.retry_after_s(value, NOW) == seconds


@pytest.mark.parametrize(
    ("asked", "waited_s"),
    [(2.0, 2), (0.0, 1), (999999.0, 3600), (None, 30), (float("nan"), 30), (float("inf"), 3600)],
)
def test_rate_wait_is_clamped(asked: float | None, waited_s: int) -> None:
    """Between a second and an hour, whatever the other side says."""
    assert ladder.rate_wait(asked) == timedelta(seconds=waited_s)
