"""How far has production come from the fixed reference, while a trailing one moves along with it?

What moves by a little each week is normal to a reference of the last weeks. So beside it each window is held
against the fixed reference as well, like a slice of the name `reference=v1`: by that reference's own noise,
at most a ticket. Broken data is left to the reference in force: one cause, one page.
"""

from collections.abc import Mapping
from dataclasses import replace

from alerting.series import CREEP
from detectors import Profile, Role
from detectors._noise import NoiseModel
from monitor.counting import count_span
from monitor.measuring import is_column, measure_window
from monitor.policy import DATA_QUALITY
from monitor.source import Source
from storage.measurements import ColumnResult, ColumnStatus
from storage.profiles import Reference
from storage.span import Span

AGAINST = "against"  # in a trailing reference's lineage: the version of the fixed one


def against(reference: Reference) -> int | None:
    """The version of the fixed reference beside a trailing one; None: this one is fixed."""
    version = reference.lineage.get(AGAINST)
    return version if isinstance(version, int) else None


def segment(version: int) -> str:
    """What the fixed reference is called where slices are."""
    return f"{CREEP}=v{version}"


def fixed_segments(noise: NoiseModel) -> set[str]:
    """Those of a noise model that are a fixed reference."""
    return {name for name in noise.slices if name.startswith(f"{CREEP}=")}


def creep_results(source: Source, span: Span, fixed: Profile, version: int) -> list[ColumnResult]:
    """A window's features and scores on the fixed reference. Reads the rows again: it has other knots."""
    counted = count_span(source, fixed, span)
    if not counted.summary.rows or counted.left_out:  # what came as summaries was counted on the other one
        return []
    found = []
    for result in measure_window(fixed, counted.summary, counted.problems, ()):
        parts = tuple(part for part in result.components if part.name not in DATA_QUALITY)
        fit = is_column(fixed, result) and result.status is ColumnStatus.OK
        if fit and parts and result.role is not Role.DERIVED:
            found.append(replace(result, segment=segment(version), components=parts))
    return found


def with_fixed_noise(noise: NoiseModel, version: int, fixed: NoiseModel | None) -> Mapping[str, NoiseModel]:
    """The slices of a trailing reference's noise model, with the fixed reference's own among them."""
    if fixed is None:
        return noise.slices
    return {**noise.slices, segment(version): replace(fixed, slices={}, records=())}
