"""What are the mean and variance of a number of each row, so that batches in any order give the same bits?"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Rows enter as rint(z·2⁴⁰), z in the caller's scale, clipped to ±2¹¹: the mean is known to 2⁻⁴¹ of it, and
# one absurd row can move a window of a thousand by two scales at most.
_BITS = 40
_UNIT = float(1 << _BITS)
_CLIP = 2048.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """Exact sums over rows; `+` merges."""

    rows: int = 0
    first: int = 0  # Σ rint(z·2⁴⁰)
    second: int = 0  # Σ rint(z²·2⁴⁰)

    @classmethod
    def of(cls, values: NDArray[np.float64], scale: float = 1.0) -> "Sums":
        """`values`: no NaN; `scale` > 0: what counts as 1."""
        # Here, not above: reading history must not load the compiler.
        from detectors._sum_rows import sum_rows  # noqa: PLC0415

        high1, low1, high2, low2 = sum_rows(np.ascontiguousarray(values), scale, _CLIP, _UNIT)
        first, second = (high1 << 32) + low1, (high2 << 32) + low2
        return cls(rows=values.size, first=first, second=second)

    @property
    def mean(self) -> float:
        """In units of the scale; NaN without rows."""
        return self.first / (self.rows << _BITS) if self.rows else float("nan")

    @property
    def mean_square(self) -> float:
        """Mean of z²; NaN without rows."""
        return self.second / (self.rows << _BITS) if self.rows else float("nan")

    @property
    def variance(self) -> float:
        """Of a row (n − 1), in squares of the scale; NaN with fewer than two rows.

        0 where it is no more than the rounding of equal rows makes: (2|z| + 1)/2⁴⁰ at most.
        """
        n = self.rows
        if n < 2:
            return float("nan")
        # Integers until the division: nothing cancels.
        found = ((n * self.second << _BITS) - self.first**2) / (n * (n - 1) << 2 * _BITS)
        return found if found > (2.0 * abs(self.mean) + 1.0) / _UNIT else 0.0

    def __add__(self, other: "Sums") -> "Sums":
        if not isinstance(other, Sums):
            return NotImplemented
        return Sums(
            rows=self.rows + other.rows, first=self.first + other.first, second=self.second + other.second
        )

    def to_json(self) -> list[int]:
        return [self.rows, self.first, self.second]

    @classmethod
    def from_json(cls, stored: list[int]) -> "Sums":
        rows, first, second = stored
        return cls(rows=rows, first=first, second=second)
