"""`make bench`: are the numbers that this project promises still true on this machine?

Prints a table a group and leaves with 1 when a target is missed. Quality has a suite of its own:
benchmarks/quality. Method and last numbers: README.md here.
"""

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from benchmarks import (
    bench_counting,
    bench_history,
    bench_libraries,
    bench_load,
    bench_pushdown,
    bench_reference,
    bench_relations,
    bench_soak,
    bench_startup,
)
from benchmarks.rows import Row, as_people_run

GROUPS = {
    "counting": "The one pass over a column",
    "statistics": "Statistics from its counts",
    "relations": "Relations beside the pass",
    "startup": "Starting up: whole processes",
    "load": "All due at once: hourly models of one daemon",
    "pushdown": "A window in PostgreSQL: counted by the database, or pulled",
    "reference": "A reference that memory does not hold: whole processes",
    "soak": "A year in fast motion: does a daemon stay as it was?",
    "history": "Looking at ten million column results: the queries behind what is shown",
    "libraries": "Beside others: 20 columns of 100,000 rows, and as many in the reference",
}
LONG = ("soak", "history", "reference")  # hours, or gigabytes of disk: only where it is asked for


def main(argv: Sequence[str] | None = None) -> int:
    """The exit code: 0, or 1 when a target is missed."""
    arguments = _parser().parse_args(argv)
    as_people_run()
    wanted = arguments.only.split(",") if arguments.only else [name for name in GROUPS if name not in LONG]
    if unknown := [name for name in wanted if name not in GROUPS]:
        print(f"--only: unknown {', '.join(unknown)}; there is {', '.join(GROUPS)}", file=sys.stderr)
        return 2
    machine = f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python {platform.python_version()}"
    print(f"{machine}, {platform.platform()}")
    began, results = time.perf_counter(), dict[str, list[Row]]()
    with tempfile.TemporaryDirectory(prefix="leeway-bench-") as folder:
        for name in wanted:
            print(f"\n{GROUPS[name]} ({name})", flush=True)
            results[name] = []
            for row in _rows(name, arguments, Path(folder)):
                results[name].append(row)
                print(row.text(), flush=True)
    missed = [row.what.strip() for rows in results.values() for row in rows if row.met is False]
    targets = sum(row.met is not None for rows in results.values() for row in rows)
    seconds = time.perf_counter() - began
    print(f"\n{targets - len(missed)} of {targets} targets met in {seconds:.0f} s")
    for what in missed:
        print(f"NOT MET: {what}")
    if arguments.json:
        tables = {name: [row.facts() for row in rows] for name, rows in results.items()}
        facts = {"machine": machine, "platform": platform.platform(), "seconds": seconds, "tables": tables}
        arguments.json.write_text(json.dumps(facts, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return 1 if missed else 0


def _rows(name: str, arguments: argparse.Namespace, folder: Path) -> Iterable[Row]:
    rows, runs = arguments.rows, arguments.runs
    ways: dict[str, Callable[[], Iterable[Row]]] = {
        "counting": lambda: bench_counting.counting(rows),
        "statistics": lambda: bench_counting.statistics(rows),
        "relations": lambda: bench_relations.relations(rows),
        "startup": lambda: bench_startup.startup(folder, runs),
        "load": lambda: bench_load.load_of(folder / "load", arguments.models),
        "pushdown": lambda: bench_pushdown.pushdown(rows),
        "reference": lambda: bench_reference.reference(folder / "reference", rows, arguments.columns),
        "soak": lambda: bench_soak.soak(folder / "soak", arguments.models, arguments.days),
        "history": lambda: bench_history.history(folder / "history", arguments.results, arguments.url),
        "libraries": lambda: bench_libraries.libraries(rows=max(1, rows // 10)),
    }
    return ways[name]()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Speed in numbers.")
    parser.add_argument("--only", help=f"some of {','.join(GROUPS)}")
    parser.add_argument("--rows", type=int, default=1_000_000, help="of a column; the targets are for 1e6")
    parser.add_argument("--runs", type=int, default=5, help="processes a start-up row takes the median of")
    parser.add_argument(
        "--models", type=int, default=200, help="of the load (its targets are for 200) and the soak (20)"
    )
    parser.add_argument("--columns", type=int, default=20, help="of the reference; its rows are --rows")
    parser.add_argument("--days", type=int, default=365, help="of the soak")
    parser.add_argument("--results", type=int, default=10_000_000, help="column results of the history")
    parser.add_argument("--url", help="of an empty database for the history, in place of SQLite")
    parser.add_argument("--json", type=Path, metavar="PATH", help="write the results here as well")
    return parser


if __name__ == "__main__":
    sys.exit(main())
