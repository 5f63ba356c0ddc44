"""Which daemon owns this database?

Two locks of the kernel, so that ownership ends with the process however that dies: one on a file beside the
real database, which names the owner, and one on the database's own inode, which a hard link shares. flock
does not meet SQLite's own locks (fcntl ranges) on a local file system; a network one is
no place for the database.
"""

import fcntl
import os
import socket
from pathlib import Path
from typing import Self

from storage.errors import OwnedElsewhere, StorageError, StorageLost

# Closing any descriptor of a database file drops all of SQLite's locks on it in this process
# (sqlite.org/howtocorrupt.html, 2.2), so these stay open until the process ends; unlocking needs no close.
_inodes: dict[tuple[int, int], int] = {}
_held: set[tuple[int, int]] = set()
_UNKNOWN = "unknown pid"


class OwnerLock:
    """`with OwnerLock(database): …`; a second one raises OwnedElsewhere with the owner's host and pid."""

    def __init__(self, database: Path) -> None:
        self.database = database.resolve()
        self.path = _beside(self.database)
        self._file: int | None = None
        self._inode: tuple[int, int] | None = None
        self._made = False  # the database, which was not there
        self._before = b""  # who was named as its owner

    def acquire(self) -> None:
        file = _open(self.path)
        if not _locked(file):
            owner = os.pread(file, 500, 0).decode(errors="replace").strip() or "unknown"
            os.close(file)
            raise self._owned(owner)
        inode = self._lock_inode()
        if inode is None:
            os.close(file)
            raise self._owned(f"{socket.gethostname()} {_holder(self.database)}")
        self._before = os.pread(file, 500, 0)
        _write(file, f"{socket.gethostname()} {os.getpid()}\n".encode())
        self._file, self._inode = file, inode

    def release(self) -> None:
        """The lock file stays: were it removed, two owners could each lock a file of that name. Where nothing
        came of it all is as it was, so that the owner of what is lost is named still, and nobody else."""
        if self._file is not None and self._made and not _size(self.database):
            self.database.unlink(missing_ok=True)
            _write(self._file, self._before)
        if self._inode is not None:
            fcntl.flock(_inodes[self._inode], fcntl.LOCK_UN)
            _held.discard(self._inode)
            self._inode = None
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def _lock_inode(self) -> tuple[int, int] | None:
        """The inode's identity once it is ours, else None."""
        if not self.database.exists():
            self.database.touch()
            self._made = True
        found = os.stat(self.database)
        inode = (found.st_dev, found.st_ino)
        if inode in _held:
            return None
        if inode not in _inodes:
            _inodes[inode] = _open(self.database)
        if not _locked(_inodes[inode]):
            return None
        _held.add(inode)
        return inode

    def _owned(self, owner: str) -> OwnedElsewhere:
        message = f"{self.database}: owned by another daemon ({owner}); stop it before starting this one"
        return OwnedElsewhere(message, owner=owner)


def must_not_be_lost(database: Path) -> None:
    """Raise StorageLost where an owner has left its name, and no database or an empty one.

    Begun anew, all would look well: an empty history has no incident. SQLite takes an empty file for a new
    one and throws its WAL away, so it is asked before. Who owns it just now says so itself.
    """
    lock = _beside(database)
    if not _size(database) and _size(lock) and _holder(lock) == _UNKNOWN:
        found = "empty" if database.exists() else "gone"
        raise StorageLost(
            f"{database}: is {found}, though a daemon has kept its history there; `leeway db restore FILE` "
            f"with a backup, or remove {lock.name} to begin a new one"
        )


def _size(path: Path) -> int:
    """Bytes; 0 of a file that is not there."""
    return path.stat().st_size if path.exists() else 0


def _beside(database: Path) -> Path:
    return database.with_name(database.name + ".lock")


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise StorageError(
            f"{path}: cannot be opened ({error.strerror}); the daemon must be able to write its database and "
            "beside it"
        ) from error


def _write(file: int, owner: bytes) -> None:
    os.ftruncate(file, 0)
    os.pwrite(file, owner, 0)


def _locked(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(path: Path) -> str:
    """The pid that holds the inode's lock: /proc/locks has "3: FLOCK ADVISORY WRITE 812 fe:01:4711 0 EOF"."""
    inode = str(path.stat().st_ino)
    try:
        lines = Path("/proc/locks").read_text(encoding="ascii").splitlines()
    except OSError:
        return _UNKNOWN
    for line in lines:
        fields = line.split()
        if len(fields) > 5 and fields[1] == "FLOCK" and fields[5].rpartition(":")[2] == inode:
            return fields[4]
    return _UNKNOWN
