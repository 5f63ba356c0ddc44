"""The daemon with its wall clock ahead: `python -m tests.acceptance.later CONFIG MINUTES`."""

import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from monitor import build, logs
from monitor.config_file import load
from monitor.daemon import Daemon
from monitor.opening import open_runtime, own


@dataclass(frozen=True, slots=True)
class AheadClock:
    """The machine's clocks, the wall clock so many minutes ahead."""

    minutes: float

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(minutes=self.minutes)

    def monotonic(self) -> float:
        return time.monotonic()


def main(config: Path, minutes: float) -> int:
    logs.configure()
    loaded = load(config, members=build.check)
    with open_runtime(loaded, AheadClock(minutes)) as runtime, own(runtime) as couriers:
        return Daemon(runtime, couriers).run()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), float(sys.argv[2])))
