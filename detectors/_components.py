"""Which few means of a column's rows decide whether it drifted?

Numeric: the first three Neyman smooth components (Neyman 1937; Rayner, Thas & Best, Smooth Tests of Goodness
of Fit, 2009, ch. 4: Legendre polynomials orthonormal on (0, 1)) of the mid-rank in the reference. c1 is close
to a shift in reference sd, c2 to a change of spread, c3 of skew. Category: a share a level. A discrete
reference gives means and variances other than 0 and 1: the noise model learns both.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors._cells import tail_bounds
from detectors._column import Role
from detectors._column_profile import CategoryProfile, ColumnProfile, NumericProfile, wrong_kind
from detectors._derived import ENTROPY, MARGIN
from detectors._measurement import Component
from detectors._summary import CategorySummary, ColumnSummary, NumericSummary

STUCK_ROWS = 20  # with fewer, a repeated value is chance
_STUCK_WIDTH = 0.002  # of q.999 − q.001: a wider cell holds many distinct values in an unusual week
_BESIDE = 3  # cells to either side that tell how dense it is there
_LEAST_WIDTH = 1e-300  # of the largest knot: growth for less would overflow


def components(profile: ColumnProfile, summary: ColumnSummary, rows: int) -> tuple[Component, ...]:
    """The column's component means in a window of `rows` rows; none without rows.

    Rows of batches that lacked the column count as missing. Entropy and margin give none: both are functions
    of the largest probability, and what is judged once should not be counted three times.
    """
    if rows == 0 or (profile.role is Role.DERIVED and profile.name in (ENTROPY, MARGIN)):
        return ()
    n = summary.values
    missing = _share("missing", rows - n, rows)
    if isinstance(profile, NumericProfile) and isinstance(summary, NumericSummary):
        return (*_numeric(profile, summary, n), missing)
    if isinstance(profile, CategoryProfile) and isinstance(summary, CategorySummary):
        return (*_category(profile, summary, n), missing)
    raise wrong_kind(profile)


def stuck_cell(profile: NumericProfile, summary: NumericSummary) -> tuple[float, int]:
    """(excess share, cell) of the cell whose share grew most among those that hold about one value.

    Of a cell between two knots only by how much it grew more than the density beside it tells: where values
    move into a dense stretch of the reference all its cells grow, and none of them holds one value.
    Cells at knots, those between knots no wider than 0.2 % of q.999 − q.001, and of the values beyond the
    reference's range the log-grid intervals as narrow: the i-th of `summary.tails` is cell 2k + 1 + i. A
    window whose minimum is its maximum is stuck wherever that value lies. Cell −1: nothing grew, or fewer
    than 20 rows.
    """
    found: tuple[float, int] | None = summary.memo.get("stuck_cell")
    if found is None:
        found = summary.memo["stuck_cell"] = _stuck_cell(profile, summary)
    return found


def _stuck_cell(profile: NumericProfile, summary: NumericSummary) -> tuple[float, int]:
    n = summary.values
    if n < STUCK_ROWS or profile.values == 0:
        return 0.0, -1
    if summary.minimum == summary.maximum and summary.finite == n:
        cell = int(np.argmax(summary.counts))
        at = int(profile.counts[cell]) if cell % 2 else 0
        return max(1.0 - at / profile.values, 0.0), cell
    held: NDArray[np.float64] = summary.counts.astype(np.float64)
    held *= 1.0 / n
    beside = _growth_beside(profile, held[2:-2:2])
    held -= _narrow_shares(profile)
    held[2:-2:2] -= beside
    cell = int(np.argmax(held))
    excess = float(held[cell])
    for index, (code, rows) in enumerate(summary.tails):
        if rows / n > excess and _is_narrow(code, profile):
            excess, cell = rows / n, held.size + index
    return (excess, cell) if excess > 0.0 else (0.0, -1)


def _is_narrow(code: int, profile: NumericProfile) -> bool:
    low, high = tail_bounds(code)
    return 0.5 * high - 0.5 * low <= _reach(profile)


def _reach(profile: NumericProfile) -> float:
    """Half the width up to which a cell counts as one value: halves cannot overflow."""
    return _STUCK_WIDTH * (0.5 * profile.quantiles[0.999] - 0.5 * profile.quantiles[0.001])


def _numeric(profile: NumericProfile, summary: NumericSummary, n: int) -> tuple[Component, ...]:
    if n == 0 or profile.values == 0:
        return ()
    held = summary.counts.astype(np.float64)
    weighted = np.empty_like(held)  # written three times: fresh memory costs more than the product
    found = []
    for order, c in enumerate(_basis(profile)):
        np.multiply(held, c, out=weighted)
        y = float(np.add.reduce(weighted)) / n
        spread = max(float(weighted.dot(c)) - n * y * y, 0.0)
        found.append(
            Component(
                name=f"c{order + 1}", y=y, n=n, variance=spread / (n - 1) if n > 1 else 0.0, share=False
            )
        )
    excess = stuck_cell(profile, summary)[0]
    stuck = Component(name="stuck", y=excess, n=n, variance=excess * (1.0 - excess), share=True)
    return (*found, _share("out_of_range", summary.out_of_range, n), stuck)


def _category(profile: CategoryProfile, summary: CategorySummary, n: int) -> tuple[Component, ...]:
    if n == 0 or profile.values == 0:
        return ()
    levels = len(profile.levels)
    found = [
        _share(f"level:{label}", int(rows), n)
        for label, rows in zip(profile.levels, summary.counts[:levels], strict=True)
    ]
    rest = int(summary.counts[levels:].sum()) + summary.rest
    if int(profile.counts[levels:].sum()) + profile.rest:  # else no row can ever be in it
        found.append(_share("rest", rest, n))
    return (*found, _share("unseen", summary.unseen, n))


def _share(name: str, rows: int, n: int) -> Component:
    y = rows / n
    return Component(name=name, y=y, n=n, variance=y * (1.0 - y), share=True)


def _basis(profile: NumericProfile) -> NDArray[np.float64]:
    """float64[3, 2k + 1]: c1, c2 and c3 of each cell; computed once a profile."""
    found: NDArray[np.float64] | None = profile.memo.get("basis")
    if found is None:
        counts = profile.counts
        u = (np.cumsum(counts) - 0.5 * counts) / profile.values
        u[0], u[-1] = 0.0, 1.0
        v = 2.0 * u - 1.0
        # No v**3: a cube by pow() takes ten times as long as two products.
        found = np.vstack(
            (
                np.sqrt(3.0) * v,
                np.sqrt(5.0) * (3.0 * v**2 - 1.0) / 2.0,
                np.sqrt(7.0) * (5.0 * v**2 - 3.0) * v / 2.0,
            )
        )
        profile.memo["basis"] = found
    return found


def _narrow_shares(profile: NumericProfile) -> NDArray[np.float64]:
    """float64[2k + 1]: reference share of each cell that can be stuck, +inf for the others."""
    found: NDArray[np.float64] | None = profile.memo.get("narrow_shares")
    if found is None:
        found = profile.counts / profile.values
        found[0] = found[-1] = np.inf
        if profile.knots.size > 1:
            half_width = 0.5 * profile.knots[1:] - 0.5 * profile.knots[:-1]
            found[2:-2:2][half_width > _reach(profile)] = np.inf
        profile.memo["narrow_shares"] = found
    return found


def _growth_beside(profile: NumericProfile, held: NDArray[np.float64]) -> NDArray[np.float64]:
    """float64[k − 1]: by how much each cell between two knots would have grown, had it grown as the three
    before it or the three after it, whichever grew more for their width. `held`: its share now."""
    before, width, lower, upper = _between(profile)
    total = np.append(0.0, np.cumsum(np.maximum(held - before, 0.0)))
    below = (total[:-1] - total[lower]) / _or_inf(width[:-1] - width[lower])
    above = (total[upper] - total[1:]) / _or_inf(width[upper] - width[1:])
    beside: NDArray[np.float64] = np.maximum(below, above) * np.diff(width)
    return beside


def _or_inf(width: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(width > _LEAST_WIDTH, width, np.inf)


def _between(profile: NumericProfile) -> tuple[NDArray[Any], ...]:
    """Of the k − 1 cells between two knots the reference's share; their k ends, in whatever unit; where the
    three before each begin; and where the three after it end."""
    found: tuple[NDArray[Any], ...] | None = profile.memo.get("between")
    if found is None:
        count = max(profile.knots.size - 1, 0)
        at = np.arange(count)
        ends = (
            profile.knots / np.abs(profile.knots).max() if count else np.zeros(1)
        )  # no difference overflows
        lower, upper = np.maximum(at - _BESIDE, 0), np.minimum(at + 1 + _BESIDE, count)
        found = profile.counts[2:-2:2] / profile.values, ends, lower, upper
        profile.memo["between"] = found
    return found
