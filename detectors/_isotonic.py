"""Which never-falling curve fits shares best? Pool adjacent violators, over the cells of a score column."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Curve:
    """A step function of the cell: values[i] up to cell ends[i]; the last one beyond."""

    ends: NDArray[np.int64]  # ascending
    values: Floats  # ascending

    def by_cell(self, cells: int) -> Floats:
        """float64[cells]."""
        block = np.searchsorted(self.ends, np.arange(cells), side="left")
        found: Floats = self.values[np.minimum(block, self.values.size - 1)]
        return found


def fit_curve(rows: Floats, hits: Floats) -> Curve | None:
    """The curve of hits / rows by cell with the least weighted squared error; None without rows.

    Source: Ayer et al., Ann. Math. Statist. 26, 1955 (pool adjacent violators); for calibrating scores,
    Zadrozny & Elkan, KDD 2002.
    """
    cells = np.flatnonzero(rows > 0.0)
    if cells.size == 0:
        return None
    ends: list[int] = []
    weights: list[float] = []
    sums: list[float] = []
    held, hit = rows[cells].tolist(), hits[cells].tolist()
    for position, cell in enumerate(cells.tolist()):
        ends.append(cell)
        weights.append(held[position])
        sums.append(hit[position])
        while len(ends) > 1 and sums[-2] * weights[-1] >= sums[-1] * weights[-2]:
            ends[-2:] = ends[-1:]
            weights[-2:] = [weights[-2] + weights[-1]]
            sums[-2:] = [sums[-2] + sums[-1]]
    return Curve(ends=np.array(ends, dtype=np.int64), values=np.array(sums) / np.array(weights))
