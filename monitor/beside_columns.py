"""What is told of a window like a column and is none? One result each, for history and for the judge."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from detectors import Component, Kind, Measurement, Profile, Role, WindowSummary
from detectors._column import BEHAVIOUR, ESTIMATED, FRESHNESS, JOINT, SHADOW, VOLUME
from detectors._estimate import estimated_evidence
from detectors._joint_components import joint_evidence
from detectors._relations import relations_of
from detectors._service import errors_of
from detectors._shadow import ShadowSummary
from detectors._surrogate import behaviour_evidence
from monitor.window_components import volume_of
from storage.measurements import ColumnResult

Components = Mapping[str, tuple[Component, ...]]


def beside_columns(
    profile: Profile,
    summary: WindowSummary,
    parts: Components,
    measured: Mapping[str, Sequence[Measurement]],
    *,
    freshness: timedelta | None = None,
) -> tuple[ColumnResult, ...]:
    """Results of the whole window beyond its columns.

    `parts`: its components; `measured`: what the detectors said. `freshness`: from its newest row to its end.
    """
    found = [
        _result(JOINT, Role.JOINT, summary, parts, measured, _joint_evidence(profile, summary)),
        _result(BEHAVIOUR, Role.BEHAVIOUR, summary, parts, measured, behaviour_evidence(profile, summary)),
        _result(ESTIMATED, Role.ESTIMATE, summary, parts, measured, estimated_evidence(profile, summary)),
    ]
    if summary.shadow is not None:
        found.append(_shadow(profile, summary, summary.shadow, parts))
    found.append(_volume(profile, summary, parts))
    if freshness is not None:
        found.append(_freshness(summary, freshness))
    errors = errors_of(profile)
    if summary.errors is not None and errors is not None:
        reference = errors.errors / errors.rows if errors.rows else None
        share = summary.errors / summary.rows if summary.rows else None
        found.append(
            ColumnResult(
                column=errors.column,
                role=Role.SERVICE,
                kind=Kind.NUMERIC,
                rows=summary.rows,
                missing=0,
                components=parts.get(errors.column, ()),
                measurements=(
                    _plain(errors.column, "error_share", share, summary.rows, errors.rows, reference),
                ),
                evidence={"error_share": [reference, share], "errors": [errors.errors, summary.errors]},
            )
        )
    return tuple(result for result in found if result.components or result.measurements)


def _result(
    column: str,
    role: Role,
    summary: WindowSummary,
    parts: Components,
    measured: Mapping[str, Sequence[Measurement]],
    evidence: Mapping[str, object],
) -> ColumnResult:
    return ColumnResult(
        column=column,
        role=role,
        kind=Kind.NUMERIC,
        rows=summary.rows,
        missing=0,
        components=parts.get(column, ()),
        measurements=tuple(measured.get(column, ())),
        evidence=evidence,
    )


def _joint_evidence(profile: Profile, summary: WindowSummary) -> Mapping[str, object]:
    relations = relations_of(profile)
    if relations is None or summary.joint is None:
        return {}
    return joint_evidence(relations, summary.joint, summary.rows)


def _shadow(
    profile: Profile, summary: WindowSummary, shadow: ShadowSummary, parts: Components
) -> ColumnResult:
    distance, difference = shadow.mean_distance[0], shadow.mean_difference[0]
    numbers = {"score_distance": distance, "score_difference": difference}
    if profile.score is not None and profile.score.task != "regression":
        numbers = {"agreement": shadow.agreement, **numbers}
    return ColumnResult(
        column=SHADOW,
        role=Role.SHADOW,
        kind=Kind.NUMERIC,
        rows=summary.rows,
        missing=summary.rows - shadow.rows,
        components=parts.get(SHADOW, ()),
        measurements=tuple(
            _plain(SHADOW, name, value, shadow.rows, 0, None) for name, value in numbers.items()
        ),
        evidence={"rows": shadow.rows, "agreed": shadow.agreed},
    )


def _volume(profile: Profile, summary: WindowSummary, parts: Components) -> ColumnResult:
    usual = volume_of(profile)
    rows = None if usual is None else usual.rows
    return ColumnResult(
        column=VOLUME,
        role=Role.SERVICE,
        kind=Kind.NUMERIC,
        rows=summary.rows,
        missing=0,
        components=parts.get(VOLUME, ()),
        measurements=(
            _plain(VOLUME, "rows", summary.rows, summary.rows, usual.windows if usual else 0, rows),
        ),
        evidence={"rows": [rows, summary.rows]},
    )


def _freshness(summary: WindowSummary, freshness: timedelta) -> ColumnResult:
    """By the rows' own times, so that a window measured again gives the same number."""
    seconds = freshness.total_seconds()
    return ColumnResult(
        column=FRESHNESS,
        role=Role.SERVICE,
        kind=Kind.NUMERIC,
        rows=summary.rows,
        missing=0,
        measurements=(_plain(FRESHNESS, "freshness_seconds", seconds, summary.rows, 0, None),),
        evidence={"freshness_seconds": seconds},
    )


def _plain(
    column: str, metric: str, value: float | None, n: int, n_reference: int, usual: float | None
) -> Measurement:
    """A level, without a law of its own."""
    number = float("nan") if value is None else float(value)
    direction = 0 if usual is None or number == usual else 1 if number > usual else -1
    return Measurement(
        column=column, metric=metric, value=number, direction=direction, n_reference=n_reference, n=n
    )
