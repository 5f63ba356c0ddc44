"""Which of a few display bins does a cell or a label belong to?

A numeric column has its reference deciles (merged when tied), a bin for a value of ≥ 5 %, one for everything
below and one above the reference's range; a category column its levels of ≥ 1 %, the rest, and labels never
seen. Missing rows are always the last bin. A bin that no reference row can be in is not drawn, the three
for the unexpected apart.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors._column_profile import CategoryProfile, ColumnProfile, NumericProfile


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Binning:
    """By runs of cells (of a category: labels, rest, unseen) that lie in one bin: a few of thousands."""

    labels: tuple[str, ...]
    cells: int
    runs: NDArray[np.int64]  # the first cell of each
    bins: NDArray[np.int64]  # the bin of each

    @classmethod
    def of(cls, labels: tuple[str, ...], bin_of: NDArray[np.int64]) -> "Binning":
        """`bin_of`: int64[cells]."""
        runs = np.flatnonzero(np.diff(bin_of, prepend=-1))
        return cls(labels=labels, cells=bin_of.size, runs=runs, bins=bin_of[runs])

    @property
    def bin_of(self) -> NDArray[np.int64]:
        """int64[cells], made anew each time."""
        return np.repeat(self.bins, np.diff(self.runs, append=self.cells))

    @property
    def missing(self) -> int:
        """The bin of missing rows."""
        return len(self.labels) - 1

    def pool(self, cells: NDArray[np.int64], missing: int) -> NDArray[np.int64]:
        """Rows by bin from rows by cell."""
        pooled = np.zeros(len(self.labels), dtype=np.int64)
        np.add.at(pooled, self.bins, np.add.reduceat(cells, self.runs))
        pooled[self.missing] += missing
        return pooled


def binning(profile: ColumnProfile) -> Binning:
    """The column's display bins; computed once a profile."""
    found: Binning | None = profile.memo.get("binning")
    if found is None:
        found = _numeric(profile) if isinstance(profile, NumericProfile) else _category(profile)
        profile.memo["binning"] = found
    return found


def _numeric(profile: NumericProfile) -> Binning:
    knots, counts = profile.knots, profile.counts
    if knots.size == 0:
        return Binning.of(("value", "missing"), np.zeros(1, dtype=np.int64))
    cells = counts.size
    # Upper end of each decile bin, as the cell of its knot; the last bin ends at the last knot.
    ends = np.append(2 * np.searchsorted(knots, profile.deciles) + 1, cells - 2)
    spike_cell = -1
    if profile.spike is not None:
        spike_cell = 2 * int(np.searchsorted(knots, profile.spike)) + 1
    filled = np.flatnonzero(counts[1:-1]) + 1  # what lies outside, and the spike, is drawn apart
    filled = filled[filled != spike_cell]
    before = np.searchsorted(filled, np.append(0, ends + 1))  # filled cells before each bin, and in all
    held = np.diff(before) > 0
    # A decile bin left empty by the spike joins its right neighbour, the last ones their left.
    bins = int(held.sum())
    merged = np.minimum(np.cumsum(np.append(0, held[:-1])), max(bins - 1, 0))
    names = ["below " + _text(knots[0])]
    lower = float(knots[0])
    for place in np.flatnonzero(held).tolist():
        upper = float(knots[(ends[place] - 1) // 2])
        only = int(filled[before[place]]) if before[place + 1] - before[place] == 1 else 0
        if only % 2:
            names.append("= " + _text(knots[only // 2]))
        else:
            names.append(f"{_text(lower)} to {_text(upper)}")
        lower = upper
    apart = {0: 0}
    if spike_cell >= 0:
        names.append("= " + _text(profile.spike or 0.0))
        apart[spike_cell] = len(names) - 1
    names.append("above " + _text(knots[-1]))
    apart[cells - 1] = len(names) - 1
    # A cell lies in the first bin that ends at or after it. A new one begins after each end, and beside what
    # is apart; of a constant there is only the spike between the range's ends.
    firsts = np.concatenate((ends + 1, *([cell, cell + 1] for cell in apart)))
    firsts = np.flatnonzero(np.bincount(firsts, minlength=cells)[:cells])  # each once, in order
    of = (
        1 + merged[np.minimum(np.searchsorted(ends, firsts), ends.size - 1)]
        if bins
        else np.zeros_like(firsts)
    )
    for cell, its in apart.items():
        of[firsts == cell] = its
    begins = np.diff(of, prepend=-1) != 0
    return Binning(labels=(*names, "missing"), cells=cells, runs=firsts[begins], bins=of[begins])


def _category(profile: CategoryProfile) -> Binning:
    levels = len(profile.levels)
    bin_of = np.full(len(profile.labels) + 2, levels, dtype=np.int64)
    bin_of[:levels] = np.arange(levels)
    bin_of[-1] = levels + 1
    names = [f'"{name}"' if name in ("rest", "unseen", "missing") else name for name in profile.levels]
    return Binning.of((*names, "rest", "unseen", "missing"), bin_of)


def _text(value: float) -> str:
    return f"{value:.4g}"
