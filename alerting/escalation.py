"""Nobody answers a page: who is told next, and when?

The clock of an incident starts when a channel of its route was first to be told of it as a page, and again
when an acknowledgement ends or is given back, or when it fires again. A step is due when that is `after` ago.
Nothing is counted down: what is due follows from times that are kept, so no crash and no downtime loses a
step.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from alerting.incident import Incident
from alerting.route import Step
from alerting.verdict import Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class Overdue:
    """The step that a channel is told by."""

    number: int  # from 1, in the order of the route
    of: int  # steps that the route has
    after: timedelta
    since: datetime  # since then nobody had it


def unattended_since(
    incident: Incident, *, paged: datetime | None, given_back: datetime | None, now: datetime
) -> datetime | None:
    """Since when nobody has it; None: somebody has, nobody was paged, or it is no open page.

    What comes and goes is told once and does not escalate.
    """
    page = incident.is_open and incident.severity is Severity.PAGE and not incident.flapping
    if paged is None or not page or incident.is_acknowledged(now):
        return None
    marks = (paged, given_back, incident.acknowledged_until)
    return max(at for at in marks if at is not None)


def overdue(steps: Sequence[Step], channel: str, since: datetime, now: datetime) -> Overdue | None:
    """The last step to this channel that is due; None: none is."""
    due = [
        Overdue(number=number, of=len(steps), after=step.after, since=since)
        for number, step in enumerate(steps, start=1)
        if step.channel == channel and now >= since + step.after
    ]
    return due[-1] if due else None


def to_json(escalated: Mapping[str, Overdue]) -> dict[str, dict[str, object]]:
    """As a message's facts keep it, by incident id."""
    return {
        id_: {
            "step": each.number,
            "of": each.of,
            "after_s": each.after.total_seconds(),
            "since": each.since.isoformat(),
        }
        for id_, each in escalated.items()
    }
