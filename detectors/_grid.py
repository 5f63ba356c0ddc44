"""Where among the knots does a value lie? A table from a grid of values to a short stretch of knots.

The table is right for any float64, because a value's grid cell never falls when the value grows (each step
is monotone, rounding included): knots in lower grid cells are below the value, knots in higher ones above it,
and only those in its own grid cell are left to a search of `steps` halvings.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors._column_profile import NumericProfile

GRID = (
    1 << 15
)  # 64 kB of uint16 a column: finer gains nothing, coarser takes a second step on a normal column
_MOST_KNOTS = 65_535  # what the table's type can count
_DROPPED = (0.0, 0.0005, 0.002, 0.01, 0.05)  # share of the reference left out on each side of a uniform grid
# In halvings (about 0.8 ns each), measured by benchmarks/bench_counting.py: a search of all knots after a
# mispredicted branch, and the price of the key.
_BISECTION = 30.0
_KEY = 0.5
# A table costs as much as searching all knots for that many values: few rows of many models never earn it.
WORTH = 50_000
_NO_TABLE = np.zeros(GRID, dtype=np.uint16)


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
    steps: int  # 2**steps − 1 ≥ the most knots in one grid cell, the two outer ones apart if `outer`
    outer: bool  # values in the two outer grid cells are searched among all knots


def grid(profile: NumericProfile, rows: int = WORTH) -> Grid:
    """The column's grid: of several, the one that leaves the least to search; built once a profile.

    `rows` are looked for in it now. Before there were `WORTH` of them in all, it is one cell with all knots.
    """
    found: Grid | None = profile.memo.get("grid")
    if found is not None:
        return found
    rows += profile.memo.get("searched", 0)
    if rows < WORTH:
        profile.memo["searched"] = rows
        return _one_cell(profile.knots)
    found = profile.memo["grid"] = _cheapest(profile.knots)
    return found


def keys_of(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """int64 in the order of the values; one zero."""
    bits = np.ascontiguousarray(values + 0.0).view(np.int64)
    return bits ^ ((bits >> 63) & np.int64(0x7FFF_FFFF_FFFF_FFFF))


def _cheapest(knots: NDArray[np.float64]) -> Grid:
    if knots.size > _MOST_KNOTS:
        raise ValueError(f"knots: at most {_MOST_KNOTS}, got {knots.size}")
    # Distances between keys need 64 bits unsigned; uint64 differences wrap around to the right answer.
    keys = keys_of(knots).view(np.uint64)
    distance = keys - keys[0]
    shift = max(int(distance[-1]).bit_length() - (GRID.bit_length() - 1), 0)
    cells = (distance >> np.uint64(shift)).astype(np.int64)
    best = _make(knots, _held(cells), uniform=False, key=int(keys_of(knots[:1])[0]), shift=shift)
    least = _KEY + best.steps
    for share in _DROPPED:
        drop = int(share * (knots.size - 1))
        low, high = float(knots[drop]), float(knots[knots.size - 1 - drop])
        half = 0.5 * high - 0.5 * low  # halves: the difference of two finite numbers may overflow
        scale = min(0.5 * GRID / half, 1e300) if half > 0.5e-300 * GRID else 1e300
        with np.errstate(over="ignore"):
            cells = np.clip((knots - low) * scale, 0.0, GRID - 1.0).astype(np.int64)
        held = _held(cells)
        for outer in (False, True):
            cost = _steps(held, outer) + (_BISECTION * int(held[0] + held[-1]) / knots.size if outer else 0.0)
            if cost < least:
                least = cost
                best = _make(knots, held, uniform=True, outer=outer, low=low, scale=scale)
    return best


def _one_cell(knots: NDArray[np.float64]) -> Grid:
    steps = knots.size.bit_length()
    return Grid(
        uniform=False,
        low=0.0,
        scale=1.0,
        key=int(keys_of(knots[:1])[0]),
        shift=63,
        table=_NO_TABLE,
        knots=np.append(knots, np.full(1 << steps, np.nan)),
        steps=steps,
        outer=False,
    )


def _held(cells: NDArray[np.int64]) -> NDArray[np.int64]:
    """int64[GRID]: the knots in each grid cell."""
    return np.bincount(cells, minlength=GRID)


def _steps(held: NDArray[np.int64], outer: bool) -> int:
    return max(int((held[1:-1] if outer else held).max()).bit_length(), 1)


def _make(
    knots: NDArray[np.float64],
    held: NDArray[np.int64],
    *,
    uniform: bool,
    outer: bool = False,
    low: float = 0.0,
    scale: float = 1.0,
    key: int = 0,
    shift: int = 0,
) -> Grid:
    steps = _steps(held, outer)
    return Grid(
        uniform=uniform,
        low=low,
        scale=scale,
        key=key,
        shift=shift,
        table=(np.cumsum(held) - held).astype(np.uint16),
        knots=np.append(knots, np.full(1 << steps, np.nan)),
        steps=steps,
        outer=outer,
    )
