"""The commented reference and the schema stay true."""

import json
import tomllib
from pathlib import Path
from typing import Any

from monitor.config_file import load
from monitor.config_model import ModelConfig
from monitor.config_schema import schema
from monitor.members import check

ROOT = Path(__file__).parents[2]


def test_the_example_loads() -> None:
    """Members and options included."""
    assert set(load(ROOT / "config.example.toml", members=check).models) == {"delays"}


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
