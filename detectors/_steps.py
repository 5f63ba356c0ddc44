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
    window: Floats  # float64[2, k]: the window's, below and up to each knot

    @property
    def window_left(self) -> Floats:
        """float64[k]: share < knot."""
        left: Floats = self.window[0]
        return left

    @property
    def window_right(self) -> Floats:
        """float64[k]: share ≤ knot."""
        right: Floats = self.window[1]
        return right


def numeric_columns(
    profile: Profile, window: WindowSummary
) -> Iterator[tuple[NumericProfile, NumericSummary]]:
    """The numeric columns the window holds, in the window's order."""
    for name, summary in window.columns.items():
        column = profile.columns[name]
        if isinstance(column, NumericProfile) and isinstance(summary, NumericSummary):
            yield column, summary


def steps(column: NumericProfile, summary: NumericSummary) -> Steps | None:
    """None where a side holds no known value, or the reference no finite one: then there is no knot."""
    n_reference = column.values
    if n_reference == 0 or column.knots.size == 0:
        return None
    # A running sum waits for its own last result, so half as many terms is half the time: whole numbers are
    # exact in any order, and what lies below a knot is what lies up to it without the rows at it.
    at = summary.counts[1::2]
    right = np.cumsum(summary.counts[:-1:2] + at)
    n = int(right[-1]) + int(summary.counts[-1])
    if n == 0:
        return None
    window = np.empty((2, at.shape[0]))
    window[0], window[1] = right - at, right
    window /= n
    return Steps(
        column=column,
        summary=summary,
        n_reference=n_reference,
        n=n,
        reference_left=column.cumulative[0:-1:2],
        reference_right=column.cumulative[1::2],
        window=window,
    )
