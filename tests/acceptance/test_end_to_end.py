"""From drift to a new model and back to quiet: a daemon process, and everybody it talks to over loopback.

Another channel joins by one more table in `CHANNELS` and one more name in `beside`.
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
from email.message import EmailMessage
from itertools import groupby
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.acceptance.driver import ENVIRONMENT
from tests.acceptance.running import PATIENCE_S, daemon, ends_within, leeway
from tests.acceptance.world import REFERENCE_DAYS, Shop, build_shop, day, slack_and_trainer
from tests.loopback import Loopback
from tests.mail_server import MailServer

DAYS = 8  # of production, the last one yesterday
TOKEN = "the-token-of-this-trainer"
ROUTING_KEY = "canarypagerdutyroutingkey0000000"
BESIDE = ("pager", "mail")
CHANNELS = """
[channels.pager]
kind = "pagerduty"
routing_key_env = "LEEWAY_TEST_ROUTING_KEY"
base_url = "{url}"
allow_http = true
allow_private = true
deadline_s = 5.0

[channels.mail]
kind = "email"
host = "127.0.0.1"
port = {mail_port}
security = "none"
allow_private = true
sender = "Leeway <leeway@example.com>"
to = ["oncall@example.com"]
deadline_s = 5.0
"""
RETRAINING = """
[models.shop.retraining]
mode = "auto"
target = "trainer"
breached = 2
within = 3
min_rows = 50
reference = "auto"
"""
TOLD = [
    "🔁 shop: retraining is requested",
    "✅ shop: retraining succeeded, model version v2",
    "🔁 shop: reference v2 is in force after retraining",
]
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
    server: Loopback  # plays Slack, PagerDuty and the trainer
    mail: MailServer

    def request(self) -> dict[str, Any] | None:
        """What the trainer was asked."""
        found = [line for line in self.server.accepted() if line["path"] == "/train"]
        return found[0]["json"]["data"]["retraining"]["request"] if found else None

    def thread(self) -> list[str]:
        """All that Slack was told, roots and replies, first lines."""
        posts = [line for line in self.server.accepted() if line["path"] == "/api/chat.postMessage"]
        return [str(line["json"]["text"]).splitlines()[0] for line in posts]

    def alerts(self) -> list[dict[str, Any]]:
        """All events of alerts that PagerDuty took."""
        return [line["json"] for line in self.server.accepted() if line["path"] == "/v2/enqueue"]

    def notes(self) -> list[str]:
        """What PagerDuty shows beside alerts."""
        taken = [line["json"] for line in self.server.accepted() if line["path"] == "/v2/change/enqueue"]
        return [str(each["payload"]["summary"]) for each in taken]

    def mails(self) -> list[EmailMessage]:
        return [each.mail for each in self.mail.delivered]

    def subjects(self) -> list[str]:
        return [str(mail["Subject"]) for mail in self.mails()]

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
    with Loopback(tmp_path / "accepted.jsonl") as server, MailServer() as mail:
        for name, value in ENVIRONMENT.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("LEEWAY_TEST_TRAINER_URL", f"{server.url}/train")
        monkeypatch.setenv("LEEWAY_TEST_RETRAIN_TOKEN", TOKEN)
        monkeypatch.setenv("LEEWAY_TEST_ROUTING_KEY", ROUTING_KEY)
        midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        shop = build_shop(
            tmp_path / "shop",
            first=midnight - timedelta(days=REFERENCE_DAYS + DAYS),
            days=DAYS,
            broken=range(3, DAYS),
            channels=slack_and_trainer(server.url, beside=BESIDE)
            + CHANNELS.format(url=server.url, mail_port=mail.port)
            + WEB.format(port=free_port()),
            extra=RETRAINING,
        )
        built = leeway(shop, "reference", "build", "--model", "shop")
        assert built.returncode == 0, built.stderr
        yield Stage(shop=shop, server=server, mail=mail)


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
        # A report may overtake the courier's note (tests/monitor/test_retraining.py); here it comes after it.
        noted = "SELECT count(*) FROM retraining WHERE sent IS NOT NULL"
        until("it is noted that it was asked", lambda: stage.one(noted), running)
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
        for place, read in (("thread", stage.thread), ("pager", stage.notes), ("mail", stage.subjects)):
            until(f"the {place} says so", lambda read=read: TOLD[-1] in read(), running)
        assert ends_within(running, 25, signal.SIGTERM) == 0
    with later(stage, 20) as again:
        # Of the posts alone: the row of an edit of Slack's root has the same reason.
        over = (
            "SELECT count(DISTINCT channel) = 3 FROM v_notifications"
            " WHERE reason = 'resolved' AND action IN ('root', 'reply') AND state = 'sent'"
        )
        until("the thread, the pager and the mail say that it is over", lambda: stage.one(over), again)
    assert stage.one("SELECT resolved_reason FROM incident WHERE kind = 'drift' LIMIT 1") == "rebaselined"
    thread = stage.thread()
    assert "closed" in thread[-1], "the last word is that the incident is over"
    said_about = [each for each in thread if "retraining" in each]
    assert said_about == TOLD
    roots = [line for line in stage.server.accepted() if line["path"] == "/api/chat.postMessage"]
    assert sum("thread_ts" not in line["json"] for line in roots) == 1, "one problem is one thread"
    check_pager(stage)
    check_mail(stage)
    shown = leeway(stage.shop, "retraining", "show", request["id"][:12], "--json")
    assert shown.returncode == 0, shown.stderr
    story = json.loads(shown.stdout)
    kinds = [each["kind"] for each in story["history"]]
    assert kinds == ["requested", "sent", "running", "succeeded", "reference_promoted"]
    assert (story["state"], story["model_version"], story["reference_version"]) == ("succeeded", "v2", 2)
    log = (stage.shop.folder / "daemon.log").read_text()
    for secret in (TOKEN, ROUTING_KEY, *ENVIRONMENT.values()):
        assert secret not in log


def check_pager(stage: Stage) -> None:
    """One alert: triggered, and resolved when it is over. What asks nobody to act stands beside it."""
    events = stage.alerts()
    # The reply and the edit of the root both resolve: PagerDuty drops what resolves nothing.
    actions = [action for action, _ in groupby(each["event_action"] for each in events)]
    assert actions == ["trigger", "resolve"]
    assert len({each["dedup_key"] for each in events}) == 1
    assert {each["routing_key"] for each in events} == {ROUTING_KEY}
    first = events[0]["payload"]
    assert (first["severity"], first["group"]) == ("critical", "shop")
    assert "shop: amount" in first["summary"]
    assert stage.notes() == TOLD


def check_mail(stage: Stage) -> None:
    """One thread: its first mail tells of the incident, its last one of the end, and all name the first."""
    first, *replies = stage.mails()
    assert "🔴 shop: amount" in first["Subject"]
    assert (first["References"], first["In-Reply-To"]) == (None, None)
    ids = [each["Message-ID"] for each in (first, *replies)]
    assert len(set(ids)) == len(ids), "each once"
    for each in replies:
        assert each["References"] == each["In-Reply-To"] == ids[0]
    assert [subject for subject in stage.subjects() if "retraining" in subject] == TOLD
    assert "shop: amount closed after" in stage.subjects()[-1]
    assert {each.recipients for each in stage.mail.delivered} == {("oncall@example.com",)}
