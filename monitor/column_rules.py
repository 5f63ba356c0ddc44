"""What does each rule of one column say, given how its family did?

A rule is a word in the verdict: "shewhart" (this window's mix and shape), one for each data-quality part,
"ewma" (small but lasting), while learning "mostly_missing", and one for each plain threshold. Performance has
"slip" as well: evidence over weeks for what is too small for a running mean of a few windows. How good the
model is (accuracy, mae) has rules of its own beside how well its scores fit (calibration): only the first is
worth a page whatever the score says.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

from alerting.verdict import Severity, VerdictKind
from detectors._e_process import EProcess, merged, p_of
from detectors._measurement import Measurement
from detectors._multiplicity import Adjusted, bonferroni
from monitor.component_judgement import ComponentJudgement
from monitor.policy import (
    ALPHA_EWMA,
    ALPHA_SHEWHART,
    CLEAR,
    CLEAR_THRESHOLD,
    DATA_QUALITY,
    MOSTLY,
    PARTLY_OFF_GRID,
    SURE,
    JudgePolicy,
    Threshold,
)

# A column that was a quarter missing all along and is half missing now is a matter for the calibrated rule.
_USUALLY_MISSING = 0.25


EWMA = "ewma"
UNIT = "unit"
SLIP = "slip"
_GOODNESS = ("accuracy", "mae")
_CALIBRATION = ("bias", "brier")
_WORSE = {"accuracy": -1, "mae": 1}  # the side of each on which the model is worse


@dataclass(frozen=True, slots=True, kw_only=True)
class Alphas:
    """False discovery rates of a window's family, at the model's sensitivity."""

    shewhart: float
    ewma: float

    @classmethod
    def of(cls, policy: JudgePolicy) -> "Alphas":
        return cls(shewhart=policy.alpha(ALPHA_SHEWHART), ewma=policy.alpha(ALPHA_EWMA))


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyPs:
    """p of one column as its family sees it: of this window and lasting, at the floor and at 0.8 of it."""

    shewhart: float
    shewhart_near: float
    ewma: float
    ewma_near: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyAdjusted:
    """The same four after Benjamini–Hochberg over the family."""

    shewhart: Adjusted
    shewhart_near: Adjusted
    ewma: Adjusted
    ewma_near: Adjusted


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What one rule says."""

    name: str
    kind: VerdictKind
    component: ComponentJudgement | None = None  # the one that decided; None for a plain threshold
    adjusted: float | None = None  # p after both adjustments; None without a law
    alpha: float | None = None
    sure: bool = False
    severity: Severity | None = None  # fixed by a plain threshold; None: decided by what matters
    value: float | None = None  # of the metric of a plain threshold; None: not a number
    threshold: Threshold | None = None

    @property
    def lasting(self) -> bool:
        """Whether it speaks of the running mean."""
        return self.name.startswith(EWMA) or self.name == SLIP


def family_ps(components: Sequence[ComponentJudgement], m: int) -> FamilyPs:
    """min(1, m·min p) of each kind over the m components of a column."""
    return FamilyPs(
        shewhart=bonferroni([part.p for part in components], m),
        shewhart_near=bonferroni([part.p_near for part in components], m),
        ewma=bonferroni([part.lasting_p for part in components], m),
        ewma_near=bonferroni([part.lasting_p_near for part in components], m),
    )


def calibrated_rules(
    components: Sequence[ComponentJudgement],
    m: int,
    adjusted: FamilyAdjusted,
    alphas: Alphas,
    *,
    learning: bool,
) -> list[Rule]:
    """The rules that rest on the noise model. `learning` keeps all but `mostly_missing` from being sure."""
    rules = []
    for name, parts in groups(components).items():
        lead, nearest = leads(parts)
        p = adjusted.shewhart.of_part(min(1.0, m * lead.p))
        near = adjusted.shewhart_near.of_part(min(1.0, m * nearest.p_near))
        kind = _kind(p, near, alphas.shewhart)
        sure = (
            kind is VerdictKind.BREACH and p <= alphas.shewhart / SURE and lead.may_be_sure and not learning
        )
        rules.append(Rule(name=name, kind=kind, component=lead, adjusted=p, alpha=alphas.shewhart, sure=sure))
        if name == "missing" and learning:
            rules.append(_mostly_missing(lead, p))
    for name, parts in lasting_groups(components).items():
        lead, nearest = lasting_leads(parts)
        p = adjusted.ewma.of_part(min(1.0, m * lead.lasting_p))
        near = adjusted.ewma_near.of_part(min(1.0, m * nearest.lasting_p_near))
        kind = _kind(p, near, alphas.ewma)
        # As surprising as what is sure in one window, and said by three: a fourth adds nothing, as their sums
        # share most windows.
        sure = kind is VerdictKind.BREACH and p <= alphas.shewhart / SURE and lead.lasts and not learning
        rules.append(Rule(name=name, kind=kind, component=lead, adjusted=p, alpha=alphas.ewma, sure=sure))
    return [*rules, *_slip(components, alphas)]


def _slip(components: Sequence[ComponentJudgement], alphas: Alphas) -> list[Rule]:
    """Has the model slipped for good? All its components' evidence together; the calmer of two levels asks
    for a ticket at most, as evidence that adds up for weeks has time to.

    A window that is likelier without the change than with it holds, as evidence remembers: two days of a
    storm would else breach for as long as what they left behind, and be their own second window. When
    evidence first suffices it has just grown, so nothing is found later. Evidence fades slowly by itself, so
    what no longer suffices is clear, without a hold.

    Of components that slip the one that says the model is worse speaks, where its own evidence will do.
    """
    known = [(part, part.slip) for part in components if part.slip is not None]
    if not known:
        return []
    p = p_of(merged(slip for _, slip in known))
    slipping = [pair for pair in known if pair[0].slips] or known
    worse = [pair for pair in slipping if pair[1].side == _WORSE.get(pair[0].name)]
    enough = [pair for pair in worse if p_of(pair[1].evidence) <= alphas.shewhart]
    lead = max(enough or slipping, key=lambda pair: (pair[1].evidence, pair[0].name))[0]
    kind = VerdictKind.CLEAR
    if lead.slips and p <= alphas.shewhart:
        kind = VerdictKind.BREACH if slip_goes_on(components) else VerdictKind.HOLD
    severity = Severity.TICKET if kind is VerdictKind.BREACH and p > alphas.ewma else None
    return [Rule(name=SLIP, kind=kind, component=lead, adjusted=p, alpha=alphas.shewhart, severity=severity)]


def slip_goes_on(components: Sequence[ComponentJudgement]) -> bool:
    """Whether this window speaks for what there is most evidence for, of all components."""
    known = [(part, part.slip) for part in components if part.slip is not None]
    part, slip = max(known, key=lambda pair: (pair[1].strongest, pair[0].name))
    return slip.goes_on(part.slip_before or EProcess())


def groups(components: Sequence[ComponentJudgement]) -> dict[str, list[ComponentJudgement]]:
    """Components by the rule that speaks for them: the data-quality parts each for itself."""
    found: dict[str, list[ComponentJudgement]] = {}
    for part in components:
        own = part.name in DATA_QUALITY or part.name in _GOODNESS
        name = part.name if own else "calibration" if part.name in _CALIBRATION else "shewhart"
        found.setdefault(name, []).append(part)
    return found


def lasting_groups(components: Sequence[ComponentJudgement]) -> dict[str, list[ComponentJudgement]]:
    """The same for running means: one rule for all, and one for how good the model is."""
    found: dict[str, list[ComponentJudgement]] = {}
    for part in components:
        found.setdefault(f"{EWMA}_{part.name}" if part.name in _GOODNESS else EWMA, []).append(part)
    return found


def leads(parts: Sequence[ComponentJudgement]) -> tuple[ComponentJudgement, ComponentJudgement]:
    """The least p at the floor, and at 0.8 of it. Ties go by the p without floors, then by name."""
    if len(parts) == 1:
        return parts[0], parts[0]
    return (
        min(parts, key=lambda part: (part.p, part.score.p, part.name)),
        min(parts, key=lambda part: (part.p_near, part.score.p, part.name)),
    )


def lasting_leads(parts: Sequence[ComponentJudgement]) -> tuple[ComponentJudgement, ComponentJudgement]:
    """The same of the running means."""
    return (
        min(parts, key=lambda part: (part.lasting_p, part.ewma_p, part.name)),
        min(parts, key=lambda part: (part.lasting_p_near, part.ewma_p, part.name)),
    )


def threshold_rules(measurements: Sequence[Measurement], thresholds: Sequence[Threshold]) -> list[Rule]:
    """One rule for each plain threshold whose metric was measured."""
    values = {measurement.metric: measurement.value for measurement in measurements}
    return [threshold_rule(t, values[t.metric]) for t in thresholds if t.metric in values]


def threshold_rule(threshold: Threshold, value: float | None) -> Rule:
    """A metric against its limits. A value that is not a number is an error, never clear."""
    lowest = min(limit for limit in (threshold.ticket, threshold.page) if limit is not None)
    severity = None
    if value is None or not isfinite(value):
        kind, value = VerdictKind.ERROR, None
    elif value >= lowest:
        kind = VerdictKind.BREACH
        paged = threshold.page is not None and value >= threshold.page
        severity = Severity.PAGE if paged else Severity.TICKET
    else:
        kind = VerdictKind.CLEAR if value < CLEAR_THRESHOLD * lowest else VerdictKind.HOLD
    return Rule(
        name=f"threshold:{threshold.metric}", kind=kind, severity=severity, value=value, threshold=threshold
    )


def _kind(p: float, p_near: float, alpha: float) -> VerdictKind:
    if p <= alpha:
        return VerdictKind.BREACH
    return VerdictKind.CLEAR if p_near > CLEAR * alpha else VerdictKind.HOLD


def unit_rule(between: float) -> Rule:
    """Values stand where none of the reference stood, and a known conversion takes them there."""
    breached = between >= PARTLY_OFF_GRID
    return Rule(
        name=UNIT,
        kind=VerdictKind.BREACH if breached else VerdictKind.CLEAR,
        sure=breached,
        severity=Severity.PAGE if breached else None,
        value=between,
    )


def _mostly_missing(part: ComponentJudgement, p: float) -> Rule:
    """Half the rows without a value, where few lack one in the reference: no model of noise is needed."""
    breached = part.score.y >= MOSTLY and part.score.mu <= _USUALLY_MISSING
    return Rule(
        name="mostly_missing",
        kind=VerdictKind.BREACH if breached else VerdictKind.CLEAR,
        component=part,
        adjusted=p,
        sure=breached,
        severity=Severity.PAGE if breached else None,
    )
