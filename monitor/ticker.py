"""When does the daemon look for due work? Every few seconds; what is due is computed from the ledger.

The only home of APScheduler: its memory job store and one interval job in UTC. Its job stores and cron
triggers are not used: a default misfire grace of 1 s drops late runs, an exception while a next run time is
computed ends its thread while `running` stays true, and wall-clock triggers skip or double at daylight saving
(docs/decisions.md).
"""

import threading
from collections.abc import Callable
from datetime import UTC

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from alerting import failpoint
from monitor.clock import Clock
from monitor.logs import logger

STALE_AFTER_S = 60.0


class Ticker:
    """Calls `look` every `every_s` seconds on a thread of its own; no exception of `look` stops it."""

    def __init__(self, look: Callable[[], None], *, every_s: float, clock: Clock) -> None:
        self._look = look
        self._clock = clock
        self._last = clock.monotonic()
        self._lock = threading.Lock()
        self._scheduler = BackgroundScheduler(
            timezone=UTC,
            executors={"default": ThreadPoolExecutor(1)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
        self._scheduler.add_job(self._tick, "interval", seconds=every_s, id="look")

    def start(self) -> None:
        """Begin; the first look happens at once."""
        self._scheduler.start()
        self._tick()

    def stop(self) -> None:
        """End without waiting for a look that is under way."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)

    def beat(self) -> float:
        """When it last looked, in monotonic seconds."""
        with self._lock:
            return self._last

    @property
    def is_alive(self) -> bool:
        """Whether the scheduler's thread is there: APScheduler says `running` of one that died, too."""
        thread = getattr(self._scheduler, "_thread", None)
        return thread is not None and thread.is_alive()

    def _tick(self) -> None:
        try:
            failpoint.hit("in_tick")
            self._look()
        except Exception as error:  # noqa: BLE001  edge: one bad look must not end the ticker
            logger().error("tick.failed", error=f"{type(error).__name__}: {error}")
        with self._lock:
            self._last = self._clock.monotonic()
