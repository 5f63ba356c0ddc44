"""What does one folded window leave behind for people: verdicts, and groups with something to tell?"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from sqlalchemy import Connection

from alerting.grouping import Group, mark_dirty, note_past
from alerting.health import Folded, WindowFold
from alerting.incident import Incident, Transition
from alerting.series import LABEL_FEED
from alerting.verdict import VerdictKind
from monitor.config import Config
from monitor.routing import Policies, escalation_groups, group_policies, groups_of
from storage import groups


def worth_keeping(result: WindowFold) -> list[Folded]:
    """The verdicts that are written down: a feed that is well is not worth a row."""
    return [
        item
        for item in result.verdicts
        if item.verdict.series.column not in ("", LABEL_FEED) or item.verdict.kind is not VerdictKind.CLEAR
    ]


def mark_groups(
    conn: Connection,
    config: Config,
    touched: Iterable[Incident],
    eventful: Collection[str],
    now: datetime,
    *,
    past: Sequence[Transition] = (),
) -> None:
    """A crash after this commit cannot forget that there is something to tell. `eventful`: incident ids.

    `past`: the transitions of a window that was folded long after its end, to be told in numbers.
    """
    fresh: dict[str, Group] = {}
    members: dict[str, set[str]] = {}
    further: dict[str, set[str]] = {}  # by the key of a group that may have heard of them by an escalation
    by_model: dict[str, Policies] = {}
    for incident in touched:
        if incident.id in eventful:
            model = incident.series.model
            if model not in by_model:
                by_model[model] = group_policies(config, model)
            policies = by_model[model]
            for group in groups_of(config, incident, policies):
                fresh[group.key] = group
                members.setdefault(group.key, set()).add(incident.id)
            for group in escalation_groups(config, incident, policies):
                further.setdefault(group.key, set()).add(incident.id)
    for key, ids in further.items():
        known = groups.get(conn, key)
        if known is not None and ids.intersection(known.told):
            fresh.setdefault(key, known)
    for key, group in fresh.items():
        marked = mark_dirty(groups.get(conn, key) or group, now)
        if past:
            policy = by_model[group.labels["model"]][group.channel]
            mine = [each for each in past if each.incident_id in members.get(key, ())]
            marked = note_past(marked, mine, policy)
        groups.save(conn, marked)
