"""Who delivers? One thread a channel, so that a channel that hangs holds up no other.

A reload puts new couriers in place of the old, which end after the message in their hands; the outbox's
leases and lanes keep both from taking the same one.
"""

import threading
from collections.abc import Sequence

from alerting.courier import Courier
from monitor.clock import Clock
from monitor.faults import Faults

IDLE_S = 1.0


class Couriers:
    """Threads that go on until they are replaced or stopped."""

    def __init__(self, clock: Clock, faults: Faults) -> None:
        self._clock = clock
        self._faults = faults
        self._over = threading.Event()  # for the present ones
        self._threads: dict[str, threading.Thread] = {}

    def send(self, couriers: Sequence[Courier]) -> None:
        """Let these deliver from now on, and nobody else."""
        self._over.set()
        self._over = over = threading.Event()
        threads: dict[str, threading.Thread] = {}
        for courier in couriers:
            name = f"courier {', '.join(courier.only or ())}".strip()
            threads[name] = threading.Thread(target=self._live, args=(courier, over), name=name, daemon=True)
        for thread in threads.values():
            thread.start()
        self._threads = threads

    def alive(self) -> dict[str, bool]:
        """Each by its name: one that ended by itself is a bug."""
        return {name: thread.is_alive() for name, thread in self._threads.items()}

    def stop(self) -> list[threading.Thread]:
        """Not another message; the threads that finish the one in their hands."""
        self._over.set()
        return list(self._threads.values())

    def _live(self, courier: Courier, over: threading.Event) -> None:
        while not over.is_set():
            # After a fault the row's lease expires and it is uncertain.
            if not self._faults.guard("deliver", lambda: courier.step(self._clock.now())):
                over.wait(IDLE_S)
