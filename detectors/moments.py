"""Where do a numeric column's values lie, and how far do they scatter, in the column's own unit?

mean, sd, and the quantiles q05 q25 median q75 q95 of the window's known finite values.

Unit: the column's. mean and sd come from exact sums of values rounded to 2⁻²⁰ reference sd; quantiles from
the cells, linear inside a cell and exact where it is a single value. No zero bins; ties are exact. NaN and
±inf are left out. A window without a finite value: NaN; sd of one row: NaN.

These numbers are for reading and for plain thresholds: a level is not a distance, so there is no noise
limit. mean carries p, two-sided, of the normal law with the reference's sd. direction: −1 lower, 1 higher
than the same number of the reference.

Source: any text; the rule for p is the z test, e.g. Lehmann & Romano 2005, section 4.4.
"""

import math
from dataclasses import dataclass

import numpy as np

from detectors._column_profile import NumericProfile
from detectors._measurement import Measurement
from detectors._profile import Profile
from detectors._sampling import spread
from detectors._steps import numeric_columns
from detectors._summary import NumericSummary, WindowSummary

_QUANTILES = {"q05": 0.05, "q25": 0.25, "median": 0.5, "q75": 0.75, "q95": 0.95}


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """No options."""

    def measure(self, profile: Profile, window: WindowSummary) -> list[Measurement]:
        """`mean`, `sd` and five quantiles a numeric column."""
        measurements = []
        for column, summary in numeric_columns(profile, window):
            measurements += _measure(column, summary)
        return measurements


def _measure(column: NumericProfile, summary: NumericSummary) -> list[Measurement]:
    n_reference, n = column.values - column.infinite, summary.finite
    found = summary.quantiles(column, np.array(list(_QUANTILES.values())))
    levels = dict(zip(_QUANTILES, (float(value) for value in found), strict=True))
    mean = summary.mean(column)
    reference = {metric: column.quantiles.get(level, math.nan) for metric, level in _QUANTILES.items()}
    pairs = {
        "mean": (mean, column.mean),
        "sd": (summary.sd(column), column.sd),
        **{metric: (levels[metric], reference[metric]) for metric in _QUANTILES},
    }
    return [
        Measurement(
            column=column.name,
            metric=metric,
            value=float(value),
            p=_p(value - before, column.sd, n_reference, n) if metric == "mean" else None,
            direction=int(np.sign(value - before)) if math.isfinite(value - before) else 0,
            n_reference=n_reference,
            n=n,
        )
        for metric, (value, before) in pairs.items()
    ]


def _p(difference: float, sd: float, n_reference: int, n: int) -> float | None:
    if not (math.isfinite(difference) and sd > 0.0):
        return None
    return math.erfc(abs(difference) / sd / math.sqrt(2.0 * spread(n_reference, n)))
