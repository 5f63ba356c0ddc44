"""A storm: many series fire in one window, and Slack takes one message a second.

`python -m tests.acceptance.storm MODELS COLUMNS [silent]` plays it at any size and prints what was seen. A
real daemon process evaluates an hour in which every column of every model has moved, beside a model of its
own that has a window every five seconds: how late that one is while messages wait for Slack tells whether
they hold up the looking. `silent` plays the same with nobody to tell: what a storm costs without messages.
"""

import json
import signal
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from sqlite3 import connect
from typing import Any

import numpy as np
import polars as pl

from alerting.group import ROOTS_AN_HOUR
from monitor import build, logs
from monitor.clock import SteppedClock, SystemClock
from monitor.config_file import load
from monitor.daemon import one_pass
from monitor.opening import open_runtime, own
from monitor.referencing import build_reference
from storage import profiles
from storage.engine import open_store
from tests.acceptance.running import count, daemon, until
from tests.acceptance.world import Shop
from tests.loopback import Loopback

HOUR = timedelta(hours=1)
REFERENCE_HOURS = 48
ROWS = 400  # an hour
POST = "/api/chat.postMessage"
PATIENCE_S = 500.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Storm:
    """What was seen. `told`: pages that are in an accepted message, a digest included, in the end."""

    pages: int  # open incidents of page severity, of the models that broke
    posts: int  # taken by Slack while the daemon lived
    refused: int  # told to wait by Slack
    fastest_s: float  # between two messages that were taken
    folded_s: float  # from the first window that was folded until the last model's was
    late_s: (
        float  # the longest that a window of five seconds was folded after it was due, while messages waited
    )
    windows: int  # of those, in that time
    waiting: int  # messages that still waited at the end of it
    digests: int
    told: int


def storm(folder: Path, models: int, columns: int, *, drain_s: float, told: bool = True) -> Storm:
    """In `folder`, which is empty. The daemon lives until `drain_s` after it had put all it may say into the
    outbox. Not `told`: no route leads anywhere."""
    end = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    with Loopback(folder / "accepted.jsonl", history_scope=False) as slack:
        slack.pace(POST, 1.0)
        config = _write(folder, models, columns, end, slack.slack, told=told)
        _references(config, models)
        shop = Shop(config=config, start=end)
        folded = "SELECT count(DISTINCT model) FROM ledger WHERE folded_at IS NOT NULL AND model != 'probe'"
        with daemon(shop) as running:
            first = "SELECT count(*) FROM ledger WHERE folded_at IS NOT NULL"
            until(shop, first, 1, running, patience_s=PATIENCE_S)
            started = time.monotonic()
            until(shop, folded, models, running, patience_s=PATIENCE_S)
            folded_s = time.monotonic() - started
            given = min(models, ROOTS_AN_HOUR) if told else 0
            until(shop, "SELECT count(*) FROM outbox", given, running, patience_s=PATIENCE_S)
            began = datetime.now(UTC)
            time.sleep(drain_s)  # what is measured is what happens in real time
            ended = datetime.now(UTC)
            waiting = count(shop, "SELECT count(*) FROM outbox WHERE state IN ('queued', 'sending')")
            running.send_signal(signal.SIGTERM)
            assert running.wait(30) == 0
        posts, seen = len(slack.accepted()), len(slack.requests(POST))
        gaps = slack.gaps(POST)
        late = _late(folder, began, ended)
        slack.pace(POST, 0.0)
        _later(config)
        said, digests = _told(folder)
    pages = _pages(folder)
    return Storm(
        pages=len(pages),
        posts=posts,
        refused=seen - posts,
        fastest_s=min(gaps, default=float("inf")),
        folded_s=folded_s,
        late_s=max(late, default=float("inf")),
        windows=len(late),
        digests=digests,
        waiting=waiting,
        told=len(pages & said),
    )


def _write(folder: Path, models: int, columns: int, end: datetime, slack: str, *, told: bool) -> Path:
    """One table for all models that break, and one that goes on for the probe."""
    random = np.random.default_rng(3)
    (folder / "data").mkdir(parents=True)
    for name, first, hours, moved in (
        ("reference", end - (REFERENCE_HOURS + 2) * HOUR, REFERENCE_HOURS, 0.0),
        ("rows", end - HOUR, 1, 3.0),
    ):
        rows = ROWS * hours
        seconds = np.sort(random.integers(0, 3600 * hours, rows))
        frame: dict[str, object] = {"ts": [first + timedelta(seconds=int(second)) for second in seconds]}
        frame |= {f"x{number}": random.normal(moved, 1, rows) for number in range(columns)}
        pl.DataFrame(frame).write_parquet(folder / "data" / f"{name}.parquet")
    for name, first, minutes in (("probe-reference", end - 2 * HOUR, 30), ("probe", end, 90)):
        rows = minutes * 60 * 4
        frame = {"ts": [first + timedelta(seconds=n / 4) for n in range(rows)], "x": random.normal(size=rows)}
        pl.DataFrame(frame).write_parquet(folder / "data" / f"{name}.parquet")
    parts = [
        f"""
[storage]
url = "sqlite:///leeway.db"
[daemon]
tick_s = 0.2
[channels.oncall]
kind = "slack"
token_file = "token"
channel = "C0LOOPBACK"
base_url = "{slack}"
{"[[routes]]" if told else ""}
{'channels = ["oncall"]' if told else ""}
[models.probe]
task = "regression"
[models.probe.source]
kind = "parquet"
path = "data/probe.parquet"
timestamp = "ts"
[models.probe.window]
every = "5s"
settle = "0s"
ready = "clock"
catch_up = "10s"
[models.probe.reference]
source = {{ kind = "parquet", path = "data/probe-reference.parquet" }}
"""
    ]
    parts += [
        f"""
[models.m{number:03}]
task = "regression"
[models.m{number:03}.source]
kind = "parquet"
path = "data/rows.parquet"
timestamp = "ts"
[models.m{number:03}.window]
every = "1h"
settle = "0s"
ready = "clock"
catch_up = "2h"
[models.m{number:03}.policy]
important = ["*"]
[models.m{number:03}.reference]
source = {{ kind = "parquet", path = "data/reference.parquet" }}
"""
        for number in range(models)
    ]
    (folder / "token").write_text("xoxb-1")
    config = folder / "leeway.toml"
    config.write_text("".join(parts), encoding="utf-8")
    return config


def _references(config: Path, models: int) -> None:
    """Built once, and kept under every name: building is not what is measured."""
    logs.configure(quiet=True)
    with open_runtime(load(config), SystemClock()) as runtime:
        build_reference(runtime, runtime.models["probe"])
        first = build_reference(runtime, runtime.models["m000"]).reference
        now = runtime.clock.now()
        with runtime.store.write() as conn:
            profile, noise = profiles.load_profile(conn, first.id), profiles.load_noise(conn, first.id)
            assert noise is not None
            for number in range(1, models):
                copy = profiles.save(
                    conn,
                    f"m{number:03}",
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


def _later(config: Path) -> None:
    """Half an hour on, with the daemon's own steps: what the digest after the first one tells."""
    clock = SteppedClock(datetime.now(UTC) + timedelta(minutes=30))
    with open_runtime(load(config, members=build.check), clock) as runtime, own(runtime) as couriers:
        for _ in range(3):
            one_pass(runtime, couriers)
            clock.advance_to(clock.now() + timedelta(minutes=16))


def _rows(folder: Path, query: str, *values: object) -> list[tuple[Any, ...]]:
    with closing(connect(folder / "leeway.db")) as connection:
        return connection.execute(query, values).fetchall()


def _late(folder: Path, began: datetime, ended: datetime) -> list[float]:
    """Seconds from due to folded of the probe's windows that were due in this time."""
    query = "SELECT due, folded_at FROM ledger WHERE model = 'probe' AND due BETWEEN ? AND ?"
    limits = [int(at.timestamp() * 1e6) for at in (began, ended - timedelta(seconds=6))]
    now = int(ended.timestamp() * 1e6)
    return [((folded or now) - due) / 1e6 for due, folded in _rows(folder, query, *limits)]


def _pages(folder: Path) -> set[str]:
    query = "SELECT id FROM incident WHERE severity = 'page' AND model LIKE 'm%'"
    return {row[0] for row in _rows(folder, query)}


def _told(folder: Path) -> tuple[set[str], int]:
    """Incidents in the messages that were sent, also those beyond the ten lines; and the digests."""
    with open_store(f"sqlite:///{folder / 'leeway.db'}", read_only=True) as store, store.read() as conn:
        rows = conn.exec_driver_sql("SELECT facts FROM outbox WHERE state = 'sent'").scalars().all()
    told: set[str] = set()
    digests = 0
    for row in rows:
        facts: Mapping[str, Any] = row if isinstance(row, dict) else json.loads(row)
        told |= set(facts.get("told", ()))
        told |= {id_ for group in facts.get("groups", {}).values() for id_ in group}
        digests += facts.get("kind") == "digest"
    return told, digests


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        size, quiet = (int(sys.argv[1]), int(sys.argv[2])), "silent" in sys.argv[3:]
        print(asdict(storm(Path(made), *size, drain_s=30, told=not quiet)))
