"""Did one single value take over a numeric column, as when a sensor hangs or a default is filled in?

stuck = max over the narrow cells of q_cell − p_cell − b_cell; a window whose minimum equals its maximum
counts as one narrow cell at that value. b_cell: of a cell between two knots its width times the growth per
width of the three cells before or the three after it, the larger one; else 0. Where values move into a dense
stretch of the reference all its cells grow, and none holds one value.

Range [0, 1], share of the known values, floored at 0. Narrow are the cells at a knot and those between two
knots no wider than 0.2 % of q.999 − q.001, and beyond the reference's range the intervals of the log grid
(6 % of the value) that are as narrow; wider ones never count: in an unusual week they hold many distinct
values. No zero bins: raw shares. Ties are the point. NaN is left out; ±inf never counts. Windows of fewer
than 20 known values: NaN. Numeric columns only.

Noise limit: the smallest t with Σ_cells P(K_cell ≥ n(t + p_cell)) ≤ 0.001, plus one row: a union bound over
the narrow cells, K_cell the rows a cell would get without drift (see _sampling.cell_excess_limit).

Source: the definition is this file's; for the union bound any text, e.g. Feller 1968, volume 1, section IV.1.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors._column_profile import NumericProfile
from detectors._components import STUCK_ROWS, stuck_cell
from detectors._measurement import Measurement
from detectors._profile import Profile
from detectors._sampling import CellGroups, cell_excess_limit, cell_groups
from detectors._steps import numeric_columns
from detectors._summary import NumericSummary, WindowSummary

_NARROW = 0.002  # width of a cell between two knots, as a share of q.999 − q.001, up to which it counts


@dataclass(frozen=True, slots=True, kw_only=True)
class Stuck:
    """No options."""

    def measure(self, profile: Profile, window: WindowSummary) -> list[Measurement]:
        """One `stuck` a numeric column."""
        return [_measure(column, summary) for column, summary in numeric_columns(profile, window)]


def _measure(column: NumericProfile, summary: NumericSummary) -> Measurement:
    n_reference, n = column.values, summary.values
    value, limit = math.nan, None
    if n >= STUCK_ROWS and n_reference > 0:
        value = stuck_cell(column, summary)[0]
        limit = cell_excess_limit(_groups(column), n_reference, n)
    return Measurement(
        column=column.name,
        metric="stuck",
        value=value,
        noise_limit=limit,
        n_reference=n_reference,
        n=n,
    )


def _groups(column: NumericProfile) -> CellGroups:
    """Computed once a profile."""
    found: CellGroups | None = column.memo.get("stuck_groups")
    if found is None:
        narrow = _narrow(column)
        found = cell_groups(column.counts[narrow], _singles(column)[narrow])
        column.memo["stuck_groups"] = found
    return found


def _narrow(column: NumericProfile) -> NDArray[np.bool_]:
    """bool[2k + 1]: the cells at knots, those between two close knots, and the open ones, which hold more
    than any narrow interval in them."""
    cells = np.zeros(column.counts.shape[0], dtype=bool)
    cells[1::2] = cells[0] = cells[-1] = True
    if column.knots.shape[0] > 1:
        half_span = 0.5 * column.quantiles[0.999] - 0.5 * column.quantiles[0.001]
        cells[2:-1:2] = np.diff(0.5 * column.knots) <= _NARROW * half_span  # halves cannot overflow
    return cells


def _singles(column: NumericProfile) -> NDArray[np.int64]:
    """int64[2k + 1]: how many of the two knots beside an open cell are a single reference row; 0 at knots."""
    cells = np.zeros(column.counts.shape[0], dtype=np.int64)
    single = (column.at == 1).astype(np.int64)
    cells[2::2] += single
    cells[:-1:2] += single
    return cells
