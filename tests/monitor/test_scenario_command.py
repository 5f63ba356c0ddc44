"""Laws of `leeway test`: its exit codes, and what it prints for whom."""

import json
from pathlib import Path

import pytest

from monitor.cli import main

GOOD = """
name = "It pages"
window = { every = "1h" }
channels = { oncall = {} }
routes = [{ channels = ["oncall"] }]

[verdicts]
distance = "clear sure"

[[expect.incidents]]
column = "distance"
opened = 2

[[expect.messages]]
channel = "oncall"
reason = "first"
at = 2
"""


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "good.toml"
    path.write_text(GOOD)
    return path


@pytest.fixture
def otherwise(tmp_path: Path) -> Path:
    path = tmp_path / "otherwise.toml"
    path.write_text(GOOD.replace("opened = 2", "opened = 1").replace("It pages", "It pages too early"))
    return path


def leeway(*arguments: object) -> int:
    with pytest.raises(SystemExit) as caught:
        main(["test", *map(str, arguments)])
    return int(caught.value.code or 0)


def test_fine(good: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One line a scenario, how many on standard error, exit 0."""
    assert leeway(good) == 0
    out, err = capsys.readouterr()
    assert out.startswith(f"ok    {good}: It pages (2 windows, 1 incident, 1 message, ")
    assert out.count("\n") == 1
    assert err == "1 of 1 scenario as expected\n"


def test_otherwise(good: Path, otherwise: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The difference and the drawing, exit 1; the others are played all the same."""
    assert leeway(otherwise, good) == 1
    out, err = capsys.readouterr()
    assert "- expected  distance: opened 1, still open" in out
    assert "+ found     distance: opened 2, still open" in out
    assert "distance   .b" in out
    assert f"ok    {good}" in out
    assert err == "1 of 2 scenarios as expected\n"


def test_quiet_prints_what_is_wrong_alone(
    good: Path, otherwise: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """For a pipeline's log."""
    assert leeway(good, otherwise, "--quiet") == 1
    out, err = capsys.readouterr()
    assert out.startswith("FAIL")
    assert err == ""


def test_verbose_prints_messages_as_they_are_seen(good: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And the drawing, and no log lines between."""
    assert leeway(good, "--verbose") == 0
    out, err = capsys.readouterr()
    assert "2 · oncall · root, first" in out
    assert "Who: nobody has it yet." in out
    assert "✉ oncall   .1" in out
    assert "event=" not in out + err


def test_json(good: Path, otherwise: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Everything, for a program."""
    assert leeway(good, otherwise, "--json") == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["passed"], found["failed"]) == (1, 1)
    first, second = found["scenarios"]
    assert first["passed"]
    assert first["conditions"]["distance"] == "ok firing"
    assert [message["reason"] for message in first["messages"]] == ["first"]
    assert first["incidents"][0]["opened"] == "2"
    assert second["differences"][0]["what"] == "incidents"


def test_a_folder_is_all_its_scenarios(
    good: Path, otherwise: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the order of their names; one without any is a mistake."""
    assert leeway(tmp_path) == 1
    out, _ = capsys.readouterr()
    assert out.index("good.toml") < out.index("otherwise.toml")
    (tmp_path / "empty").mkdir()
    assert leeway(tmp_path / "empty") == 2
    assert "holds no scenario" in capsys.readouterr().err


def test_wrong_files_are_told_all_at_once(
    good: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 2, every mistake of every file, and nothing is played."""
    wrong = tmp_path / "wrong.toml"
    wrong.write_text(GOOD.replace("sure", "shure").replace("every", "evry"))
    assert leeway(good, wrong, tmp_path / "none.toml") == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert 'verdicts.distance: "shure" is not a word of it; did you mean "sure"?' in err
    assert 'window.evry: is not a known key; did you mean "every"?' in err
    assert "none.toml: 1 problem\ncannot be read (no such file or directory)" in err


def test_it_needs_no_config(good: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder without leeway.toml will do, and nothing stays behind in it."""
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.iterdir())
    assert leeway(good) == 0
    assert sorted(tmp_path.iterdir()) == before
