"""How did a stored verdict come about, and does recomputing it give the same?

Everything is computed again from the verdict's own facts by the functions of the judge: z, p, adjusted p,
running means, each rule and the kind. Two numbers are taken as stored, since they belong to others: the
record guard (the noise model holds the reference's windows), the rank in the family (the other columns' p).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from alerting.verdict import VerdictKind
from detectors._multiplicity import Adjusted
from monitor.column_rules import (
    SLIP,
    UNIT,
    Alphas,
    FamilyAdjusted,
    Rule,
    calibrated_rules,
    family_ps,
    threshold_rule,
    unit_rule,
)
from monitor.component_judgement import ComponentJudgement, judge_again
from monitor.echoes import ECHO
from monitor.explanation_lines import component_lines, family_lines, rule_line, slip_lines
from monitor.older_facts import as_today, is_older, of_then
from monitor.policy import Threshold
from monitor.verdict_facts import WORST_FIRST

_NOT_JUDGED = (VerdictKind.LOW_VOLUME, VerdictKind.NO_DATA)


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """The arithmetic for a person, and whether it gives what was stored."""

    lines: tuple[str, ...]
    kind: VerdictKind  # recomputed
    differences: tuple[str, ...]  # what does not agree: "name: stored …, recomputed …"
    older: bool = False  # an earlier version judged it: where its rules were others, numbers may differ

    @property
    def agrees(self) -> bool:
        return not self.differences


def explain_verdict(kind: VerdictKind, facts: Mapping[str, Any]) -> Explanation:
    """Recompute a verdict of `kind` from its facts. Same functions, so floats must agree to the bit."""
    if "components" not in facts:
        reason = facts.get("reason") or f"{facts.get('rows', 0)} rows"
        return Explanation(lines=(f"not judged: {reason}",), kind=kind, differences=())
    differences: list[str] = []
    parts: list[ComponentJudgement] = []
    older = is_older(facts["components"])
    for name, stored in facts["components"].items():
        part = judge_again(name, as_today(stored) if older else stored)
        parts.append(part)
        now = part.to_json()
        differences += _differences(name, stored, of_then(now) if older else now)
    family = facts["family"]
    adjusted = FamilyAdjusted(
        shewhart=_adjusted(family["shewhart"]),
        shewhart_near=_adjusted(family["shewhart_near"]),
        ewma=_adjusted(family["ewma"]),
        ewma_near=_adjusted(family["ewma_near"]),
    )
    ps = family_ps(parts, family["m"])
    for what, own in (
        ("shewhart", ps.shewhart),
        ("shewhart_near", ps.shewhart_near),
        ("ewma", ps.ewma),
        ("ewma_near", ps.ewma_near),
    ):
        differences += _differences(f"{what} p of the column", family["own"][what], own)
    alphas = Alphas(shewhart=facts["alpha"]["shewhart"], ewma=facts["alpha"]["ewma"])
    rules = calibrated_rules(parts, family["m"], adjusted, alphas, learning=bool(facts.get("learning")))
    rules += [_limit(stored) for stored in facts["rules"] if stored["limits"] is not None]
    rules += [unit_rule(stored["value"]) for stored in facts["rules"] if stored["name"] == UNIT]
    differences += _rule_differences(facts["rules"], rules)
    said = {rule.kind for rule in rules} | ({VerdictKind.ERROR} if facts.get("reason") else set())
    again = next((word for word in WORST_FIRST if word in said), kind)
    if facts.get("incomplete") and again is VerdictKind.CLEAR:
        again = VerdictKind.HOLD  # labels that came in part clear nobody (monitor/label_verdicts.py)
    if facts.get(ECHO) and again is VerdictKind.BREACH:
        again = VerdictKind.HOLD  # another breach tells it (monitor/echoes.py)
    differences += _differences("verdict", str(kind), str(again))
    return Explanation(
        lines=_lines(kind, facts, parts, adjusted, rules, differences, older=older),
        kind=again,
        differences=tuple(differences),
        older=older,
    )


def _lines(
    kind: VerdictKind,
    facts: Mapping[str, Any],
    parts: Sequence[ComponentJudgement],
    adjusted: FamilyAdjusted,
    rules: Sequence[Rule],
    differences: Sequence[str],
    *,
    older: bool,
) -> tuple[str, ...]:
    decided = [part for part in parts if part.name == facts["component"]]
    lines = [f"{kind}: decided by rule {facts['rule']}" if facts["rule"] else str(kind)]
    for part in decided:
        lines += component_lines(part)
        if facts["rule"] == SLIP:
            lines += slip_lines(parts)
        else:
            lines += family_lines(part, facts["family"]["m"], adjusted, lasting=facts["rule"] == "ewma")
    matters = {stored["name"]: stored["matters"] for stored in facts["rules"]}
    if facts.get("incomplete"):
        lines.append(f"at most a ticket, and never clear: {facts['incomplete']}")
    if facts.get(ECHO):
        lines.append(f"held back: {facts[ECHO]}")
    lines += ["rules:", *(f"  {rule_line(rule, matters.get(rule.name, ''))}" for rule in rules)]
    if differences and older:
        lines += ["judged by an earlier version; today's rules differ in:", *(f"  {d}" for d in differences)]
    elif differences:
        lines += ["recomputed, and NOT equal to what was stored:", *(f"  {line}" for line in differences)]
    else:
        lines.append("recomputed from the stored numbers: equal to the last bit")
    return tuple(lines)


def _adjusted(stored: Sequence[Any]) -> Adjusted:
    size, rank, step = stored
    return Adjusted(size=size, rank=rank, step=step)


def _limit(stored: Mapping[str, Any]) -> Rule:
    ticket, page = stored["limits"]
    metric = stored["name"].removeprefix("threshold:")
    return threshold_rule(Threshold(metric=metric, ticket=ticket, page=page), stored["value"])


def _rule_differences(stored: Sequence[Mapping[str, Any]], again: Sequence[Rule]) -> list[str]:
    found = []
    if len(stored) != len(again):
        found.append(f"rules: stored {len(stored)}, recomputed {len(again)}")
    for before, rule in zip(sorted(stored, key=_name), sorted(again, key=lambda r: r.name), strict=False):
        now = {"name": rule.name, "kind": str(rule.kind), "p": rule.adjusted, "sure": rule.sure}
        found += _differences(f"rule {rule.name}", {key: before[key] for key in now}, now)
    return found


def _name(stored: Mapping[str, Any]) -> str:
    return str(stored["name"])


def _differences(name: str, stored: object, again: object) -> list[str]:
    """Where two JSON values differ. 1 and 1.0 are one number: a database may give either."""
    if isinstance(stored, Mapping) and isinstance(again, Mapping):
        keys = sorted({*stored, *again})
        return [d for key in keys for d in _differences(f"{name}.{key}", stored.get(key), again.get(key))]
    if isinstance(stored, list | tuple) and isinstance(again, list | tuple) and len(stored) == len(again):
        pairs = enumerate(zip(stored, again, strict=True))
        return [d for i, (one, other) in pairs for d in _differences(f"{name}[{i}]", one, other)]
    return [] if stored == again else [f"{name}: stored {stored}, recomputed {again}"]
