"""How well is a window the reference times a factor, or a line? Facts for monitor/unit_change.py.

Each is {a, b, residual, scale, scale_residual}: window ≈ a + b·reference, and ≈ scale·reference; what is left
over, in sd of the window.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors._column_profile import NumericProfile
from detectors._summary import MOMENT_CLIP, NumericSummary, moment_scale

_NARROWEST = 0.01  # in sd of the reference: below it rounded squares (2⁻²¹ sd²) are felt in a window's sd
_COARSE = 0.2  # mean width of the cells that a window's quantiles lie in, in its sd

Fit = dict[str, Any]  # JSON


def unit_fit(
    profile: NumericProfile,
    summary: NumericSummary,
    reference: NDArray[np.float64],
    window: NDArray[np.float64],
) -> Fit | None:
    """`reference`: float64[levels], its quantiles; `window`: float64[3, levels], the least that its own can
    be, what they are, the most (`_cells.located`). None where either side is flat."""
    few = _of_few_cells(profile, summary, reference, window[0], window[2])
    return few or _of_quantiles(reference, window[1])


def _of_few_cells(
    profile: NumericProfile,
    summary: NumericSummary,
    reference: NDArray[np.float64],
    least: NDArray[np.float64],
    most: NDArray[np.float64],
) -> Fit | None:
    """Where the window stands in few and wide cells, as pressures do in another unit: there its
    quantiles are guesses between the ends of a cell; None elsewhere.

    Line and factor are those of mean and sd, which are exact (the factor that of the root mean square), and
    `residual` is how far the converted reference quantiles lie outside the cells of the window's; that of the
    factor is at least what mean and sd, which must both fit, leave over. Where the moments are clipped, or
    too coarse for so narrow a window, the factor is the middle of those that put every quantile into its
    cell.
    """
    if not np.isfinite(reference).all() or profile.sd <= 0.0 or not summary.finite:
        return None
    centre, unit = moment_scale(profile)
    mean, sd = summary.mean(profile), summary.sd(profile)
    # Plain floats: beyond the largest they are infinite, and say nothing.
    reach, centre = MOMENT_CLIP * float(unit), float(centre)
    exact = max(summary.maximum - centre, centre - summary.minimum) <= reach and sd >= _NARROWEST * unit
    width = float(np.mean(most - least))
    spread = sd if exact else 0.25 * (summary.maximum - summary.minimum)  # of a thousand rows 6 sd, of ten 3
    if not spread > 0.0 or width < _COARSE * spread:
        return None

    def outside(converted: NDArray[np.float64]) -> float:
        off = np.maximum(np.maximum(least - converted, converted - most), 0.0) / spread
        return float(np.sqrt(np.mean(off**2)))

    if exact:
        b, scale = sd / profile.sd, math.hypot(mean, sd) / math.hypot(profile.mean, profile.sd)
        a = mean - b * profile.mean
        left = math.hypot(mean - scale * profile.mean, sd - scale * profile.sd) / sd
    elif min(reference[0], least[0]) > 0.0 or max(reference[-1], most[-1]) < 0.0:  # a factor keeps the sign
        ends = np.sort(np.abs(np.vstack((least, most))), axis=0) / np.abs(reference)
        scale = math.sqrt(float(ends[0].max()) * float(ends[1].min()))
        a, b, left = 0.0, scale, 0.0
    else:
        return None
    return {
        "a": _number(a),
        "b": _number(b),
        "residual": outside(a + b * reference),
        "scale": _number(scale),
        "scale_residual": max(outside(scale * reference), left),
    }


def _of_quantiles(reference: NDArray[np.float64], window: NDArray[np.float64]) -> Fit | None:
    """Window quantiles as a + b·reference quantiles (least squares), and as b·reference alone.

    `residual`: rms distance from the line as a share of the sd of the window's quantiles. None when either
    side is flat.
    """
    if not (np.isfinite(reference).all() and np.isfinite(window).all()):
        return None
    # Divided by their magnitude, so that squares of huge values stay finite.
    size_x, size_y = float(np.abs(reference).max()), float(np.abs(window).max())
    if size_x == 0.0 or size_y == 0.0:
        return None
    x, y = reference / size_x, window / size_y
    spread_x, spread_y = float(np.std(x)), float(np.std(y))
    if spread_x < 1e-12 or spread_y < 1e-12:
        return None
    b = float(np.mean((x - x.mean()) * (y - y.mean()))) / spread_x**2
    a = float(y.mean()) - b * float(x.mean())
    scale = float(x @ y) / float(x @ x)
    unit = size_y / size_x
    return {
        "a": _number(a * size_y),
        "b": _number(b * unit),
        "residual": float(np.sqrt(np.mean((y - a - b * x) ** 2))) / spread_y,
        "scale": _number(scale * unit),
        "scale_residual": float(np.sqrt(np.mean((y - scale * x) ** 2))) / spread_y,
    }


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
