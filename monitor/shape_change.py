"""How did the values of a numeric column move, in its own unit?"""

from collections.abc import Sequence
from typing import Any

from monitor import wording
from monitor.component_judgement import ComponentJudgement
from monitor.normal_range import in_column_unit, normal_range
from monitor.wording import number
from storage.measurements import ColumnResult

Change = tuple[str, str]  # named change, what is said of it


def shape_change(
    result: ColumnResult, part: ComponentJudgement, where: str, over: str, *, lasting: bool
) -> Change:
    """Shifted, wider, narrower, or tails that changed sides."""
    effect = part.after.effect if lasting else part.score.effect
    if part.name == "c1":
        usual = column_range(result, part).get("normal_unit")
        known = f" (normal{where} {number(usual[0], 3)} to {number(usual[1], 3)})" if usual else ""
        return "shifted", f"{_moved(result, effect)}shifted {effect:+.2f} sd{over}{known}"
    before, now = wording.pair(result.evidence, "sd")
    line = f"sd {number(before)} → {number(now)}{over}{_spread_range(part, before, now, where)}"
    if part.name == "c2":
        wider = "wider" if effect > 0.0 else "narrower"
        return "spread", f"{wider}: {line}, {median_line(result)}"
    return "spread", f"tails changed sides: {line}, {median_line(result)}"


def _spread_range(part: ComponentJudgement, before: float | None, now: float | None, where: str) -> str:
    """About where the sd stays: c2 and the sd are both known at the reference and in this window, and between
    them the one is taken to follow the other in proportion."""
    y = part.score.y
    if part.name != "c2" or not before or now is None or y == 0.0 or (now - before) * y <= 0.0:
        return ""
    low, high = (max(0.0, before + (now - before) * end / y) for end in normal_range(part))
    return f" (normal{where} about {number(low, 2)} to {number(high, 2)})" if not low <= now <= high else ""


def largest(components: Sequence[ComponentJudgement], *, lasting: bool) -> ComponentJudgement:
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


def median_line(result: ColumnResult) -> str:
    before, now = _medians(result)
    return f"median {number(before)} → {number(now)}"


def column_range(result: ColumnResult, part: ComponentJudgement) -> dict[str, Any]:
    """The normal range in the column's unit, where it explains anything: the median must lie outside it."""
    quantiles = quantiles_of(result)
    if quantiles is None:
        return {}
    low, high = in_column_unit(part, quantiles)
    median = quantiles["window"][quantiles["levels"].index(0.5)]
    return {} if low <= median <= high else {"normal_unit": [low, high]}


def quantiles_of(result: ColumnResult) -> dict[str, list[float]] | None:
    found = result.evidence.get("quantiles")
    if not isinstance(found, dict) or None in found["reference"] or None in found["window"]:
        return None
    return found


def _moved(result: ColumnResult, effect: float) -> str:
    """The median, or where few values hide the move, the mean or a quantile: the first that went the way
    of the shift."""
    quantiles = quantiles_of(result) or {"levels": [], "reference": [], "window": []}
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
    quantiles = quantiles_of(result)
    if quantiles is None:
        return None, None
    middle = quantiles["levels"].index(0.5)
    return quantiles["reference"][middle], quantiles["window"][middle]
