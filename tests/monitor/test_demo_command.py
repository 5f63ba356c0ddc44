"""Laws of `leeway demo` around the replay: what is printed where, and what to type next."""

import shlex
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from monitor.cli import build_app
from monitor.commands.demo import next_steps, tell
from monitor.demo import FAULTS, PRODUCTION, REFERENCE, World, midnight
from monitor.exits import CommandError
from monitor.story import Event, ReferenceBuilt, WindowFolded
from monitor.terminal import Settings, Terminal
from storage.span import Span

START = datetime(2013, 5, 13, 4, tzinfo=UTC)
WORLD = World(
    config=Path("demo/leeway.toml"),
    reference=Span(start=midnight(REFERENCE[0]), end=midnight(REFERENCE[1])),
    production=Span(start=midnight(PRODUCTION[0]), end=midnight(PRODUCTION[1])),
    reference_rows=51_091,
    production_rows=38_196,
    days=42,
)


def two_events(_config: Path, _production: Span) -> Iterator[Event]:
    yield ReferenceBuilt(version=1, rows=51_091, columns=20, windows=56)
    yield WindowFolded(span=Span(start=START, end=START + timedelta(days=1)), state="done", rows=973)


def test_the_story_is_told_as_it_happens(capsys: pytest.CaptureFixture[str]) -> None:
    """Results on standard output, notices on standard error; the score has seen every event."""
    score = tell(Terminal(Settings(config=Path("leeway.toml"))), WORLD, two_events)
    printed = capsys.readouterr()
    assert "reference v1" in printed.out
    assert FAULTS[0].what in printed.out
    assert "REAL" in printed.err
    assert len(score.windows) == 1


@pytest.mark.parametrize("flag", ["json", "quiet"])
def test_nothing_is_drawn_with_json_or_quiet(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The replay runs all the same; only its outcome is printed, by the caller."""
    settings = Settings(config=Path("leeway.toml"), json=flag == "json", quiet=flag == "quiet")
    score = tell(Terminal(settings), WORLD, two_events)
    assert capsys.readouterr() == ("", "")
    assert len(score.windows) == 1


def test_commands_to_try_next() -> None:
    """Each names the config that the demo left; a folder with a space survives the shell."""
    steps = next_steps(Path("my demo/leeway.toml"), program=".venv/bin/leeway")
    assert len(steps) == 6
    for step in steps:
        assert shlex.split(step)[:3] == [".venv/bin/leeway", "--config", "my demo/leeway.toml"]


def test_a_folder_of_somebody_else_is_a_usage_error(tmp_path: Path) -> None:
    """Exit code 2 and a remedy, before anything is read or written."""
    (tmp_path / "thesis.tex").write_text("precious")
    result = CliRunner().invoke(build_app(), ["demo", "--dir", str(tmp_path)])
    assert isinstance(result.exception, CommandError)
    assert "--dir" in str(result.exception)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.tex"]
