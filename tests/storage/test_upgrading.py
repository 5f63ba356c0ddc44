"""Laws of upgrading: never under a daemon that works."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import text

from storage.engine import SqliteStore, open_store
from storage.errors import OwnedElsewhere, StorageLost
from storage.lock import OwnerLock
from storage.migrations import REVISIONS
from storage.migrations.upgrade import upgrade
from storage.upgrading import upgrade_unowned


@pytest.fixture
def old(tmp_path: Path) -> str:
    """A database at the first revision."""
    url = f"sqlite:///{tmp_path}/old.db"
    with open_store(url) as store, store.write() as conn:
        upgrade(conn, REVISIONS[0])
    return url


def test_beside_a_daemon_nothing_is_upgraded(old: str) -> None:
    """The owner may know none of the new tables: it has to be stopped first."""
    with open_store(old) as store, OwnerLock(store.path):
        with pytest.raises(OwnedElsewhere, match="stop it before"):
            upgrade_unowned(store)
        assert store.revision() == REVISIONS[0]


def test_without_a_daemon_it_is_and_the_lock_is_given_back(old: str) -> None:
    """A daemon can start right after it."""
    with open_store(old) as store:
        assert upgrade_unowned(store) is True
        assert store.revision() == REVISIONS[-1]
        with OwnerLock(store.path):
            assert upgrade_unowned(store) is False  # nothing to do: no lock is asked for


def test_what_is_damaged_is_not_upgraded(old: str) -> None:
    """A migration rewrites tables; of a damaged file none, also where it would not meet the damage."""
    with open_store(old) as store, store.read() as conn:
        page = conn.execute(text("SELECT rootpage FROM sqlite_master WHERE name = 'channel_state'")).scalar()
    path = Path(old.removeprefix("sqlite:///"))
    with path.open("r+b") as file:
        file.seek((int(str(page)) - 1) * 4096)
        file.write(b"\xa5" * 64)
    before = path.read_bytes()
    with pytest.raises(StorageLost, match="damaged"), open_store(old) as store:
        upgrade_unowned(store)
    assert path.read_bytes() == before


def test_a_fresh_database_asks_for_no_lock(tmp_path: Path) -> None:
    """Two commands may start on an empty folder at once; neither is told of a daemon that is not there."""
    with open_store(f"sqlite:///{tmp_path}/new.db") as store, OwnerLock(store.path):
        assert upgrade_unowned(store) is True


def test_up_to_date_beside_a_daemon(file_store: SqliteStore) -> None:
    """Acknowledging while the daemon runs stays possible."""
    with OwnerLock(file_store.path):
        assert upgrade_unowned(file_store) is False


@pytest.mark.parametrize("revision", [None, *REVISIONS[:-1]])
def test_two_that_start_together_upgrade_once(empty_url: str, revision: str | None) -> None:
    """Whoever comes second waits for the first and finds the work done."""
    if revision is not None:
        with open_store(empty_url) as store, store.write() as conn:
            upgrade(conn, revision)
    with open_store(empty_url) as one, open_store(empty_url) as other, ThreadPoolExecutor(2) as pool:
        done = list(pool.map(lambda store: store.upgrade(), (one, other)))
        assert sorted(done) == [False, True]
        assert one.revision() == other.revision() == REVISIONS[-1]
