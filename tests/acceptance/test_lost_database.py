"""Corrupted, deleted or replaced while the daemon runs: it stops writing and says how to restore.

Never "all green" (T60).
"""

import os
import signal
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.acceptance.running import (
    DAYS,
    FOLDED,
    daemon,
    ends_within,
    leeway,
    log_of,
    running_shop,
    until,
)
from tests.acceptance.world import Shop


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return running_shop(tmp_path / "shop")


def said(shop: Shop, words: str) -> None:
    """Wait for the daemon to log it."""
    end = time.monotonic() + 30
    while words not in log_of(shop):
        assert time.monotonic() < end, f"not within 30 s: {words}"
        time.sleep(0.1)


def database(shop: Shop) -> Path:
    return shop.folder / "leeway.db"


@pytest.mark.parametrize("emptied", [False, True], ids=["deleted", "emptied"])
def test_deleted_it_stops_and_does_not_begin_anew(shop: Shop, emptied: bool) -> None:
    """Exit 69 with the way to restore, again at each start, until a person has done something."""
    backup = shop.folder / "backup.db"
    with daemon(shop) as running:
        until(shop, FOLDED, DAYS, running)
        assert leeway(shop, "db", "backup", str(backup)).returncode == 0
        if emptied:
            os.truncate(database(shop), 0)
        else:
            database(shop).unlink()
        assert running.wait(30) == 69
    log = log_of(shop)
    assert "event=database.lost" in log
    assert "leeway db restore FILE" in log
    again = leeway(shop, "run", "--once")
    assert again.returncode == 69
    assert "leeway db restore FILE" in again.stderr
    assert not database(shop).exists() or not database(shop).stat().st_size
    assert leeway(shop, "status").returncode == 69
    assert leeway(shop, "db", "restore", str(shop.folder / "none.db"), "--yes").returncode != 0
    assert leeway(shop, "run", "--once").returncode == 69
    assert leeway(shop, "db", "restore", str(backup), "--yes").returncode == 0
    assert "shop:" in leeway(shop, "status").stdout
    assert leeway(shop, "db", "check").returncode == 0


def test_replaced_it_stops(shop: Shop) -> None:
    """What it would write now, nobody would ever read."""
    with daemon(shop) as running:
        until(shop, FOLDED, DAYS, running)
        other = shop.folder / "other.db"
        assert leeway(shop, "db", "backup", str(other)).returncode == 0
        other.replace(database(shop))
        assert running.wait(30) == 69
    assert "another file took the database's place" in log_of(shop)


def test_without_its_wal_it_stops(shop: Shop) -> None:
    """The newest transactions were in it."""
    with daemon(shop) as running:
        until(shop, FOLDED, DAYS, running)
        (shop.folder / "leeway.db-wal").unlink()
        assert running.wait(30) == 69
    assert "-wal: is gone while in use" in log_of(shop)


@pytest.mark.parametrize("beside", [False, True], ids=["file", "folder"])
def test_shut_out_it_says_so_and_goes_on(shop: Shop, beside: bool) -> None:
    """A mode counts when a file is opened: what is open goes on, the next start cannot; both are told."""
    path = shop.folder if beside else database(shop)
    mode = path.stat().st_mode
    with daemon(shop, plain=True) as running:
        until(shop, FOLDED, DAYS, running)
        path.chmod(0o555 if beside else 0)
        try:
            said(shop, "event=database.shut_out")
            assert running.poll() is None
            if not beside:
                started = leeway(shop, "run", "--once", plain=True)
                assert started.returncode == 69
                assert "check their owner and mode" in started.stderr
        finally:
            path.chmod(mode)
        said(shop, "event=database.let_in")
        running.send_signal(signal.SIGTERM)
        assert running.wait(30) == 0
    assert leeway(shop, "db", "check").returncode == 0


def flip(path: Path, pages: int = 20) -> None:
    """Overwrite the heads of some pages, where SQLite keeps what it finds its rows by."""
    content = bytearray(path.read_bytes())
    count = len(content) // 4096
    step = max(1, count // (pages + 1))
    for page in range(2, count, step):
        content[page * 4096 : page * 4096 + 16] = b"\xa5" * 16
    with path.open("r+b") as file:  # the same file: whoever has it open sees it
        file.write(bytes(content))


def test_damaged_while_it_runs_it_stops_writing(shop: Shop) -> None:
    """Found by the next page that is read; the next start finds it before anything is written."""
    with daemon(shop) as running:
        until(shop, FOLDED, DAYS, running)
        with closing(sqlite3.connect(database(shop))) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        flip(database(shop))
        leeway(shop, "incidents", "list")  # whatever it says: the daemon must find out by itself
        end = time.monotonic() + 30
        while running.poll() is None and time.monotonic() < end:
            time.sleep(0.1)
        found_at_once = running.poll() == 69
        running.send_signal(signal.SIGTERM)
    if found_at_once:
        assert "event=database.lost" in log_of(shop)
    before = database(shop).read_bytes()
    with daemon(shop) as again:
        assert again.wait(60) == 69
    assert log_of(shop).count("leeway db restore FILE") >= 1
    assert database(shop).read_bytes() == before, "it wrote into a damaged database"
    assert leeway(shop, "db", "check").returncode == 69
    assert leeway(shop, "status").returncode in (0, 69)  # a page that is sound can still be read


def test_a_start_on_a_damaged_file_writes_nowhere(shop: Shop) -> None:
    """Not in its WAL, not by taking that in at the end, not to end the leases of an owner that is dead."""
    with daemon(shop, "after_attempt_row:kill") as killed:
        assert killed.wait(60) == -signal.SIGKILL
    wal = database(shop).with_name("leeway.db-wal")
    flip(database(shop))
    before = database(shop).read_bytes(), wal.read_bytes()
    assert before[1], "nothing was left to take in"
    with daemon(shop) as again:
        assert again.wait(60) == 69
    assert "event=database.lost" in log_of(shop)
    assert (database(shop).read_bytes(), wal.read_bytes()) == before


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_is_heard_while_the_file_is_looked_through(shop: Shop, sign: signal.Signals) -> None:
    """A large file takes minutes; here one whose rows take long to check."""
    with closing(sqlite3.connect(database(shop))) as connection:
        connection.execute("CREATE TABLE slow (x INTEGER CHECK (length(hex(zeroblob(20000000 + x))) > 0))")
        connection.execute("PRAGMA ignore_check_constraints = ON")
        connection.executemany("INSERT INTO slow VALUES (?)", [(x,) for x in range(2_000)])
        connection.commit()
    lock = database(shop).with_name("leeway.db.lock")
    with daemon(shop) as running:
        end = time.monotonic() + 90
        while not (lock.exists() and str(running.pid) in lock.read_text()):
            assert running.poll() is None, log_of(shop)
            assert time.monotonic() < end
            time.sleep(0.05)
        time.sleep(0.5)
        running.send_signal(signal.SIGHUP)  # nothing yet that could be reloaded
        assert ends_within(running, 10, sign) == 0
    assert "event=daemon.started" not in log_of(shop)
