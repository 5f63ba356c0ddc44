"""Laws of comparing: what is not named may not come, unless it may; and a drawing fits a screen."""

from collections.abc import Callable

from monitor.scenario.running import Ran
from monitor.scenario.timeline import timeline

Play = Callable[[str], Ran]
HEAD = """
name = "x"
window = { every = "1h" }
channels = { oncall = {} }
routes = [{ channels = ["oncall"] }]
[verdicts]
x = "sure breach x9"
"""


def report(ran: Ran) -> str:
    return "\n".join(ran.report())


def test_nothing_else_may_come(ran: Play) -> None:
    """An incident and three messages that nobody named are four differences."""
    outcome = ran(f"{HEAD}[expect]\n")
    assert [each.what for each in outcome.differences] == ["incidents", *["messages to oncall"] * 3]
    assert {each.expected for each in outcome.differences} == {""}


def test_unless_it_may(ran: Play) -> None:
    """`only = false` looks at what is named alone, and at all of that."""
    first = '[[expect.messages]]\nchannel = "oncall"\nreason = "first"\nat = {0}\n'
    assert ran(f"{HEAD}[expect]\nonly = false\n{first.format(1)}").passed
    assert not ran(f"{HEAD}[expect]\nonly = false\n{first.format(2)}").passed


def test_alike_messages_are_counted(ran: Play) -> None:
    """`times` too many, too few, and as many as there are."""
    text = (
        f'{HEAD}[[expect.incidents]]\ncolumn = "x"\nopened = 1\n'
        '[[expect.messages]]\nchannel = "oncall"\nreason = "first"\n'
        '[[expect.messages]]\nchannel = "oncall"\nreason = "repeat"\ntimes = {0}\n'
    )
    outcomes = {times: ran(text.replace("{0}", str(times))) for times in (1, 2, 3)}
    assert [outcome.passed for outcome in outcomes.values()] == [False, True, False]
    assert "+ found     repeat at 9" in report(outcomes[1])
    assert "- expected  repeat\n  + found     nothing" in report(outcomes[3])


def test_the_latest_moment(ran: Play) -> None:
    """`by` is kept by what comes at that moment, and broken a second later."""
    text = (
        '{0}[expect]\nonly = false\n[[expect.messages]]\nchannel = "oncall"\nreason = "first"\nby = "{1}"\n'
    )
    for by, passed in (("1", True), ("69m", False), ("70m", True)):
        assert ran(text.format(HEAD, by)).passed is passed, by


def test_a_difference_names_its_windows(ran: Play) -> None:
    """Whoever reads it need not count."""
    outcome = ran(f'{HEAD}[expect]\nonly = false\n[expect.conditions]\nx = "ok firing x3 ok x2 firing x4"\n')
    (difference,) = outcome.differences
    assert difference.what == "conditions.x, windows 1, 5–6"
    assert difference.found == "firing x10"


def test_what_is_left_out_is_not_compared(ran: Play) -> None:
    """`_` in a series, and fields of an incident."""
    text = f'{HEAD}[expect]\nonly = false\n[expect.conditions]\nx = "_ x9 firing"\n'
    assert ran(f'{text}[[expect.incidents]]\ncolumn = "x"\nopened = 1\n').passed


def test_a_long_scenario_is_drawn_in_stretches(ran: Play) -> None:
    """Eighty windows a line, each stretch under its own ruler."""
    outcome = ran('name = "x"\nwindow = { every = "1h" }\n[verdicts]\nx = "clear x100"\n[expect]\n')
    assert outcome.found is not None
    drawn = timeline(outcome.scenario, outcome.found)
    assert max(map(len, drawn)) <= 110
    signs = [line.split()[-1] for line in drawn if line.startswith("x ")]
    assert [len(each) for each in signs] == [80, 20]
    assert [line for line in drawn if line.strip().startswith("9") and line.strip().endswith("0")]
