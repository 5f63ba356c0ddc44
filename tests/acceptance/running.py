"""A real `leeway run` in a process of its own, and what a test may ask of it."""

import atexit
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.acceptance.world import REFERENCE_DAYS, Shop, build_shop

LOG = """
[channels.file]
kind = "log"
path = "alerts.jsonl"

[[routes]]
match = { model = "*", severity = "page" }
channels = ["file"]

[daemon]
tick_s = 0.2
"""
DAYS = 8  # of production, the last one yesterday
PATIENCE_S = 60.0  # a cold machine compiles first


def unprivileged() -> list[str]:
    """What to begin a command with so that the modes of files count for it, for root too."""
    return ["setpriv", "--bounding-set", "-all", "--inh-caps", "-all"] if os.geteuid() == 0 else []


def leeway(shop: Shop, *arguments: str, plain: bool = False) -> subprocess.CompletedProcess[str]:
    """`plain`: see `unprivileged`."""
    command = [*(unprivileged() if plain else ()), sys.executable, "-m", "monitor"]
    command += ["--config", str(shop.config), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


@contextmanager
def daemon(
    shop: Shop,
    failpoint: str = "",
    *,
    environment: Mapping[str, str] | None = None,
    paced: tuple[str, ...] = (),
    plain: bool = False,
) -> Iterator[subprocess.Popen[str]]:
    """A running `leeway run`; whatever happens, it does not outlive the test.

    `paced`: see paced.py. `plain`: see `unprivileged`.
    """
    command = [sys.executable, "-m", "monitor", "--config", str(shop.config), "run"]
    if paced:
        command = [sys.executable, "-m", "tests.acceptance.paced", str(shop.config), *paced]
    if plain:
        command = [*unprivileged(), *command]
    environment = {**os.environ, "LEEWAY_FAILPOINT": failpoint, **(environment or {})}
    with (shop.folder / "daemon.log").open("a") as log:
        process = subprocess.Popen(command, stderr=log, env=environment, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=10)


def until(
    shop: Shop, query: str, least: int, process: subprocess.Popen[str], *, patience_s: float = PATIENCE_S
) -> None:
    """Wait for the database to say so: the daemon promises no time, only that it happens."""
    end = time.monotonic() + patience_s
    while time.monotonic() < end:
        assert process.poll() is None, f"the daemon ended with {process.returncode}"
        if (shop.folder / "leeway.db").exists() and count(shop, query) >= least:
            return
        time.sleep(0.1)
    raise AssertionError(f"not within {patience_s:.0f} s: {query}")


def count(shop: Shop, query: str) -> int:
    connection = sqlite3.connect(shop.folder / "leeway.db", timeout=10)
    try:
        return int(connection.execute(query).fetchone()[0])
    except sqlite3.OperationalError as error:
        if "no such table" in str(error):  # the first migration is not done yet
            return 0
        raise
    finally:
        connection.close()


FOLDED = "SELECT count(*) FROM ledger WHERE folded_at IS NOT NULL AND state = 'done'"


_built: dict[datetime, Path] = {}  # one a session: building takes longer than most tests


def running_shop(folder: Path) -> Shop:
    """Days that have just ended, as a daemon that lives in the present needs them; its reference is built."""
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    first = midnight - timedelta(days=REFERENCE_DAYS + DAYS)
    if first not in _built:
        kept = Path(tempfile.mkdtemp(prefix="leeway-shop-")) / "shop"
        made = build_shop(kept, first=first, days=DAYS, broken=range(3, DAYS), channels=LOG)
        built = leeway(made, "reference", "build", "--model", "shop")
        assert built.returncode == 0, built.stderr
        atexit.register(shutil.rmtree, kept.parent, ignore_errors=True)
        _built[first] = kept
    shutil.copytree(_built[first], folder)
    return Shop(config=folder / "leeway.toml", start=first + timedelta(days=REFERENCE_DAYS))


def log_of(shop: Shop) -> str:
    return (shop.folder / "daemon.log").read_text()


def until_said(shop: Shop, words: str, process: subprocess.Popen[str]) -> None:
    """Wait for these words in the daemon's log."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        if words in log_of(shop):
            return
        assert process.poll() is None, f"the daemon ended with {process.returncode}"
        time.sleep(0.05)
    raise AssertionError(f"not within {PATIENCE_S:.0f} s in the log: {words}")


def ends_within(process: subprocess.Popen[str], seconds: float, sign: signal.Signals) -> int:
    """Send a signal; the exit code, which has to come in time."""
    process.send_signal(sign)
    return process.wait(seconds)
