"""From drift to a new model and back to quiet: a daemon process, and everybody it talks to over loopback.

Another channel joins by one more table in `CHANNELS` and one more name in the route.
"""

import http.client
import json
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.acceptance.driver import ENVIRONMENT
from tests.acceptance.running import PATIENCE_S, daemon, ends_within, leeway
from tests.acceptance.world import REFERENCE_DAYS, Shop, build_shop, day, slack_and_trainer
from tests.loopback import Loopback

DAYS = 8  # of production, the last one yesterday
TOKEN = "the-token-of-this-trainer"
RETRAINING = """
[models.shop.retraining]
mode = "auto"
target = "trainer"
breached = 2
within = 3
min_rows = 50
reference = "auto"
"""
WEB = """
[web]
port = {port}
public_url = "http://127.0.0.1:{port}"
retrain_token_env = "LEEWAY_TEST_RETRAIN_TOKEN"

[daemon]
tick_s = 0.2
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    shop: Shop
    server: Loopback  # plays Slack and the trainer

    def request(self) -> dict[str, Any] | None:
        """What the trainer was asked."""
        found = [line for line in self.server.accepted() if line["path"] == "/train"]
        return found[0]["json"]["data"]["retraining"]["request"] if found else None

    def thread(self) -> list[str]:
        """All that Slack was told, roots and replies, first lines."""
        posts = [line for line in self.server.accepted() if line["path"] == "/api/chat.postMessage"]
        return [str(line["json"]["text"]).splitlines()[0] for line in posts]

    def one(self, query: str) -> Any:
        with closing(sqlite3.connect(self.shop.folder / "leeway.db", timeout=10)) as file:
            row = file.execute(query).fetchone()
        return None if row is None else row[0]

    def train(self) -> None:
        """The model is trained on what customers are now, and its reference written."""
        frames = [day(self.shop.start, number, broken=True, seed=11) for number in range(REFERENCE_DAYS)]
        fresh = self.shop.folder / "data" / "reference.new"
        pl.concat(frames).write_parquet(fresh)
        fresh.replace(self.shop.folder / "data" / "reference.parquet")


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    with Loopback(tmp_path / "accepted.jsonl") as server:
        for name, value in ENVIRONMENT.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("LEEWAY_TEST_TRAINER_URL", f"{server.url}/train")
        monkeypatch.setenv("LEEWAY_TEST_RETRAIN_TOKEN", TOKEN)
        midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        shop = build_shop(
            tmp_path / "shop",
            first=midnight - timedelta(days=REFERENCE_DAYS + DAYS),
            days=DAYS,
            broken=range(3, DAYS),
            channels=slack_and_trainer(server.url) + WEB.format(port=free_port()),
            extra=RETRAINING,
        )
        built = leeway(shop, "reference", "build", "--model", "shop")
        assert built.returncode == 0, built.stderr
        yield Stage(shop=shop, server=server)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def report(url: str, said: dict[str, str]) -> tuple[int, dict[str, Any]]:
    """As a trainer does, at the address that the request named."""
    found = re.fullmatch(r"http://(127\.0\.0\.1:\d+)(/.*)", url)
    assert found is not None, url
    connection = http.client.HTTPConnection(found[1], timeout=20)
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    with closing(connection):
        connection.request("POST", found[2], json.dumps(said), headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())


def until(what: str, found: Callable[[], Any], process: "subprocess.Popen[str]") -> Any:
    """Wait for it: the daemon promises no time, only that it happens."""
    end = time.monotonic() + 2 * PATIENCE_S
    while time.monotonic() < end:
        if value := found():
            return value
        assert process.poll() is None, f"the daemon ended with {process.returncode} before: {what}"
        time.sleep(0.1)
    raise AssertionError(f"not in time: {what}")


@contextmanager
def later(stage: Stage, minutes: int) -> Iterator["subprocess.Popen[str]"]:
    """The daemon started again, so many minutes later: nobody has to wait for a group's interval."""
    command = [sys.executable, "-m", "tests.acceptance.later", str(stage.shop.config), str(minutes)]
    with (stage.shop.folder / "daemon.log").open("a") as log:
        process = subprocess.Popen(command, stderr=log, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=10)


@pytest.mark.timeout(600)
def test_from_drift_to_a_new_model(stage: Stage) -> None:
    """Drift pages; the trainer is asked, trains, reports; its reference follows; the incident ends."""
    with daemon(stage.shop) as running:
        request = until("the trainer is asked", stage.request, running)
        assert request["event"] == "model.retraining.requested"
        url = request["call_back"]
        status, said = until(
            "the report is taken",
            lambda: (got := report(url, {"state": "running"}))[0] == 200 and got,
            running,
        )
        assert (status, said["state"]) == (200, "running")
        stage.train()
        status, said = report(url, {"state": "succeeded", "model_version": "v2", "detail": "run 7"})
        assert (status, said["state"]) == (200, "succeeded")
        in_force = "SELECT version FROM reference WHERE status = 'active' AND version = 2"
        until("its reference is in force", lambda: stage.one(in_force), running)
        still = "SELECT count(*) = 0 FROM incident WHERE is_open AND kind <> 'daemon'"
        until("the incidents end", lambda: stage.one(still), running)
        told = "🔁 shop: reference v2 is in force after retraining"
        until("the thread says so", lambda: told in stage.thread(), running)
        assert ends_within(running, 25, signal.SIGTERM) == 0
    with later(stage, 20) as again:
        over = "SELECT count(*) FROM v_notifications WHERE reason = 'resolved' AND state = 'sent'"
        until("the thread says that it is over", lambda: stage.one(over), again)
    assert stage.one("SELECT resolved_reason FROM incident WHERE kind = 'drift' LIMIT 1") == "rebaselined"
    thread = stage.thread()
    assert "closed" in thread[-1], "the last word is that the incident is over"
    said_about = [each for each in thread if "retraining" in each]
    assert said_about == [
        "🔁 shop: retraining is requested",
        "✅ shop: retraining succeeded, model version v2",
        "🔁 shop: reference v2 is in force after retraining",
    ]
    roots = [line for line in stage.server.accepted() if line["path"] == "/api/chat.postMessage"]
    assert sum("thread_ts" not in line["json"] for line in roots) == 1, "one problem is one thread"
    shown = leeway(stage.shop, "retraining", "show", request["id"][:12], "--json")
    assert shown.returncode == 0, shown.stderr
    story = json.loads(shown.stdout)
    kinds = [each["kind"] for each in story["history"]]
    assert kinds == ["requested", "sent", "running", "succeeded", "reference_promoted"]
    assert (story["state"], story["model_version"], story["reference_version"]) == ("succeeded", "v2", 2)
    log = (stage.shop.folder / "daemon.log").read_text()
    for secret in (TOKEN, *ENVIRONMENT.values()):
        assert secret not in log
