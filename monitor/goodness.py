"""How well does a model do, as far as is known at one of its windows? For messages; nothing is judged here.

The estimate is that of the window itself, what labels say is of the latest window that has them.
"""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection

from alerting.series import Series
from detectors._column import ESTIMATED, PERFORMANCE
from storage import courses
from storage.courses import Passed
from storage.due_window import Stream

_PLAIN = ("accuracy", "mae")  # the number by which a model of each task is known


def goodness(conn: Connection, model: str, at: datetime) -> dict[str, object] | None:
    """{metric, estimated, realised} as alerting/toll.py words it; None: nothing is known."""
    found: dict[str, object] = {}
    if (latest := _latest(conn, model, ESTIMATED, Stream.INPUTS, at)) and latest.span.start == at:
        evidence = latest.result.evidence
        told = _told(evidence.get("estimated"), evidence.get("reference"))
        if told:
            found |= {"metric": told.pop("metric"), "estimated": told}
            told["trusted"] = bool(evidence.get("trusted", True))
    if latest := _latest(conn, model, PERFORMANCE, Stream.LABELS, at):
        evidence = latest.result.evidence
        told = _told(evidence.get("metrics"), evidence.get("reference"))
        if told and found.get("metric") in (None, told["metric"]):
            found |= {"metric": told.pop("metric"), "realised": told}
            span = latest.span
            told |= {"start": span.start.isoformat(), "end": span.end.isoformat()}
            told["labelled"] = evidence.get("labelled")
    return found or None


def _latest(conn: Connection, model: str, column: str, stream: Stream, at: datetime) -> Passed | None:
    passed = courses.latest(conn, Series(model=model, column=column), stream, at, 1)
    return passed[-1] if passed else None


def _told(metrics: object, reference: object) -> dict[str, object]:
    """The plain metric of [value, half width] pairs; a reference is such pairs too, or the number alone."""
    metric = next((name for name in _PLAIN if isinstance(metrics, Mapping) and name in metrics), None)
    if metric is None or not isinstance(metrics, Mapping):
        return {}
    value, band = metrics[metric]
    before = reference.get(metric) if isinstance(reference, Mapping) else reference
    return {
        "metric": metric,
        "value": value,
        "band": band,
        "reference": before[0] if isinstance(before, list | tuple) else before,
    }
