"""What happened to what is no column: relations, the model's answers, its performance, the service?"""

from collections.abc import Mapping
from math import exp, tanh
from typing import Any

from detectors._column import Role
from monitor import wording
from monitor.component_judgement import ComponentJudgement
from monitor.normal_range import normal_range
from monitor.policy import PAIR
from monitor.wording import number, percent
from storage.measurements import ColumnResult

Change = tuple[str, str]  # named change, what is said of it


def model_change(result: ColumnResult, part: ComponentJudgement, where: str, over: str) -> Change | None:
    """None where the component is that of an ordinary column (latency)."""
    match result.role:
        case Role.JOINT:
            return _relation(result, part, where, over)
        case Role.BEHAVIOUR:
            return _behaviour(result, part, where, over)
        case Role.ESTIMATE:
            return _estimate(result, part, where, over)
        case Role.PERFORMANCE:
            return _performance(result, part, where, over)
        case Role.SHADOW:
            return _shadow(part, where, over)
        case Role.SERVICE:
            return _service(part, where, over)
        case _:
            return None


def _relation(result: ColumnResult, part: ComponentJudgement, where: str, over: str) -> Change:
    fact = _pair(result.evidence, part.name)
    first, second = fact["columns"] if fact else part.name.removeprefix(PAIR).split("~", 1)
    low, high = normal_range(part)
    moved = f"; of the two, {fact['moved']} moved" if fact and fact["moved"] else ""
    return "relation", (
        f"correlation of {first} and {second} {tanh(part.score.mu):.2f} → {tanh(part.score.y):.2f}{over} "
        f"(normal{where} {tanh(low):.2f} to {tanh(high):.2f}){moved}"
    )


def _pair(evidence: Mapping[str, object], component: str) -> Mapping[str, Any] | None:
    pairs = evidence.get("pairs")
    facts = [*(pairs if isinstance(pairs, list) else ()), evidence.get("largest")]
    return next((f for f in facts if isinstance(f, dict) and f["component"] == component), None)


def _behaviour(result: ColumnResult, part: ComponentJudgement, where: str, over: str) -> Change:
    """The score beyond what the inputs alone explain; without a change it is about 0."""
    word, _, label = part.name.partition(":")
    what = f"{word} of {wording.label(label)}" if label else word
    facts = result.evidence.get(part.name)
    expected, now = wording.pair(facts, "mean")
    unit = facts["unit"] if isinstance(facts, dict) else 1.0
    low, high = (unit * end for end in normal_range(part))
    means = "" if now is None else f"{number(now)}, its inputs explain {number(expected)}: "
    return "behaviour", (
        f"mean {what} {means}{_signed(unit * part.score.y)}{over} "
        f"(normal{where} {_signed(low)} to {_signed(high)})"
    )


def _estimate(result: ColumnResult, part: ComponentJudgement, where: str, over: str) -> Change:
    why = result.evidence.get("why") if result.evidence.get("trusted") is False else ""
    doubt = f"; not to be trusted: {why}" if why else ""
    return "estimate", f"estimated {_goodness(part, where, over)}{doubt}"


def _performance(result: ColumnResult, part: ComponentJudgement, where: str, over: str) -> Change:
    incomplete = result.evidence.get("incomplete")
    late = f"{_foreign(result)}; {incomplete}" if incomplete else _foreign(result)
    if part.name in ("accuracy", "mae"):
        return "performance", f"{_goodness(part, where, over)}{_beside(result, part.name)}{late}"
    low, high = normal_range(part)
    now = part.score.y
    if part.name == "bias" and result.evidence.get("task") == "regression":
        side = "too low" if now > 0.0 else "too high"
        return "calibration", (
            f"predictions {side} by {abs(now):.2f} sd of their errors{over} "
            f"(normal{where} {low:+.2f} to {high:+.2f}){late}"
        )
    if part.name == "bias":
        side = "too low" if now > part.score.mu else "too high"
        usual = f"(outcome − score, normal{where} {wording.points(low)} to {wording.points(high)})"
        return "calibration", f"scores {side}: {wording.points(now)}{over} {usual}{late}"
    usual = f"(normal{where} {number(low, 3)} to {number(high, 3)})"
    return "calibration", f"Brier score {number(part.score.mu, 3)} → {number(now, 3)}{over} {usual}{late}"


def _foreign(result: ColumnResult) -> str:
    """Labels that are no class of the model make it wrong whatever it answers."""
    foreign, labelled = result.evidence.get("foreign"), result.evidence.get("labelled")
    if not isinstance(foreign, int) or not isinstance(labelled, int) or not foreign:
        return ""
    return f"; {percent(foreign / labelled)} of labels are none of its classes"


def _goodness(part: ComponentJudgement, where: str, over: str) -> str:
    """Accuracy, or the mean error as a share of the reference's."""
    low, high = normal_range(part)
    what, of = ("accuracy", "") if part.name == "accuracy" else ("mean error", " of the reference's")
    return (
        f"{what} {percent(part.score.mu)} → {percent(part.score.y)}{of}{over} "
        f"(normal{where} {percent(low).removesuffix(' %')} to {percent(high)})"
    )


def _beside(result: ColumnResult, metric: str) -> str:
    """What had been expected of this window before its labels came."""
    estimates = result.evidence.get("estimated")
    found = estimates.get(metric) if isinstance(estimates, Mapping) else None
    if metric != "accuracy" or not found:
        return ""
    doubt = ", which was not to be trusted" if result.evidence.get("estimate_trusted") is False else ""
    return f", estimated {percent(found[0])}{doubt}"


def _shadow(part: ComponentJudgement, where: str, over: str) -> Change:
    low, high = normal_range(part)
    if part.name == "agreement":
        usual = f"(normal{where} {percent(low).removesuffix(' %')} to {percent(high)})"
        line = f"agrees in {percent(part.score.mu)} → {percent(part.score.y)} of rows{over} {usual}"
        return "shadow", line
    what = "mean distance" if part.name == "distance" else "mean difference"
    usual = f"(normal{where} {number(low, 3)} to {number(high, 3)})"
    return "shadow", f"{what} {number(part.score.mu, 3)} → {number(part.score.y, 3)}{over} {usual}"


def _service(part: ComponentJudgement, where: str, over: str) -> Change | None:
    low, high = normal_range(part)
    if part.name == "rows":
        least, most = (number(round(exp(end))) for end in (low, high))
        usual = f"(normal{where} {least if least == most else f'{least} to {most}'})"
        return "volume", f"{number(round(exp(part.score.y)))} rows{over} {usual}"
    if part.name == "errors":
        usual = f"(normal{where} ≤ {percent(high)})"
        return "errors", f"{percent(part.score.mu)} → {percent(part.score.y)} of rows{over} {usual}"
    return None


def _signed(value: float) -> str:
    return number(value, 3) if value < 0.0 else f"+{number(value, 3)}"
