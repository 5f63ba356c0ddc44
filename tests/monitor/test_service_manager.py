"""Laws of what the service manager hears: a real socket, one datagram a word."""

import os
import socket
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from monitor.service_manager import ServiceManager


@contextmanager
def listening(address: str) -> Iterator[socket.socket]:
    """Whoever started us."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        end.bind("\0" + address[1:] if address.startswith("@") else address)
        end.settimeout(5)
        yield end


@pytest.mark.parametrize("kind", ["path", "abstract"])
def test_each_word_is_one_datagram(kind: str, tmp_path: Path) -> None:
    """To a path and to an abstract name alike."""
    address = str(tmp_path / "notify") if kind == "path" else f"@leeway-{uuid.uuid4().hex}"
    with listening(address) as end:
        manager = ServiceManager.of({"NOTIFY_SOCKET": address})
        manager.ready("3 models\nwatched")
        manager.pet()
        manager.reloading()
        manager.stopping("bye")
        assert end.recv(500) == b"READY=1\nSTATUS=3 models watched"
        assert end.recv(500) == b"WATCHDOG=1"
        assert end.recv(500).startswith(b"RELOADING=1\nMONOTONIC_USEC=")
        assert end.recv(500) == b"STOPPING=1\nSTATUS=bye"


@pytest.mark.parametrize("address", ["", "/nowhere/at/all", "@nobody-listens", "tcp:80"])
def test_an_absent_socket_is_harmless(address: str) -> None:
    """Being supervised is no condition for working."""
    manager = ServiceManager.of({"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "1000000"})
    manager.ready("x")
    manager.pet()


@pytest.mark.parametrize(
    ("micros", "pid", "expected"),
    [
        ("30000000", "", 30.0),
        ("30000000", "ours", 30.0),
        ("30000000", "1", None),  # meant for another process
        ("0", "", None),
        ("", "", None),
        ("soon", "", None),
    ],
)
def test_the_watchdog_is_ours_or_nobodys(micros: str, pid: str, expected: float | None) -> None:
    """WATCHDOG_PID says whom the manager watches."""
    pid = str(os.getpid()) if pid == "ours" else pid
    environment = {"WATCHDOG_USEC": micros} | ({"WATCHDOG_PID": pid} if pid else {})
    assert ServiceManager.of(environment).watchdog_s == expected
