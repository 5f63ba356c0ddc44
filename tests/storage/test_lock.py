"""One daemon owns a database, under any of its names, and no longer than it lives."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from storage.errors import OwnedElsewhere, StorageError, StorageLost
from storage.lock import OwnerLock, must_not_be_lost

ROOT = Path(__file__).parents[2]


def owner_process(database: Path) -> "subprocess.Popen[str]":
    """A process that holds the lock until it is killed."""
    program = (
        "import sys, signal; from pathlib import Path; from storage.lock import OwnerLock\n"
        f"lock = OwnerLock(Path({str(database)!r}))\n"
        "lock.acquire(); print('held', flush=True); signal.pause()"
    )
    process = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


@pytest.mark.parametrize("name", ["leeway.db", "symbolic.db", "hard.db"])
def test_a_second_owner_is_told_who_has_it(database: Path, name: str) -> None:
    """Host and pid of the owner, whichever link the second one came by; kill -9 frees it."""
    (database.parent / "symbolic.db").symlink_to(database)
    (database.parent / "hard.db").hardlink_to(database)
    process = owner_process(database)
    try:
        with pytest.raises(OwnedElsewhere) as raised:
            OwnerLock(database.parent / name).acquire()
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    assert raised.value.owner == f"{socket.gethostname()} {process.pid}"
    assert str(process.pid) in str(raised.value)
    with OwnerLock(database.parent / name):
        pass


def test_released_and_taken_again(database: Path) -> None:
    """In one process too: no second owner while it is held, a new one after."""
    with OwnerLock(database), pytest.raises(OwnedElsewhere, match=str(os.getpid())):
        OwnerLock(database).acquire()
    with OwnerLock(database):
        pass


def test_a_link_in_the_same_process(database: Path) -> None:
    """A hard link is the same database for ourselves as well."""
    (database.parent / "hard.db").hardlink_to(database)
    with OwnerLock(database), pytest.raises(OwnedElsewhere):
        OwnerLock(database.parent / "hard.db").acquire()


def test_no_place_for_the_lock(tmp_path: Path) -> None:
    """A folder that is not there is a StorageError, not a traceback."""
    with pytest.raises(StorageError, match="cannot be opened"):
        OwnerLock(tmp_path / "nowhere" / "leeway.db").acquire()


def test_what_never_came_to_be_is_not_lost(tmp_path: Path) -> None:
    """An owner that leaves nothing, as a restore without a backup, leaves nothing to be missed."""
    database = tmp_path / "leeway.db"
    with OwnerLock(database):
        must_not_be_lost(database)  # whoever has it says so
    assert not database.exists()
    must_not_be_lost(database)
    with OwnerLock(database):
        database.write_bytes(b"history")
    must_not_be_lost(database)
    database.write_bytes(b"")
    with OwnerLock(database):
        pass
    assert database.exists()
    with pytest.raises(StorageLost, match="is empty"):
        must_not_be_lost(database)
    database.unlink()
    for _ in range(2):
        with pytest.raises(StorageLost, match="is gone"):
            must_not_be_lost(database)
        with OwnerLock(database):
            pass
