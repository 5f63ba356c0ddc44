"""Yesterday's backup is put back: evaluated again, told at most once, nobody is asked to retrain (T35)."""

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from storage.backup import back_up, put_back
from tests.acceptance.driver import ENVIRONMENT
from tests.acceptance.fast import Past, learn, live
from tests.acceptance.world import Shop, build_shop, slack_and_trainer
from tests.loopback import Loopback
from tests.prove.past import QUERIES
from tests.prove.scenario import RETRAINING

DAYS = 12
BROKEN = range(4, 12)


def quiet(_what: str, _done: int, _of: int) -> None:
    return


@pytest.fixture
def server(tmp_path: Path) -> Any:
    with Loopback(tmp_path / "accepted.jsonl", history_scope=False) as running:
        yield running


@pytest.fixture
def shop(tmp_path: Path, server: Loopback, monkeypatch: pytest.MonkeyPatch) -> Shop:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("LEEWAY_TEST_TRAINER_URL", f"{server.url}/trainer")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert os.environ["LEEWAY_TEST_TRAINER_URL"]
    made = build_shop(
        tmp_path / "shop",
        days=DAYS,
        broken=BROKEN,
        channels=slack_and_trainer(server.url),
        extra=RETRAINING,
    )
    learn(made)
    return made


def roots(server: Loopback) -> int:
    return sum(line["path"] == "/api/chat.postMessage" for line in server.accepted())


def requests(server: Loopback) -> int:
    return sum(line["path"] == "/trainer" for line in server.accepted())


def windows(past: Past) -> list[dict[str, Any]]:
    return past.rows(QUERIES["windows"])


def test_a_restore_tells_at_most_once_and_asks_nobody_to_retrain(
    shop: Shop, server: Loopback, tmp_path: Path
) -> None:
    """The same windows and verdicts as before; each channel gets one message at most."""
    live(shop, 3)
    database, copy = shop.folder / "leeway.db", tmp_path / "copy.db"
    back_up(database, copy, progress=quiet)
    before = live(shop, DAYS, first=4)
    told, asked = roots(server), requests(server)
    assert told >= 1
    assert asked == 1, "nobody was asked to retrain: nothing is proven"
    history = windows(before)
    verdicts = before.rows(QUERIES["verdicts"])
    now = shop.start + timedelta(days=DAYS, hours=13)
    put_back(copy, database, now=now, progress=quiet)
    after = live(shop, DAYS, first=DAYS)
    assert windows(after) == history
    assert after.rows(QUERIES["verdicts"]) == verdicts
    assert roots(server) - told <= 1
    assert requests(server) == asked
    refused = after.rows("SELECT gates FROM retraining_decision WHERE outcome = 'refused' ORDER BY id DESC")
    assert '"name":"not_historical","passed":false' in "".join(row["gates"] for row in refused)
    assert '"name":"cooldown","passed":false' in refused[0]["gates"]
    assert "was restored at" in refused[0]["gates"]
    assert after.rows("SELECT count(*) AS n FROM retraining")[0]["n"] == 0
    # And it stays like that while the days go on.
    live(shop, DAYS, first=DAYS, every=timedelta(hours=1))
    assert requests(server) == asked


def test_what_was_told_after_the_backup_is_told_again_if_it_still_holds(
    shop: Shop, server: Loopback, tmp_path: Path
) -> None:
    """Rather once more than never: the backup knows of no incident, and one fires."""
    live(shop, 3)
    copy = tmp_path / "copy.db"
    back_up(shop.folder / "leeway.db", copy, progress=quiet)
    live(shop, DAYS, first=4)
    told = roots(server)
    now = shop.start + timedelta(days=DAYS, hours=13)
    put_back(copy, shop.folder / "leeway.db", now=now, progress=quiet)
    after = live(shop, DAYS, first=DAYS)
    assert after.rows("SELECT count(*) AS n FROM incident WHERE is_open AND severity = 'page'")[0]["n"] >= 1
    assert roots(server) == told + 1
