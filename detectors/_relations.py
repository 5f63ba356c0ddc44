"""Which columns are watched together, in which rows, and how did each pair go together in the reference?

A part of the profile: learnt once by `_relation_fit`, kept as bytes, decoded on first use.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors._encoding import pack, unpack
from detectors._joint import pairs
from detectors._profile import Profile

PART = "relations"
MOST_COLUMNS = 40  # 780 pairs; each further pair costs the others power
LEAST_ROWS = 100  # of any pair: with fewer, r strays by more than the floor of 0.15 by chance alone

# A normal score is Φ⁻¹ of the mid-rank, rounded to sixteenths: the rounding adds 1/(12·16²) = 0.0003 to a
# variance of 1 (Sheppard 1898), so it shrinks r by 0.03 %. Held to ±63 units, 3.9 sd: 127 scores.
SCORE_UNIT = 16
SCORE_MOST = 63

# atanh of a larger r says nothing more; ±0.999 is 3.8, and one rounding unit further it would be infinite.
_LARGEST = 0.999


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Relations:
    """P columns and their pairs, in the order of `_joint.pairs`. Equality is equality of the bytes."""

    columns: tuple[str, ...]  # 2 to MOST_COLUMNS
    keys: tuple[str, ...]  # of them, those whose values choose the rows
    sparsity: int  # one row in 2**sparsity is looked at
    rows: NDArray[np.int64]  # int64[pairs], reference rows with both
    least: NDArray[np.int64]  # int64[pairs], ≥ LEAST_ROWS: with fewer rows r hangs on a few of them
    usual: NDArray[np.float64]  # float64[pairs], atanh r: of a typical reference window where it has windows
    row_variance: NDArray[np.float64]  # float64[pairs], n·Var(atanh r) of n independent rows; normal: 1
    window_variance: NDArray[np.float64]  # float64[pairs], of atanh r between windows, beyond that of rows

    # What is computed from the fields above on first use; never stored.
    memo: dict[str, Any] = field(default_factory=dict, init=False, repr=False)

    @property
    def names(self) -> list[tuple[str, str]]:
        """Both columns of each pair."""
        found: list[tuple[str, str]] | None = self.memo.get("names")
        if found is None:
            places = zip(*pairs(len(self.columns)), strict=True)
            found = self.memo["names"] = [(self.columns[i], self.columns[j]) for i, j in places]
        return found

    @property
    def components(self) -> list[str]:
        """Each pair's word in stored components and in the noise model."""
        found: list[str] | None = self.memo.get("components")
        if found is None:
            found = self.memo["components"] = [f"r:{first}~{second}" for first, second in self.names]
        return found

    def to_bytes(self) -> bytes:
        """`from_bytes` gives an equal part."""
        head = {"kind": PART, "columns": self.columns, "keys": self.keys, "sparsity": self.sparsity}
        arrays = {
            "rows": self.rows,
            "least": self.least,
            "usual": self.usual,
            "row_variance": self.row_variance,
            "window_variance": self.window_variance,
        }
        return pack(head, arrays)

    @classmethod
    def from_bytes(cls, data: bytes) -> "Relations":
        """What `to_bytes` wrote; ValueError for anything else."""
        head, arrays = unpack(data)
        if head.get("kind") != PART:
            raise ValueError(f"relations: a part of kind {head.get('kind')!r}; rebuild the reference")
        return cls(
            columns=tuple(head["columns"]), keys=tuple(head["keys"]), sparsity=head["sparsity"], **arrays
        )


def relations_of(profile: Profile) -> Relations | None:
    """The part of this profile, decoded once; None where none was learnt."""
    found: Relations | None = profile.memo.get(PART)
    if found is None and PART in profile.parts:
        found = profile.memo[PART] = Relations.from_bytes(profile.parts[PART])
    return found


def atanh(r: NDArray[np.float64]) -> NDArray[np.float64]:
    """Fisher's z of r, finite at ±1: its variance hardly depends on r (Fisher, Metron 1, 1921)."""
    transformed: NDArray[np.float64] = np.arctanh(np.clip(r, -_LARGEST, _LARGEST))
    return transformed
