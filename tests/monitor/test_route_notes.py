"""Laws of the notes on routes: what can never matter is named, what can is not."""

from pathlib import Path

import pytest

from monitor.config_file import parse
from monitor.route_notes import route_notes

MODELS = """
[models.delays]
task = "binary"
source = { kind = "parquet", path = "x", timestamp = "ts" }
reference = { source = { kind = "parquet", path = "r" } }
columns = { segments = ["origin"] }

[models.fraud]
task = "binary"
source = { kind = "parquet", path = "x", timestamp = "ts" }
reference = { source = { kind = "parquet", path = "r" } }
columns = { version = "v" }
"""


def notes(text: str) -> tuple[str, ...]:
    return route_notes(parse(f"[channels.a]\nkind = 'log'\n{text}\n{MODELS}", path=Path("leeway.toml")))


@pytest.mark.parametrize(
    "match",
    [
        'model = "del*"',
        'model = "delays", segment = "origin=*"',
        'model = "fraud", version = "v*"',
        'kind = "daemon"',
        'segment = ""',
        'kind = ["daemon", "data"], severity = "ticket"',
    ],
)
def test_a_route_that_can_match_is_not_named(match: str) -> None:
    """No word for what is well."""
    assert notes(f"[[routes]]\nmatch = {{ {match} }}\nchannels = ['a']") == ()


@pytest.mark.parametrize(
    ("match", "says"),
    [
        ('model = "dealys"', 'routes[0].match.model: "dealys" is like no model of the config'),
        ('model = "fraud", segment = "origin=*"', "routes[0].match.segment: "),
        ('model = "delays", version = "v2"', "routes[0].match.version: "),
        ('kind = "daemon", severity = "ticket"', "routes[0].match.severity: "),
    ],
)
def test_a_route_that_can_never_match_is_named(match: str, says: str) -> None:
    """With its place and the reason."""
    (note,) = notes(f"[[routes]]\nmatch = {{ {match} }}\nchannels = ['a']")
    assert note.startswith(says)
    assert note.endswith("this route can never match")


def test_a_channel_that_nothing_leads_to_is_named() -> None:
    """A route, a step, the fallback and a target of retraining lead to one."""
    routes = "[[routes]]\nchannels = ['a']\nescalation = [{ after = '1h', channel = 'b' }]\n"
    spare = "[channels.b]\nkind = 'log'\n[channels.c]\nkind = 'log'\n[channels.d]\nkind = 'log'\n"
    fallback = "[daemon]\nfallback = 'c'\n"
    assert notes(f"{spare}{fallback}{routes}") == (
        "channels.d: no route, escalation, fallback or retraining leads there",
    )


def test_no_route_at_all() -> None:
    """Nobody is told, which is hardly what was meant."""
    assert [note.partition(":")[0] for note in notes("")] == ["routes", "channels.a"]
