"""Laws of `leeway routes`: who is told, in words and for a pipeline."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from monitor.cli import build_app, hoisted
from monitor.exits import CommandError
from tests.monitor.test_foretelling import MODEL, TEXT


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "leeway.toml"
    path.write_text(f'[storage]\nurl = "sqlite:///leeway.db"\n{TEXT}{MODEL}')
    return path


def leeway(config: Path, *arguments: str) -> Result:
    return CliRunner().invoke(build_app(), hoisted(["--config", str(config), *arguments]))


def test_every_route_is_listed(config: Path) -> None:
    """With its channels, steps and hours; for a pipeline too."""
    found = json.loads(leeway(config, "routes", "list", "--json").stdout)
    assert [each["channels"] for each in found] == [["oncall"], ["desk"]]
    assert found[0]["escalation"] == [
        {"after": "30m", "channel": "lead"},
        {"after": "75m", "channel": "desk"},
    ]
    drawn = leeway(config, "routes", "list").stdout
    assert "model=*, severity=ticket, kind=drift, column=am*" in drawn
    assert "lead after 30m, desk after 75m" in drawn
    assert "channel oncall: quiet 23:00–05:00 UTC, pages too" in drawn


def test_who_would_be_told(config: Path) -> None:
    """A line a channel, the first to be told first."""
    ran = leeway(config, "routes", "test", "-m", "shop", "--column", "amount", "--at", "2026-06-15T20:00Z")
    lines = ran.stdout.splitlines()
    assert lines[0] == "a page of kind drift, shop, column amount, opened Mon 15 Jun 20:00 (UTC):"
    assert lines[1:] == [
        "  oncall  at once, within a minute: route 1",
        "  lead    after 30 min, Mon 15 Jun 20:30, if nobody acknowledges it: step 1 of 2 of route 1",
        "  desk    after 1 h 15 min, Mon 15 Jun 21:15, if nobody acknowledges it: step 2 of 2 of route 1",
    ]
    assert "silences were not looked at" in ran.stderr


def test_nobody_is_said_as_such(config: Path) -> None:
    """A ticket that no route asks for."""
    ran = leeway(config, "routes", "test", "-m", "shop", "--severity", "ticket", "--column", "age")
    assert "nobody: no route takes it" in ran.stdout
    assert ran.exit_code == 0


@pytest.mark.parametrize(("expected", "code"), [("oncall", 0), ("desk", 1), ("oncall, desk", 1), ("", 1)])
def test_a_pipeline_can_hold_it_against_what_it_expects(config: Path, expected: str, code: int) -> None:
    """Exit 1 where others would be told; escalations are not counted."""
    ran = leeway(config, "routes", "test", "-m", "shop", "--column", "amount", "--expect", expected)
    assert ran.exit_code == code


def test_leeways_own_trouble(config: Path) -> None:
    """The channel that takes nothing is not told that it takes nothing."""
    found = json.loads(leeway(config, "routes", "test", "-m", "", "--column", "oncall", "--json").stdout)
    assert found["told"] == []
    found = json.loads(leeway(config, "routes", "test", "-m", "", "--column", "lead", "--json").stdout)
    assert [each["channel"] for each in found["told"]] == ["oncall"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--kind", "drifting"), "--kind: must be one of drift"),
        (("--severity", "high"), "--severity: must be"),
    ],
)
def test_a_wrong_word_is_refused(config: Path, arguments: tuple[str, str], says: str) -> None:
    """With the words there are."""
    ran = leeway(config, "routes", "test", "-m", "shop", *arguments)
    assert isinstance(ran.exception, CommandError)
    assert says in str(ran.exception)
