"""Is a damaged file said to be damaged?"""

from pathlib import Path

from storage.engine import open_store


def test_a_sound_database_has_nothing_wrong(tmp_path: Path) -> None:
    """Empty, and after the first migration."""
    with open_store(f"sqlite:///{tmp_path / 'a.db'}") as store:
        store.upgrade()
        assert store.damage() == []


def test_flipped_bytes_are_found(tmp_path: Path) -> None:
    """Pages in the middle of the file are overwritten, the header stays."""
    path = tmp_path / "a.db"
    with open_store(f"sqlite:///{path}") as store:
        store.upgrade()
    content = bytearray(path.read_bytes())
    middle = len(content) * 3 // 4  # behind the schema, which is read when it is opened
    content[middle : middle + 8192] = b"\xff" * 8192
    path.write_bytes(bytes(content))
    with open_store(f"sqlite:///{path}", read_only=True) as store:
        assert store.damage()
