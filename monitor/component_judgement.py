"""How does one component of a column stand in one window, before anybody looks at the whole family?

`judge_component` is used twice: by the judge, with the noise model, and by `explain`, with the numbers that
the judge stored. The same function, so the same bits.
"""

from collections.abc import Mapping
from math import copysign, inf
from typing import Any

from msgspec import Struct

from detectors import _e_process, _ewma
from detectors._component_noise import ComponentNoise
from detectors._e_process import EProcess
from detectors._ewma import Ewma
from detectors._noise import Score, score_component
from detectors._records import Record, Records
from monitor.policy import (
    CLEAR_FLOOR,
    EWMA_FLOOR,
    EWMA_Z,
    LASTING,
    MOSTLY,
    SURE_EXCESS,
    UPWARD,
    least_rows,
)


class ComponentJudgement(Struct, frozen=True, kw_only=True, gc=False):
    """One component: its score, its running mean, and the four p values that go into its column."""

    name: str
    noise: ComponentNoise
    score: Score
    floor: float  # least |y − μ| worth a word
    before: Ewma
    after: Ewma
    ewma_guard: float
    ewma_p: float
    p: float  # of this window, 1 below the floor or for too few rows
    p_near: float  # the same at 0.8 of the floor
    lasting_p: float  # of the running mean; 1 unless the window still points the same way
    lasting_p_near: float  # at 0.8 of its floor, wherever the window points
    counts_rows: bool  # y·n is a number of rows, so that the row guards hold
    # Evidence that it moved for good, before and after this window; only for components of performance.
    slip_before: EProcess | None = None
    slip: EProcess | None = None

    @property
    def excess(self) -> float:
        """Rows more, or fewer, than expected; only for shares."""
        return abs(self.score.effect) * self.score.n

    @property
    def may_be_sure(self) -> bool:
        """Rows that share an hour are one observation, so out of range needs a second window."""
        if self.name == "out_of_range" and self.score.y < MOSTLY:
            return False
        return not self.counts_rows or self.excess >= SURE_EXCESS

    @property
    def lasts(self) -> bool:
        """Whether each of the last windows stands on the side of its running mean, by a sd: three, one more
        than persistence asks for, so that no two stormy days are sure."""
        latest, side = self.after.recent[:LASTING], copysign(1.0, self.after.z)
        return len(latest) == LASTING and all(side * z >= EWMA_Z for z in latest)

    @property
    def slips(self) -> bool:
        """Whether its running mean is off to the side that the evidence is for, by enough to matter."""
        return self.slip is not None and self.slip.side * self.after.effect >= EWMA_FLOOR * self.floor

    def to_json(self) -> dict[str, Any]:
        """Every number that went in and came out."""
        noise, score = self.noise, self.score
        slip: dict[str, Any] = {}
        if self.slip_before is not None and self.slip is not None:
            slip = {"slip": {"before": self.slip_before.to_json(), "after": self.slip.to_json()}}
            slip["slip"]["memory"] = noise.long_memory
        return slip | {
            "y": score.y,
            "n": score.n,
            "slot": [noise.slot, score.slot],
            "mu": score.mu,
            "sigma2": noise.sigma2,
            "tau2": score.tau2,
            "cycles": noise.cycles.get(score.slot, 0),
            "windows": noise.windows,
            "memory": noise.memory,
            "rho": noise.rho,
            "nu": [noise.nu_down, noise.nu_up],
            "scales": [noise.scale_down, noise.scale_up],
            "law": [int(noise.share), int(noise.upward), int(noise.counted)],
            "share_floor": noise.floor,
            "se": score.se,
            "z": score.z,
            "z_now": score.z_now,
            "p_law": score.p_law,
            "guard": score.guard,
            "p": score.p,
            "floor": self.floor,
            "ewma": {
                "before": [self.before.z, self.before.effect, *self.before.recent],
                "after": [self.after.z, self.after.effect, *self.after.recent],
                "variance": noise.ewma_variance,
                "nu": noise.ewma_nu,
                "sums": [*noise.sum_variances, noise.sum_nu],
                "guard": self.ewma_guard,
                "p": self.ewma_p,
            },
        }


def judge_component(
    name: str,
    noise: ComponentNoise,
    y: float,
    n: int,
    slot: int,
    floor: float,
    before: Ewma,
    slip: EProcess | None = None,
) -> ComponentJudgement:
    """Score one window and move the running mean on by it. `slip`: evidence so far; None: not gathered."""
    score = score_component(noise, y, n, slot)
    spread = noise.spread
    after = _ewma.advance(before, score.z_now, score.effect, spread.longest)
    guard = 0.0 if noise.counted else noise.ewma_record.share(_ewma.deviate(after, spread))
    ewma_p = _ewma.surprise(after, spread, guard)
    few = least_rows(name) if noise.share else None
    size, lasting_size = abs(score.effect), abs(after.effect)
    upward = name in UPWARD
    if few is not None and size * n < few:
        size = lasting_size = -1.0  # no share says anything while it is off by so few rows
    if upward and score.effect <= 0.0:
        size = -1.0
    if upward and after.effect <= 0.0:
        lasting_size = -1.0
    points_there = score.z_now * after.z > 0.0 and abs(score.z_now) >= EWMA_Z
    points_there = points_there and _ewma.goes_on(before, score.z_now)
    lasting_floor = EWMA_FLOOR * floor
    return ComponentJudgement(
        name=name,
        noise=noise,
        score=score,
        floor=floor,
        before=before,
        after=after,
        ewma_guard=guard,
        ewma_p=ewma_p,
        p=score.p if size >= floor else 1.0,
        p_near=score.p if size >= CLEAR_FLOOR * floor else 1.0,
        lasting_p=ewma_p if lasting_size >= lasting_floor and points_there else 1.0,
        lasting_p_near=ewma_p if lasting_size >= CLEAR_FLOOR * lasting_floor else 1.0,
        counts_rows=few is not None,
        slip_before=slip,
        slip=None if slip is None else _e_process.advance(slip, noise, score, lasting_floor),
    )


def judge_again(name: str, stored: Mapping[str, Any]) -> ComponentJudgement:
    """`judge_component` once more, from nothing but what `to_json` wrote."""
    slot, cycles = stored["slot"][1], stored["cycles"]
    share, upward, counted = (bool(flag) for flag in stored["law"])
    # Verdicts of older versions have one tail for both sides.
    nu_down, nu_up = stored["nu"] if isinstance(stored["nu"], list) else [stored["nu"]] * 2
    noise = ComponentNoise(
        share=share,
        upward=upward,
        counted=counted,
        slot=stored["slot"][0],
        means={slot: stored["mu"]} if cycles else {},
        cycles={slot: cycles} if cycles else {},
        mean=stored["mu"],
        floor=stored["share_floor"],
        sigma2=stored["sigma2"],
        tau2=stored["tau2"],
        scale_down=stored["scales"][0],
        scale_up=stored["scales"][1],
        nu_down=nu_down,
        nu_up=nu_up,
        rho=stored["rho"],
        memory=stored["memory"],
        long_memory=stored["slip"]["memory"] if "slip" in stored else 1.0,
        windows=stored["windows"],
        ewma_variance=stored["ewma"]["variance"],
        ewma_nu=stored["ewma"]["nu"],
        sum_variances=tuple(stored["ewma"]["sums"][:-1]),
        sum_nu=stored["ewma"]["sums"][-1],
        z_record=_always(stored["guard"]),
        ewma_record=_always(stored["ewma"]["guard"]),
    )
    z, effect, *recent = stored["ewma"]["before"]
    before = Ewma(z=z, effect=effect, recent=tuple(recent))
    slip = EProcess.from_json(stored["slip"]["before"]) if "slip" in stored else None
    return judge_component(name, noise, stored["y"], stored["n"], slot, stored["floor"], before, slip)


def _always(share: float) -> Records:
    """The record's answer as it was: the windows behind it are in the noise model, not in the verdict."""
    same = Record(values=(inf,), ranks=(share,))
    return Records(up=same, down=same)
