"""Does a score of 0.7 come true seven times in ten? Expected calibration error, and what chance adds to it.

Ten bins of equal count of the window's own rows, made of the cells of a fixed grid of scores:
ECE = Σ_b n_b/n·|mean(hit − score) in b|. Even a perfect model has a gap in each bin, about 0.8 standard
errors, so the plain number depends on the rows. Taken off: Σ_b n_b/n·(E|N(g, s_b²)| − g), what the noise of
the bins adds to a gap of size g (normal law as in Kumar, Liang & Ma, "Verified uncertainty calibration",
NeurIPS 2019, section 5), with s_b² = ȳ(1 − ȳ)/n_b and g² = max(0, Σ_b n_b/n·(gap_b² − s_b²)), the squared gap
without its noise (Ferro & Fricker, QJRMS 138, 2012) over all bins, as one bin alone is mostly noise itself.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors._ranking import share_variance

BINS = 10
# Of one row's hit − score: a score beyond that is no probability, and one row must not drown a bin.
CLIP = 8.0
_BITS = 30  # Σ rint(gap·2³⁰) stays below 2⁶³ up to 2³⁰ rows
_UNIT = float(1 << _BITS)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reliability:
    """Rows by cell of the score, cells ascending."""

    rows: NDArray[np.int64]
    hits: NDArray[np.int64]  # of them, rows whose outcome is 1 (binary) or whose prediction is right
    gaps: NDArray[np.int64]  # Σ rint((hit − score)·2³⁰)

    @classmethod
    def of(
        cls, knots: NDArray[np.float64], score: NDArray[np.float64], hit: NDArray[np.bool_]
    ) -> "Reliability":
        """`score`: finite; cells are those between the knots, each with its upper knot."""
        return cls.of_cells(np.searchsorted(knots, score, side="left"), knots.size + 1, score, hit)

    @classmethod
    def of_cells(
        cls,
        cells: NDArray[np.int64],
        size: int,
        score: NDArray[np.float64],
        hit: NDArray[np.bool_],
    ) -> "Reliability":
        """The same where the cell of each row is known, of `size` cells."""
        # Here, not above: reading history must not load the compiler.
        from detectors._sum_rows import gap_rows  # noqa: PLC0415

        table = np.zeros((3, size), dtype=np.int64)
        gap_rows(cells, np.ascontiguousarray(score), hit, CLIP, _UNIT, table)
        return cls(rows=table[0], hits=table[1], gaps=table[2])

    def __add__(self, other: "Reliability") -> "Reliability":
        if not isinstance(other, Reliability):
            return NotImplemented
        return Reliability(
            rows=self.rows + other.rows, hits=self.hits + other.hits, gaps=self.gaps + other.gaps
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Reliability):
            return NotImplemented
        return (
            np.array_equal(self.rows, other.rows)
            and np.array_equal(self.hits, other.hits)
            and np.array_equal(self.gaps, other.gaps)
        )

    __hash__ = None  # type: ignore[assignment]  # holds arrays


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationError:
    """NaN without rows."""

    value: float  # without what chance adds, ≥ 0
    plain: float
    error: float  # standard error of `plain`


def calibration_error(counted: Reliability) -> CalibrationError:
    """Over ten bins of equal count; fewer where a cell holds more than a tenth of the rows."""
    n = int(counted.rows.sum())
    if n == 0:
        return CalibrationError(value=math.nan, plain=math.nan, error=math.nan)
    # A cell belongs to the tenth that its middle row lies in; cells are never split.
    middle = np.cumsum(counted.rows) - 0.5 * counted.rows
    of_cell = np.minimum((middle * (BINS / n)).astype(np.int64), BINS - 1)
    found: list[tuple[float, float, float]] = []
    for cells in (of_cell == b for b in range(BINS)):
        rows = int(counted.rows[cells].sum())
        if rows:
            gap = abs(int(counted.gaps[cells].sum())) / (rows << _BITS)
            hits = int(counted.hits[cells].sum())
            found.append((rows / n, gap, math.sqrt(share_variance(hits, rows))))
    plain = sum(weight * gap for weight, gap, _ in found)
    typical = math.sqrt(max(sum(weight * (gap**2 - noise**2) for weight, gap, noise in found), 0.0))
    added = sum(weight * _added(typical, noise) for weight, _, noise in found)
    error = math.sqrt(sum((weight * noise) ** 2 for weight, _, noise in found))
    return CalibrationError(value=max(plain - added, 0.0), plain=plain, error=error)


def _added(gap: float, noise: float) -> float:
    """E|N(gap, noise²)| − gap, the mean of the folded normal law."""
    folded = noise * math.sqrt(2.0 / math.pi) * math.exp(-0.5 * (gap / noise) ** 2)
    return folded + gap * math.erf(gap / (noise * math.sqrt(2.0))) - gap
