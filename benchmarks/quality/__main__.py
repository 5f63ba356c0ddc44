"""`make bench-quality`: does an alert mean something, by the numbers that the project promises?

    python -m benchmarks.quality --seeds 1 2 3 4 5 --jobs 2
    python -m benchmarks.quality --only iid,planted --seeds 7 8

Prints a table a part, target beside reached, and leaves with 1 when a target is missed. README.md here
explains every world and every rule of the peers.
"""

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from contextlib import ExitStack
from multiprocessing import get_context
from pathlib import Path

from benchmarks.quality.part import Size
from benchmarks.quality.suite import PARTS, needs_flights, one
from benchmarks.quality.tally import Tally
from benchmarks.rows import Row


def main(argv: Sequence[str] | None = None) -> int:
    """The exit code: 0, or 1 when a target is missed."""
    arguments = _parser().parse_args(argv)
    wanted = arguments.only.split(",") if arguments.only else list(PARTS)
    if unknown := [name for name in wanted if name not in PARTS]:
        print(f"--only: unknown {', '.join(unknown)}; there is {', '.join(PARTS)}", file=sys.stderr)
        return 2
    seeds: list[int] = list(dict.fromkeys(arguments.seeds))
    size = Size.toy() if arguments.toy else Size.full(len(seeds))
    machine = f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python {platform.python_version()}"
    print(f"{machine}; seeds {' '.join(map(str, seeds))}; {size.onsets * len(seeds)} onsets a fault")
    began = time.perf_counter()
    with ExitStack() as stack:
        folder = arguments.flights or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="leeway-")))
        if any(needs_flights(name) for name in wanted):
            from benchmarks.quality.departures import prepare

            prepare(folder)
        tables = _tables(wanted, seeds, size, folder, arguments.jobs)
    seconds = time.perf_counter() - began
    found = [row for rows, _ in tables.values() for row in rows]
    missed = [row for row in found if row.met is False]
    targets = sum(row.met is not None for row in found)
    print(f"\n{targets - len(missed)} of {targets} targets met in {seconds:.0f} s")
    for row in missed:
        print(f"NOT MET: {row.what.strip()}: {row.measured:.3g}")
    if arguments.json:
        facts = {
            "machine": machine,
            "platform": platform.platform(),
            "seeds": seeds,
            "onsets": size.onsets * len(seeds),
            "seconds": seconds,
            "tables": {name: [row.facts() for row in rows] for name, (rows, _) in tables.items()},
            "counts": {
                name: {str(seed): tally.facts() for seed, tally in tallies.items()}
                for name, (_, tallies) in tables.items()
            },
        }
        arguments.json.write_text(json.dumps(facts, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return 1 if missed else 0


def _tables(
    wanted: Sequence[str], seeds: Sequence[int], size: Size, folder: Path, jobs: int
) -> dict[str, tuple[list[Row], dict[int, Tally]]]:
    """Rows and counts a part, printed as soon as a part has all its seeds."""
    tallies: dict[str, dict[int, Tally]] = {name: {} for name in wanted}
    tables: dict[str, tuple[list[Row], dict[int, Tally]]] = {}
    tasks = [(name, seed) for name in sorted(wanted, key=lambda name: -PARTS[name].weight) for seed in seeds]

    def take(name: str, seed: int, tally: Tally) -> None:
        tallies[name][seed] = tally
        if len(tallies[name]) < len(seeds):
            return
        ordered = {seed: tallies[name][seed] for seed in seeds}
        rows = list(PARTS[name].rows(ordered))
        tables[name] = rows, ordered
        print(f"\n{PARTS[name].title} ({name})")
        for row in rows:
            print(row.text(), flush=True)

    if jobs == 1:
        for name, seed in tasks:
            take(name, seed, one(name, seed, size, folder))
    else:
        # "spawn": numba's and polars' threads do not survive a fork.
        with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
            futures: dict[Future[Tally], tuple[str, int]] = {
                pool.submit(one, name, seed, size, folder): (name, seed) for name, seed in tasks
            }
            for future in as_completed(futures):
                take(*futures[future], future.result())
    return {name: tables[name] for name in wanted}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.quality", description="False pages and what is found, beside the targets."
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--only", help=f"some of {','.join(PARTS)}")
    parser.add_argument("--flights", type=Path, help="keep the scored flights in this folder")
    parser.add_argument(
        "--json", type=Path, metavar="PATH", help="write the rows and all counts here as well"
    )
    parser.add_argument("--toy", action="store_true", help="so small that only running it means anything")
    return parser


if __name__ == "__main__":
    sys.exit(main())
