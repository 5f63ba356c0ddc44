"""Laws of the supervisor: what it calls stalled, and when it pets the watchdog."""

import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from monitor.service_manager import ServiceManager
from monitor.supervisor import STOOD_STILL_S, Supervisor
from monitor.ticker import STALE_AFTER_S


@dataclass
class Parts:
    """A daemon seen from outside."""

    now: float = 1000.0
    beats: dict[str, float] = field(default_factory=lambda: {"ticker": 1000.0, "conductor": 1000.0})
    alive: dict[str, bool] = field(default_factory=lambda: {"courier file": True})

    def supervisor(self, manager: ServiceManager) -> Supervisor:
        return Supervisor(
            monotonic=lambda: self.now,
            manager=manager,
            beats={
                "ticker": lambda: self.beats["ticker"],
                "conductor": lambda: self.beats["conductor"],
            },
            threads=lambda: self.alive,
        )

    def seconds(self, supervisor: Supervisor, count: int, *, silent: str = "") -> str:
        """Let seconds pass, one look each; the first trouble, or none."""
        for _ in range(count):
            self.now += 1.0
            for name in self.beats:
                if name != silent:
                    self.beats[name] = self.now
            if trouble := supervisor.look():
                return trouble
        return ""


@pytest.fixture
def heard(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        end.bind(str(tmp_path / "notify"))
        end.setblocking(False)
        yield end


def words(end: socket.socket) -> int:
    count = 0
    while True:
        try:
            assert end.recv(200) == b"WATCHDOG=1"
        except BlockingIOError:
            return count
        count += 1


@pytest.mark.parametrize("silent", ["ticker", "conductor"])
def test_a_part_that_is_silent_for_a_minute_ends_it_within_75_seconds(silent: str) -> None:
    """And not before."""
    parts = Parts()
    supervisor = parts.supervisor(ServiceManager())
    assert parts.seconds(supervisor, int(STALE_AFTER_S), silent=silent) == ""
    assert silent in parts.seconds(supervisor, 15, silent=silent)


def test_stopped_before_its_first_look_nobody_stalled() -> None:
    """The process stood still, not a part of it; who is silent from then on still counts."""
    parts = Parts()
    supervisor = parts.supervisor(ServiceManager())
    parts.now += 10 * STALE_AFTER_S
    assert supervisor.look() == ""
    assert "ticker" in parts.seconds(supervisor, int(STALE_AFTER_S) + 15, silent="ticker")


def test_a_dead_thread_is_seen_at_once() -> None:
    """It will not come back by itself."""
    parts = Parts()
    supervisor = parts.supervisor(ServiceManager())
    parts.alive["courier file"] = False
    assert "courier file" in parts.seconds(supervisor, 1)


def test_the_watchdog_is_petted_at_half_its_time_while_all_is_well(
    tmp_path: Path, heard: socket.socket
) -> None:
    """Not by a process whose conductor is stuck."""
    parts = Parts()
    supervisor = parts.supervisor(ServiceManager(address=str(tmp_path / "notify"), watchdog_s=20.0))
    assert supervisor.every_s == 1.0
    parts.seconds(supervisor, 41)
    assert words(heard) == 5  # at 1, 11, 21, 31, 41
    parts.seconds(supervisor, 80, silent="conductor")
    assert words(heard) == 6  # while it might still come back
    assert parts.seconds(supervisor, 80, silent="conductor") != ""
    assert words(heard) == 0


def test_a_process_that_stood_still_is_no_stall() -> None:
    """SIGSTOP for ten minutes: everybody was silent, and everybody goes on."""
    parts = Parts()
    supervisor = parts.supervisor(ServiceManager())
    parts.seconds(supervisor, 5)
    parts.now += 600.0
    assert supervisor.look() == ""
    assert parts.seconds(supervisor, int(STALE_AFTER_S) - 1, silent="ticker") == ""
    assert "ticker" in parts.seconds(supervisor, 5, silent="ticker")


def test_standing_still_is_less_than_a_stall() -> None:
    """Or a supervisor that is kept waiting would never see one."""
    assert STOOD_STILL_S < STALE_AFTER_S
