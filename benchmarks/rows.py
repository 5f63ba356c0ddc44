"""What does a bench report? Rows: what was measured, what it should be, and whether it is."""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of a table. Without a target it is there to compare with."""

    what: str
    measured: float
    unit: str
    at_most: float | None = None
    at_least: float | None = None
    note: str = ""

    @property
    def met(self) -> bool | None:
        """None without a target. Not a number meets no target."""
        if self.at_most is not None:
            return self.measured <= self.at_most
        if self.at_least is not None:
            return self.measured >= self.at_least
        return None

    def text(self) -> str:
        """For a person."""
        target = f"≤ {self.at_most:g}" if self.at_most is not None else ""
        target = f"≥ {self.at_least:g}" if self.at_least is not None else target
        word = {None: "", True: "met", False: "NOT MET"}[self.met]
        measured = f"{self.measured:.3g}" if abs(self.measured) < 100 else f"{self.measured:,.0f}"
        return f"  {self.what:46} {measured:>9} {self.unit:12} {target:>10} {word:8} {self.note}".rstrip()

    def facts(self) -> dict[str, object]:
        """For a machine."""
        return {**asdict(self), "met": self.met}


def median_cpu_s(work: Callable[[], object], runs: int, repeats: int = 1) -> float:
    """Median CPU seconds of `work`, all threads, after one run that is not counted.

    `repeats`: what takes microseconds is done so often a measurement, as the clock ticks in microseconds.
    """
    work()
    taken = []
    for _ in range(runs):
        start = time.process_time()
        for _ in range(repeats):
            work()
        taken.append((time.process_time() - start) / repeats)
    return statistics.median(taken)


def as_people_run() -> None:
    """Processes from here on keep the bytecode of what they import, whatever this machine is set to.

    PYTHONDONTWRITEBYTECODE, which images like to set, has each of them compile thousands of modules: ours and
    those of the tools beside, 0.4 s of a `leeway check`.
    """
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What a whole process took, its children included."""

    cpu_s: float
    wall_s: float
    output: str
    peak_mib: float = 0.0  # resident, at its highest


def process(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Spent:
    """Run a command to its end; a failure raises with what it said."""
    began = time.perf_counter()
    child = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, **(environment or {})},
    )
    assert child.stdout is not None
    output = child.stdout.read()
    # Not child.wait(): only wait4 says what this one process took.
    _, status, usage = os.wait4(child.pid, 0)
    wall_s = time.perf_counter() - began
    child.stdout.close()
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} left with {child.returncode}:\n{output}")
    return Spent(
        cpu_s=usage.ru_utime + usage.ru_stime,
        wall_s=wall_s,
        output=output,
        # KiB on Linux, bytes on macOS (getrusage(2)).
        peak_mib=usage.ru_maxrss / (1024 if sys.platform == "linux" else 1024**2),
    )


def typical(spent: Sequence[Spent]) -> Spent:
    """The run with the median CPU time."""
    return sorted(spent, key=lambda one: one.cpu_s)[len(spent) // 2]


def peak_mib(pid: int | str = "self") -> float:
    """The highest memory of a process: VmHWM, as ru_maxrss still knows the parent's from before the exec."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("VmHWM"))) / 1024
