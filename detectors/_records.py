"""How far did the reference's own windows go, to either side? No window is more surprising than those."""

from array import array
from bisect import bisect_left
from collections.abc import Sequence

from msgspec import Struct, field
from msgspec.structs import force_setattr


class Record(Struct, frozen=True, kw_only=True, gc=False):
    """How far the reference's own windows went to one side: distances ascending.

    At most 288 numbers: with more windows, 256 quantiles, and the 32 largest exactly. Both are kept as arrays
    of float64, whatever they are given as: a daemon has a hundred thousand of them in memory.
    """

    values: Sequence[float] = ()
    ranks: Sequence[float] = ()  # twice the share of all windows at least as far as values[i], descending

    def __post_init__(self) -> None:
        for name in ("values", "ranks"):
            given = getattr(self, name)
            if not isinstance(given, array):
                force_setattr(self, name, array("d", given))

    def share(self, distance: float) -> float:
        """What guards a window that went so far to this side; 0 beyond all of the reference's."""
        index = bisect_left(self.values, distance)
        return self.ranks[index] if index < len(self.values) else 0.0


class Records(Struct, frozen=True, kw_only=True, gc=False):
    """Each side by itself: one storm above must not mute what falls below. Twice the share, as either side
    could have been the one that is looked at (two-sided p: Cox & Hinkley, Theoretical Statistics, 1974, 3.4).
    """

    up: Record = field(default_factory=Record)
    down: Record = field(default_factory=Record)

    def share(self, value: float) -> float:
        """The guard of a window with this signed value."""
        return (self.up if value >= 0.0 else self.down).share(abs(value))
