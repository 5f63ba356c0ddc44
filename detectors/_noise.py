"""What is normal for a component of a column, and how far from normal is one window?

The rows of one window share weather, hour and customers, so a window's mean has variance σ²/n + τ², and τ²
does not shrink with rows. A component's model is learnt from the reference's own windows: the mean of its
slot, both variances, how far and how wildly each side strays (scale, ν), and how long it remembers (ρ). A
window is then a z, a p from Student's t (from the counts themselves where a share is small), and never more
surprising than the share of the reference's own windows that went as far that way (the record guard).
docs/detectors.md derives each formula; `_learning` fits, `_ewma` looks for small changes that last.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from msgspec import Struct

from detectors._component_noise import ComponentNoise
from detectors._noise_text import from_entries, from_text, to_text
from detectors._tails import count_tails, normal_score, t_tail, two_sided

# Below this expected number of rows a share's normal law is wrong; the exact count decides.
SMALL_COUNT = 20.0
# Below this one the skew and tail of the residuals are those of the count itself: a t law learnt from them
# would count them twice (Cochran, Biometrics 10, 1954, for the five).
TINY_COUNT = 5.0
# Windows needed before a noise model is trusted (detection by fewer: tickets only).
ENOUGH_WINDOWS = 20
_VARIANCE_FLOOR = 1e-12  # a constant component: one that moves is at least finite numbers of sd away
_FORMAT = 2  # 1: an object a component


class Score(Struct, frozen=True, kw_only=True, gc=False):
    """One component of one window against its noise: every number that the arithmetic went through."""

    y: float
    n: int
    slot: int  # code
    mu: float
    sigma2: float
    tau2: float
    learnt: float  # what not knowing μ exactly adds, as a share of the variance: 1/S + (memory − 1)/R
    side: float
    nu: float
    se: float  # √((σ²/n + τ²)(1 + learnt)) · side
    z: float
    z_now: float  # the z that enters the EWMA: without `learnt`; the exact count's deviate for small shares
    p_law: float
    guard: float  # twice the share of the reference's windows at least as extreme on this side
    p: float

    @property
    def effect(self) -> float:
        """y − μ."""
        return self.y - self.mu


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordWindow:
    """A window so far from the others that it may mute its component for ever."""

    column: str
    component: str
    window: int  # index among the windows learnt from
    robust_sd: float  # distance, in robust sd of the others
    effect: float  # y − μ
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NoiseModel:
    """The noise of every component of a reference, for one window spec."""

    components: Mapping[tuple[str, str], ComponentNoise]  # by (column, component)
    windows: int  # reference windows learnt from
    learnt_from: str = "reference"  # reference | production
    records: tuple[RecordWindow, ...] = ()  # windows that set a record, for a person
    slices: Mapping[str, "NoiseModel"] = field(default_factory=dict)  # by segment: "origin=JFK"

    @property
    def learning(self) -> bool:
        """Too few windows to know what is normal."""
        return self.windows < ENOUGH_WINDOWS

    def to_json(self) -> dict[str, Any]:
        """JSON values; `from_json` gives the same model back, to the bit."""
        return {
            "format": _FORMAT,
            "windows": self.windows,
            "learnt_from": self.learnt_from,
            "records": [asdict(record) for record in self.records],
            "components": to_text(self.components),
            "slices": {segment: noise.to_json() for segment, noise in sorted(self.slices.items())},
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "NoiseModel":
        """Of this program or an earlier one; ValueError for another format or damaged text."""
        if data["format"] not in (1, _FORMAT):
            raise ValueError(f"noise model: format must be 1 or {_FORMAT}, got {data['format']}")
        components = data["components"]
        return cls(
            components=from_text(components) if data["format"] == _FORMAT else from_entries(components),
            windows=data["windows"],
            learnt_from=data["learnt_from"],
            records=tuple(RecordWindow(**record) for record in data.get("records", ())),
            slices={segment: cls.from_json(stored) for segment, stored in data.get("slices", {}).items()},
        )


def score(
    model: NoiseModel, column: str, component: str, y: float, n: int, slots: Mapping[str, int]
) -> Score | None:
    """z and p of one component mean y over n rows; None when the model does not know the component."""
    noise = model.components.get((column, component))
    return None if noise is None else score_component(noise, y, n, slots.get(noise.slot, 0))


def score_component(noise: ComponentNoise, y: float, n: int, slot: int) -> Score:
    """z and p of y over n rows (n ≥ 1) in the slot with this code."""
    mu, tau2 = noise.means.get(slot, math.nan), noise.tau2
    cycles = noise.cycles.get(slot, 0)
    if not cycles:
        mu, tau2 = noise.mean, tau2 + noise.slot_variance
    learnt = 0.0
    if noise.windows:
        learnt = 1.0 / max(cycles, 1) + (noise.memory - 1.0) / noise.windows
    side, nu = (noise.scale_up, noise.nu_up) if y >= mu else (noise.scale_down, noise.nu_down)
    variance = max(noise.sigma2 / n + tau2, _VARIANCE_FLOOR)
    se = side * math.sqrt(variance * (1.0 + learnt))
    z = (y - mu) / se
    z_now = (y - mu) / (side * math.sqrt(variance))
    p_law = t_tail(z, nu)
    if noise.share:
        p_law, z_now = _share_law(noise, y, n, mu, tau2, p_law, z_now)
    if noise.upward and y <= mu:
        p_law = 1.0
    guard = 0.0 if noise.counted else noise.z_record.share(z)
    return Score(
        y=y,
        n=n,
        slot=slot,
        mu=mu,
        sigma2=noise.sigma2,
        tau2=tau2,
        learnt=learnt,
        side=side,
        nu=nu,
        se=se,
        z=z,
        z_now=z_now,
        p_law=p_law,
        guard=guard,
        p=max(p_law, guard),
    )


def _share_law(
    noise: ComponentNoise, y: float, n: int, mu: float, tau2: float, p_t: float, z_now: float
) -> tuple[float, float]:
    """The exact count's law where few rows are expected; elsewhere what the normal law said."""
    expected = min(max(mu, noise.floor), 1.0 - noise.floor)
    few = min(expected, 1.0 - expected) * n
    if not noise.counted and few >= SMALL_COUNT:
        return p_t, z_now
    k = min(n, max(0, round(y * n)))
    rho = min(tau2 / (expected * (1.0 - expected)), 0.999)
    if expected > 0.5:
        upper, lower = count_tails(n - k, n, 1.0 - expected, rho)
    else:
        lower, upper = count_tails(k, n, expected, rho)
    p = two_sided(lower, upper)
    # The largest excess of many cells (stuck) is no count of its own: there the t law has a say throughout.
    alone = noise.counted or (few < TINY_COUNT and not noise.upward)
    return (p if alone else max(p, p_t)), normal_score(lower, upper)
