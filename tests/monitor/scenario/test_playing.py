"""Laws of playing a scenario: each word is what the real judge says, and time is the scenario's own."""

from collections.abc import Callable

import pytest

from alerting.verdict import Severity
from monitor.scenario.notation import VERDICTS
from monitor.scenario.places import Place
from monitor.scenario.running import Ran

Play = Callable[[str], Ran]
HEAD = 'name = "x"\nwindow = { every = "1h" }\n'
TOLD = 'channels = { oncall = {} }\nroutes = [{ channels = ["oncall"] }]\n'
SAID = {"ticket": "breach", "page": "breach", "sure": "breach", "absent": "error"}


def conditions(ran: Ran, column: str = "x") -> tuple[str | None, ...]:
    assert ran.found is not None
    return ran.found.conditions[Place.of(column)]


@pytest.mark.parametrize("word", VERDICTS)
def test_each_word_is_what_the_judge_says(word: str, ran: Play) -> None:
    """After any other word: what was said before has no say in the next window's verdict."""
    others = [other for other in VERDICTS if other != word]
    text = " ".join(f"{other} {word}" for other in others)
    outcome = ran(f'{HEAD}[verdicts]\nx = "{text}"\n[expect]\nonly = false\n')
    assert outcome.found is not None
    said = outcome.found.verdicts[Place.of("x")]
    assert said == tuple(SAID.get(each, each) for each in text.split())


@pytest.mark.parametrize(
    ("word", "sure", "severity"),
    [
        ("ticket", False, Severity.TICKET),
        ("page", False, Severity.PAGE),
        ("breach", False, Severity.PAGE),
        ("sure", True, Severity.PAGE),
    ],
)
def test_breaches_ask_for_what_they_say(word: str, sure: bool, severity: Severity, ran: Play) -> None:
    """Only a sure one fires by itself, and each at the severity of its word."""
    outcome = ran(f'{HEAD}[verdicts]\nx = "{word} {word}"\n[expect]\nonly = false\n')
    assert conditions(outcome) == ("firing" if sure else "pending", "firing")
    assert outcome.found is not None
    assert [each.incident.severity for each in outcome.found.incidents] == [severity]


def test_what_does_not_matter_is_a_ticket_however_sure(ran: Play) -> None:
    """As the judge would have it of a column without effect on the model."""
    outcome = ran(f'{HEAD}[columns.x]\nmatters = false\n[verdicts]\nx = "sure"\n[expect]\nonly = false\n')
    assert outcome.found is not None
    assert [each.incident.severity for each in outcome.found.incidents] == [Severity.TICKET]


@pytest.mark.parametrize(
    ("feed", "state", "condition"),
    [
        ("no_data", "no_data", "pending"),
        ("low_volume", "low_volume", "pending"),
        ("failed", "failed", "pending"),
        ("broken", "failed", "firing"),
    ],
)
def test_each_ending_of_a_window(feed: str, state: str, condition: str, ran: Play) -> None:
    """What is broken for good pages at once; the rest takes two windows."""
    outcome = ran(f'feed = "done {feed} x2"\n{HEAD}[verdicts]\nx = "clear _ x2"\n[expect]\nonly = false\n')
    assert outcome.found is not None
    assert outcome.found.windows == ("done", state, state)
    assert outcome.found.health[Place(column="")] == ("ok", condition, "firing")
    assert outcome.found.health[Place.of("x")] == ("ok",) * 3


def test_a_scenario_goes_the_same_way_twice(ran: Play) -> None:
    """Moments, texts and ids: nothing of it hangs on when it is played."""
    text = f'{HEAD}{TOLD}[verdicts]\nx = "sure clear x4 breach x2"\n[expect]\nonly = false\n'
    one, other = ran(text).found, ran(text).found
    assert one is not None
    assert one == other
    assert len(one.messages) > 3


def test_times_are_those_of_the_zone(ran: Play) -> None:
    """A day begins at the zone's midnight, and is told ten minutes after its end."""
    outcome = ran(
        'name = "x"\nwindow = { every = "1d", zone = "America/New_York" }\n'
        f'{TOLD}[verdicts]\nx = "sure"\n[expect]\nonly = false\n'
    )
    assert outcome.found is not None
    (message,) = outcome.found.messages
    assert str(message.at) == "1"
    assert "2026-01-06 05:10 UTC" in message.text


def test_an_action_that_cannot_be_done_fails_the_scenario(ran: Play) -> None:
    """Nobody can take what is not open."""
    outcome = ran(
        f'{HEAD}[verdicts]\nx = "clear x2"\n[[actions]]\nat = 1\ndo = "ack"\ncolumn = "x"\n[expect]\n'
    )
    assert not outcome.passed
    assert "no incident of x is open then" in "\n".join(outcome.report())
