"""Durations as people write them."""

from datetime import timedelta

import pytest

from monitor.duration import format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("30s", timedelta(seconds=30)),
        ("10m", timedelta(minutes=10)),
        ("1.5h", timedelta(minutes=90)),
        ("7d", timedelta(days=7)),
        ("2w", timedelta(days=14)),
    ],
)
def test_reads_what_it_writes(text: str, duration: timedelta) -> None:
    """Every spelling has one meaning, and the written form reads back."""
    assert parse_duration(text) == duration
    assert parse_duration(format_duration(duration)) == duration


@pytest.mark.parametrize("text", ["", "10", "10 minutes", "-5m", "m", "1e3s", "9" * 30 + "d"])
def test_refuses_the_rest(text: str) -> None:
    """With what was expected."""
    with pytest.raises(ValueError, match="must be a duration"):
        parse_duration(text)
