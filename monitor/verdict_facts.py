"""Which numbers does a verdict keep, so that it can be told, listed, and recomputed by hand?

A breach, hold or error keeps every component; a clear verdict keeps the one that decided each rule, which is
enough to recompute it. Of the hundreds of pairs that go together ten are kept beside those.
"""

from collections.abc import Sequence
from typing import Any

from alerting.verdict import VerdictKind
from detectors import _ewma
from detectors._multiplicity import Adjusted
from monitor.column_rules import (
    Alphas,
    FamilyAdjusted,
    FamilyPs,
    Rule,
    groups,
    lasting_groups,
    lasting_leads,
    leads,
)
from monitor.component_judgement import ComponentJudgement
from monitor.judge_state import HarmState
from monitor.matters import Matter
from monitor.policy import PAIR
from storage.measurements import ColumnResult

_PAIRS = 10
WORST_FIRST = (VerdictKind.BREACH, VerdictKind.ERROR, VerdictKind.HOLD, VerdictKind.CLEAR)


def verdict_facts(
    result: ColumnResult,
    m: int,
    components: Sequence[ComponentJudgement],
    ps: FamilyPs,
    adjusted: FamilyAdjusted,
    alphas: Alphas,
    rules: Sequence[Rule],
    matters: Sequence[Matter],
    running: HarmState,
    kind: VerdictKind,
) -> dict[str, Any]:
    """JSON values. `value`, `z`, `p` are those of the rule that decided; p is after both adjustments."""
    lead = deciding(rules)
    kept = _deciders(components) if kind is VerdictKind.CLEAR else _kept(components)
    part = lead.component if lead is not None else None
    lasting = lead is not None and lead.lasting
    return {
        "rows": result.rows,
        "rule": lead.name if lead is not None else None,
        "component": part.name if part is not None else None,
        "value": part.score.y if part is not None else lead.value if lead is not None else None,
        "z": None if part is None else _lasting_z(part) if lasting else part.score.z,
        "p": lead.adjusted if lead is not None else None,
        "effect": None if part is None else part.after.effect if lasting else part.score.effect,
        "harm": result.harm.harm,
        "harm_error": result.harm.harm_error,
        "pull": result.harm.pull,
        "running": {"harm": running.harm, "harm_variance": running.harm_variance, "pull": running.pull},
        "rules": [_rule(rule, matter) for rule, matter in zip(rules, matters, strict=True)],
        "alpha": {"shewhart": alphas.shewhart, "ewma": alphas.ewma},
        "family": {
            "m": m,
            "shewhart": _adjusted(adjusted.shewhart),
            "shewhart_near": _adjusted(adjusted.shewhart_near),
            "ewma": _adjusted(adjusted.ewma),
            "ewma_near": _adjusted(adjusted.ewma_near),
            "own": {
                "shewhart": ps.shewhart,
                "shewhart_near": ps.shewhart_near,
                "ewma": ps.ewma,
                "ewma_near": ps.ewma_near,
            },
        },
        "components": {part.name: part.to_json() for part in kept},
    }


def _deciders(components: Sequence[ComponentJudgement]) -> list[ComponentJudgement]:
    """The components that any p of the column comes from."""
    if not components:
        return []
    names = {part.name for part in components if part.slip is not None}  # all of them make one evidence
    for parts in lasting_groups(components).values():
        names |= {part.name for part in lasting_leads(parts)}
    for parts in groups(components).values():
        names |= {part.name for part in leads(parts)}
    return [part for part in components if part.name in names]


def _kept(components: Sequence[ComponentJudgement]) -> Sequence[ComponentJudgement]:
    """All, but of pairs the deciders and the most surprising."""
    pairs = [part for part in components if part.name.startswith(PAIR)]
    if len(pairs) <= _PAIRS:
        return components
    names = {part.name for part in _deciders(components)}
    names |= {part.name for part in sorted(pairs, key=lambda part: (part.score.p, part.name))[:_PAIRS]}
    return [part for part in components if part.name in names or not part.name.startswith(PAIR)]


def _lasting_z(part: ComponentJudgement) -> float:
    return _ewma.deviate(part.after, part.noise.spread)


def deciding(rules: Sequence[Rule]) -> Rule | None:
    """The worst rule; among equals the sure one, then the least p, then the most extreme component."""
    if not rules:
        return None
    return min(
        rules,
        key=lambda rule: (
            WORST_FIRST.index(rule.kind),
            not rule.sure,
            rule.adjusted if rule.adjusted is not None else 1.0,
            rule.component.score.p if rule.component is not None else 1.0,
        ),
    )


def _rule(rule: Rule, matter: Matter) -> dict[str, Any]:
    return {
        "name": rule.name,
        "kind": str(rule.kind),
        "component": rule.component.name if rule.component is not None else None,
        "p": rule.adjusted,
        "alpha": rule.alpha,
        "sure": rule.sure,
        "severity": str(matter.severity),
        "matters": matter.why,
        "value": rule.value,
        "limits": [rule.threshold.ticket, rule.threshold.page] if rule.threshold is not None else None,
    }


def _adjusted(adjusted: Adjusted) -> list[float]:
    """[p values in the family, rank, the p at that rank]."""
    return [adjusted.size, adjusted.rank, adjusted.step]
