"""What leaves next, and what became of it?

One step: claim, re-check, word, send, mark. No transaction is open while anything is sent, and every mark
carries the claim's fence, so a courier that lost its lease cannot overwrite what another one did.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from alerting.channel import Failure
from alerting.notification import Notification


class OutboxState(StrEnum):
    """A row's state. queued, sending and uncertain are open; the others are final."""

    QUEUED = "queued"  # to be sent at next_try
    SENDING = "sending"  # claimed; the attempt row exists; becomes uncertain when the lease ends
    UNCERTAIN = "uncertain"  # may have been accepted; next_try None: waits for a person
    SENT = "sent"
    DEAD = "dead"  # given up: never counts as told
    CANCELLED = "cancelled"  # no longer wanted when its turn came, or superseded by a newer edit


class ChannelState(StrEnum):
    OK = "ok"
    WAITING = "waiting"  # asked to slow down: nothing is sent before `until`
    BROKEN = "broken"  # one row at a time probes, not before `until`


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelMark:
    """What a send taught us about the whole channel."""

    state: ChannelState
    until: datetime | None = None  # None for ok
    reason: str = ""  # for a person; no secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """One outbox row, leased to this courier. `fence` is what mark() must still find in the row."""

    id: int
    fence: int
    owner: str
    notification: Notification  # attempt, uncertain, plain and root are filled from the row and its lane
    first_try: datetime  # when this row's first attempt began; `now` of the claim for the first
    probe: bool = False  # the channel is marked broken and this row finds out whether it still is


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What becomes of a claimed row, and of its lane and channel: written in one transaction."""

    state: OutboxState
    reason: str = ""  # why not sent; goes into the attempt row and to people
    failure: Failure | None = None  # the class, for the attempt row; None when sent or cancelled
    next_try: datetime | None = None  # queued, uncertain; None with uncertain: a person decides
    burnt: bool = True  # False: the row's attempt number stays (rate, channel_broken, lane, payload)
    plain: bool = False  # from now on as plain text
    root: Mapping[str, str] | None = None  # lane's root: None leave, {} forget, else remember
    reference: Mapping[str, str] = field(default_factory=dict)  # the receipt, for history
    channel: ChannelMark | None = None  # None: leave the channel as it is


class Outbox(Protocol):
    """What the courier needs of the outbox. Fulfilled by storage/outbox.py; each call is one transaction."""

    def claim(
        self, now: datetime, owner: str, lease: timedelta, channels: Collection[str] | None = None
    ) -> Claimed | None:
        """Lease the next row, None when nothing is due.

        Due is a row (a) queued or uncertain with next_try ≤ now, or sending with an expired lease (it comes
        back with notification.uncertain = True, as does every row in state uncertain); (b) first of the open
        rows in its lane, where rows waiting for a person do not count; (c) whose channel is ok, or waiting or
        broken with until ≤ now. A claim on a broken channel sets probe and pushes that channel's `until` to
        now + lease, so that one row at a time probes. Of several queued edits in a lane only the newest is
        kept, the others become cancelled. Rows past their deadline are claimed too: the courier buries them.
        Order: severity page first, then next_try, then id. `channels` limits the claim to those channels.
        Writes: state sending, fence + 1, lease end, owner, and the attempt row (open).
        notification.attempt = attempts burnt so far + 1.
        """

    def still_wanted(self, claimed: Claimed, now: datetime) -> bool:
        """Look again before sending: False when acknowledged, silenced or over in the meantime."""

    def mark(self, claimed: Claimed, mark: Mark, now: datetime) -> bool:
        """Write what became of the row and close its attempt row. False, and no change, if the fence moved."""
