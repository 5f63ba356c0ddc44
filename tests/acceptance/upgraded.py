"""A model that was watched by version 0.1.0 for six days, and the days after.

`history-0.1.0.sql.gz` beside this file is the database that version left, as sqlite3's `.dump` writes it: it
built the reference of `write_world` and evaluated days 0 to 5.
"""

import gzip
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

REFERENCE_DAYS = 24
JUDGED = 6  # days of production that 0.1.0 evaluated
BROKEN = 4  # from this day on x is missing in a third of the rows
DAYS = 10
ROWS = 60  # a day
FIRST = datetime(2026, 3, 1, tzinfo=UTC)
START = FIRST + timedelta(days=REFERENCE_DAYS)
DUMP = Path(__file__).with_name("history-0.1.0.sql.gz")
_CONFIG = """
[storage]
url = "sqlite:///leeway.db"

[models.shop]
task = "binary"
source = { kind = "csv", path = "data/rows-*.csv", timestamp = "ts" }
reference = { source = { kind = "csv", path = "data/reference.csv", timestamp = "ts" } }
columns = { features = ["x", "k"], categorical = ["k"], score = "score" }
labels = { column = "label" }
window = { every = "1d", zone = "UTC", ready = "clock" }
"""


def day(number: int) -> pl.DataFrame:
    """Few different numbers, so that the database of that time is a small file."""
    random = np.random.default_rng([11, number])
    x = random.poisson(6.0, ROWS).astype(float)
    score = np.round(1.0 / (1.0 + np.exp(-(x - 6.0) / 2.0 + random.normal(0.0, 0.5, ROWS))), 2)
    gone = (number >= REFERENCE_DAYS + BROKEN) & (random.random(ROWS) < 0.33)
    start = FIRST + timedelta(days=number)
    return pl.DataFrame(
        {
            "ts": [start + timedelta(seconds=86_400 / ROWS * i) for i in range(ROWS)],
            "x": pl.Series(np.where(gone, np.nan, x)).fill_nan(None),
            "k": random.choice(["a", "b", "c"], ROWS, p=[0.5, 0.3, 0.2]),
            "score": score,
            "label": (random.random(ROWS) < score).astype(float),
        }
    )


def write_world(folder: Path) -> Path:
    """Reference, production and config, without a database; the config's path."""
    data = folder / "data"
    data.mkdir(parents=True)
    pl.concat([day(n) for n in range(REFERENCE_DAYS)]).write_csv(data / "reference.csv")
    for n in range(DAYS):
        day(REFERENCE_DAYS + n).write_csv(data / f"rows-{n:02d}.csv")
    config = folder / "leeway.toml"
    config.write_text(_CONFIG, encoding="utf-8")
    return config


def restore(folder: Path) -> Path:
    """The world with the database that 0.1.0 left; the config's path."""
    config = write_world(folder)
    with closing(sqlite3.connect(folder / "leeway.db")) as conn:
        conn.executescript(gzip.decompress(DUMP.read_bytes()).decode())
    return config
