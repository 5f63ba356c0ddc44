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
from scipy import special

from detectors._jit import kernel
from detectors._measurement import Measurement
from detectors._profile import Profile
from detectors._sampling import EXCEEDANCE, spread
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
    sd = pair.column.sd
    knots = pair.column.knots / sd  # in reference sd from here on: no square overflows
    value, shift, bound, norm, spreads = _along(
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


@kernel
def _along(
    knots: Floats, reference: Floats, window: Floats, low: float, high: float
) -> tuple[float, float, float, float, float]:
    """∫|G − F|, the clipped mean's change, the bound, ∫√(F(1 − F)) and the sd of the clipped reference.

    `reference`: float64[2k + 1], its share up to each cell's end; `window`: float64[2, k], as in Steps. One
    loop over the pieces between neighbouring knots: forty passes over arrays took eight times as long.
    """
    value = shift = bound = norm = mean = square = 0.0
    origin = min(max(knots[0], low), high)
    for i in range(knots.size - 1):
        start, end = min(max(knots[i], low), high), min(max(knots[i + 1], low), high)
        width = end - start
        # Beyond the clip there is nothing, and neighbouring floats may fall together in units of sd.
        if not width > 0.0:
            continue
        step = knots[i + 1] - knots[i]
        first, last = (start - knots[i]) / step, (end - knots[i]) / step
        f, f_rise = reference[2 * i + 1], reference[2 * i + 2] - reference[2 * i + 1]
        g, g_rise = window[1, i], window[0, i + 1] - window[1, i]
        f0, f1 = f + f_rise * first, f + f_rise * last
        d0, d1 = g + g_rise * first - f0, g + g_rise * last - f1
        total = abs(d0) + abs(d1)
        # The mean of |d| along a straight line: two triangles where it changes sign.
        value += width * ((d0 * d0 + d1 * d1) / (2.0 * total) if d0 * d1 < 0.0 else 0.5 * total)
        shift -= width * (d0 + d1)
        bound += width * (f_rise + g_rise)
        middle = 0.5 * (f0 + f1)
        above = 1.0 - middle
        norm += width * math.sqrt(max(0.0, middle * above))
        # Moments of the clipped values from their distribution function: E X = a + ∫(1 − F), E X² likewise.
        mean += width * above
        square += 2.0 * (start - origin + 0.5 * width) * width * above
    return value, shift, bound, norm, math.sqrt(max(0.0, square - mean * mean))
