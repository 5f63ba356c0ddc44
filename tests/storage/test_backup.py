"""A copy under load is one snapshot; putting it back loses neither database, whatever happens (T35)."""

import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from storage import daemon_events, groups, outbox
from storage.backup import back_up, database_file, put_back
from storage.engine import SqliteStore, open_store
from storage.errors import StorageError
from storage.lock import OwnerLock
from storage.restored import restored_at
from tests.storage.samples import LEASE, T0, message


def quiet(_what: str, _done: int, _of: int) -> None:
    return


def pairs(path: Path) -> tuple[int, int]:
    """How often each of two rows that are written together is there."""
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT kind, count(*) FROM daemon_event GROUP BY kind").fetchall()
    found = dict(rows)
    return found.get("one", 0), found.get("other", 0)


def test_a_backup_under_load_is_whole_and_one_snapshot(file_store: SqliteStore, tmp_path: Path) -> None:
    """Two rows of one transaction are both there or neither; writers go on meanwhile."""
    stop = threading.Event()
    written = [0]

    def write() -> None:
        while not stop.is_set():
            with file_store.write() as conn:
                daemon_events.add(conn, "one", T0, {"much": "x" * 3_000})
                daemon_events.add(conn, "other", T0, {"much": "y" * 3_000})
            written[0] += 1

    writer = threading.Thread(target=write)
    writer.start()
    seen = []
    during = []

    def progress(what: str, done: int, of: int) -> None:
        seen.append((what, done, of))
        during.append(written[0])

    try:
        while written[0] < 300:
            pass
        for number in range(5):
            target = tmp_path / f"copy-{number}.db"
            copied = back_up(file_store.path, target, progress=progress)
            assert copied.revision == file_store.revision()
            assert copied.size == target.stat().st_size
            one, other = pairs(target)
            assert one == other >= 300
            assert not target.with_name(target.name + "-wal").exists()
    finally:
        stop.set()
        writer.join()
    assert ("checking", 0, 0) in seen
    assert during[-1] > during[0], "nobody wrote meanwhile: nothing is proven"


def test_a_copy_never_takes_a_name_that_is_taken(file_store: SqliteStore, tmp_path: Path) -> None:
    """Unless asked to; and the database itself is no place for it."""
    target = tmp_path / "copy.db"
    back_up(file_store.path, target, progress=quiet)
    with pytest.raises(StorageError, match="--force"):
        back_up(file_store.path, target, progress=quiet)
    back_up(file_store.path, target, replace=True, progress=quiet)
    with pytest.raises(StorageError, match="the database itself"):
        back_up(file_store.path, file_store.path, replace=True, progress=quiet)


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"not a database at all, whatever its name", "is it a database"), (b"", "no database of Leeway")],
)
def test_what_is_no_backup_is_refused(
    file_store: SqliteStore, tmp_path: Path, content: bytes, says: str
) -> None:
    """And the database stays as it is."""
    wrong = tmp_path / "wrong.db"
    wrong.write_bytes(content)
    with pytest.raises(StorageError, match=says):
        put_back(wrong, file_store.path, now=T0, progress=quiet)
    assert file_store.damage() == []


def test_a_damaged_database_is_not_written_by_a_backup(file_store: SqliteStore, tmp_path: Path) -> None:
    """Not even its WAL is taken into it when the copy ends."""
    with file_store.write() as conn:
        daemon_events.add(conn, "one", T0, {"much": "x" * 50_000})
    left = tmp_path / "left.db"  # as a process that died leaves them: the WAL is still beside it
    wal = left.with_name("left.db-wal")
    content = bytearray(file_store.path.read_bytes())
    content[4096:] = b"\xa5" * (len(content) - 4096)
    left.write_bytes(content)
    wal.write_bytes(file_store.path.with_name(file_store.path.name + "-wal").read_bytes())
    assert wal.stat().st_size
    before = left.read_bytes(), wal.read_bytes()
    with pytest.raises(StorageError, match=r"damaged|cannot be copied"):
        back_up(left, tmp_path / "copy.db", progress=quiet)
    assert (left.read_bytes(), wal.read_bytes()) == before


def test_a_damaged_backup_is_refused(file_store: SqliteStore, tmp_path: Path) -> None:
    """An older one has to do."""
    with file_store.write() as conn:
        for _ in range(200):
            daemon_events.add(conn, "one", T0, {"much": "x" * 3_000})
    copy = tmp_path / "copy.db"
    back_up(file_store.path, copy, progress=quiet)
    content = bytearray(copy.read_bytes())
    for page in range(20, 40):
        content[page * 4096 : page * 4096 + 64] = os.urandom(64)
    copy.write_bytes(bytes(content))
    with pytest.raises(StorageError, match=r"damaged|cannot be copied"):
        put_back(copy, file_store.path, now=T0, progress=quiet)


def test_a_newer_backup_is_refused(file_store: SqliteStore, tmp_path: Path) -> None:
    """By the program that does not know its schema."""
    copy = tmp_path / "copy.db"
    back_up(file_store.path, copy, progress=quiet)
    with closing(sqlite3.connect(copy)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StorageError, match="9999"):
        put_back(copy, file_store.path, now=T0, progress=quiet)


def test_restoring_keeps_both_databases(database: Path, tmp_path: Path) -> None:
    """The backup is in force; what it replaced is whole, with what only its WAL knew."""
    url = f"sqlite:///{database}"
    copy = tmp_path / "copy.db"
    with open_store(url) as store:
        with store.write() as conn:
            daemon_events.add(conn, "one", T0)
        back_up(database, copy, progress=quiet)
        with store.write() as conn:
            daemon_events.add(conn, "other", T0)
    done = put_back(copy, database, now=T0, progress=quiet)
    assert pairs(database) == (1, 0)
    assert done.kept is not None
    assert pairs(done.kept) == (1, 1)
    with open_store(url) as store, store.read() as conn:
        assert store.damage() == []
        assert restored_at(conn) == T0


def test_an_emptied_database_leaves_its_wal_behind(file_store: SqliteStore, tmp_path: Path) -> None:
    """Which is of another file than the one that is put in its place: it would be laid over it."""
    backup, lost = tmp_path / "backup.db", tmp_path / "lost.db"
    with file_store.write() as conn:
        daemon_events.add(conn, "one", T0, {})
    back_up(file_store.path, backup, progress=quiet)
    for number in range(200):
        with file_store.write() as conn:
            daemon_events.add(conn, "other", T0, {"much": f"{number}" * 100})
    shutil.copy(f"{file_store.path}-wal", f"{lost}-wal")
    with OwnerLock(lost):
        assert put_back(backup, lost, now=T0, progress=quiet).kept is None
    assert pairs(lost) == (1, 0)
    assert pairs(lost) == pairs(backup)
    (kept,) = tmp_path.glob("lost.db.replaced-*-wal")
    assert kept.read_bytes() == Path(f"{file_store.path}-wal").read_bytes()


def test_what_waits_in_a_backup_is_not_sent_and_is_told_anew(file_store: SqliteStore, tmp_path: Path) -> None:
    """It may have been sent long ago; its key stays taken."""
    with file_store.write() as conn:
        outbox.enqueue(conn, [message("queued"), message("sending", lane="oncall/n")], T0)
    assert outbox.SqlOutbox(file_store).claim(T0, "host 1", LEASE) is not None
    copy = tmp_path / "copy.db"
    back_up(file_store.path, copy, progress=quiet)
    done = put_back(copy, tmp_path / "fresh.db", now=T0, progress=quiet)
    assert (done.cancelled, done.kept) == (2, None)
    with open_store(f"sqlite:///{done.database}") as restored:
        assert outbox.SqlOutbox(restored).claim(T0 + timedelta(hours=1), "host 2", LEASE) is None
        with restored.read() as conn:
            assert outbox.known(conn, "queued")
            assert groups.to_look_at(conn) == []


RESTORE = """
import sys
from pathlib import Path
from storage.backup import put_back
from tests.storage.samples import T0
put_back(Path(sys.argv[1]), Path(sys.argv[2]), now=T0, progress=lambda *_: None)
"""


def test_killed_in_the_middle_the_old_database_is_there(file_store: SqliteStore, tmp_path: Path) -> None:
    """And the next attempt goes through."""
    with file_store.write() as conn:
        daemon_events.add(conn, "one", T0)
    copy, target = tmp_path / "copy.db", tmp_path / "target.db"
    back_up(file_store.path, copy, progress=quiet)
    back_up(file_store.path, target, progress=quiet)
    with closing(sqlite3.connect(target)) as connection, connection:
        connection.execute("UPDATE daemon_event SET kind = 'other'")
    command = [sys.executable, "-c", RESTORE, str(copy), str(target)]
    killed = subprocess.run(command, env={"LEEWAY_FAILPOINT": "mid_restore:kill", "PATH": ""})
    assert killed.returncode == -9
    assert pairs(target) == (0, 1)
    assert subprocess.run(command, env={"PATH": ""}).returncode == 0
    assert pairs(target) == (1, 0)


def test_a_server_has_tools_of_its_own() -> None:
    """The message names them; it holds no password."""
    with pytest.raises(StorageError, match="pg_dump") as caught:
        database_file("postgresql+psycopg://leeway:canary@db/leeway")
    assert "canary" not in str(caught.value)
