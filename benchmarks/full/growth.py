"""How does Leeway's cost grow? In columns, in categories of a column, and in models."""

import json
import os
import statistics
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.bench_load import references, write
from benchmarks.full import product
from benchmarks.full.contest import (
    FLOOR,
    LEEWAY,
    TOOLS,
    Environments,
    Limits,
    Result,
    contest,
    interpreter,
    repeated,
)
from benchmarks.full.daemon import folded
from benchmarks.full.dataset import Shape
from benchmarks.full.environments import Environment
from benchmarks.full.processes import Took, whole
from benchmarks.rows import Row

_TIMES = 3  # as many runs as of what takes seconds
_CHI_SQUARE = Path(__file__).with_name("leeway_labels.py")


def columns(
    folder: Path, data: Path, rows: int, counts: Sequence[int], where: Environments, limits: Limits
) -> Iterator[Result]:
    """Three quarters of numbers, one of text, as in the whole."""
    for count in counts:
        shape = Shape(rows=rows, numbers=count - count // 4, texts=count // 4)
        yield from contest(folder / f"columns-{count}", data, [shape], [FLOOR, LEEWAY], where, limits)


def categories(
    folder: Path, data: Path, rows: int, counts: Sequence[int], where: Environments, limits: Limits
) -> Iterator[Row]:
    """One column of text: source, counts and chi-square against DuckDB's GROUP BY of the same file."""
    duckdb = where("duckdb")
    for count in counts:
        shape = Shape(rows=rows, numbers=0, texts=1, labels=count)
        config, window = product.side(folder / "categories", data, shape)
        commands = [[sys.executable, str(_CHI_SQUARE), str(config), str(window)]]
        why = ""
        if isinstance(duckdb, Environment):
            script = TOOLS / "duckdb_group.py"
            commands.append([*interpreter(duckdb), str(script), "measure", "-", str(window), "-"])
        else:
            why = f"; NOT MEASURED: {duckdb.reason}"
        ours, theirs = (*_work(commands, limits), float("nan"))[:2]
        yield Row(
            what=f"chi-square of {count:,} labels, of DuckDB's GROUP BY",
            measured=ours / theirs,
            unit="× CPU",
            at_most=1.0 if count >= 100_000 else None,
            note=f"{rows:,} rows, {ours:.3f} s, {theirs:.3f} s after the imports{why}",
        )


def _work(commands: Sequence[Sequence[str]], limits: Limits) -> list[float]:
    """CPU seconds of each after its imports: the median of what its processes say of themselves. In turn, and
    more of them than of a long run, for a fifth of a second says little."""
    said: list[list[float]] = [[] for _ in commands]
    for turn in range(1 + _TIMES * limits.runs):
        for command, mine in zip(commands, said, strict=True):
            seconds = float(json.loads(whole(command, limit_s=limits.cpu_s).said)["work_cpu_s"])
            if turn:  # caches are full from here on
                mine.append(seconds)
    return [statistics.median(mine) for mine in said]


def models(folder: Path, counts: Sequence[int], columns: int, limits: Limits) -> Iterator[Row]:
    """A pass over hourly models of 500 rows, all due: what a small window costs when there are many."""
    measured: list[tuple[int, Took]] = []
    for count in counts:
        home = folder / f"models-{count}"
        end = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
        config = write(home, count, columns, end)
        references(config, count)
        took = whole([*product.leeway(config), "run", "--once"], limit_s=4 * limits.cpu_s)
        if (ended := folded(home / "leeway.db")) != count:
            raise RuntimeError(f"{count} windows were due, and {ended} were folded: {took.told[-300:]!r}")
        measured.append((count, took))
        yield Row(
            what=f"one pass over {count:,} models",
            measured=took.cpu_s,
            unit="s of CPU",
            note=f"500 rows × {columns} columns each, {took.wall_s:.1f} s, {took.peak_mib:,.0f} MiB",
        )
    (few, small), (many, large) = measured[0], measured[-1]
    if many > few:
        each = (large.cpu_s - small.cpu_s) / (many - few)
        yield Row(
            what="  a small window more",
            measured=1e3 * each,
            unit="ms of CPU",
            note=f"{1 / each:.0f} a second",
        )


def queries(folder: Path, limits: Limits) -> Iterator[Row]:
    """What people ask of the history that the most models left: whole commands."""
    homes = sorted(folder.glob("models-*"), key=os.path.getmtime)
    config = homes[-1] / "leeway.toml"
    for command in (
        "history verdicts --last 100",
        "history measurements --last 100",
        "incidents list",
        "status",
    ):
        took = repeated([*product.leeway(config), *command.split()], limits)
        yield Row(
            what=f"leeway {command}",
            measured=took.cpu_s,
            unit="s of CPU",
            note=f"{took.wall_s:.2f} s, {took.peak_mib:.0f} MiB",
        )
