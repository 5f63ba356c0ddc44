"""Is the file that is written still the one that was opened?"""

from dataclasses import replace
from pathlib import Path

import pytest

from storage.engine import SqliteStore
from storage.errors import StorageLost
from storage.soundness import OpenedFile, must_be_sound


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
    with path.open("r+b") as file:
        for page in range(2, 30):
            file.seek(page * 4096)
            file.write(b"\xa5" * 64)
    with pytest.raises(StorageLost, match="leeway db restore"):
        must_be_sound(file_store)
