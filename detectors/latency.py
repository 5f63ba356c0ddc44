"""How long did answers take? The quantiles that service levels are written in.

latency_p50, latency_p95 and latency_p99 of the column that the config names as latency; like any numeric
column it is also judged on its shape.

Unit: the column's, milliseconds by its name. Quantiles from the cells, linear inside a cell and exact where
it is a single value; beyond the reference's range known to 6 %. No zero bins; ties are exact. NaN and ±inf
are left out. A window without a finite value: NaN.

These numbers are for reading and for plain thresholds: a level is not a distance, so there is no noise limit.
direction: −1 lower, 1 higher than the reference's own.

Source: Beyer, Jones, Petoff & Murphy 2016, "Site Reliability Engineering", chapter 4.
"""

import math
from dataclasses import dataclass

import numpy as np

from detectors._cells import quantiles
from detectors._column import Role
from detectors._column_profile import NumericProfile
from detectors._measurement import Measurement
from detectors._profile import Profile
from detectors._steps import numeric_columns
from detectors._summary import NumericSummary, WindowSummary

_LEVELS = {"latency_p50": 0.5, "latency_p95": 0.95, "latency_p99": 0.99}


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """No options."""

    def measure(self, profile: Profile, window: WindowSummary) -> list[Measurement]:
        """Three quantiles of each column of the service."""
        return [
            measurement
            for column, summary in numeric_columns(profile, window)
            if column.role is Role.SERVICE
            for measurement in _measure(column, summary)
        ]


def _measure(column: NumericProfile, summary: NumericSummary) -> list[Measurement]:
    levels = np.array(list(_LEVELS.values()))
    before = quantiles(column.knots, column.counts, levels)
    now = summary.quantiles(column, levels)
    return [
        Measurement(
            column=column.name,
            metric=metric,
            value=float(value),
            direction=int(np.sign(value - usual)) if math.isfinite(value - usual) else 0,
            n_reference=column.values - column.infinite,
            n=summary.finite,
        )
        for metric, value, usual in zip(_LEVELS, now, before, strict=True)
    ]
