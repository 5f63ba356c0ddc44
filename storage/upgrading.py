"""May the schema be upgraded now? Only while no daemon owns the database.

A daemon of another version that works on tables it does not know would lose what it cannot write. So an
upgrade of a SQLite file holds the owner's lock; a daemon that starts on an older schema does it before it
asks for the lock for good. On PostgreSQL the older daemons' next write is refused (storage/postgres.py).
"""

from storage.engine import SqliteStore, Store
from storage.lock import OwnerLock
from storage.migrations import REVISIONS
from storage.soundness import must_be_sound


def upgrade_unowned(store: Store) -> bool:
    """Bring the schema to this program's revision; False: it already was. OwnedElsewhere beside a daemon.

    A database without a schema has no daemon: two commands may begin at once, and it lets one go first.
    """
    found = store.revision()
    if found is None or found == REVISIONS[-1] or not isinstance(store, SqliteStore):
        return store.upgrade()
    with OwnerLock(store.path):
        must_be_sound(store)  # a migration rewrites tables: what is damaged would be past restoring from
        return store.upgrade()
