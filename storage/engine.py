"""Which database does a URL name, and may this program use what is in it?"""

from typing import TYPE_CHECKING

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from storage.errors import StorageError, StorageLost
from storage.migrations import REVISIONS
from storage.sqlite import SqliteStore, open_sqlite
from storage.store import Store, refuse_newer

if TYPE_CHECKING:
    from storage.postgres import PostgresStore

__all__ = ["SqliteStore", "Store", "open_store"]

_EXPECTED = "sqlite:///path/to/leeway.db or postgresql://user@host/database"


def open_store(url: str, *, read_only: bool = False) -> Store:
    """Open sqlite:///path or postgresql://…. A newer database is refused; an older one is when read-only."""
    store = _open(url, read_only=read_only)
    try:
        _check(store)
    except StorageLost:
        raise  # left open: to close the last connection would write into what is lost
    except StorageError:
        store.close()
        raise
    return store


def _open(url: str, *, read_only: bool) -> "SqliteStore | PostgresStore":
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:  # ValueError: a port that is no number
        raise StorageError(f"storage.url: not a database URL; expected {_EXPECTED}") from error
    if parsed.get_backend_name() == "sqlite":
        return open_sqlite(parsed, read_only=read_only)
    if parsed.drivername in ("postgresql", "postgresql+psycopg", "postgres"):
        from storage.postgres import open_postgres  # noqa: PLC0415 (its driver is an extra, and loads for it alone)

        return open_postgres(parsed, read_only=read_only)
    raise StorageError(f"storage.url: {parsed.drivername} is not supported; use {_EXPECTED}")


def _check(store: Store) -> None:
    found, ours = store.revision(), REVISIONS[-1]
    refuse_newer(store.name, found)
    if store.read_only and found != ours:
        raise StorageError(
            f"{store.name}: the database is at revision {found or 'none'}, this program needs {ours}; "
            "run `leeway db upgrade`"
        )
