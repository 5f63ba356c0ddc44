"""T15: a daemon that was down ends with the history of one that never was; beyond the horizon, the oracle's.

One world of hourly windows in which things break and heal and the feed falls silent, lived through with the
daemon's own pass and a clock that is moved: never down, down for 1 and for 25 hours, down for 300, and down
for 400 with a horizon of 336.
"""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from monitor import build, logs
from monitor.clock import SteppedClock
from monitor.config_file import load
from monitor.daemon import one_pass
from monitor.opening import open_runtime, own
from monitor.referencing import build_reference
from tests.oracle_history import compare

HOUR = timedelta(hours=1)
START = datetime(2026, 3, 15, tzinfo=UTC)  # of production
REFERENCE_HOURS = 14 * 24
ROWS = 24  # an hour
LOOK = timedelta(minutes=15)  # after each hour: windows are due ten minutes after their end
HOURS = 440
SHORT = 350  # hours that the runs within the horizon live through
# Hours of production in which something is wrong, from 0. They lie before, in and after every downtime, and
# across its edges.
SHIFTED = (range(20, 34), range(60, 62), range(120, 128), range(131, 137), range(300, 330), range(400, 420))
SILENT = (range(45, 52), range(150, 153), range(345, 349), range(380, 384))
FEW = (range(200, 204),)

QUERIES = {
    "windows": (
        "SELECT model, stream, window_start, window_end, revision, state, reason, rows FROM v_windows "
        "ORDER BY window_start, stream"
    ),
    "verdicts": (
        "SELECT window_start, column_name, segment, verdict, severity, rules, rank, value, z, p, harm, "
        "change, title, incident_id FROM v_verdicts ORDER BY 1, 2, 3"
    ),
    "incidents": (
        "SELECT incident_id, column_name, kind, severity, status, opened, since, resolved, resolved_reason, "
        "reopens, relapses, peak FROM v_incidents ORDER BY 1"
    ),
    "events": "SELECT incident_id, seq, kind, actor, window_start, payload FROM incident_event ORDER BY 1, 2",
    "measurements": "SELECT window_start, column_name, metric, value, n FROM v_measurements ORDER BY 1, 2, 3",
    "checkpoints": (
        "SELECT l.start, c.judge_state, c.alert_states FROM checkpoint c JOIN ledger l ON l.id = c.ledger_id "
        "ORDER BY 1"
    ),
}


def hits(hour: int, ranges: Sequence[range]) -> bool:
    return any(hour in each for each in ranges)


def rows_of(hour: int) -> pl.DataFrame:
    """One hour; those before 0 are the reference's."""
    random = np.random.default_rng([5, hour + REFERENCE_HOURS])
    count = 0 if hits(hour, SILENT) else 3 if hits(hour, FEW) else ROWS
    start = START + hour * HOUR
    shifted = 4.0 if hits(hour, SHIFTED) else 0.0
    return pl.DataFrame(
        {
            "ts": [start + timedelta(seconds=int(s)) for s in np.sort(random.integers(0, 3600, count))],
            "amount": random.normal(10.0 + shifted, 1.0, count),
            "items": random.normal(3.0, 1.0, count),
        },
        schema={"ts": pl.Datetime("us", "UTC"), "amount": pl.Float64, "items": pl.Float64},
    )


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hours")
    reference = pl.concat([rows_of(hour) for hour in range(-REFERENCE_HOURS, 0)])
    reference.write_parquet(folder / "reference.parquet")
    production = pl.concat([rows_of(hour) for hour in range(HOURS)])
    production.write_parquet(folder / "production.parquet")
    return folder


CONFIG = """
[storage]
url = "sqlite:///leeway.db"

[models.hourly]
task = "binary"

[models.hourly.source]
kind = "parquet"
path = "{data}/production.parquet"
timestamp = "ts"

[models.hourly.columns]
features = ["amount", "items"]

[models.hourly.window]
every = "1h"
ready = "clock"
catch_up = "336h"
min_rows = 10

[models.hourly.reference]
source = {{ kind = "parquet", path = "{data}/reference.parquet" }}

[models.hourly.retraining]
mode = "off"
"""

History = dict[str, list[tuple[Any, ...]]]


@dataclass(frozen=True, slots=True)
class Down:
    """No daemon looks at the hours [first, last): it is back when hour `last` is due."""

    first: int
    last: int

    @property
    def hours(self) -> int:
        return self.last - self.first


def live(folder: Path, data: Path, hours: int, downs: Sequence[Down] = ()) -> History:
    """Look after each hour but those of a downtime; the history that is left."""
    logs.configure(quiet=True)
    folder.mkdir()
    config = folder / "leeway.toml"
    config.write_text(CONFIG.format(data=data))
    clock = SteppedClock(START)
    with open_runtime(load(config, members=build.check), clock) as runtime:
        build_reference(runtime, runtime.models["hourly"])
    up = [hour for hour in range(hours) if not any(down.first <= hour < down.last for down in downs)]
    starts = [0, *(up.index(down.last) for down in downs)]
    for begin, end in zip(starts, [*starts[1:], len(up)], strict=True):
        # Another process each time, as far as it can be one here: everything but the database is new.
        with open_runtime(load(config, members=build.check), clock) as runtime, own(runtime) as couriers:
            for hour in up[begin:end]:
                clock.advance_to(START + (hour + 1) * HOUR + LOOK)
                one_pass(runtime, couriers)
    return history(folder / "leeway.db")


def history(database: Path) -> History:
    with closing(sqlite3.connect(database)) as connection:
        return {name: connection.execute(query).fetchall() for name, query in QUERIES.items()}


@pytest.fixture(scope="module")
def never_down(data: Path, tmp_path_factory: pytest.TempPathFactory) -> History:
    return live(tmp_path_factory.mktemp("never") / "life", data, SHORT)


def test_the_world_has_something_to_lose(never_down: History) -> None:
    """It fires, relapses, reopens and resolves, and so does the feed; or nothing would be proven."""
    assert len(never_down["windows"]) == SHORT
    assert {row[5] for row in never_down["windows"]} == {"done", "no_data", "low_volume"}
    by_column = {row[1] for row in never_down["incidents"]}
    assert {"amount", ""} <= by_column
    kinds = {row[2] for row in never_down["events"]}
    assert {"opened", "reopened", "recovering", "resolved"} <= kinds


@pytest.mark.parametrize(
    "downs",
    [(Down(24, 25), Down(46, 71)), (Down(30, 330),)],
    ids=["1 and 25 hours", "300 hours"],
)
def test_the_history_of_one_that_never_was_down(
    downs: Sequence[Down], never_down: History, data: Path, tmp_path: Path
) -> None:
    """To the bit, wall-clock columns aside: windows, verdicts, incidents, events, measurements, states."""
    lived = live(tmp_path / "life", data, SHORT, downs)
    for part, expected in never_down.items():
        assert lived[part] == expected, part


@pytest.fixture(scope="module")
def beyond(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Down from hour 24 until 400 windows wait for it: at the look after hour 423."""
    folder = tmp_path_factory.mktemp("beyond") / "life"
    live(folder, data, 430, [Down(24, 423)])
    return folder / "leeway.db"


def test_beyond_the_horizon_the_oldest_are_skipped_each_with_its_row(beyond: Path) -> None:
    """400 windows waited, and the horizon is 336 hours: 64 of them and no other, and none without a row."""
    windows = history(beyond)["windows"]
    assert len(windows) == 430
    skipped = [index for index, row in enumerate(windows) if row[5] == "skipped"]
    assert {windows[index][6] for index in skipped} == {"catch_up horizon"}
    assert skipped == list(range(24, 24 + 64))


def test_beyond_the_horizon_the_fold_is_the_oracles(beyond: Path) -> None:
    """From the verdicts as they were judged, with the skipped windows saying nothing."""
    found, expected = compare(beyond, every_hours=1)
    assert found == expected
    assert len(expected) >= 2
