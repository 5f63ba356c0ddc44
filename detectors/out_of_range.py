"""Which share of a numeric column's values lies far outside anything the reference has seen?

out_of_range = values beyond the outer edges / known values; the edges are min − ½·range and max + ½·range of
the reference's finite values.

Range [0, 1], share of the known values. No zero bins, no ties; a value equal to an edge is within. NaN is
left out of both counts; ±inf is out of range. A window without a known value: NaN. Numeric columns only.

Noise limit: the 99.9 % beta-binomial point predicted from none in N reference values (from the reference's
own ±inf where it holds any): about 7/N for a large window. direction: 1 mostly above, −1 mostly below.

Source: Brown, Cai & DasGupta 2001, Statist. Sci. 16(2), for the prior; the edges are a convention of this
file.
"""

import math
from dataclasses import dataclass

import numpy as np

from detectors._measurement import Measurement
from detectors._profile import Profile
from detectors._sampling import share_limit
from detectors._steps import numeric_columns
from detectors._summary import WindowSummary


@dataclass(frozen=True, slots=True, kw_only=True)
class OutOfRange:
    """No options."""

    def measure(self, profile: Profile, window: WindowSummary) -> list[Measurement]:
        """One `out_of_range` a numeric column."""
        measurements = []
        for column, summary in numeric_columns(profile, window):
            n_reference = column.values
            n = summary.values
            count = summary.out_of_range
            measurements.append(
                Measurement(
                    column=column.name,
                    metric="out_of_range",
                    value=count / n if n else math.nan,
                    noise_limit=share_limit(column.infinite, n_reference, n),
                    direction=int(np.sign(summary.above_edge - summary.below_edge)),
                    n_reference=n_reference,
                    n=n,
                )
            )
        return measurements
