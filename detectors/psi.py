"""How far did the mix of a column move, bin by bin? The population stability index.

PSI = Σ_b (q_b − p_b) · ln(q_b / p_b), p the reference's and q the window's shares, natural logarithm.

Range [0, ∞), no unit, symmetric in p and q. The folklore limits 0.1 and 0.2 mean little by themselves:
without any drift PSI exceeds 0.1 in 86 % of windows of 50 rows, and at large n 0.2 is blind to a shift of
0.4 sd. So each value comes with its own noise limit: (1/N + 1/n) · χ²₀.₉₉₉(B − 1).

Bins: numeric, reference deciles (tied ones merged; `bins` of them) plus a spike value of ≥ 5 %, below and
above the reference's range, missing; categories, levels of ≥ 1 %, rest with unseen, missing. Zero bins:
shares are (count + ½)/(n + B/2) over the bins with a row on either side; with ε = 10⁻⁴ instead a nominal 0.1
% limit fires in 5 % of 50-row windows. Ties share a bin. NaN is the missing bin, ±inf lies below or above
the range. An empty side: NaN.

Source: Yurdakul & Naranjo 2020, "Statistical properties of the population stability index", Journal of Risk
Model Validation 14(4); Siddiqi 2006, "Credit Risk Scorecards", chapter 10.
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
class PopulationStabilityIndex:
    """`bins`: reference quantile bins of a numeric column, 2 to 100 (merged where tied)."""

    bins: int = DISPLAY_BINS

    def __post_init__(self) -> None:
        check_bins(self.bins)

    def measure(self, profile: Profile, window: WindowSummary) -> list[Measurement]:
        """One `psi` a column."""
        measurements = []
        for pair in comparisons(profile, window, self.bins):
            known = pair.p.shape[0] > 0
            terms = (pair.q - pair.p) * np.log(pair.q / pair.p)
            measurements.append(
                Measurement(
                    column=pair.column,
                    metric="psi",
                    value=float(terms.sum()) if known else math.nan,
                    noise_limit=divergence_limit(pair.p.shape[0], pair.n_reference, pair.n)
                    if known
                    else None,
                    n_reference=pair.n_reference,
                    n=pair.n,
                )
            )
        return measurements
