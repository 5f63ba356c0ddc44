"""Is everything judged in time where all is due at once? Many models, one hour each, one daemon on two cores.

A real daemon process is started with a window due for every model, and looked at from outside: when is the
last one folded, and how much memory did it take. What the ledger itself costs a window is then timed on that
database: claim and finish, with the results of a window of as many columns.
"""

import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.hourly import hourly_config
from benchmarks.rows import Row, peak_mib
from monitor import build, logs
from monitor.clock import SystemClock
from monitor.config_file import load
from monitor.opening import open_runtime
from monitor.referencing import build_reference
from storage import ledger, measurements, profiles
from storage.engine import Store, open_store
from storage.ledger import Stream, WindowKind, WindowState
from storage.span import Span

HOUR = timedelta(hours=1)
REFERENCE_HOURS = 48
ROWS = 500  # an hour
PATIENCE_S = 600.0  # the daemon is ended after that, whatever is left


def load_of(
    folder: Path, models: int = 200, columns: int = 50, patience_s: float = PATIENCE_S
) -> Iterator[Row]:
    """In `folder`, which is empty. `patience_s`: after that the daemon is ended, whatever is left."""
    end = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    config = write(folder, models, columns, end)
    references(config, models)
    spent = _live(config, models, patience_s)
    yield Row(
        what=f"{models} models × {columns} columns: all folded", measured=spent[0], unit="s", at_most=60.0
    )
    yield Row(what="  the daemon's memory at its highest", measured=spent[1], unit="MiB", at_most=600.0)
    with open_store(f"sqlite:///{folder / 'leeway.db'}") as store:
        claim, finish, whole = _ledger(store, end, min(models, 200))
    for what, times in (
        ("claim", claim),
        ("finish", finish),
        ("finish, with the results of a window", whole),
    ):
        yield Row(what=f"  {what}: median", measured=1e3 * statistics.median(times), unit="ms")
    for what, ends in (("the ledger a window", finish), ("with the results", whole)):
        both = sorted(1e3 * (a + b) for a, b in zip(claim, ends, strict=True))
        yield Row(what=f"  {what}, 95 %", measured=both[int(0.95 * len(both))], unit="ms", at_most=15.0)
    size = (folder / "leeway.db").stat().st_size / 2**20
    yield Row(what="  the database, references included", measured=size, unit="MiB")


def write(folder: Path, models: int, columns: int, end: datetime) -> Path:
    """The config's path. One table for all models: what differs between them is only the name."""
    random = np.random.default_rng(3)
    (folder / "data").mkdir(parents=True)
    for name, first, hours in (
        ("reference", end - (REFERENCE_HOURS + 2) * HOUR, REFERENCE_HOURS),
        ("rows", end - HOUR, 1),
    ):
        rows = ROWS * hours
        seconds = np.sort(random.integers(0, 3600 * hours, rows))
        frame: dict[str, object] = {"ts": [first + timedelta(seconds=int(second)) for second in seconds]}
        frame |= {f"x{number}": random.normal(size=rows) for number in range(columns - 1)}
        frame["score"] = random.random(rows)
        pl.DataFrame(frame).write_parquet(folder / "data" / f"{name}.parquet")
    return hourly_config(folder, models, 'catch_up = "2h"')


def references(config: Path, models: int) -> None:
    """Built once, and kept under every name: building is not what is measured."""
    logs.configure(quiet=True)
    with open_runtime(load(config, members=build.check), SystemClock()) as runtime:
        first = build_reference(runtime, runtime.models["m0"]).reference
        with runtime.store.read() as conn:
            profile = profiles.load_profile(conn, first.id)
            noise = profiles.load_noise(conn, first.id)
        assert noise is not None
        now = runtime.clock.now()
        for number in range(1, models):
            with runtime.store.write() as conn:
                copy = profiles.save(
                    conn,
                    f"m{number}",
                    profile,
                    now=now,
                    span=first.span,
                    lineage=first.lineage,
                    config_digest=first.config_digest,
                )
                profiles.promote(conn, copy.id, now)
                profiles.save_noise(
                    conn,
                    copy.id,
                    window_spec=noise.window_spec,
                    learnt_from=noise.learnt_from,
                    windows=noise.windows,
                    content=noise.content,
                    now=now,
                )


def _live(config: Path, models: int, patience_s: float) -> tuple[float, float]:
    """Seconds from the daemon's start until every model's window is folded, and its highest memory in MiB."""
    began = time.perf_counter()
    with (config.parent / "daemon.log").open("wb") as log:
        child = subprocess.Popen(
            [sys.executable, "-m", "monitor", "--config", str(config), "run"], stdout=log, stderr=log
        )
        try:
            while (taken := time.perf_counter() - began) < patience_s:
                if child.poll() is not None:
                    raise RuntimeError(f"the daemon left with {child.returncode}: see {log.name}")
                if _folded(config) >= models:
                    return taken, peak_mib(child.pid)
                time.sleep(0.2)
            return float("inf"), peak_mib(child.pid)
        finally:
            child.send_signal(signal.SIGTERM)
            child.wait(60)


def _folded(config: Path) -> int:
    with (
        open_store(f"sqlite:///{config.parent / 'leeway.db'}", read_only=True) as store,
        store.read() as conn,
    ):
        return int(
            conn.exec_driver_sql(
                "SELECT count(DISTINCT model) FROM ledger WHERE folded_at IS NOT NULL"
            ).scalar()
            or 0
        )


def _ledger(store: Store, end: datetime, windows: int) -> tuple[list[float], list[float], list[float]]:
    """Seconds of each claim, of each finish, and of a finish with what was measured of a real window."""
    with store.read() as conn:
        done = conn.exec_driver_sql("SELECT id FROM ledger WHERE state = 'done' LIMIT 1").scalar()
        results = measurements.load(conn, int(done or 0))
    now = datetime.now(UTC) + timedelta(days=400)
    spans = [Span(start=end + n * HOUR, end=end + (n + 1) * HOUR) for n in range(2 * windows)]
    with store.write() as conn:
        ledger.plan(
            conn,
            "bench",
            Stream.INPUTS,
            spans,
            now=end,
            settle=timedelta(0),
            lateness=HOUR,
            give_up=HOUR,
            kind=WindowKind.MANUAL,
        )
    claims: list[float] = []
    finishes: tuple[list[float], list[float]] = [], []
    for number in range(len(spans)):
        began = time.perf_counter()
        with store.claim() as conn:
            window = ledger.claim(conn, now, "bench", HOUR, models=["bench"])
        claims.append(time.perf_counter() - began)
        assert window is not None
        kept = measurements.encoded(results if number % 2 else ())
        began = time.perf_counter()
        with store.write() as conn:
            ledger.finish(
                conn, window.id, window.fence, now=now, state=WindowState.DONE, rows=ROWS, results=kept
            )
        finishes[number % 2].append(time.perf_counter() - began)
    return claims[::2], *finishes
