"""How does a message leave, and in which ways can that fail?

The one word in `DeliveryError.failure` decides everything later (docs/decisions.md, failure classes).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from alerting.message import Message
from alerting.notification import Notification


class Failure(StrEnum):
    TRANSIENT = "transient"  # try again on the ladder until the deadline
    RATE = "rate"  # the whole channel waits for retry_after_s; no attempt burnt
    AMBIGUOUS = "ambiguous"  # may have been accepted
    CHANNEL_BROKEN = "channel_broken"  # nothing on this channel will pass until a person acts
    PAYLOAD = "payload"  # this content is refused: once as plain text, then dead
    LANE = "lane"  # the root this row hangs on is gone: forget it, post a new root


class DeliveryError(Exception):
    """A send that was not accepted. `str()` names channel, what, and remedy; never a secret or URL."""

    def __init__(self, failure: Failure, reason: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(reason)
        self.failure = failure
        self.reason = reason
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """Proof that the other side took it. `reference` addresses the post later (Slack: channel id and ts)."""

    reference: Mapping[str, str] = field(default_factory=dict)


class Channel(Protocol):
    """A member of alerting/channels: a frozen dataclass whose fields are its options."""

    @property
    def threads(self) -> bool:
        """Whether a reply can hang on a root; else every notification is a post of its own."""

    @property
    def edits(self) -> bool:
        """Whether a root can be brought up to date in place; else edits are left out."""

    @property
    def idempotent(self) -> bool:
        """Whether the same key twice has one effect there: an uncertain *request* is then sent again."""

    def send(self, notification: Notification, message: Message) -> Receipt:
        """Deliver within the member's own wall-clock deadline or raise DeliveryError."""
