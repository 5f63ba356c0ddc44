"""What does a window in PostgreSQL take, counted by the database or pulled and counted here?

A real server (tests/postgres.py) on the same machine, 16 numbers, 3 texts and the time. Each way is a process
of its own and says its CPU time and its highest memory; the server's CPU time is apart. Both ways give equal
summaries, or the bench fails.
"""

import json
import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from benchmarks.rows import Row, peak_mib, process

_COLUMNS = [*(f"x{n}" for n in range(14)), "i0", "i1", "c0", "c1", "c2"]
_NUMBERS = _COLUMNS[:16]
_MOST_MIB = 300.0
_REFERENCE = 20_000  # rows: the window's memory is measured, not its own
_FILL = """
INSERT INTO orders SELECT timestamptz '2024-03-10 00:00Z' + n * interval '1 day' / {rows}, {numbers},
  (random() * 1000)::int, (random() * 1e9)::bigint,
  'c' || (random() * 5)::int, 'd' || (random() * 300)::int, 'e' || (random() * 3000)::int
FROM generate_series(0, {rows} - 1) n
"""


def pushdown(rows: int) -> Iterable[Row]:
    """`rows`: of the window; its targets are for a million."""
    from tests.postgres import Server

    with Server.fresh() as server:
        database = server.database()
        numbers = ", ".join(f"{name} float8" for name in _NUMBERS[:14])
        each = ", ".join("random() + random() + random() - 1.5" for _ in range(14))
        server.sql(
            f"CREATE TABLE orders (ts timestamptz, {numbers}, i0 int, i1 bigint, c0 text, c1 text, c2 text)",
            "SELECT setseed(0.5)",
            _FILL.format(rows=rows, numbers=each),
            "CREATE INDEX ON orders (ts)",
            "VACUUM ANALYZE orders",
            database=database,
        )
        found = {}
        # The kernels are compiled before anything is measured.
        for way in ("compile", "here", "database", "here, slices", "database, slices"):
            before = _server_cpu_s(server.pid)
            command = [sys.executable, "-m", "benchmarks.bench_pushdown", server.url(database), way]
            spent = process(command)
            found[way] = json.loads(spent.output.splitlines()[-1])
            found[way]["server"] = _server_cpu_s(server.pid) - before
    for way, of in (("", ""), (", slices", ", 6 slices")):
        yield from _rows(found[f"here{way}"], found[f"database{way}"], rows, of)


def _rows(here: Mapping[str, Any], there: Mapping[str, Any], rows: int, of: str) -> Iterable[Row]:
    if here["summary"] != there["summary"]:
        raise RuntimeError(f"the two ways do not give the same summary{of}")
    size = f"{rows:,} × {len(_COLUMNS) + 1}{of}"
    for what, took, limits in (("pulled", here, {}), ("by the database", there, here)):
        note = f"CPU of the server {took['server']:.1f} s"
        # Slices are twice the server's work: what they spare is the daemon and the network, not the clock.
        wall, cpu = None if of else limits.get("wall"), limits.get("cpu")
        yield Row(what=f"{size} {what}: wall", measured=took["wall"], unit="s", at_most=wall, note=note)
        yield Row(what=f"{size} {what}: CPU of the daemon", measured=took["cpu"], unit="s", at_most=cpu)
        yield Row(what=f"{size} {what}: memory", measured=took["mib"], unit="MiB", at_most=_MOST_MIB)


def _server_cpu_s(postmaster: int) -> float:
    """CPU seconds of the server's sessions that have ended."""
    fields = Path(f"/proc/{postmaster}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[13]) + int(fields[14])) / 100.0  # cutime, cstime, in hundredths (proc(5))


def measure(url: str, way: str) -> dict[str, Any]:
    """One window, in this process."""
    from datetime import UTC, datetime, timedelta

    import numpy as np

    from detectors import CategoryColumn, Column, Kind, NumericColumn, build_profile
    from detectors._count import NO_EXTRAS
    from detectors._slices import fit_slices
    from monitor.counting import count_span
    from monitor.sources.sql import SqlSource
    from storage.span import Span

    random = np.random.default_rng(1)
    reference: dict[str, Column] = {
        name: NumericColumn(values=random.random((_REFERENCE, 3)).sum(axis=1) - 1.5) for name in _NUMBERS[:14]
    }
    reference["i0"] = NumericColumn(values=random.integers(0, 1_001, _REFERENCE).astype(float))
    reference["i1"] = NumericColumn(values=random.integers(0, 10**9, _REFERENCE).astype(float))
    for name, prefix, many in (("c0", "c", 6), ("c1", "d", 301), ("c2", "e", 3001)):
        labels = tuple(f"{prefix}{n}" for n in range(many))
        codes = random.integers(0, many, _REFERENCE).astype(np.int32)
        reference[name] = CategoryColumn(codes=codes, labels=labels)
    profile = build_profile(reference, roles={}, knots=64, include=("c2",))
    if "slices" in way:
        profile = profile.with_parts(fit_slices(profile, reference, _REFERENCE, ["c0"]))
    assert all(profile.columns[name].kind is Kind.NUMERIC for name in _NUMBERS)
    source = SqlSource(
        url=url,
        table="orders",
        timestamp="ts",
        counted_by="database" if way.startswith("database") else "here",
    )
    start = datetime(2024, 3, 10, tzinfo=UTC)
    short = timedelta(minutes=1) if way == "compile" else timedelta(days=1)
    cpu, wall = time.process_time(), time.perf_counter()
    counted = count_span(source, profile, Span(start=start, end=start + short), NO_EXTRAS)
    return {
        "wall": time.perf_counter() - wall,
        "cpu": time.process_time() - cpu,
        "mib": peak_mib(),
        "summary": _digest(counted),
    }


def _digest(counted: Any) -> str:
    import hashlib

    parts = {"": counted.summary, **counted.summary.slices}
    said = repr(
        [
            (name, part.rows, [(column, _plain(each)) for column, each in part.columns.items()])
            for name, part in sorted(parts.items())
        ]
    )
    return hashlib.sha256(f"{counted.newest}{counted.summary.rows}{said}".encode()).hexdigest()


def _plain(column: Any) -> list[Any]:
    from dataclasses import fields

    values = [getattr(column, field.name) for field in fields(column) if field.name != "memo"]
    return [value.tolist() if hasattr(value, "tolist") else value for value in values]


if __name__ == "__main__":
    print(json.dumps(measure(*sys.argv[1:])))
