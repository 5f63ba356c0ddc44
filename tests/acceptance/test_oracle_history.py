"""The oracle on whole databases: it agrees with real lives, and sees one row that is not as it should be."""

import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from tests.acceptance.fast import learn, live
from tests.acceptance.labelled import build_labelled_shop
from tests.oracle_history import compare


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve days of the labelled shop of the kill sweep, then five days without a row."""
    shop = build_labelled_shop(
        tmp_path_factory.mktemp("labelled") / "shop",
        days=12,
        wrong=range(1, 3),
        broken=range(4, 8),
        delay=timedelta(days=1),
    )
    learn(shop)
    return live(shop, 17).database


def test_a_life_with_labels_agrees(database: Path) -> None:
    """Inputs, labels and their feeds, on both axes."""
    found, expected = compare(database, every_hours=24)
    assert found == expected
    assert {line.stream for line in found} == {"inputs", "labels"}
    assert {line.rule for line in found} == {"", "data_health"}


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE incident SET severity = 'ticket' WHERE severity = 'page' AND rule = ''",
        "UPDATE incident SET opened = opened + 1 WHERE rule = ''",
        "UPDATE incident SET relapses = relapses + 1 WHERE rule = ''",
        "UPDATE incident SET resolved = NULL WHERE resolved IS NOT NULL",
        "UPDATE verdict SET verdict = 'clear' WHERE verdict = 'breach'",
    ],
)
def test_it_sees_what_is_not_as_it_should_be(change: str, database: Path, tmp_path: Path) -> None:
    """One statement of damage each."""
    copy = tmp_path / "copy.db"
    with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
        target.execute("DROP TRIGGER IF EXISTS incident_event_no_update")
        assert target.execute(change).rowcount > 0
        target.commit()
    found, expected = compare(copy, every_hours=24)
    assert found != expected


def test_what_it_does_not_know_it_refuses(database: Path, tmp_path: Path) -> None:
    """An end by a person is not of the table: better no answer than half of one."""
    copy = tmp_path / "copy.db"
    with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
        target.execute("UPDATE incident SET resolved_reason = 'manual' WHERE resolved_reason = 'recovered'")
        target.commit()
    with pytest.raises(ValueError, match="manual"):
        compare(copy, every_hours=24)
