"""Laws of reading a scenario: everything wrong with it at once, each with its line and what to do."""

from pathlib import Path

import pytest

from monitor.config_problem import ConfigError
from monitor.scenario.file import load, parse
from monitor.scenario.model import Scenario

GOOD = """
name = "good"
window = { every = "1h" }
channels = { oncall = {} }
routes = [{ channels = ["oncall"] }]

[verdicts]
distance = "clear x3 breach x4"

[expect]
"""


def problems(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse(text, file="x.toml")
    return [str(problem) for problem in caught.value.problems]


def with_(*lines: str, before: str = "[expect]") -> str:
    return GOOD.replace(before, "\n".join((*lines, before)))


def test_a_small_scenario_is_enough() -> None:
    """A name, windows and what is expected: nothing."""
    scenario = parse(GOOD, file="x.toml")
    assert isinstance(scenario, Scenario)
    assert scenario.windows == 7


def test_all_at_once() -> None:
    """A file with five mistakes needs one look."""
    text = with_(
        "[[actions]]",
        'at = "soon"',
        'do = "ack"',
        'column = "distance"',
        "[[actions]]",
        "at = 1",
        'do = "akc"',
        "[[down]]",
        "from = 1",
    )
    text = text.replace("breach", "breech").replace('name = "good"', 'nmae = "good"')
    said = problems(text)
    assert len(said) == 6
    for part in (
        'nmae: is not a known key; did you mean "name"?',
        "name: is missing",
        'verdicts.distance: "breech" is not a word of it; did you mean "breach"?',
        "actions[0].at: must be a window's number",
        'actions[1].do: must be "ack" or "',
        '", got "akc"; did you mean "ack"?',
        "down[0].to: is missing",
    ):
        assert [line for line in said if part in line], part
    assert [line for line in said if line.startswith("line 8: verdicts.distance")]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (('temp = "clear x3"',), "verdicts.temp: must have 7 windows, as many as verdicts.distance, got 3"),
        (('feed = "clear x7"',), "`feed = …` at the top says how whole windows end"),
        (('"distance @ JFK" = "clear x7"',), "must be a column, or a column and a slice"),
        (("[values.temp]", 'psi = "0.1 x7"'), "values.temp.psi: must have a limit that judges it"),
        (("[values.distance]", 'z = "0 x7"'), "values.distance: must be given once"),
        (('"distance " = "clear x7"',), 'verdicts."distance ": must be given once'),
        (("[columns.tmp]",), 'columns.tmp: must be a series of this scenario, got "tmp"'),
        (("[[down]]", "from = 5", "to = 4"), "down[0]: must end after it begins, got 5 to 4"),
        (("[[down]]", "from = 5", "to = 9"), "down[0].to: must be one of 7 windows"),
        (
            ("[[expect.messages]]", 'channel = "oncal"', 'reason = "first"'),
            'must name a channel, got "oncal"; did you mean "oncall"?',
        ),
        (
            ("[[expect.messages]]", 'channel = "oncall"', 'reason = "frist"'),
            'must be a reason to tell, got "frist"; did you mean "first"?',
        ),
        (
            ("[[expect.incidents]]", 'column = "distnce"', "opened = 5"),
            'expect.incidents[0].column: must be a series of this scenario, got "distnce"',
        ),
        (
            ("[expect.conditions]", 'distance = "ok x6"'),
            "expect.conditions.distance: must have 7 windows",
        ),
    ],
)
def test_what_no_single_value_can_know(lines: tuple[str, ...], said: str) -> None:
    """Names, lengths and moments that do not fit together."""
    after = lines[0].startswith("[[expect") or lines[0].startswith("[expect")
    text = GOOD + "\n".join(lines) if after else with_(*lines)
    assert [line for line in problems(text) if said in line], problems(text)


def test_nothing_can_be_said_of_a_window_without_rows() -> None:
    """A breach there would be passed over in silence."""
    text = GOOD.replace('name = "good"', 'name = "good"\nfeed = "done x5 no_data done"')
    assert [line for line in problems(text) if "must be _ in window 6: its feed is no_data" in line]


def test_too_few_rows_need_a_number_that_they_fall_below() -> None:
    """One row is not fewer than one."""
    text = GOOD.replace('every = "1h"', 'every = "1h", min_rows = 1').replace("breach", "low_volume")
    assert [line for line in problems(text) if "window.min_rows: must be at least 2" in line]


def test_a_scenario_without_windows_is_none() -> None:
    """It could only be green."""
    text = GOOD.replace('distance = "clear x3 breach x4"', "")
    assert [line for line in problems(text) if "must have windows" in line]


def test_what_is_not_toml_or_not_there(tmp_path: Path) -> None:
    """Says so, and where."""
    assert problems("name = bad")[0].startswith("line 1: is not TOML")
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path / "none.toml")
    (tmp_path / "latin.toml").write_bytes(b'name = "\xe4"')
    with pytest.raises(ConfigError, match="must be UTF-8"):
        load(tmp_path / "latin.toml")
