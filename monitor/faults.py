"""What failed in one piece of work, and was it said already? The edge that keeps the daemon's threads alive.

What fails for one model must not hold up another; the next look tries again. A fault that stays is said
once, with its traceback, and again when it changes or an hour is over. A database that is damaged or gone is
another matter: nothing may be written any more, and the daemon ends (monitor/daemon.py).
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from monitor.logs import logger
from storage.errors import FenceLost, StorageLost

SAY_AGAIN_S = 3600.0

Value = TypeVar("Value")


@dataclass(slots=True, kw_only=True)
class Faults:
    """Threads share it."""

    monotonic: Callable[[], float]
    lost: StorageLost | None = None  # the database must not be written any more
    _said: dict[str, tuple[str, float]] = field(default_factory=dict)  # step → what it said last, and when
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def guard(self, step: str, do: Callable[[], Value]) -> Value | None:
        """Do it; None when it failed, which is said."""
        if self.lost is not None:
            return None
        try:
            done = do()
        except StorageLost as error:
            self.lost = error
            return None
        except FenceLost as fenced:  # it was paused for long, and another daemon does it now
            logger().warning("leader.fenced", step=step, reason=str(fenced))
            return None
        except Exception as error:  # noqa: BLE001  edge: the next look tries again
            self._say(step, error)
            return None
        with self._lock:
            self._said.pop(step, None)
        return done

    @property
    def steps(self) -> list[str]:
        """What does not work at the moment."""
        with self._lock:
            return sorted(self._said)

    def _say(self, step: str, error: Exception) -> None:
        text, now = f"{type(error).__name__}: {error}", self.monotonic()
        with self._lock:
            said, at = self._said.get(step, ("", now - SAY_AGAIN_S))
            if text == said and now - at < SAY_AGAIN_S:
                return
            self._said[step] = (text, now)
        logger().error("tick.failed", step=step, error=text, exc_info=error)
