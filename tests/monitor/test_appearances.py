"""Laws of what is there for the first time: told once, and only what the reference did not know."""

from datetime import UTC, datetime
from pathlib import Path

from monitor.appearances import COLUMNS, KNOWN_COLUMNS, KNOWN_VERSIONS, VERSIONS, appearances, tell
from storage import daemon_events
from storage.engine import open_store

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def test_what_the_reference_knew_is_nothing_new() -> None:
    """Versions and columns alike; rows without a version name none."""
    lineage = {KNOWN_VERSIONS: ["v1"], KNOWN_COLUMNS: ["x"]}
    assert appearances(lineage, versions=["v1", ""], columns=["x"]) == {}
    found = appearances(lineage, versions=["v2", "v1"], columns=["y", "x"])
    assert found == {VERSIONS: ["v2"], COLUMNS: ["y"]}


def test_a_reference_that_knows_no_columns_tells_of_none() -> None:
    """It was built before anybody kept them."""
    assert appearances({}, versions=[], columns=["x"]) == {}


def test_each_is_told_once(tmp_path: Path) -> None:
    """However many windows hold it."""
    with open_store(f"sqlite:///{tmp_path / 'leeway.db'}") as store:
        store.upgrade()
        for names in (["v2"], ["v2", "v3"], ["v3"]):
            with store.write() as conn:
                tell(conn, "m", {VERSIONS: names}, NOW)
        with store.read() as conn:
            assert daemon_events.facts_of(conn, "version.appeared", "m") == [
                {"version": "v2"},
                {"version": "v3"},
            ]
            assert daemon_events.facts_of(conn, "version.appeared", "another") == []
