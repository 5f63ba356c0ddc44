"""At which value do the two cumulative distributions differ most, and by how much? Kolmogorov–Smirnov.

D = sup_x |G(x) − F(x)|, F the reference's and G the window's distribution function of the known values.

Range [0, 1], no unit. Reported is the largest difference at and just below the knots; the exact statistic
lies within ± `bound` of it, and is exact (`bound` None) when every reference value is a knot: a window value
between two knots meets no reference value there, so no larger difference hides. `bound` ≤ the largest share
of reference rows between two knots, as counted: 1/4,096 at most where the reference was held; about that, by
chance a third more, where knots are those of a sample of a million rows. No bins, hence no zero bins. Ties
are counted exactly, at their knot. NaN is left out; ±inf counts as below or above everything finite. A side
without a known value, or a reference without a finite one: NaN. Numeric columns only.

p: Kolmogorov's limit law at √(N·n/(N + n)) · D, rows taken as independent: exact for N, n → ∞ and no ties;
conservative for small n and for discrete columns. Noise limit K⁻¹(0.001) · √(1/N + 1/n), from the same law.
direction: 1 where the window lies higher (G below F at the largest difference).

Source: Smirnov 1948, "Table for estimating the goodness of fit of empirical distributions", Ann. Math.
Statist. 19(2); Noether 1963 for ties.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors._column_profile import NumericProfile
from detectors._measurement import Measurement
from detectors._profile import Profile
from detectors._sampling import EXCEEDANCE, spread
from detectors._special import special
from detectors._steps import Steps, numeric_columns, steps
from detectors._summary import WindowSummary

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class KolmogorovSmirnov:
    """No options."""

    def measure(self, profile: Profile, window: WindowSummary) -> list[Measurement]:
        """One `ks` a numeric column."""
        measurements = []
        for column, summary in numeric_columns(profile, window):
            pair = steps(column, summary)
            if pair is None:
                measurements.append(
                    Measurement(
                        column=column.name,
                        metric="ks",
                        value=math.nan,
                        n_reference=column.values,
                        n=summary.values,
                    )
                )
                continue
            measurements.append(_measure(pair))
        return measurements


def _measure(pair: Steps) -> Measurement:
    known = _known(pair.column)
    largest = _extreme((pair.window - known.steps).ravel())
    value = abs(largest)
    # Between knot i and i + 1 both functions only rise: the difference there is at most end minus start.
    ahead, behind = pair.window - known.across
    bound = max(float(ahead.max()), -float(behind.min()), known.outside) - value
    noise = math.sqrt(spread(pair.n_reference, pair.n))
    return Measurement(
        column=pair.column.name,
        metric="ks",
        value=value,
        noise_limit=min(1.0, float(special.kolmogi(EXCEEDANCE)) * noise),
        p=float(special.kolmogorov(value / noise)),
        bound=bound if bound > 0.0 else None,
        direction=-int(np.sign(largest)),
        n_reference=pair.n_reference,
        n=pair.n,
    )


def _extreme(difference: Floats) -> float:
    """The first of those with the largest magnitude."""
    high, low = int(np.argmax(difference)), int(np.argmin(difference))
    top, bottom = float(difference[high]), float(difference[low])
    if top == -bottom:
        return top if high < low else bottom
    return top if top > -bottom else bottom


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """The reference's distribution function F at its knots and across the cells between them."""

    steps: Floats  # float64[2, k]: below and up to each knot
    # float64[2, k]: F where the cell below a knot begins, and F where the cell above it ends; ±inf where no
    # reference row lies in the cell, which then hides nothing.
    across: Floats
    outside: float  # the same for the two open cells, where the window's share is 0 or 1 at the far end


def _known(column: NumericProfile) -> _Known:
    """Computed once a profile."""
    found: _Known | None = column.memo.get("ks")
    if found is None:
        left, right = column.cumulative[0:-1:2], column.cumulative[1::2]
        inside = column.below > 0
        start = np.where(inside, np.append(0.0, right), np.inf)
        end = np.where(inside, np.append(left, 1.0), -np.inf)
        found = _Known(
            steps=np.stack([left, right]),
            across=np.stack([start[:-1], end[1:]]),
            outside=max(1.0 - float(start[-1]), float(end[0])),
        )
        column.memo["ks"] = found
    return found
