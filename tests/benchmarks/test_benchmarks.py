"""Do the benches run? At toy sizes, so what they measure means nothing here and is not looked at."""

import json
import sys
from pathlib import Path

import pytest

from benchmarks.__main__ import GROUPS, main
from benchmarks.bench_startup import startup
from benchmarks.rows import Row, process


def test_the_tables_of_counts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every row is printed, and stands in the JSON file with its target."""
    path = tmp_path / "numbers.json"
    assert main(["--only", "counting,statistics,relations", "--rows", "300", "--json", str(path)]) in {0, 1}
    printed = capsys.readouterr().out
    tables = json.loads(path.read_text(encoding="utf-8"))["tables"]
    assert list(tables) == ["counting", "statistics", "relations"]
    for row in (row for rows in tables.values() for row in rows):
        assert row["what"] in printed
        assert row["measured"] >= 0.0
    assert any(row["met"] is not None for row in tables["statistics"])


def test_the_table_of_processes(tmp_path: Path) -> None:
    """Whole processes are measured, and reading loads nothing heavy."""
    rows = {row.what: row for row in startup(tmp_path, runs=1, rows=20, commands=(), libraries=())}
    assert rows["leeway evaluate: first window with a warm cache"].measured > 0.0
    assert rows["heavy libraries in leeway history verdicts"].met is True


def test_a_missed_target_is_a_missed_target() -> None:
    """At most and at least hold at equality; not a number meets neither; no target, no word."""
    assert Row(what="x", measured=12.0, unit="ns", at_most=12.0).met is True
    assert Row(what="x", measured=12.1, unit="ns", at_most=12.0).met is False
    assert Row(what="x", measured=9.0, unit="×", at_least=9.0).met is True
    assert Row(what="x", measured=float("nan"), unit="×", at_least=9.0).met is False
    assert Row(what="x", measured=float("nan"), unit="×").met is None
    assert "NOT MET" in Row(what="x", measured=8.9, unit="×", at_least=9.0).text()


def test_an_unknown_table_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """The answer names those there are."""
    assert main(["--only", "counting,speed"]) == 2
    error = capsys.readouterr().err
    assert "speed" in error
    assert all(name in error for name in GROUPS)


def test_a_process_that_fails_says_what_it_said() -> None:
    """A bench of a broken command is no measurement."""
    with pytest.raises(RuntimeError, match="no such thing"):
        process([sys.executable, "-c", "raise SystemExit('no such thing')"])
