"""`leeway db` as people type it: beside a daemon, on a pipe, with JSON."""

import json
from pathlib import Path

import pytest

from tests.acceptance.running import DAYS, FOLDED, daemon, leeway, running_shop, until
from tests.acceptance.world import Shop


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return running_shop(tmp_path / "shop")


def test_backup_beside_a_daemon_and_restore_after_it(shop: Shop) -> None:
    """Refused with 75 while it owns the database; nobody is asked on a pipe; what was there is kept."""
    copy = shop.folder / "copy.db"
    with daemon(shop) as running:
        until(shop, FOLDED, DAYS, running)
        made = leeway(shop, "db", "backup", str(copy), "--json")
        assert made.returncode == 0, made.stderr
        assert json.loads(made.stdout)["bytes"] == copy.stat().st_size
        assert leeway(shop, "db", "backup", str(copy)).returncode == 69
        assert leeway(shop, "db", "backup", str(copy), "--force").returncode == 0
        refused = leeway(shop, "db", "restore", str(copy), "--yes")
        assert refused.returncode == 75
        assert str(running.pid) in refused.stderr
    asked = leeway(shop, "db", "restore", str(copy))
    assert asked.returncode == 2
    assert "--yes" in asked.stderr
    done = leeway(shop, "db", "restore", str(copy), "--yes", "--json")
    assert done.returncode == 0, done.stderr
    kept = Path(json.loads(done.stdout)["kept"])
    assert kept.exists()
    assert kept.parent == shop.folder
    checked = leeway(shop, "db", "check", "--json")
    facts = json.loads(checked.stdout)
    assert facts["problems"] == []
    assert facts["bytes"] > 100_000
    assert facts["full_since"]
    assert "measurements in full since" in leeway(shop, "status").stdout
