"""Killed at any named place, and started again: is the history the same, and was everything told once?

Each case kills (or fails) a real process at the k-th pass of one failpoint, then lets a new one go on. The
oracle is the run that nobody killed, and the loopback server's own file of what it accepted.
"""

import json
import os
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from alerting.failpoint import NAMES
from tests.acceptance.database import Database
from tests.acceptance.driver import ENVIRONMENT
from tests.acceptance.labelled import build_labelled_shop
from tests.acceptance.world import Shop, slack_and_trainer
from tests.loopback import Loopback

STEPS = 27  # half days: the labels of the last of twelve days have come
RETRAINING = """
[models.shop.retraining]
mode = "auto"
target = "trainer"
breached = 2
within = 3
min_rows = 50
"""
# Where one kill may leave the other side with a message that was never marked: told again, and labelled.
MAY_REPEAT = {"after_bytes_written", "after_response", "before_mark"}
# Killing in the middle of a migration or a build happens before the first window; one pass is all there is.
PASSES = {"mid_migration": (1,), "before_reference_commit": (1,)}
# No part of a window's way: tests of the supervisor, of retention and of restore kill at these.
ELSEWHERE = {"in_tick", "mid_retention", "mid_restore"}
ON_THE_WAY = [name for name in NAMES if name not in ELSEWHERE]
CASES = [(name, "kill", k) for name in ON_THE_WAY for k in PASSES.get(name, (1, 4))]
CASES += [(name, "raise", PASSES.get(name, (2,))[0]) for name in ON_THE_WAY]
# The same on PostgreSQL, where transactions differ: all of it with LEEWAY_PROVE set, some of it always.
ON_POSTGRESQL = [
    ("mid_migration", "kill", 1),
    ("after_claim", "kill", 4),
    ("before_finish_commit", "kill", 4),
    ("before_fold_commit", "kill", 4),
    ("after_flush_commit", "kill", 1),
    ("before_mark", "kill", 1),
]
if os.environ.get("LEEWAY_PROVE"):
    ON_POSTGRESQL = CASES


# The secrets of the driver's environment, as they are and as base64 would show them.
CANARIES = ("canary", "Y2FuYXJ5")


@dataclass(frozen=True, slots=True)
class Life:
    """What is left when it is over."""

    history: dict[str, list[tuple[Any, ...]]]
    accepted: list[dict[str, Any]]
    deaths: int


QUERIES = {
    "windows": (
        "SELECT model, stream, window_start, window_end, revision, state, reason, rows FROM v_windows "
        "ORDER BY window_start, stream"
    ),
    "verdicts": (
        "SELECT window_start, column_name, verdict, severity, rules, rank, value, z, p, harm, change, title, "
        "incident_id FROM v_verdicts ORDER BY 1, 2"
    ),
    "incidents": (
        "SELECT incident_id, kind, severity, status, opened, since, resolved, resolved_reason, reopens, "
        "relapses, peak FROM v_incidents ORDER BY 1"
    ),
    "events": "SELECT incident_id, seq, kind, actor, window_start FROM incident_event ORDER BY 1, 2",
    "measurements": "SELECT window_start, column_name, metric, value, n FROM v_measurements ORDER BY 1, 2, 3",
    # Of queued edits only the newest leaves: which ones were overtaken depends on when they were sent.
    "told": (
        "SELECT key, channel, action, reason, CASE WHEN action = 'edit' AND state IN ('sent', 'cancelled') "
        "THEN 'over' ELSE state END FROM v_notifications ORDER BY 1"
    ),
    "retraining": "SELECT model, target, state FROM retraining ORDER BY requested",
}


def run(shop: Shop, server: Loopback, failpoint: str = "") -> int:
    """One process; its exit code."""
    environment = {
        **os.environ,
        **ENVIRONMENT,
        "LEEWAY_TEST_TRAINER_URL": f"{server.url}/trainer",
        "LEEWAY_FAILPOINT": failpoint,
    }
    command = [
        sys.executable,
        "-m",
        "tests.acceptance.driver",
        str(shop.config),
        shop.start.isoformat(),
        str(STEPS),
    ]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert not [secret for secret in CANARIES if secret in done.stderr + done.stdout]
    if done.returncode not in (0, -9) and not failpoint:
        raise AssertionError(done.stderr)
    return done.returncode


def life(folder: Path, failpoint: str = "", url: str = "") -> Life:
    """Live it through, with one death on the way if a failpoint is armed; without a URL on SQLite."""
    folder.mkdir()
    database = Database(url or f"sqlite:///{folder}/leeway.db")
    with Loopback(folder / "accepted.jsonl", history_scope=False) as server:
        shop = build_labelled_shop(
            folder,
            days=12,
            wrong=range(1, 3),
            broken=range(4, 8),
            delay=timedelta(days=1),
            channels=slack_and_trainer(server.url),
            extra=RETRAINING,
            url=database.url,
        )
        deaths = 0
        if failpoint:
            deaths += run(shop, server, failpoint) != 0
        assert run(shop, server) == 0
        if database.is_file:
            with closing(sqlite3.connect(folder / "leeway.db")) as connection:
                assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
                kept = "\n".join(connection.iterdump())
            assert not [secret for secret in CANARIES if secret in kept]
        assert not database.rows("SELECT 1 FROM ledger WHERE state = 'claimed'")
        assert not database.rows("SELECT 1 FROM outbox WHERE state = 'sending'")
        history = {name: database.rows(query) for name, query in QUERIES.items()}
        return Life(history=history, accepted=server.accepted(), deaths=deaths)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Life:
    """The oracle: the same days, nobody dies."""
    return life(tmp_path_factory.mktemp("oracle") / "shop")


def test_the_scenario_has_something_to_lose(undisturbed: Life) -> None:
    """It fires, is told in a thread, asks for retraining and resolves; or the sweep would prove nothing."""
    incidents = undisturbed.history["incidents"]
    assert {row[0] for row in undisturbed.history["windows"]} == {"shop"}
    assert any(row[2] == "page" and row[3] == "resolved" for row in incidents)
    assert any(row[1] == "performance" and row[3] == "resolved" for row in incidents)
    assert [row[5] for row in undisturbed.history["windows"] if row[1] == "labels"] == (
        ["done"] * 12 + ["planned"]
    )
    actions = Counter((row[1], row[2]) for row in undisturbed.history["told"])
    assert actions["oncall", "root"] >= 1
    assert actions["oncall", "reply"] >= 1
    assert actions["oncall", "edit"] >= 1
    assert actions["trainer", "request"] == 1
    assert {row[4] for row in undisturbed.history["told"]} <= {"sent", "over"}


def keys(accepted: list[dict[str, Any]]) -> Counter[tuple[str, str]]:
    """How often each message was accepted, by path and key."""
    found: Counter[tuple[str, str]] = Counter()
    for line in accepted:
        if line["webhook_id"]:
            found[line["path"], line["webhook_id"]] += 1
            continue
        metadata = line["json"]["metadata"]
        metadata = json.loads(metadata) if isinstance(metadata, str) else metadata
        found[line["path"], metadata["event_payload"]["key"]] += 1
    return found


@pytest.mark.parametrize(("name", "action", "k"), CASES, ids=[f"{n}-{a}-{k}" for n, a, k in CASES])
def test_nothing_is_lost_and_nothing_is_doubled(
    name: str, action: str, k: int, undisturbed: Life, tmp_path: Path
) -> None:
    """After a death at any named place the history is the oracle's and every message was accepted."""
    compare(name, action, life(tmp_path / "shop", f"{name}:{action}:{k}"), undisturbed)


@pytest.mark.parametrize(("name", "action", "k"), ON_POSTGRESQL)
def test_neither_on_postgresql(
    name: str, action: str, k: int, undisturbed: Life, tmp_path: Path, empty_postgres_url: str
) -> None:
    """There the history is, to the bit, the one that SQLite has of an undisturbed life."""
    lived = life(tmp_path / "shop", f"{name}:{action}:{k}", empty_postgres_url)
    compare(name, action, lived, undisturbed)


def compare(name: str, action: str, lived: Life, undisturbed: Life) -> None:
    """Nothing lost, nothing doubled but where it may be, and then labelled."""
    # Edges survive a failure: of the courier between the bytes and the answer, of a worker while it reads.
    survived = action == "raise" and name in ("after_bytes_written", "mid_source_read")
    assert lived.deaths == (0 if survived else 1), "the failpoint was not reached: nothing is proven"
    for part, expected in undisturbed.history.items():
        assert lived.history[part] == expected, part
    wanted, got = keys(undisturbed.accepted), keys(lived.accepted)
    lost = {(path, key) for path, key in set(wanted) - set(got) if path != "/api/chat.update"}
    assert not lost, "a message was lost"
    repeated = {key for key, times in got.items() if times > wanted[key]}
    if name not in MAY_REPEAT:
        assert not repeated
    for path, key in repeated:
        texts = [line["json"].get("text", "") for line in lived.accepted if key in json.dumps(line)]
        assert path != "/api/chat.postMessage" or any("possible repeat" in text for text in texts)
