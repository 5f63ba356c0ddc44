"""What happened around retraining that the people in a thread have not been told?

One post for each thing that happened, once a thread, by a key derived from it: into the thread of its cause,
also when that is over by then.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from alerting.grouping import Group
from alerting.notification import Action, Notification
from monitor.config import Config
from storage import groups, retraining, retraining_past
from storage.retraining import RetrainingEvent

DEADLINE = timedelta(hours=24)  # what happened before then is no news, and about another thread
# `sent` and `running` are what everybody expects; the rest asks something of somebody, or ends it.
TOLD = frozenset(
    {
        "proposed",
        "requested",
        "uncertain",
        "succeeded",
        "failed",
        "expired",
        "cancelled",
        "rejected",
        "late_report",
        "reference_promoted",
        "reference_failed",
        "improved",
        "not_improved",
        "unknown",
        "breaker_opened",
    }
)


def groups_with_news(conn: Connection, now: datetime) -> list[Group]:
    """The threads of the models of which there may be something to tell."""
    since = now - DEADLINE
    models = {model for model, event in retraining.events_since(conn, since) if event.kind in TOLD}
    models |= retraining_past.rehearsed_since(conn, since)
    return [group for model in sorted(models) for group in groups.of_model(conn, model)]


def posts(conn: Connection, config: Config, group: Group, now: datetime) -> list[Notification]:
    """All that may be told in a thread; what was told before has the same key."""
    if not group.root_key:
        return []
    model, since = group.labels["model"], now - DEADLINE
    settings = config.models.get(model)
    zone = settings.window.zone if settings else "UTC"
    made = [
        _post(group, (str(each["request_id"]),), _decided(each), zone, now)
        for each in retraining_past.dry_runs_since(conn, since, model)
        if not group.closed
    ]
    for _, event in retraining.events_since(conn, since, model):  # a thread hears of its own model: many ask
        if event.kind in TOLD:
            # A request is told by the key that it always had, whoever's yes it needed.
            parts: tuple[str, ...] = (event.retraining_id,)
            if event.kind != "requested":
                parts += (event.kind, str(event.seq))
            made.append(_post(group, parts, _happened(conn, event), zone, now))
    return made


def _post(
    group: Group, parts: tuple[str, ...], facts: Mapping[str, object], zone: str, now: datetime
) -> Notification:
    digest = hashlib.sha256("\x1f".join(("retraining", *parts, group.key)).encode()).hexdigest()
    return Notification(
        key=digest[:32],
        channel=group.channel,
        lane=group.key,
        action=Action.REPLY,
        reason="retraining",
        facts={
            "model": group.labels["model"],
            "kind": "retraining",
            "zone": zone,
            "retraining": dict(facts),
        },
        created=now,
        deadline=now + DEADLINE,
    )


def _decided(decision: Mapping[str, Any]) -> dict[str, object]:
    names = ("outcome", "mode", "target", "request_id", "gates", "request")
    return {name: decision[name] for name in names}


def _happened(conn: Connection, event: RetrainingEvent) -> dict[str, object]:
    """What words need to know of it."""
    request = retraining.get(conn, event.retraining_id)
    decision = retraining_past.decision_of(conn, event.retraining_id)
    facts: dict[str, object] = _decided(decision) if decision is not None else {}
    if request is not None:
        began = request.sent or request.requested
        facts |= {
            "ask": request.ask,
            "target": request.target,
            "mode": request.mode,
            "request_id": request.id,
            "since": began.isoformat(),
            "deadline": request.deadline.isoformat(),
            "model_version": request.model_version,
        }
    return facts | {
        "event": event.kind,
        "at": event.at.isoformat(),
        "actor": event.actor,
        **{name: value for name, value in event.payload.items() if name not in facts or value},
    }
