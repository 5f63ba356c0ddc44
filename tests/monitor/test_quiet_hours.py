"""Laws of quiet hours in the database: what waits is told when they end, and none of it twice."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from storage import groups
from tests.monitor.alerts import HOUR, MINUTE, Alerts, Reader, alerts

# Windows of the alerts begin on 1 May 2013 at midnight, the clock at one.
CONFIG = """
[channels.oncall]
kind = "log"
path = "oncall.jsonl"
quiet = { from = "00:00", to = "07:00", zone = "UTC", pages = true }

[channels.desk]
kind = "log"
path = "desk.jsonl"
digest_hour = 3
zone = "UTC"
posts_an_hour = 2
quiet = { from = "02:00", to = "05:00" }

[[routes]]
channels = ["oncall"]

[[routes]]
match = { severity = "ticket" }
channels = ["desk"]
"""


@pytest.fixture
def readers() -> dict[str, Reader]:
    return {name: Reader() for name in ("oncall", "desk")}


@pytest.fixture
def life(tmp_path: Path, readers: dict[str, Reader]) -> Iterator[Alerts]:
    with alerts(tmp_path, dict(readers), config=CONFIG) as made:
        yield made


def until(life: Alerts, hour: int) -> None:
    """Look every ten minutes until the clock shows that hour."""
    while life.now.hour != hour or life.now.minute:
        life.wait(10 * MINUTE)
        life.look()


def test_a_page_waits_and_is_told_once(life: Alerts, readers: dict[str, Reader]) -> None:
    """With the first look after the hours; reminders count from then."""
    life.window({"amount": "P"})
    until(life, 6)
    assert readers["oncall"].taken == []
    until(life, 7)
    assert readers["oncall"].reasons() == ["first"]
    until(life, 11)
    assert readers["oncall"].reasons() == ["first", "repeat"]


def test_what_resolved_meanwhile_is_one_line(life: Alerts, readers: dict[str, Reader]) -> None:
    """In whatever is told when they end."""
    life.window({"amount": "P", "gone": "P"})
    life.look()
    for letter in "ccc":
        life.window({"amount": "P", "gone": letter})
        life.look()
        life.wait(HOUR)
    until(life, 7)
    ((row, message),) = readers["oncall"].taken
    assert row.reason == "first"
    said = [line for line in message.lines if line.startswith("Quiet hours")]
    assert len(said) == 1
    assert said[0].endswith("2 opened, 1 resolved, 1 still firing.")
    assert not any("gone" in cell for line in message.table for cell in line)


def test_a_night_in_which_all_resolved_is_a_post_of_its_own(life: Alerts, readers: dict[str, Reader]) -> None:
    """One, and the group is closed after it."""
    life.window({"amount": "P"})
    life.look()
    for _ in range(3):
        life.window({"amount": "c"})
    until(life, 8)
    ((row, message),) = readers["oncall"].taken
    assert row.reason == "digest"
    assert any("1 opened, 1 resolved, 0 still firing" in line for line in message.lines)
    with life.runtime.store.read() as conn:
        assert [group for group in groups.to_look_at(conn) if group.dirty_since] == []


def test_no_reminder_in_quiet_hours(life: Alerts, readers: dict[str, Reader]) -> None:
    """One that is due is told when they end."""
    until(life, 22)
    life.window({"amount": "P"})
    life.look()
    until(life, 6)
    assert readers["oncall"].reasons() == ["first"]
    until(life, 7)
    assert readers["oncall"].reasons() == ["first", "repeat"]


def test_the_end_of_what_was_told_waits_too(life: Alerts, readers: dict[str, Reader]) -> None:
    """It is told as such, not as a number."""
    until(life, 23)
    life.window({"amount": "P"})
    life.look()
    until(life, 1)
    for _ in range(3):
        life.window({"amount": "c"})
    until(life, 6)
    assert readers["oncall"].reasons() == ["first"]
    until(life, 7)
    assert readers["oncall"].reasons() == ["first", "resolved"]


def test_a_look_changes_nothing_that_has_not_changed(life: Alerts) -> None:
    """A night of looks every five seconds must not be a night of writes."""
    life.window({"amount": "P"})
    life.look()
    with life.runtime.store.read() as conn:
        before = groups.to_look_at(conn)
    for _ in range(5):
        life.wait(timedelta(seconds=5))
        life.look()
    with life.runtime.store.read() as conn:
        assert groups.to_look_at(conn) == before
    assert before[0].kept is not None


def test_the_digest_of_a_channel_has_an_hour_and_waits_like_the_rest(
    life: Alerts, readers: dict[str, Reader]
) -> None:
    """At three of its own clock; those hours are quiet until five."""
    life.window({"amount": "T"})
    until(life, 4)
    assert readers["desk"].taken == []
    until(life, 5)
    assert readers["desk"].reasons() == ["digest"]


def test_a_silence_and_quiet_hours(life: Alerts, readers: dict[str, Reader]) -> None:
    """What a silence keeps back at their end is told when it is over, as such."""
    life.silence("column=amount", lasting=8 * HOUR)  # until nine
    life.window({"amount": "P"})
    until(life, 8)
    assert readers["oncall"].taken == []
    until(life, 9)
    assert readers["oncall"].reasons() == ["silence_ended"]


def test_a_channel_has_a_limit_of_its_own(life: Alerts, readers: dict[str, Reader]) -> None:
    """Two posts an hour; what is beyond is one digest that names the limit."""
    for number in range(4):
        life.window({"amount": "T"}, model=f"m{number}", at=0)
    until(life, 6)
    assert readers["desk"].reasons() == ["digest", "digest", "digest"]
    _, last = readers["desk"].taken[-1]
    assert "more than 2 posts an hour are noise" in last.lines[0]
    assert last.heading == "🟡 digest: 2 tickets on 2 models"


def test_historical_windows_wait_for_the_morning(life: Alerts, readers: dict[str, Reader]) -> None:
    """What a downtime left is told when the hours end, in one line with what they kept back."""
    life.window({"gone": "P"}, past=True)
    for _ in range(3):
        life.window({"gone": "c"}, past=True)
    life.window({"amount": "P"})
    until(life, 6)
    assert readers["oncall"].taken == []
    until(life, 7)
    ((row, message),) = readers["oncall"].taken
    assert row.reason == "first"
    assert any("1 opened, 1 resolved" in line for line in message.lines)
