"""How large does a statistic get when nothing has changed, rows taken as independent?

Every limit is the 99.9 % point for a reference of N rows and a window of n rows. These laws know nothing of
the variance between windows (docs/detectors.md, "Noise model"): they say what a metric is worth as a number,
the calibrated score alone decides.
"""

import math
from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from detectors._special import special

Floats = NDArray[np.float64]

EXCEEDANCE = 0.001  # share of windows without drift that may lie above a noise limit

_EXACT_BELOW = 200.0  # expected rows up to which a share's limit is summed exactly
_GRID = 2**30  # steps of a limit between 0 and 1
_COUNTABLE = 50_000  # up to this, counting by value is cheaper than sorting
_LIMITS_KEPT = 256  # of `cell_excess_limit`, at most 7 kB each
_CELL_GROUPS = 300  # distinct cell probabilities kept apart in `cell_excess_limit`


def spread(n_reference: int, n: int) -> float:
    """1/N + 1/n: the variance of a difference of two means of unit variance; infinite with an empty side."""
    if n_reference <= 0 or n <= 0:
        return math.inf
    return 1.0 / n_reference + 1.0 / n


def chi_square_limit(cells: int) -> float:
    """The 99.9 % point of χ²(cells − 1)."""
    return float(special.chdtri(cells - 1, EXCEEDANCE)) if cells > 1 else 0.0


def divergence_limit(cells: int, n_reference: int, n: int) -> float:
    """The limit of PSI over `cells` bins: PSI / (1/N + 1/n) ≈ χ²(cells − 1).

    Yurdakul & Naranjo 2020, "Statistical properties of the population stability index", J. Risk Model
    Validation 14(4), section 2. Squared Jensen–Shannon (nats) and squared Hellinger are PSI/8 to leading
    order.
    """
    return spread(n_reference, n) * chi_square_limit(cells)


def share_limit(successes: float, n_reference: int, n: int) -> float | None:
    """The 99.9 % point of a window's share, predicted from `successes` of N reference rows.

    The beta-binomial law with Jeffreys' prior, Beta(successes + ½, N − successes + ½): it holds the doubt
    about the reference's own share. Summed exactly below 200 expected rows, else a beta law with the
    same two moments, which keeps the skew of a share learnt from few rows.
    """
    if n_reference <= 0 or n <= 0:
        return None
    a, b = successes + 0.5, n_reference - successes + 0.5
    mean = n * a / (a + b)
    sd = math.sqrt(n * a * b * (a + b + n) / ((a + b) ** 2 * (a + b + 1.0)))
    if mean >= _EXACT_BELOW:
        return min(1.0, float(special.betaincinv(*_matched(mean / n, sd / n), 1.0 - EXCEEDANCE)) + 0.5 / n)
    top = min(n, int(mean + 12.0 * sd + 40.0))
    cdf = np.cumsum(np.exp(_log_beta_binomial(np.arange(top + 1, dtype=np.float64), n, a, b)))
    return min(int(np.searchsorted(cdf, 1.0 - EXCEEDANCE)), top) / n


def share_p(successes: float, n_reference: int, count: int, n: int) -> float | None:
    """Two-sided p of `count` of n rows under the law of `share_limit`: twice the smaller tail, at most 1."""
    if n_reference <= 0 or n <= 0:
        return None
    a, b = successes + 0.5, n_reference - successes + 0.5
    mean = n * a / (a + b)
    sd = math.sqrt(n * a * b * (a + b + n) / ((a + b) ** 2 * (a + b + 1.0)))
    if mean >= _EXACT_BELOW:
        first, second = _matched(mean / n, sd / n)
        below = float(special.betainc(first, second, min(1.0, (count + 0.5) / n)))
        above = float(special.betaincc(first, second, max(0.0, (count - 0.5) / n)))
        return min(1.0, 2.0 * min(below, above))
    lower = np.exp(_log_beta_binomial(np.arange(count + 1, dtype=np.float64), n, a, b)) if count < n else None
    at_most = 1.0 if lower is None else float(lower.sum())
    at_least = 1.0 if count == 0 else _upper_tail(count, n, a, b, sd)
    return min(1.0, 2.0 * min(at_most, at_least))


CellGroups = tuple[Floats, Floats, Floats]  # distinct counts, `singles` of each, how many cells have both


def cell_excess_limit(groups: CellGroups, n_reference: int, n: int) -> float | None:
    """The limit of the largest q_cell − count/N over the cells with these reference counts: a union bound.

    The smallest t with Σ P(K ≥ n (t + count/N)) ≤ 0.001, plus one row of the window. A cell with r reference
    rows gets K of the window's with the negative binomial law of r and N/(N + n), the limit of the
    beta-binomial one for small shares; above 5 % of the reference the binomial law of 1/(1/N + 1/n) rows,
    for both sides' noise. r = count + ½ singles + ½: a gap between two neighbouring order statistics holds
    1/(N + 1) on average although no row lies in it (Pyke 1965, "Spacings"), so each end of a cell that is a
    single row (0 to 2 `singles`) lends it half of itself. More than 300 distinct counts are rounded up.
    """
    if groups[0].shape[0] == 0 or n_reference <= 0 or n <= 0:
        return None
    counts, extra, weights = (part.tobytes() for part in groups)
    return _cell_excess(counts, extra, weights, n_reference, n)


@lru_cache(maxsize=_LIMITS_KEPT)
def _cell_excess(counts_: bytes, extra_: bytes, weights_: bytes, n_reference: int, n: int) -> float:
    """The same from the bytes of float64: columns without ties and gaps ask all the same."""
    counts, extra, weights = (np.frombuffer(part) for part in (counts_, extra_, weights_))
    m = 1.0 / spread(n_reference, n)
    base, rows = counts / n_reference, counts + 0.5 * extra + 0.5
    p = np.minimum(rows / (n_reference + 1.0), 1.0)
    rare = p < 0.05
    all_rare = bool(rare.all())

    def expected(t: float) -> float:
        """Σ P(K ≥ n (t + count/N)), falling in t."""
        k = np.where(rare, n, m) * (t + base)
        tail = special.betainc(k, rows, n / (n_reference + n))
        if not all_rare:
            binomial = special.betainc(np.minimum(k, m), np.maximum(m - k, 0.0) + 1.0, p)
            tail = np.where(rare, tail, np.where(k > m, 0.0, binomial))
        return float((weights * tail).sum())

    return min(1.0, first_at_most(expected, EXCEEDANCE) + 1.0 / n)


def first_at_most(falling: Callable[[float], float], bound: float) -> float:
    """The smallest multiple of 2⁻³⁰ in (0, 1] where a falling function is at most `bound`; 1 where none is.

    What thirty bisections find, in a third of the looks: the next one is where a straight line through the
    logarithms at both ends meets the bound (regula falsi, an end that stays being halved in weight: the
    Illinois rule, Dowell & Jarratt 1971, BIT 11), or where one end has no logarithm the geometric mean of
    both, as limits are small.
    """
    low, high = 1, _GRID
    above, below = falling(low / _GRID) / bound, falling(1.0) / bound
    if above <= 1.0:
        return low / _GRID
    if below > 1.0:
        return 1.0
    above, below = math.log(above), math.log(below) if below > 0.0 else -math.inf
    side = 0
    while high - low > 1:
        middle = max(math.isqrt(low * high), low + 1)
        if math.isfinite(below):
            middle = low + round((high - low) * above / (above - below))
            middle = min(max(middle, low + 1), high - 1)
        ratio = falling(middle / _GRID) / bound
        value = math.log(ratio) if ratio > 0.0 else -math.inf
        if value > 0.0:
            low, above = middle, value
            below, side = (below / 2.0 if side == 1 else below), 1
        else:
            high, below = middle, value
            above, side = (above / 2.0 if side == -1 else above), -1
    return high / _GRID


def cell_groups(reference: NDArray[np.int64], singles: NDArray[np.int64]) -> CellGroups:
    """Distinct (count, singles) and how many cells have each; counts on a geometric grid when many."""
    counts = reference
    if _distinct(counts)[0].shape[0] > _CELL_GROUPS:
        step = math.log1p(float(counts.max())) / _CELL_GROUPS
        counts = np.ceil(np.expm1(np.ceil(np.log1p(counts) / step) * step)).astype(np.int64)
    codes, weights = _distinct(3 * counts + singles)
    return (codes // 3).astype(np.float64), (codes % 3).astype(np.float64), weights.astype(np.float64)


def _distinct(codes: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Distinct values ≥ 0, ascending, and how often each occurs; small ones, as most are, without sorting."""
    if codes.shape[0] == 0 or int(codes.max()) >= _COUNTABLE:
        values, times = np.unique(codes, return_counts=True)
        return values, times
    times = np.bincount(codes)
    values = np.flatnonzero(times)
    return values, times[values]


def _matched(mean: float, sd: float) -> tuple[float, float]:
    """The beta law with this mean and standard deviation."""
    size = mean * (1.0 - mean) / (sd * sd) - 1.0
    return mean * size, (1.0 - mean) * size


def _log_beta_binomial(k: NDArray[np.float64], n: int, a: float, b: float) -> NDArray[np.float64]:
    choose = -special.betaln(n - k + 1.0, k + 1.0) - math.log(n + 1.0)
    terms: NDArray[np.float64] = choose + special.betaln(k + a, n - k + b) - special.betaln(a, b)
    return terms


def _upper_tail(count: int, n: int, a: float, b: float, sd: float) -> float:
    """P(X ≥ count), summed upwards so that tiny tails keep their digits."""
    top = min(n, int(count + 12.0 * sd + 40.0))
    return float(np.exp(_log_beta_binomial(np.arange(count, top + 1, dtype=np.float64), n, a, b)).sum())
