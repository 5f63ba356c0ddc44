"""What had been said of a window before its labels came, to stand beside what they say?

The estimate, the harm that the inputs' changes foretold, and whether the score alerted: a person wants to see
foretold and found side by side, and the judge must not page twice for one cause. Pure: from what was stored
of the window's inputs.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from alerting.verdict import Verdict, VerdictKind
from detectors import Measurement, Role
from storage.measurements import ColumnResult

_PLAIN = ("accuracy", "mae")  # the number by which a model of each task is known
_SCORES = (Role.SCORE, Role.PREDICTION)


def beside(result: ColumnResult, inputs: Sequence[ColumnResult], said: Sequence[Verdict]) -> ColumnResult:
    """Realised performance, with what the same window's inputs said. The same twice is the same."""
    evidence: dict[str, object] = {**result.evidence, "score_alerted": _score_alerted(inputs, said)}
    estimated = next((each for each in inputs if each.role is Role.ESTIMATE and not each.segment), None)
    measurements = [m for m in result.measurements if m.metric != "estimate_error"]
    if estimated is not None:
        numbers = estimated.evidence.get("estimated")
        evidence["estimated"] = numbers if isinstance(numbers, Mapping) else {}
        evidence["estimate_trusted"] = bool(estimated.evidence.get("trusted", True))
        measurements += _error(result, estimated)
    worst = min(
        (
            each
            for each in inputs
            if each.role is Role.FEATURE and each.harm.harm is not None and not each.segment
        ),
        key=lambda each: each.harm.harm or 0.0,
        default=None,
    )
    if worst is not None:
        evidence["predicted_harm"] = {
            "column": worst.column,
            "points": worst.harm.harm,
            "error": worst.harm.harm_error,
        }
    return replace(result, evidence=evidence, measurements=tuple(measurements))


def told(evidence: Mapping[str, Any]) -> dict[str, object]:
    """The facts of a performance verdict that a person is shown; JSON."""
    metrics, reference = evidence.get("metrics") or {}, evidence.get("reference") or {}
    main = next((name for name in _PLAIN if name in metrics), None)
    found: dict[str, object] = {
        "labelled": evidence.get("labelled"),
        "share": evidence.get("share"),
        "metric": main,
        "realised": metrics.get(main),
        "reference": reference.get(main),
        "estimated": (evidence.get("estimated") or {}).get(main),
        "estimate_trusted": evidence.get("estimate_trusted"),
        "predicted_harm": evidence.get("predicted_harm"),
        "score_alerted": evidence.get("score_alerted"),
    }
    return {key: value for key, value in found.items() if value is not None}


def _score_alerted(inputs: Sequence[ColumnResult], said: Sequence[Verdict]) -> bool:
    scores = {each.column for each in inputs if each.role in _SCORES}
    return any(
        verdict.kind is VerdictKind.BREACH
        and verdict.series.column in scores
        and not verdict.series.segment
        and not verdict.series.version
        for verdict in said
    )


def _error(result: ColumnResult, estimated: ColumnResult) -> list[Measurement]:
    """How far the estimate was off: realised − estimated, in the metric's own unit."""
    for name in _PLAIN:
        realised = _of(result, name)
        foretold = _of(estimated, f"estimated_{name}")
        if realised is None or foretold is None or not math.isfinite(realised.value - foretold.value):
            continue
        off = realised.value - foretold.value
        return [
            Measurement(
                column=result.column,
                metric="estimate_error",
                value=off,
                bound=realised.bound,
                direction=(off > 0) - (off < 0),
                n_reference=realised.n_reference,
                n=realised.n,
            )
        ]
    return []


def _of(result: ColumnResult, metric: str) -> Measurement | None:
    return next((each for each in result.measurements if each.metric == metric), None)
