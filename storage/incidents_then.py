"""How did an incident stand at an earlier time, by its own history?

Events are append-only and say what each change made of it, so they can be gone through up to any moment. The
largest |z| and the rank of then are not in them.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from alerting.incident import ResolveReason, Status, TransitionKind
from storage import encoding
from storage.incidents import REVISED, IncidentEvent

_UNKNOWN: Mapping[str, None] = {"peak": None, "rank": None}
_STATUS = {
    TransitionKind.OPENED: Status.FIRING,
    TransitionKind.REOPENED: Status.FIRING,
    TransitionKind.RELAPSED: Status.FIRING,
    TransitionKind.RECOVERING: Status.RECOVERING,
    TransitionKind.RESOLVED: Status.RESOLVED,
}


def as_of(
    record: Mapping[str, Any], events: Sequence[IncidentEvent], then: datetime
) -> dict[str, Any] | None:
    """A record of v_incidents as it would have been; None: nobody knew of the incident then."""
    known = [event for event in events if event.at <= then]
    if not known:
        return None
    found = {**record, **_UNKNOWN, "reopens": 0, "relapses": 0, "events": len(known)}
    found |= {"resolved": None, "resolved_reason": "", "acknowledged_by": "", "acknowledged_until": None}
    found |= {"false_page_by": "", "flapping": False}
    for event in known:
        _apply(found, event)
    # What a replay made of it later is not what was said then.
    later = next((event for event in events if event.at > then and event.kind == REVISED), None)
    if later is not None and isinstance(before := later.payload.get("before"), Mapping):
        found |= {"opened": before["opened"], "kind": before["kind"]}
    return found


def _apply(found: dict[str, Any], event: IncidentEvent) -> None:
    said = event.payload
    if event.kind in _STATUS:
        status = _STATUS[TransitionKind(event.kind)]
        found |= {"status": status.value, "severity": said["severity"]}
        found |= {name: said[name] for name in ("change", "title") if said.get(name)}
        if event.window_start is not None and event.window_end is not None:
            found["window_start"] = encoding.iso(event.window_start)
            found["window_end"] = encoding.iso(event.window_end)
        over = status is Status.RESOLVED
        found["resolved"] = found["window_end"] if over else None
        found["resolved_reason"] = said.get("reason") or "" if over else ""
        if over and found["resolved_reason"] != ResolveReason.RECOVERED:
            found["flapping"] = False
    match event.kind:
        case TransitionKind.REOPENED:
            found["reopens"] += 1
        case TransitionKind.RELAPSED:
            found["relapses"] += 1
        case TransitionKind.SEVERITY_UP:
            found["severity"] = said["severity"]
        case "acknowledged":
            found |= {"acknowledged_by": event.actor, "acknowledged_until": said.get("until")}
        case "unacknowledged":
            found |= {"acknowledged_by": "", "acknowledged_until": None}
        case TransitionKind.FLAPPING | TransitionKind.STEADY:
            found["flapping"] = event.kind == TransitionKind.FLAPPING
        case "marked_false_page":
            found["false_page_by"] = event.actor
        case "unmarked_false_page":
            found["false_page_by"] = ""
        case kind if kind == REVISED:
            after: Mapping[str, Any] = said["after"]  # type: ignore[assignment]  # written by incidents.revise
            found |= {"status": after["status"], "severity": after["severity"], "resolved": after["resolved"]}
            found["resolved_reason"] = after["reason"] or ""
        case _:
            pass
    if event.kind in (TransitionKind.REOPENED, TransitionKind.SEVERITY_UP):
        found |= {"acknowledged_by": "", "acknowledged_until": None}
