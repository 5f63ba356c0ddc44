"""How far, in standard deviations, must values be moved to turn one distribution into the other?
Wasserstein-1.

W = ∫ |G(x) − F(x)| dx / sd over [q.001, q.999] of the reference: the earth mover's distance of the values
clipped to these two quantiles, over the reference's standard deviation.

Range [0, (q.999 − q.001)/sd], unit: reference sd. The clip keeps one absurd value from being the whole
answer; out_of_range tells of it. F and G are exact at the knots and taken as straight lines between them;
the exact value lies within ± `bound`, the sum of cell width × (reference + window share inside the cell) /
sd. Ties are exact at their knot. No bins, hence no zero bins. NaN is left out; ±inf is clipped. A side
without a known value, or a reference whose sd is 0 or not finite: NaN. Numeric columns only. direction: sign
of the clipped mean's change.

Noise limit √(1/N + 1/n) · ( √(2/π) ∫√(F(1 − F)) dx + 3.09 · sd_clipped ) / sd. G − F tends to a Brownian
bridge in F. The first term is the mean of its L1 norm. The second is its spread: the norm is a supremum of
Gaussian variables ∫h·(G − F), |h| ≤ 1, none with more variance than h = 1, which is that of the clipped
mean; by Borell's inequality the norm exceeds its median, which lies below its mean, by 3.09 such sd at most
once in 1,000.

Source: Borell 1975, "The Brunn–Minkowski inequality in Gauss space", Invent. Math. 30; Kwapień 1994 (median ≤
mean); del Barrio, Giné & Matrán 1999, Ann. Probab. 27(2), for the limit law.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors._measurement import Measurement
from detectors._profile import Profile
from detectors._sampling import EXCEEDANCE, spread
from detectors._special import special
from detectors._steps import Steps, numeric_columns, steps
from detectors._summary import WindowSummary

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wasserstein:
    """No options."""

    def measure(self, profile: Profile, window: WindowSummary) -> list[Measurement]:
        """One `wasserstein` a numeric column."""
        measurements = []
        for column, summary in numeric_columns(profile, window):
            pair = steps(column, summary)
            low, high = column.quantiles.get(0.001, math.nan), column.quantiles.get(0.999, math.nan)
            if pair is None or not 0.0 < column.sd < math.inf or not low < high:
                measurements.append(
                    Measurement(
                        column=column.name,
                        metric="wasserstein",
                        value=math.nan,
                        n_reference=column.values,
                        n=summary.values,
                    )
                )
                continue
            measurements.append(_measure(pair, low, high))
        return measurements


def _measure(pair: Steps, low: float, high: float) -> Measurement:
    from detectors._transport import along  # noqa: PLC0415  loads numba, which who only reads a config has not

    sd = pair.column.sd
    knots = pair.column.knots / sd  # in reference sd from here on: no square overflows
    value, shift, bound, norm, spreads = along(
        knots, pair.column.cumulative, pair.window, low / sd, high / sd
    )
    noise = math.sqrt(2.0 / math.pi) * norm + float(special.ndtri(1.0 - EXCEEDANCE)) * spreads
    return Measurement(
        column=pair.column.name,
        metric="wasserstein",
        value=value,
        noise_limit=math.sqrt(spread(pair.n_reference, pair.n)) * noise,
        bound=bound if bound > 0.0 else None,
        direction=int(np.sign(shift)),
        n_reference=pair.n_reference,
        n=pair.n,
    )
