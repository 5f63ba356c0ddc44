"""Between which of a few numbers does a value lie, said as an expression that any database answers exactly?

A search by halves, written as nested CASEs: seven comparisons a row for a hundred steps, where a sum for
each step takes a hundred. NaN has to be left out before: databases put it where they like.
"""

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from detectors._cells import TAIL_SHIFT, cells_of
from detectors._column_profile import NumericProfile

_LARGEST = float(np.finfo(np.float64).max)
_SIGN = 1 << 63
_INFINITE_CODE = 0x7FF0  # the tail code of +inf


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stretches:
    """Every float64 but NaN in m + 1 stretches: stretch i begins at steps[i − 1] and ends before steps[i].

    `cells`: the profile's cell of each; `below`, `above`: beyond its outer edges; `finite`: holds no ±inf.
    """

    steps: tuple[float, ...]  # ascending, distinct
    cells: NDArray[np.int64]
    below: NDArray[np.bool_]
    above: NDArray[np.bool_]
    finite: NDArray[np.bool_]


def stretches(profile: NumericProfile) -> Stretches:
    """So fine that a row's stretch says its cell, if it is finite, and whether it lies beyond an edge."""
    knots = profile.knots
    with np.errstate(over="ignore"):  # after the largest double comes infinity
        ends = [*knots.tolist(), *np.nextafter(knots, np.inf).tolist()]
        if knots.size:
            ends += [profile.edges[0], float(np.nextafter(profile.edges[1], np.inf))]
    steps = np.unique(np.array([-_LARGEST, *ends, np.inf]) + 0.0)  # + 0.0: one zero
    first = np.append(-np.inf, steps)  # the smallest value of each stretch stands for all of them
    return Stretches(
        steps=tuple(steps.tolist()),
        cells=cells_of(knots, first),
        below=first < profile.edges[0],
        above=first > profile.edges[1],
        finite=np.isfinite(first),
    )


def stretch_of(value: sa.ColumnElement[float], steps: Sequence[float]) -> sa.ColumnElement[int]:
    """How many of the ascending steps are at or below the value."""
    return _halved(value, steps, 0, len(steps))


def _halved(
    value: sa.ColumnElement[float], steps: Sequence[float], low: int, high: int
) -> sa.ColumnElement[int]:
    if low == high:
        return sa.literal_column(str(low), sa.Integer)
    middle = (low + high) // 2
    left, right = _halved(value, steps, low, middle), _halved(value, steps, middle + 1, high)
    return sa.case((value < sa.literal(steps[middle], sa.Double), left), else_=right)


def tail_steps(low: float, high: float) -> list[float]:
    """`low`, and each value up to `high` at which the tail code (detectors/_cells.py) changes; ascending."""
    found = [low]
    if low < 0.0:
        least = _code(-high) if high < 0.0 else 0
        # Code c of negative values holds (−start(c + 1), −start(c)].
        found += [
            float(np.nextafter(-_start(code + 1), np.inf)) for code in range(_code(-low), least - 1, -1)
        ]
    if high >= 0.0:
        least = _code(low) if low > 0.0 else -1
        found += [_start(code) for code in range(least + 1, _code(high) + 1)]
    return sorted({step for step in found if low <= step <= high})


def first_where(holds: Callable[[float], bool]) -> float | None:
    """The smallest finite float64 for which it holds, given that it holds for all larger ones; None: none."""
    low, high = _place(-_LARGEST), _place(_LARGEST)
    if not holds(_LARGEST):
        return None
    while low < high:
        middle = (low + high) // 2
        if holds(_at(middle)):
            high = middle
        else:
            low = middle + 1
    return _at(low)


def _place(value: float) -> int:
    """Integers in the order of float64."""
    (bits,) = struct.unpack("<Q", struct.pack("<d", value))
    return -(int(bits) & ~_SIGN) if int(bits) & _SIGN else int(bits)


def _at(place: int) -> float:
    bits = -place | _SIGN if place < 0 else place
    (value,) = struct.unpack("<d", struct.pack("<Q", bits))
    return float(value)


def _code(magnitude: float) -> int:
    (bits,) = struct.unpack("<Q", struct.pack("<d", magnitude))
    return int(bits) >> TAIL_SHIFT


def _start(code: int) -> float:
    if code >= _INFINITE_CODE:
        return float("inf")
    (value,) = struct.unpack("<d", struct.pack("<Q", code << TAIL_SHIFT))
    return float(value)
