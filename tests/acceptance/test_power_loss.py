"""The power goes at a random byte of the WAL: is what is left whole, and does it go on (T36)?

One life is lived with its whole WAL kept. Cut anywhere, it is what a power cut leaves of a disk that writes
in order: SQLite has to come back to the last whole commit, and Leeway from there to the same end.
"""

import random
import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from storage.engine import open_store
from tests.acceptance.fast import Past, learn, live
from tests.acceptance.running import LOG
from tests.acceptance.world import Shop, build_shop
from tests.prove.past import QUERIES

DAYS = 9
CUTS = 40
GO_ON = 6  # of them, those that live to the end
EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


@dataclass(frozen=True, slots=True)
class Life:
    """What was lived: the database before it, the whole WAL, and the history at its end."""

    shop: Shop
    base: Path
    wal: bytes
    history: dict[str, list[tuple[Any, ...]]]


def history_of(database: Path) -> dict[str, list[tuple[Any, ...]]]:
    with closing(sqlite3.connect(database)) as connection:
        return {name: connection.execute(query).fetchall() for name, query in QUERIES.items()}


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Life:
    folder = tmp_path_factory.mktemp("power")
    shop = build_shop(folder / "shop", days=DAYS, broken=range(2, 6), channels=LOG)
    learn(shop)
    database = shop.folder / "leeway.db"
    base = folder / "base.db"
    shutil.copy(database, base)
    with closing(sqlite3.connect(database, isolation_level=None)) as reader:
        reader.execute("BEGIN")  # a reader of the first state: nobody may begin the WAL anew
        reader.execute("SELECT count(*) FROM ledger").fetchone()
        live(shop, DAYS)
        wal = database.with_name("leeway.db-wal").read_bytes()
        history = history_of(database)
    return Life(shop=shop, base=base, wal=wal, history=history)


def cut(lived: Life, folder: Path, length: int) -> Shop:
    """The shop as it is found after the power is back."""
    shutil.copytree(lived.shop.folder, folder, ignore=shutil.ignore_patterns("leeway.db*", "*.jsonl"))
    shutil.copy(lived.base, folder / "leeway.db")
    (folder / "leeway.db-wal").write_bytes(lived.wal[:length])
    return Shop(config=folder / "leeway.toml", start=lived.shop.start)


@pytest.mark.parametrize("cuts", [CUTS, pytest.param(500, marks=pytest.mark.large)])
def test_every_cut_leaves_an_earlier_whole_history(lived: Life, tmp_path: Path, cuts: int) -> None:
    """It opens, it is sound, and each judged window is there with all that was said of it, or not at all."""
    chance = random.Random(36)
    assert len(lived.wal) > 1_000_000
    sizes = set()
    final = {row[2]: row for row in lived.history["windows"]}
    verdicts = {row[:3]: row for row in lived.history["verdicts"]}
    keys = {row[0] for row in lived.history["told"]}
    for number in range(cuts):
        shop = cut(lived, tmp_path / f"cut-{number}", chance.randrange(len(lived.wal)))
        database = shop.folder / "leeway.db"
        with open_store(f"sqlite:///{database}") as store:
            assert store.damage() == []
        left = history_of(database)
        assert {row[2] for row in left["windows"]} <= final.keys()
        for row in left["verdicts"]:
            # An incident that has ended since has other words in the end; what was measured has not.
            assert row[:10] == verdicts[row[:3]][:10]
        folded = Past(database).rows(
            "SELECT l.id, (SELECT count(*) FROM checkpoint c WHERE c.ledger_id = l.id) AS kept, "
            "(SELECT count(*) FROM verdict v WHERE v.ledger_id = l.id) AS said "
            "FROM ledger l WHERE l.folded_at IS NOT NULL AND l.state = 'done'"
        )
        assert all(row["kept"] == 1 and row["said"] > 0 for row in folded)
        assert {row[0] for row in left["told"]} <= keys
        sizes.add((len(left["windows"]), len(left["verdicts"]), len(left["told"])))
        shutil.rmtree(shop.folder)
    assert len(sizes) > 5, "the cuts are all alike: little is proven"


@pytest.mark.parametrize("number", range(GO_ON))
def test_from_a_cut_it_goes_on_to_the_same_end(lived: Life, tmp_path: Path, number: int) -> None:
    """The same windows, verdicts, incidents, measurements, and messages under the same keys."""
    length = int(len(lived.wal) * (number + 0.5) / GO_ON) + number * 37
    shop = cut(lived, tmp_path / "cut", length)
    planned = Past(shop.folder / "leeway.db").rows("SELECT max(planned_at) AS at FROM ledger")[0]["at"]
    day = 1 if planned is None else (EPOCH + timedelta(microseconds=planned) - shop.start).days
    live(shop, DAYS, first=max(1, day))
    left = history_of(shop.folder / "leeway.db")
    for name, expected in lived.history.items():
        assert left[name] == expected, name
