"""No more room for the database: loud, nothing corrupted, nothing claimed as told, and on again.

RLIMIT_FSIZE on the running process: a write beyond it fails as on a full disk (T20).
"""

import resource
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.acceptance.running import DAYS, FOLDED, count, daemon, log_of, running_shop, until, until_said
from tests.acceptance.world import Shop

FACTOR = 4.0  # a minute in fifteen seconds: who waits for a lease need not wait so long here
UNLIMITED = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
SENT = "SELECT count(*) FROM v_notifications WHERE state = 'sent'"


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return running_shop(tmp_path / "shop")


def sound(shop: Shop) -> bool:
    with closing(sqlite3.connect(shop.folder / "leeway.db")) as connection:
        return connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_full_disk_is_loud_and_passes(shop: Shop) -> None:
    """The daemon lives through it and catches up when there is room."""
    with daemon(shop, "after_claim:sleep=4", paced=(str(FACTOR),)) as running:
        until(shop, "SELECT count(*) FROM ledger WHERE state = 'claimed'", 1, running)
        # No file may grow beyond what is there: neither the WAL nor the log nor the channel's file.
        resource.prlimit(running.pid, resource.RLIMIT_FSIZE, (1024, resource.RLIM_INFINITY))
        time.sleep(6)
        assert running.poll() is None
        told = count(shop, SENT)
        lines = shop.folder / "alerts.jsonl"
        assert told == (len(lines.read_text().splitlines()) if lines.exists() else 0)
        assert sound(shop)
        resource.prlimit(running.pid, resource.RLIMIT_FSIZE, UNLIMITED)
        # A window whose result found no room is leased for a minute more.
        until(shop, FOLDED, DAYS, running, patience_s=150)
        until(shop, SENT, 1, running)
        until_said(shop, "log.lost", running)
    log = log_of(shop)
    assert "event=tick.failed" in log or "event=log.lost" in log
    assert sound(shop)
    assert count(shop, "SELECT count(*) - count(DISTINCT start) FROM ledger") == 0
