"""References and noise models: kept to the bit, versioned, promoted explicitly."""

import pytest
from sqlalchemy.exc import IntegrityError

from storage import profiles
from storage.engine import Store
from storage.errors import StorageError
from storage.profiles import ReferenceStatus
from tests.storage.samples import DAY, T0, days, profile


def test_a_profile_survives(store: Store, other: Store) -> None:
    """Digest, columns, score and notices are what was saved."""
    built = profile()
    (span,) = days(1)
    with store.write() as conn:
        saved = profiles.save(conn, "m", built, now=T0, span=span, lineage={"files": ["a.parquet"]})
    with other.read() as conn:
        assert profiles.get(conn, saved.id) == saved
        loaded = profiles.load_profile(conn, saved.id)
    assert (saved.version, saved.status, saved.span) == (1, ReferenceStatus.BUILT, span)
    assert saved.columns == tuple(built.columns)
    assert loaded.digest == built.digest
    assert {name: column.digest for name, column in loaded.columns.items()} == {
        name: column.digest for name, column in built.columns.items()
    }
    assert (loaded.score, loaded.rows, loaded.notices) == (built.score, built.rows, built.notices)


def test_the_same_content_is_the_same_version(store: Store) -> None:
    """Building again what is there already makes no new version; another config does."""
    with store.write() as conn:
        first = profiles.save(conn, "m", profile(), now=T0)
        assert profiles.save(conn, "m", profile(), now=T0 + DAY) == first
        second = profiles.save(conn, "m", profile(), now=T0, config_digest="other")
        assert (second.version, profiles.by_version(conn, "m", 2)) == (2, second)
        assert [each.version for each in profiles.list_(conn, "m")] == [2, 1]


def test_one_reference_is_active(store: Store) -> None:
    """Promotion retires the one before; the index refuses two."""
    with store.write() as conn:
        first = profiles.save(conn, "m", profile(), now=T0)
        second = profiles.save(conn, "m", profile(), now=T0, config_digest="other")
        assert profiles.active(conn, "m") is None
        profiles.promote(conn, first.id, T0)
        promoted = profiles.promote(conn, second.id, T0 + DAY)
        assert profiles.promote(conn, second.id, T0 + 2 * DAY) == promoted
        assert profiles.active(conn, "m") == promoted
        assert [each.status for each in profiles.list_(conn)] == ["active", "retired"]
    with pytest.raises(IntegrityError), store.write() as conn:
        conn.exec_driver_sql("UPDATE reference SET status = 'active'")


def test_a_damaged_column_is_refused(store: Store) -> None:
    """Counts that do not have the digest they were saved with are never judged against."""
    with store.write() as conn:
        saved = profiles.save(conn, "m", profile(), now=T0)
        conn.exec_driver_sql("UPDATE reference_column SET digest = 'x' WHERE column_name = 'temp'")
        with pytest.raises(StorageError, match="temp is damaged"):
            profiles.load_profile(conn, saved.id)
        with pytest.raises(StorageError, match="reference list"):
            profiles.load_profile(conn, 99)
        with pytest.raises(StorageError, match="reference list"):
            profiles.promote(conn, 99, T0)


def test_noise_models_have_versions(store: Store) -> None:
    """The newest for a window spec is loaded; floats survive to the bit."""
    with store.write() as conn:
        saved = profiles.save(conn, "m", profile(), now=T0)
        assert profiles.load_noise(conn, saved.id, "1d") is None
        for tau in (0.1, 0.1 + 0.2):
            noise = profiles.save_noise(
                conn,
                saved.id,
                window_spec="1d",
                learnt_from="reference",
                windows=56,
                content={"tau2": tau},
                now=T0,
            )
        assert profiles.load_noise(conn, saved.id, "1d") == noise
        assert (noise.version, noise.content) == (2, {"tau2": 0.1 + 0.2})
        assert profiles.newest_noise(conn, saved.id, "1d") == noise.id
        assert profiles.load_noise(conn, saved.id, "1h") is None
        assert profiles.newest_noise(conn, saved.id, "1h") is None
        first = profiles.load_noise(conn, saved.id, version=1)
        assert first is not None
        assert first.content == {"tau2": 0.1}
