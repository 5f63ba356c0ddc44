"""How far did the reference's own windows go, to either side? No window is more surprising than those."""

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """How far the reference's own windows went to one side: distances ascending.

    At most 288 numbers: with more windows, 256 quantiles, and the 32 largest exactly.
    """

    values: tuple[float, ...] = ()
    ranks: tuple[float, ...] = ()  # twice the share of all windows at least as far as values[i], descending

    def share(self, distance: float) -> float:
        """What guards a window that went so far to this side; 0 beyond all of the reference's."""
        index = bisect_left(self.values, distance)
        return self.ranks[index] if index < len(self.values) else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """Each side by itself: one storm above must not mute what falls below. Twice the share, as either side
    could have been the one that is looked at (two-sided p: Cox & Hinkley, Theoretical Statistics, 1974, 3.4).
    """

    up: Record = field(default_factory=Record)
    down: Record = field(default_factory=Record)

    def share(self, value: float) -> float:
        """The guard of a window with this signed value."""
        return (self.up if value >= 0.0 else self.down).share(abs(value))

    def to_json(self) -> dict[str, list[list[float]]]:
        """By side, distances and ranks; `from_json` gives the same back, to the bit."""
        return {
            side: [list(record.values), list(record.ranks)]
            for side, record in (("up", self.up), ("down", self.down))
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any] | list[Any]) -> "Records":
        """An older model has one record, of both sides: [values, ranks or None where each stands for one]."""
        if isinstance(stored, Mapping):
            up, down = (Record(values=tuple(v), ranks=tuple(r)) for v, r in (stored["up"], stored["down"]))
            return cls(up=up, down=down)
        values, ranks = stored
        total = len(values)
        plain = ((total - at) / total for at in range(total))
        both = Record(values=tuple(values), ranks=tuple(plain if ranks is None else ranks))
        return cls(up=both, down=both)
