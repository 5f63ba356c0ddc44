"""Is there an answer at once from ten million column results? The queries behind what is shown.

One hour of one model of fifty columns goes through the daemon's own functions; its rows are then copied to
every hour of 90 days and to as many models as it takes. What a query reads is kept as it was (measurements,
verdicts without their facts); components, bins and evidence, which no such query reads, are left out, so that
the disk suffices. Some verdicts are turned into breaches and holds. Every query is asked of several models,
one after the other, in a process that has asked before; its garbage is collected as seldom as any command's.
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from sqlalchemy import Connection, create_engine, text

from benchmarks.bench_load import HOUR, write
from benchmarks.rows import Row
from monitor import build, logs
from monitor.clock import SteppedClock
from monitor.config import Config
from monitor.config_file import load
from monitor.daemon import one_pass
from monitor.keeping import prune_model
from monitor.memory import seldom_collected
from monitor.opening import open_runtime, own
from monitor.referencing import build_reference
from monitor.standing import standing
from storage.engine import Store, open_store
from storage.heat_map import heat_map
from storage.history import Filter, measurements, verdicts, windows
from storage.overview import overview

DAYS = 90
COLUMNS = 50
ASKED = 30  # times each
FIRST_HOUR = datetime(2026, 1, 1, tzinfo=UTC)
_SHORT = {"components": "'[]'", "bins": "NULL", "evidence": "'{}'"}
_TIMES = ("start", "end", "due", "recheck", "give_up", "next_try", "planned_at", "finished_at", "folded_at")


def history(
    folder: Path, results: int = 10_000_000, url: str | None = None, columns: int = COLUMNS
) -> Iterator[Row]:
    """In `folder`, which is made; a database of `results` column results, 1.7 kB each. `url`: an empty one
    elsewhere."""
    end = FIRST_HOUR + (DAYS + 30) * timedelta(days=1)
    config = write(folder, 1, columns, end)
    if url is not None:
        config.write_text(config.read_text("utf-8").replace("sqlite:///leeway.db", url), "utf-8")
    loaded = load(config, members=build.check)
    with ExitStack() as stack:
        logs.configure(quiet=True)
        runtime = stack.enter_context(open_runtime(loaded, SteppedClock(end + HOUR)))
        build_reference(runtime, runtime.models["m0"])
        one_pass(runtime, stack.enter_context(own(runtime)))
    url = url or f"sqlite:///{folder / 'leeway.db'}"
    models, copied = _widen(url, results)
    yield from _answers(url, loaded, end + HOUR, models, copied)
    yield from _tidied(config, end + HOUR)


def _answers(url: str, loaded: Config, now: datetime, models: int, copied: float) -> Iterator[Row]:
    """How long each question takes."""
    seldom_collected()
    with open_store(url, read_only=True) as store:
        with store.read() as conn:
            kept = int(conn.exec_driver_sql("SELECT count(*) FROM column_result").scalar() or 0)
        yield Row(
            what="column results", measured=kept, unit="", note=f"{models} models, written in {copied:.0f} s"
        )
        names = [f"m{number % models}" for number in range(ASKED)]
        questions: dict[str, Callable[[Connection, str], object]] = {
            "status of all models": lambda conn, _: [
                standing(each.model, loaded, each) for each in overview(conn, now)
            ],
            "a model's heat map over 90 days": lambda conn, model: heat_map(conn, model, FIRST_HOUR, now),
            "a column's line over 90 days of hours": lambda conn, model: measurements(
                conn, Filter(model=model, column="x1", metric="psi")
            ),
            "a column's line over 90 windows": lambda conn, model: measurements(
                conn, Filter(model=model, column="x1", metric="psi", last=90)
            ),
            "every verdict of a model's last 24 windows": lambda conn, model: verdicts(
                conn, Filter(model=model, last=24)
            ),
        }
        for what, ask in questions.items():
            times = sorted(1e3 * taken for taken in _asked(store, ask, names))
            yield Row(
                what=f"{what}: 95 %",
                measured=times[int(0.95 * len(times))],
                unit="ms",
                at_most=100.0,
                note=f"median {np.median(times):.0f} ms",
            )


def _tidied(config: Path, now: datetime) -> Iterator[Row]:
    """Of the model that is watched, what is older than 60 days is rolled up, among all others: who writes
    waits a step at most, which is one transaction; and a line still has every day."""
    kept = 60
    text = config.read_text("utf-8")
    config.write_text(f'{text}\n[daemon.retention]\nmeasurements = "{kept}d"\n', "utf-8")
    steps, gone = [0.0], 0
    os.sync()  # what was written unsynced is none of this
    with open_runtime(load(config, members=build.check), SteppedClock(now)) as runtime:
        rows = -1
        while rows:
            began = time.perf_counter()
            rows = prune_model(runtime, "m0")
            steps.append(time.perf_counter() - began)
            gone += rows
        with runtime.store.read() as conn:
            line = measurements(conn, Filter(model="m0", column="x1", metric="psi"))
            every = [row for row in windows(conn, Filter(model="m0")) if row["state"] == "done"]
    days, watched = ({row["window_start"][:10] for row in rows} for rows in (line, every))
    yield Row(
        what="a step of rolling up what is old: the longest",
        measured=1e3 * max(steps),
        unit="ms",
        at_most=1000.0,
        note=f"{len(steps)} steps, {gone:,} rows, {gone / sum(steps):,.0f} a second",
    )
    yield Row(
        what="  days in a line that is part hours, part days",
        measured=len(days),
        unit="",
        at_least=len(watched),
        note=f"{len(line)} points",
    )


def _asked(store: Store, ask: Callable[[Connection, str], object], names: list[str]) -> Iterator[float]:
    with store.read() as conn:
        ask(conn, names[0])
        for name in names:
            began = time.perf_counter()
            ask(conn, name)
            yield time.perf_counter() - began


def _widen(url: str, results: int) -> tuple[int, float]:
    """How many models there are then, and the seconds it took. Nothing here has to survive a power cut."""
    began = time.perf_counter()
    hours = min(DAYS * 24, max(1, results // (2 * COLUMNS)))
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.connect() as conn:
        if engine.dialect.name == "sqlite":
            conn.exec_driver_sql("PRAGMA synchronous = OFF")
        template = int(conn.exec_driver_sql("SELECT max(id) FROM ledger WHERE state = 'done'").scalar() or 0)
        of_it = f"SELECT count(*) FROM column_result WHERE ledger_id = {template}"
        models = max(1, round(results / (hours * int(conn.exec_driver_sql(of_it).scalar() or 1))))
        conn.exec_driver_sql("CREATE TABLE bench_number (i BIGINT PRIMARY KEY)")
        numbers = ", ".join(f"({number})" for number in range(max(hours, models) + 1))
        conn.exec_driver_sql(f"INSERT INTO bench_number VALUES {numbers}")
        conn.commit()
        for hour in range(0, hours, 24):
            _copy(conn, template, hour, min(hour + 24, hours), models)
            conn.commit()
        conn.exec_driver_sql("DROP TABLE bench_number")
        conn.commit()
    if engine.dialect.name != "sqlite":  # as its autovacuum does within a minute; nothing does it to SQLite
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
            conn.exec_driver_sql("VACUUM (ANALYZE)")
    engine.dispose()
    return models, time.perf_counter() - began


def _copy(conn: Connection, template: int, first: int, stop: int, models: int) -> None:
    """Some hours of all models, as a daemon writes them: hour by hour."""
    hour = int(HOUR.total_seconds() * 1e6)
    base = 1_000_000
    made = {"id": f"{base} + h.i * {models} + m.i", "model": "'m' || m.i"}
    made |= {name: f't."{name}" - (h.i + 1) * {hour}' for name in _TIMES}
    chosen = f"h.i >= {first} AND h.i < {stop} AND m.i < {models}"
    _insert(
        conn, "ledger", made, f"bench_number h, bench_number m, ledger t WHERE t.id = {template} AND {chosen}"
    )
    ids = f"l.id >= {base + first * models} AND l.id < {base + stop * models}"
    _insert(
        conn,
        "column_result",
        {"ledger_id": "l.id", **_SHORT},
        f"ledger l, column_result t WHERE t.ledger_id = {template} AND {ids}",
    )
    # One verdict of 97 a breach, one of 53 a hold.
    place = "(l.id * 61 + t.id)"
    said = {
        "verdict": f"CASE WHEN {place} % 97 = 0 THEN 'breach' "
        f"WHEN {place} % 53 = 0 THEN 'hold' ELSE 'clear' END",
        "severity": f"CASE WHEN {place} % 97 = 0 THEN 'ticket' ELSE 'none' END",
        "facts": "'{\"rules\":[]}'",
    }
    _insert(
        conn,
        "verdict",
        {"ledger_id": "l.id", **said},
        f"ledger l, verdict t WHERE t.ledger_id = {template} AND {ids}",
    )


def _insert(conn: Connection, table: str, made: dict[str, str], rows: str) -> None:
    every = list(conn.exec_driver_sql(f"SELECT * FROM {table} LIMIT 0").keys())
    names = [name for name in every if name != "id" or "id" in made]
    listed = ", ".join(f'"{name}"' for name in names)
    values = ", ".join(made.get(name, f't."{name}"') for name in names)
    conn.execute(text(f"INSERT INTO {table} ({listed}) SELECT {values} FROM {rows}"))
