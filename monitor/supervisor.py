"""Is the daemon alive? Asked every second by the main thread, which does nothing else.

A part that has been silent for a minute, or a thread that is gone, will not mend itself: all stacks are
written and the process ends, and the service manager starts it again. Until then the manager's watchdog is
not petted. Time in which the whole process stood still (SIGSTOP, a suspended machine) is nobody's silence.
"""

import faulthandler
import os
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NoReturn

from monitor.exits import Exit
from monitor.logs import logger
from monitor.service_manager import ServiceManager
from monitor.ticker import STALE_AFTER_S

LOOK_EVERY_S = 1.0
STOOD_STILL_S = STALE_AFTER_S / 2  # between two looks of ours: it was not one part that hung


@dataclass(slots=True, kw_only=True)
class Supervisor:
    """`beats`: when each part was last seen alive, in monotonic seconds. `threads`: which are there."""

    monotonic: Callable[[], float]
    manager: ServiceManager
    beats: Mapping[str, Callable[[], float]]
    threads: Callable[[], Mapping[str, bool]]
    _looked: float = field(init=False)  # at first when it was made: a process may be stopped before it looked
    _pardon: float = field(default=-1e18)  # silence before then is not counted
    _petted: float = field(default=-1e18)

    def __post_init__(self) -> None:
        self._looked = self.monotonic()

    @property
    def every_s(self) -> float:
        """How long to wait between two looks: the watchdog is petted at half of its time."""
        half = self.manager.watchdog_s / 2 if self.manager.watchdog_s else LOOK_EVERY_S
        return min(LOOK_EVERY_S, half)

    def look(self) -> str:
        """What is wrong; empty when all is well, and then the service manager hears so."""
        now = self.monotonic()
        if now - self._looked > STOOD_STILL_S:
            self._pardon = now
        self._looked = now
        for name, beat in self.beats.items():
            silent_s = now - max(beat(), self._pardon)
            if silent_s > STALE_AFTER_S:
                return f"the {name} has been silent for {silent_s:.0f} s"
        gone = [name for name, alive in self.threads().items() if not alive]
        if gone:
            return f"the thread of {', '.join(gone)} is gone"
        watchdog_s = self.manager.watchdog_s
        if watchdog_s and now - self._petted >= watchdog_s / 2 - 0.01:
            self.manager.pet()
            self._petted = now
        return ""


def end_stalled(trouble: str) -> NoReturn:
    """All stacks, then the end: what a stalled thread holds cannot be given back from outside."""
    logger().error("daemon.stalled", trouble=trouble, threads=threading.active_count())
    faulthandler.dump_traceback(file=sys.stderr, all_threads=True)
    os._exit(Exit.INTERNAL)
