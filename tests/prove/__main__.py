"""`make prove`: is Leeway exact when it is killed, fails, is locked out, or is not alone?

Tries faults on real processes, prints one table, and exits with 1 when the promise is broken
(docs/proof.md says what is proven and how).
"""

import argparse
import dataclasses
import json
import os
import platform
import sqlite3
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from tests.prove import fleet, mutants
from tests.prove.faults import Kind
from tests.prove.prover import DATABASES, Order, Proof, prove
from tests.prove.table import lines

EVERY_S = 60.0  # between two lines of progress where there is no terminal
SHOWN = 20  # broken promises in full
FLEET_PER_CENT = 3  # of the kills are of one of several daemons: 60 of 2,000
FEW, FEW_DAYS = 500, 6  # with fewer kills than that, several daemons share six days only


def main(arguments: Sequence[str] | None = None) -> int:
    chosen = _options().parse_args(arguments)
    record: dict[str, object] = {"when": _now(), "machine": machine(), "commit": commit()}
    broken = False
    if proof := _faults(chosen):
        broken |= _report(proof)
        record |= {"arguments": vars(chosen), "kills": proof.kills, "faults": dataclasses.asdict(proof)}
    if "mutants" in chosen.only:
        try:
            results = mutants.check(chosen.jobs, chosen.mutant, _say)
        except (mutants.Unfit, ValueError) as error:
            print(f"nothing can be proven: {error}")
            return 1
        print("\n".join(mutants.lines(results)))
        survivors = [result.name for result in results if not result.killed]
        print(f"{len(results)} guards disabled one at a time, {len(survivors)} not noticed")
        broken |= bool(survivors) or not results
        record["mutants"] = [dataclasses.asdict(result) for result in results]
    print(f"{record['when']}, {record['machine']}, commit {record['commit']}")
    print("the promise is BROKEN" if broken else "the promise holds")
    if chosen.json:
        Path(chosen.json).write_text(json.dumps(record, indent=1, default=str) + "\n")
    return int(broken)


def _faults(chosen: argparse.Namespace) -> Proof | None:
    """All that is tried on processes; None when nothing of it is wanted."""
    proof: Proof | None = None
    if kinds := [kind for kind in Kind if kind in chosen.only]:
        order = Order(
            kills=chosen.kills,
            databases=chosen.databases,
            kinds=kinds,
            jobs=chosen.jobs,
            seed=chosen.seed,
            seconds=None if chosen.minutes is None else chosen.minutes * 60.0,
            to_the_end=chosen.to_the_end,
        )
        _say(f"recording the undisturbed life on {' and '.join(order.databases)} …")
        proof = prove(order, _Progress())
    if "fleet" in chosen.only and "postgresql" in chosen.databases:
        few = chosen.kills < FEW
        days = FEW_DAYS if few else fleet.PROVEN_DAYS
        kills = max(4, chosen.kills * FLEET_PER_CENT // 100)
        _say(f"several daemons over {24 * days:,} windows, {kills} kills …")
        began = time.monotonic()
        proof = proof or Proof(rows=[])
        rows, wrong = fleet.prove(kills=kills, days=days, seed=chosen.seed)
        proof.rows += rows
        proof.wrong += wrong
        proof.seconds += time.monotonic() - began
        if few:
            proof.notes.append(f"several daemons: {24 * days} windows; 1,008 with --kills {FEW} and more")
    return proof


def _options() -> argparse.ArgumentParser:
    words = [*Kind, "fleet", "mutants"]
    parser = argparse.ArgumentParser(prog="python -m tests.prove", description=__doc__.split("\n", 1)[0])
    parser.add_argument(
        "--kills", type=_number, default=2000, help="SIGKILLs in all, at least (default 2000)"
    )
    parser.add_argument(
        "--databases", type=_list(DATABASES), default=list(DATABASES), help="sqlite,postgresql (default both)"
    )
    parser.add_argument(
        "--only",
        type=_list(words),
        default=[*Kind, "fleet"],
        help=f"some of {','.join(words)} (default all but mutants)",
    )
    parser.add_argument(
        "--minutes", type=float, help="begin no further try after that; the run is then partial"
    )
    parser.add_argument("--seed", type=int, default=1, help="of what is left to chance (default 1)")
    parser.add_argument("--jobs", type=_number, default=2, help="tries at a time (default 2)")
    parser.add_argument(
        "--to-the-end",
        type=_number,
        default=10,
        metavar="N",
        help="live each N-th try to the end (default 10; 1: all)",
    )
    parser.add_argument("--mutant", default="", help="only mutants whose name holds this")
    parser.add_argument("--json", metavar="FILE", help="write all numbers there too")
    return parser


def _list(known: Sequence[str]):  # type: ignore[no-untyped-def]  # argparse wants a plain callable
    def parse(text: str) -> list[str]:
        words = [word.strip() for word in text.split(",") if word.strip()]
        wrong = [word for word in words if word not in known]
        if wrong or not words:
            raise argparse.ArgumentTypeError(
                f"unknown {', '.join(wrong) or 'nothing'}, known: {', '.join(known)}"
            )
        return words

    return parse


def _number(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a number from 1, got {text}")
    return int(text)


class _Progress:
    """One line that changes on a terminal, one a minute elsewhere; a broken promise at once."""

    def __init__(self) -> None:
        self._began = self._said = time.monotonic()
        self._broken = 0
        self._terminal = sys.stderr.isatty()

    def __call__(self, proof: Proof, done: int, planned: int) -> None:
        now = time.monotonic()
        for wrong in proof.wrong[self._broken : SHOWN]:
            sys.stderr.write(f"\rBROKEN {wrong}\x1b[K\n" if self._terminal else f"BROKEN {wrong}\n")
        self._broken = len(proof.wrong)
        if not self._terminal and now - self._said < EVERY_S and done < planned:
            return
        self._said = now
        minutes = (now - self._began) / 60.0
        line = (
            f"{done}/{planned} tries, {proof.kills} kills, {len(proof.wrong)} broken, "
            f"{proof.kills / minutes:.0f} kills a minute, "
            f"about {minutes / done * (planned - done):.0f} min to go"
        )
        sys.stderr.write(f"\r{line}\x1b[K" if self._terminal else f"{line}\n")
        if self._terminal and done >= planned:
            sys.stderr.write("\n")
        sys.stderr.flush()


def _report(proof: Proof) -> bool:
    print("\n".join(lines(proof.rows)))
    for note in proof.notes:
        print(note)
    for wrong in proof.wrong[:SHOWN]:
        print(f"BROKEN {wrong}")
    if len(proof.wrong) > SHOWN:
        print(f"… and {len(proof.wrong) - SHOWN} more")
    others = sum(row.faults for row in proof.rows) - proof.kills
    minutes = proof.seconds / 60.0
    rate = f"{proof.kills / minutes:.0f} kills a minute with the recording"
    print(f"{proof.kills} SIGKILLs and {others} other faults in {minutes:.1f} min, {rate}")
    return bool(proof.wrong) or not any(row.faults for row in proof.rows)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")


def machine() -> str:
    """What somebody needs to know to compare."""
    model = platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [
            line.partition(":")[2].strip() for line in info.read_text().splitlines() if "model name" in line
        ]
        model = names[0] if names else model
    return (
        f"{os.cpu_count()} cores {model}, {platform.system()} {platform.release().split('-')[0]}, "
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    )


def commit() -> str:
    """Of the tree that was proven; says when files were changed after it."""
    root = Path(__file__).resolve().parents[2]

    def git(*words: str) -> str:
        done = subprocess.run(["git", *words], cwd=root, capture_output=True, text=True)
        return done.stdout.strip() if done.returncode == 0 else ""

    return (git("rev-parse", "--short", "HEAD") or "unknown") + (
        " and changes" if git("status", "--porcelain") else ""
    )


if __name__ == "__main__":
    sys.exit(main())
