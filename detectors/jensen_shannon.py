"""How far apart are the two distributions of a column, between 0 (same) and 1 (disjoint)? Jensen–Shannon.

JS = √( ½ Σ p_b log₂(p_b / m_b) + ½ Σ q_b log₂(q_b / m_b) ), m = (p + q)/2: the distance, not its square.

Range [0, 1], no unit, symmetric, a metric. Logarithms are to base 2; Evidently and SciPy default to base e,
whose values are √(ln 2) = 0.833 of these. Bins, zero bins, ties, NaN and ±inf are those of psi: shares are
(count + ½)/(n + B/2) over the bins with a row on either side. An empty side: NaN.

Noise limit √( (1/N + 1/n) · χ²₀.₉₉₉(B − 1) / (8 ln 2) ): to leading order the squared distance in nats is
PSI/8. Checked by simulation from 50 rows up.

Source: Endres & Schindelin 2003, "A new metric for probability distributions", IEEE Trans. Inf. Theory 49(7).
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
class JensenShannon:
    """`bins`: reference quantile bins of a numeric column, 2 to 100 (merged where tied)."""

    bins: int = DISPLAY_BINS

    def __post_init__(self) -> None:
        check_bins(self.bins)

    def measure(self, profile: Profile, window: WindowSummary) -> list[Measurement]:
        """One `jensen_shannon` a column."""
        measurements = []
        for pair in comparisons(profile, window, self.bins):
            known = pair.p.shape[0] > 0
            middle = 0.5 * (pair.p + pair.q)
            terms = 0.5 * (pair.p * np.log2(pair.p / middle) + pair.q * np.log2(pair.q / middle))
            terms = np.maximum(terms, 0.0)  # each is ≥ 0; rounding may say −1e-17
            limit = divergence_limit(pair.p.shape[0], pair.n_reference, pair.n) if known else math.nan
            measurements.append(
                Measurement(
                    column=pair.column,
                    metric="jensen_shannon",
                    value=min(1.0, math.sqrt(float(terms.sum()))) if known else math.nan,
                    noise_limit=min(1.0, math.sqrt(limit / (8.0 * math.log(2.0)))) if known else None,
                    n_reference=pair.n_reference,
                    n=pair.n,
                )
            )
        return measurements
