"""Does a real Spark Connect server count as this machine does, with our package sent to it?

In processes of their own: pyspark allows a process one kind of driver.
"""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tests import spark

spark.must_be_there()

# Half a minute of a core: `make test-spark` alone asks.
pytestmark = [pytest.mark.spark, pytest.mark.large, pytest.mark.timeout(900)]

T0 = datetime(2024, 3, 10, tzinfo=UTC)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """pyspark's own server on loopback; its address."""
    import pyspark

    folder = tmp_path_factory.mktemp("connect")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    home = Path(pyspark.__file__).parent
    given = {
        **spark.CONFIG,
        "spark.connect.grpc.binding.address": "127.0.0.1",
        "spark.connect.grpc.binding.port": str(port),
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.ui.enabled": "false",
    }
    settings = [word for name, value in given.items() for word in ("--conf", f"{name}={value}")]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                str(home / "bin" / "spark-submit"),
                *("--class", "org.apache.spark.sql.connect.service.SparkConnectServer"),
                *("--master", spark.MASTER, *settings, "spark-internal"),
            ],
            cwd=folder,
            stdout=log,
            stderr=log,
            env={**os.environ, "PYSPARK_PYTHON": sys.executable, "SPARK_HOME": str(home)},
        )
    try:
        until = time.monotonic() + 180
        while not _listens(port):
            assert process.poll() is None, (folder / "log").read_text()[-2_000:]
            assert time.monotonic() < until
            time.sleep(0.2)
        yield f"sc://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(60)


def _listens(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), 1):
            return True
    except OSError:
        return False


CLIENT = """
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
import detectors
from detectors import Kind, build_profile
from detectors._count import NO_EXTRAS
from monitor.counting import count_span, read_window, wanted
from monitor.source import SourceError
from monitor.sources.parquet import ParquetSource
from monitor.sources.spark import SparkSource
from storage.span import Span

address, folder = sys.argv[1:]
T0 = datetime(2024, 3, 10, tzinfo=UTC)
span = Span(start=T0, end=T0 + timedelta(hours=1))
files = ParquetSource(path=f"{folder}/*.parquet", timestamp="ts")
(batch,) = files.pull(None, {"x": Kind.NUMERIC, "c": Kind.CATEGORY}).batches
profile = build_profile(batch.columns, roles={})
there = SparkSource(remote=address, path=folder, timestamp="ts", ship=True)
mine = count_span(files, profile, span)
assert there.watermark() == files.watermark()
assert there.fingerprint(span) == files.fingerprint(span)
counted = there.count(profile, span, NO_EXTRAS)
assert counted.summary == mine.summary and counted.newest == mine.newest, "other counts"
assert read_window(profile, there.pull(span, wanted(profile))).summary == mine.summary, "other rows"

def refused(**options):
    try:
        SparkSource(**{"remote": address, "path": folder, "timestamp": "ts", **options}).fingerprint(span)
    except SourceError as error:
        return error
    raise AssertionError(f"{options} was answered")

over = refused(job_timeout=timedelta(milliseconds=1))
assert over.transient and "took longer than job_timeout" in str(over), over
gone = refused(remote="sc://127.0.0.1:1/;token=do-not-say-this")
assert gone.transient and "do-not-say-this" not in str(gone), gone
assert "is the Spark Connect server running" in str(gone), gone
absent = refused(table="nope", path="")
assert absent.transient and "correct `table`" in str(absent), absent
print("equal")
"""


def test_counts_are_those_of_this_machine(server: str, tmp_path: Path) -> None:
    """Times, counts and rows; an end to what takes too long; and words for what is not there."""
    rng = np.random.default_rng(1)
    rows = 5_000
    pl.DataFrame(
        {
            "x": pl.Series(rng.normal(size=rows)).set(pl.Series(rng.random(rows) < 0.1), float("nan")),
            "c": rng.choice(["a", "ü", ""], rows),
            "ts": [T0 + timedelta(seconds=second) for second in range(rows)],
        }
    ).write_parquet(tmp_path / "rows.parquet")
    said = subprocess.run(
        [sys.executable, "-c", CLIENT, server, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert said.stdout.split()[-1:] == ["equal"], said.stderr[-3_000:]
