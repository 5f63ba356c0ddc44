"""What does the service manager hear from us? One datagram a word; where there is none, nobody.

The protocol of sd_notify(3): NAME=value lines in one datagram to the socket that NOTIFY_SOCKET names. A
socket that is absent or full changes nothing: being supervised is no condition for working.
"""

import os
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

START_WITHIN_S = 600  # asked for while a large database is looked through, and while kernels compile
SEND_WITHIN_S = 1.0  # a manager that does not read must not hold up the daemon


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceManager:
    """Whoever started us, if it listens. `watchdog_s`: how long it bears our silence; None: for ever."""

    address: str = ""  # a path, or "@name" for an abstract socket; empty: nobody listens
    watchdog_s: float | None = None

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Self:
        """As systemd sets it: NOTIFY_SOCKET, WATCHDOG_USEC; WATCHDOG_PID says which process is meant."""
        address = environment.get("NOTIFY_SOCKET", "")
        micros = environment.get("WATCHDOG_USEC", "")
        meant_for = environment.get("WATCHDOG_PID", "")
        is_ours = not meant_for or meant_for == str(os.getpid())
        watchdog_s = int(micros) / 1e6 if micros.isdecimal() and int(micros) and is_ours else None
        return cls(address=address if address[:1] in ("/", "@") else "", watchdog_s=watchdog_s)

    def ready(self, status: str) -> None:
        """Migrations are done and kernels compiled: what waits for us may start."""
        self._tell("READY=1", f"STATUS={status}")

    def status(self, text: str) -> None:
        """One line for `systemctl status`."""
        self._tell(f"STATUS={text}")

    def pet(self) -> None:
        """We are alive."""
        self._tell("WATCHDOG=1")

    def reloading(self) -> None:
        """A new config is being read; READY=1 follows. With the time that Type=notify-reload asks for."""
        self._tell("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self, status: str) -> None:
        """We are on our way out."""
        self._tell("STOPPING=1", f"STATUS={status}")

    def needs(self, seconds: int, status: str) -> None:
        """Starting takes longer this time: do not give up on us yet."""
        self._tell(f"EXTEND_TIMEOUT_USEC={seconds * 1_000_000}", f"STATUS={status}")

    def _tell(self, *lines: str) -> None:
        if not self.address:
            return
        where = "\0" + self.address[1:] if self.address[0] == "@" else self.address
        text = "\n".join(line.replace("\n", " ") for line in lines)
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as end:
                end.settimeout(SEND_WITHIN_S)
                end.sendto(text.encode(), where)
        except OSError:
            # Nobody listens (any more). There is no one to tell, and nothing of ours depends on it.
            return
