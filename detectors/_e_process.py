"""Has the mean of a component moved for good, by less than a running mean of a few windows can tell?

An e-detector: M ← (1 + M)·e with e the likelihood ratio of this window's z under a mean that moved and under
the largest that did not. While nothing has moved E[M] grows by 1 a window at most, so that the first time M
passes c is after c windows or more on average, whenever one looks and however often (Shin, Ramdas & Rinaldo,
"E-detectors: a nonparametric framework for sequential change detection", NEJSDS 2, 2024, section 2). Evidence
against several alternatives, or of several components, is merged by its mean (Vovk & Wang, "E-values:
calibration, combination and applications", Annals of Statistics 49, 2021), and 1/M is a p value (Ville).

Three things keep it honest outside the textbook. z has Student's t with the tail ν of the component's noise:
a storm counts, but never for everything. Windows remember each other, so the logarithm counts 1/memory of
itself: for normal z that makes a sum of k windows as wide as it is; the memory is that of sums over weeks.
And μ is learnt from R windows: what lies within two of its standard errors √(memory/R), or is too small to
matter, has not moved.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors._component_noise import ComponentNoise
from detectors._noise import Score

ALTERNATIVES = (1.0, 2.0)  # in sd of a window, beyond what has not moved
NULL = 2.0  # standard errors of the learnt mean
# Evidence is forgotten beyond: else a change that was found for months would be told for months after its
# repair. Enough for one alternative of one side of one of three components to pass 1/0.001 alone.
CEILING = 20_000.0
_LEAST_BLOCKS = 12  # a variance of fewer blocks strays by more than 40 %


@dataclass(frozen=True, slots=True, kw_only=True)
class EProcess:
    """Evidence for each of ALTERNATIVES; 0 before the first window."""

    up: tuple[float, ...] = (0.0,) * len(ALTERNATIVES)
    down: tuple[float, ...] = (0.0,) * len(ALTERNATIVES)

    @property
    def evidence(self) -> float:
        """An e-detector itself: the mean over both sides and all alternatives."""
        return (sum(self.up) + sum(self.down)) / (2 * len(ALTERNATIVES))

    @property
    def side(self) -> int:
        """1 where there is more evidence for a rise, −1 for a fall, 0 for neither."""
        up, down = sum(self.up), sum(self.down)
        return 1 if up > down else -1 if up < down else 0

    @property
    def strongest(self) -> float:
        """Evidence for the one alternative that the windows speak for most."""
        return max(*self.up, *self.down)

    def goes_on(self, before: "EProcess") -> bool:
        """Whether the window that led here from `before` lost nothing for that alternative: it is no less
        likely with the change than without. One at the ceiling is there by a window that spoke for it."""
        now, then = (*self.up, *self.down), (*before.up, *before.down)
        return any(m == self.strongest and m >= was for m, was in zip(now, then, strict=True))

    def to_json(self) -> list[list[float]]:
        return [list(self.up), list(self.down)]

    @classmethod
    def from_json(cls, stored: Sequence[Sequence[float]]) -> "EProcess":
        """Equal to the bit."""
        up, down = stored
        return cls(up=tuple(up), down=tuple(down))


def advance(state: EProcess, noise: ComponentNoise, score: Score, least: float) -> EProcess:
    """The state after one more window. `least`: |y − μ| too small to matter, in the component's unit.

    Without reference windows nothing is known of what a window may stray: the state stays.
    """
    variance = noise.sigma2 / score.n + score.tau2
    if noise.windows < 2 or variance <= 0.0:
        return state
    sd = math.sqrt(variance)
    z = score.effect / sd
    # Of a small share the exact count's deviate, where that says more caution.
    z = math.copysign(min(abs(z), abs(score.z_now) * score.side), z)  # a plain float, as JSON wants it
    null = max(NULL * math.sqrt(_memory(noise) / noise.windows), least / sd)
    return EProcess(up=_step(state.up, z - null, noise), down=_step(state.down, -z - null, noise))


def merged(states: Iterable[EProcess]) -> float:
    """Evidence that one of several components has moved; 0 without any."""
    found = [state.evidence for state in states]
    return sum(found) / len(found) if found else 0.0


def memory_of_sums(z: NDArray[np.float64]) -> float:
    """How much wider sums of neighbouring windows are than of independent ones, at the length where that is
    most; ≥ 1. `z`: float64[R] in time order. A memory of weeks shows in no correlation of a few lags.

    Variance of block means times block length over the variance of a window, blocks of 2, 4, 8 … windows
    (batch means: Law & Kelton, Simulation Modeling and Analysis, section 9.5), at least twelve of them.
    """
    centred = z - z.mean() if z.size else z
    variance = float(np.mean(centred**2)) if z.size else 0.0
    found, length = 1.0, 2
    while variance > 0.0 and _LEAST_BLOCKS * length <= z.size:
        blocks = z.size // length
        means = centred[z.size - blocks * length :].reshape(blocks, length).mean(axis=1)
        found = max(found, float(np.sum(means**2)) / (blocks - 1) * length / variance)
        length *= 2
    return found


def p_of(evidence: float) -> float:
    """Ville's inequality: how often M reaches this much while nothing has moved, at most."""
    return 1.0 / max(evidence, 1.0)


def _step(before: tuple[float, ...], z: float, noise: ComponentNoise) -> tuple[float, ...]:
    """`z` as seen from the edge of what has not moved."""
    spread = noise.nu - 2.0  # of a t law of variance 1
    return tuple(
        min(
            CEILING,
            (1.0 + m)
            * ((1.0 + z * z / spread) / (1.0 + (z - moved) ** 2 / spread))
            ** (0.5 * (noise.nu + 1.0) / _memory(noise)),
        )
        for m, moved in zip(before, ALTERNATIVES, strict=True)
    )


def _memory(noise: ComponentNoise) -> float:
    return max(noise.memory, noise.long_memory)
