"""Which sources are being read, and which of them do not answer?

A thread that waits in a read cannot be ended from outside. So a read past its limit is given up: its window
goes back to the ledger, where the fence refuses whatever the thread may still bring, and another worker takes
its place. The model rests for a while, longer each time. How many may hang is limited (monitor/crew.py): each
holds a thread and its memory.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from storage.ledger import DueWindow

FIRST_REST_S = 30.0  # doubled each time …
LONGEST_REST_S = 900.0  # … up to this, as with other faults that pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """One window whose rows are being read."""

    thread: int  # its ident
    window: DueWindow
    since: float  # monotonic seconds
    limit_s: float


@dataclass(slots=True)
class Reads:
    """Threads share it."""

    _open: dict[int, Read] = field(default_factory=dict)
    _rests: dict[str, tuple[int, float]] = field(default_factory=dict)  # model → (hung in a row, until)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def of(self, window: DueWindow, *, since: float, limit_s: float) -> Iterator[None]:
        """This thread reads; an answer, also a fault, ends the rest of its model."""
        read = Read(thread=threading.get_ident(), window=window, since=since, limit_s=limit_s)
        with self._lock:
            self._open[read.thread] = read
        try:
            yield
        finally:
            with self._lock:
                if self._open.get(read.thread) is read:  # else it was given up meanwhile
                    del self._open[read.thread]
                    self._rests.pop(window.model, None)

    def overdue(self, now: float) -> list[Read]:
        """Those past their limit, oldest first."""
        with self._lock:
            late = [read for read in self._open.values() if now - read.since > read.limit_s]
        return sorted(late, key=lambda read: read.since)

    def give_up(self, read: Read, now: float) -> bool:
        """No longer wait for it; False: it has just answered."""
        with self._lock:
            if self._open.get(read.thread) is not read:
                return False
            del self._open[read.thread]
            hung = self._rests.get(read.window.model, (0, now))[0] + 1
            rest_s = min(FIRST_REST_S * 2 ** min(hung - 1, 10), LONGEST_REST_S)
            self._rests[read.window.model] = (hung, now + rest_s)
        return True

    def resting(self, now: float) -> frozenset[str]:
        """Models whose source hung a moment ago: nothing of theirs is begun."""
        with self._lock:
            return frozenset(model for model, (_, until) in self._rests.items() if now < until)
