"""The commented reference and the schema stay true."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from monitor.build import build_channels
from monitor.config_file import load, parse
from monitor.config_model import ModelConfig
from monitor.config_problem import ConfigError
from monitor.config_schema import schema
from monitor.members import check

ROOT = Path(__file__).parents[2]


def test_the_example_loads() -> None:
    """Members and options included."""
    assert set(load(ROOT / "config.example.toml", members=check).models) == {"delays"}


def test_the_allowed_hosts_of_the_example_are_those_of_its_channels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever takes the comment away has every channel still."""
    for name, value in {
        "SLACK_BOT_TOKEN": "xoxb-1",
        "PAGERDUTY_ROUTING_KEY": "0" * 32,
        "SMTP_PASSWORD": "word",
        "TRAINER_WEBHOOK_SECRET": "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz",
        "GITHUB_DISPATCH_TOKEN": "token",
    }.items():
        monkeypatch.setenv(name, value)
    commented, shown = (ROOT / "config.example.toml").read_text(), "\nallowed_hosts = "
    text = commented.replace("\n# allowed_hosts = ", shown)
    assert text.count(shown) == 1
    config = parse(text, path=tmp_path / "leeway.toml", members=check)
    built = build_channels(config)
    assert "slack.com" in config.daemon.allowed_hosts
    assert set(built) == set(config.channels)


def test_the_example_shows_every_key() -> None:
    """What it leaves out nobody finds."""
    text = (ROOT / "config.example.toml").read_text()
    sections = [
        ModelConfig.model_fields[name].annotation for name in ("columns", "window", "policy", "retraining")
    ]
    for section in sections:
        assert section is not None
        for key in section.model_fields:
            assert key in text, key


def test_the_schema_in_docs_is_todays() -> None:
    """`leeway config schema > docs/config.schema.json` when it is not."""
    stored = json.loads((ROOT / "docs/config.schema.json").read_text())
    assert stored == schema()


def test_the_schema_knows_every_key_of_the_example() -> None:
    """An editor that underlines the reference would be believed."""
    document = tomllib.loads((ROOT / "config.example.toml").read_text())
    root = schema()

    def known(node: Any, value: Any) -> None:
        while "$ref" in node:
            node = root["$defs"][node["$ref"].rpartition("/")[2]]
        for branch in node.get("anyOf", []):
            if "$ref" in branch and isinstance(value, dict):
                known(branch, value)
        if isinstance(value, dict) and "properties" in node:
            for key, inner in value.items():
                assert key in node["properties"] or node.get("additionalProperties") is True, key
                known(node["properties"].get(key, {}), inner)
        elif isinstance(value, dict) and isinstance(node.get("additionalProperties"), dict):
            for inner in value.values():
                known(node["additionalProperties"], inner)
        elif isinstance(value, list) and "items" in node:
            for inner in value:
                known(node["items"], inner)

    known(root, document)


JUNK = ("3", '"x"', "[1]", "{ a = 1 }", "nan", "2013-03-04", "[{ kind = 3 }]", "true")
SHAPES = ("models = 3", "[models]\na = 3", "channels = []", "routes = {}", "defaults = []", "storage = 1")


def problem_lines(text: str) -> list[int | None]:
    """Where a text is wrong; nowhere when it loads. Anything but a ConfigError is a failure."""
    try:
        parse(text, path=ROOT / "leeway.toml", members=check)
    except ConfigError as error:
        return [problem.line for problem in error.problems]
    return []


@pytest.mark.parametrize("junk", JUNK)
def test_any_value_anywhere_is_accepted_or_explained(junk: str) -> None:
    """Never a traceback: every value of the example in turn becomes something else."""
    lines = (ROOT / "config.example.toml").read_text().splitlines()
    refused = 0
    for number, line in enumerate(lines, start=1):
        key, equals, _ = line.partition(" = ")
        if equals and not line.startswith("#"):
            found = problem_lines("\n".join([*lines[: number - 1], f"{key} = {junk}", *lines[number:]]))
            assert not found or number in found, line
            refused += bool(found)
    assert refused > 20


@pytest.mark.parametrize("text", SHAPES)
def test_any_shape_is_explained(text: str) -> None:
    """A section that is no table is one problem, on its line."""
    assert problem_lines(text) == [text.count("\n") + 1]
