"""Laws of foretelling: `leeway routes test` says what the daemon would do."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from alerting.series import Series
from alerting.silence import Silence, parse_matcher
from alerting.verdict import IncidentKind, Severity
from monitor.config_file import parse
from monitor.foretelling import Supposed, silence_over, tellings
from tests.monitor.alerts import HOUR, MINUTE, Reader, alerts

MONDAY = datetime(2026, 6, 15, 20, tzinfo=UTC)
TEXT = """
[channels.oncall]
kind = "log"
path = "oncall.jsonl"
quiet = { from = "23:00", to = "05:00", zone = "UTC", pages = true }

[channels.lead]
kind = "log"
path = "lead.jsonl"
quiet = { from = "21:00", to = "22:00", zone = "UTC", pages = true }

[channels.desk]
kind = "log"
path = "desk.jsonl"
digest_hour = 6
zone = "UTC"
quiet = { from = "04:00", to = "08:00" }

[[routes]]
channels = ["oncall"]
escalation = [{ after = "30m", channel = "lead" }, { after = "75m", channel = "desk" }]

[[routes]]
match = { severity = "ticket", kind = ["drift"], column = "am*" }
channels = ["desk"]
"""
MODEL = """
[models.shop]
task = "binary"
source = { kind = "parquet", path = "x", timestamp = "ts" }
reference = { source = { kind = "parquet", path = "r" } }
"""
CONFIG = parse(TEXT + MODEL, path=Path("leeway.toml"))


def supposed(
    severity: Severity = Severity.PAGE, column: str = "amount", kind: IncidentKind = IncidentKind.DRIFT
) -> Supposed:
    return Supposed(series=Series(model="shop", column=column), kind=kind, severity=severity)


def told(what: Supposed, now: datetime) -> list[tuple[str, str, int]]:
    return [(each.channel, f"{each.at:%a %H:%M}", each.step) for each in tellings(CONFIG, what, now)]


def test_a_page_is_told_at_once_and_then_step_by_step() -> None:
    """With the quiet hours of each channel."""
    assert told(supposed(), MONDAY) == [
        ("oncall", "Mon 20:00", 0),
        ("lead", "Mon 20:30", 1),
        ("desk", "Mon 21:15", 2),
    ]
    assert ("lead", "Mon 22:00", 1) in told(supposed(), MONDAY + 40 * MINUTE)
    assert told(supposed(), MONDAY + 4 * HOUR)[:2] == [("oncall", "Tue 05:00", 0), ("lead", "Tue 05:30", 1)]


def test_a_ticket_waits_for_the_digest_and_for_the_hours_after_it() -> None:
    """And what no route takes is told to nobody."""
    assert told(supposed(Severity.TICKET), MONDAY) == [("desk", "Tue 08:00", 0)]
    assert told(supposed(Severity.TICKET, column="age"), MONDAY) == []
    assert told(supposed(Severity.TICKET, kind=IncidentKind.DATA), MONDAY) == []


def test_a_silence_keeps_it_back() -> None:
    """The one that lasts longest; one that is over, or about something else, does not."""
    made = [
        Silence.make(
            [parse_matcher(text)], until=MONDAY + hours * HOUR, author="ada", comment="x", now=MONDAY
        )
        for text, hours in (("column=amount", 1), ("model~sh*", 2), ("column=age", 9))
    ]
    found = silence_over(made, supposed(), MONDAY)
    assert found is not None
    assert found.over == MONDAY + 2 * HOUR
    assert silence_over(made, supposed(), MONDAY + 3 * HOUR) is None


@pytest.mark.parametrize(
    ("hour", "letter", "column"),
    [(20, "P", "amount"), (23, "P", "age"), (20, "T", "amount"), (5, "T", "amount"), (12, "T", "age")],
)
def test_the_daemon_does_as_was_said(tmp_path: Path, hour: int, letter: str, column: str) -> None:
    """Played through fold, groups, outbox and couriers: the same channels, each at that time."""
    start = datetime(2026, 6, 15, hour, tzinfo=UTC)
    severity = Severity.PAGE if letter == "P" else Severity.TICKET
    said = tellings(CONFIG, supposed(severity, column), start)
    readers = {name: Reader() for name in ("oncall", "lead", "desk")}
    with alerts(tmp_path, dict(readers), config=TEXT, start=start - HOUR) as life:
        life.window({column: letter})
        life.look()
        for each in said:
            if each.at > life.now:
                life.wait(each.at - life.now - MINUTE)
                life.look()
                assert not readers[each.channel].taken, f"{each.channel} was told too early"
                life.wait(2 * MINUTE)
                life.look()
            assert len(readers[each.channel].taken) == 1
        life.wait(HOUR)
        life.look()
    assert {name for name, reader in readers.items() if reader.taken} == {each.channel for each in said}
