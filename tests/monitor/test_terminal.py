"""Laws of what a command prints."""

import json
from pathlib import Path

import pytest

from monitor.terminal import Settings, Terminal, fitting, printable, sparkline


def terminal(*, as_json: bool = False, quiet: bool = False) -> Terminal:
    return Terminal(Settings(config=Path("leeway.toml"), json=as_json, quiet=quiet))


def test_a_table_on_a_pipe_is_tab_separated(capsys: pytest.CaptureFixture[str]) -> None:
    """A header, nothing cut, no tab or line break from within a cell."""
    terminal().table(("a", "b"), [[1.23456, "x\ty\nz"], [None, True]])
    assert capsys.readouterr().out == "a\tb\n1.235\tx y z\n\tyes\n"


def test_results_and_notices_go_apart(capsys: pytest.CaptureFixture[str]) -> None:
    """Results to stdout, notices to stderr and nowhere with --quiet."""
    terminal().notice("working")
    terminal(quiet=True).notice("hidden")
    terminal(as_json=True).result({"rows": 1}, lambda: pytest.fail("drawn"))
    said = capsys.readouterr()
    assert said.err == "working\n"
    assert json.loads(said.out) == {"rows": 1}


def test_without_json_a_result_is_drawn(capsys: pytest.CaptureFixture[str]) -> None:
    """The payload itself is not shown."""
    terminal().result({"rows": 1}, lambda: terminal().pairs({"rows": 1, "model": "m"}))
    assert capsys.readouterr().out == "rows   1\nmodel  m\n"


def test_values_of_data_cannot_steer_a_terminal() -> None:
    """Escape codes, line breaks, NUL and bidi overrides become spaces; letters of any script stay."""
    assert printable("a\x1b[2Jb\r\nc\0d\u202ee") == "a [2Jb  c d e"
    assert printable("Größe 大小 0 % → 4 %") == "Größe 大小 0 % → 4 %"


def test_a_sparkline_spans_its_values() -> None:
    """Lowest and highest block at the ends, a gap where nothing is known."""
    assert sparkline([0.0, None, 1.0, float("nan"), 0.5]) == "▁ █ ▅"
    assert sparkline([2.0, 2.0]) == "▁▁"
    assert sparkline([None]) == ""


def test_progress_is_silent_on_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is written where nobody watches."""
    with terminal().progress() as report:
        report("reading", 1, 2)
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "")


def test_a_narrow_terminal_does_without_what_can_be_spared() -> None:
    """In the order given, until the rest can be read; what is not spare stays."""
    columns, widths = ("id", "kind", "opened", "title"), (12, 11, 17, 90)
    assert fitting(columns, widths, 120, ("opened", "kind")) == [0, 1, 2, 3]
    assert fitting(columns, widths, 60, ("opened", "kind")) == [0, 1, 3]
    assert fitting(columns, widths, 10, ("opened", "kind")) == [0, 3]
