"""How does a transaction on the database begin, and who may write?

Every writing transaction starts with BEGIN IMMEDIATE: a deferred read-then-write fails at once with
SQLITE_BUSY_SNAPSHOT, whatever the busy timeout (sqlite.org/isolation.html). One writing connection a
process; readers cannot write at all (PRAGMA query_only).
"""

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError
from sqlalchemy.pool import QueuePool

from storage.errors import StorageError, StorageLost
from storage.migrations import REVISIONS

BUSY_TIMEOUT_MS = 10_000
FREE_SHARE = 0.2
LONGEST_FREE_S = 0.05


class Store:
    """An open database. Threads share it; processes open their own."""

    def __init__(self, url: str, path: Path, *, read_only: bool) -> None:
        self.url = url
        self.path = path  # resolved
        self.read_only = read_only
        self._readers = _engine(path, writes=False)
        self._writer = None if read_only else _engine(path, writes=True)
        self._turn = threading.Lock()
        self._turn_of: int | None = None

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One consistent snapshot; anything that writes fails."""
        with self._translated(), self._readers.connect() as conn, conn.begin():
            yield conn

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction: committed on a normal exit, rolled back on any exception. Does not nest."""
        if self._writer is None:
            raise StorageError(f"{self.path}: opened read-only, nothing may be written")
        if self._turn_of == threading.get_ident():
            raise RuntimeError("storage: write transactions do not nest")
        with self._turn:
            self._turn_of = threading.get_ident()
            try:
                began = time.monotonic()
                with self._translated(), self._writer.connect() as conn, conn.begin():
                    yield conn
            finally:
                # SQLite's lock has no queue: a command that waits looks every 100 ms at most and would starve
                # beside a daemon that catches up. So the lock is left alone for a fifth of the time held.
                time.sleep(min(FREE_SHARE * (time.monotonic() - began), LONGEST_FREE_S))
                self._turn_of = None

    def revision(self) -> str | None:
        """The schema revision of the database; None: nothing in it yet."""
        with self.read() as conn:
            known = conn.execute(
                text("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'alembic_version'")
            ).first()
            if known is None:
                return None
            return conn.execute(text("SELECT version_num FROM alembic_version")).scalar()

    def damage(self) -> list[str]:
        """What SQLite finds wrong with the file, a line each; empty when it is sound. Reads all of it."""
        try:
            with self.read() as conn:
                found = conn.execute(text("PRAGMA integrity_check")).scalars().all()
                lost = conn.execute(text("PRAGMA foreign_key_check")).all()
        except StorageError as error:  # too damaged to be looked through
            return [str(error)]
        problems = [str(line) for line in found if line != "ok"]
        return problems + [f"{row[0]} row {row[1]} names a row of {row[2]} that is not there" for row in lost]

    def upgrade(self) -> bool:
        """Bring the schema to this program's revision in one transaction; False: it already was."""
        if self.revision() == REVISIONS[-1]:
            return False
        from storage.migrations.upgrade import upgrade  # noqa: PLC0415 (Alembic costs 0.2 s that reads never pay)

        with self.write() as conn:
            upgrade(conn)
        return True

    def close(self) -> None:
        for engine in (self._readers, self._writer):
            if engine is not None:
                engine.dispose()

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except IntegrityError:
            raise  # a broken promise of ours, not of the disk
        except DBAPIError as error:
            reason = str(error.orig)
            kind = StorageLost if _is_damage(reason) else StorageError
            raise kind(f"{self.path}: {reason}; {_remedy(reason)}") from error


def open_store(url: str, *, read_only: bool = False) -> Store:
    """Open sqlite:///path. A newer database is refused; an older one is refused when read-only."""
    path = _sqlite_path(url)
    if read_only and not path.exists():
        raise StorageError(f"{path}: no such database; check storage.url, or start with `leeway run`")
    if not path.parent.is_dir():
        raise StorageError(f"{path}: folder {path.parent} does not exist; create it or change storage.url")
    if not read_only:
        _create(path)
    store = Store(url, path, read_only=read_only)
    try:
        _check(store)
    except StorageError:
        store.close()
        raise
    return store


def _check(store: Store) -> None:
    found, ours = store.revision(), REVISIONS[-1]
    if found is not None and found not in REVISIONS:
        raise StorageError(
            f"{store.path}: the database is at revision {found}, this program knows up to {ours}; "
            "install the newer leeway that wrote it, or restore a backup"
        )
    if store.read_only and found != ours:
        raise StorageError(
            f"{store.path}: the database is at revision {found or 'none'}, this program needs {ours}; "
            "run `leeway db upgrade`"
        )


def _create(path: Path) -> None:
    lock = path.with_name(path.name + ".lock")
    if not path.exists() and lock.exists():
        # Begun anew, all would look well: an empty history has no incident.
        raise StorageLost(
            f"{path}: is gone, though a daemon has kept its history there; `leeway db restore FILE` with a "
            f"backup, or remove {lock.name} to begin a new one"
        )
    try:
        path.touch()
    except OSError as error:
        raise StorageError(f"{path}: cannot be written ({error.strerror}); check its owner") from error


def _sqlite_path(url: str) -> Path:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise StorageError("storage.url: not a database URL; expected sqlite:///path/to/leeway.db") from error
    if parsed.get_backend_name() != "sqlite":
        raise StorageError(f"storage.url: {parsed.get_backend_name()} is not supported, use sqlite:///path")
    if not parsed.database or parsed.database == ":memory:":
        raise StorageError("storage.url: history needs a file, use sqlite:///path/to/leeway.db")
    return Path(parsed.database).resolve()


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
    )
    begin = "BEGIN IMMEDIATE" if writes else "BEGIN"

    @event.listens_for(engine, "begin")
    def _begin(conn: Connection) -> None:
        conn.exec_driver_sql(begin)

    return engine


def _is_damage(reason: str) -> bool:
    """SQLITE_CORRUPT and SQLITE_NOTADB: no other attempt will go better."""
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
