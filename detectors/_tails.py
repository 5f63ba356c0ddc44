"""How surprising is a standardised deviation, or a count of rows, when nothing has changed?

Every law comes from scipy.special: scipy.stats takes seconds to import and stays out of the daemon's path.
"""

import math

import numpy as np

from detectors._special import special

# Below this intraclass correlation a beta-binomial is a binomial to double precision (a, b > 1e9).
_NO_OVERDISPERSION = 1e-10
_CHUNK = 4096


def t_tail(z: float, nu: float) -> float:
    """2·P(T > |z|) for Student's t with `nu` > 2 degrees of freedom, scaled to variance 1."""
    return min(1.0, 2.0 * float(special.stdtr(nu, -abs(z) * math.sqrt(nu / (nu - 2.0)))))


def count_tails(k: int, n: int, mean: float, rho: float) -> tuple[float, float]:
    """P(K ≤ k) and P(K ≥ k) for n rows with a share that varies between windows (beta-binomial law).

    `mean`: expected share, in (0, 1). `rho`: correlation of two rows of one window, in [0, 1); 0 is the
    binomial law. The variance of K is n·mean·(1 − mean)·(1 + (n − 1)·rho).
    """
    if rho < _NO_OVERDISPERSION:
        return float(special.bdtr(k, n, mean)), (float(special.bdtrc(k - 1, n, mean)) if k > 0 else 1.0)
    spread = (1.0 - rho) / rho
    a, b = mean * spread, (1.0 - mean) * spread
    if k > n * mean:
        upper = _upper(k, n, a, b)
        return max(0.0, 1.0 - upper + _mass(k, n, a, b)), upper
    lower = _sum(0, k, n, a, b)
    return lower, max(0.0, min(1.0, 1.0 - lower + _mass(k, n, a, b)))


def two_sided(lower: float, upper: float) -> float:
    """Twice the smaller tail, at most 1."""
    return min(1.0, 2.0 * min(lower, upper))


def normal_score(lower: float, upper: float) -> float:
    """The normal deviate with the same mid-p: a discrete count on the scale of a z, without its skew."""
    if upper < lower:
        middle = upper - 0.5 * max(0.0, lower + upper - 1.0)
        return -float(special.ndtri(min(0.5, max(middle, 1e-300))))
    middle = lower - 0.5 * max(0.0, lower + upper - 1.0)
    return float(special.ndtri(min(0.5, max(middle, 1e-300))))


def _upper(k: int, n: int, a: float, b: float) -> float:
    """P(K ≥ k): by complement while that keeps 9 digits, else summed from k upwards."""
    if k <= _CHUNK:
        complement = 1.0 - _sum(0, k - 1, n, a, b)
        if complement > 1e-6:
            return min(1.0, complement)
    total = 0.0
    for start in range(k, n + 1, _CHUNK):
        part = _sum(start, min(n, start + _CHUNK - 1), n, a, b)
        total += part
        if part < 1e-12 * total:
            break
    return min(1.0, total)


def _mass(k: int, n: int, a: float, b: float) -> float:
    return _sum(k, k, n, a, b)


def _sum(first: int, last: int, n: int, a: float, b: float) -> float:
    """P(first ≤ K ≤ last): C(n, k)·B(k + a, n − k + b) / B(a, b), summed."""
    if last < first:
        return 0.0
    k = np.arange(first, last + 1, dtype=np.float64)
    log_mass = (
        -special.betaln(n - k + 1.0, k + 1.0)
        - math.log(n + 1.0)
        + special.betaln(k + a, n - k + b)
        - special.betaln(a, b)
    )
    return float(np.exp(log_mass).sum())
