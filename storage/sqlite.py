"""How is history kept in a SQLite file?

Every writing transaction starts with BEGIN IMMEDIATE: a deferred read-then-write fails at once with
SQLITE_BUSY_SNAPSHOT, whatever the busy timeout (sqlite.org/isolation.html). One writing connection a
process; readers cannot write at all (PRAGMA query_only).
"""

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, create_engine, event, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool

from storage.compiled import COMPILED
from storage.errors import StorageError
from storage.lock import must_not_be_lost
from storage.store import Store

BUSY_TIMEOUT_MS = 10_000
FREE_SHARE = 0.2
LONGEST_FREE_S = 0.05


@dataclass(slots=True)
class _Turn:
    """Of this process's writers; a copy of the store has the same."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    free_until: float = 0.0  # monotonic seconds: before that none of them takes the file's lock


class SqliteStore(Store):
    """One file; one daemon owns it (storage/lock.py), short commands write beside it."""

    shared = False

    def __init__(self, path: Path, *, read_only: bool) -> None:
        self.path = path  # resolved
        writer = None if read_only else _engine(path, writes=True)
        super().__init__(str(path), _engine(path, writes=False), writer)
        self._turn = _Turn()

    def damage(self) -> list[str]:
        try:
            with self.read() as conn:
                found = conn.execute(text("PRAGMA integrity_check")).scalars().all()
                lost = conn.execute(text("PRAGMA foreign_key_check")).all()
        except StorageError as error:  # too damaged to be looked through
            return [str(error)]
        problems = [str(line) for line in found if line != "ok"]
        return problems + [f"{row[0]} row {row[1]} names a row of {row[2]} that is not there" for row in lost]

    @contextmanager
    def _queue(self) -> Iterator[None]:
        # SQLite's lock has no queue: a command that waits looks every 100 ms at most and would starve beside
        # a daemon that catches up. So the lock is left alone for a fifth of the time held before it is taken
        # again; who does something else meanwhile need not wait.
        with self._turn.lock:
            if (rest := self._turn.free_until - time.monotonic()) > 0:
                time.sleep(rest)
            began = time.monotonic()
            try:
                yield
            finally:
                ended = time.monotonic()
                self._turn.free_until = ended + min(FREE_SHARE * (ended - began), LONGEST_FREE_S)

    def _take_turn(self, conn: Connection, *, patient: bool = False) -> None:
        """BEGIN IMMEDIATE took it."""

    def _remedy(self, error: DBAPIError) -> str:
        return _remedy(str(error.orig))

    def _is_lost(self, error: DBAPIError) -> bool:
        return _is_damage(str(error.orig))


def open_sqlite(url: URL, *, read_only: bool) -> SqliteStore:
    """Open sqlite:///path; a file that is not there is made unless it is only to be read."""
    path = _path(url)
    must_not_be_lost(path)
    if read_only and not path.exists():
        raise StorageError(f"{path}: no such database; check storage.url, or start with `leeway run`")
    if not path.parent.is_dir():
        raise StorageError(f"{path}: folder {path.parent} does not exist; create it or change storage.url")
    if not read_only:
        _create(path)
    return SqliteStore(path, read_only=read_only)


def _create(path: Path) -> None:
    try:
        path.touch()
    except OSError as error:
        raise StorageError(f"{path}: cannot be written ({error.strerror}); check its owner") from error


def _path(url: URL) -> Path:
    if not url.database or url.database == ":memory:":
        raise StorageError("storage.url: history needs a file, use sqlite:///path/to/leeway.db")
    return Path(url.database).resolve()


def _engine(path: Path, *, writes: bool) -> Engine:
    def connect() -> sqlite3.Connection:
        # mode=rw never creates a file: a mistyped path is an error, not an empty history. isolation_level
        # None keeps the driver from opening transactions of its own; the "begin" event below opens them.
        # cached_statements: the judge and fold run some forty statements in turn.
        conn = sqlite3.connect(
            f"file:{quote(str(path))}?mode=rw",
            uri=True,
            isolation_level=None,
            check_same_thread=False,
            timeout=BUSY_TIMEOUT_MS / 1000,
            cached_statements=512,
        )
        cursor = conn.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
        cursor.execute("PRAGMA foreign_keys = ON")
        # FULL: a commit survives a power cut; in WAL mode NORMAL may lose the last (sqlite.org/pragma.html)
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA journal_mode = WAL" if writes else "PRAGMA query_only = ON")
        cursor.close()
        return conn

    engine = create_engine(
        "sqlite://",
        creator=connect,
        poolclass=QueuePool,
        pool_size=1 if writes else 4,
        max_overflow=0 if writes else 16,
        execution_options={"compiled_cache": COMPILED},
    )
    begin = "BEGIN IMMEDIATE" if writes else "BEGIN"

    @event.listens_for(engine, "begin")
    def _begin(conn: Connection) -> None:
        conn.exec_driver_sql(begin)

    return engine


def _is_damage(reason: str) -> bool:
    """SQLITE_CORRUPT and SQLITE_NOTADB."""
    return "malformed" in reason or "not a database" in reason


def _remedy(reason: str) -> str:
    if "locked" in reason or "busy" in reason:
        return f"another process held it for {BUSY_TIMEOUT_MS // 1000} s, look for a long transaction"
    if "full" in reason:
        return "free disk space"
    if "readonly" in reason or "unable to open" in reason:
        return "this user must be able to read and write the file and its folder; check their owner and mode"
    if _is_damage(reason):
        return "stop the daemon, then `leeway db restore FILE` with a backup (`leeway db check` says more)"
    if "no such table" in reason or "no such column" in reason:
        return "run `leeway db upgrade`"
    return "check the file, its folder and the disk"
