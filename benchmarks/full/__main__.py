"""`make bench-full`: what does Leeway take beside other tools on the same rows, and are its promises kept?

    python -m benchmarks.full                                  # everything: see README.md for how long
    python -m benchmarks.full --only contest --tools polars,leeway,duckdb --rows 100000
    python -m benchmarks.full --json numbers.json --plot benchmarks/full.svg

Prints a table a part and leaves with 1 when a target is missed or could not be measured.
"""

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks.full import growth, verdicts
from benchmarks.full.contest import FLOOR, LEEWAY, OTHERS, Limits, Result, contest
from benchmarks.full.daemon import daemon
from benchmarks.full.dataset import Shape
from benchmarks.full.environments import REQUIREMENTS, Absent, Environment, environment
from benchmarks.full.itself import alone
from benchmarks.full.kernels import kernels
from benchmarks.rows import Row, as_people_run

PARTS = {
    "contest": "Beside others: the same Parquet files, whole processes",
    "itself": "Leeway alone: the second core, and ten times the rows",
    "kernels": "A value in the compiled loops",
    "daemon": "The daemon: first result, idle, what it loads",
    "columns": "Growth in columns",
    "categories": "Growth in categories of a column of text",
    "models": "Growth in models: small windows, and the history they leave",
}
CACHE = Path(".bench")
LADDER = (10_000, 100_000, 300_000, 1_000_000)


def main(argv: Sequence[str] | None = None) -> int:
    """The exit code: 0; 1 when a target is missed or not measured; 2 for what there is not."""
    arguments = _parser().parse_args(argv)
    as_people_run()
    known = {"--only": PARTS, "--tools": (FLOOR, LEEWAY, *OTHERS)}
    wanted, tools = arguments.only.split(","), arguments.tools.split(",")
    for flag, names in (("--only", wanted), ("--tools", tools)):
        if unknown := [name for name in names if name not in known[flag]]:
            print(f"{flag}: unknown {', '.join(unknown)}; there is {', '.join(known[flag])}", file=sys.stderr)
            return 2
    began, load = time.perf_counter(), os.getloadavg()[0]
    machine = f"{os.cpu_count()} cores, load {load:.1f} at the start, Python {platform.python_version()}"
    print(f"{machine}, {platform.platform()}")
    tables, results = dict[str, list[Row]](), list[Result]()
    arguments.cache.mkdir(parents=True, exist_ok=True)
    # Beside the data, not in /tmp: a hard link stays on one file system.
    with tempfile.TemporaryDirectory(prefix="run-", dir=arguments.cache) as folder:
        ways = _ways(arguments, tools, Path(folder).resolve(), results)
        for name in wanted:
            print(f"\n{PARTS[name]} ({name})", flush=True)
            tables[name] = []
            for row in ways[name]():
                tables[name].append(row)
                print(row.text(), flush=True)
    missed = [row.what.strip() for rows in tables.values() for row in rows if row.met is False]
    targets = sum(row.met is not None for rows in tables.values() for row in rows)
    seconds = time.perf_counter() - began
    ended = f"load {os.getloadavg()[0]:.1f} at the end"
    print(f"\n{targets - len(missed)} of {targets} targets met in {seconds:.0f} s, {ended}")
    for what in missed:
        print(f"NOT MET: {what}")
    facts = {
        "machine": f"{machine}, {ended}",
        "title": f"{datetime.now(UTC):%Y-%m-%d}: {machine}, {ended}",
        "platform": platform.platform(),
        "seconds": seconds,
        "contest": [_shown(result) for result in results],
        "tables": {name: [row.facts() for row in rows] for name, rows in tables.items()},
    }
    _keep(facts, arguments.json, arguments.plot)
    return 1 if missed else 0


def _ways(
    arguments: argparse.Namespace, tools: Sequence[str], folder: Path, results: list[Result]
) -> dict[str, Callable[[], Iterable[Row]]]:
    data: Path = arguments.cache / "data"
    rows: int = arguments.rows
    limits = Limits(cpu_s=arguments.limit, runs=arguments.runs, enough_s=arguments.enough)
    shape = Shape(rows=rows, numbers=arguments.numbers, texts=arguments.texts)
    smaller = [count for count in LADDER if count < rows] if arguments.ladder else []

    @cache
    def where(tool: str) -> Environment | Absent:
        return environment(tool, (arguments.cache / "environments").resolve(), arguments.requirements)

    shapes = [shape.of(count) for count in (*smaller, rows)]
    some = max(1, rows // 10)
    return {
        "contest": lambda: _contest(contest(folder / "contest", data, shapes, tools, where, limits), results),
        "itself": lambda: alone(folder / "itself", data, shape, limits),
        "kernels": lambda: kernels(rows),
        "daemon": lambda: daemon(folder / "daemon", arguments.runs, limits, idle_s=arguments.idle),
        "columns": lambda: verdicts.table(
            list(growth.columns(folder, data, some, arguments.columns, where, limits))
        ),
        "categories": lambda: growth.categories(folder, data, rows, arguments.labels, where, limits),
        "models": lambda: _models(folder / "models", arguments, limits),
    }


def _contest(measured: Iterator[Result], results: list[Result]) -> Iterator[Row]:
    """A row as soon as it is measured, then the ratios; what was measured is left in `results`."""
    for one in measured:
        results.append(one)
        yield from verdicts.table([one])
    yield from verdicts.beside(results)


def _models(folder: Path, arguments: argparse.Namespace, limits: Limits) -> Iterator[Row]:
    yield from growth.models(folder, arguments.models, 20, limits)
    yield from growth.queries(folder, limits)


def _shown(result: Result) -> dict[str, Any]:
    """Without all that the process printed."""
    shown = asdict(result)
    for word in ("said", "told") if result.took is not None else ():
        del shown["took"][word]
    return shown


def _keep(facts: dict[str, Any], numbers: Path | None, picture: Path | None) -> None:
    if numbers is not None:
        text = json.dumps(facts, indent=2, ensure_ascii=False, default=str)
        numbers.write_text(text + "\n", encoding="utf-8")
    if picture is not None:
        from benchmarks.full.plot import draw

        draw(facts, picture)


def _counts(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(","))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.full", description="Beside others, in numbers."
    )
    every = ",".join(PARTS)
    parser.add_argument("--only", default=every, help=f"some of {every}")
    parser.add_argument("--tools", default=",".join((FLOOR, LEEWAY, *OTHERS)), help="of the contest")
    parser.add_argument("--rows", type=int, default=1_000_000, help="of the window; the targets are for 1e6")
    parser.add_argument("--numbers", type=int, default=150, help="columns of float64")
    parser.add_argument("--texts", type=int, default=50, help="columns of text")
    parser.add_argument("--no-ladder", dest="ladder", action="store_false", help="no smaller numbers of rows")
    parser.add_argument("--limit", type=float, default=900.0, help="CPU seconds of one process of a tool")
    parser.add_argument("--runs", type=int, default=5, help="medians of so many, where they are short")
    parser.add_argument("--enough", type=float, default=60.0, help="CPU seconds after which one run will do")
    parser.add_argument("--idle", type=float, default=10.0, help="seconds before memory is looked at")
    parser.add_argument("--columns", type=_counts, default=(20, 50, 100, 200), help="growth in columns")
    parser.add_argument("--labels", type=_counts, default=(10, 1_000, 100_000), help="growth in categories")
    parser.add_argument("--models", type=_counts, default=(1, 10, 100), help="growth in models")
    parser.add_argument("--cache", type=Path, default=CACHE, help="environments and data, kept")
    parser.add_argument("--requirements", type=Path, default=REQUIREMENTS, help="a file a tool, hash-pinned")
    parser.add_argument("--json", type=Path, metavar="PATH", help="write the results here as well")
    parser.add_argument("--plot", type=Path, metavar="PATH", help="draw the contest here, as SVG")
    return parser


if __name__ == "__main__":
    sys.exit(main())
