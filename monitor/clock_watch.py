"""Did the wall clock move by itself, and may what is due be computed from it?

A jump is a change of (wall − monotonic) between two looks. Forward by more than a day it may be a mistake:
windows of years in a ledger cannot be taken back, so nothing is planned until it has stood for ten minutes;
more than a year is believed by nobody but a person who starts the daemon again.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

JUMP = timedelta(seconds=60)
FAR = timedelta(days=1)
ABSURD = timedelta(days=366)  # no machine that was running slept for a year
STAND_FOR_S = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockWatch:
    """What is known of the two clocks. `look` gives the next one; nothing here reads a clock."""

    offset: timedelta  # wall − monotonic at the last look
    ahead: timedelta = timedelta(0)  # how far the wall jumped ahead of what was believed; 0: believed
    believed_at: float = 0.0  # monotonic seconds from which on it is, while it is ahead

    @classmethod
    def begin(cls, wall: datetime, monotonic: float) -> "ClockWatch":
        return cls(offset=_offset(wall, monotonic))

    def look(self, wall: datetime, monotonic: float) -> tuple["ClockWatch", timedelta | None]:
        """The watch after this look, and the jump since the last; None: the clocks went on together."""
        offset = _offset(wall, monotonic)
        moved = offset - self.offset
        jump = moved if abs(moved) > JUMP else None
        ahead, believed_at = self.ahead, self.believed_at
        if ahead <= ABSURD and monotonic >= believed_at:
            ahead = timedelta(0)  # it has stood
        if ahead:
            ahead += moved  # a clock set back in small steps is set back, too
        elif moved > FAR:
            ahead = moved
        if moved > FAR:
            believed_at = monotonic + STAND_FOR_S
        if ahead <= FAR:
            ahead = timedelta(0)
        return ClockWatch(offset=offset, ahead=ahead, believed_at=believed_at), jump

    def believes(self, monotonic: float) -> bool:
        """Whether windows may be planned by this wall clock."""
        return not self.ahead or (self.ahead <= ABSURD and monotonic >= self.believed_at)


def _offset(wall: datetime, monotonic: float) -> timedelta:
    return timedelta(seconds=wall.timestamp() - monotonic)
