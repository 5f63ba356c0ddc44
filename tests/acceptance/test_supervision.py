"""What stalls ends with 70 and goes on after it; what the service manager hears comes in order (T18, T54)."""

import os
import signal
import socket
import time
import uuid
from itertools import pairwise
from pathlib import Path

import pytest

from tests.acceptance.running import DAYS, FOLDED, count, daemon, log_of, running_shop, until, until_said
from tests.acceptance.world import Shop

FACTOR = 12  # a minute in five seconds
SLOWER = 6.0  # where a busy machine must not be taken for a stall: ten seconds of it are a minute there


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return running_shop(tmp_path / "shop")


def test_an_exception_in_a_tick_is_said_and_the_next_one_runs(shop: Shop) -> None:
    """The ticker's body lets nothing out."""
    with daemon(shop, "in_tick:raise:1") as running:
        until(shop, FOLDED, DAYS, running)
    assert "failpoint in_tick reached, pass 1" in log_of(shop)


@pytest.mark.parametrize(
    ("failpoint", "fault", "says"),
    [
        ("in_tick:sleep=120:3", (), "the ticker has been silent"),
        ("", ("scheduler",), "the thread of ticker is gone"),
        ("before_fold_commit:sleep=120:2", (), "the conductor has been silent"),
    ],
)
def test_what_stalls_ends_with_its_stacks_and_the_next_one_catches_up(
    shop: Shop, failpoint: str, fault: tuple[str, ...], says: str
) -> None:
    """Exit 70 within 75 s of its own clock; history is whole afterwards."""
    with daemon(shop, failpoint, paced=(str(FACTOR), *fault)) as running:
        until_said(shop, "daemon.started", running)
        assert running.wait(60) == 70
    log = log_of(shop)
    assert says in log
    assert "Thread 0x" in log
    if "silent" in says:
        silent_s = float(log.partition("has been silent for ")[2].partition(" s")[0])
        # The supervisor looks once a real second, on a machine that may be busy; its own tests count exactly.
        assert 60 <= silent_s < 60 + 10 * FACTOR  # rounded there: what was more than 60 s may read 60
    with daemon(shop) as running:
        until(shop, FOLDED, DAYS, running)
        assert count(shop, "SELECT count(*) - count(DISTINCT start) FROM ledger") == 0


@pytest.mark.parametrize("kind", ["path", "abstract"])
def test_the_service_manager_hears_it_in_order(shop: Shop, tmp_path: Path, kind: str) -> None:
    """Starting, READY=1 after the first compilation, WATCHDOG=1 at half its time, RELOADING=1, STOPPING=1."""
    address = str(tmp_path / "notify") if kind == "path" else f"@leeway-{uuid.uuid4().hex}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        end.bind("\0" + address[1:] if address.startswith("@") else address)
        end.settimeout(30)
        environment = {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "4000000"}
        with daemon(shop, environment=environment) as running:
            heard = [end.recv(500).decode()]
            while not heard[-1].startswith("READY=1"):
                heard.append(end.recv(500).decode())
            assert heard[0].startswith("EXTEND_TIMEOUT_USEC=")
            assert not any("WATCHDOG" in word for word in heard)
            pets = []
            while len(pets) < 4:
                if end.recv(500) == b"WATCHDOG=1":
                    pets.append(time.monotonic())
            gaps = [after - before for before, after in pairwise(pets)]
            assert all(1.0 < gap < 4.0 for gap in gaps), gaps
            running.send_signal(signal.SIGHUP)
            words = []
            while not any(word.startswith("READY=1") for word in words):
                words.append(end.recv(500).decode())
            assert any(word.startswith("RELOADING=1\nMONOTONIC_USEC=") for word in words)
            running.send_signal(signal.SIGTERM)
            assert running.wait(25) == 0
            while not (word := end.recv(500).decode()).startswith("STOPPING=1"):
                assert "WATCHDOG" in word or "STATUS" in word


def test_a_process_that_was_stopped_goes_on(shop: Shop) -> None:
    """SIGSTOP for over a minute of its clocks: nobody stalled, and no window is planned twice (T41)."""
    with daemon(shop, paced=(str(SLOWER),)) as running:
        until(shop, FOLDED, DAYS, running)
        os.kill(running.pid, signal.SIGSTOP)
        time.sleep(90 / SLOWER)
        os.kill(running.pid, signal.SIGCONT)
        time.sleep(90 / SLOWER)  # were it taken for a stall, it would end now
        assert running.poll() is None, log_of(shop)
        assert count(shop, "SELECT count(*) - count(DISTINCT start) FROM ledger") == 0
