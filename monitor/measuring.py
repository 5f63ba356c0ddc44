"""What is measured of one window, given its counts? The part of an evaluation that `check` shares."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Protocol

from detectors import ColumnProfile, Component, Measurement, Profile, Role, WindowSummary
from detectors._bins import display
from detectors._evidence import evidence
from detectors._harm import harm
from detectors._slices import slices_of
from monitor.beside_columns import beside_columns
from monitor.source import ColumnProblem, Trouble
from monitor.window_components import slice_components, window_components
from storage.measurements import ColumnResult, ColumnStatus

LEAST_SLICE = 5  # rows: a slice of fewer says nothing, and its absence is in its segment's mix
UNVERSIONED = "none"  # rows that name no model version, beside rows that do


class Detector(Protocol):
    """A member of detectors/."""

    def measure(self, profile: Profile, window: WindowSummary) -> list[Measurement]: ...


def measure_window(
    profile: Profile,
    summary: WindowSummary,
    problems: Iterable[ColumnProblem],
    detectors: Sequence[Detector],
    *,
    freshness: timedelta | None = None,
) -> tuple[ColumnResult, ...]:
    """One result a profiled column, in the profile's order, then what is told like a column, then slices and
    model versions. A column that cannot be measured says why.

    `freshness`: from the window's newest row to its end.
    """
    troubled = {problem.column: problem for problem in problems}
    measured: dict[str, list[Measurement]] = {}
    if summary.rows:
        for detector in detectors:
            for measurement in detector.measure(profile, summary):
                measured.setdefault(measurement.column, []).append(measurement)
    parts = window_components(profile, summary)
    whole = [
        _result(name, column, summary, troubled.get(name), measured.get(name, ()), parts.get(name, ()))
        for name, column in profile.columns.items()
    ]
    if not summary.rows:
        return tuple(whole)
    return (
        *whole,
        *beside_columns(profile, summary, parts, measured, freshness=freshness),
        *_slices(profile, summary),
        *(result for of in _versions(profile, summary, detectors) for result in of),
    )


def is_column(profile: Profile, result: ColumnResult) -> bool:
    """Whether it is about one of the reference's columns over all rows."""
    return result.column in profile.columns and not result.segment and not result.version


def judged_on(result: ColumnResult, reference: str, version: str) -> ColumnResult:
    """A model version's result that says whose reference it was measured on."""
    if not result.version:
        return result
    return replace(result, evidence={**result.evidence, "reference": reference, "reference_of": version})


def _slices(profile: Profile, summary: WindowSummary) -> Iterable[ColumnResult]:
    slices = slices_of(profile)
    if slices is None:
        return
    for segment, counted in summary.slices.items():
        own = slices.profiles[segment]
        if counted.rows < LEAST_SLICE:
            continue
        parts = slice_components(own, counted)
        for name, column in own.columns.items():
            if name in counted.columns:  # what the window lacks is said once, of the whole
                yield _result(name, column, counted, None, (), parts.get(name, ()), segment=segment)


def _versions(
    profile: Profile, summary: WindowSummary, detectors: Sequence[Detector]
) -> Iterable[tuple[ColumnResult, ...]]:
    """Each model version by itself, where the window holds several."""
    for version, counted in summary.versions.items():
        yield version_results(profile, counted, version, detectors)


def version_results(
    profile: Profile, counted: WindowSummary, version: str, detectors: Sequence[Detector]
) -> tuple[ColumnResult, ...]:
    """The rows of one model version; what is said of the whole window alone is left out."""
    if counted.rows < LEAST_SLICE:
        return ()
    alone = replace(counted, slices={}, version=None, versions={}, errors=None)
    return tuple(
        replace(result, version=version or UNVERSIONED)
        for result in measure_window(profile, alone, (), detectors)
        if result.role is not Role.SERVICE and (result.column in counted.columns or result.components)
    )


def _result(
    name: str,
    column: ColumnProfile,
    summary: WindowSummary,
    problem: ColumnProblem | None,
    measurements: Sequence[Measurement],
    parts: tuple[Component, ...],
    segment: str = "",
) -> ColumnResult:
    counted = summary.columns.get(name)
    if counted is None:
        return ColumnResult(
            column=name,
            role=column.role,
            kind=column.kind,
            status=_STATUS[problem.trouble] if problem else ColumnStatus.ABSENT,
            reason=f"{problem.reason}; {_REMEDY[problem.trouble]}" if problem else "its score is not there",
            rows=summary.rows,
            missing=summary.rows,
        )
    empty = counted.missing >= summary.rows
    return ColumnResult(
        column=name,
        segment=segment,
        role=column.role,
        kind=column.kind,
        status=ColumnStatus.EMPTY if empty else ColumnStatus.OK,
        reason="every row is missing" if empty and summary.rows else "",
        rows=summary.rows,
        missing=counted.missing,
        components=parts,
        measurements=tuple(measurements),
        bins=display(column, counted) if summary.rows else None,
        evidence=evidence(column, counted, summary.rows),
        harm=harm(column, counted),
    )


_REMEDY: Mapping[Trouble, str] = {
    Trouble.ABSENT: "bring it back, or build a new reference without it",
    Trouble.RETYPED: "write it as before, or build a new reference with it as it is now",
}
_STATUS: Mapping[Trouble, ColumnStatus] = {
    Trouble.ABSENT: ColumnStatus.ABSENT,
    Trouble.RETYPED: ColumnStatus.RETYPED,
}
