"""Which of a window's alerts is the cause, and what kind of problem is each?"""

from collections.abc import Sequence

from alerting.verdict import IncidentKind, Verdict
from detectors._column import FRESHNESS, VOLUME, Role
from monitor.component_judgement import ComponentJudgement
from monitor.families import Family, family
from monitor.policy import causal_order
from storage.measurements import ColumnResult

Order = tuple[bool, int, bool, bool, float, float]

_KINDS = {
    Role.SCORE: IncidentKind.CONFIDENCE,
    Role.PREDICTION: IncidentKind.CONFIDENCE,
    Role.DERIVED: IncidentKind.CONFIDENCE,
    Role.BEHAVIOUR: IncidentKind.CONFIDENCE,
    Role.ESTIMATE: IncidentKind.CONFIDENCE,
    Role.SHADOW: IncidentKind.CONFIDENCE,
    Role.PERFORMANCE: IncidentKind.PERFORMANCE,
    Role.SERVICE: IncidentKind.SERVICE,
}


def incident_kind(result: ColumnResult, *, data_quality: bool) -> IncidentKind:
    """Rows that do not come are the feed's business, as is a broken column (`data_quality`)."""
    if data_quality or result.column in (VOLUME, FRESHNESS):
        return IncidentKind.DATA
    return _KINDS.get(result.role, IncidentKind.DRIFT)


def cause_first(
    result: ColumnResult, components: Sequence[ComponentJudgement], verdict: Verdict, *, known: bool
) -> Order:
    """Sort key of breaches: the whole before its slices and versions; features before how they go together,
    that before the score, the score before what follows from it, performance last; what has just begun before
    what was told windows ago (`known`) or has lasted; the sure before the doubtful; then by p, then by effect
    in floors."""
    effect = max(
        (abs(part.score.effect) / part.floor for part in components if part.floor > 0.0), default=0.0
    )
    p = verdict.facts.get("p")
    return (
        family(result) is Family.PARTS,
        causal_order(result.role),
        known or verdict.facts.get("rule") == "ewma",
        not verdict.sure,
        p if isinstance(p, float) else 1.0,
        -effect,
    )
