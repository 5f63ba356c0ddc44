"""How is a numeric column cut into cells, and what can be read back from counts of cells?

k knots make 2k + 1 cells, in order: open below knots[0], exactly at knots[0], strictly between knots[0] and
knots[1], at knots[1], …, at knots[k−1], open above. −0.0 is 0.0; ±inf lies in an open cell; NaN in none.
"""

import numpy as np
from numpy.typing import NDArray

KNOTS = 4_096
Tails = tuple[tuple[int, int], ...]

TAIL_SHIFT = 48  # a tail code is the top 16 bits of a float64: sign, 11 bits of exponent, 4 of mantissa
TAIL_CODES = 1 << 16  # added to the code of a value above the last knot


def choose_knots(ordered: NDArray[np.float64], intervals: int = KNOTS) -> NDArray[np.float64]:
    """At most `intervals` + 1 order statistics of `ordered` (finite, ascending), both ends among them.

    Where `ordered` are all rows (`_large_profile` says what holds of a sample's knots):

    No cell strictly between two knots holds more than 1/K of the N rows, K = `intervals`. Proof: the ranks
    are r_j = ⌊j(N−1)/K⌋, j = 0 … K. Two neighbouring distinct knots a < b are the values at some r_j and
    r_{j+1} (the last j whose value is a), so rows strictly between them have ranks strictly between r_j and
    r_{j+1}: at most ⌈(N−1)/K⌉ − 1 < (N−1)/K of them, whatever the ties.

    Hence the Kolmogorov–Smirnov distance to any window is known to 1/K. Let D be the largest |F_w − F_r| over
    the knots and their left limits. For x strictly between a and b both functions are monotone, so
    F_w(x) − F_r(x) ≤ F_w(b−) − F_r(a) = F_w(b−) − F_r(b−) + mass_r(a, b) ≤ D + 1/K, and likewise from below,
    whatever share of the window lies in that cell. Beyond the outer knots F_r is flat and nothing is lost.
    """
    distinct = ordered[np.append(True, ordered[1:] != ordered[:-1])] if ordered.size else ordered
    if distinct.size <= intervals + 1:
        return np.ascontiguousarray(distinct)
    ranks = np.arange(intervals + 1, dtype=np.int64) * (ordered.size - 1) // intervals
    return np.unique(ordered[ranks])


def cells_of(knots: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Cell of every value (int64[n]); NaN gets −1. The plain twin of the kernel, for building a reference."""
    left = np.searchsorted(knots, values, side="left").astype(np.int64)
    cells = 2 * left
    if knots.size:
        cells += knots[np.minimum(left, knots.size - 1)] == values
    cells[np.isnan(values)] = -1
    return cells


def tail_codes(values: NDArray[np.float64], above: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Log-grid codes, 6 % wide, of finite values beyond the outer knots; `above`: beyond the last one."""
    bits = np.ascontiguousarray(values + 0.0).view(np.uint64)  # + 0.0: one zero
    return (bits >> np.uint64(TAIL_SHIFT)).astype(np.int64) + TAIL_CODES * above.astype(np.int64)


def tail_bounds(code: int) -> tuple[float, float]:
    """Lower and upper end of a tail code's interval."""
    code %= TAIL_CODES
    ends = np.array([code, code + 1], dtype=np.uint64) << np.uint64(TAIL_SHIFT)
    near, far = (float(end) for end in ends.view(np.float64))
    if not np.isfinite(far):
        far = float(np.copysign(np.finfo(np.float64).max, near))
    return (near, far) if near <= far else (far, near)


def merge_tails(a: Tails, b: Tails) -> Tails:
    """The sum of two sparse counts, codes ascending."""
    if not a or not b:
        return a or b
    total = dict(a)
    for code, rows in b:
        total[code] = total.get(code, 0) + rows
    return tuple(sorted(total.items()))


def quantiles(
    knots: NDArray[np.float64],
    counts: NDArray[np.int64],
    levels: NDArray[np.float64],
    *,
    tails: Tails = (),
    low: float = np.nan,
    high: float = np.nan,
) -> NDArray[np.float64]:
    """Quantiles of the finite rows in the cells; NaN without rows.

    Exact at knots, linear inside a cell, known to 6 % beyond the outer knots. `low` and `high` are the
    exact minimum and maximum of the rows: results never leave them.
    """
    found: NDArray[np.float64] = located(knots, counts, levels, tails=tails, low=low, high=high)[1]
    return found


def located(
    knots: NDArray[np.float64],
    counts: NDArray[np.int64],
    levels: NDArray[np.float64],
    *,
    tails: Tails = (),
    low: float = np.nan,
    high: float = np.nan,
) -> NDArray[np.float64]:
    """float64[3, levels]: the least that each quantile can be, what `quantiles` says, and the most."""
    start, end, rows = _intervals(knots, counts, tails)
    total = int(rows.sum())
    if total == 0:
        return np.full((3, *levels.shape), np.nan)
    cumulative = np.cumsum(rows)
    target = levels * total
    # The first interval that reaches the target holds rows; before any row stands the first that does.
    first = int(np.searchsorted(cumulative, 0, side="right"))
    index = np.clip(np.searchsorted(cumulative, target, side="left"), first, rows.size - 1)
    inside = (target - (cumulative[index] - rows[index])) / rows[index]
    # Weights, not start + (end − start)·w: the difference of two finite ends may overflow.
    found = start[index] * (1.0 - inside) + end[index] * inside
    lower = low if np.isfinite(low) else -np.inf
    upper = high if np.isfinite(high) else np.inf
    ends = np.vstack((start[index], found, end[index]))
    return np.asarray(np.clip(ends, lower, upper), dtype=np.float64)


def _intervals(
    knots: NDArray[np.float64], counts: NDArray[np.int64], tails: Tails
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Start, end and rows of every interval that may hold finite rows, ascending."""
    start = np.empty(max(2 * knots.size - 1, 0))
    end = np.empty_like(start)
    start[0::2] = end[0::2] = knots
    start[1::2] = knots[:-1]
    end[1::2] = knots[1:]
    rows = counts[1:-1]
    if tails:
        below = np.array(sorted((*tail_bounds(code), n) for code, n in tails if code < TAIL_CODES))
        above = np.array(sorted((*tail_bounds(code), n) for code, n in tails if code >= TAIL_CODES))
        below, above = below.reshape(-1, 3), above.reshape(-1, 3)
        start = np.concatenate((below[:, 0], start, above[:, 0]))
        end = np.concatenate((below[:, 1], end, above[:, 1]))
        rows = np.concatenate((below[:, 2].astype(np.int64), rows, above[:, 2].astype(np.int64)))
        if knots.size:  # an interval may straddle the knot its values lie beyond
            end[: len(below)] = np.minimum(end[: len(below)], knots[0])
            start[rows.size - len(above) :] = np.maximum(start[rows.size - len(above) :], knots[-1])
    return start, end, rows
