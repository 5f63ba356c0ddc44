"""How many numbers fall in each cell? One compiled pass over the values of a batch, off the interpreter lock.

The only code that sees numbers of a window. Imported only where a window is counted, since it loads numba.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors._cells import TAIL_CODES, TAIL_SHIFT
from detectors._column_profile import NumericProfile
from detectors._grid import GRID, grid
from detectors._jit import kernel
from detectors._summary import MOMENT_BITS, MOMENT_CLIP, NumericSummary, moment_scale

_UNIT = float(1 << MOMENT_BITS)
_CLIP = MOMENT_CLIP
_BLOCK = 1024  # rows at a time: positions stay in the first-level cache, block sums of squares below 2**53
_LAST = GRID - 1
_FLIP = np.int64(0x7FFF_FFFF_FFFF_FFFF)
_SIDE = TAIL_CODES
_TAIL = np.uint64(TAIL_SHIFT)
NO_CELLS = np.empty(0, dtype=np.uint32)


class _Room(NamedTuple):
    """What a kernel writes into. One that made its own would load all that numba knows of arrays, 0.1 s."""

    tails: NDArray[np.int64]  # rows by tail code, all 0
    touched: NDArray[np.int64]  # the codes in the order they came
    where: NDArray[np.int32]  # of a block: cells of the grid
    position: NDArray[np.uint32]  # knots
    firsts: NDArray[np.float64]  # z
    seconds: NDArray[np.float64]  # z²


# One a thread that has counted: a MiB to be zeroed for each column of each batch is a fifth of what 32,768
# values take, and empties the second-level cache. Whoever takes one gives it back clean; after an exception
# it is gone.
_scratch: list[_Room] = []


class NumberCount:
    """What batches of one column have added up to so far: in place, as the cells alone are 64 kB."""

    __slots__ = ("_counts", "_extremes", "_profile", "_scalars", "_scale", "_tails")

    def __init__(self, profile: NumericProfile) -> None:
        centre, scale = moment_scale(profile)
        self._profile = profile
        self._scale = centre, min(1.0 / scale, 1e300)
        self._counts = np.zeros(2 * profile.knots.size + 1, dtype=np.int64)
        # Missing, infinite, below and above the outer edges, tail codes of one batch, Σz, Σz² high and low.
        self._scalars = np.zeros(8, dtype=np.int64)
        self._extremes = np.array([np.inf, -np.inf])
        self._tails: dict[int, int] = {}

    def add(self, values: NDArray[np.float64], cells: NDArray[np.uint32] = NO_CELLS) -> None:
        """Counts a batch; `cells`, where given, is filled with the cell of each row.

        The cell of a missing value is 0, as of one below every knot: who reads cells looks at the value too.
        """
        profile, x = self._profile, np.ascontiguousarray(values, dtype=np.float64)
        if profile.knots.size == 0:
            cells[:] = 0
            self._add_without_knots(x)
            return
        found, room = grid(profile, x.size), _room()
        if found.uniform:
            _count_uniform(
                x,
                found.knots,
                found.table,
                found.steps,
                found.outer,
                found.low,
                found.scale,
                self._counts,
                cells,
                room.where,
                room.position,
            )
        else:
            shift = np.uint64(found.shift)
            _count_bits(
                x,
                x.view(np.int64),
                found.knots,
                found.table,
                found.steps,
                found.key,
                shift,
                self._counts,
                cells,
                room.where,
                room.position,
            )
        _moments(
            x,
            x.view(np.uint64),
            *self._scale,
            float(profile.knots[0]),
            float(profile.knots[-1]),
            profile.edges,
            room.firsts,
            room.seconds,
            room.tails,
            room.touched,
            self._scalars,
            self._extremes,
        )
        if outside := int(self._scalars[4]):
            codes = room.touched[:outside]
            for code, rows in zip(codes.tolist(), room.tails[codes].tolist(), strict=True):
                self._tails[code] = self._tails.get(code, 0) + rows
            room.tails[codes] = self._scalars[4] = 0
        _scratch.append(room)

    def summary(self) -> NumericSummary:
        """Of all batches so far; nothing is added after it."""
        missing, infinite, below, above, _, moment1, high2, low2 = (int(s) for s in self._scalars)
        self._counts[0] -= missing if self._profile.knots.size else 0  # the kernels put NaN below everything
        return NumericSummary(
            counts=self._counts,
            missing=missing,
            below_edge=below,
            above_edge=above,
            infinite=infinite,
            minimum=float(self._extremes[0]) + 0.0,
            maximum=float(self._extremes[1]) + 0.0,
            moment1=moment1,
            moment2=(high2 << 32) + low2,
            tails=tuple(sorted(self._tails.items())),
        )

    def _add_without_knots(self, x: NDArray[np.float64]) -> None:
        """A column with no finite value in the reference: one open cell, nothing to compare with."""
        finite = x[np.isfinite(x)]
        missing = int(np.isnan(x).sum())
        infinite = x.size - missing - finite.size
        z = np.clip(finite, -_CLIP, _CLIP)
        self._counts[0] += x.size - missing
        square = int(np.rint(z * z * _UNIT).astype(np.int64).sum())
        first = int(np.rint(z * _UNIT).astype(np.int64).sum())
        self._scalars += (missing, infinite, 0, infinite, 0, first, square >> 32, square & 0xFFFF_FFFF)
        if finite.size:
            self._extremes[0] = min(self._extremes[0], finite.min())
            self._extremes[1] = max(self._extremes[1], finite.max())


def count_numbers(
    profile: NumericProfile, values: NDArray[np.float64], cells: NDArray[np.uint32] = NO_CELLS
) -> NumericSummary:
    """Counts one numeric column of one batch; `cells`: see `NumberCount.add`."""
    counted = NumberCount(profile)
    counted.add(values, cells)
    return counted.summary()


def _room() -> _Room:
    try:
        return _scratch.pop()  # in one step, whoever else takes one
    except IndexError:
        return _Room(
            tails=np.zeros(2 * TAIL_CODES, dtype=np.int64),
            touched=np.empty(2 * TAIL_CODES, dtype=np.int64),
            where=np.empty(_BLOCK, dtype=np.int32),
            position=np.empty(_BLOCK, dtype=np.uint32),
            firsts=np.empty(_BLOCK),
            seconds=np.empty(_BLOCK),
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
    where: NDArray[np.int32],
    position: NDArray[np.uint32],
) -> None:
    last = float(_LAST)
    for start in range(0, x.size, _BLOCK):
        block = x[start : start + _BLOCK]
        # Into 32 bits with a sign, and in a loop of its own: that much any processor does four at a time.
        for i in range(block.size):
            t = (block[i] - low) * scale
            t = t if t > 0.0 else 0.0  # NaN too
            t = t if t < last else last
            where[i] = np.int32(t)
        for i in range(block.size):
            position[i] = table[np.uint32(where[i])]
        if outer:
            _bisect(block, knots, np.uint32(table[_LAST]), steps, position)
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
    where: NDArray[np.int32],
    position: NDArray[np.uint32],
) -> None:
    last = np.uint64(_LAST)
    for start in range(0, x.size, _BLOCK):
        block = x[start : start + _BLOCK]
        for i in range(block.size):
            b = bits[start + i]
            key = b ^ ((b >> 63) & _FLIP)
            key = np.int64(0) if block[i] == 0.0 else key  # one zero
            key = key if key > first else np.int64(first)
            key = np.int64(first) if np.isnan(block[i]) else key  # below it are no knots
            g = (np.uint64(key) - np.uint64(first)) >> shift  # the difference needs 64 bits unsigned
            where[i] = np.int32(g if g < last else last)
        for i in range(block.size):
            position[i] = table[np.uint32(where[i])]
        _tally(block, knots, steps, position, counts, cells[start : start + _BLOCK])


@kernel
def _bisect(
    block: NDArray[np.float64],
    knots: NDArray[np.float64],
    last: np.uint32,
    steps: int,
    position: NDArray[np.uint32],
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
            position[i] = np.uint32(low)


@kernel
def _tally(
    block: NDArray[np.float64],
    knots: NDArray[np.float64],
    steps: int,
    position: NDArray[np.uint32],
    counts: NDArray[np.int64],
    cells: NDArray[np.uint32],
) -> None:
    """Adds each comparison's 0 or 1: no branch to mispredict.

    The last step is part of the counting loop, which asks both knots that a value may be equal to at once: to
    wait for the first one's answer would take longer. After the last knot come two that are NaN at least.
    """
    one, two = np.uint64(1), np.uint64(2)
    for step in range(steps - 1, 0, -1):
        stride = np.uint64(1 << step)
        for i in range(block.size):
            p = np.uint64(position[i])
            position[i] = np.uint32(p + stride * np.uint64(knots[p + stride - one] < block[i]))
    if cells.size:
        for i in range(block.size):
            p, value = np.uint64(position[i]), block[i]
            here, above = knots[p], knots[p + one]
            beyond = two * np.uint64(here < value) + np.uint64(above == value)
            cell = p + p + np.uint64(here == value) + beyond
            counts[cell] += 1
            cells[i] = np.uint32(cell)
        return
    for i in range(block.size):
        p, value = np.uint64(position[i]), block[i]
        here, above = knots[p], knots[p + one]
        beyond = two * np.uint64(here < value) + np.uint64(above == value)
        counts[p + p + np.uint64(here == value) + beyond] += 1


@kernel
def _moments(
    x: NDArray[np.float64],
    bits: NDArray[np.uint64],
    centre: float,
    inverse: float,
    first: float,
    last: float,
    edges: tuple[float, float],
    firsts: NDArray[np.float64],
    seconds: NDArray[np.float64],
    tails: NDArray[np.int64],
    touched: NDArray[np.int64],
    scalars: NDArray[np.int64],
    extremes: NDArray[np.float64],
) -> None:
    """Sums of whole numbers over each block, in loops so plain that the compiler uses vector instructions.

    Whole numbers in floats, as few processors make integers of four floats at a time: a block's sum is below
    2**53, so it is exact, and halves may be added to halves.
    """
    for start in range(0, x.size, _BLOCK):
        block = x[start : start + _BLOCK]
        for i in range(block.size):
            z = (block[i] - centre) * inverse
            z = z if z < _CLIP else _CLIP
            z = z if z > -_CLIP else -_CLIP
            z = z if abs(block[i]) < np.inf else 0.0
            firsts[i] = np.rint(z * _UNIT)
            seconds[i] = np.rint(z * z * _UNIT)
        firsts[block.size :] = 0.0
        seconds[block.size :] = 0.0
        half = _BLOCK // 2
        while half > 0:
            for i in range(half):
                firsts[i] += firsts[i + half]
                seconds[i] += seconds[i + half]
            half //= 2
        missing = rare = 0
        low, high = max(extremes[0], first), min(extremes[1], last)
        for i in range(block.size):
            missing += int(np.isnan(block[i]))
            rare += int(block[i] < low) | int(block[i] > high)
        if rare:
            _outside(
                block, bits[start : start + _BLOCK], first, last, edges, tails, touched, scalars, extremes
            )
        sum2 = int(seconds[0])
        scalars[0] += missing
        scalars[5] += int(firsts[0])
        scalars[6] += sum2 >> 32
        scalars[7] += sum2 & 0xFFFF_FFFF


@kernel
def _outside(
    block: NDArray[np.float64],
    bits: NDArray[np.uint64],
    first: float,
    last: float,
    edges: tuple[float, float],
    tails: NDArray[np.int64],
    touched: NDArray[np.int64],
    scalars: NDArray[np.int64],
    extremes: NDArray[np.float64],
) -> None:
    """The rare path: a block with a new extreme, or with values beyond the outer knots."""
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
