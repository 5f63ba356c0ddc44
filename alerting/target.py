"""How is a trainer asked? The protocol of channels that take requests, and what a request holds."""

from collections.abc import Mapping
from typing import ClassVar, Protocol

from alerting.channel import Channel, DeliveryError, Failure
from alerting.notification import Action, Notification


class Target(Channel, Protocol):
    """A channel that takes requests. Whether it takes anything else, `monitor/targets.py` says."""

    takes_requests: ClassVar[bool]

    @property
    def host(self) -> str:
        """Where requests go: held against `retraining.hosts` before anything is sent."""


def asked(notification: Notification) -> Mapping[str, object]:
    """The request of a notification: id, event, model, incidents, windows, reference, call_back …

    DeliveryError where there is none: what only trains has nothing to do with messages for people.
    """
    if notification.action is Action.TEST:
        raise DeliveryError(
            Failure.PAYLOAD,
            f'{notification.channel}: a test would start a real run; use mode = "dry_run" to see what '
            "would be sent, and the target's own page to see whether its token is taken",
        )
    told = notification.facts.get("retraining")
    request = told.get("request") if isinstance(told, Mapping) else None
    if notification.action is not Action.REQUEST or not isinstance(request, Mapping):
        raise DeliveryError(
            Failure.PAYLOAD, f"{notification.channel}: takes requests for retraining and no messages"
        )
    return request
