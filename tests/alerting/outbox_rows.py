"""Notifications as grouping would store them, and an outbox in memory that keeps the port's promises."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from alerting.courier import ChannelMark, ChannelState, Claimed, Mark, OutboxState
from alerting.notification import Action, Notification

NOW = datetime(2026, 5, 28, 3, 0, tzinfo=UTC)

DISTANCE: dict[str, object] = {
    "incident_id": "d15a0000aaaabbbbccccddddeeeeffff",
    "fingerprint": "f1" * 16,
    "column": "distance",
    "segment": "",
    "version": "",
    "kind": "drift",
    "change": "unit",
    "title": "distance: looks like ×1.609 (miles → kilometres)",
    "severity": "page",
    "state": "firing",
    "news": "first",
    "since": "2026-05-27T04:00:00+00:00",
    "resolved": None,
    "z": 44.1,
    "p": 1e-30,
    "harm": -4.2,
    "pull": 0.031,
    "rows": 981,
    "rank": 1,
    "reopens": 0,
    "relapses": 0,
    "resolved_reason": None,
    "acknowledged_by": "",
}
CARRIER: dict[str, object] = {
    **DISTANCE,
    "incident_id": "ca44000000001111222233334444ffff",
    "column": "carrier",
    "change": "new_category",
    "title": "carrier: new value ZZ in 4.1 % of rows",
    "since": "2026-05-13T04:00:00+00:00",
    "harm": -0.3,
    "rank": 2,
}


def facts(*lines: Mapping[str, object], **changed: object) -> dict[str, object]:
    """Of one flush of model delays, daily windows in New York."""
    return {
        "model": "delays",
        "kind": "incident",
        "task": "binary",
        "zone": "America/New_York",
        "reason": "first",
        "severity": "page",
        "state": "firing",
        "window_start": "2026-05-27T04:00:00+00:00",
        "window_end": "2026-05-28T04:00:00+00:00",
        "since": "2026-05-27T04:00:00+00:00",
        "runbook": "https://wiki.example.com/delays",
        "lines": list(lines or (DISTANCE,)),
        "more": 0,
        "counts": {
            "firing": len(lines) or 1,
            "pages": len(lines) or 1,
            "tickets": 0,
            "resolved": 0,
            "changed": 1,
        },
        "next": [
            f"leeway incidents show {(lines or (DISTANCE,))[0]['incident_id']}",
            f"leeway explain --model delays --column {(lines or (DISTANCE,))[0]['column']}",
        ],
        "retraining": None,
        **changed,
    }


def notification(**changed: object) -> Notification:
    """A root about DISTANCE unless told otherwise."""
    row = Notification(
        key="incident:oncall:delays:first:1",
        channel="oncall",
        lane="oncall/delays",
        action=Action.ROOT,
        reason="first",
        facts=facts(),
        created=NOW,
        deadline=NOW + timedelta(hours=72),
    )
    return replace(row, **changed)  # type: ignore[arg-type] - any field, by name


@dataclass(slots=True, kw_only=True)
class Row:
    notification: Notification
    state: OutboxState = OutboxState.QUEUED
    next_try: datetime | None = NOW
    fence: int = 0
    burnt: int = 0
    lease_end: datetime = NOW
    marks: list[Mark] = field(default_factory=list)
    first_try: datetime | None = None


class MemoryOutbox:
    """The promises of alerting.courier.Outbox, for one thread."""

    def __init__(self, *notifications: Notification) -> None:
        self.rows = [Row(notification=n) for n in notifications]
        self.channels: dict[str, ChannelMark] = {}
        self.roots: dict[str, Mapping[str, str]] = {}
        self.unwanted: set[str] = set()

    def claim(
        self, now: datetime, owner: str, lease: timedelta, channels: Collection[str] | None = None
    ) -> Claimed | None:
        taken: set[str] = set()
        for id_, row in enumerate(self.rows):
            open_ = row.state in (OutboxState.QUEUED, OutboxState.SENDING, OutboxState.UNCERTAIN)
            held = row.state is OutboxState.UNCERTAIN and row.next_try is None
            n = row.notification
            if not open_ or held or n.lane in taken:
                continue
            taken.add(n.lane)
            channel = self.channels.get(n.channel, ChannelMark(state=ChannelState.OK))
            resting = channel.until is not None and now < channel.until
            due = row.lease_end <= now if row.state is OutboxState.SENDING else (row.next_try or now) <= now
            if resting or not due or (channels is not None and n.channel not in channels):
                continue
            uncertain = row.state is not OutboxState.QUEUED or n.uncertain
            row.state, row.fence, row.lease_end = OutboxState.SENDING, row.fence + 1, now + lease
            row.first_try = row.first_try or now
            row.notification = replace(
                n, uncertain=uncertain, attempt=row.burnt + 1, root=self.roots.get(n.lane, {})
            )
            return Claimed(
                id=id_,
                fence=row.fence,
                owner=owner,
                notification=row.notification,
                first_try=row.first_try,
                probe=channel.state is ChannelState.BROKEN,
            )
        return None

    def still_wanted(self, claimed: Claimed, now: datetime) -> bool:
        return claimed.notification.key not in self.unwanted

    def mark(self, claimed: Claimed, mark: Mark, now: datetime) -> bool:
        row = self.rows[claimed.id]
        if row.fence != claimed.fence:
            return False
        row.marks.append(mark)
        row.state, row.next_try = mark.state, mark.next_try
        row.burnt += mark.burnt
        row.notification = replace(
            row.notification, plain=row.notification.plain or mark.plain, last_failure=mark.reason
        )
        if mark.root is not None:
            self.roots[claimed.notification.lane] = mark.root
        if mark.channel is not None:
            self.channels[claimed.notification.channel] = mark.channel
        return True
