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
    """`bin_of`: int64[cells] for a numeric column, int64[L + 2] (labels, rest, unseen) for a category."""

    labels: tuple[str, ...]
    bin_of: NDArray[np.int64]
    runs: NDArray[np.int64]  # first cell of each run of cells of one bin: a few sums instead of thousands

    @classmethod
    def of(cls, labels: tuple[str, ...], bin_of: NDArray[np.int64]) -> "Binning":
        return cls(labels=labels, bin_of=bin_of, runs=np.flatnonzero(np.diff(bin_of, prepend=-1)))

    @property
    def missing(self) -> int:
        """The bin of missing rows."""
        return len(self.labels) - 1

    def pool(self, cells: NDArray[np.int64], missing: int) -> NDArray[np.int64]:
        """Rows by bin from rows by cell."""
        pooled = np.zeros(len(self.labels), dtype=np.int64)
        np.add.at(pooled, self.bin_of[self.runs], np.add.reduceat(cells, self.runs))
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
    lengths = np.diff(np.minimum(ends, cells - 1), prepend=-1, append=cells - 1)
    raw = np.repeat(np.arange(ends.size + 1), lengths)  # the first bin that ends at or after the cell
    spike_cell = -1
    if profile.spike is not None:
        spike_cell = 2 * int(np.searchsorted(knots, profile.spike)) + 1
    drawn = np.ones(cells, dtype=bool)
    drawn[[0, -1]] = False
    if spike_cell >= 0:
        drawn[spike_cell] = False
    filled = np.flatnonzero(drawn & (counts > 0))
    held = np.bincount(raw[filled], minlength=ends.size) > 0
    # A decile bin left empty by the spike joins its right neighbour, the last ones their left.
    merged = np.minimum(np.cumsum(np.append(0, held[:-1])), max(int(held.sum()) - 1, 0))
    bins = int(held.sum())
    names = ["below " + _text(knots[0])]
    lower = float(knots[0])
    bin_of = 1 + merged[np.minimum(raw, ends.size - 1)]
    first = np.searchsorted(bin_of[filled], np.arange(1, bins + 2))  # bins ascend with their cells
    for position, end in enumerate(ends[held]):
        upper = float(knots[(end - 1) // 2])
        only = int(filled[first[position]]) if first[position + 1] - first[position] == 1 else 0
        if only % 2:
            names.append("= " + _text(knots[only // 2]))
        else:
            names.append(f"{_text(lower)} to {_text(upper)}")
        lower = upper
    if spike_cell >= 0 and bins == 0:  # a constant: between the range's ends there is only the spike
        bin_of[:] = 0
    if spike_cell >= 0:
        names.append("= " + _text(profile.spike or 0.0))
        bin_of[spike_cell] = len(names) - 1
    names.append("above " + _text(knots[-1]))
    bin_of[0] = 0
    bin_of[-1] = len(names) - 1
    return Binning.of((*names, "missing"), bin_of.astype(np.int64))


def _category(profile: CategoryProfile) -> Binning:
    levels = len(profile.levels)
    bin_of = np.full(len(profile.labels) + 2, levels, dtype=np.int64)
    bin_of[:levels] = np.arange(levels)
    bin_of[-1] = levels + 1
    names = [f'"{name}"' if name in ("rest", "unseen", "missing") else name for name in profile.levels]
    return Binning.of((*names, "rest", "unseen", "missing"), bin_of)


def _text(value: float) -> str:
    return f"{value:.4g}"
