"""Which incident is it when Leeway itself cannot tell somebody something?

A channel that takes nothing, and a message that was given up, are problems like any other: one incident each
a channel, of kind daemon, told where something still arrives.
"""

from collections.abc import Mapping
from datetime import datetime

from alerting.incident import ResolveReason, Transition, TransitionKind, incident_id
from alerting.sanitise import clean
from alerting.series import Series
from alerting.verdict import IncidentKind, Severity, Verdict, VerdictKind

BROKEN = "channel_broken"
DEAD = "dead_letter"
RULES = (BROKEN, DEAD)


def series(channel: str, rule: str) -> Series:
    """Of no model: `column` is the channel's name in the config."""
    return Series(model="", column=channel, rule=rule)


def opened(channel: str, rule: str, *, reason: str, waiting: int, now: datetime) -> Transition:
    """It began at `now`. `waiting`: messages that are not told because of it."""
    return _transition(TransitionKind.OPENED, channel, rule, reason, waiting, now, opened_at=now)


def goes_on(
    channel: str, rule: str, *, reason: str, waiting: int, since: datetime, now: datetime
) -> Transition:
    """It happened again while it was known."""
    return _transition(TransitionKind.CONTINUED, channel, rule, reason, waiting, now, opened_at=since)


def mended(channel: str, rule: str, *, since: datetime, now: datetime) -> Transition:
    """The channel took a message."""
    known = series(channel, rule)
    return Transition(
        kind=TransitionKind.RESOLVED,
        series=known,
        incident_id=incident_id(known.fingerprint, since),
        incident_kind=IncidentKind.DAEMON,
        severity=Severity.PAGE,
        start=now,
        end=now,
        since=since,
        reason=ResolveReason.RECOVERED,
    )


def _transition(
    kind: TransitionKind,
    channel: str,
    rule: str,
    reason: str,
    waiting: int,
    now: datetime,
    *,
    opened_at: datetime,
) -> Transition:
    known = series(channel, rule)
    facts: Mapping[str, object] = {"reason": reason, "waiting": waiting}
    return Transition(
        kind=kind,
        series=known,
        incident_id=incident_id(known.fingerprint, opened_at),
        incident_kind=IncidentKind.DAEMON,
        severity=Severity.PAGE,
        start=now,
        end=now,
        since=opened_at,
        verdict=Verdict(
            series=known,
            start=now,
            end=now,
            kind=VerdictKind.BREACH,
            incident_kind=IncidentKind.DAEMON,
            severity=Severity.PAGE,
            sure=True,
            change=rule,
            title=_title(rule, reason, waiting),
            facts=facts,
        ),
    )


def _title(rule: str, reason: str, waiting: int) -> str:
    why = clean(reason, 80)
    messages = "1 message" if waiting == 1 else f"{waiting} messages"
    if rule == BROKEN:
        return f"takes nothing ({why}); {messages} {'waits' if waiting == 1 else 'wait'}"
    return f"gave {messages} up ({why})"
