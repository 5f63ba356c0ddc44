"""Laws of `leeway channels preview`: what would be sent, seen without sending."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from monitor import logs
from monitor.cli import build_app, hoisted
from monitor.replay import replay
from storage.span import Span
from tests.acceptance.world import Shop, build_shop

KINDS = [
    "page",
    "digest",
    "repeat",
    "escalation",
    "acknowledged",
    "resolved",
    "revised",
    "drill",
    "trouble",
]
LOG = '[channels.file]\nkind = "log"\npath = "alerts.jsonl"\n\n[[routes]]\nchannels = ["file"]\n'
NONE = "no-such-config.toml"
RUNNER = CliRunner()


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """One day on which other customers come."""
    logs.configure(quiet=True)
    made = build_shop(tmp_path_factory.mktemp("preview") / "s", days=2, broken=range(1, 2), channels=LOG)
    for _ in replay(made.config, Span(start=made.start, end=made.start + timedelta(days=2))):
        pass
    return made


def run(config: Path | str, *words: str) -> tuple[int, str]:
    done = RUNNER.invoke(build_app(), hoisted(["--config", str(config), *words]))
    return done.exit_code, done.output if done.exception is None else f"{done.output}{done.exception}"


def told(config: Path | str, *words: str) -> list[dict[str, object]]:
    code, said = run(config, "--json", "channels", "preview", *words)
    assert code == 0, said
    found: list[dict[str, object]] = json.loads(said)
    return found


def test_every_kind_is_drawn_without_a_config() -> None:
    """Somebody who only looks needs to set nothing up."""
    code, said = run(NONE, "channels", "preview")
    assert code == 0
    for kind in KINDS:
        assert f"oncall · {kind} · Leeway" in said


def test_as_json_each_answer_is_a_field() -> None:
    """For scripts that want the words."""
    found = told(NONE)
    assert [each["variant"] for each in found] == KINDS
    assert {"heading", "lines", "table", "next", "links", "footer"} <= set(found[0])


def test_an_incident_of_history_in_its_own_words(shop: Shop) -> None:
    """By its id, or the latest of a model; the channel is that of its route."""
    (latest,) = told(shop.config, "--model", "shop", "--variant", "page")
    assert str(latest["heading"]).startswith(("🔴 shop: ", "🟡 shop: "))
    commands = latest["next"]
    assert isinstance(commands, list)
    shown = next(each for each in commands if each.startswith("leeway incidents show "))
    (same,) = told(shop.config, "--incident", shown.split()[-1], "--variant", "page")
    assert same == latest
    assert "file · page" in run(shop.config, "channels", "preview", "--model", "shop")[1]


def test_nothing_is_written(shop: Shop) -> None:
    """Not in the outbox, and not in the channel."""
    before = {path.name: path.read_bytes() for path in shop.folder.glob("*.jsonl")}
    told(shop.config, "--model", "shop")
    assert {path.name: path.read_bytes() for path in shop.folder.glob("*.jsonl")} == before


@pytest.mark.parametrize("about", [(), ("--model", "shop")])
def test_the_picture_can_be_had_as_a_file(shop: Shop, tmp_path: Path, about: tuple[str, ...]) -> None:
    """Of the example, and of what happened."""
    file = tmp_path / "p.png"
    config = shop.config if about else NONE
    assert run(config, "channels", "preview", "--variant", "page", *about, "--png", str(file))[0] == 0
    assert file.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--variant", "pager"), "no variant 'pager'; there is page, digest"),
        (("--model", "shop", "--incident", "a"), "give one of them"),
        (("--model", "nobody"), "no incident of 'nobody' yet"),
        (("--incident", "zzzz"), "'zzzz' is not known"),
        (("--png", "/nowhere/p.png"), "cannot write /nowhere/p.png"),
    ],
)
def test_what_cannot_be_is_refused_with_the_next_step(shop: Shop, words: tuple[str, ...], why: str) -> None:
    """Exit 2, in one line."""
    code, said = run(shop.config, "channels", "preview", *words)
    assert code != 0
    assert why in said
