"""Where among the knots does a value lie? A table from a grid of values to a short stretch of knots.

The table is right for any float64, because a value's grid cell never falls when the value grows (each step
below is monotone, rounding included): knots in lower grid cells are below the value, knots in higher ones
above it, and only those in its own grid cell are left to a search of `steps` halvings.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors._column_profile import NumericProfile

GRID = 1 << 14  # 32 kB of uint16: with the knots it stays in the second-level cache
_RANGES = (0.0, 0.001, 0.01, 0.05)  # share of the reference left out on each side of a uniform grid


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Grid:
    """`table[g]` knots lie in lower grid cells than g."""

    uniform: bool  # True: cells of equal width in the value; False: in the value's order-preserving bits
    low: float  # uniform: where the grid begins
    scale: float  # uniform: grid cells a unit
    key: int  # bits: key of the first knot
    shift: int  # bits: dropped from a key's distance to `key`
    table: NDArray[np.uint16]
    knots: NDArray[np.float64]  # padded with NaN, which is neither below nor equal to anything
    steps: int  # 2**steps − 1 ≥ the most knots in one grid cell


def grid(profile: NumericProfile) -> Grid:
    """The column's grid: of several, the one that leaves the least to search; built once a profile."""
    found: Grid | None = profile.memo.get("grid")
    if found is None:
        found = profile.memo["grid"] = _best(profile)
    return found


def keys_of(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """int64 in the order of the values; one zero."""
    bits = np.ascontiguousarray(values + 0.0).view(np.int64)
    return bits ^ ((bits >> 63) & np.int64(0x7FFF_FFFF_FFFF_FFFF))


def _best(profile: NumericProfile) -> Grid:
    knots = profile.knots
    found: list[tuple[float, int, Grid]] = []
    for order, share in enumerate(_RANGES):
        drop = int(share * (knots.size - 1))
        low, high = float(knots[drop]), float(knots[knots.size - 1 - drop])
        half = 0.5 * high - 0.5 * low  # halves: the difference of two finite numbers may overflow
        scale = min(0.5 * GRID / half, 1e300) if half > 0.0 else 1.0
        with np.errstate(over="ignore"):
            cells = np.clip((knots - low) * scale, 0.0, GRID - 1.0).astype(np.int64)
        found.append((*_rank(cells, order), _make(knots, cells, uniform=True, low=low, scale=scale)))
    keys = keys_of(knots)
    first = int(keys[0])
    shift = max((int(keys[-1]) - first).bit_length() - GRID.bit_length() + 1, 0)
    distance = (keys.astype(object) - first).astype(np.uint64)
    cells = (distance >> np.uint64(shift)).astype(np.int64)
    found.append((*_rank(cells, len(_RANGES)), _make(knots, cells, uniform=False, key=first, shift=shift)))
    return min(found, key=lambda item: item[:2])[2]


def _rank(cells: NDArray[np.int64], order: int) -> tuple[float, int]:
    """Steps of the search first; the simpler grid when equal."""
    return _steps(cells), order


def _steps(cells: NDArray[np.int64]) -> int:
    return int(np.bincount(cells).max()).bit_length()


def _make(
    knots: NDArray[np.float64],
    cells: NDArray[np.int64],
    *,
    uniform: bool,
    low: float = 0.0,
    scale: float = 1.0,
    key: int = 0,
    shift: int = 0,
) -> Grid:
    steps = _steps(cells)
    table = np.searchsorted(cells, np.arange(GRID), side="left").astype(np.uint16)
    padded = np.append(knots, np.full((1 << steps) + 1, np.nan))
    return Grid(
        uniform=uniform, low=low, scale=scale, key=key, shift=shift, table=table, knots=padded, steps=steps
    )
