"""A real daemon process, a server that plays Slack: words first, then their picture in the same thread."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.acceptance.driver import ENVIRONMENT
from tests.acceptance.running import count
from tests.acceptance.world import Shop, build_shop, slack_and_trainer
from tests.loopback import Loopback, Reply, error

DAYS = 3
SENT = "SELECT count(*) FROM outbox WHERE action = 'picture' AND state = '{0}'"
TICKET, SHOW = "/api/files.getUploadURLExternal", "/api/files.completeUploadExternal"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Loopback]:
    with Loopback(tmp_path / "accepted.jsonl") as running:
        yield running


@pytest.fixture
def shop(tmp_path: Path, server: Loopback) -> Shop:
    """Three days, other customers on the last two; the reference is built."""
    channels = slack_and_trainer(server.url, pictures=True)
    made = build_shop(tmp_path / "shop", days=DAYS, broken=range(1, DAYS), channels=channels)
    assert leeway(made, "reference", "build", "--model", "shop").returncode == 0
    return made


def leeway(shop: Shop, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    trainer = {"LEEWAY_TEST_TRAINER_URL": "http://127.0.0.1:9/none"}
    return subprocess.run(
        [sys.executable, "-m", "monitor", "--config", str(shop.config), *words],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, **ENVIRONMENT, **trainer, **environment},
    )


def live(shop: Shop, days: int = DAYS, **environment: str) -> subprocess.CompletedProcess[str]:
    at = shop.start + timedelta(days=days, hours=1)
    return leeway(shop, "run", "--once", "--at", at.isoformat(), **environment)


def test_words_then_their_picture_in_the_same_thread(shop: Shop, server: Loopback) -> None:
    """One of each; the file is what a viewer can open, and says nothing of the token."""
    done = live(shop)
    assert done.returncode == 0, done.stderr
    (root,) = [each for each in server.accepted() if each["path"] == "/api/chat.postMessage"]
    (shown,) = server.pictures
    assert shown["thread_ts"] == "1700000000.000001"
    assert shown["bytes"].startswith(b"\x89PNG")
    assert 5_000 < len(shown["bytes"]) < 45_000
    assert b"xoxb" not in shown["bytes"]
    assert shown["title"].removeprefix("shop: ").split()[0] in json.dumps(root["json"])
    paths = [seen.path for seen in server.seen]
    assert paths.index("/api/chat.postMessage") < paths.index(TICKET) < paths.index(SHOW)


def test_a_picture_that_is_refused_costs_no_word(shop: Shop, server: Loopback) -> None:
    """The token lacks files:write: words are out, the channel works, nobody is woken; the log says why."""
    server.always(TICKET, error("missing_scope"))
    done = live(shop)
    assert done.returncode == 0, done.stderr
    assert len(server.accepted()) == 1
    assert "picture.given_up" in done.stderr
    assert "the app needs files:write" in done.stderr
    assert count(shop, SENT.format("dead")) == 1
    assert count(shop, "SELECT count(*) FROM channel_state WHERE state = 'broken'") == 0
    assert count(shop, "SELECT count(*) FROM incident WHERE kind = 'daemon'") == 0


def test_a_picture_that_may_be_there_is_not_sent_twice(shop: Shop, server: Loopback) -> None:
    """Slack took the last step and the answer was lost."""
    server.script(SHOW, [Reply(end="reset")])
    live(shop)
    assert live(shop).returncode == 0
    assert len(server.pictures) == 1
    assert count(shop, SENT.format("dead")) == 1


def test_a_kill_while_a_picture_is_under_way_doubles_nothing(shop: Shop, server: Loopback) -> None:
    """T1: killed after the words were written, and again after each later step."""
    for hit in range(1, 6):
        live(shop, LEEWAY_FAILPOINT=f"after_bytes_written:kill:{hit}")
    assert live(shop).returncode == 0
    posts = [each for each in server.accepted() if each["path"] == "/api/chat.postMessage"]
    keys = [each["json"]["metadata"]["event_payload"]["key"] for each in posts]
    assert len(set(keys)) == len(keys)
    assert len(server.pictures) <= len(posts)
    assert count(shop, "SELECT count(*) FROM outbox WHERE state IN ('queued', 'sending', 'uncertain')") == 0
