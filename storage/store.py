"""How is the database read and written, whichever it is?

A transaction is a `with` block: committed on a normal exit, rolled back on any exception. What differs
between databases (how a transaction begins, who else may write meanwhile, what an error means) is said by the
subclasses in sqlite.py and postgres.py; repositories only ever see a connection.
"""

import copy
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Self

from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from storage.errors import StorageError, StorageLost
from storage.migrations import REVISIONS

Guard = Callable[[Connection], None]


class Store(ABC):
    """An open database. Threads share it; processes open their own.

    `name` is what people are told it is called: a path, or host and database; never a password. `shared`:
    several daemons may work on it at once.
    """

    shared: bool

    def __init__(self, name: str, readers: Engine, writer: Engine | None) -> None:
        self.name = name
        self.read_only = writer is None
        self._readers = readers
        self._writer = writer
        self._writing = threading.local()
        self._guard: Guard | None = None

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One consistent snapshot; anything that writes fails."""
        with self._translated(), self._readers.connect() as conn, conn.begin():
            yield conn

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction, alone: no other one reads and then writes at the same time. Does not nest."""
        with self._transaction() as conn:
            self._take_turn(conn)
            if self._guard is not None:
                self._guard(conn)
            yield conn

    @contextmanager
    def claim(self) -> Iterator[Connection]:
        """One short transaction on rows that a fence guards; where the database can, beside a `write`."""
        with self._transaction() as conn:
            yield conn

    def guarded(self, check: Guard) -> Self:
        """The same store, but every `write` first lets `check` object, in its own transaction."""
        made = copy.copy(self)
        made._guard = check
        return made

    def revision(self) -> str | None:
        """The schema revision of the database; None: nothing in it yet."""
        with self.read() as conn:
            return revision_of(conn)

    @abstractmethod
    def damage(self) -> list[str]:
        """What the database finds wrong with itself, a line each; empty when it is sound. Reads all of it."""

    def upgrade(self) -> bool:
        """Bring the schema to this program's revision in one transaction; False: it already was."""
        if self.revision() == REVISIONS[-1]:
            return False
        from storage.migrations.upgrade import upgrade  # noqa: PLC0415 (Alembic costs 0.2 s that reads never pay)

        with self._transaction() as conn:
            self._take_turn(conn, patient=True)
            found = revision_of(conn)
            if found == REVISIONS[-1]:  # somebody did it while we waited for our turn
                return False
            refuse_newer(self.name, found)
            upgrade(conn)
        return True

    def close(self) -> None:
        for engine in (self._readers, self._writer):
            if engine is not None:
                engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if not isinstance(error, StorageLost):  # closing the last connection would write into what is lost
            self.close()

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        if self._writer is None:
            raise StorageError(f"{self.name}: opened read-only, nothing may be written")
        if getattr(self._writing, "now", False):
            raise RuntimeError("storage: write transactions do not nest")
        self._writing.now = True
        try:
            with self._queue(), self._translated(), self._writer.connect() as conn, conn.begin():
                yield conn
        finally:
            self._writing.now = False

    @abstractmethod
    def _queue(self) -> AbstractContextManager[None]:
        """Wait for this process's other writers, where the database has one connection for them all."""

    @abstractmethod
    def _take_turn(self, conn: Connection, *, patient: bool = False) -> None:
        """Wait until no other process is in a `write`. Patient: however long that takes."""

    def _reason(self, error: DBAPIError) -> str:
        """What the database said, on one line."""
        return " ".join(str(error.orig).split())

    @abstractmethod
    def _remedy(self, error: DBAPIError) -> str:
        """What a person can do about it."""

    def _is_lost(self, error: DBAPIError) -> bool:  # noqa: ARG002  a file knows better
        """Whether no other attempt will go better: a person has to restore the database."""
        return False

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except IntegrityError:
            raise  # a broken promise of ours, not of the disk
        except DBAPIError as error:
            kind = StorageLost if self._is_lost(error) else StorageError
            raise kind(f"{self.name}: {self._reason(error)}; {self._remedy(error)}") from error
        except UnicodeDecodeError as error:  # a file whose own schema is damaged cannot even be opened
            raise StorageLost(
                f"{self.name}: damaged, it holds what is no text ({error.reason}); restore a backup"
            ) from error
        except PoolTimeout as error:
            raise StorageError(
                f"{self.name}: all connections of this process stayed in use; look for long queries"
            ) from error


def revision_of(conn: Connection) -> str | None:
    """The schema revision that a connection sees; None: no schema."""
    if not inspect(conn).has_table("alembic_version"):
        return None
    found: str | None = conn.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found


def refuse_newer(name: str, found: str | None) -> None:
    """What a newer program wrote is not for this one to touch."""
    if found is not None and found not in REVISIONS:
        raise StorageError(
            f"{name}: the database is at revision {found}, this program knows up to {REVISIONS[-1]}; "
            "install the newer leeway that wrote it, or restore a backup"
        )
