"""How far apart are the two distributions of a column, weighting rare bins more? The Hellinger distance.

H = √( ½ Σ_b (√q_b − √p_b)² ).

Range [0, 1], no unit, symmetric, a metric. Bins, zero bins, ties, NaN and ±inf are those of psi: shares are
(count + ½)/(n + B/2) over the bins with a row on either side. An empty side: NaN.

Noise limit √( (1/N + 1/n) · χ²₀.₉₉₉(B − 1) / 8 ): to leading order H² is PSI/8. Checked by simulation from
50 rows up.

Source: Le Cam & Yang 2000, "Asymptotics in Statistics", section 3.1.
"""

import math
from dataclasses import dataclass

import numpy as np

from detectors._divergence import DISPLAY_BINS, check_bins, comparisons
from detectors._measurement import Measurement
from detectors._profile import Profile
from detectors._sampling import divergence_limit
from detectors._summary import WindowSummary


@dataclass(frozen=True, slots=True, kw_only=True)
class Hellinger:
    """`bins`: reference quantile bins of a numeric column, 2 to 100 (merged where tied)."""

    bins: int = DISPLAY_BINS

    def __post_init__(self) -> None:
        check_bins(self.bins)

    def measure(self, profile: Profile, window: WindowSummary) -> list[Measurement]:
        """One `hellinger` a column."""
        measurements = []
        for pair in comparisons(profile, window, self.bins):
            known = pair.p.shape[0] > 0
            terms = 0.5 * (np.sqrt(pair.q) - np.sqrt(pair.p)) ** 2
            limit = divergence_limit(pair.p.shape[0], pair.n_reference, pair.n) if known else math.nan
            measurements.append(
                Measurement(
                    column=pair.column,
                    metric="hellinger",
                    value=min(1.0, math.sqrt(float(terms.sum()))) if known else math.nan,
                    noise_limit=min(1.0, math.sqrt(limit / 8.0)) if known else None,
                    n_reference=pair.n_reference,
                    n=pair.n,
                )
            )
        return measurements
