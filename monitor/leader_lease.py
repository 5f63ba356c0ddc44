"""Does this process lead now? Kept true by a thread that renews the lease, or tries to take it.

The lease is counted on the database's own clock, which every daemon sees alike. That thread also tells the
runtime's clock what time it is there.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection

from monitor.logs import logger
from storage import leadership
from storage.dialect import database_time
from storage.errors import StorageError
from storage.store import Store

LEASE = timedelta(seconds=15)
RENEW_EVERY = timedelta(seconds=5)


@dataclass(slots=True)
class LeaderLease:
    """One a process. `fence` None: another daemon leads, or nobody yet."""

    store: Store
    owner: str
    on_time: Callable[[datetime], None] = field(
        default=lambda _: None
    )  # told the database's time at each look
    lease: timedelta = LEASE
    renew_every: timedelta = RENEW_EVERY
    monotonic: Callable[[], float] = time.monotonic
    fence: int | None = None
    entered: int | None = None  # the fence for which what a new leader does first is done
    _until: float = 0.0  # monotonic: after this somebody else may have taken over
    _said: str = ""

    @property
    def leads(self) -> bool:
        """As far as this process can know; `check` knows it for sure."""
        return self.fence is not None and self.monotonic() < self._until

    def check(self, conn: Connection) -> None:
        """Refuse a transaction whose leader this is not (storage/leadership.py)."""
        leadership.check(conn, self.fence)

    def look(self) -> None:
        """Renew, or take what nobody holds."""
        began = self.monotonic()
        with self.store.claim() as conn:
            now = database_time(conn)
            held = self.fence is not None and leadership.renew(conn, self.fence, now + self.lease)
            taken = None if held else leadership.take(conn, self.owner, now, self.lease)
        self.on_time(now)
        if held or taken is not None:
            self._until = began + self.lease.total_seconds()
        if held:
            return
        if self.fence is not None:
            logger().warning("leader.lost", owner=self.owner, fence=self.fence)
        self.fence = None if taken is None else taken.fence
        if taken is not None:
            logger().info("leader.taken", owner=self.owner, fence=taken.fence)

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Look at once and then again and again; at the end the next one may begin."""
        done = threading.Event()
        self.look()
        thread = threading.Thread(target=self._keep, args=(done,), name="leader", daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join(self.lease.total_seconds())
            self._resign()

    def _keep(self, done: threading.Event) -> None:
        while not done.wait(self.renew_every.total_seconds()):
            try:
                self.look()
            except StorageError as error:  # the server is away: said once, tried again
                if str(error) != self._said:
                    self._said = str(error)
                    logger().error("tick.failed", step="leader", error=str(error))
            else:
                self._said = ""

    def _resign(self) -> None:
        fence, self.fence = self.fence, None
        if fence is None:
            return
        try:
            with self.store.claim() as conn:
                leadership.resign(conn, fence, database_time(conn))
        except StorageError as error:  # the lease ends by itself
            logger().warning("leader.lost", owner=self.owner, fence=fence, reason=str(error))
