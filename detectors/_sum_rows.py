"""What does one pass over a number of each row add to its sums? Compiled: loaded where rows are counted."""

import numpy as np
from numpy.typing import NDArray

from detectors._jit import kernel


@kernel
def sum_rows(
    values: NDArray[np.float64], scale: float, clip: float, unit: float
) -> tuple[int, int, int, int]:
    """Σ rint(z·unit) and Σ rint(z²·unit) over z = values/scale held to ±clip, each as high and low halves:
    one sum of them passes 2⁶³ from two rows on."""
    high1 = low1 = high2 = low2 = 0
    for i in range(values.size):
        z = values[i] / scale
        z = z if z < clip else clip
        z = z if z > -clip else -clip
        first, second = int(np.rint(z * unit)), int(np.rint(z * z * unit))
        high1 += first >> 32
        low1 += first & 0xFFFF_FFFF
        high2 += second >> 32
        low2 += second & 0xFFFF_FFFF
    return high1, low1, high2, low2


@kernel
def judge_rows(
    by_class: NDArray[np.float64],
    truth: NDArray[np.int64],
    positive: int,
    claimed: NDArray[np.float64],
    hits: NDArray[np.bool_],
    squared: NDArray[np.float64],
    of_truth: NDArray[np.float64],
    tally: NDArray[np.int64],
) -> None:
    """Of each row, by `by_class` (float64[k, n]): the probability that is judged (of the `positive` class,
    else the largest), whether it came true, the squared error, and the probability of what came true.

    `tally`: int64[3, k], rows by class of truth, by predicted class, and of both where they agree. Ties go to
    the first class, as in `derive`; a truth that is no class has probability 0.
    """
    classes, rows = by_class.shape
    for i in range(rows):
        best, code = by_class[0, i], 0
        for other in range(1, classes):
            if by_class[other, i] > best:
                best, code = by_class[other, i], other
        tally[1, code] += 1
        if truth[i] >= 0:
            tally[0, truth[i]] += 1
            of_truth[i] = by_class[truth[i], i]
        else:
            of_truth[i] = 0.0
        right = truth[i] == code
        if right:
            tally[2, code] += 1
        if positive >= 0:
            hits[i] = truth[i] == positive
            claimed[i] = by_class[positive, i]
            gap = (1.0 if hits[i] else 0.0) - claimed[i]
            squared[i] = gap * gap
        else:
            hits[i] = right
            claimed[i] = best
            squared[i] = 0.0
            for other in range(classes):
                gap = (1.0 if truth[i] == other else 0.0) - by_class[other, i]
                squared[i] += gap * gap


@kernel
def gap_rows(
    cells: NDArray[np.int64],
    score: NDArray[np.float64],
    hits: NDArray[np.bool_],
    clip: float,
    unit: float,
    table: NDArray[np.int64],
) -> None:
    """`table`: int64[3, cells], rows, hits and Σ rint((hit − score)·unit), held to ±clip, by cell."""
    for i in range(cells.size):
        hit = 1.0 if hits[i] else 0.0
        gap = hit - score[i]
        gap = gap if gap < clip else clip
        gap = gap if gap > -clip else -clip
        table[0, cells[i]] += 1
        table[1, cells[i]] += int(hit)
        table[2, cells[i]] += int(np.rint(gap * unit))
