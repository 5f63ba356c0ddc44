"""Given the stored numbers of one window, should a person be told, and how urgently?

The theory, in the order of the steps below (docs/detectors.md derives it):

1. A column is a few component means y (its location, spread and skew, or the share of each level; missing,
   unseen, out of range, stuck). The noise model says how far each may stray without any change: z and p.
2. A running mean of z (EWMA) finds what is too small for one window but lasts.
3. What is too small to care about (its floor) is not looked at: p = 1. The rest of a column is worth
   min(1, m·min p) over its m components, and Benjamini–Hochberg over the columns of its family keeps the
   share of false alerts at α: many columns do not mean many alerts.
4. Each rule of a column says breach, hold or clear; the column's verdict is the worst, so that one column
   never opens two incidents.
5. An alert is a ticket. It becomes a page when it matters: it harms the model, or the score alerts too, or it
   is about the data feed itself. Whether it is sure enough to fire is for the fold (alerting/fold.py): at
   once when `sure`, else by persistence.
6. Causes are ranked before effects, and what has just begun before what is known.

Pure: windows come in order, from stored rows only; what is remembered in between is in `JudgeState`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from math import isfinite

from alerting.series import Series
from alerting.verdict import Severity, Verdict, VerdictKind
from detectors._column import PSEUDO, Role
from detectors._e_process import EProcess
from detectors._ewma import Ewma
from detectors._noise import ENOUGH_WINDOWS, NoiseModel
from monitor.column_rules import (
    Alphas,
    FamilyAdjusted,
    FamilyPs,
    Rule,
    calibrated_rules,
    family_ps,
    threshold_rules,
)
from monitor.component_judgement import ComponentJudgement, judge_component
from monitor.diagnosis import diagnose
from monitor.families import Family, adjust, family
from monitor.floors import floor_of
from monitor.judge_state import HarmState, JudgeState, Place
from monitor.matters import Alerts, in_score_unit, matter
from monitor.place import located
from monitor.policy import KNOWN_AFTER, JudgePolicy
from monitor.ranking import Order, cause_first, incident_kind
from monitor.unit_evidence import UnitEvidence, unit_evidence
from monitor.verdict_facts import WORST_FIRST, verdict_facts
from monitor.window_facts import WindowFacts, series_of, too_few, unfit
from storage.measurements import ColumnResult, ColumnStatus

__all__ = ["Judgement", "WindowFacts", "judge"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What was said, breaches first and by rank, and what to remember for the next window."""

    verdicts: tuple[Verdict, ...]
    state: JudgeState


@dataclass(frozen=True, slots=True, kw_only=True)
class _Column:
    """One column on its way to a verdict."""

    result: ColumnResult
    series: Series
    m: int  # components the noise model knows
    components: tuple[ComponentJudgement, ...]
    ps: FamilyPs
    harm: HarmState
    limits: tuple[Rule, ...]  # what plain thresholds say
    learning: bool  # its noise model knows too few windows
    error: str = ""  # why it cannot be judged


def judge(
    facts: WindowFacts,
    noise: NoiseModel,
    state: JudgeState,
    policy: JudgePolicy,
    versions: Mapping[str, NoiseModel] | None = None,
) -> Judgement:
    """Every column of one window. The state given is that after the window before.

    `versions`: what is normal for a model version that has a reference of its own; the others are judged by
    `noise`, slices by its slices.
    """
    if facts.rows < policy.min_rows:
        return Judgement(verdicts=tuple(too_few(facts, result) for result in facts.results), state=state)
    policy = in_score_unit(policy, facts.results)
    broken = [unfit(facts, r) for r in facts.results if not _measurable(r)]
    few = [too_few(facts, r) for r in facts.results if _measurable(r) and r.rows < policy.min_rows]
    columns = [
        _look(facts, result, _noise_of(result, noise, versions or {}), state, policy)
        for result in facts.results
        if _measurable(result) and result.rows >= policy.min_rows
    ]
    # What gives no component and has no threshold (entropy, margin) is reported, not judged.
    columns = [column for column in columns if column.error or column.components or column.limits]
    adjusted = adjust([(c.result, c.ps) if c.components else None for c in columns])
    alphas = Alphas.of(policy)
    rules = [
        [*calibrated_rules(c.components, c.m, of_family, alphas, learning=c.learning), *c.limits]
        for c, of_family in zip(columns, adjusted, strict=True)
    ]
    units = [
        unit_evidence(column.result, said, column.components, state.units.get(_place(column.result)))
        for column, said in zip(columns, rules, strict=True)
    ]
    rules = [[*said, unit.rule] if unit.rule else said for said, unit in zip(rules, units, strict=True)]
    alerts = _alerts(columns, rules)
    verdicts = [
        _verdict(facts, column, of_family, said, unit, policy, alerts)
        for column, of_family, said, unit in zip(columns, adjusted, rules, units, strict=True)
    ]
    verdicts = located([(c.result, c.components, v) for c, v in zip(columns, verdicts, strict=True)])
    return Judgement(
        verdicts=(*_ranked(verdicts, columns, state), *broken, *few),
        state=_after(state, columns, units, verdicts),
    )


def _look(
    facts: WindowFacts, result: ColumnResult, noise: NoiseModel, state: JudgeState, policy: JudgePolicy
) -> _Column:
    """Steps 1 to 3 of one column, up to its p."""
    place, slips, error = _place(result), result.role is Role.PERFORMANCE, ""
    parts: list[ComponentJudgement] = []
    for component in result.components:
        known = noise.components.get((result.column, component.name))
        if known is None or component.n < 1:
            continue
        if not isfinite(component.y):
            error = f"{component.name} is not a number"
            continue
        slot = facts.slots.get(known.slot, 0)
        parts.append(
            judge_component(
                component.name,
                known,
                component.y,
                component.n,
                slot,
                floor_of(policy, result.column, component.name, known, slot, component.y),
                state.ewma.get((place, component.name), Ewma()),
                state.slips.get((place, component.name), EProcess()) if slips else None,
            )
        )
    # A slice, a version or a pseudo-column that the noise model was not taught has nothing to be compared
    # with yet.
    owed = not result.segment and not result.version and result.column not in PSEUDO
    if result.components and not parts and not error and owed:
        error = "the noise model does not know it: rebuild the reference"
    harm = result.harm
    return _Column(
        result=result,
        series=series_of(facts, result),
        m=len(parts),
        components=tuple(parts),
        ps=family_ps(parts, len(parts)),
        harm=state.harm.get(place, HarmState()).advance(harm.harm, harm.harm_error, harm.pull),
        limits=tuple(
            threshold_rules(
                result.measurements, [t for t in policy.thresholds if fnmatchcase(result.column, t.column)]
            )
        ),
        learning=noise.learning or _is_young(result, noise),
        error=error,
    )


def _is_young(result: ColumnResult, noise: NoiseModel) -> bool:
    """Of performance the reference may know less than of its columns: few of its rows had labels."""
    if result.role is not Role.PERFORMANCE:
        return False
    known = [n.windows for (column, _), n in noise.components.items() if column == result.column]
    return max(known, default=0) < ENOUGH_WINDOWS


def _noise_of(result: ColumnResult, noise: NoiseModel, versions: Mapping[str, NoiseModel]) -> NoiseModel:
    """What this result is compared with."""
    own = versions.get(result.version, noise) if result.version else noise
    if not result.segment:
        return own
    return own.slices.get(result.segment, NoiseModel(components={}, windows=own.windows))


def _after(
    state: JudgeState,
    columns: Sequence[_Column],
    units: Sequence[UnitEvidence],
    verdicts: Sequence[Verdict],
) -> JudgeState:
    """What to remember: a column that could not be judged keeps its running means."""
    ewma, harm = dict(state.ewma), dict(state.harm)
    breaching, runs, slips = dict(state.breaching), dict(state.units), dict(state.slips)
    for column, unit, verdict in zip(columns, units, verdicts, strict=True):
        place = _place(column.result)
        if unit.run is not None:
            runs[place] = unit.run
        elif not column.error:
            runs.pop(place, None)
        if not column.error:
            ewma |= {(place, part.name): part.after for part in column.components}
            slips |= {(place, part.name): part.slip for part in column.components if part.slip is not None}
            harm[place] = column.harm
        if verdict.kind is VerdictKind.BREACH:
            breaching[place] = breaching.get(place, 0) + (KNOWN_AFTER if verdict.sure else 1)
        elif verdict.kind is VerdictKind.CLEAR:
            breaching.pop(place, None)
    return JudgeState(ewma=ewma, harm=harm, breaching=breaching, units=runs, slips=slips)


def _alerts(columns: Sequence[_Column], rules: Sequence[Sequence[Rule]]) -> Alerts:
    """Whether the model's own answers breach, as a whole."""
    roles = {
        column.result.role
        for column, said in zip(columns, rules, strict=True)
        if family(column.result) is Family.INPUTS and _kind(column, said) is VerdictKind.BREACH
    }
    return Alerts(score=bool(roles & {Role.SCORE, Role.PREDICTION}), behaviour=Role.BEHAVIOUR in roles)


def _verdict(
    facts: WindowFacts,
    column: _Column,
    adjusted: FamilyAdjusted,
    rules: Sequence[Rule],
    unit: UnitEvidence,
    policy: JudgePolicy,
    alerts: Alerts,
) -> Verdict:
    """Step 5: the worst rule, how urgent it is, and what happened in words."""
    kind = _kind(column, rules)
    matters = [
        matter(
            rule,
            column.result,
            column.harm,
            policy,
            alerts,
            unit_changed=unit.change is not None,
            learning=column.learning,
        )
        for rule in rules
    ]
    breached = [(rule, m) for rule, m in zip(rules, matters, strict=True) if rule.kind is VerdictKind.BREACH]
    severity = max((m.severity for _, m in breached), key=lambda s: s.level, default=Severity.NONE)
    diagnosis = diagnose(column.result, [rule for rule, _ in breached], column.components, unit.change)
    return Verdict(
        series=column.series,
        start=facts.start,
        end=facts.end,
        revision=facts.revision,
        kind=kind,
        incident_kind=incident_kind(column.result, data_quality=any(m.data_quality for _, m in breached)),
        severity=severity if kind is VerdictKind.BREACH else Severity.NONE,
        sure=kind is VerdictKind.BREACH and any(r.sure and m.severity is severity for r, m in breached),
        change=diagnosis.change,
        title=diagnosis.title or column.error,
        facts=verdict_facts(
            column.result,
            column.m,
            column.components,
            column.ps,
            adjusted,
            Alphas.of(policy),
            rules,
            matters,
            column.harm,
            kind,
        )
        | ({"reason": column.error} if column.error else {})
        | ({"learning": True} if column.learning else {})
        | diagnosis.facts,
    )


def _kind(column: _Column, rules: Sequence[Rule]) -> VerdictKind:
    said = {rule.kind for rule in rules}
    if column.error:
        said.add(VerdictKind.ERROR)
    return next(kind for kind in WORST_FIRST if kind in said)


def _ranked(verdicts: Sequence[Verdict], columns: Sequence[_Column], state: JudgeState) -> list[Verdict]:
    """Step 6: breaches in order of rank, then the others."""

    def order(index: int) -> Order:
        column = columns[index]
        known = state.breaching.get(_place(column.result), 0) >= KNOWN_AFTER
        return cause_first(column.result, column.components, verdicts[index], known=known)

    breaches = sorted((i for i, v in enumerate(verdicts) if v.kind is VerdictKind.BREACH), key=order)
    ranked = [replace(verdicts[i], rank=rank) for rank, i in enumerate(breaches, start=1)]
    return ranked + [verdict for verdict in verdicts if verdict.kind is not VerdictKind.BREACH]


def _measurable(result: ColumnResult) -> bool:
    return result.status in (ColumnStatus.OK, ColumnStatus.EMPTY)


def _place(result: ColumnResult) -> Place:
    return result.segment, result.column, result.version
