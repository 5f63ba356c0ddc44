"""How far do two distribution functions lie apart, and how far would they by chance? Compiled."""

import math

import numpy as np
from numpy.typing import NDArray

from detectors._jit import kernel

Floats = NDArray[np.float64]


@kernel
def along(
    knots: Floats, reference: Floats, window: Floats, low: float, high: float
) -> tuple[float, float, float, float, float]:
    """∫|G − F|, the clipped mean's change, the bound, ∫√(F(1 − F)) and the sd of the clipped reference.

    `reference`: float64[2k + 1], its share up to each cell's end; `window`: float64[2, k], as in Steps. One
    loop over the pieces between neighbouring knots: passes over whole arrays took five times as long.
    """
    value = shift = bound = norm = mean = square = 0.0
    origin = min(max(knots[0], low), high)
    for i in range(knots.size - 1):
        start, end = min(max(knots[i], low), high), min(max(knots[i + 1], low), high)
        width = end - start
        # Beyond the clip there is nothing, and neighbouring floats may fall together in units of sd.
        if width <= 0.0:
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
