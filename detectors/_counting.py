"""How many rows fall in each cell? One compiled pass over the values of a batch, off the interpreter lock.

The only code that sees values of a window. Imported only where a window is counted, since it loads numba.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from detectors._cells import TAIL_CODES, TAIL_SHIFT
from detectors._column import CategoryColumn, Columns, NumericColumn, SharedLabels
from detectors._column_profile import CategoryProfile, NumericProfile, wrong_kind
from detectors._derived import derive
from detectors._grid import GRID, grid
from detectors._jit import kernel
from detectors._label_counts import count_by_code, count_by_label
from detectors._summary import (
    MOMENT_BITS,
    MOMENT_CLIP,
    CategorySummary,
    ColumnSummary,
    NumericSummary,
    moment_scale,
)

if TYPE_CHECKING:
    from detectors._profile import Profile

_UNIT = float(1 << MOMENT_BITS)
_CLIP = MOMENT_CLIP
_BLOCK = 1024  # rows at a time: positions stay in the first-level cache, block sums of squares below 2**53
_LAST = GRID - 1
_FLIP = np.int64(0x7FFF_FFFF_FFFF_FFFF)
_SIDE = TAIL_CODES
_TAIL = np.uint64(TAIL_SHIFT)
NO_CELLS = np.empty(0, dtype=np.uint32)


# Rows by tail code, all 0, and room for the codes in the order they came: a pair a thread that has counted.
# A MiB to be zeroed for each column of each batch is a fifth of what 32,768 values take, and empties the
# second-level cache. Whoever takes a pair gives it back clean; after an exception it is gone.
_scratch: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []


def count_columns(
    profile: "Profile", columns: Columns, rows: int, cells: dict[str, NDArray[np.uint32]] | None = None
) -> dict[str, ColumnSummary]:
    """Summaries of the columns that both the profile and the batch hold, derived ones included.

    `cells`, where given, receives the cell of each row of the numeric columns that the batch itself holds.
    """
    found: dict[str, ColumnSummary] = {}
    batch = {**columns, **derive(columns, profile.score)}
    for name, reference in profile.columns.items():
        column = batch.get(name)
        if column is None:
            continue
        if len(column) != rows:
            raise ValueError(f'column "{name}": {len(column)} values in a batch of {rows} rows')
        if isinstance(reference, NumericProfile):
            if not isinstance(column, NumericColumn):
                raise wrong_kind(reference)
            kept = NO_CELLS
            if cells is not None and name in columns:
                kept = cells[name] = np.empty(rows, dtype=np.uint32)
            found[name] = count_numbers(reference, column.values, kept)
        else:
            if not isinstance(column, CategoryColumn):
                raise wrong_kind(reference)
            found[name] = count_labels(reference, column)
    return found


def count_numbers(
    profile: NumericProfile, values: NDArray[np.float64], cells: NDArray[np.uint32] = NO_CELLS
) -> NumericSummary:
    """Counts one numeric column of one batch; `cells`, where given, is filled with the cell of each row.

    The cell of a missing value is 0, as of one below every knot: who reads cells looks at the value as well.
    """
    x = np.ascontiguousarray(values, dtype=np.float64)
    if profile.knots.size == 0:
        cells[:] = 0
        return _count_without_knots(x)
    centre, scale = moment_scale(profile)
    inverse = min(1.0 / scale, 1e300)
    found = grid(profile, x.size)
    counts = np.zeros(2 * profile.knots.size + 1, dtype=np.int64)
    tails, touched = _room()
    scalars = np.zeros(8, dtype=np.int64)
    extremes = np.array([np.inf, -np.inf])
    if found.uniform:
        _count_uniform(
            x, found.knots, found.table, found.steps, found.outer, found.low, found.scale, counts, cells
        )
    else:
        shift = np.uint64(found.shift)
        _count_bits(
            x, x.view(np.int64), found.knots, found.table, found.steps, found.key, shift, counts, cells
        )
    first, last = float(profile.knots[0]), float(profile.knots[-1])
    _moments(x, centre, inverse, first, last, profile.edges, tails, touched, scalars, extremes)
    missing, infinite, below, above, outside, moment1, high2, low2 = (int(s) for s in scalars)
    counts[0] -= missing  # the kernels put NaN below everything
    codes = np.sort(touched[:outside])
    beyond = tuple(zip(codes.tolist(), tails[codes].tolist(), strict=True))
    tails[codes] = 0
    _scratch.append((tails, touched))
    return NumericSummary(
        counts=counts,
        missing=missing,
        below_edge=below,
        above_edge=above,
        infinite=infinite,
        minimum=float(extremes[0]) + 0.0,
        maximum=float(extremes[1]) + 0.0,
        moment1=moment1,
        moment2=(high2 << 32) + low2,
        tails=beyond,
    )


def count_labels(profile: CategoryProfile, column: CategoryColumn) -> CategorySummary:
    """Counts one column of labels of one batch."""
    tally = np.bincount(column.codes.astype(np.int64) + 1, minlength=len(column.labels) + 1)
    missing, rows = int(tally[0]), tally[1:]
    if isinstance(column.labels, SharedLabels):
        return count_by_code(profile, column.labels, rows, missing)
    held = np.flatnonzero(rows).tolist()
    return count_by_label(profile, {column.labels[code]: int(rows[code]) for code in held}, missing)


def _room() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    try:
        return _scratch.pop()  # in one step, whoever else takes one
    except IndexError:
        return np.zeros(2 * TAIL_CODES, dtype=np.int64), np.empty(2 * TAIL_CODES, dtype=np.int64)


def _count_without_knots(x: NDArray[np.float64]) -> NumericSummary:
    """A column with no finite value in the reference: one open cell, nothing to compare with."""
    finite = x[np.isfinite(x)]
    missing = int(np.isnan(x).sum())
    z = np.clip(finite, -_CLIP, _CLIP)
    return NumericSummary(
        counts=np.array([x.size - missing], dtype=np.int64),
        missing=missing,
        below_edge=0,
        above_edge=x.size - missing - finite.size,
        infinite=x.size - missing - finite.size,
        minimum=float(finite.min()) + 0.0 if finite.size else np.inf,
        maximum=float(finite.max()) + 0.0 if finite.size else -np.inf,
        moment1=int(np.rint(z * _UNIT).astype(np.int64).sum()),
        moment2=int(np.rint(z * z * _UNIT).astype(np.int64).sum()),
    )


@kernel
def _count_uniform(
    x: NDArray[np.float64],
    knots: NDArray[np.float64],
    table: NDArray[np.uint16],
    steps: int,
    outer: bool,
    low: float,
    scale: float,
    counts: NDArray[np.int64],
    cells: NDArray[np.uint32],
) -> None:
    position = np.empty(_BLOCK, dtype=np.uint64)
    last = float(_LAST)
    for start in range(0, x.size, _BLOCK):
        block = x[start : start + _BLOCK]
        for i in range(block.size):
            t = (block[i] - low) * scale
            t = t if t > 0.0 else 0.0  # NaN too
            t = t if t < last else last
            position[i] = table[np.uint64(t)]
        if outer:
            _bisect(block, knots, np.uint64(table[_LAST]), steps, position)
        _tally(block, knots, steps, position, counts, cells[start : start + _BLOCK])


@kernel
def _count_bits(
    x: NDArray[np.float64],
    bits: NDArray[np.int64],
    knots: NDArray[np.float64],
    table: NDArray[np.uint16],
    steps: int,
    first: int,
    shift: np.uint64,
    counts: NDArray[np.int64],
    cells: NDArray[np.uint32],
) -> None:
    position = np.empty(_BLOCK, dtype=np.uint64)
    last = np.uint64(_LAST)
    for start in range(0, x.size, _BLOCK):
        block = x[start : start + _BLOCK]
        for i in range(block.size):
            b = bits[start + i]
            key = b ^ ((b >> 63) & _FLIP)
            key = np.int64(0) if block[i] == 0.0 else key  # one zero
            key = key if key > first else np.int64(first)
            g = (np.uint64(key) - np.uint64(first)) >> shift  # the difference needs 64 bits unsigned
            g = g if g < last else last
            position[i] = np.uint64(0) if np.isnan(block[i]) else np.uint64(table[g])
        _tally(block, knots, steps, position, counts, cells[start : start + _BLOCK])


@kernel
def _bisect(
    block: NDArray[np.float64],
    knots: NDArray[np.float64],
    last: np.uint64,
    steps: int,
    position: NDArray[np.uint64],
) -> None:
    """Finds values of the two outer grid cells among all knots; exact positions survive `_tally`."""
    size = knots.size - (1 << steps)
    for i in range(block.size):
        if position[i] == 0 or position[i] == last:
            low, high = 0, size
            while low < high:
                middle = (low + high) >> 1
                if knots[middle] < block[i]:
                    low = middle + 1
                else:
                    high = middle
            position[i] = low


@kernel
def _tally(
    block: NDArray[np.float64],
    knots: NDArray[np.float64],
    steps: int,
    position: NDArray[np.uint64],
    counts: NDArray[np.int64],
    cells: NDArray[np.uint32],
) -> None:
    """Adds each comparison's 0 or 1: no branch to mispredict. The last step is part of the counting loop."""
    one = np.uint64(1)
    for step in range(steps - 1, 0, -1):
        stride = np.uint64(1 << step)
        for i in range(block.size):
            p = position[i]
            position[i] = p + stride * np.uint64(knots[p + stride - one] < block[i])
    if cells.size:
        for i in range(block.size):
            p = position[i]
            p += np.uint64(knots[p] < block[i])
            cell = p + p + np.uint64(knots[p] == block[i])
            counts[cell] += 1
            cells[i] = np.uint32(cell)
        return
    for i in range(block.size):
        p = position[i]
        p += np.uint64(knots[p] < block[i])
        counts[p + p + np.uint64(knots[p] == block[i])] += 1


@kernel
def _moments(
    x: NDArray[np.float64],
    centre: float,
    inverse: float,
    first: float,
    last: float,
    edges: tuple[float, float],
    tails: NDArray[np.int64],
    touched: NDArray[np.int64],
    scalars: NDArray[np.int64],
    extremes: NDArray[np.float64],
) -> None:
    """Sums over each block in integers, in loops so plain that the compiler uses vector instructions."""
    for start in range(0, x.size, _BLOCK):
        block = x[start : start + _BLOCK]
        sum1 = sum2 = missing = rare = 0
        for i in range(block.size):
            z = (block[i] - centre) * inverse
            z = z if z < _CLIP else _CLIP
            z = z if z > -_CLIP else -_CLIP
            z = z if abs(block[i]) < np.inf else 0.0
            sum1 += int(np.rint(z * _UNIT))
            sum2 += int(np.rint(z * z * _UNIT))
        low, high = max(extremes[0], first), min(extremes[1], last)
        for i in range(block.size):
            missing += int(np.isnan(block[i]))
            rare += int(block[i] < low) | int(block[i] > high)
        if rare:
            _outside(block, first, last, edges, tails, touched, scalars, extremes)
        scalars[0] += missing
        scalars[5] += sum1
        scalars[6] += sum2 >> 32
        scalars[7] += sum2 & 0xFFFF_FFFF


@kernel
def _outside(
    block: NDArray[np.float64],
    first: float,
    last: float,
    edges: tuple[float, float],
    tails: NDArray[np.int64],
    touched: NDArray[np.int64],
    scalars: NDArray[np.int64],
    extremes: NDArray[np.float64],
) -> None:
    """The rare path: a block with a new extreme, or with values beyond the outer knots."""
    bits = block.view(np.uint64)
    least, most = extremes[0], extremes[1]
    low, high = max(least, first), min(most, last)
    infinite = below = above = outside = 0
    for i in range(block.size):
        value = block[i]
        if value < low or value > high:
            below += int(value < edges[0])
            above += int(value > edges[1])
            if abs(value) == np.inf:
                infinite += 1
                continue
            if value < first or value > last:
                code = np.int64(0) if value == 0.0 else np.int64(bits[i] >> _TAIL)
                code += _SIDE if value > last else 0
                if tails[code] == 0:
                    touched[scalars[4] + outside] = code
                    outside += 1
                tails[code] += 1
            least, most = min(least, value), max(most, value)
            low, high = max(least, first), min(most, last)
    extremes[0], extremes[1] = least, most
    scalars[1] += infinite
    scalars[2] += below
    scalars[3] += above
    scalars[4] += outside
