"""Has a small change lasted? An exponentially weighted mean of z over the windows.

e ← (1 − λ)·e + λ·clip(z, ±4). Its variance is λ/(2 − λ) for independent z, times
(1 + q)/(1 − q), q = ρ(1 − λ), for z with lag-1 correlation ρ (Schmid, "On EWMA control charts for time
series", 1997), plus that of the learnt mean.

The mean takes windows to fill: four of z = 1 lift it to 1.8 of its own sd, their sum to 2. What is plain
from two, three or four windows is found by their sum over √2, √3, 2, of variance 1 for independent z: a scan
(Glaz, Naus & Wallenstein, Scan Statistics, 2001).

What it remembers of a violent change would outlast the change. A window z is exp(e²/2 − e·z) times as likely
without a change as with one that holds z at e; from 20 times on the change is over, and the mean starts again
(a sequential test with one error in twenty: Wald, Ann. Math. Statist. 16, 1945).
"""

from math import log

from msgspec import Struct

from detectors._tails import t_tail

LAMBDA = 0.25
CLIP = 4.0
LONGEST = 4  # windows in a sum; longer the mean says as much
_OVER = log(20.0)


class Ewma(Struct, frozen=True, kw_only=True, gc=False):
    """Running means; (0, 0) before the first window."""

    z: float = 0.0
    effect: float = 0.0  # of y − μ, in the component's own unit
    recent: tuple[float, ...] = ()  # z, clipped, of the latest windows, newest first, as many as are summed


class Spread(Struct, frozen=True, kw_only=True, gc=False):
    """What a component's running mean and sums do without any change."""

    variance: float = 1.0  # of e
    nu: float = 1e9  # of its tail
    sums: tuple[float, ...] = (1.0, 1.0, 1.0)  # variance of the sum of the last 2, 3, 4 windows over √2, …
    sums_nu: float = 1e9

    @property
    def longest(self) -> int:
        """Windows in the longest sum; also how many are looked at, the mean and each sum."""
        return len(self.sums) + 1


def advance(state: Ewma, z: float, effect: float, longest: int = LONGEST) -> Ewma:
    """The state after one more window."""
    clipped = min(CLIP, max(-CLIP, z))
    if state.z * (0.5 * state.z - clipped) >= _OVER:
        state = Ewma()
    return Ewma(
        z=mix(state.z, clipped),
        effect=mix(state.effect, effect),
        recent=(clipped, *state.recent)[:longest],
    )


def goes_on(before: Ewma, z: float) -> bool:
    """Whether the window is as likely with what is remembered as without: it says nothing of a change that
    it contradicts."""
    return before.z * (z - 0.5 * before.z) >= 0.0


def mix(before: float, now: float) -> float:
    """(1 − λ)·before + λ·now."""
    return (1.0 - LAMBDA) * before + LAMBDA * now


def widening(rho: float) -> float:
    """How much wider lag-1 correlation ρ makes the EWMA's variance than independent windows would."""
    q = rho * (1.0 - LAMBDA)
    return (1.0 + q) / (1.0 - q)


def variance(widened: float, memory: float, windows: int) -> float:
    """Variance of e without any change, for `windows` reference windows of which `memory` count as one."""
    return LAMBDA / (2.0 - LAMBDA) * widened + memory / max(windows, 1)


def sum_variances(correlations: tuple[float, ...], memory: float, windows: int) -> tuple[float, ...]:
    """The same of the sums: k + 2 Σ (k − l)·ρₗ over k, plus that of the learnt mean, k times over."""
    found = []
    for k in range(2, LONGEST + 1):
        shared = sum((k - lag) * rho for lag, rho in zip(range(1, k), correlations, strict=False))
        found.append((k + 2.0 * shared) / k + k * memory / max(windows, 1))
    return tuple(found)


def deviate(state: Ewma, spread: Spread) -> float:
    """The most extreme of running mean and sums, in its own sd, signed."""
    return max((each for each, _ in _deviates(state, spread)), key=abs)


def surprise(state: Ewma, spread: Spread, guard: float) -> float:
    """p of the most surprising of mean and sums, times how many they are; never below the record guard.

    ν of the mean is the number of independent windows behind its variance, not the tail of z: clipping and
    averaging leave no heavy tail, and giving it one costs most of its power. Two windows average less away.
    """
    p = min(t_tail(each, nu) for each, nu in _deviates(state, spread))
    return max(min(1.0, spread.longest * p), guard)


def _deviates(state: Ewma, spread: Spread) -> list[tuple[float, float]]:
    """(deviate, ν) of the mean and of each sum that there are windows for."""
    found = [(state.z / spread.variance**0.5, spread.nu)]
    for k, of_sum in zip(range(2, len(state.recent) + 1), spread.sums, strict=False):
        found.append((sum(state.recent[:k]) / (k * of_sum) ** 0.5, spread.sums_nu))
    return found
