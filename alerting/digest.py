"""How do several messages that were never sent become one?

On their facts alone, as the outbox stored them: what is newest of an incident wins, what the reader knew
before the first of them is kept in `told`, so that the one message can be taken back like any other.
"""

import hashlib
import math
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from urllib.parse import quote

from alerting.notification import Action, Notification
from alerting.verdict import Severity

Facts = Mapping[str, object]

MAX_LINES = 10
_COUNTED = ("firing", "pages", "tickets", "resolved")
_DEADLINES = {Severity.PAGE.value: timedelta(hours=72)}
_DEADLINE = timedelta(hours=24)


def is_news(facts: Facts) -> bool:
    """Whether it is about incidents, and so may be told together with others."""
    return facts.get("kind") in ("incident", "digest")


def merged(parts: Sequence[Facts]) -> dict[str, object]:
    """Successive messages of one group, oldest first, as one: how things stand after the last of them."""
    newest = parts[-1]
    lines: dict[str, Mapping[str, object]] = {}
    told: dict[str, str] = {}
    for part in parts:
        for line in _lines(part):
            id_ = str(line.get("incident_id"))
            first = str(lines.get(id_, {}).get("news") or line.get("news") or "")
            lines[id_] = {**line, "news": first}
        for id_, why in _texts(part.get("told")).items():
            told.setdefault(id_, why)
    ordered = _ordered(list(lines.values()))
    unseen = len(set(told) - set(lines))
    more = max(unseen, int(_number(newest.get("more"))))
    severities = [str(part.get("severity")) for part in parts]
    still = newest.get("state") != "resolved"
    return {
        **newest,
        "reason": parts[0].get("reason"),
        "severity": newest.get("severity") if still else max(severities, key=_level),
        "since": min(str(part.get("since")) for part in parts),
        "lines": ordered[:MAX_LINES],
        "more": max(more, len(ordered) - MAX_LINES + unseen if len(ordered) > MAX_LINES else more),
        "told": told,
        "escalated": {id_: step for part in parts for id_, step in _escalated(part).items()},
        "past": next((part["past"] for part in parts if part.get("past")), None),
        "retraining": next((part["retraining"] for part in parts if part.get("retraining")), None),
    }


def digest(
    channel: str,
    parts: Mapping[str, Facts],
    *,
    now: datetime,
    why: str,
    broken_since: datetime | None = None,
    created: datetime | None = None,
) -> Notification:
    """One message for several groups; `parts` by group key. `why`: in words, for who reads it.

    A part may be a digest itself that could not be sent: its groups are taken over.
    """
    lines: dict[str, Mapping[str, object]] = {}
    groups: dict[str, dict[str, str]] = {}
    tallies: dict[str, dict[str, int]] = {}
    models: set[str] = set()
    flushes: dict[str, object] = {}
    for key, facts in parts.items():
        for inner, told in _by_group(key, facts, "groups", facts.get("told")).items():
            # What the reader knew before the first message that was not sent is what counts.
            groups[inner] = _texts(told) | groups.get(inner, {})
        for inner, said in _by_group(key, facts, "tallies", facts.get("counts")).items():
            tallies[inner] = {name: int(_number(_get(said, name))) for name in _COUNTED}
        flushes |= _by_group(key, facts, "flushes", facts.get("flush"))
        named = facts.get("models")
        models |= {str(each) for each in named} if isinstance(named, list) else {str(facts.get("model"))}
        for line in _lines(facts):
            lines[str(line.get("incident_id"))] = {"model": facts.get("model"), **line}
    counts = {name: sum(tally[name] for tally in tallies.values()) for name in _COUNTED}
    ordered = _ordered(list(lines.values()))
    severity = max((str(facts.get("severity")) for facts in parts.values()), key=_level)
    zones = {zone for facts in parts.values() if isinstance(zone := facts.get("zone"), str)}
    key = hashlib.sha256(
        "\x1f".join(["digest", channel, *_identities(groups, flushes, list(lines.values()))]).encode()
    ).hexdigest()
    return Notification(
        key=key[:32],
        channel=channel,
        lane=f"{quote(channel)}&digest",
        action=Action.ROOT,
        reason="digest",
        facts={
            "model": next(iter(models)) if len(models) == 1 else "",
            "models": sorted(models),
            "kind": "digest",
            "reason": "digest",
            "severity": severity,
            "state": "firing" if counts["firing"] else "resolved",
            "zone": next(iter(zones)) if len(zones) == 1 else None,
            "why": why,
            "broken_since": None if broken_since is None else broken_since.isoformat(),
            "lines": ordered[:MAX_LINES],
            "more": max(counts["firing"] + counts["resolved"], len(ordered)) - len(ordered[:MAX_LINES]),
            "counts": counts | {"models": len(models)},
            "told": {},
            "groups": groups,
            "escalated": {id_: step for facts in parts.values() for id_, step in _escalated(facts).items()},
            "tallies": tallies,
            "flushes": flushes,
        },
        created=now if created is None else created,
        deadline=now + _DEADLINES.get(severity, _DEADLINE),
    )


def _by_group(key: str, facts: Facts, name: str, own: object) -> dict[str, object]:
    """Of a digest that was not sent what it says of each group, else the group's own."""
    inner = facts.get(name)
    return {str(k): v for k, v in inner.items()} if isinstance(inner, Mapping) else {key: own}


def _escalated(facts: Facts) -> Mapping[str, object]:
    """The incidents that it tells of as nobody acknowledged them, each with its step."""
    steps = facts.get("escalated")
    return steps if isinstance(steps, Mapping) else {}


def _get(value: object, name: str) -> object:
    return value.get(name) if isinstance(value, Mapping) else None


def _texts(told: object) -> dict[str, str]:
    return {str(id_): str(why) for id_, why in told.items()} if isinstance(told, Mapping) else {}


def _identities(
    groups: Mapping[str, Mapping[str, str]], flushes: Mapping[str, object], lines: Sequence[Facts]
) -> list[str]:
    """What makes this digest another one than the last: facts, never the clock."""
    said = sorted(f"{key}\x1e{id_}\x1e{why}" for key, told in groups.items() for id_, why in told.items())
    seen = sorted(
        f"{line.get('incident_id')}\x1e{line.get('state')}\x1e{line.get('reopens')}" for line in lines
    )
    return [*sorted(f"{key}\x1e{number}" for key, number in flushes.items()), *said, *seen]


def _ordered(lines: Sequence[Mapping[str, object]]) -> list[Mapping[str, object]]:
    """Open before resolved, pages first, then the most probable cause."""
    return sorted(
        lines,
        key=lambda line: (
            line.get("state") == "resolved",
            -_level(line.get("severity")),
            line.get("kind") != "data",
            _number(line.get("rank")) or 1e9,
            str(line.get("since")),
            str(line.get("incident_id")),
        ),
    )


def _lines(facts: Facts) -> list[Mapping[str, object]]:
    lines = facts.get("lines")
    if not isinstance(lines, list | tuple):
        return []
    return [line for line in lines if isinstance(line, Mapping)]


def _level(severity: object) -> int:
    return Severity(severity).level if isinstance(severity, str) and severity in set(Severity) else 0


def _number(value: object) -> float:
    """Zero for what is none: an odd row must not keep the others from being told."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0.0
    try:
        return float(value) if math.isfinite(value) else 0.0
    except OverflowError:
        return 0.0
