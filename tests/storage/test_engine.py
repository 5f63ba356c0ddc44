"""Transactions: who may write, how they begin, and what a second connection sees."""

import threading
import time
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from storage.engine import Store, open_store
from storage.errors import StorageError
from storage.migrations import REVISIONS


def test_pragmas_of_the_writer(file_store: Store) -> None:
    """WAL, FULL, foreign keys and the busy timeout are in force where history is written."""
    with file_store.write() as conn:
        found = {
            name: conn.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout", "query_only")
        }
    assert found == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "busy_timeout": 10_000,
        "query_only": 0,
    }


def test_readers_cannot_write(store: Store) -> None:
    """A statement that writes fails on a read connection."""
    with pytest.raises(StorageError, match=r"readonly|read-only"), store.read() as conn:
        conn.execute(text("INSERT INTO daemon_event (at, kind, facts) VALUES (0, 'x', '{}')"))


def test_rolled_back_on_an_exception(store: Store, other: Store) -> None:
    """Nothing of a failed transaction is seen by anybody."""
    with pytest.raises(KeyError), store.write() as conn:  # noqa: PT012 (the write and the failure are the case)
        conn.execute(text("INSERT INTO daemon_event (at, kind, facts) VALUES (0, 'x', '{}')"))
        raise KeyError
    with other.read() as conn:
        assert conn.execute(text("SELECT count(*) FROM daemon_event")).scalar() == 0


def test_uncommitted_rows_are_invisible(store: Store, other: Store) -> None:
    """A reader keeps its snapshot while somebody writes, and sees the row in its next transaction."""
    count = text("SELECT count(*) FROM daemon_event")
    with other.read() as reader:
        assert reader.execute(count).scalar() == 0
        with store.write() as writer:
            writer.execute(text("INSERT INTO daemon_event (at, kind, facts) VALUES (0, 'x', '{}')"))
        assert reader.execute(count).scalar() == 0
    with other.read() as reader:
        assert reader.execute(count).scalar() == 1


def test_read_then_write_waits_its_turn(store: Store, other: Store) -> None:
    """Two processes that read and then write both succeed: BEGIN IMMEDIATE, no SQLITE_BUSY_SNAPSHOT."""
    add = text("INSERT INTO daemon_event (at, kind, facts) VALUES (:n, 'x', '{}')")
    errors: list[BaseException] = []

    def work(mine: Store) -> None:
        try:
            for _ in range(20):
                with mine.write() as conn:
                    n = conn.execute(text("SELECT count(*) FROM daemon_event")).scalar()
                    conn.execute(add, {"n": n})
        except BaseException as error:  # noqa: BLE001 (handed to the test's thread)
            errors.append(error)

    threads = [threading.Thread(target=work, args=(each,)) for each in (store, other, store)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    with store.read() as conn:
        seen = conn.execute(text("SELECT at FROM daemon_event ORDER BY id")).scalars().all()
    assert seen == list(range(60))


def test_the_file_is_left_alone_between_two_writes(file_store: Store) -> None:
    """For a fifth of the time held: a command that waits for SQLite's lock only looks at times."""
    held_s = 0.2
    with file_store.write():
        threading.Event().wait(held_s)
        ended = time.monotonic()
    with file_store.write():
        again = time.monotonic()
    assert again - ended >= held_s / 5


def test_write_does_not_nest(store: Store) -> None:
    """A write inside a write is a bug that is named at once instead of a dead lock."""
    with pytest.raises(RuntimeError, match="nest"), store.write(), store.write():
        pass


def test_newer_database_is_refused(store: Store, url: str) -> None:
    """Both revisions are named when another program's newer schema is met."""
    with store.write() as conn:
        conn.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StorageError, match=rf"9999.*{REVISIONS[-1]}"):
        open_store(url)


def test_reading_needs_todays_schema(empty_url: str) -> None:
    """A read-only command on an empty database says what to run, and cannot write."""
    open_store(empty_url).close()  # SQLite: the file is there
    with pytest.raises(StorageError, match="leeway db upgrade"):
        open_store(empty_url, read_only=True)


def test_opened_read_only(store: Store, url: str) -> None:
    """Neither a write nor a claim begins."""
    with open_store(url, read_only=True) as reader:
        for begin in (reader.write, reader.claim):
            with pytest.raises(StorageError, match="opened read-only"), begin():
                pass


def test_a_guard_comes_before_every_write(store: Store) -> None:
    """What the guard refuses is not written; reads, claims and the store itself are left alone."""

    def refuse(_conn: Connection) -> None:
        raise PermissionError

    guarded = store.guarded(refuse)
    with pytest.raises(PermissionError), guarded.write():
        pass
    for begin in (guarded.read, guarded.claim, store.write):
        with begin() as conn:
            assert conn.execute(text("SELECT count(*) FROM daemon_event")).scalar() == 0


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("sqlite:///{}/missing.db", "no such database"),
        ("sqlite:///{}/nowhere/leeway.db", "no such database"),
        ("sqlite://", "needs a file"),
        ("mysql://u:secret@h/d", "not supported"),
        ("postgresql+psycopg2://u:secret@h/d", "psycopg2 is not supported"),
        ("postgresql://u:secret@h:port/d", "not a database URL"),
        ("leeway.db", "not a database URL"),
    ],
)
def test_what_cannot_be_opened(tmp_path: Path, url: str, said: str) -> None:
    """Each refusal says why, and shows no password."""
    with pytest.raises(StorageError, match=said) as raised:
        open_store(url.format(tmp_path), read_only=True)
    assert "secret" not in str(raised.value)


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    """Garbage is a StorageError with a remedy."""
    path = tmp_path / "leeway.db"
    path.write_bytes(b"not a database at all" * 100)
    with pytest.raises(StorageError, match="backup"):
        open_store(f"sqlite:///{path}")
