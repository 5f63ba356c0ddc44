"""What is measured of one window, given its counts? The part of an evaluation that `check` shares."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from detectors import ColumnProfile, Kind, Measurement, Profile, Role, WindowSummary, count
from detectors._bins import display
from detectors._components import components
from detectors._evidence import evidence
from detectors._harm import harm
from monitor.source import ColumnProblem, Trouble, Window
from storage.measurements import ColumnResult, ColumnStatus


class Detector(Protocol):
    """A member of detectors/."""

    def measure(self, profile: Profile, window: WindowSummary) -> list[Measurement]: ...


def wanted(profile: Profile) -> dict[str, Kind]:
    """The columns a source is asked for; types are fixed by the reference, never guessed from a window."""
    return {name: column.kind for name, column in profile.columns.items() if column.role is not Role.DERIVED}


def count_window(profile: Profile, window: Window) -> WindowSummary:
    """Read a window to its end, a batch at a time, in bounded memory."""
    summary = WindowSummary.empty(profile)
    for batch in window.batches:
        summary = summary + count(profile, batch.columns, batch.rows)
    return summary


def measure_window(
    profile: Profile,
    summary: WindowSummary,
    problems: Iterable[ColumnProblem],
    detectors: Sequence[Detector],
) -> tuple[ColumnResult, ...]:
    """One result a profiled column, in the profile's order; a column that cannot be measured says why."""
    troubled = {problem.column: problem for problem in problems}
    measured: dict[str, list[Measurement]] = {name: [] for name in profile.columns}
    if summary.rows:
        for detector in detectors:
            for measurement in detector.measure(profile, summary):
                measured[measurement.column].append(measurement)
    return tuple(
        _result(name, column, summary, troubled.get(name), measured[name])
        for name, column in profile.columns.items()
    )


def _result(
    name: str,
    column: ColumnProfile,
    summary: WindowSummary,
    problem: ColumnProblem | None,
    measurements: Sequence[Measurement],
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
        role=column.role,
        kind=column.kind,
        status=ColumnStatus.EMPTY if empty else ColumnStatus.OK,
        reason="every row is missing" if empty and summary.rows else "",
        rows=summary.rows,
        missing=counted.missing,
        components=components(column, counted, summary.rows),
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
