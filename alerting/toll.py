"""How bad is it for the model, in words: what is foretold, what is estimated, what labels say?"""

from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo

from alerting import phrases
from alerting.answers import Facts, Line, diagnosis, subject

_UNFORETOLD = ("relation", "behaviour", "estimate", "shadow")
_SERVED = ("volume", "errors")


def how_bad(facts: Facts, lines: Sequence[Line], *, now: datetime, zone: tzinfo) -> str:
    """`How bad: the model is expected to lose 4.2 points of accuracy. Estimated accuracy …`; "" when over."""
    said = _foretold(facts, lines)
    known = performance(facts, now=now, zone=zone)
    return f"{said} {known}" if said and known else said


def performance(facts: Facts, *, now: datetime, zone: tzinfo) -> str:
    """What is known of the model as a whole: `facts["performance"]`, as monitor/goodness.py found it.

    `Estimated accuracy 86.1 ± 1.2 % (reference 88.0 %); measured on labels of Tue 21 May 85.2 %.`
    """
    found = facts.get("performance")
    if not isinstance(found, Mapping):
        return ""
    metric = phrases.text(found.get("metric"))
    name = "mean error" if metric == "mae" else "accuracy"
    parts = []
    estimated, realised = found.get("estimated"), found.get("realised")
    if isinstance(estimated, Mapping) and (value := _value(estimated, metric)):
        doubt = "" if estimated.get("trusted") is not False else ", not to be trusted"
        parts.append(f"estimated {name} {value}{doubt}")
    if isinstance(realised, Mapping) and (value := _value(realised, metric)):
        start, end = phrases.moment(realised.get("start")), phrases.moment(realised.get("end"))
        of = f" of {phrases.window(start, end, now, zone)}" if start and end and start < end else ""
        parts.append(f"{'' if parts else f'{name} '}measured on labels{of} {value}")
    said = "; ".join(parts)
    return f"{said[:1].upper()}{said[1:]}." if said else ""


def _value(found: Mapping[str, object], metric: str) -> str:
    """`86.1 ± 1.2 % (reference 88.0 %)`."""
    value, band = phrases.number(found.get("value")), phrases.number(found.get("band"))
    before = phrases.number(found.get("reference"))
    if value is None:
        return ""
    if metric == "mae":
        half = f" ± {band:.3g}" if band else ""
        return f"{value:.4g}{half}" + (f" (reference {before:.4g})" if before is not None else "")
    half = f" ± {100 * band:.1f}" if band else ""
    return f"{100 * value:.1f}{half} %" + (f" (reference {100 * before:.1f} %)" if before is not None else "")


def _foretold(facts: Facts, lines: Sequence[Line]) -> str:
    """The worst effect on the model that the profile alone can foresee."""
    if not lines:
        return ""
    if measured := next((line for line in lines if line.get("kind") == "performance"), None):
        said = diagnosis(measured).partition(" (")[0]
        return f"How bad: measured on labels, not foretold: {said}."
    harms = [(harm, line) for line in lines if (harm := phrases.number(line.get("harm"))) is not None]
    if harms:
        worst, line = min(harms, key=lambda pair: pair[0])
        unknown = next((each for each in lines if each.get("change") in _UNFORETOLD), None)
        if worst > -0.05 and unknown is not None:
            costs = f"what {subject(unknown)} costs, labels will tell"
            return f"How bad: the inputs alone foretell no loss; {costs}."
        if worst > -0.05:  # rounds to 0.0
            return "How bad: no loss is expected from what the reference knows."
        unit = "% in mean error" if facts.get("task") == "regression" else "points of accuracy"
        of = f" (through {subject(line)})" if len(lines) > 1 else ""
        return f"How bad: the model is expected to lose {-worst:.1f} {unit}{of}."
    if any(line.get("kind") == "daemon" for line in lines):
        return "How bad: what was to be told there is not told; it waits in the outbox, or is told elsewhere."
    if all(line.get("change") in _SERVED for line in lines):
        return "How bad: callers feel it; what was answered is judged by itself."
    if all(line.get("kind") == "data" for line in lines):
        return "How bad: while its data is broken, drift of this cannot be judged at all."
    pulls = [pull for line in lines if (pull := phrases.number(line.get("pull"))) is not None]
    if pulls:
        most = phrases.signed(max(pulls, key=abs), 3)
        return f"How bad: the mean score is expected to move by {most}; without labels no more is known."
    if all(line.get("change") in _UNFORETOLD for line in lines):
        return "How bad: not known before labels come: no loss is foretold of a change of this kind."
    return "How bad: not known, the reference holds neither outcomes nor scores for this."
