"""When does a daemon that has nothing to do give back what its last work took?

At the first look some seconds after it: between two windows that follow each other there is nothing to gain.
"""

from monitor.memory import give_back

AFTER_S = 3.0


class Resting:
    """Workers say `worked`, the conductor `look`s; both in monotonic seconds."""

    def __init__(self, now: float) -> None:
        self._worked: float | None = now  # a start has compiled, or loaded what was compiled

    def worked(self, now: float) -> None:
        """Something was done just now."""
        self._worked = now

    def look(self, now: float) -> bool:
        """Whether something was given back now: once after each piece of work."""
        if self._worked is None or now - self._worked < AFTER_S:
            return False
        self._worked = None
        give_back()
        return True
