"""What do whole processes take: CPU, wall clock and memory at the highest, reading and imports included?"""

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_LAUNCH = Path(__file__).with_name("launch.py")


class LateError(RuntimeError):
    """The process was still running at its limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Took:
    """One process, or the medians of several, each figure by itself.

    `peak_mib`: its resident memory at the highest. `said` and `told`: what the last one
    printed on its standard output and its standard error.
    """

    cpu_s: float  # user + system, all threads and children
    wall_s: float
    peak_mib: float
    runs: int
    said: str
    told: str


def whole(
    command: Sequence[str],
    *,
    cores: int = 2,
    limit_s: float = 3600.0,
    environment: Mapping[str, str] | None = None,
) -> Took:
    """Runs it once. Raises LateError at the limit, RuntimeError with what it said when it fails."""
    launched = subprocess.run(
        [sys.executable, "-I", "-S", str(_LAUNCH), str(cores), str(limit_s), *command],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env={**os.environ, **(environment or {})},
    )
    facts = json.loads(launched.stdout)
    shown = " ".join(command)[:300]
    if facts["returned"] is None:
        raise LateError(f"{shown}: was still running after {limit_s:g} s")
    if facts["returned"] != 0:
        raise RuntimeError(f"{shown}: left with {facts['returned']}:\n{facts['errors'].strip()[-2000:]}")
    return Took(
        cpu_s=facts["cpu_s"],
        wall_s=facts["wall_s"],
        peak_mib=facts["peak_mib"],
        runs=1,
        said=facts["output"],
        told=facts["errors"],
    )


def medians(took: Sequence[Took]) -> Took:
    """Each figure's own median; the memory is the highest."""
    return Took(
        cpu_s=statistics.median(one.cpu_s for one in took),
        wall_s=statistics.median(one.wall_s for one in took),
        peak_mib=max(one.peak_mib for one in took),
        runs=len(took),
        said=took[-1].said,
        told=took[-1].told,
    )
