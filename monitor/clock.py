"""What time is it? The only place where Leeway asks."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Wall time for windows and messages, monotonic time for staleness."""

    def now(self) -> datetime: ...

    def monotonic(self) -> float: ...


@dataclass(frozen=True, slots=True)
class SystemClock:
    """The machine's clocks."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()


@dataclass(slots=True)
class SharedClock:
    """The database's time, which all its daemons share, carried on by this machine's monotonic clock.

    So leases and due times mean the same to each of them, whatever their machines' clocks say.
    """

    at: datetime  # when it was last told
    monotonic: Callable[[], float] = time.monotonic
    _set: tuple[datetime, float] = field(init=False)

    def __post_init__(self) -> None:
        self.set(self.at)

    def set(self, at: datetime) -> None:
        """What time it is now."""
        self._set = at, self.monotonic()

    def now(self) -> datetime:
        at, since = self._set
        return at + timedelta(seconds=self.monotonic() - since)


@dataclass(slots=True)
class SteppedClock:
    """A clock that moves only when told to: replays, the demo and tests live by it."""

    at: datetime
    elapsed: timedelta = field(default=timedelta(0))

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.elapsed.total_seconds()

    def advance_to(self, at: datetime) -> None:
        """Move forward; a clock that would go back is an error of the caller."""
        if at < self.at:
            raise ValueError(f"clock: cannot go back from {self.at} to {at}")
        self.elapsed += at - self.at
        self.at = at
