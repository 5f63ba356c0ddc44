"""How is a SQLite history copied while it is written, and put back?

The copy is one snapshot by the backup API (sqlite.org/backup.html), held by a read transaction so that no
commit makes it begin again; checked before it takes its name. Putting back never overwrites: what was there
is kept under another name, and the new file takes the place in one rename.
"""

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from alerting import failpoint
from storage.engine import open_store
from storage.errors import StorageError
from storage.lock import must_not_be_lost
from storage.restored import forget_what_was_open
from storage.sqlite import BUSY_TIMEOUT_MS

PAGES_AT_ONCE = 2_048  # 8 MB: often enough for a progress bar
Progress = Callable[[str, int, int], None]  # what, done, of how many


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """One finished copy."""

    file: Path
    size: int  # bytes
    revision: str | None  # of the schema in it


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """A backup in force. `kept`: where the replaced database is now; None: there was none."""

    database: Path
    kept: Path | None
    revision: str | None
    cancelled: int  # messages that were waiting in the backup and will be worded anew


def database_file(url: str) -> Path:
    """The file of sqlite:///path; other databases have tools of their own."""
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise StorageError("storage.url: not a database URL; expected sqlite:///path/to/leeway.db") from error
    if parsed.get_backend_name() != "sqlite" or not parsed.database:
        raise StorageError(
            "storage.url: this history is kept by a PostgreSQL server: copy it with `pg_dump --format=custom "
            "--file=FILE DATABASE`, put it back with `pg_restore --clean --dbname=DATABASE FILE`"
        )
    return Path(parsed.database).resolve()


def back_up(database: Path, target: Path, *, replace: bool = False, progress: Progress) -> Copied:
    """Copy a database that may be in use. `replace`: a file of that name may be replaced."""
    must_not_be_lost(database)
    if not database.exists():
        raise StorageError(f"{database}: no such database; check storage.url")
    if target.exists() and not replace:
        raise StorageError(f"{target}: exists; name another file, or replace it with --force")
    if target.exists() and os.path.samefile(target, database):
        raise StorageError(f"{target}: is the database itself")
    partial = target.with_name(target.name + ".partial")
    revision = _copy(database, partial, progress)
    _rename(partial, target)
    return Copied(file=target, size=target.stat().st_size, revision=revision)


def put_back(file: Path, database: Path, *, now: datetime, progress: Progress) -> Restored:
    """Make a backup the database. Only under the owner's lock: nobody may be working on the old one.

    The copy is brought to this program's revision and told that it is a copy before it takes the name.
    """
    if not file.is_file():
        raise StorageError(f"{file}: no such backup")
    if database.exists() and os.path.samefile(file, database):
        raise StorageError(f"{file}: is the database itself")
    fresh = database.with_name(database.name + ".restoring")
    for suffix in ("", "-wal", "-shm"):  # of an attempt that was killed
        fresh.with_name(fresh.name + suffix).unlink(missing_ok=True)
    _copy(file, fresh, progress)
    with open_store(f"sqlite:///{fresh}") as store:
        store.upgrade()
        with store.write() as conn:
            cancelled = forget_what_was_open(conn, str(file), now)
        revision = store.revision()
    _single(fresh)
    failpoint.hit("mid_restore")
    kept = _set_aside(database, now)
    _rename(fresh, database)
    return Restored(database=database, kept=kept, revision=revision, cancelled=cancelled)


def _copy(source: Path, target: Path, progress: Progress) -> str | None:
    """One snapshot, checked and on disk; its schema's revision."""
    if not target.parent.is_dir():
        raise StorageError(f"{target.parent}: no such folder; make it, or name a file in another one")
    free, size = shutil.disk_usage(target.parent).free, source.stat().st_size
    if free < size:
        raise StorageError(f"{target.parent}: {free:,} bytes are free, the copy needs {size:,}")
    target.unlink(missing_ok=True)

    def report(_status: int, remaining: int, total: int) -> None:
        progress("copying", total - remaining, total)

    try:
        # Read-only: to close the last connection of a file that turns out to be damaged would write into it.
        with closing(_open(source, "ro")) as read, closing(sqlite3.connect(target)) as write:
            read.execute("BEGIN")
            read.execute("SELECT count(*) FROM sqlite_master").fetchone()  # from here on it is one snapshot
            read.backup(write, pages=PAGES_AT_ONCE, progress=report)
            read.execute("ROLLBACK")
            # A copy is one file: what opens it later needs no WAL beside it.
            write.execute("PRAGMA journal_mode = DELETE")
            progress("checking", 0, 0)
            found = [str(row[0]) for row in write.execute("PRAGMA integrity_check")]
            revision = _revision(write)
    except sqlite3.Error as error:
        target.unlink(missing_ok=True)
        raise StorageError(f"{source}: cannot be copied ({error}); is it a database of Leeway") from error
    if found != ["ok"]:
        target.unlink(missing_ok=True)
        raise StorageError(f"{source}: damaged ({found[0]}); use an older backup")
    if revision is None:
        target.unlink(missing_ok=True)
        raise StorageError(f"{source}: is no database of Leeway: it has no schema revision")
    return revision


def _open(source: Path, mode: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"file:{quote(str(source))}?mode={mode}",
        uri=True,
        isolation_level=None,
        timeout=BUSY_TIMEOUT_MS / 1000,
    )
    connection.execute("PRAGMA query_only = ON")
    return connection


def _revision(connection: sqlite3.Connection) -> str | None:
    known = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'alembic_version'"
    if connection.execute(known).fetchone() is None:
        return None
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return None if row is None else str(row[0])


def _single(path: Path) -> None:
    """All of it in the one file."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")


def _set_aside(database: Path, now: datetime) -> Path | None:
    """The database and its WAL under another name, so that a new file never meets an old WAL.

    Its WAL is first taken into it where it is sound: then a kill between two of these steps loses nothing.
    None: there was no database, or an empty one, which the owner's lock makes; a WAL of before is kept alone.
    """
    empty = not database.exists() or not database.stat().st_size
    if not empty:
        try:
            with closing(_open(database, "rw")) as connection:
                connection.execute("PRAGMA query_only = OFF")
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except sqlite3.Error:
            pass  # too damaged to be checkpointed: the files are kept as they are
    kept = database.with_name(f"{database.name}.replaced-{now:%Y%m%dT%H%M%SZ}")
    number = 1
    while kept.exists():
        number += 1
        kept = database.with_name(f"{database.name}.replaced-{now:%Y%m%dT%H%M%SZ}-{number}")
    if not empty:
        os.link(database, kept)
    for suffix in ("-wal", "-shm"):
        beside = database.with_name(database.name + suffix)
        if beside.exists():
            beside.rename(kept.with_name(kept.name + suffix))
    return None if empty else kept


def _rename(source: Path, target: Path) -> None:
    """On disk before it has the name, and the name on disk before we say so."""
    for path, flags in ((source, os.O_RDONLY), (None, 0), (target.parent, os.O_RDONLY | os.O_DIRECTORY)):
        if path is None:
            source.replace(target)
            continue
        descriptor = os.open(path, flags)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
