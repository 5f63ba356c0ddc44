"""Is the database still the file that was opened, and is it whole?

A daemon keeps its descriptors: it would write for weeks into a file that somebody has deleted or replaced,
and show a history that is gone with the next start. So it looks by name at each turn, and through the whole
file once a day. PostgreSQL looks after itself.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import text

from storage.engine import Store
from storage.errors import StorageLost

RESTORE = "stop the daemon, then `leeway db restore FILE` with the last good backup"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedFile:
    """The database file as it was when it was opened."""

    path: Path
    device: int
    inode: int
    wal: bool  # whether it had one: not every file system can hold a WAL

    @classmethod
    def of(cls, path: Path) -> "OpenedFile":
        found = path.stat()
        return cls(path=path, device=found.st_dev, inode=found.st_ino, wal=_wal(path).exists())

    def must_be_there(self) -> None:
        """Raise StorageLost when its name leads to nothing, or to another file, or its WAL is gone."""
        try:
            found = self.path.stat()
        except OSError as error:
            raise StorageLost(
                f"{self.path}: the database is gone while in use ({error.strerror}); {RESTORE}"
            ) from error
        if (found.st_dev, found.st_ino) != (self.device, self.inode):
            raise StorageLost(
                f"{self.path}: another file took the database's place while it was in use; start the daemon "
                "again if that is the one it should use, and use `leeway db restore` for such changes"
            )
        if not found.st_size:
            raise StorageLost(f"{self.path}: the database was emptied while in use; {RESTORE}")
        if self.wal and not _wal(self.path).exists():
            raise StorageLost(
                f"{_wal(self.path)}: is gone while in use, with it the newest transactions; {RESTORE}, or "
                "start again on what is left"
            )

    def shut_out(self) -> str:
        """Why whoever comes next could not open it, with the remedy; empty when all is well.

        Who has it open goes on: its mode counts when a file is opened.
        """
        if not os.access(self.path, os.R_OK | os.W_OK):
            what = str(self.path)
        elif not os.access(self.path.parent, os.W_OK | os.X_OK):
            what = f"{self.path.parent} (its WAL is made beside it)"
        else:
            return ""
        return (
            f"{what}: may no longer be read and written by this user; what is open goes on, the next start "
            "and most commands will fail: give back its owner and mode"
        )


def _wal(path: Path) -> Path:
    return path.with_name(path.name + "-wal")


def must_be_sound(store: Store) -> None:
    """Look through the whole file for damage (PRAGMA quick_check); raises StorageLost with what was found."""
    with store.read() as conn:
        if conn.dialect.name != "sqlite":
            return
        found = [str(line) for line in conn.execute(text("PRAGMA quick_check(5)")).scalars()]
    if found != ["ok"]:
        raise StorageLost(f"{store.name}: damaged: {'; '.join(found)}; {RESTORE}")
