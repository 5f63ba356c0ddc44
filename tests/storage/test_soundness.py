"""Is the file that is written still the one that was opened?"""

import os
import shutil
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from storage.backup import back_up
from storage.engine import SqliteStore, open_store
from storage.errors import StorageLost
from storage.lock import OwnerLock
from storage.soundness import OpenedFile, must_be_sound

ROOT = "SELECT rootpage FROM sqlite_master WHERE name = 'alembic_version'"


def test_what_is_there_is_there(file_store: SqliteStore) -> None:
    """Nothing is said of a database that is well."""
    with file_store.write():
        pass
    opened = OpenedFile.of(file_store.path)
    assert opened.wal
    opened.must_be_there()
    must_be_sound(file_store)


def test_deleted(file_store: SqliteStore) -> None:
    """Its descriptor would take writes for weeks."""
    opened = OpenedFile.of(file_store.path)
    file_store.path.unlink()
    with pytest.raises(StorageLost, match="is gone while in use"):
        opened.must_be_there()


def test_emptied(file_store: SqliteStore) -> None:
    """Cut to nothing under its name: what is written from now on would be all that there is."""
    opened = OpenedFile.of(file_store.path)
    os.truncate(file_store.path, 0)
    with pytest.raises(StorageLost, match="emptied"):
        opened.must_be_there()


@pytest.mark.parametrize("read_only", [True, False])
@pytest.mark.parametrize("wal", [True, False])
def test_an_empty_file_is_no_history_to_go_on_with(
    file_store: SqliteStore, tmp_path: Path, read_only: bool, wal: bool
) -> None:
    """SQLite takes it for a new database and throws its WAL away. Without an owner before it, it is one."""
    path = tmp_path / "emptied.db"
    path.touch()
    OwnerLock(path).path.write_text("host 4711\n")
    if wal:
        with file_store.write():
            pass
        shutil.copy(f"{file_store.path}-wal", f"{path}-wal")
    with pytest.raises(StorageLost, match="leeway db restore"):
        open_store(f"sqlite:///{path}", read_only=read_only)
    with pytest.raises(StorageLost, match="leeway db restore"):
        back_up(path, tmp_path / "copy.db", progress=lambda *_: None)
    assert path.stat().st_size == 0
    assert path.with_name("emptied.db-wal").exists() == wal
    OwnerLock(path).path.unlink()
    open_store(f"sqlite:///{path}").close()


def test_replaced(file_store: SqliteStore, tmp_path: Path) -> None:
    """The same name, another file."""
    opened = OpenedFile.of(file_store.path)
    other = tmp_path / "other.db"
    other.write_bytes(file_store.path.read_bytes())
    other.replace(file_store.path)
    with pytest.raises(StorageLost, match="another file took"):
        opened.must_be_there()


def test_the_wal_counts_where_there_was_one(file_store: SqliteStore) -> None:
    """A file system without shared memory has none, and that is no loss."""
    with file_store.write():
        pass
    opened = OpenedFile.of(file_store.path)
    file_store.path.with_name(file_store.path.name + "-wal").unlink()
    with pytest.raises(StorageLost, match="-wal: is gone"):
        opened.must_be_there()
    replace(opened, wal=False).must_be_there()


def test_damaged(file_store: SqliteStore) -> None:
    """Pages that hold together no more are found by looking through the file."""
    path = file_store.path
    with file_store.write():
        pass
    spoil(path, range(2, 30))
    with pytest.raises(StorageLost, match="leeway db restore"):
        must_be_sound(file_store)


def spoil(path: Path, pages: Iterable[int]) -> None:
    """Overwrite the heads of pages, counted from 0."""
    with path.open("r+b") as file:
        for page in pages:
            file.seek(page * 4096)
            file.write(b"\xa5" * 64)


def left_by_a_killed_daemon(store: SqliteStore, folder: Path) -> Path:
    """The file with a WAL beside it that nobody has taken in; its schema's revision cannot be read."""
    with store.write() as conn:
        conn.execute(text("CREATE TABLE beside (x)"))
        page = int(str(conn.execute(text(ROOT)).scalar()))
    folder.mkdir()
    for suffix in ("", "-wal"):
        shutil.copy(f"{store.path}{suffix}", folder / f"left.db{suffix}")
    spoil(folder / "left.db", [page - 1])
    return folder / "left.db"


def both(path: Path) -> tuple[bytes, bytes]:
    return path.read_bytes(), path.with_name(f"{path.name}-wal").read_bytes()


@pytest.mark.parametrize("read_only", [True, False])
def test_what_cannot_be_opened_is_left_as_it_is(
    file_store: SqliteStore, tmp_path: Path, read_only: bool
) -> None:
    """To close the last connection would take the WAL into the damaged file."""
    path = left_by_a_killed_daemon(file_store, tmp_path / "left")
    before = both(path)
    with pytest.raises(StorageLost, match="malformed") as lost:
        open_store(f"sqlite:///{path}", read_only=read_only)
    assert both(path) == before
    assert lost.value.__traceback__ is not None  # which holds the connection till here
