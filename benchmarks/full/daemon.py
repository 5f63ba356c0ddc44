"""What does the daemon cost before its first result, and while nothing is due? A real daemon process.

One model with a window that is due: the CPU from the start of the process until that window is folded, with
the kernels cached and without. Then its memory after a while of nothing, and which libraries it loaded.
"""

import os
import shutil
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.bench_load import references, write
from benchmarks.bench_startup import IMPORTS
from benchmarks.full import product
from benchmarks.full.contest import Limits, repeated
from benchmarks.rows import Row
from storage.engine import open_store

# The numbers.
TIMES_IMPORTS = 2.0
COLD_S = 8.0
IDLE_MIB = 220.0
NEVER = ("scipy.stats", "evidently")
IDLE_AFTER_S = 10.0
_TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lived:
    """`idle_mib`: resident, after a while of nothing; `mapped_mib` of it are pages of libraries on disk, of
    which a kernel maps more than are used. `loaded`: every module that was imported."""

    first_cpu_s: float
    first_wall_s: float
    idle_mib: float
    mapped_mib: float
    loaded: frozenset[str]

    def modules_of(self, package: str) -> int:
        """How many, with those inside it: a line may be lost where two threads import at once, not all."""
        return sum(name == package or name.startswith(f"{package}.") for name in self.loaded)


def daemon(
    folder: Path, runs: int, limits: Limits, columns: int = 20, idle_s: float = IDLE_AFTER_S
) -> Iterator[Row]:
    """In `folder`, which is made."""

    def lived(name: str, environment: Mapping[str, str] | None = None, idle: float = 0.0) -> Lived:
        # Its rows are of the hour that is over now: when the next one strikes they are of no window any more.
        template = folder / f"template-{datetime.now(UTC):%H}"
        if not template.exists():
            hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
            references(write(template, 1, columns, hour), 1)
        home = folder / name
        shutil.copytree(template, home)
        return live(home / "leeway.toml", limits.cpu_s, idle, environment or {})

    lived("first")  # fills the cache of kernels
    warm = [lived(f"warm-{number}") for number in range(runs)]
    # With every import told on its standard error, which costs CPU: this run gives no other number.
    told = lived("told", {"PYTHONPROFILEIMPORTTIME": "1"})
    idle = lived("idle", idle=idle_s)
    cold = lived("cold", {"XDG_CACHE_HOME": str(folder / "cache"), "NUMBA_CACHE_DIR": str(folder / "cache")})
    bare = repeated([sys.executable, "-c", f"import {', '.join(IMPORTS)}"], limits)
    warm_s = statistics.median(one.first_cpu_s for one in warm)
    yield Row(
        what="daemon: first result, kernels cached",
        measured=warm_s / bare.cpu_s,
        unit="× bare imports",
        at_most=TIMES_IMPORTS,
        note=f"{warm_s:.2f} s, {bare.cpu_s:.2f} s of CPU: import {', '.join(IMPORTS)}",
    )
    yield Row(
        what="daemon: first result, no kernel cached",
        measured=cold.first_cpu_s,
        unit="s of CPU",
        at_most=COLD_S,
        note=f"{cold.first_wall_s:.1f} s on the clock",
    )
    yield Row(
        what="daemon: memory while nothing is due",
        measured=idle.idle_mib,
        unit="MiB",
        at_most=IDLE_MIB,
        note=f"{idle.mapped_mib:.0f} of libraries on disk; one model of {columns} columns, {idle_s:g} s "
        "after its first result",
    )
    for name in NEVER:
        found = told.modules_of(name)
        yield Row(what=f"daemon: {name} loaded", measured=float(found), unit="modules", at_most=0.0)


def live(config: Path, patience_s: float, idle_s: float, environment: Mapping[str, str]) -> Lived:
    """Starts it, looks until the window is folded, and ends it."""
    printed = config.parent / "daemon.log"
    began = time.perf_counter()
    with printed.open("wb") as log:
        child = subprocess.Popen(
            [*product.leeway(config), "run"], stdout=log, stderr=log, env={**os.environ, **environment}
        )
        try:
            while not folded(config.parent / "leeway.db"):
                if child.poll() is not None or time.perf_counter() - began > patience_s:
                    raise RuntimeError(
                        f"the daemon gave no result in {patience_s:g} s ({child.returncode}): see {printed}"
                    )
                time.sleep(0.05)
            cpu_s, wall_s = _cpu_s(child.pid), time.perf_counter() - began
            time.sleep(idle_s)
            idle_mib, mapped_mib = (_memory_mib(child.pid, name) for name in ("VmRSS", "RssFile"))
        finally:
            child.send_signal(signal.SIGTERM)
            child.wait(60)
    told = printed.read_text(encoding="utf-8", errors="replace").splitlines()
    loaded = frozenset(line.rpartition("|")[2].strip() for line in told if line.startswith("import time:"))
    return Lived(
        first_cpu_s=cpu_s, first_wall_s=wall_s, idle_mib=idle_mib, mapped_mib=mapped_mib, loaded=loaded
    )


def folded(database: Path) -> int:
    """How many windows came to their end; one without rows is no result of a bench, and raises."""
    with open_store(f"sqlite:///{database}", read_only=True) as store, store.read() as conn:
        found = conn.exec_driver_sql("SELECT state FROM ledger WHERE folded_at IS NOT NULL").scalars().all()
    if other := {state for state in found if state != "done"}:
        raise RuntimeError(
            f"a window ended as {', '.join(other)}, not as done: did the hour strike meanwhile?"
        )
    return len(found)


def _cpu_s(pid: int) -> float:
    """proc(5): utime and stime are the 14th and 15th field; a name may hold spaces, so from its end on."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICK


def _memory_mib(pid: int, name: str) -> float:
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 1024
