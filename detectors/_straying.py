"""How far, for how long and how wildly may each component stray, given all components of its model?

Memory, variance between windows, the scale of each side and the tail are estimated in this order, each given
the ones before it, and each pooled over the components of a kind before it is used (`_pooling`).
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors import _ewma
from detectors._column import JOINT, PERFORMANCE
from detectors._pooling import LEAST, Pooled, pool
from detectors._scatter import (
    VARIANCE_FLOOR,
    Memory,
    Scatter,
    degrees,
    excess_kurtosis,
    memory,
    root_mean_square,
    tails_a_side,
)

Floats = NDArray[np.float64]
Kind = tuple[str, int]

# Correlations under dependence have heavy tails. Hundreds of pairs together know how heavy; to assume 8 of
# each would lose nearly half of the changes of r by 0.5 in 1,000 rows of 40 columns. A few pairs do not know,
# and need no more power than this leaves them.
_NU_JOINT = 8.0
# A share that expects fewer rows a window has the skew and tail of its count, no kin of the others' (five:
# Cochran, Biometrics 10, 1954).
_ROWS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Straying:
    """One component."""

    memory: Memory
    tau2: float
    up: float
    down: float
    nu_up: float
    nu_down: float
    ewma_nu: float
    sum_nu: float
    scaled: Floats  # f8[used] residuals over the sd of their window


def straying(found: Sequence[Scatter]) -> list[Straying]:
    """Of each component, in the given order."""
    kinds = [_kind(each) for each in found]
    family = Counter(kinds)

    def pooled(values: Sequence[float], error: Sequence[float]) -> Pooled:
        return _by_kind(kinds, np.array(values), np.array(error))

    remembers = _memories(found, kinds)
    fitted = [each.fitted_means - 1.0 + m.windows for each, m in zip(found, remembers, strict=True)]
    spreads = [max(each.spread(f), VARIANCE_FLOOR) for each, f in zip(found, fitted, strict=True)]
    units = [max(each.unit, VARIANCE_FLOOR) for each in found]
    # A mean of R squares of a normal law strays by √(2/R) of itself: in its logarithm everywhere alike.
    ratio = pooled(
        [np.log(spread / unit) for spread, unit in zip(spreads, units, strict=True)],
        [np.sqrt(2.0 * m.windows / each.used) for each, m in zip(found, remembers, strict=True)],
    )
    tau2 = [
        max(0.0, float(np.exp(value)) * unit - each.unit)
        for each, value, unit in zip(found, ratio.values, units, strict=True)
    ]
    scaled = [_scaled(each, t, f) for each, t, f in zip(found, tau2, fitted, strict=True)]
    up = _scales([z[z > 0.0] for z in scaled], pooled)
    down = _scales([z[z < 0.0] for z in scaled], pooled)
    # The tail is that of z, which is measured in the scale of its side: skew is not counted twice.
    standard = [z / np.where(z > 0.0, u, d) for z, u, d in zip(scaled, up, down, strict=True)]
    # The variance of the fourth moment of R normal values, Kendall & Stuart, Advanced Theory of Statistics 1.
    error = [np.sqrt(24.0 / each.used) for each in found]
    tails = pooled([excess_kurtosis(z) for z in standard], error).values
    by_side = [tails_a_side(z, float(tail)) for z, tail in zip(standard, tails, strict=True)]
    clipped = [np.clip(z, -_ewma.CLIP, _ewma.CLIP) for z in standard]
    ewma_tails = pooled([excess_kurtosis(z) for z in clipped], error).values
    result = []
    for i, each in enumerate(found):
        remembered = remembers[i]
        # A variance that the whole family agrees on is known from that many more windows.
        freedom = max((each.used / remembered.windows - (each.fitted_means - 1.0)) / ratio.weight[i], 4.0)
        alone = each.key[0] == JOINT and family[kinds[i]] < LEAST
        most = min(freedom, _NU_JOINT) if alone else freedom
        nu_up, nu_down = (degrees(tail, most) for tail in by_side[i])
        nu = min(nu_up, nu_down)
        # Averaging loses the tail of z as far as windows are independent, and two windows lose half of it.
        # But storms come in spells and wreck performance for days: no tail is averaged away there.
        spells = each.key[0] == PERFORMANCE
        ewma_nu = nu if spells else degrees(remembered.rho * float(ewma_tails[i]), freedom)
        sum_nu = nu if spells else degrees(max(remembered.rho, 0.5) * float(ewma_tails[i]), freedom)
        result.append(
            Straying(
                memory=remembered,
                tau2=tau2[i],
                up=up[i],
                down=down[i],
                nu_up=nu_up,
                nu_down=nu_down,
                ewma_nu=ewma_nu,
                sum_nu=sum_nu,
                scaled=scaled[i],
            )
        )
    return result


def _kind(found: Scatter) -> Kind | None:
    """Components whose estimates may be compared: of one sort, over as many windows. None: alone."""
    name = found.key[1]
    if not found.residual.any():
        return None
    if name in ("c1", "c2", "c3"):
        return "smooth", found.used
    if found.key[0] == JOINT:
        return "pair", found.used
    counted = name in ("missing", "rest") or name.startswith("level:")
    if counted and float(np.mean(found.y) * np.mean(found.n)) >= _ROWS:
        return "share", found.used
    return None


def _by_kind(kinds: Sequence[Kind | None], values: Floats, error: Floats) -> Pooled:
    result, weight = values.copy(), np.ones(len(values))
    for kind in {kind for kind in kinds if kind is not None}:
        members = np.array([i for i, each in enumerate(kinds) if each == kind])
        found = pool(values[members], error[members])
        result[members], weight[members] = found.values, found.weight
    return Pooled(values=result, weight=weight)


def _memories(found: Sequence[Scatter], kinds: Sequence[Kind | None]) -> list[Memory]:
    """Each lag by itself: an estimated correlation strays by 1/√R (Bartlett, J. R. Statist. Soc. 8, 1946)."""
    lags = max((each.correlations.size for each in found), default=0)
    table = np.zeros((len(found), lags))
    for i, each in enumerate(found):
        table[i, : each.correlations.size] = each.correlations
    error = np.array([1.0 / np.sqrt(each.used) for each in found])
    for lag in range(lags):
        table[:, lag] = _by_kind(kinds, table[:, lag], error).values
    return [memory(table[i, : each.correlations.size], each.used) for i, each in enumerate(found)]


def _scaled(found: Scatter, tau2: float, fitted: float) -> Floats:
    variance = np.maximum(found.sigma2 / found.n + tau2, VARIANCE_FLOOR)
    scaled: NDArray[np.float64] = (
        found.residual * np.sqrt(found.used / max(found.used - fitted, 1.0)) / np.sqrt(variance)
    )
    return scaled


def _scales(
    sides: Sequence[Floats], pooled: Callable[[Sequence[float], Sequence[float]], Pooled]
) -> list[float]:
    """Root mean square of a side, at least 1; its logarithm strays by 1/√(2m), m the windows on that side."""
    raw = [max(root_mean_square(side), 1e-6) for side in sides]
    error = [1.0 / np.sqrt(2.0 * max(len(side), 1)) for side in sides]
    found = pooled([float(np.log(value)) for value in raw], error)
    return [max(1.0, float(np.exp(value))) for value in found.values]
