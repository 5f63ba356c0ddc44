"""A message was not sent after all: what is news again, and when is it tried next?"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from alerting.group import Group
from alerting.reason import NEW, Reason
from alerting.verdict import Severity

FIRST_WAIT = timedelta(minutes=15)  # after the second message in a row that was given up
LONGEST_WAIT = timedelta(hours=4)


def untell(group: Group, posted: Mapping[str, str], *, key: str) -> Group:
    """A post was not sent after all: what it was to tell is news again, and its root is no root.

    `posted` is its facts["told"]: the news it carried, by incident id. An edit or a repeat carried none.
    """
    told = dict(group.told)
    for id_, why in posted.items():
        before = told.pop(id_, None)
        if before is not None and before.routed and why == Reason.ESCALATION:
            told[id_] = replace(before, escalated=0)  # it knew of it before
        if before is None or why in NEW:
            continue
        match why:
            case Reason.RESOLVED:
                told[id_] = replace(before, firing=True)  # the channel still believes that it fires
            case Reason.REOPENED:
                told[id_] = replace(before, firing=False)
            case Reason.SEVERITY_UP:
                told[id_] = replace(before, firing=True, severity=Severity.TICKET)
            case Reason.FLAPPING:
                told[id_] = replace(before, flapping=False)
            case Reason.STEADY:
                told[id_] = replace(before, flapping=True)
    return replace(
        group,
        told=told,
        root_key="" if group.root_key == key else group.root_key,
        closed=bool(told) and not any(entry.firing or entry.flapping for entry in told.values()),
    )


def give_up(group: Group, posted: Mapping[str, str], *, key: str, now: datetime) -> Group:
    """A channel refused a message for good: untold, and told next by the fallback.

    What is refused again and again is tried more and more rarely: a page that no channel takes must not be
    sent every few seconds.
    """
    after = untell(group, posted, key=key)
    if not posted:
        return after
    wait = timedelta(0) if group.deaths == 0 else min(FIRST_WAIT * 2 ** (group.deaths - 1), LONGEST_WAIT)
    return replace(after, fallback=True, deaths=min(group.deaths + 1, 10), retry_from=now + wait)
