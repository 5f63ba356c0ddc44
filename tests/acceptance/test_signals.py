"""Asked to end or to read its config again, at whatever moment: in time, and nothing lost (T53)."""

import os
import signal
import time
from pathlib import Path

import pytest

from monitor.daemon import RELEASE_AFTER_S
from tests.acceptance.fast import reconfigure
from tests.acceptance.running import (
    DAYS,
    FOLDED,
    count,
    daemon,
    ends_within,
    leeway,
    log_of,
    running_shop,
    until,
    until_said,
)
from tests.acceptance.world import Shop

SECOND = '[channels.second]\nkind = "log"\npath = "second.jsonl"\n\n'
SENT = "SELECT count(*) FROM v_notifications WHERE state = 'sent'"


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return running_shop(tmp_path / "shop")


def all_is_done(shop: Shop) -> None:
    """A second daemon finishes what the first left: every window once, every message told."""
    with daemon(shop) as second:
        until(shop, FOLDED, DAYS, second)
        until(shop, SENT, 1, second)
        assert count(shop, "SELECT count(*) - count(DISTINCT start) FROM ledger") == 0
        assert count(shop, "SELECT count(*) FROM v_notifications WHERE state = 'dead'") == 0


def test_sigterm_while_idle(shop: Shop) -> None:
    """At once."""
    with daemon(shop) as running:
        until(shop, FOLDED, DAYS, running)
        began = time.monotonic()
        assert ends_within(running, 20, signal.SIGTERM) == 0
        assert time.monotonic() - began < RELEASE_AFTER_S, "it waited for something"
    assert "daemon.stopped" in log_of(shop)


def test_sigterm_while_a_source_is_read(shop: Shop) -> None:
    """The window goes back free, not leased: the next daemon need not wait for a lease to end."""
    with daemon(shop, "mid_source_read:sleep=120") as running:
        until(shop, "SELECT count(*) FROM ledger WHERE state = 'claimed'", 1, running)
        until_said(shop, "windows.planned", running)
        assert ends_within(running, 20, signal.SIGTERM) == 0
    assert count(shop, "SELECT count(*) FROM ledger WHERE state = 'claimed'") == 0
    assert count(shop, "SELECT count(*) FROM ledger WHERE reason = 'released at shutdown'") >= 1
    assert "windows.released" in log_of(shop)
    all_is_done(shop)


def test_sigterm_while_a_message_is_sent(shop: Shop) -> None:
    """Its attempt is on record; the next daemon tells it."""
    with daemon(shop, "after_attempt_row:sleep=120") as running:
        until(shop, "SELECT count(*) FROM attempt", 1, running)
        assert ends_within(running, 22, signal.SIGTERM) == 0
    all_is_done(shop)


def test_sigterm_while_kernels_are_compiled(shop: Shop, tmp_path: Path) -> None:
    """With a cold cache: before it is ready, too, it ends when asked."""
    cold = {"NUMBA_CACHE_DIR": str(tmp_path / "cold")}
    with daemon(shop, environment=cold) as running:
        until_said(shop, "daemon.started", running)
        assert ends_within(running, 20, signal.SIGTERM) == 0
    all_is_done(shop)


def test_a_second_sigterm_ends_it_at_once(shop: Shop) -> None:
    """Whatever is in hand."""
    with daemon(shop, "mid_source_read:sleep=120") as running:
        until(shop, "SELECT count(*) FROM ledger WHERE state = 'claimed'", 1, running)
        running.send_signal(signal.SIGTERM)
        until_said(shop, "daemon.stopping", running)
        assert ends_within(running, 2, signal.SIGTERM) == 0
    all_is_done(shop)


def test_a_bad_config_changes_nothing_and_says_why(shop: Shop) -> None:
    """All mistakes are in the log; the old one goes on, and a good one is taken after it."""
    good = shop.config.read_text()
    with daemon(shop) as running:
        until(shop, FOLDED, DAYS, running)
        shop.config.write_text(good.replace('every = "1d"', 'every = "soon"') + "\nnonsense = 1\n")
        running.send_signal(signal.SIGHUP)
        until_said(shop, "event=config.refused", running)
        assert 'got \\"soon\\"' in log_of(shop) or "soon" in log_of(shop)
        assert "nonsense" in log_of(shop)
        assert running.poll() is None
        shop.config.write_text(good)
        running.send_signal(signal.SIGHUP)
        until_said(shop, "event=config.reloaded", running)
        assert ends_within(running, 20, signal.SIGTERM) == 0


def test_a_reload_brings_channels_and_routes_in_force(shop: Shop) -> None:
    """What is open is told to the channel that is new; what needs a restart is named."""
    with daemon(shop) as running:
        until(shop, SENT, 1, running)
        reconfigure(
            shop,
            {
                'channels = ["file"]': 'channels = ["file", "second"]',
                "tick_s = 0.2": "tick_s = 0.3",
                "[channels.file]": SECOND + "[channels.file]",
            },
        )
        running.send_signal(signal.SIGHUP)
        until(shop, f"{SENT} AND channel = 'second'", 1, running)
        until_said(shop, "keys=daemon.tick_s", running)
    assert (shop.folder / "second.jsonl").read_text()


def test_a_reload_takes_up_new_models_and_lets_go_of_others(shop: Shop) -> None:
    """The new one's windows are evaluated; the incidents of the one that left end as removed."""
    text = shop.config.read_text()
    other = text[text.index("[models.shop]") :].replace("models.shop", "models.other")
    with daemon(shop) as running:
        until(shop, "SELECT count(*) FROM incident WHERE is_open", 1, running)
        shop.config.write_text(text + other)
        assert leeway(shop, "reference", "build", "--model", "other").returncode == 0
        running.send_signal(signal.SIGHUP)
        until(shop, f"{FOLDED} AND model = 'other'", DAYS, running)
        shop.config.write_text(text.replace("models.shop", "models.other"))
        running.send_signal(signal.SIGHUP)
        removed = "SELECT count(*) FROM incident WHERE model = 'shop' AND resolved_reason = 'removed'"
        until(shop, removed, 1, running)
        assert count(shop, "SELECT count(*) FROM incident WHERE model = 'shop' AND is_open") == 0
        assert os.path.exists(f"/proc/{running.pid}")
