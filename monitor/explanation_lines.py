"""How is the arithmetic of one verdict written out, step by step?"""

from collections.abc import Sequence

from detectors._e_process import merged, p_of
from monitor.column_rules import FamilyAdjusted, Rule, slip_goes_on
from monitor.component_judgement import ComponentJudgement
from monitor.wording import number


def component_lines(part: ComponentJudgement) -> list[str]:
    """From y to p, and the running mean."""
    score, noise = part.score, part.noise
    cycles = noise.cycles.get(score.slot, 0)
    slot = "one slot for all windows" if noise.slot == "none" else f"slot {noise.slot} = {score.slot}"
    lines = [
        f"{part.name}: y = {_g(score.y)} over n = {score.n:,} rows",
        f"  normal: μ = {_g(score.mu)} ({slot}, {cycles} of {noise.windows} reference windows)",
        f"  variance of a window: σ²/n + τ² = {_g(noise.sigma2)}/{score.n} + {_g(score.tau2)}"
        f" = {_g(noise.sigma2 / score.n + score.tau2)}",
        f"  μ is learnt: × (1 + {_g(score.learnt)}); this side strays {_g(score.side)} times as far;"
        f" standard error {_g(score.se)}",
        f"  z = (y − μ) / standard error = {_g(score.effect)} / {_g(score.se)} = {_g(score.z)}",
        f"  p = {_g(score.p_law)} ({_law(part)})",
    ]
    if not noise.counted:
        lines.append(
            f"  record guard: {number(100.0 * score.guard)} %, twice the share of reference windows that"
            f" went as far this way; p = {_g(score.p)}"
        )
    lines.append(
        f"  floor: |y − μ| = {_g(abs(score.effect))}, worth a word from {_g(part.floor)}"
        + (f"; {number(part.excess)} rows off" if part.counts_rows else "")
    )
    lines.append(
        f"  running mean: z {_g(part.before.z)} → {_g(part.after.z)}, y − μ {_g(part.before.effect)} →"
        f" {_g(part.after.effect)}; sd {_g(noise.ewma_variance**0.5)}, ν = {_g(noise.ewma_nu)}"
    )
    for k, of_sum in zip(range(2, len(part.after.recent) + 1), noise.sum_variances, strict=False):
        total = sum(part.after.recent[:k])
        lines.append(
            f"  last {k} windows: Σz {_g(total)}; sd {_g((k * of_sum) ** 0.5)}, ν = {_g(noise.sum_nu)}"
        )
    lines.append(
        f"  lasting: {noise.spread.longest} × the least of their p, {_g(part.ewma_p)} with the record guard"
    )
    return lines


def family_lines(part: ComponentJudgement, m: int, adjusted: FamilyAdjusted, *, lasting: bool) -> list[str]:
    """From the component's p to the column's, adjusted for its family."""
    own = part.lasting_p if lasting else part.p
    family = adjusted.ewma if lasting else adjusted.shewhart
    return [
        f"  column: min(1, {m} components × {_g(own)}) = {_g(min(1.0, m * own))}",
        f"  family of {family.size} columns: {_g(family.step)} × {family.size} / rank {family.rank}"
        f" = {_g(family.p)}",
    ]


def slip_lines(parts: Sequence[ComponentJudgement]) -> list[str]:
    """The evidence of each component that one of them moved for good, and the p of all together."""
    known = [(part.name, part.slip_before, part.slip) for part in parts if part.slip is not None]
    lines = [
        f"  evidence of {name}: {_g(before.evidence if before else 0.0)} → {_g(now.evidence)}"
        f" ({'rise' if now.side > 0 else 'fall'})"
        for name, before, now in known
    ]
    evidence = merged(now for _, _, now in known)
    says = "for" if slip_goes_on(parts) else "against: a hold where it suffices"
    return [
        *lines,
        f"  column: mean {_g(evidence)}; p = 1/{_g(max(evidence, 1.0))} = {_g(p_of(evidence))}",
        f"  of what there is most evidence for, this window speaks {says}",
    ]


def rule_line(rule: Rule, matters: str) -> str:
    """One rule and what it says."""
    text = f"{rule.name}: {rule.kind}"
    if rule.adjusted is not None and rule.alpha is not None:
        text += f", p {_g(rule.adjusted)} against α {_g(rule.alpha)}"
    if rule.threshold is not None:
        text += f", value {number(rule.value)}"
    if rule.sure:
        text += ", sure at once"
    return text + (f", a page because of: {matters}" if matters else "")


def _law(part: ComponentJudgement) -> str:
    if part.noise.counted:
        return "exact count, binomial: none in the reference by construction"
    if part.noise.share and part.score.p_law != 1.0 and part.score.z_now != part.score.z:
        return f"Student's t, ν = {_g(part.score.nu)}, or the exact count where that says more caution"
    return f"Student's t, ν = {_g(part.score.nu)}"


def _g(value: float) -> str:
    return f"{value:.6g}"
