"""What probably happened to a column, in one word and one line in its own unit?

The words are chosen from stored facts alone. Labels and column names come from data and stay raw here; the
message cleans them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from monitor import feed_change, mix_change, wording
from monitor.column_rules import Rule
from monitor.component_judgement import ComponentJudgement
from monitor.model_change import model_change
from monitor.normal_range import normal_range
from monitor.policy import is_smooth
from monitor.shape_change import column_range, largest, median_line, shape_change
from monitor.unit_change import UnitChange
from monitor.wording import number
from storage.measurements import ColumnResult

# What a broken feed looks like comes first: it explains the shift that it causes, never the other way round.
_ORDER = (
    "mostly_missing",
    "unit",
    "stuck",
    "unseen",
    "missing",
    "out_of_range",
    "accuracy",
    "mae",
    "calibration",
    "shewhart",
    "ewma_accuracy",
    "ewma_mae",
    "ewma",
    "slip",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """A named change. `facts`: JSON values to add to the verdict's."""

    # shifted | spread | unit | clipped | stuck | default_value | missing | out_of_range | new_category |
    # renamed | vanished | mix | relation | behaviour | estimate | performance | calibration | shadow |
    # volume | errors | limit
    change: str = ""
    title: str = ""
    facts: dict[str, Any] = field(default_factory=dict)


def diagnose(
    result: ColumnResult,
    breached: Sequence[Rule],
    components: Sequence[ComponentJudgement],
    change: UnitChange | None,
) -> Diagnosis:
    """The first cause, by the order above, among the breached rules; empty without a breach."""
    rules = {rule.name: rule for rule in breached}
    names = [name for name in _ORDER if name in rules or (name == "unit" and change is not None)]
    if not names:
        plain = next((rule for rule in breached if rule.name.startswith("threshold:")), None)
        return _limit(result, plain) if plain is not None else Diagnosis()
    if names[0] == "unit" and change is not None:
        return _unit(result, components, change)
    lead = rules[names[0]]
    part = lead.component
    if part is None:
        return Diagnosis()
    if is_smooth(part.name):
        part = largest(components, lasting=lead.lasting)
    if part.name == "rest" or part.name.startswith("level:"):
        part = mix_change.vanished(part, components) or part
    facts: dict[str, Any] = {"normal": list(normal_range(part))}
    word, line = _line(result, part, components, lasting=lead.lasting)
    if part.name == "c1":
        facts |= column_range(result, part)
    return _said(result, word, line, facts)


def _unit(result: ColumnResult, components: Sequence[ComponentJudgement], change: UnitChange) -> Diagnosis:
    location = next((part for part in components if part.name == "c1"), None)
    facts: dict[str, Any] = {
        "normal": None if location is None else list(normal_range(location)),
        "unit": {"factor": change.factor, "offset": change.offset, "name": change.name},
    }
    by = f"×{number(change.factor)}" if not change.offset else ""
    known = f" ({change.name})" if by and change.name else change.name
    return _said(result, "unit", f"looks like {by}{known}: {median_line(result)}", facts)


def _line(
    result: ColumnResult,
    part: ComponentJudgement,
    components: Sequence[ComponentJudgement],
    *,
    lasting: bool,
) -> tuple[str, str]:
    """(named change, what is said of it) for the component that decided."""
    where = wording.slot(part.noise.slot, part.score.slot)
    over = " over the last windows" if lasting else ""
    now = part.score.y
    found = model_change(result, part, where, over)
    if found is not None:
        return found
    if part.name == "missing":
        return feed_change.missing(result, now, part.score.mu, normal_range(part), where, over)
    if part.name == "unseen":
        return mix_change.new_labels(result, now, components)
    if part.name == "stuck":
        return feed_change.one_value(result, now, normal_range(part)[1])
    if part.name == "out_of_range":
        return feed_change.out_of_range(result, now)
    if is_smooth(part.name):
        return feed_change.clipped(result) or shape_change(result, part, where, over, lasting=lasting)
    return mix_change.level(result, part, where, over, lasting=lasting)


def _limit(result: ColumnResult, rule: Rule) -> Diagnosis:
    metric = rule.name.removeprefix("threshold:")
    limit = _lowest(rule)
    facts = {"normal": [None, limit]}
    return _said(result, "limit", f"{metric} {number(rule.value)} (limit {number(limit)})", facts)


def _lowest(rule: Rule) -> float | None:
    limits = () if rule.threshold is None else (rule.threshold.ticket, rule.threshold.page)
    return min((limit for limit in limits if limit is not None), default=None)


def _said(result: ColumnResult, change: str, line: str, facts: dict[str, Any]) -> Diagnosis:
    return Diagnosis(change=change, title=f"{wording.place(result)}: {line}", facts=facts)
