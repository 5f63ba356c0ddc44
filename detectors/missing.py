"""Which share of a column's rows has no value?

missing = missing rows / rows.

Range [0, 1], share of rows. There are no zero bins and no ties: it is one count. Missing is NaN in a number
and code −1 in a category; ±inf is a value, not missing. A
row of a batch that lacked the column is missing. A window without rows: NaN.

Noise limit: the 99.9 % point of the beta-binomial law of a share predicted from the reference, Jeffreys'
prior. It is above 0 where the reference misses nothing, as a share never seen in N rows may still be 1/N. p
is two-sided under the same law. direction: 1 more missing than in the reference, −1 fewer.

Source: Brown, Cai & DasGupta 2001, "Interval estimation for a binomial proportion", Statist. Sci. 16(2), for
the prior.
"""

import math
from dataclasses import dataclass

import numpy as np

from detectors._measurement import Measurement
from detectors._profile import Profile
from detectors._sampling import share_limit, share_p
from detectors._summary import WindowSummary


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """No options."""

    def measure(self, profile: Profile, window: WindowSummary) -> list[Measurement]:
        """One `missing` a column."""
        measurements = []
        for name, summary in window.columns.items():
            column = profile.columns[name]
            n = window.rows
            count = n - summary.values
            change = count * column.rows - column.missing * n
            measurements.append(
                Measurement(
                    column=name,
                    metric="missing",
                    value=count / n if n else math.nan,
                    noise_limit=share_limit(column.missing, column.rows, n),
                    p=share_p(column.missing, column.rows, count, n),
                    direction=int(np.sign(change)),
                    n_reference=column.rows,
                    n=n,
                )
            )
        return measurements
