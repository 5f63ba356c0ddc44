"""500 breached windows of four columns, and a process that is killed all the time (T21, T22)."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from monitor.config_file import load
from storage import history
from storage.engine import open_store
from tests.acceptance.world import build_shop
from tests.loopback import Loopback, Reply
from tests.monitor.retraining_life import CHANNELS, POLICY, SECRET

WINDOWS = 500
START = datetime(2026, 5, 1, tzinfo=UTC)
# Around each of the places where a request could be lost or doubled, at a later pass each time.
KILLS = (
    "before_fold_commit:kill:2",
    "after_attempt_row:kill:2",
    "after_bytes_written:kill:1",
    "after_fold_commit:kill:30",
    "after_bytes_written:kill:2",
    "after_response:kill:1",
    "before_report_commit:kill:1",
    "before_mark:kill:2",
    "before_mark:kill:3",
    "after_mark:kill:2",
    "before_report_commit:kill:2",
)
MORE = 'max_in_30_days = 30\nin_flight_limit = "9h"\nmin_severity = "ticket"'


def config_of(folder: Path, url: str) -> Path:
    shop = build_shop(
        folder,
        days=1,
        broken=range(0),
        channels=CHANNELS.format(url=url, idempotent="true"),
        extra=POLICY.format(mode="auto", cooldown="0s", more=MORE),
    )
    (folder / "secret").write_text(SECRET)
    return shop.config


def live(config: Path, failpoint: str) -> int:
    command = [sys.executable, "-m", "tests.acceptance.asking", str(config), START.isoformat(), str(WINDOWS)]
    done = subprocess.run(
        command,
        env={**os.environ, "LEEWAY_FAILPOINT": failpoint},
        capture_output=True,
        text=True,
        timeout=800,
        check=False,
    )
    assert done.returncode in (0, -9), done.stderr[-3000:]
    return done.returncode


@pytest.mark.timeout(1200)
def test_one_a_day_one_in_flight_one_id(tmp_path: Path) -> None:
    """However often it dies: at most one request a day, one in flight, and its id on every try."""
    with Loopback(tmp_path / "accepted.jsonl") as trainer:
        refused = [Reply(status=503, accept=False), Reply(end="reset"), Reply()]
        trainer.script("/train", refused * 8)
        config = config_of(tmp_path / "shop", trainer.url)
        killed = sum(live(config, failpoint) == -9 for failpoint in KILLS)
        assert live(config, "") == 0
        assert killed >= len(KILLS) - 2, f"only {killed} deaths: nothing is proven"
        url = f"sqlite:///{config.parent / 'leeway.db'}"
        assert load(config).models
        with open_store(url, read_only=True) as store, store.read() as conn:
            requests = history.retraining_list(conn)
            decisions = history.retraining_decisions(conn, "shop")
            stories = [history.retraining_request(conn, each["retraining_id"]) for each in requests]
        tries = [seen.headers["webhook-id"] for seen in trainer.requests("/train")]
        accepted = [line["webhook_id"] for line in trainer.accepted()]
    assert (tmp_path / "shop" / "step").read_text() == str(WINDOWS)
    assert len(decisions) >= WINDOWS - 2
    days = WINDOWS // 24
    assert days // 2 <= len(requests) <= days + 1
    asked = [datetime.fromisoformat(each["requested"]) for each in requests]
    assert all(later - before >= timedelta(days=1) for before, later in pairwise(asked))
    ended = [each["ended"] for each in requests]
    assert all(
        over is not None and over <= again["requested"] for over, again in pairwise_with(ended, requests)
    )
    ids = {each["retraining_id"] for each in requests}
    assert set(tries) <= ids
    assert set(accepted) <= ids
    assert len(tries) > len(set(tries)), "nothing was ever sent again: nothing is proven"
    assert all(json.dumps(each) and each is not None for each in stories)
    refused_by = [{g["name"] for g in each["gates"] if not g["passed"]} for each in decisions]
    assert all(len(each["gates"]) == 20 for each in decisions)
    assert {"cap_a_day", "in_flight"} <= set().union(*refused_by)


def pairwise_with(
    ended: list[str | None], requests: list[dict[str, str]]
) -> list[tuple[str, dict[str, str]]]:
    """When each was over, beside the request that came next."""
    return [(over or "", following) for over, following in zip(ended, requests[1:], strict=False)]
