"""Does docs/scenarios.md say what is so? Its example is played, and its tables have every word."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import get_args

from monitor.scenario.actions import Action
from monitor.scenario.file import parse
from monitor.scenario.model import (
    ChannelConfig,
    ColumnConfig,
    IncidentExpected,
    MessageExpected,
    OutageConfig,
    Scenario,
)
from monitor.scenario.notation import CONDITIONS, ENDINGS, FEEDS, SAID, VERDICTS
from monitor.scenario.running import Ran

TEXT = (Path(__file__).parents[3] / "docs/scenarios.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```\n(.*?)^```", TEXT, re.M | re.S)
EXAMPLE = next(block for block in BLOCKS if block.startswith("name ="))
REPORT = next(block for block in BLOCKS if block.startswith("FAIL"))


def test_the_example_comes_out_as_it_says(ran: Callable[[str], Ran]) -> None:
    """A reader who copies it sees what the text says."""
    outcome = ran(EXAMPLE)
    assert outcome.passed, "\n".join(outcome.report())


def test_the_failure_is_as_it_is_shown(ran: Callable[[str], Ran]) -> None:
    """Line by line, as far as the excerpt goes."""
    wrong = EXAMPLE.replace("ok x5 pending firing x2", "ok x5 firing x3").replace("opened = 7", "opened = 6")
    outcome = ran(wrong)
    shown = [line.removeprefix("      ").rstrip() for line in REPORT.splitlines()[1:]]
    printed = [line.rstrip() for line in outcome.report()]
    assert printed[: len(shown)] == shown


def test_every_word_is_explained() -> None:
    """Of the notation, of actions, of what is expected and of what may be set."""
    code = set(re.findall(r"[a-z_]+", " ".join(re.findall(r"`([^`\n]+)`", TEXT))))
    code |= set(re.findall(r"[a-z_]+", " ".join(line for line in TEXT.splitlines() if line.startswith("|"))))
    wanted = {*VERDICTS, *FEEDS, *CONDITIONS, *ENDINGS, *SAID} - {"planned"}
    wanted |= {field.alias or name for name, field in Scenario.model_fields.items()}
    for model in (IncidentExpected, MessageExpected, ChannelConfig, ColumnConfig, OutageConfig):
        wanted |= {field.alias or name for name, field in model.model_fields.items()}
    for action in get_args(get_args(Action)[0]):
        wanted |= {get_args(action.model_fields["do"].annotation)[0]}
        wanted |= {field.alias or name for name, field in action.model_fields.items()}
    assert wanted <= code, wanted - code


def test_the_example_is_whole() -> None:
    """It names what every scenario needs."""
    assert parse(EXAMPLE, file="example").windows == 12
