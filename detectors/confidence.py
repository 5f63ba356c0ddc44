"""Did the model's own confidence change, and the mix of the classes it predicts?

max_probability_shift, entropy_shift, margin_shift = |window mean − reference mean| of the largest
probability, of the entropy −Σ p ln p, and of the largest minus the second largest probability, each derived
per row from the score. predicted_class_distance = ½ Σ_c |q_c − p_c| over the predicted classes (total
variation).

Units: probability, nats, probability, share of rows; all ≥ 0. direction: 1 where the window's mean is
higher, 0 for the classes. Rows whose score is missing are left out; a score of ±inf, or outside [0, 1], is
the caller's fault and told by out_of_range on the score. No zero bins, no ties. A side without a known row:
NaN. Classification only: a regression has no such columns.

Noise limits: shifts z₀.₉₉₉₅ · sd · √(1/N + 1/n), sd of the reference rows, p two-sided from the same normal
law. Classes: √(1/N + 1/n) · (½ √(2/π) Σ √(p_c(1 − p_c)) + 3.09 · max_S √(P_S(1 − P_S))) + 1/(2n): mean of
the Gaussian limit, and Borell's bound on its spread; the maximum over sets of classes S is ½ unless one
class holds more than half.

Source: Shannon 1948; Hendrycks & Gimpel 2017, "A baseline for detecting misclassified and out-of-distribution
examples", arXiv:1610.02136 (the maximum probability); Borell 1975, Invent. Math. 30.
"""

import math
from dataclasses import dataclass

import numpy as np

from detectors._column_profile import CategoryProfile, NumericProfile
from detectors._derived import ENTROPY, MARGIN, MAX_PROBABILITY, PREDICTED_CLASS
from detectors._measurement import Measurement
from detectors._profile import Profile
from detectors._sampling import EXCEEDANCE, spread
from detectors._special import special
from detectors._summary import CategorySummary, NumericSummary, WindowSummary

_SHIFTS = {
    MAX_PROBABILITY: "max_probability_shift",
    ENTROPY: "entropy_shift",
    MARGIN: "margin_shift",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Confidence:
    """No options."""

    def measure(self, profile: Profile, window: WindowSummary) -> list[Measurement]:
        """One measurement a derived column the window holds."""
        measurements = []
        for name, metric in _SHIFTS.items():
            column, summary = profile.columns.get(name), window.columns.get(name)
            if isinstance(column, NumericProfile) and isinstance(summary, NumericSummary):
                measurements.append(_shift(column, summary, metric))
        column, summary = profile.columns.get(PREDICTED_CLASS), window.columns.get(PREDICTED_CLASS)
        if isinstance(column, CategoryProfile) and isinstance(summary, CategorySummary):
            measurements.append(_classes(column, summary))
        return measurements


def _shift(column: NumericProfile, summary: NumericSummary, metric: str) -> Measurement:
    n_reference, n = column.values - column.infinite, summary.finite
    difference = summary.mean(column) - column.mean if n_reference > 0 and n > 0 else math.nan
    limit, p = None, None
    if math.isfinite(difference):
        error = column.sd * math.sqrt(spread(n_reference, n))
        limit = -float(special.ndtri(0.5 * EXCEEDANCE)) * error
        p = math.erfc(abs(difference) / error / math.sqrt(2.0)) if error > 0.0 else float(difference == 0.0)
    return Measurement(
        column=column.name,
        metric=metric,
        value=abs(difference),
        noise_limit=limit,
        p=p,
        direction=int(np.sign(difference)) if math.isfinite(difference) else 0,
        n_reference=n_reference,
        n=n,
    )


def _classes(column: CategoryProfile, summary: CategorySummary) -> Measurement:
    a = np.append(column.counts, [column.rest, 0])
    b = np.append(summary.counts, [summary.rest, summary.unseen])
    n_reference, n = int(a.sum()), int(b.sum())
    value, limit = math.nan, None
    if n_reference > 0 and n > 0:
        p = a / n_reference
        value = 0.5 * float(np.abs(b / n - p).sum())
        top = float(p.max())
        widest = math.sqrt(top * (1.0 - top)) if top > 0.5 else 0.5
        mean = 0.5 * math.sqrt(2.0 / math.pi) * float(np.sqrt(p * (1.0 - p)).sum())
        noise = mean + float(special.ndtri(1.0 - EXCEEDANCE)) * widest
        limit = min(1.0, math.sqrt(spread(n_reference, n)) * noise + 0.5 / n)
    return Measurement(
        column=column.name,
        metric="predicted_class_distance",
        value=value,
        noise_limit=limit,
        n_reference=n_reference,
        n=n,
    )
