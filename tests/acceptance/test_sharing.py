"""Several daemons on one PostgreSQL, killed, paused, cut off: is the history that of one undisturbed daemon?

With LEEWAY_PROVE set there are a thousand windows and more kills.
"""

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests.acceptance.database import Database
from tests.acceptance.sharing import WINDOWS, ago, hourly_shop, undisturbed
from tests.acceptance.test_kill import QUERIES
from tests.acceptance.world import Shop
from tests.postgres import Server

KILLS = 60 if os.environ.get("LEEWAY_PROVE") else 4
PATIENCE_S = 120.0  # a loaded machine; a quiet one needs seconds
RECOVERY_S = 30.0
FOLDED = "SELECT count(*) FROM ledger WHERE folded_at IS NOT NULL"
HISTORY = ("windows", "verdicts", "incidents", "events", "measurements")
TURN_S = 2  # whoever is paused in a transaction holds up the others no longer than this


@dataclass(slots=True)
class Fleet:
    """The daemons of one database; each has a log of its own."""

    shop: Shop
    database: Database
    by: timedelta
    logs: list[Path] = field(default_factory=list)
    running: dict[int, "subprocess.Popen[str]"] = field(default_factory=dict)

    def start(self, failpoint: str = "") -> int:
        """One more; its pid."""
        path = self.shop.folder / f"daemon-{len(self.logs)}.log"
        self.logs.append(path)
        command = [sys.executable, "-m", "tests.acceptance.sharing", str(self.shop.config)]
        environment = {**os.environ, "LEEWAY_FAILPOINT": failpoint}
        with path.open("w") as log:
            process = subprocess.Popen(
                [*command, str(self.by.total_seconds())], stderr=log, env=environment, text=True
            )
        self.running[process.pid] = process
        return process.pid

    def kill(self, pid: int) -> None:
        process = self.running.pop(pid)
        process.kill()
        process.wait(10)

    def until(self, what: str, true: Callable[[], bool]) -> None:
        """Wait for it, as long as every daemon lives."""
        end = time.monotonic() + PATIENCE_S
        while not true():
            for pid, process in self.running.items():
                assert process.poll() is None, f"daemon {pid} ended with {process.returncode}:\n{self.said()}"
            assert time.monotonic() < end, f"not in time: {what}\n{self.said()[-8000:]}"
            time.sleep(0.05)

    def folded(self, least: int) -> None:
        self.until(f"{least} windows folded", lambda: self.database.number(FOLDED) >= least)

    def told(self) -> None:
        """Until what fires at the end has been told, and nothing waits."""
        sent = "SELECT count(*) FROM outbox WHERE state = 'sent'"
        waiting = "SELECT count(*) FROM outbox WHERE state IN ('queued', 'sending', 'uncertain')"
        number = self.database.number
        self.until("everything told", lambda: number(sent) > 0 and number(waiting) == 0)

    def leader(self) -> int:
        """The pid of the one that leads; 0: nobody."""
        rows = self.database.rows("SELECT owner FROM leader WHERE owner <> ''")
        return int(rows[0][0].rpartition(" ")[2]) if rows else 0

    def said(self) -> str:
        return "\n".join(path.read_text() for path in self.logs)


@pytest.fixture(scope="module")
def built(
    tmp_path_factory: pytest.TempPathFactory, postgres: Server, postgres_template: str
) -> Iterator[tuple[Shop, str]]:
    """A shop on PostgreSQL that no daemon has seen, and the name of its database."""
    name = postgres.database(postgres_template)
    yield hourly_shop(tmp_path_factory.mktemp("built") / "shop", postgres.url(name)), name
    postgres.drop(name)


@pytest.fixture
def fleet(tmp_path: Path, postgres: Server, built: tuple[Shop, str]) -> Iterator[Fleet]:
    """No daemon yet; a copy of the shop and of its database."""
    shop, template = built
    name = postgres.database(template)
    shutil.copytree(shop.folder, tmp_path / "shop")
    mine = replace(shop, config=tmp_path / "shop" / shop.config.name)
    limited = f"{postgres.url(name)}&options=-c%20idle_in_transaction_session_timeout%3D{TURN_S}s"
    mine.config.write_text(mine.config.read_text().replace(postgres.url(template), limited))
    made = Fleet(mine, Database(postgres.url(name)), ago(shop))
    try:
        yield made
    finally:
        for process in made.running.values():
            process.kill()
            process.wait(10)
        postgres.drop(name)


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[tuple[object, ...]]]:
    """The oracle: one daemon on SQLite that nobody disturbs."""
    shop = hourly_shop(tmp_path_factory.mktemp("undisturbed") / "shop", "sqlite:///leeway.db")
    undisturbed(shop)
    database = Database(f"sqlite:///{shop.folder}/leeway.db")
    found = {name: database.rows(QUERIES[name]) for name in HISTORY}
    assert len(found["windows"]) == WINDOWS
    assert any(row[3] == "resolved" for row in found["incidents"]), "nothing could be lost or doubled"
    return found


def accepted(shop: Shop) -> Counter[str]:
    """How often each message was taken."""
    path = shop.folder / "alerts.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    return Counter(json.loads(line)["key"] for line in lines)


def compare(fleet: Fleet, expected: dict[str, list[tuple[object, ...]]]) -> None:
    """To the bit; each window folded once by one of them, each message in the outbox once."""
    for name, rows in expected.items():
        assert fleet.database.rows(QUERIES[name]) == rows, name
    folded = Counter(re.findall(r"event=window\.folded .*?window=(\S+)", fleet.said()))
    assert folded
    assert set(folded.values()) == {1}
    assert fleet.database.number("SELECT count(*) FROM checkpoint") == WINDOWS
    assert fleet.database.number("SELECT count(*) - count(DISTINCT key) FROM outbox") == 0
    assert fleet.database.number("SELECT count(*) FROM ledger WHERE state = 'claimed'") == 0


def test_killed_and_paused_daemons_leave_one_history(
    fleet: Fleet, history: dict[str, list[tuple[object, ...]]]
) -> None:
    """A leader paused past its lease is replaced, what it still wants to write is refused; then SIGKILLs."""
    stops_at = 20
    first = fleet.start(f"after_fold_commit:sleep=3:{stops_at}")
    fleet.until("a leader", lambda: fleet.leader() == first)
    fleet.start()
    fleet.folded(stops_at)
    os.kill(first, signal.SIGSTOP)  # it sleeps between two folds: no transaction of its conductor is open
    fleet.until("another leader", lambda: fleet.leader() not in (0, first))
    fleet.folded(stops_at + 10)
    os.kill(first, signal.SIGCONT)
    fleet.until("the refusal", lambda: "event=leader.fenced" in fleet.logs[0].read_text())
    assert fleet.leader() != first

    chance = random.Random(12)
    leaders = 0
    for _ in range(KILLS):
        time.sleep(chance.uniform(0.2, 1.2))  # that is the fault: at any moment
        victim = chance.choice(sorted(fleet.running))
        leaders += victim == fleet.leader()
        fleet.kill(victim)
        fleet.start()
    fleet.folded(WINDOWS)
    fleet.told()
    compare(fleet, history)
    sent = {key for (key,) in fleet.database.rows("SELECT key FROM outbox WHERE state = 'sent'")}
    assert sent == set(accepted(fleet.shop))
    assert max(accepted(fleet.shop).values()) <= 2  # killed between the line and its mark
    print(f"kills {KILLS}, of leaders {leaders}; SIGSTOP past the lease 1; lost 0, doubled 0")


def test_a_database_that_goes_away_and_comes_back(
    fleet: Fleet, postgres: Server, history: dict[str, list[tuple[object, ...]]]
) -> None:
    """Every session ended, the server stopped, the server crashed: the daemon goes on by itself."""
    fleet.start()
    for interrupt in (
        lambda: postgres.sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname IS NOT NULL AND pid <> pg_backend_pid()"
        ),
        lambda: (postgres.stop(), time.sleep(1.0), postgres.start()),
        lambda: (postgres.stop(signal.SIGQUIT), postgres.start()),
    ):
        done = fleet.database.number(FOLDED)
        fleet.folded(done + 15)
        interrupt()
        before, began = fleet.database.number(FOLDED), time.monotonic()
        fleet.folded(before + 1)
        assert time.monotonic() - began < RECOVERY_S
    fleet.folded(WINDOWS)
    compare(fleet, history)


def test_several_daemons_without_any_fault(
    fleet: Fleet, history: dict[str, list[tuple[object, ...]]]
) -> None:
    """Three of them share the windows, one folds, all end with 0 when asked, and the last resigns."""
    for _ in range(3):
        fleet.start()
    fleet.folded(WINDOWS)
    fleet.told()
    for process in fleet.running.values():
        process.terminate()
    assert [process.wait(30) for process in fleet.running.values()] == [0, 0, 0]
    assert fleet.leader() == 0
    compare(fleet, history)
    assert set(accepted(fleet.shop).values()) == {1}
    evaluated = [path.read_text().count("event=window.evaluated") for path in fleet.logs]
    assert sum(evaluated) == WINDOWS
    assert [path.read_text().count("event=window.folded") > 0 for path in fleet.logs].count(True) == 1


def test_a_worker_paused_past_its_lease_changes_nothing(
    fleet: Fleet, history: dict[str, list[tuple[object, ...]]]
) -> None:
    """It read a window, slept, and another one finished it: its late result is dropped, said in the log."""
    slow = fleet.start("mid_source_read:sleep=20:10")
    done = "SELECT count(*) FROM ledger WHERE state = 'done'"
    fleet.until("the tenth read, which sleeps", lambda: fleet.database.number(done) >= 12)
    os.kill(slow, signal.SIGSTOP)
    fleet.start()
    fleet.folded(WINDOWS // 2)  # in order: the window it held is among them
    os.kill(slow, signal.SIGCONT)
    fleet.until("its result to be dropped", lambda: "event=window.fenced" in fleet.logs[0].read_text())
    fleet.folded(WINDOWS)
    compare(fleet, history)
