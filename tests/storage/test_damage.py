"""Is a damaged file said to be damaged?"""

from pathlib import Path

import pytest

from storage.engine import open_store
from storage.errors import StorageLost


def test_a_sound_database_has_nothing_wrong(tmp_path: Path) -> None:
    """Empty, and after the first migration."""
    with open_store(f"sqlite:///{tmp_path / 'a.db'}") as store:
        store.upgrade()
        assert store.damage() == []


@pytest.mark.parametrize("place", [0.1, 0.25, 0.5, 0.75, 0.9])
def test_flipped_bytes_are_found(tmp_path: Path, place: float) -> None:
    """Two pages are overwritten, the header stays: it is said at the latest when all of it is read."""
    path = tmp_path / "a.db"
    with open_store(f"sqlite:///{path}") as store:
        store.upgrade()
    content = bytearray(path.read_bytes())
    start = int(len(content) * place)
    content[start : start + 8192] = b"\xff" * 8192
    path.write_bytes(bytes(content))
    try:
        with open_store(f"sqlite:///{path}", read_only=True) as store:
            assert store.damage()
    except StorageLost as lost:
        assert "restore" in str(lost)  # noqa: PT017  either is right: which page is where, SQLite decides
