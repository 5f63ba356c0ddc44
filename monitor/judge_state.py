"""What must judging remember from window to window?

All of it: given this state and the stored rows, any stretch of history is judged again to the bit.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from detectors._e_process import EProcess
from detectors._ewma import Ewma, mix

Place = tuple[str, str, str]  # segment, column, model version


@dataclass(frozen=True, slots=True, kw_only=True)
class HarmState:
    """Running means of what a column's change would do to the model; see detectors.Harm for the units."""

    harm: float = 0.0
    harm_variance: float = 0.0  # of the running mean
    pull: float = 0.0

    def advance(self, harm: float | None, error: float | None, pull: float | None) -> "HarmState":
        """One more window; what it does not know counts as no harm."""
        keep = mix(1.0, 0.0)
        take = 1.0 - keep
        return HarmState(
            harm=mix(self.harm, harm or 0.0),
            harm_variance=keep * keep * self.harm_variance + take * take * (error or 0.0) ** 2,
            pull=mix(self.pull, pull or 0.0),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitRun:
    """The latest windows in a row whose values look converted alike."""

    windows: int
    z: float  # sum over them, of the location component
    log_factor: float  # sum over them, against what is usual in their slots


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeState:
    """Running means by place and component. A new reference or noise model starts from an empty one."""

    ewma: Mapping[tuple[Place, str], Ewma] = field(default_factory=dict)
    harm: Mapping[Place, HarmState] = field(default_factory=dict)
    # Breaches since the last clear window, a sure one as many as it takes to be known.
    breaching: Mapping[Place, int] = field(default_factory=dict)
    units: Mapping[Place, UnitRun] = field(default_factory=dict)
    slips: Mapping[tuple[Place, str], EProcess] = field(default_factory=dict)

    def of_segments(self, segments: Collection[str]) -> "JudgeState":
        """What is remembered of these alone."""
        return JudgeState(
            ewma={key: value for key, value in self.ewma.items() if key[0][0] in segments},
            harm={key: value for key, value in self.harm.items() if key[0] in segments},
            breaching={key: value for key, value in self.breaching.items() if key[0] in segments},
            units={key: value for key, value in self.units.items() if key[0] in segments},
            slips={key: value for key, value in self.slips.items() if key[0][0] in segments},
        )

    def to_json(self) -> dict[str, Any]:
        """JSON values; `from_json` gives an equal state back, to the bit."""
        return {
            "ewma": [
                [*place, component, e.z, e.effect, *e.recent]
                for (place, component), e in sorted(self.ewma.items(), key=lambda item: item[0])
            ],
            "harm": [[*place, h.harm, h.harm_variance, h.pull] for place, h in sorted(self.harm.items())],
            "breaching": [[*place, windows] for place, windows in sorted(self.breaching.items())],
            "units": [
                [*place, run.windows, run.z, run.log_factor] for place, run in sorted(self.units.items())
            ],
            "slips": [
                [*place, component, *e.to_json()]
                for (place, component), e in sorted(self.slips.items(), key=lambda item: item[0])
            ],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "JudgeState":
        return cls(
            ewma={
                ((segment, column, version), component): Ewma(z=z, effect=effect, recent=tuple(recent))
                for segment, column, version, component, z, effect, *recent in data["ewma"]
            },
            harm={
                (segment, column, version): HarmState(harm=harm, harm_variance=variance, pull=pull)
                for segment, column, version, harm, variance, pull in data["harm"]
            },
            breaching={
                (segment, column, version): windows
                for segment, column, version, windows in data.get("breaching", ())
            },
            units={
                (segment, column, version): UnitRun(windows=windows, z=z, log_factor=log_factor)
                for segment, column, version, windows, z, log_factor in data.get("units", ())
            },
            slips={
                ((segment, column, version), component): EProcess.from_json((up, down))
                for segment, column, version, component, up, down in data.get("slips", ())
            },
        )
