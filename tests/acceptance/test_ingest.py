"""Rows sent over HTTP to a real daemon: judged as files would be, and none is lost or doubled by a kill."""

import http.client
import json
import re
import signal
import subprocess
import time
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from tests.acceptance.fast import reconfigure
from tests.acceptance.running import (
    DAYS,
    FOLDED,
    PATIENCE_S,
    daemon,
    ends_within,
    leeway,
    log_of,
    running_shop,
    until,
)
from tests.acceptance.world import REFERENCE_DAYS, Shop, day
from tests.monitor.inbox_life import FILES, SOURCE, TOKEN, Answer, send

PORT = re.compile(r"event=web\.started .*port=(\d+)")
WEB = '[web]\nport = 0\ningest_token_file = "token"\n\n[daemon]'
PAUSED = "[models.shop]\npaused = true"


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """Paused until a test says otherwise: its windows have ended already, and their rows are yet to come."""
    made = running_shop(tmp_path / "shop")
    (made.folder / "token").write_text(TOKEN)
    reconfigure(made, {FILES: SOURCE.format(more=""), "[daemon]": WEB, "[models.shop]": PAUSED})
    return made


def port(shop: Shop, running: subprocess.Popen[str], starts: int = 1) -> int:
    """Of the daemon's so manieth start."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        found = PORT.findall(log_of(shop))
        if len(found) >= starts:
            return int(found[-1])
        assert running.poll() is None, log_of(shop)
        time.sleep(0.05)
    raise AssertionError("no listener")


def post(at: int, frame: pl.DataFrame, key: str | None = None) -> Answer:
    lines = [json.dumps(row, default=lambda time: time.isoformat()) for row in frame.to_dicts()]
    return send("127.0.0.1", at, raw="\n".join(lines).encode(), kind="application/x-ndjson", key=key)


def rows_of(shop: Shop) -> int:
    files = [path for path in (shop.folder / "inbox").glob("*.parquet") if not path.name.startswith(".")]
    return sum(pl.read_parquet(path).height for path in files)


def test_from_a_posted_row_to_a_page(shop: Shop) -> None:
    """Each day in four batches, one of them twice; then the daemon is told to look, by a changed config."""
    first = shop.start - timedelta(days=REFERENCE_DAYS)
    with daemon(shop) as running:
        at = port(shop, running)
        for number in range(DAYS):
            frame = day(first, REFERENCE_DAYS + number, broken=number >= 3).drop("label")
            for part in range(4):
                assert post(at, frame[part * 40 : part * 40 + 40]).status == 201
            assert post(at, frame[:40]).status == 200
        assert rows_of(shop) == DAYS * 160
        reconfigure(shop, {PAUSED: "[models.shop]"})
        running.send_signal(signal.SIGHUP)
        until(shop, FOLDED, DAYS, running)
        until(shop, "SELECT count(*) FROM v_notifications WHERE state = 'sent'", 1, running)
        until(shop, "SELECT count(*) FROM v_windows WHERE state = 'done' AND rows = 160", DAYS, running)
        assert ends_within(running, 30, signal.SIGTERM) == 0
    said = [json.loads(line) for line in (shop.folder / "alerts.jsonl").read_text().splitlines()]
    assert any("amount" in each["heading"] for each in said)
    assert TOKEN not in log_of(shop)


@pytest.mark.parametrize(("place", "then"), [("before_batch_kept", 201), ("after_batch_kept", 200)])
def test_a_kill_before_the_answer(place: str, then: int, shop: Shop) -> None:
    """Whoever sends the same batch again has it counted once, whatever the first one came to."""
    frame = day(shop.start, 0).drop("label")
    with daemon(shop, f"{place}:kill") as running:
        with pytest.raises((ConnectionError, http.client.HTTPException)):
            post(port(shop, running), frame, "batch-1")
        assert running.wait(30) == -signal.SIGKILL
    with daemon(shop) as running:
        at = port(shop, running, starts=2)
        assert [post(at, frame, "batch-1").status for _ in range(2)] == [then, 200]
        assert rows_of(shop) == 160


def test_a_config_that_takes_rows_and_does_not_listen(shop: Shop) -> None:
    """Accepted, as another daemon may listen, and said."""
    reconfigure(shop, {'[web]\nport = 0\ningest_token_file = "token"\n': ""})
    checked = leeway(shop, "config", "check")
    assert (checked.returncode, "web.ingest_token_env" in checked.stdout) == (0, True), checked
