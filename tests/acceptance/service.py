"""A service on disk whose rows say more than features: airport, version, latency, errors, challenger."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

FIRST = datetime(2026, 3, 1, tzinfo=UTC)
REFERENCE_DAYS = 30
ROWS = 900  # a day


def day(number: int, *, rows: int = ROWS, jfk_missing: float = 0.0) -> pl.DataFrame:
    """One quiet day; with `jfk_missing` a share of the delays of one airport is not there."""
    random = np.random.default_rng([11, number])
    seconds = np.sort(random.integers(0, 86_400, rows))
    origin = random.choice(["JFK", "LGA", "EWR"], rows)
    delay = random.lognormal(2.0, 0.5, rows)
    score = 1.0 / (1.0 + np.exp(-(delay - 8.0) / 4.0 - random.normal(0.0, 0.3, rows)))
    gone = (origin == "JFK") & (random.random(rows) < jfk_missing)
    return pl.DataFrame(
        {
            "ts": [FIRST + timedelta(days=number, seconds=int(second)) for second in seconds],
            "origin": origin,
            "delay": np.where(gone, np.nan, delay),
            "score": score,
            "challenger": np.clip(score + random.normal(0.0, 0.02, rows), 0.0, 1.0),
            "model_version": ["v1"] * rows,
            "latency_ms": random.lognormal(3.0, 0.3, rows),
            "error": random.choice(["", "timeout"], rows, p=[0.99, 0.01]),
        }
    )


def build_service(folder: Path, days: dict[int, pl.DataFrame], *, policy: str = "") -> Path:
    """Write reference, the given production days (counted from the first after it) and config; its path."""
    data = folder / "data"
    data.mkdir(parents=True)
    pl.concat([day(number) for number in range(REFERENCE_DAYS)]).write_parquet(data / "reference.parquet")
    for number, frame in days.items():
        frame.write_parquet(data / f"rows-{number:03d}.parquet")
    config = folder / "leeway.toml"
    config.write_text(
        f"""
[storage]
url = "sqlite:///leeway.db"

[models.flights]
task = "binary"

[models.flights.source]
kind = "parquet"
path = "data/rows-*.parquet"
timestamp = "ts"

[models.flights.columns]
score = "score"
segments = ["origin"]
version = "model_version"
latency_ms = "latency_ms"
error = "error"
shadow = "challenger"

[models.flights.window]
every = "1d"
ready = "clock"

[models.flights.reference]
source = {{ kind = "parquet", path = "data/reference.parquet" }}

[models.flights.policy]
{policy}
"""
    )
    return config


def production(number: int, **changes: float) -> pl.DataFrame:
    """The n-th day after the reference."""
    return day(REFERENCE_DAYS + number, **changes)  # type: ignore[arg-type]  # rows and jfk_missing


def leeway(config: Path, *words: str) -> str:
    """A command's output; it must be fine."""
    command = [sys.executable, "-m", "monitor", "--config", str(config), *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, cwd=config.parent)
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout
