"""A reference that is more than memory may hold, through the real command: the same is said in the end."""

import json
import os
import pty
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from monitor import build
from monitor.clock import SteppedClock
from monitor.config_file import load
from monitor.opening import open_runtime
from monitor.referencing import build_reference
from monitor.source import SourceError
from storage import profiles

ROWS, FILES, DAYS = 1_000_000, 4, 40
FIRST = datetime(2026, 3, 1, tzinfo=UTC)
CONFIG = """
[storage]
url = "sqlite:///leeway.db"

[models.m]
task = "binary"

[models.m.source]
kind = "parquet"
path = "{path}"
timestamp = "ts"

[models.m.columns]
score = "score"
segments = ["c"]

[models.m.labels]
column = "label"

[models.m.reference]
source = {{ kind = "parquet", path = "{path}" }}
exclude = [{{ from = 2026-03-06, to = 2026-03-08 }}]
memory_mb = {memory}
"""


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files of rows in order of time, and one with some of them late and in no order."""
    folder = tmp_path_factory.mktemp("rows")
    rng = np.random.default_rng(0)
    x = rng.normal(size=ROWS)
    score = 1.0 / (1.0 + np.exp(-x - rng.normal(size=ROWS)))
    step = DAYS * timedelta(days=1) / ROWS
    at = int(FIRST.timestamp() * 1e6) + np.arange(ROWS) * int(step / timedelta(microseconds=1))
    frame = pl.DataFrame(
        {
            "ts": pl.Series(at).cast(pl.Datetime("us", "UTC")),
            "x": x,
            "y": np.round(x + rng.lognormal(size=ROWS), 2),
            "c": pl.Series(rng.integers(0, 4, ROWS)).cast(pl.String),
            "id": pl.Series(np.arange(ROWS)).cast(pl.String),
            "score": score,
            "label": (rng.random(ROWS) < score).astype(float),
        }
    )
    late = frame.sample(50_000, seed=1, shuffle=True)
    frame = frame.join(late, on="ts", how="anti", maintain_order="left")
    part = -(-frame.height // (FILES - 1))
    for number in range(FILES - 1):
        frame[number * part : (number + 1) * part].write_parquet(folder / f"{number}.parquet")
    late.write_parquet(folder / "late.parquet")
    return folder


def config(folder: Path, rows: Path, memory: int) -> Path:
    folder.mkdir()
    path = folder / "leeway.toml"
    path.write_text(CONFIG.format(path=rows / "*.parquet", memory=memory), encoding="utf-8")
    return path


def command(path: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "monitor", "--config", str(path), *arguments]


def told(path: Path, *arguments: str) -> Any:
    done = subprocess.run(
        command(path, "--json", *arguments), capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_command_reads_it_in_parts(tmp_path: Path, rows: Path) -> None:
    """Windows, rows and moments are those of a build that holds all rows; the sample is told of."""
    small, whole = config(tmp_path / "parts", rows, 8), config(tmp_path / "held", rows, 4_096)
    parts = told(small, "reference", "build", "--model", "m")
    held = told(whole, "reference", "build", "--model", "m")
    assert any("it was read in parts" in notice for notice in parts["notices"])
    assert not any("read in parts" in notice for notice in held["notices"])
    assert [parts[key] for key in ("rows", "windows", "from", "to", "columns")] == [
        held[key] for key in ("rows", "windows", "from", "to", "columns")
    ]
    assert parts["windows"] == DAYS - 2
    again = told(small, "reference", "build", "--model", "m")
    assert again["digest"] == parts["digest"]
    mine, theirs = (told(path, "reference", "show", "--model", "m")["profile"] for path in (small, whole))
    for one, other in zip(mine, theirs, strict=True):
        assert one.keys() == other.keys()
        for fact, value in one.items():
            same = pytest.approx(other[fact], rel=1e-9) if isinstance(value, float) else other[fact]
            assert value == same, (one["column"], fact)


def test_its_progress_is_shown(tmp_path: Path, rows: Path) -> None:
    """On a terminal: what is going on, and how many of how many rows."""
    path = config(tmp_path / "shown", rows, 8)
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        command(path, "reference", "build", "--model", "m"),
        stdout=subprocess.DEVNULL,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "120"},
    ) as process:
        os.close(theirs)
        shown = b""
        while True:
            try:
                part = os.read(ours, 65_536)
            except OSError:  # Linux: the other end is closed
                break
            if not part:
                break
            shown += part
        assert process.wait(timeout=120) == 0
    os.close(ours)
    for what in (b"reading the reference", b"counting its rows", b"learning what is normal"):
        assert what in shown


def test_a_file_replaced_between_two_readings_is_an_error(tmp_path: Path, rows: Path) -> None:
    """Nothing is kept of it; the next build takes the file as it is now."""
    copy = tmp_path / "rows"
    shutil.copytree(rows, copy)
    path = config(tmp_path / "replaced", copy, 8)

    def replace(what: str, _done: int, _of: int) -> None:
        if what == "joining outcomes":  # after the first reading, before the second
            other = pl.read_parquet(copy / "0.parquet").with_columns(pl.col("x") + 0.001)
            other.write_parquet(copy / "0.parquet")

    now = SteppedClock(FIRST + (DAYS + 1) * timedelta(days=1))
    with open_runtime(load(path, members=build.check), now) as runtime:
        with pytest.raises(SourceError, match="the reference changed while it was read: in the window of"):
            build_reference(runtime, runtime.models["m"], progress=replace)
        with runtime.store.read() as conn:
            assert profiles.list_(conn, "m") == []
    assert told(path, "reference", "build", "--model", "m")["version"] == 1
