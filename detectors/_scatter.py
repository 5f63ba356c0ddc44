"""How do a component's windows scatter around the mean of their slot, before anything is concluded?"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors import _ewma
from detectors._column import VOLUME
from detectors._slots import Slotting, choose

Floats = NDArray[np.float64]

NU_MIN = 4.0
VARIANCE_FLOOR = 1e-12
_RHO_MAX = 0.9
_LAGS = 14
_SIDE = 10  # windows; the fourth moment of fewer is that of one or two of them


@dataclass(frozen=True, slots=True, kw_only=True)
class Observations:
    """One component over the R reference windows, in time order."""

    y: Floats  # f8[R]; NaN where the window did not have the column
    n: NDArray[np.int64]  # i8[R] rows
    variance: Floats  # f8[R] within-window variance of one row
    share: bool

    @property
    def usable(self) -> NDArray[np.bool_]:
        """bool[R]: windows that say something."""
        return (self.n > 0) & np.isfinite(self.y)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scatter:
    """One component: its usable windows and what lies between them and their slot's mean."""

    key: tuple[str, str]  # column, component
    share: bool
    keep: NDArray[np.bool_]  # bool[R] of the windows given
    y: Floats  # f8[used]
    n: Floats  # f8[used] rows
    codes: Mapping[str, NDArray[np.int64]]
    slotting: Slotting
    sigma2: float
    residual: Floats  # f8[used]
    correlations: Floats  # f8[lags] of neighbours 1, 2, … windows apart

    @property
    def used(self) -> int:
        return len(self.y)

    @property
    def fitted_means(self) -> int:
        return len(self.slotting.means)

    @property
    def unit(self) -> float:
        """What the rows alone add to the variance of a window, weighted as τ² is."""
        return self.sigma2 * self.used / float(np.sum(self.n))

    def spread(self, fitted: float) -> float:
        """Mean square of residuals, weighted by rows (unweighted, tiny night windows would drive τ² to 0),
        with so many means taken off."""
        scaled2 = self.residual**2 * self.used / max(self.used - fitted, 1.0)
        return float(np.sum(self.n * scaled2) / np.sum(self.n))


def scatter(
    key: tuple[str, str], seen: Observations, slots: Mapping[str, NDArray[np.int64]], keep: NDArray[np.bool_]
) -> Scatter:
    """Residuals of the slot that fits best; `keep`: two windows or more."""
    y, n = seen.y[keep], seen.n[keep].astype(np.float64)
    codes = {kind: values[keep] for kind, values in slots.items()}
    # A count of rows has no rows of its own: all of its variance lies between windows.
    sigma2 = 0.0 if key[0] == VOLUME else _row_variance(seen, keep, y, n)
    used = len(y)
    rough = _between(y - mean(y, n), n, sigma2, used, 1)
    slotting = choose(y, 1.0 / np.maximum(sigma2 / n + rough, VARIANCE_FLOOR), codes)
    residual = y - slotting.fitted
    tau2 = _between(residual, n, sigma2, used, len(slotting.means))
    variance = np.maximum(sigma2 / n + tau2, VARIANCE_FLOOR)
    return Scatter(
        key=key,
        share=seen.share,
        keep=keep,
        y=y,
        n=n,
        codes=codes,
        slotting=slotting,
        sigma2=sigma2,
        residual=residual,
        correlations=_correlations(residual / np.sqrt(variance)),
    )


def mean(y: Floats, weight: Floats) -> float:
    return float(np.sum(weight * y) / np.sum(weight))


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """How long a component remembers."""

    rho: float = 0.0  # lag-1 correlation
    windows: float = 1.0  # that carry the information of one
    wider: float = 1.0  # the variance of an EWMA, than of independent windows
    correlations: tuple[float, ...] = ()  # one, two and three windows apart


def memory(correlations: Floats, windows: int) -> Memory:
    """Both from ρ as if the windows were AR(1), or from the correlations found at longer lags where they say
    more (a week of the same weather remembers for longer than ρ to the power of seven).
    """
    if not correlations.size:
        return Memory()
    lags = np.arange(1, correlations.size + 1)
    rho = float(correlations[0])
    rho = min(_RHO_MAX, max(0.0, rho + (1.0 + 3.0 * rho) / windows))
    found = (1.0 + rho) / (1.0 - rho)
    # Taking the mean off biases each correlation by about −memory/R (Kendall, Biometrika 41, 1954).
    unbiased = correlations + found / windows
    # Bartlett weights keep the long-run variance positive (Newey & West, Econometrica 55, 1987).
    longer = 1.0 + 2.0 * float(np.sum((1.0 - lags / (lags.size + 1.0)) * unbiased))
    wider = 1.0 + 2.0 * float(np.sum((1.0 - _ewma.LAMBDA) ** lags * unbiased))
    return Memory(
        rho=rho,
        windows=min(max(found, longer), windows / 4.0),
        wider=max(_ewma.widening(rho), wider),
        correlations=tuple(
            max(rho**lag, float(value)) for lag, value in zip(range(1, _ewma.LONGEST), unbiased, strict=False)
        ),
    )


def root_mean_square(side: Floats) -> float:
    return float(np.sqrt(np.mean(side**2))) if len(side) else 1.0


def excess_kurtosis(standard: Floats) -> float:
    """0 of a normal law; shrunk towards it where windows are few."""
    windows = len(standard)
    second = float(np.mean(standard**2))
    excess = float(np.mean(standard**4)) / second**2 - 3.0 if second > 0.0 else 0.0
    return excess * windows / (windows + 10.0)


def tails_a_side(standard: Floats, both: float) -> tuple[float, float]:
    """Excess kurtosis above and below, given that of `both` sides: a side's own as far as the sides differ
    by more than chance, 24 over the windows of a side in variance (Efron & Morris, JASA 68, 1973)."""
    sides = standard[standard > 0.0], standard[standard < 0.0]
    if min(len(side) for side in sides) < _SIDE:
        return both, both
    own = [excess_kurtosis(side) for side in sides]
    chance = [24.0 / len(side) for side in sides]
    apart = max(0.0, 0.5 * ((own[0] - own[1]) ** 2 - sum(chance)))
    weights = [apart / (apart + c) for c in chance]
    up, down = (both + w * (value - both) for value, w in zip(own, weights, strict=True))
    return up, down


def degrees(excess: float, freedom: float) -> float:
    """ν of a t law with this excess kurtosis, 6 / (ν − 4), as far as windows can tell."""
    nu = NU_MIN + 6.0 / excess if excess > 0.0 else freedom
    return max(NU_MIN, min(nu, freedom))


def _between(residual: Floats, n: Floats, sigma2: float, windows: int, fitted: float) -> float:
    """τ² by moments, weighted by rows."""
    scaled2 = residual**2 * windows / max(windows - fitted, 1.0)
    return max(0.0, float(np.sum(n * (scaled2 - sigma2 / n)) / np.sum(n)))


def _row_variance(seen: Observations, keep: NDArray[np.bool_], y: Floats, n: Floats) -> float:
    """Pooled within-window variance of a row; of a share p̂(1 − p̂), p̂ = (k + ½) / (N + 1)."""
    if seen.share:
        rows = float(n.sum())
        share = (float(np.sum(y * n)) + 0.5) / (rows + 1.0)
        return share * (1.0 - share)
    freedom = np.maximum(n - 1.0, 0.0)
    if not freedom.sum():
        return 1.0  # windows of one row: nothing is known within; smooth components have variance 1
    return float(np.sum(freedom * seen.variance[keep]) / freedom.sum())


def _correlations(scaled: Floats) -> Floats:
    """Of windows 1 to 14 apart; none from fewer than four windows, or where nothing scatters."""
    windows, total = len(scaled), float(np.sum(scaled**2))
    if total <= 0.0 or windows < 4:
        return np.zeros(0)
    lags = range(1, min(_LAGS, windows // 4) + 1)
    return np.array([float(np.sum(scaled[lag:] * scaled[:-lag])) / total for lag in lags])
