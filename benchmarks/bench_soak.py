"""Does a daemon that runs for a year stay as it was? Simulated hours in fast motion, one process.

Each hour is one pass of the daemon's own functions over every model, each day a tidying up; models read one
table of a row group a day. Every day the process is looked at: memory, descriptors, threads, the database and
its write-ahead log.
"""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.hourly import hourly_config
from benchmarks.rows import Row
from monitor import build, logs
from monitor.clock import SteppedClock
from monitor.config_file import load
from monitor.daemon import one_pass
from monitor.keeping import tidy_once
from monitor.opening import open_runtime, own
from monitor.referencing import build_reference

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
START = datetime(2025, 3, 1, tzinfo=UTC)
REFERENCE_DAYS = 14
ROWS = 40  # an hour
FULL_DAYS = 90  # daemon.retention.measurements, by default
SETTLED = 0.5  # of the time is left for caches to fill before memory is looked at
MIB = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """The process at the end of one day."""

    day: int
    rss: float  # MiB
    descriptors: int
    threads: int
    database: float  # MiB in use: freed pages are not counted
    log: float  # MiB, write-ahead


def soak(folder: Path, models: int = 20, days: int = 365) -> Iterator[Row]:
    """In `folder`, which is made."""
    config = _write(folder, models, days)
    looks = [_told(look, days) for look in _live(config, models, days)]
    later = [look for look in looks if look.day >= SETTLED * days]
    slope = np.polyfit([look.day for look in later], [look.rss for look in later], 1)[0] * 365
    yield Row(
        what=f"{models} models, {24 * days} hours: memory at the end", measured=looks[-1].rss, unit="MiB"
    )
    yield Row(what="  its slope over the second half", measured=float(slope), unit="MiB a year", at_most=20.0)
    for what, counts in (
        ("descriptors", [look.descriptors for look in looks[1:]]),
        ("threads", [look.threads for look in looks[1:]]),
    ):
        note = f"{min(counts)} to {max(counts)}"
        yield Row(
            what=f"  {what}: the most beyond the first day's",
            measured=max(counts) - counts[0],
            unit="",
            at_most=0,
            note=note,
        )
    yield Row(
        what="  the write-ahead log at its longest",
        measured=max(look.log for look in looks),
        unit="MiB",
        at_most=64.0,
    )
    yield from _size(looks, days)


def _told(look: Look, days: int) -> Look:
    """Two hours are long: what is seen is said as it is seen, for who waits and for who has to stop."""
    if look.day % 10 == 0:
        print(
            f"day {look.day} of {days}: {look.rss:.0f} MiB, {look.descriptors} descriptors, "
            f"{look.threads} threads, database {look.database:.0f} MiB, log {look.log:.1f} MiB",
            file=sys.stderr,
            flush=True,
        )
    return look


def _size(looks: list[Look], days: int) -> Iterator[Row]:
    """So much a day for what is kept in full, so much for what is left of it (docs/operations.md)."""
    last = looks[-1]
    yield Row(what="  the database at the end, freed pages aside", measured=last.database, unit="MiB")
    early, full = looks[min(10, days // 4)], looks[min(FULL_DAYS, days // 2)]
    a_day = (full.database - early.database) / (full.day - early.day)
    yield Row(what="  a day in full", measured=a_day, unit="MiB")
    if days < FULL_DAYS + 60:
        return
    settled = looks[FULL_DAYS + 30]
    left = (looks[FULL_DAYS + 50].database - settled.database) / 20
    predicted = settled.database + left * (days - settled.day - 1)
    yield Row(what="  a day beyond", measured=left, unit="MiB")
    yield Row(
        what="  the size that 140 days foretell, of what it was",
        measured=predicted / last.database,
        unit="×",
        at_least=0.9,
        at_most=1.1,
    )


def _write(folder: Path, models: int, days: int) -> Path:
    random = np.random.default_rng(11)
    (folder / "data").mkdir(parents=True)
    for name, first, count in (
        ("reference", START - REFERENCE_DAYS * DAY, REFERENCE_DAYS),
        ("rows", START, days),
    ):
        rows = 24 * ROWS * count
        seconds = np.sort(random.integers(0, 86_400 * count, rows))
        frame = pl.DataFrame(
            {
                "ts": [first + timedelta(seconds=int(second)) for second in seconds],
                "amount": random.lognormal(3.0, 0.6, rows),
                "country": random.choice(["FI", "SE", "NO"], rows, p=[0.5, 0.3, 0.2]),
                "score": random.random(rows),
            }
        )
        frame.write_parquet(folder / "data" / f"{name}.parquet", row_group_size=24 * ROWS)
    return hourly_config(folder, models, "min_rows = 5")


def _live(config: Path, models: int, days: int) -> Iterator[Look]:
    logs.configure(quiet=True)
    clock = SteppedClock(START)
    with ExitStack() as stack:
        runtime = stack.enter_context(open_runtime(load(config, members=build.check), clock))
        for number in range(models):
            build_reference(runtime, runtime.models[f"m{number}"])
        couriers = stack.enter_context(own(runtime))
        for hour in range(1, 24 * days + 1):
            clock.advance_to(START + hour * HOUR)
            one_pass(runtime, couriers)
            if hour % 24 == 0:
                tidy_once(runtime)
                with runtime.store.read() as conn:
                    used = conn.exec_driver_sql(
                        "SELECT (page_count - freelist_count) * page_size "
                        "FROM pragma_page_count, pragma_freelist_count, pragma_page_size"
                    ).scalar()
                    windows = conn.exec_driver_sql(
                        "SELECT count(*) FROM ledger WHERE folded_at IS NOT NULL"
                    ).scalar()
                if windows != models * hour:
                    raise RuntimeError(f"{windows} windows are folded at hour {hour}, not {models * hour}")
                yield _look(config.parent / "leeway.db", hour // 24, int(used or 0))


def _look(database: Path, day: int, used: int) -> Look:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    rss = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
    log = Path(f"{database}-wal")
    return Look(
        day=day,
        rss=rss / 1024,
        descriptors=len(os.listdir("/proc/self/fd")),
        threads=threading.active_count(),
        database=used / MIB,
        log=log.stat().st_size / MIB if log.exists() else 0.0,
    )
