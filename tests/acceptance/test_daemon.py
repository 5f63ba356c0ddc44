"""The daemon as a process: does it own its database, survive SIGKILL, and end when asked?"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.acceptance.running import DAYS, FOLDED, count, daemon, leeway, running_shop, until
from tests.acceptance.world import Shop


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return running_shop(tmp_path / "shop")


def test_a_killed_daemon_goes_on_where_it_was(shop: Shop) -> None:
    """SIGKILL in the middle of the work; the next one finishes it, every window once, every message told."""
    with daemon(shop) as first:
        until(shop, FOLDED, 1, first)
        first.send_signal(signal.SIGKILL)
        first.wait(10)
    with daemon(shop) as second:
        until(shop, FOLDED, DAYS - 1, second)
        until(shop, "SELECT count(*) FROM v_notifications WHERE state = 'sent'", 1, second)
        assert count(shop, "SELECT count(*) - count(DISTINCT start) FROM ledger") == 0
        second.send_signal(signal.SIGTERM)
        assert second.wait(25) == 0
    lines = (shop.folder / "alerts.jsonl").read_text().splitlines()
    assert any("amount" in line for line in lines)


@pytest.mark.parametrize(
    "name", ["after_plan", "mid_source_read", "before_fold_commit", "before_flush_commit"]
)
def test_a_failure_anywhere_does_not_stop_the_daemon(shop: Shop, name: str) -> None:
    """A named place raises: it is said in the log, the next tick goes on, all is folded."""
    with daemon(shop, f"{name}:raise:1") as running:
        until(shop, FOLDED, DAYS, running)
        until(shop, "SELECT count(*) FROM v_notifications WHERE state = 'sent'", 1, running)
    assert f"failpoint {name} reached, pass 1" in (shop.folder / "daemon.log").read_text()
    assert count(shop, "SELECT count(*) - count(DISTINCT start) FROM ledger") == 0


def test_a_second_daemon_is_refused_and_names_the_owner(shop: Shop) -> None:
    """On the same file, through a symbolic and a hard link too: exit 75, host and pid; the first goes on."""
    with daemon(shop) as first:
        until(shop, FOLDED, 1, first)
        symbolic = shop.folder / "symbolic.db"
        symbolic.symlink_to(shop.folder / "leeway.db")
        hard = shop.folder / "hard.db"
        os.link(shop.folder / "leeway.db", hard)
        for name in ("leeway.db", "symbolic.db", "hard.db"):
            other = shop.config.with_name(f"{name}.toml")
            other.write_text(shop.config.read_text().replace("sqlite:///leeway.db", f"sqlite:///{name}"))
            started = time.monotonic()
            refused = subprocess.run(
                [sys.executable, "-m", "monitor", "--config", str(other), "run"],
                capture_output=True,
                text=True,
                timeout=60,
            )
            assert refused.returncode == 75, (name, refused.stderr)
            assert str(first.pid) in refused.stderr
            assert time.monotonic() - started < 30
        assert first.poll() is None


def test_commands_beside_a_running_daemon(shop: Shop) -> None:
    """Looking and acknowledging take their turn; the daemon is not disturbed."""
    with daemon(shop) as running:
        until(shop, "SELECT count(*) FROM incident WHERE is_open", 1, running)
        assert leeway(shop, "status").returncode == 0
        listed = leeway(shop, "incidents", "list", "--json")
        assert listed.returncode == 0, listed.stderr
        identity = listed.stdout.split('"incident_id": "')[1][:12]
        taken = leeway(shop, "incidents", "ack", identity, "--by", "ada")
        assert taken.returncode == 0, taken.stderr
        assert count(shop, "SELECT count(*) FROM incident WHERE acknowledged_by = 'ada'") == 1
        assert running.poll() is None
