"""What do quiet hours keep back, and what is said of it when they end?

Kept back is only what would have been told just then. What still fires afterwards is told as ever; what
opened and resolved meanwhile is one line, in numbers.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from alerting.group import PAST_LINES, Group, GroupPolicy, Kept, Past
from alerting.incident import Incident
from alerting.quiet import quiet_until
from alerting.route import routes_quiet_until
from alerting.verdict import Severity


def quiet(
    group: Group, incidents: Sequence[Incident], policy: GroupPolicy, now: datetime
) -> dict[str, datetime]:
    """The incidents of which this channel hears nothing now, with the end of the hours that say so."""
    found = {}
    for incident in incidents:
        told = group.told.get(incident.id)
        page = Severity.PAGE in (incident.severity, told.severity if told else None)
        until = policy.quiet_until(
            incident.series,
            incident.kind,
            incident.severity,
            now,
            as_=Severity.PAGE if page else Severity.TICKET,
        )
        if until is not None:
            found[incident.id] = until
    return found


def is_hushed(policy: GroupPolicy, now: datetime) -> bool:
    """Whether what wakes nobody has to wait, whatever it is about."""
    if quiet_until(policy.quiet, Severity.TICKET, now) is not None:
        return True
    return routes_quiet_until(policy.routes, Severity.TICKET, now) is not None


def keep(group: Group, ids: Collection[str], quiet: Mapping[str, datetime], now: datetime) -> Group:
    """Remember that these would have been told now. `quiet`: from the function of that name."""
    if not ids:
        return group
    before = group.kept or Kept(since=now, until=now, ids=frozenset())
    after = Kept(
        since=before.since,
        until=max(before.until, *(quiet[id_] for id_ in ids)),
        ids=before.ids.union(ids),
    )
    return group if after == group.kept else replace(group, kept=after)


def release(group: Group, incidents: Sequence[Incident], quiet: Collection[str]) -> Group:
    """Once none of it has to wait: what resolved meanwhile without having been told becomes numbers."""
    kept = group.kept
    if kept is None or kept.ids.intersection(quiet):
        return group
    unseen = [each for each in incidents if each.id in kept.ids and each.id not in group.told]
    over = [each for each in unseen if not each.is_open]
    if not over:
        return replace(group, kept=None)
    ends = [each.resolved for each in over if each.resolved is not None]
    before = group.past
    ids = dict.fromkeys((*(before.ids if before else ()), *(each.id for each in (*over, *unseen))))
    past = Past(
        start=min(before.start, kept.since) if before else kept.since,
        end=max(kept.until, *ends, *([before.end] if before else [])),
        opened=(before.opened if before else 0) + len(unseen),
        resolved=(before.resolved if before else 0) + len(over),
        ids=tuple(ids)[:PAST_LINES],
        quiet=True,
    )
    return replace(group, kept=None, past=past)
