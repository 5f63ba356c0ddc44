"""What do the two distribution functions of a numeric column look like at the profile's knots?"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors._column_profile import NumericProfile
from detectors._profile import Profile
from detectors._summary import NumericSummary, WindowSummary

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """Shares of the known values (missing left out) below and up to each knot; all of one column."""

    column: NumericProfile
    summary: NumericSummary
    n_reference: int  # known reference values
    n: int  # known window values
    reference_left: Floats  # float64[k]: share < knot
    reference_right: Floats  # float64[k]: share ≤ knot
    window_left: Floats  # float64[k]
    window_right: Floats  # float64[k]


def numeric_columns(
    profile: Profile, window: WindowSummary
) -> Iterator[tuple[NumericProfile, NumericSummary]]:
    """The numeric columns the window holds, in the window's order."""
    for name, summary in window.columns.items():
        column = profile.columns[name]
        if isinstance(column, NumericProfile) and isinstance(summary, NumericSummary):
            yield column, summary


def steps(column: NumericProfile, summary: NumericSummary) -> Steps | None:
    """None where a side holds no known value."""
    n_reference, n = column.values, summary.values
    if n_reference == 0 or n == 0:
        return None
    ours, theirs = np.cumsum(column.counts) / n_reference, np.cumsum(summary.counts) / n
    return Steps(
        column=column,
        summary=summary,
        n_reference=n_reference,
        n=n,
        reference_left=ours[0:-1:2],
        reference_right=ours[1::2],
        window_left=theirs[0:-1:2],
        window_right=theirs[1::2],
    )
