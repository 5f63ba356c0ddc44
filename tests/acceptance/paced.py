"""The daemon with both its clocks running fast: `python -m tests.acceptance.paced CONFIG FACTOR [FAULT]`.

A minute of silence takes seconds then. FAULT `scheduler` ends APScheduler's thread the way its own bug does:
an exception while a next run time is computed, after which `running` stays true.
"""

import sys
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from monitor import build, logs
from monitor.config_file import load
from monitor.daemon import Daemon
from monitor.opening import open_runtime, own


@dataclass(frozen=True, slots=True)
class PacedClock:
    """The machine's clocks, `factor` times as fast, from the moment it was made."""

    factor: float
    _wall: datetime = field(default_factory=lambda: datetime.now(UTC))
    _began: float = field(default_factory=time.monotonic)

    def now(self) -> datetime:
        return self._wall + timedelta(seconds=self.factor * (time.monotonic() - self._began))

    def monotonic(self) -> float:
        return self._began + self.factor * (time.monotonic() - self._began)


class _Broken:
    """A trigger that cannot say when it is next."""

    def get_next_fire_time(self, *_: Any) -> None:
        raise RuntimeError("no next run time")


def _kill_scheduler(daemon: Daemon) -> None:
    while not daemon._ticker.is_alive:
        time.sleep(0.05)
    scheduler: Any = daemon._ticker._scheduler
    (job,) = scheduler.get_jobs()
    job.trigger = _Broken()
    scheduler.wakeup()


def main(config: Path, factor: float, fault: str = "") -> int:
    logs.configure()
    loaded = load(config, members=build.check)
    with open_runtime(loaded, PacedClock(factor)) as runtime, own(runtime) as couriers:
        daemon = Daemon(runtime, couriers)
        if fault == "scheduler":
            threading.Thread(target=_kill_scheduler, args=(daemon,), daemon=True).start()
        return daemon.run()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), float(sys.argv[2]), *sys.argv[3:]))
