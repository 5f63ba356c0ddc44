"""Has a small change lasted? An exponentially weighted mean of z over the windows.

e ← (1 − λ)·e + λ·clip(z, ±4). Its variance is λ/(2 − λ) for independent z, times
(1 + q)/(1 − q), q = ρ(1 − λ), for z with lag-1 correlation ρ (Schmid, "On EWMA control charts for time
series", 1997), plus that of the learnt mean.

What it remembers of a violent change would outlast the change. A window z is exp(e²/2 − e·z) times as likely
without a change as with one that holds z at e; from 20 times on the change is over, and the mean starts again
(a sequential test with one error in twenty: Wald, Ann. Math. Statist. 16, 1945).
"""

from dataclasses import dataclass
from math import log

from detectors._tails import t_tail

LAMBDA = 0.25
CLIP = 4.0
_OVER = log(20.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ewma:
    """Running means; (0, 0) before the first window."""

    z: float = 0.0
    effect: float = 0.0  # of y − μ, in the component's own unit


def advance(state: Ewma, z: float, effect: float) -> Ewma:
    """The state after one more window."""
    clipped = min(CLIP, max(-CLIP, z))
    if state.z * (0.5 * state.z - clipped) >= _OVER:
        state = Ewma()
    return Ewma(z=mix(state.z, clipped), effect=mix(state.effect, effect))


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


def surprise(e: float, ewma_variance: float, nu: float, guard: float) -> float:
    """p of an EWMA, never below the record guard.

    ν is the number of independent windows behind its variance, not the tail of z: clipping and averaging
    leave no heavy tail, and giving it one costs most of its power.
    """
    return max(t_tail(e / ewma_variance**0.5, nu), guard)
