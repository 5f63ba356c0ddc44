"""Does `make bench-full` run, and say what it could not measure? At toy sizes, without a network.

What is measured here means nothing and is not looked at. The tools' scripts run in this environment's Python
where it has the library; elsewhere a tool is absent, and that is what is tested.
"""

import json
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from benchmarks.bench_load import references, write
from benchmarks.full import growth, product, verdicts
from benchmarks.full.__main__ import main
from benchmarks.full.contest import FLOOR, OTHERS, Limits, Result, contest, facts_of, too_much
from benchmarks.full.daemon import NEVER, folded, live
from benchmarks.full.dataset import NULLS, TIME, Shape, written
from benchmarks.full.environments import REQUIREMENTS, Absent, Environment, environment
from benchmarks.full.processes import LateError, Took, medians, whole
from storage.engine import open_store

HERE = Environment(python=Path(sys.executable))
TOY = Shape(rows=300, numbers=3, texts=2)
LABELS = Path(growth.__file__).with_name("leeway_labels.py")
LIMITS = Limits(cpu_s=300.0, runs=1)


def took(cpu_s: float, *, peak_mib: float = 100.0, wall_s: float = 1.0) -> Took:
    return Took(cpu_s=cpu_s, wall_s=wall_s, peak_mib=peak_mib, runs=1, said="", told="")


def result(tool: str, rows: int, cpu_s: float | None, why: str = "") -> Result:
    return Result(tool=tool, rows=rows, columns=200, took=None if cpu_s is None else took(cpu_s), why=why)


def test_everyone_reads_the_same_rows(tmp_path: Path) -> None:
    """A seed gives the same values again; two per cent are null, and the window is one day of them."""
    shape = Shape(rows=5_000, numbers=5, texts=2)
    first, again = (pl.read_parquet(written(tmp_path / name, shape)) for name in ("a", "b"))
    assert first.equals(again)
    other = pl.read_parquet(written(tmp_path / "a", replace(shape, seed=1)))
    assert not first.equals(other)
    assert first.schema == {
        TIME: pl.Datetime("us", "UTC"),
        **{f"x00{number}": pl.Float64 for number in range(5)},
        "s00": pl.String,
        "s01": pl.String,
    }
    for column in first.drop(TIME):
        assert column.null_count() / shape.rows == pytest.approx(NULLS, abs=0.01)
    assert first["s01"].drop_nulls().n_unique() <= 12
    assert first[TIME].dt.date().n_unique() == 1


def test_tools_are_measured_and_absent_ones_are_named(tmp_path: Path) -> None:
    """polars and SciPy read every row of the same file; the others stand there with the reason."""
    homes = {"polars": HERE, "scipy": HERE}
    found = list(
        contest(
            tmp_path / "kept",
            tmp_path / "data",
            [TOY],
            [FLOOR, "scipy", "nannyml"],
            lambda tool: homes.get(tool, Absent(reason="was not installed: no such package")),
            LIMITS,
        )
    )
    assert [one.tool for one in found] == [FLOOR, "scipy", "nannyml"]
    for one in found[:2]:
        assert one.took is not None, one.why
        assert one.took.cpu_s > 0.0
        assert one.facts["rows"] == TOY.rows
    assert found[1].facts["results"] == 5
    assert found[2].took is None
    assert "no such package" in found[2].why
    printed = [row.text() for row in verdicts.table(found)]
    assert "NOT MEASURED: was not installed" in printed[2]


def test_a_tool_that_fails_is_named_with_what_it_said(tmp_path: Path) -> None:
    """A script that raises is no measurement: here the library is not installed."""
    with pytest.raises(ModuleNotFoundError):
        __import__("alibi_detect")
    (only,) = contest(tmp_path, tmp_path, [TOY], ["alibi_detect"], lambda _: HERE, LIMITS)
    assert only.took is None
    assert "No module named 'alibi_detect'" in only.why


def test_the_whole_of_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Leeway sees every row and column; tools without an environment are told, in the table and the JSON; a
    promise about them is not met; the picture names who was measured."""
    numbers, picture = tmp_path / "numbers.json", tmp_path / "picture.svg"
    options = ["--only", "contest,kernels", "--tools", "leeway,evidently", "--no-ladder", "--runs", "1"]
    sizes = ["--rows", "300", "--numbers", "3", "--texts", "2"]
    places = ["--cache", str(tmp_path / "cache"), "--requirements", str(tmp_path)]
    code = main([*options, *sizes, *places, "--json", str(numbers), "--plot", str(picture)])
    assert code == 1
    printed = capsys.readouterr().out
    assert "NOT MEASURED: no requirement file evidently.txt" in printed
    assert "NOT MET: evidently, of Leeway" in printed
    facts = json.loads(numbers.read_text(encoding="utf-8"))
    ours, theirs = facts["contest"]
    assert (ours["facts"]["rows"], ours["facts"]["results"]) == (300, 5)
    assert ours["took"]["peak_mib"] > 50.0
    assert (theirs["took"], theirs["why"][:22]) == (None, "no requirement file ev")
    assert len(facts["tables"]["kernels"]) == 7
    assert "leeway" in picture.read_text(encoding="utf-8")
    assert not list((tmp_path / "cache").glob("run-*"))


def test_a_tool_that_left_something_out_is_not_measured() -> None:
    """Rows or columns that nobody looked at cost nothing: the fewer, the quicker."""
    whole_of_it = '{"rows": 300, "results": 5}'
    assert facts_of("scipy", whole_of_it, TOY)["results"] == 5
    for said in ('{"rows": 299, "results": 5}', '{"rows": 300, "results": 4}'):
        with pytest.raises(RuntimeError, match="not 5 of 300"):
            facts_of("scipy", said, TOY)
    with pytest.raises(RuntimeError, match="a line of JSON"):
        facts_of("scipy", "", TOY)


def test_labels_that_look_like_identifiers_are_measured_too(tmp_path: Path) -> None:
    """Leeway leaves such a column out unless it is named: then there would be nothing to count. Where the
    reference has none, the bench raises."""
    shape = Shape(rows=300, numbers=0, texts=1, labels=100_000)
    config, window = product.side(tmp_path, tmp_path / "data", shape)
    command = [sys.executable, str(LABELS), str(config), str(window)]
    assert json.loads(whole(command).said)["results"] == 3
    text = config.read_text(encoding="utf-8")
    left_out = text.replace('include = ["s*"]', "include = []")
    assert left_out != text
    config.write_text(left_out, encoding="utf-8")
    for file in config.parent.glob("leeway.db*"):
        file.unlink()
    whole([*product.leeway(config), "reference", "build", "--model", product.MODEL])
    with pytest.raises(RuntimeError, match="nothing was measured"):
        whole(command)


def test_labels_without_duckdb_say_so(tmp_path: Path) -> None:
    """What Leeway takes is measured all the same; the ratio is none."""
    (row,) = growth.categories(
        tmp_path, tmp_path / "data", 200, [30], lambda _: Absent(reason="no wheel"), LIMITS
    )
    assert "NOT MEASURED: no wheel" in row.note
    assert row.measured != row.measured


def test_models_are_passed_over(tmp_path: Path) -> None:
    """Every window that was due is evaluated, or it raises."""
    rows = [row.what for row in growth.models(tmp_path, [2], 3, LIMITS)]
    assert rows == ["one pass over 2 models"]


def test_words_there_are_not(capsys: pytest.CaptureFixture[str]) -> None:
    """The answer names those there are."""
    assert main(["--only", "contest,speed"]) == 2
    assert main(["--tools", "polars,excel"]) == 2
    error = capsys.readouterr().err
    assert "speed" in error
    assert "excel" in error
    assert all(tool in error for tool in OTHERS)


def test_a_ratio_is_of_the_same_rows() -> None:
    """A tool measured at fewer rows is compared there, and the row says at how many and why."""
    rows = list(
        verdicts.beside(
            [
                result("leeway", 1_000, 2.0),
                result("leeway", 10_000, 4.0),
                result("polars", 1_000, 1.0),
                result("polars", 10_000, 3.0),
                result("evidently", 1_000, 130.0),
                result("evidently", 10_000, None, "not begun: too long"),
                result("whylogs", 1_000, None, "no wheel"),
            ]
        )
    )
    floor, evidently, whylogs = rows
    assert (floor.measured, floor.met) == (pytest.approx(4.0 / 3.0), True)
    assert (evidently.measured, evidently.met) == (65.0, True)
    assert evidently.note == "at 1,000 rows; not begun: too long"
    assert whylogs.met is False
    assert "no wheel" in whylogs.note


def test_a_size_that_might_pass_the_limit_is_not_begun() -> None:
    """One size: as the rows grow. Two: along the line through them, as a tool has a fixed part."""
    once = [result("evidently", 1_000, 50.0)]
    assert "might pass the limit of 300 s" in too_much(once, 10_000, LIMITS)
    assert too_much(once, 6_000, LIMITS) == ""
    twice = [*once, result("evidently", 2_000, 51.0)]
    assert too_much(twice, 100_000, LIMITS) == ""
    assert too_much(twice, 1_000_000, LIMITS) != ""
    assert too_much([*twice, result("evidently", 3_000, None, "no wheel")], 4_000, LIMITS) == "no wheel"
    fat = replace(once[0], took=took(1.0, peak_mib=1e6))
    assert "might need more than" in too_much([fat], 10_000, LIMITS)


def test_the_memory_of_a_process_is_its_own() -> None:
    """Not of whoever started it: Linux hands a parent's highest memory on to what it forks."""
    ballast = bytearray(400 * 2**20)
    ballast[::4096] = b"1" * len(ballast[::4096])
    small = whole([sys.executable, "-I", "-S", "-c", "pass"])
    large = whole([sys.executable, "-I", "-S", "-c", "x = b'1' * (200 * 2**20)"])
    assert small.peak_mib < 100.0
    assert 200.0 < large.peak_mib < 300.0


def test_a_process_runs_on_as_many_cores_as_it_is_given() -> None:
    """One, for what the second core gains."""
    asked = "import os; print(len(os.sched_getaffinity(0)))"
    assert whole([sys.executable, "-c", asked], cores=1).said == "1\n"


def test_a_process_that_fails_or_does_not_end_is_none() -> None:
    """The first with what it said; the second is killed at its limit."""
    with pytest.raises(RuntimeError, match="no such thing"):
        whole([sys.executable, "-c", "raise SystemExit('no such thing')"])
    with pytest.raises(LateError, match=r"after 0\.5 s"):
        whole([sys.executable, "-c", "import time; time.sleep(60)"], limit_s=0.5)


def test_each_figure_has_its_own_median() -> None:
    """A run with little CPU may have a long wall clock; memory is the highest."""
    three = [took(1.0, wall_s=9.0, peak_mib=10.0), took(2.0, wall_s=3.0), took(3.0, wall_s=5.0)]
    both = medians(three)
    assert (both.cpu_s, both.wall_s, both.peak_mib, both.runs) == (2.0, 5.0, 100.0, 3)


def test_an_environment_is_made_once(tmp_path: Path) -> None:
    """It is there the next time; another requirement file makes another; one that cannot be is named."""
    wanted = tmp_path / "wanted"
    wanted.mkdir()
    (wanted / "nothing.txt").write_text("# nothing\n", encoding="utf-8")
    first = environment("nothing", tmp_path, wanted)
    assert isinstance(first, Environment)
    assert whole([str(first.python), "-c", "import sys; print(sys.prefix)"]).said.startswith(str(tmp_path))
    assert environment("nothing", tmp_path, wanted) == first
    missing = f"nowhere @ file://{tmp_path}/nowhere-1.0-py3-none-any.whl --hash=sha256:{'0' * 64}\n"
    (wanted / "nothing.txt").write_text(missing, encoding="utf-8")
    second = environment("nothing", tmp_path, wanted)
    assert isinstance(second, Absent)
    assert "nowhere" in second.reason


@pytest.mark.parametrize("tool", [FLOOR, *OTHERS])
def test_a_tool_is_pinned_by_hashes(tool: str) -> None:
    """A script and a closure a tool, every package of it with its hashes and no host."""
    assert (REQUIREMENTS.parent / "tools" / f"{tool}.py").exists()
    assert (REQUIREMENTS / f"{tool}.in").exists()
    text = (REQUIREMENTS / f"{tool}.txt").read_text(encoding="utf-8")
    assert "://" not in text
    packages = [line for line in text.splitlines() if not line.startswith((" ", "#"))]
    assert packages
    assert all("==" in line and line.endswith("\\") for line in packages)


def test_the_daemon_loads_no_library_of_reports(tmp_path: Path) -> None:
    """A real daemon gives its first result; CPU and memory are its own, and every module is told."""
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    config = write(tmp_path, 1, 4, hour)
    references(config, 1)
    lived = live(config, 120.0, 0.0, {"PYTHONPROFILEIMPORTTIME": "1"})
    assert lived.first_cpu_s > 0.5
    assert lived.idle_mib > 50.0
    assert all(lived.modules_of(package) > 5 for package in ("polars", "numba", "scipy.special"))
    assert not any(lived.modules_of(package) for package in NEVER)
    with open_store(f"sqlite:///{tmp_path / 'leeway.db'}") as store, store.write() as conn:
        conn.exec_driver_sql("UPDATE ledger SET state = 'no_data'")
    with pytest.raises(RuntimeError, match="no_data"):
        folded(tmp_path / "leeway.db")
