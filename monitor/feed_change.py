"""What happened to the feed of a column: values lost, frozen, filled in, cut off, or far out of range?"""

from math import sqrt

from monitor import wording
from monitor.policy import MOSTLY, STUCK_TIMES, SURE_EXCESS
from monitor.wording import number, percent
from storage.measurements import ColumnResult

Change = tuple[str, str]  # named change, what is said of it

_RARE = 0.01  # of the reference: a value that had less and now holds a tenth was not measured but filled in
_PILED = 0.02  # of rows: less mass at an end says little in a window of a thousand
_SE = 3.0  # standard errors by which the mass at an end may differ from what lay beyond it


def missing(
    result: ColumnResult, now: float, usual: float, normal: tuple[float, float], where: str, over: str
) -> Change:
    """Values lost, or found again."""
    before, (low, high) = wording.pair(result.evidence, "missing_share")[0], normal
    known = f"≤ {percent(high)}" if now >= usual else f"≥ {percent(low)}"
    return "missing", f"missing {percent(before)} → {percent(now)}{over} (normal{where} {known})"


def one_value(result: ColumnResult, excess: float, high: float) -> Change:
    """One value holds more rows than it did: cut off there, filled in, frozen, or merely more frequent."""
    cut = clipped(result)
    if cut is not None:
        return cut
    facts = result.evidence.get("stuck")
    if not isinstance(facts, dict):
        return "stuck", f"{wording.points(excess)} of rows at one value (normal ≤ {percent(high)})"
    before, now = wording.pair(facts, "share")
    said = f"{number(facts['value'])} in {percent(now)} of rows (reference {percent(before)})"
    if before is None or now is None:
        return "stuck", said
    if now < STUCK_TIMES * before:
        return "mix", f"{number(facts['value'])} {percent(before)} → {percent(now)} of rows"
    if before < _RARE and now < MOSTLY:
        return "default_value", f"{said}{_instead_of_missing(result, now - before)}: a default?"
    return "stuck", said


def clipped(result: ColumnResult) -> Change | None:
    """Mass piled at an end of the window that holds what the reference has from there on outwards."""
    ends = result.evidence.get("ends")
    if result.evidence.get("constant") is not None:
        return None  # all of it is one value: stuck
    for end, word in (("high", "above"), ("low", "below")):
        facts = ends.get(end) if isinstance(ends, dict) else None
        if not isinstance(facts, dict):
            continue
        before, now = wording.pair(facts, "share")
        beyond, rows = facts["beyond"], facts["rows"]
        if before is None or now is None or not result.rows:
            continue
        piled, error = now - before, sqrt(beyond * (1.0 - beyond) / result.rows)
        if rows < SURE_EXCESS or piled < _PILED or beyond < _PILED:
            continue
        # As much as was cut off, where the rest stayed: within half of it, or what chance allows.
        if abs(piled - beyond) <= max(0.5 * beyond, _SE * error):
            at = number(facts["value"])
            return "clipped", f"cut off at {at}: {percent(now)} of rows there, none {word} ({_had(beyond)})"
    return None


def out_of_range(result: ColumnResult, now: float) -> Change:
    """Values far beyond anything in the reference."""
    edges = result.evidence.get("edges")
    text = f"{percent(now)} of rows out of range"
    if isinstance(edges, list):
        low, high = wording.pair(result.evidence, "minimum")[1], wording.pair(result.evidence, "maximum")[1]
        reach = f", seen {number(low)} to {number(high)}" if low is not None else ""
        text += f": outside {number(edges[0])} to {number(edges[1])}{reach}"
    infinite = wording.pair(result.evidence, "infinite")[1]
    return "out_of_range", text + (f", {number(infinite)} infinite" if infinite else "")


def _had(beyond: float) -> str:
    return f"reference {percent(beyond)}"


def _instead_of_missing(result: ColumnResult, grown: float) -> str:
    """Whether rows that lack a value became fewer by about as much."""
    before, now = wording.pair(result.evidence, "missing_share")
    if before is None or now is None or before - now < 0.5 * grown:
        return ""
    return f", missing {percent(before)} → {percent(now)}"
