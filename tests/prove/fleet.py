"""What becomes of one PostgreSQL that several daemons share while they are killed and paused? (T12, T14)

Real daemons (tests/acceptance/sharing.py) over hourly windows: one leads, all evaluate. The expected history
is that of a single daemon on SQLite that nobody disturbs.
"""

import io
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from storage.engine import open_store
from tests.acceptance.database import Database
from tests.acceptance.sharing import ago, hourly_shop, undisturbed
from tests.acceptance.world import Shop
from tests.postgres import Server
from tests.prove.past import QUERIES
from tests.prove.table import Row

PATIENCE_S = 120.0  # and a second a window: a loaded machine; a quiet one needs a tenth
FOLDED = "SELECT count(*) FROM ledger WHERE folded_at IS NOT NULL"
HISTORY = ("windows", "verdicts", "incidents", "events", "measurements")
TURN_S = 2  # whoever is paused in a transaction holds up the others, and is waited for, no longer than this
SPARED_S = (0.2, 1.2)  # between two kills
PAUSED_AFTER = 20  # windows
ASLEEP_S = 30.0  # a read, of which a tenth is waited for; the rest it is paused
SERVER_PAUSED_S = 60.0
RECOVERY_S = 30.0
PROVEN_DAYS = 42  # 1,008 hourly windows
History = dict[str, list[tuple[Any, ...]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """A shop on PostgreSQL that no daemon has seen, its database a template for the next."""

    shop: Shop
    template: str
    days: int

    @property
    def windows(self) -> int:
        return 24 * self.days


@dataclass(slots=True, kw_only=True)
class Damage:
    """What was done, and what it led to. `wrong` empty: the promise was kept."""

    kills: int = 0
    of_leaders: int = 0
    pauses: int = 0
    refused: int = 0  # writes of one that was paused past its lease, by its own log
    lost_windows: int = 0
    lost_messages: int = 0
    doubled: int = 0
    seconds: float = 0.0
    wrong: list[str] = field(default_factory=list)


def build(folder: Path, postgres: Server, template: str, days: int) -> Built:
    """`template`: a migrated database."""
    name = postgres.database(template)
    return Built(shop=hourly_shop(folder, postgres.url(name), days), template=name, days=days)


def expected(folder: Path, days: int) -> History:
    """The history of one daemon on SQLite that nobody disturbs."""
    with redirect_stderr(io.StringIO()):  # its log is of no interest
        shop = hourly_shop(folder, "sqlite:///leeway.db", days)
        undisturbed(shop, days)
    database = Database(f"sqlite:///{shop.folder}/leeway.db")
    found = {name: database.rows(QUERIES[name]) for name in HISTORY}
    assert len(found["windows"]) == 24 * days
    assert any(row[3] == "resolved" for row in found["incidents"]), "nothing could be lost or doubled"
    return found


@contextmanager
def launched(built: Built, postgres: Server, folder: Path) -> Iterator["Fleet"]:
    """No daemon yet; a copy of the shop and of its database. At the end none is left."""
    name = postgres.database(built.template)
    shutil.copytree(built.shop.folder, folder)
    mine = replace(built.shop, config=folder / built.shop.config.name)
    limits = f"-c idle_in_transaction_session_timeout={TURN_S}s -c lock_timeout={TURN_S}s"
    limited = f"{postgres.url(name)}&options={quote(limits)}"
    mine.config.write_text(mine.config.read_text().replace(postgres.url(built.template), limited))
    fleet = Fleet(mine, Database(postgres.url(name)), ago(built.shop, built.days), built.windows)
    try:
        yield fleet
    finally:
        for process in fleet.running.values():
            process.kill()
            process.wait(10)
        postgres.drop(name)


@dataclass(slots=True)
class Fleet:
    """The daemons of one database; each has a log of its own."""

    shop: Shop
    database: Database
    by: timedelta
    windows: int
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
        end = time.monotonic() + PATIENCE_S + self.windows
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

    def reading_for(self, seconds: float) -> Callable[[], bool]:
        """Whether one and the same claim has been held for so long: others take a tenth of a second."""
        claims = "SELECT id, fence FROM ledger WHERE state = 'claimed'"
        since: dict[tuple[Any, ...], float] = {}

        def held() -> bool:
            nonlocal since
            now = time.monotonic()
            since = {claim: since.get(claim, now) for claim in self.database.rows(claims)}
            return any(now - began >= seconds for began in since.values())

        return held

    def leader(self) -> int:
        """The pid of the one that leads; 0: nobody."""
        rows = self.database.rows("SELECT owner FROM leader WHERE owner <> ''")
        return int(rows[0][0].rpartition(" ")[2]) if rows else 0

    def said(self) -> str:
        return "\n".join(path.read_text() for path in self.logs)


def disturb(fleet: Fleet, history: History, *, kills: int, seed: int) -> Damage:
    """A leader paused past its lease is replaced, and refused when it comes back; then SIGKILLs."""
    began, damage = time.monotonic(), Damage()
    first = fleet.start(f"after_fold_commit:sleep=3:{PAUSED_AFTER}")
    fleet.until("a leader", lambda: fleet.leader() == first)
    fleet.start()
    fleet.folded(PAUSED_AFTER)
    os.kill(first, signal.SIGSTOP)  # it sleeps between two folds: no transaction of its conductor is open
    damage.pauses += 1
    fleet.until("another leader", lambda: fleet.leader() not in (0, first))
    fleet.folded(PAUSED_AFTER + 10)
    os.kill(first, signal.SIGCONT)
    fleet.until("the refusal", lambda: "event=leader.fenced" in fleet.logs[0].read_text())
    damage.refused += 1
    if fleet.leader() == first:
        damage.wrong.append("the paused daemon leads again although another one took over")
    chance = random.Random(seed)
    for _ in range(kills):
        time.sleep(chance.uniform(*SPARED_S))  # that is the fault: at any moment
        victim = chance.choice(sorted(fleet.running))
        damage.of_leaders += victim == fleet.leader()
        fleet.kill(victim)
        damage.kills += 1
        fleet.start()
    _settle(fleet, history, damage)
    damage.seconds = time.monotonic() - began
    return damage


def pause_a_worker(fleet: Fleet, history: History) -> Damage:
    """It read a window, slept past its lease, another one finished it: its late result is dropped."""
    began, damage = time.monotonic(), Damage()
    slow = fleet.start(f"mid_source_read:sleep={ASLEEP_S:g}:10")
    fleet.until("a read that sleeps", fleet.reading_for(ASLEEP_S / 10))
    os.kill(slow, signal.SIGSTOP)
    damage.pauses += 1
    fleet.start()
    fleet.folded(fleet.windows // 2)  # in order: the window it held is among them
    os.kill(slow, signal.SIGCONT)
    fleet.until("its result to be dropped", lambda: "event=window.fenced" in fleet.logs[0].read_text())
    damage.refused += 1
    _settle(fleet, history, damage)
    damage.seconds = time.monotonic() - began
    return damage


def pause_the_server(fleet: Fleet, history: History, postgres: Server, *, for_s: float) -> Damage:
    """Nothing answers and nothing is closed; then it goes on as if nothing had been (T19)."""
    began, damage = time.monotonic(), Damage()
    for _ in range(2):
        fleet.start()
    fleet.folded(PAUSED_AFTER)
    postgres.pause(for_s=for_s)
    damage.pauses += 1
    before, back = fleet.database.number(FOLDED), time.monotonic()
    for pid, process in list(fleet.running.items()):
        if process.poll() is not None:  # its supervisor ended it: whoever keeps it starts it again
            fleet.running.pop(pid)
            fleet.start()
    fleet.folded(min(before + 1, fleet.windows))
    if time.monotonic() - back > RECOVERY_S:
        damage.wrong.append(f"{time.monotonic() - back:.0f} s until the first window after the pause")
    _settle(fleet, history, damage)
    damage.seconds = time.monotonic() - began
    return damage


def _settle(fleet: Fleet, history: History, damage: Damage) -> None:
    """Let them finish, then compare."""
    fleet.folded(fleet.windows)
    fleet.told()
    damage.wrong += wrong(fleet, history)
    sent = {str(key) for (key,) in fleet.database.rows("SELECT key FROM outbox WHERE state = 'sent'")}
    got = accepted(fleet.shop)
    damage.lost_messages = len(sent - set(got))
    damage.doubled = sum(times - 1 for times in got.values())
    damage.lost_windows = fleet.windows - fleet.database.number(FOLDED)
    if damage.lost_messages or set(got) - sent:
        damage.wrong.append("what was accepted is not what was marked as sent")
    if any(times > 1 + damage.kills for times in got.values()):  # killed between the line and its mark
        damage.wrong.append("a message was doubled more often than somebody was killed")


def accepted(shop: Shop) -> Counter[str]:
    """How often each message was taken."""
    path = shop.folder / "alerts.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    return Counter(json.loads(line)["key"] for line in lines)


def wrong(fleet: Fleet, history: History) -> list[str]:
    """To the bit; each window folded once by one of them, each message in the outbox once."""
    number = fleet.database.number
    said = [name for name, rows in history.items() if fleet.database.rows(QUERIES[name]) != rows]
    folded = Counter(re.findall(r"event=window\.folded .*?window=(\S+)", fleet.said()))
    said += [f"window {window} was folded {times} times" for window, times in folded.items() if times != 1]
    if not folded:
        said.append("no daemon says that it folded anything")
    if number("SELECT count(*) FROM checkpoint") != fleet.windows:
        said.append("not one checkpoint a window")
    if number("SELECT count(*) - count(DISTINCT key) FROM outbox"):
        said.append("a key is in the outbox twice")
    if number("SELECT count(*) FROM ledger WHERE state = 'claimed'"):
        said.append("a window is stuck in a lease")
    return said


def prove(*, kills: int, days: int = PROVEN_DAYS, seed: int = 12) -> tuple[list[Row], list[str]]:
    """Rows of the table, and what broke the promise."""
    with Server.fresh() as postgres, tempfile.TemporaryDirectory(prefix="leeway-fleet-") as inside:
        empty = postgres.database()
        with open_store(postgres.url(empty)) as store:
            store.upgrade()
        place = Path(inside)
        history = expected(place / "undisturbed", days)
        built = build(place / "built", postgres, empty, days)
        with launched(built, postgres, place / "killed") as fleet:
            killed = disturb(fleet, history, kills=kills, seed=seed)
        with launched(built, postgres, place / "paused") as fleet:
            paused = pause_a_worker(fleet, history)
        with launched(built, postgres, place / "waiting") as fleet:
            waited = pause_the_server(fleet, history, postgres, for_s=SERVER_PAUSED_S)
    rows = [
        _row("SIGKILL of one of several daemons", killed.kills, killed),
        _row("SIGSTOP past a lease", killed.pauses + paused.pauses, paused),
        _row("the server stands still for a minute", waited.pauses, waited),
    ]
    return rows, [f"several daemons: {each}" for each in (*killed.wrong, *paused.wrong, *waited.wrong)]


def _row(fault: str, faults: int, damage: Damage) -> Row:
    """The channel of this shop writes lines and knows no label: repeats are counted, labels are not."""
    return Row(
        fault=fault,
        database="postgresql",
        faults=faults,
        tries=1,
        to_the_end=1,
        windows_lost=damage.lost_windows,
        messages_lost=damage.lost_messages,
        same_id=damage.doubled,
        differences=len(damage.wrong),
        seconds=damage.seconds,
    )
