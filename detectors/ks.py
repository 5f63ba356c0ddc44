"""At which value do the two cumulative distributions differ most, and by how much? Kolmogorov–Smirnov.

D = sup_x |G(x) − F(x)|, F the reference's and G the window's distribution function of the known values.

Range [0, 1], no unit. Reported is the largest difference at and just below the knots; the exact statistic
lies within ± `bound` of it, and is exact (`bound` None) when every reference value is a knot: a window value
between two knots meets no reference value there, so no larger difference hides. `bound` ≤ the largest share
of reference rows between two knots, about 1/4,096. No bins, hence no zero bins. Ties are counted exactly, at
their knot. NaN is left out; ±inf counts as below or above everything finite. A side without a known value:
NaN. Numeric columns only.

p: Kolmogorov's limit law at √(N·n/(N + n)) · D, rows taken as independent: exact for N, n → ∞ and no ties;
conservative for small n and for discrete columns. Noise limit K⁻¹(0.001) · √(1/N + 1/n), from the same law.
direction: 1 where the window lies higher (G below F at the largest difference).

Source: Smirnov 1948, "Table for estimating the goodness of fit of empirical distributions", Ann. Math.
Statist. 19(2); Noether 1963 for ties.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy import special

from detectors._measurement import Measurement
from detectors._profile import Profile
from detectors._sampling import EXCEEDANCE, spread
from detectors._steps import Steps, numeric_columns, steps
from detectors._summary import WindowSummary


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
    left = pair.window_left - pair.reference_left
    right = pair.window_right - pair.reference_right
    both = np.concatenate([left, right])
    largest = int(np.argmax(np.abs(both)))
    value = float(abs(both[largest]))
    # Between knot i and i + 1 both functions only rise: the difference there is at most end minus start.
    start_f, start_g = np.append(0.0, pair.reference_right), np.append(0.0, pair.window_right)
    end_f, end_g = np.append(pair.reference_left, 1.0), np.append(pair.window_left, 1.0)
    inside = pair.column.below > 0  # cells without a reference value hide nothing
    hidden = np.maximum(end_g - start_f, end_f - start_g)[inside]
    bound = max(0.0, float(hidden.max()) - value) if hidden.shape[0] else 0.0
    noise = math.sqrt(spread(pair.n_reference, pair.n))
    return Measurement(
        column=pair.column.name,
        metric="ks",
        value=value,
        noise_limit=min(1.0, float(special.kolmogi(EXCEEDANCE)) * noise),
        p=float(special.kolmogorov(value / noise)),
        bound=bound if bound > 0.0 else None,
        direction=-int(np.sign(both[largest])),
        n_reference=pair.n_reference,
        n=pair.n,
    )
