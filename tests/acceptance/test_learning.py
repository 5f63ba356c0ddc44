"""A reference without time: production teaches what is normal, of the whole, of slices and of performance."""

import sqlite3
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from detectors._noise import NoiseModel
from storage.encoding import unpacked
from tests.acceptance.service import FIRST, REFERENCE_DAYS, build_service, production

DAYS = 21
START = FIRST + timedelta(days=REFERENCE_DAYS)


def labelled(frame: pl.DataFrame) -> pl.DataFrame:
    random = np.random.default_rng(frame.height)
    outcome = (random.random(frame.height) < frame["score"].to_numpy()).astype(float)
    return frame.with_columns(pl.Series("label", outcome))


def leeway(config: Path, *words: str) -> str:
    command = [sys.executable, "-m", "monitor", "--config", str(config), *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, cwd=config.parent)
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty-one quiet days with labels, and a reference that does not say when its rows were."""
    days = {n: labelled(production(n, rows=300)) for n in range(DAYS)}
    path = build_service(tmp_path_factory.mktemp("timeless"), days)
    reference = path.parent / "data" / "reference.parquet"
    labelled(pl.read_parquet(reference)).drop("ts").write_parquet(reference)
    text = path.read_text()
    path.write_text(
        text.replace(
            "[models.flights.window]", '[models.flights.labels]\ncolumn = "label"\n\n[models.flights.window]'
        )
    )
    leeway(path, "reference", "build", "--model", "flights")
    for days_later in (7, 14, DAYS):
        at = START + timedelta(days=days_later, hours=12)
        leeway(path, "run", "--once", "--at", f"{at:%Y-%m-%dT%H:%M:%S}")
    return path


def test_the_model_leaves_learning_with_its_slices(config: Path) -> None:
    """After twenty windows; the noise model in force knows columns, relations, slices and performance."""
    with sqlite3.connect(config.parent / "leeway.db") as connection:
        kinds = [kind for (kind,) in connection.execute("SELECT kind FROM daemon_event ORDER BY id")]
        (content,) = connection.execute("SELECT content FROM noise_model ORDER BY id DESC LIMIT 1").fetchone()
    assert "noise.learnt" in kinds
    assert "performance.learnt" in kinds
    noise = unpacked(content)
    assert (noise["windows"], noise["learnt_from"]) == (20, "production")
    components = NoiseModel.from_json(noise).components
    known = {column: component.windows for (column, _), component in components.items()}
    assert {"delay", "__joint__", "__behaviour__", "__performance__", "error"} <= set(known)
    assert known["__performance__"] >= 20
    assert "__volume__" not in known  # nobody said how many rows are usual
    slices = noise["slices"]
    assert set(slices) == {"origin=JFK", "origin=LGA", "origin=EWR"}
    assert all(one["windows"] == 20 for one in slices.values())


def test_nothing_quiet_pages(config: Path) -> None:
    """Neither while it learns nor after."""
    with sqlite3.connect(config.parent / "leeway.db") as connection:
        pages = connection.execute(
            "SELECT column_name, segment, change FROM v_verdicts WHERE severity = 'page'"
        ).fetchall()
    assert pages == []
