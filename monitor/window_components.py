"""Which means of a window decide? The one answer for building a reference, for the live path and for `check`.

Columns, and what is told like a column and is none: how columns go together, what the model makes of its
inputs, how well it probably does, how a challenger differs, how many rows came and how many went wrong.
"""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from detectors import Component, Profile, WindowSummary
from detectors._column import BEHAVIOUR, ESTIMATED, JOINT, SHADOW, VOLUME, Role
from detectors._components import components
from detectors._estimate import estimated_components
from detectors._joint_components import joint_components
from detectors._relations import relations_of
from detectors._service import errors_of
from detectors._surrogate import behaviour_components

VOLUME_PART = "volume"
SHADOW_PART = "shadow"
# A slice is judged on the data itself and on the shape of its numbers: its mix of labels is the whole's.
SLICE_COMPONENTS = frozenset({"c1", "c2", "c3", "missing", "unseen", "out_of_range", "stuck"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """Rows of a usual reference window."""

    rows: float  # median
    windows: int

    def to_bytes(self) -> bytes:
        return json.dumps({"rows": self.rows, "windows": self.windows}).encode()


def volume_of(profile: Profile) -> Volume | None:
    """None where the reference's windows say nothing of production's: a sample, or rows without time."""
    part = profile.parts.get(VOLUME_PART)
    return None if part is None else Volume(**json.loads(part))


def window_components(
    profile: Profile, summary: WindowSummary, *, at: float | None = None
) -> dict[str, tuple[Component, ...]]:
    """By column; nothing of a column that the window lacks.

    `at`: for a window of the reference itself, the share of its rows before the window's middle: small models
    then answer that have not seen it (`_surrogate.residuals`).
    """
    found: dict[str, tuple[Component, ...]] = {}
    for name, counted in summary.columns.items():
        found[name] = components(profile.columns[name], counted, summary.rows)
    if not summary.rows:
        return found
    for name, of in _BESIDE.items():
        found[name] = of(profile, summary, at)
    errors = errors_of(profile)
    if errors is not None and errors.rows and summary.errors is not None:
        found[errors.column] = (_share("errors", summary.errors, summary.rows),)
    return {name: parts for name, parts in found.items() if parts or name in summary.columns}


def slice_components(profile: Profile, summary: WindowSummary) -> dict[str, tuple[Component, ...]]:
    """The same of a slice, counted on the slice's own profile."""
    return {
        name: tuple(
            part
            for part in components(profile.columns[name], counted, summary.rows)
            if part.name in SLICE_COMPONENTS and profile.columns[name].role is not Role.DERIVED
        )
        for name, counted in summary.columns.items()
    }


def _joint(profile: Profile, summary: WindowSummary, _at: float | None) -> tuple[Component, ...]:
    relations = relations_of(profile)
    if relations is None or summary.joint is None:
        return ()
    return joint_components(relations, summary.joint, summary.rows)


def _shadow(profile: Profile, summary: WindowSummary, _at: float | None) -> tuple[Component, ...]:
    """Only where the reference had the second score: else nobody knows what is normal."""
    shadow, score = summary.shadow, profile.score
    if SHADOW_PART not in profile.parts or shadow is None or score is None or not shadow.rows:
        return ()
    distance, difference = shadow.mean_distance, shadow.mean_difference
    found = [
        Component(name=name, y=mean, n=shadow.rows, variance=variance, share=False)
        for name, (mean, variance) in (("distance", distance), ("difference", difference))
    ]
    if score.task == "regression":
        return tuple(found)
    return (_share("agreement", shadow.agreed, shadow.rows), *found)


def _volume(profile: Profile, summary: WindowSummary, _at: float | None) -> tuple[Component, ...]:
    if volume_of(profile) is None:
        return ()
    return (Component(name="rows", y=math.log(summary.rows), n=1, variance=0.0, share=False),)


def _share(name: str, rows: int, n: int) -> Component:
    y = rows / n
    return Component(name=name, y=y, n=n, variance=y * (1.0 - y), share=True)


_BESIDE: Mapping[str, Callable[[Profile, WindowSummary, float | None], tuple[Component, ...]]] = {
    JOINT: _joint,
    BEHAVIOUR: behaviour_components,
    ESTIMATED: estimated_components,
    SHADOW: _shadow,
    VOLUME: _volume,
}
