"""What probably happened to a column, in one word and one line in its own unit?

The words are chosen from stored facts alone. Labels and column names come from data and stay raw here; the
message cleans them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import log
from typing import Any

from alerting.verdict import VerdictKind
from monitor import wording
from monitor.column_rules import Rule
from monitor.component_judgement import ComponentJudgement
from monitor.normal_range import in_column_unit, normal_range, usual_value
from monitor.policy import UNIT_Z, is_smooth
from monitor.unit_change import UnitChange, unit_change
from monitor.wording import number, percent
from storage.measurements import ColumnResult

# What a broken feed looks like comes first: it explains the shift that it causes, never the other way round.
_ORDER = ("mostly_missing", "unit", "stuck", "unseen", "missing", "out_of_range", "shewhart", "ewma")
NAMED_LEVELS = 200  # levels of the reference; docs/detectors.md, "ticket or page"
# One label left and a new one came whose share differs by less than this part of it, or is usual for it.
_RENAMED = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """A named change. `facts`: JSON values to add to the verdict's."""

    # shifted | spread | unit | missing | new_category | renamed | stuck | out_of_range | mix | limit
    change: str = ""
    title: str = ""
    facts: dict[str, Any] = field(default_factory=dict)


def changed_unit(
    result: ColumnResult, rules: Sequence[Rule], components: Sequence[ComponentJudgement]
) -> UnitChange | None:
    """A change of unit, where a breach is far enough outside the noise to look for one."""
    far = any(
        rule.kind is VerdictKind.BREACH
        and rule.component is not None
        and rule.component.name in ("c1", "c2", "c3", "out_of_range")
        and abs(rule.component.score.z) >= UNIT_Z
        for rule in rules
    )
    if not far:
        return None
    usual, stray = _usual_factor(result, components)
    return unit_change(result.evidence, usual=usual, stray=stray)


def _usual_factor(result: ColumnResult, components: Sequence[ComponentJudgement]) -> tuple[float, float]:
    """By which factor windows of this slot differ from the reference, and how far, in log, one may stray."""
    location = next((part for part in components if part.name == "c1"), None)
    quantiles = _quantiles(result)
    if location is None or quantiles is None:
        return 1.0, 0.0
    low, high = in_column_unit(location, quantiles)
    middle, median = usual_value(location, quantiles), quantiles["reference"][quantiles["levels"].index(0.5)]
    stray = 0.5 * log(high / low) if low * high > 0.0 else 0.0
    slotted = location.noise.slot != "none" and middle * median > 0.0
    return middle / median if slotted else 1.0, abs(stray)


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
        lead = next(rule for rule in breached if rule.component is not None)
    else:
        lead = rules[names[0]]
    part = lead.component
    if part is None:
        return Diagnosis()
    if is_smooth(part.name):
        part = _largest(components, lasting=lead.lasting)
    low, high = normal_range(part)
    facts: dict[str, Any] = {"normal": [low, high]}
    if names[0] == "unit" and change is not None:
        facts["unit"] = {"factor": change.factor, "offset": change.offset, "name": change.name}
        by = f"×{number(change.factor)}" if not change.offset else ""
        known = f" ({change.name})" if by and change.name else change.name
        return _said(result, "unit", f"looks like {by}{known}: {_median(result)}", facts)
    if part.name == "rest" or part.name.startswith("level:"):
        gone = _gone(part, components)
        if gone is not None:
            part, (low, high) = gone, normal_range(gone)
            facts["normal"] = [low, high]
    word, line = _line(result, part, components, low, high, lasting=lead.lasting)
    if part.name == "c1":
        facts |= _column_range(result, part)
    return _said(result, word, line, facts)


def _largest(components: Sequence[ComponentJudgement], *, lasting: bool) -> ComponentJudgement:
    """Location, spread and skew answer together to one change: the largest, as a share of how far it can go,
    names it, whichever was the first to be sure. A shift drags the others along, so location goes first."""
    reach = {"c1": 3.0**0.5, "c2": 5.0**0.5, "c3": 7.0**0.5}
    size = {
        part.name: abs(part.after.effect if lasting else part.score.effect) / reach[part.name]
        for part in components
        if part.name in reach
    }
    name = max(size, key=size.__getitem__)
    if size.get("c1", 0.0) >= 0.5 * size[name]:
        name = "c1"
    return next(part for part in components if part.name == name)


def _gone(part: ComponentJudgement, components: Sequence[ComponentJudgement]) -> ComponentJudgement | None:
    """A level without a row, where its leaving explains at least half of what moved most: the others grow
    because it is not there any more."""
    gone = [each for each in components if each.name.startswith("level:") and each.score.y == 0.0]
    most = max(gone, key=lambda each: each.score.mu, default=None)
    return most if most is not None and 2.0 * most.score.mu >= abs(part.score.effect) else None


def _line(
    result: ColumnResult,
    part: ComponentJudgement,
    components: Sequence[ComponentJudgement],
    low: float,
    high: float,
    *,
    lasting: bool,
) -> tuple[str, str]:
    """(named change, what is said of it) for the component that decided."""
    where = wording.slot(part.noise.slot, part.score.slot)
    now = part.score.y
    over = " over the last windows" if lasting else ""
    if part.name == "missing":
        before = wording.pair(result.evidence, "missing_share")[0]
        usual = f"≤ {percent(high)}" if now >= part.score.mu else f"≥ {percent(low)}"
        return "missing", f"missing {percent(before)} → {percent(now)}{over} (normal{where} {usual})"
    if part.name == "unseen":
        return _new_labels(result, now, components)
    if part.name == "stuck":
        return _stuck(result, now, high)
    if part.name == "out_of_range":
        return "out_of_range", _out_of_range(result, now)
    if part.name == "rest" or part.name.startswith("level:"):
        label = "rare values" if part.name == "rest" else "one of its values"
        if part.name != "rest" and _may_be_named(result):
            label = wording.label(part.name.removeprefix("level:"))
        usual = f"(normal{where} {_between_shares(low, high)})"
        if now == 0.0:
            return "mix", f"{label} is gone {usual}"
        moved = f", {wording.points(part.after.effect)}{over}" if lasting else ""
        return "mix", f"{label} {percent(part.score.mu)} → {percent(now)}{moved} {usual}"
    return _shape(result, part, where, lasting=lasting)


def _shape(result: ColumnResult, part: ComponentJudgement, where: str, *, lasting: bool) -> tuple[str, str]:
    effect = part.after.effect if lasting else part.score.effect
    over = " over the last windows" if lasting else ""
    if part.name == "c1":
        usual = _column_range(result, part).get("normal_unit")
        known = f" (normal{where} {number(usual[0], 3)} to {number(usual[1], 3)})" if usual else ""
        return "shifted", f"{_moved(result, effect)}shifted {effect:+.2f} sd{over}{known}"
    before, now = wording.pair(result.evidence, "sd")
    if part.name == "c2":
        wider = "wider" if effect > 0.0 else "narrower"
        return "spread", f"{wider}: sd {number(before)} → {number(now)}{over}, {_median(result)}"
    return "spread", f"tails changed sides{over}: sd {number(before)} → {number(now)}, {_median(result)}"


def _new_labels(
    result: ColumnResult, now: float, components: Sequence[ComponentJudgement]
) -> tuple[str, str]:
    unseen = result.evidence.get("unseen")
    labels, rows = ([], 0) if not isinstance(unseen, dict) else (unseen["labels"], unseen["rows"])
    named = wording.label_list([(label, count) for label, count in labels], rows)
    word = "new value" if len(labels) == 1 else "new values"
    if not _may_be_named(result):
        return (
            "new_category",
            f"{word} in {percent(now)} of rows, not named: it has over {NAMED_LEVELS} values",
        )
    for gone in result.evidence.get("vanished") or ():  # type: ignore[attr-defined]  # JSON list
        was = gone["share"][0]
        if len(labels) == 1 and (
            abs(now - was) <= _RENAMED * was or _is_usual(gone["label"], now, components)
        ):
            return (
                "renamed",
                f"{wording.label(gone['label'])} ({percent(was)}) is gone, {named} ({percent(now)}) is new",
            )
    return "new_category", f"{word} {named} in {percent(now)} of rows".replace("  ", " ")


def _may_be_named(result: ColumnResult) -> bool:
    """Titles leave the machine: the labels of a column with many levels may be names or addresses."""
    distinct = wording.pair(result.evidence, "distinct")[0]
    return distinct is None or distinct <= NAMED_LEVELS


def _is_usual(label: str, share: float, components: Sequence[ComponentJudgement]) -> bool:
    """Whether a level of the reference has this share in windows like this one."""
    known = next((part for part in components if part.name == f"level:{label}"), None)
    if known is None:
        return False
    low, high = normal_range(known)
    return low <= share <= high


def _stuck(result: ColumnResult, now: float, high: float) -> tuple[str, str]:
    facts = result.evidence.get("stuck")
    if not isinstance(facts, dict):
        return "stuck", f"{wording.points(now)} of rows at one value (normal ≤ {percent(high)})"
    before, share = wording.pair(facts, "share")
    return "stuck", f"{number(facts['value'])} in {percent(share)} of rows (reference {percent(before)})"


def _out_of_range(result: ColumnResult, now: float) -> str:
    edges = result.evidence.get("edges")
    text = f"{percent(now)} of rows out of range"
    if isinstance(edges, list):
        low, high = wording.pair(result.evidence, "minimum")[1], wording.pair(result.evidence, "maximum")[1]
        reach = f", seen {number(low)} to {number(high)}" if low is not None else ""
        text += f": outside {number(edges[0])} to {number(edges[1])}{reach}"
    infinite = wording.pair(result.evidence, "infinite")[1]
    return text + (f", {number(infinite)} infinite" if infinite else "")


def _limit(result: ColumnResult, rule: Rule) -> Diagnosis:
    metric = rule.name.removeprefix("threshold:")
    limit = _lowest(rule)
    facts = {"normal": [None, limit]}
    return _said(result, "limit", f"{metric} {number(rule.value)} (limit {number(limit)})", facts)


def _lowest(rule: Rule) -> float | None:
    limits = () if rule.threshold is None else (rule.threshold.ticket, rule.threshold.page)
    return min((limit for limit in limits if limit is not None), default=None)


def _said(result: ColumnResult, change: str, line: str, facts: dict[str, Any]) -> Diagnosis:
    where = f"{result.column} in {result.segment}" if result.segment else result.column
    return Diagnosis(change=change, title=f"{where}: {line}", facts=facts)


def _median(result: ColumnResult) -> str:
    before, now = _medians(result)
    return f"median {number(before)} → {number(now)}"


def _moved(result: ColumnResult, effect: float) -> str:
    """The median, or where few values hide the move, the mean or a quantile: the first that went the way
    of the shift."""
    quantiles = _quantiles(result) or {"levels": [], "reference": [], "window": []}
    others = zip(quantiles["levels"], quantiles["reference"], quantiles["window"], strict=True)
    for name, (before, now) in (
        ("median", _medians(result)),
        ("mean", wording.pair(result.evidence, "mean")),
        *((f"{100 * level:.0f} % quantile", (old, new)) for level, old, new in others),
    ):
        if before is not None and now is not None and (now - before) * effect > 0.0:
            return f"{name} {number(before)} → {number(now)}, "
    return ""


def _medians(result: ColumnResult) -> tuple[float | None, float | None]:
    quantiles = _quantiles(result)
    if quantiles is None:
        return None, None
    middle = quantiles["levels"].index(0.5)
    return quantiles["reference"][middle], quantiles["window"][middle]


def _column_range(result: ColumnResult, part: ComponentJudgement) -> dict[str, Any]:
    """The normal range in the column's unit, where it explains anything: the median must lie outside it."""
    quantiles = _quantiles(result)
    if quantiles is None:
        return {}
    low, high = in_column_unit(part, quantiles)
    median = quantiles["window"][quantiles["levels"].index(0.5)]
    return {} if low <= median <= high else {"normal_unit": [low, high]}


def _quantiles(result: ColumnResult) -> dict[str, list[float]] | None:
    found = result.evidence.get("quantiles")
    if not isinstance(found, dict) or None in found["reference"] or None in found["window"]:
        return None
    return found


def _between_shares(low: float, high: float) -> str:
    return f"{percent(low).removesuffix(' %')} to {percent(high)}"
