"""What leaves next, and what became of it?

One step: claim, re-check, word, send, mark. No transaction is open while anything is sent, and every mark
carries the claim's fence, so a courier that lost its lease cannot overwrite what another one did.
"""

import json
import logging
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from alerting import failpoint, ladder
from alerting.channel import Channel, DeliveryError, Failure, Receipt
from alerting.message import Message, bare, word
from alerting.notification import Action, Notification

_log = logging.getLogger(__name__)


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
        """Write what became of the row, close its attempt row. False, and no change, if the fence moved."""


@dataclass(slots=True, kw_only=True)
class Courier:
    """Sends what the outbox holds. `lease` must be longer than any channel's deadline."""

    outbox: Outbox
    channels: Mapping[str, Channel]  # by their names in the config
    owner: str  # who claims: host and pid
    lease: timedelta = timedelta(seconds=60)
    only: Collection[str] | None = (
        None  # these channels; None all. One courier a channel: none waits for another
    )
    monotonic: Callable[[], float] = time.monotonic

    def step(self, now: datetime) -> bool:
        """Handle one row; False when nothing was due."""
        # 1 Claim: leased, fenced, and an attempt row that survives whatever comes.
        claimed = self.outbox.claim(now, self.owner, self.lease, self.only)
        if claimed is None:
            return False
        failpoint.hit("after_attempt_row")
        started = self.monotonic()
        # 2 Re-check: is it still to be told, and is there still time?
        mark = self._not_to_send(claimed, now)
        if mark is None:
            # 3 Word and 4 send. A second here is a second later for whoever said "wait 30".
            mark = self._send(claimed, now, started)
        # 5 Mark, if the row is still ours.
        later = now + timedelta(seconds=self.monotonic() - started)
        failpoint.hit("before_mark")
        kept = self.outbox.mark(claimed, mark, later)
        failpoint.hit("after_mark")
        _tell(claimed, mark, kept=kept)
        return True

    def _not_to_send(self, claimed: Claimed, now: datetime) -> Mark | None:
        notification = claimed.notification
        channel = self.channels.get(notification.channel)
        if now >= notification.deadline:
            reason = f"its time was over before it could be sent {notification.last_failure}".rstrip()
            return Mark(state=OutboxState.DEAD, reason=reason)
        if not self.outbox.still_wanted(claimed, now):
            return Mark(state=OutboxState.CANCELLED, reason="no longer wanted when its turn came")
        if channel is None:
            reason = f'channel "{notification.channel}" is not in the config any more'
            return after_failure(claimed, DeliveryError(Failure.CHANNEL_BROKEN, reason), now)
        if notification.action is Action.EDIT and not channel.edits:
            return Mark(state=OutboxState.CANCELLED, reason="this channel cannot edit")
        if notification.action is Action.REQUEST and notification.uncertain and not channel.idempotent:
            reason = "the target may have the request and is not idempotent: a person must look"
            return Mark(state=OutboxState.UNCERTAIN, reason=reason, failure=Failure.AMBIGUOUS, burnt=False)
        return None

    def _send(self, claimed: Claimed, now: datetime, started: float) -> Mark:
        notification, channel = claimed.notification, self.channels[claimed.notification.channel]
        try:
            receipt = channel.send(notification, _worded(claimed, now))
        except DeliveryError as error:
            later = now + timedelta(seconds=self.monotonic() - started)
            return after_failure(claimed, error, later, idempotent=channel.idempotent)
        except Exception as error:  # noqa: BLE001 - the edge: a bug in one member must not stop the others
            # The type alone: the text of a strange error may quote the request.
            _log.error("notification.bug channel=%s key=%s error=%s", *_names(claimed), type(error).__name__)
            bug = DeliveryError(Failure.AMBIGUOUS, f"unexpected {type(error).__name__}, a bug in leeway")
            return after_failure(claimed, bug, now, idempotent=channel.idempotent)
        failpoint.hit("after_response")
        return after_success(claimed, receipt, threads=channel.threads)


def _worded(claimed: Claimed, now: datetime) -> Message:
    try:
        return word(claimed.notification, now)
    except Exception:  # noqa: BLE001 - the edge: better few words than no page
        _log.exception("notification.unworded channel=%s key=%s", *_names(claimed))
        return bare(claimed.notification, now)


def after_success(claimed: Claimed, receipt: Receipt, *, threads: bool) -> Mark:
    """Sent. A post becomes its lane's root when the lane has none."""
    notification = claimed.notification
    is_root = threads and (notification.action is Action.ROOT or not notification.root)
    return Mark(
        state=OutboxState.SENT,
        root=receipt.reference if is_root else None,
        reference=receipt.reference,
        channel=ChannelMark(state=ChannelState.OK),
    )


def after_failure(claimed: Claimed, error: DeliveryError, now: datetime, *, idempotent: bool = True) -> Mark:
    """What the one word of the failure means for the row, its lane and its channel."""
    notification, failure, reason = claimed.notification, error.failure, error.reason
    if claimed.probe and failure in (Failure.TRANSIENT, Failure.AMBIGUOUS):
        # Still not known to work. The uncertainty of the row is kept, its attempts are not used up.
        probe_at = now + ladder.PROBE_EVERY
        state = OutboxState.UNCERTAIN if failure is Failure.AMBIGUOUS else OutboxState.QUEUED
        mark = ChannelMark(state=ChannelState.BROKEN, until=probe_at, reason=reason)
        return Mark(state=state, reason=reason, failure=failure, next_try=probe_at, burnt=False, channel=mark)
    again = ladder.next_try(notification.key, notification.attempt, now)
    dead = Mark(state=OutboxState.DEAD, reason=reason, failure=failure)
    match failure:
        case Failure.TRANSIENT:
            if again >= notification.deadline:
                return dead
            return Mark(state=OutboxState.QUEUED, reason=reason, failure=failure, next_try=again)
        case Failure.AMBIGUOUS:
            if notification.action is Action.REQUEST and not idempotent:
                return Mark(state=OutboxState.UNCERTAIN, reason=reason, failure=failure)
            if again >= notification.deadline:
                return dead
            return Mark(state=OutboxState.UNCERTAIN, reason=reason, failure=failure, next_try=again)
        case Failure.RATE:
            until = now + ladder.rate_wait(error.retry_after_s)
            mark = ChannelMark(state=ChannelState.WAITING, until=until, reason=reason)
            return _again(reason, failure, until, channel=mark)
        case Failure.CHANNEL_BROKEN:
            until = now + ladder.PROBE_EVERY
            mark = ChannelMark(state=ChannelState.BROKEN, until=until, reason=reason)
            return _again(reason, failure, until, channel=mark)
        case Failure.PAYLOAD:
            return dead if notification.plain else _again(reason, failure, now, plain=True)
        case Failure.LANE:
            if notification.root:
                return _again(reason, failure, now, root={})
            # Nothing to forget: the other side is confused, and the ladder ends it.
            if again >= notification.deadline:
                return dead
            return Mark(state=OutboxState.QUEUED, reason=reason, failure=failure, next_try=again)


def _again(
    reason: str,
    failure: Failure,
    next_try: datetime,
    *,
    plain: bool = False,
    root: Mapping[str, str] | None = None,
    channel: ChannelMark | None = None,
) -> Mark:
    return Mark(
        state=OutboxState.QUEUED,
        reason=reason,
        failure=failure,
        next_try=next_try,
        burnt=False,
        plain=plain,
        root=root,
        channel=channel,
    )


def _names(claimed: Claimed) -> tuple[str, str]:
    return claimed.notification.channel, claimed.notification.key


def _tell(claimed: Claimed, mark: Mark, *, kept: bool) -> None:
    """One log line. ERROR only where a human must act."""
    if not kept:
        _log.warning("notification.fence_lost channel=%s key=%s", *_names(claimed))
        return
    held = mark.state is OutboxState.UNCERTAIN and mark.next_try is None
    broken = mark.channel is not None and mark.channel.state is ChannelState.BROKEN
    loud = mark.state is OutboxState.DEAD or held or broken
    _log.log(
        logging.ERROR if loud else logging.INFO,
        "notification.%s channel=%s key=%s attempt=%d failure=%s reason=%s",
        mark.state.value,
        *_names(claimed),
        claimed.notification.attempt,
        mark.failure.value if mark.failure else "none",
        json.dumps(mark.reason, ensure_ascii=False),  # one quoted field, whatever it says
    )
