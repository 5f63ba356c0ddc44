"""How much memory does a reference take that memory does not hold? Whole processes, `leeway reference build`.

A binary model's rows over 100 days in Parquet files of half a million rows, in order of time. Once with a
tenth of the rows and once with all of them: what is held may not grow with them.
"""

import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.rows import Row, process

FILE_ROWS = 500_000
DAYS = 100
FIRST = datetime(2026, 3, 1, tzinfo=UTC)
# The numbers, for 10**7 rows and more.
PEAK_MIB = 600.0
GROWTH = 1.10
LEAST_ROWS = 10_000_000
CONFIG = """
[storage]
url = "sqlite:///leeway.db"

[models.m]
task = "binary"

[models.m.source]
kind = "parquet"
path = "rows/*.parquet"
timestamp = "ts"

[models.m.columns]
score = "score"

[models.m.labels]
column = "label"

[models.m.reference]
source = { kind = "parquet", path = "rows/*.parquet" }
"""


def reference(folder: Path, rows: int, columns: int = 20) -> Iterator[Row]:
    """`columns`: the score among them; time and label come on top. In `folder`, which is not there yet."""
    peaks = []
    for part in (rows // 10, rows):
        here = folder / str(part)
        _write(here, part, columns)
        command = [sys.executable, "-m", "monitor", "--config", str(here / "leeway.toml"), "--json"]
        spent = process([*command, "reference", "build", "--model", "m"])
        built = json.loads(spent.output)
        parts = any("read in parts" in notice for notice in built["notices"])
        peaks.append(spent.peak_mib)
        yield Row(
            what=f"{part:,} rows × {columns} columns",
            measured=spent.peak_mib,
            unit="MiB",
            at_most=PEAK_MIB if part >= LEAST_ROWS else None,
            note=f"{spent.cpu_s:.0f} s of CPU, {spent.wall_s:.0f} s; {built['windows']} windows, "
            + ("in parts" if parts else "held at once"),
        )
        for path in (here / "rows").iterdir():
            path.unlink()
    yield Row(
        what="  ten times the rows",
        measured=peaks[1] / peaks[0],
        unit="× the memory",
        at_most=GROWTH if rows // 10 >= LEAST_ROWS else None,
    )


def _write(folder: Path, rows: int, columns: int) -> None:
    """Numbers of several laws, with gaps and ties, and labels."""
    (folder / "rows").mkdir(parents=True)
    (folder / "leeway.toml").write_text(CONFIG, encoding="utf-8")
    step = DAYS * timedelta(days=1) / rows
    for number, start in enumerate(range(0, rows, FILE_ROWS)):
        n = min(FILE_ROWS, rows - start)
        rng = np.random.default_rng(number)
        factor = rng.normal(size=n)
        score = 1.0 / (1.0 + np.exp(-factor - 0.5 * rng.normal(size=n)))
        first = int(FIRST.timestamp() * 1e6)
        at = first + (np.arange(start, start + n) * (step / timedelta(microseconds=1))).astype(np.int64)
        frame = {"ts": pl.Series(at).cast(pl.Datetime("us", "UTC")), "score": pl.Series(score)}
        frame["label"] = pl.Series((rng.random(n) < score).astype(np.int8))
        for column in range(columns - 1):
            frame[f"x{column}"] = _column(column, n, factor, rng)
        path = folder / "rows" / f"{number:05}.parquet"
        pl.DataFrame(frame).write_parquet(path, row_group_size=131_072)


def _column(number: int, rows: int, factor: np.ndarray, rng: np.random.Generator) -> pl.Series:
    match number % 5:
        case 0:
            return pl.Series(0.4 * factor + rng.normal(size=rows))
        case 1:
            values = rng.lognormal(size=rows)
            values[rng.random(rows) < 0.05] = np.nan
            return pl.Series(values).fill_nan(None)
        case 2:
            return pl.Series(rng.integers(0, 50, rows))
        case 3:
            return pl.Series(rng.integers(0, 200, rows)).cast(pl.String)
        case _:
            return pl.Series(np.round(rng.gamma(2.0, size=rows), 3))
