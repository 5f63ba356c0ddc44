"""How did the numeric columns of a window go together? Sums of products of normal scores, pair by pair.

Everything is an integer, so summaries add up exactly: every split of the same rows into batches, in any
order, gives equal summaries. `_joint_counting` counts, `_relations` says which columns and which rows.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class JointSummary:
    """P columns of the rows looked at. x is a normal score in units of `_relations.SCORE_UNIT`; row i,
    column j of a matrix sums over the rows where both columns have a value (pairwise deletion)."""

    columns: tuple[str, ...]
    rows: int  # rows looked at: all, or those chosen by a hash of their own values
    both: Integers  # int64[P, P], rows with both
    sums: Integers  # int64[P, P], Σ xᵢ
    squares: Integers  # int64[P, P], Σ xᵢ²
    products: Integers  # int64[P, P], Σ xᵢxⱼ

    @classmethod
    def empty(cls, columns: tuple[str, ...]) -> "JointSummary":
        """No row seen yet: the zero of `+`."""
        both, sums, squares, products = np.zeros((4, len(columns), len(columns)), dtype=np.int64)
        return cls(columns=columns, rows=0, both=both, sums=sums, squares=squares, products=products)

    def __add__(self, other: "JointSummary") -> "JointSummary":
        if not isinstance(other, JointSummary):
            return NotImplemented
        if self.columns != other.columns:
            raise ValueError("joint: sums over different columns do not add up; count both on one reference")
        return JointSummary(
            columns=self.columns,
            rows=self.rows + other.rows,
            both=self.both + other.both,
            sums=self.sums + other.sums,
            squares=self.squares + other.squares,
            products=self.products + other.products,
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, JointSummary):
            return NotImplemented
        return (self.columns, self.rows) == (other.columns, other.rows) and all(
            np.array_equal(mine, theirs)
            for mine, theirs in zip(self._matrices(), other._matrices(), strict=True)
        )

    __hash__ = None  # type: ignore[assignment]  # holds arrays

    def _matrices(self) -> tuple[Integers, ...]:
        return self.both, self.sums, self.squares, self.products


@cache
def pairs(columns: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Both places of each pair, i < j, in the one order that every array over pairs has."""
    first, second = np.triu_indices(columns, 1)
    first.flags.writeable = second.flags.writeable = False  # everybody gets the same ones
    return first, second


def correlations(joint: JointSummary) -> tuple[Floats, Integers]:
    """Pearson's r of the normal scores of each pair, and the rows it rests on.

    NaN with fewer than two rows, or where one of the two does not vary over them.
    """
    i, j = pairs(len(joint.columns))
    n = joint.both[i, j]
    # Exact, so that a column that does not vary has a variance of 0 and not of a rounding error: scores are
    # at most 2⁶ units, so int64 holds n·Σx² up to n = 2²⁵, and beyond Python's own integers do.
    exact = np.dtype(np.int64) if not n.size or int(n.max()) < 1 << 25 else np.dtype(object)
    rows, own, other = (a.astype(exact) for a in (n, joint.sums[i, j], joint.sums[j, i]))
    spread = (rows * joint.squares[i, j] - own * own).astype(np.float64)
    spread *= (rows * joint.squares[j, i] - other * other).astype(np.float64)
    together = (rows * joint.products[i, j] - own * other).astype(np.float64)
    r = np.full(n.shape, np.nan)
    np.divide(together, np.sqrt(spread), out=r, where=spread > 0.0)
    return np.clip(r, -1.0, 1.0), n
