"""Channel `webhook`: a signed POST in the Standard Webhooks form (standardwebhooks.com, specification 1.0).

`webhook-id` is the notification's key and stays the same over retries: a receiver that keeps ids sees each
message once. `webhook-timestamp` is that of the attempt. During a rotation both secrets sign.
"""

from dataclasses import dataclass, field
from typing import ClassVar

from alerting.channel import Receipt
from alerting.connection import check_host
from alerting.exchange import check_url, post, refusal
from alerting.message import Message
from alerting.notification import Action, Notification
from alerting.sanitise import json_text
from alerting.signing import key_of, signature


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookChannel:
    """Any status 200–299 is success; what else the answer says is not read."""

    url: str = field(repr=False)  # may hold a secret: never in an error, a log or a repr
    secret: str = field(repr=False)  # whsec_… base64
    old_secret: str = field(default="", repr=False)  # "" outside a rotation
    idempotent: bool = False  # the receiver ignores a webhook-id it has seen: an uncertain request is resent
    allow_http: bool = False  # plain http://
    allow_private: bool = False  # loopback, link-local and private addresses
    allowed_hosts: tuple[str, ...] = ()  # globs; empty: every host
    deadline_s: float = 10.0  # of one attempt, by the wall clock

    threads: ClassVar[bool] = False
    edits: ClassVar[bool] = False

    def __post_init__(self) -> None:
        """Refuse at once what could never be sent. ValueError, without the value: it is a secret."""
        try:
            check_host(check_url(self.url, allow_http=self.allow_http).hostname or "", self.allowed_hosts)
        except ValueError as error:
            raise ValueError(f"url: {error}") from None
        for name, secret in (("secret", self.secret), ("old_secret", self.old_secret)):
            if secret or name == "secret":
                try:
                    key_of(secret)
                except ValueError as error:
                    raise ValueError(f"{name}: {error}") from None

    def send(self, notification: Notification, message: Message) -> Receipt:
        """POST it once."""
        body, at = json_text(_payload(notification, message)).encode(), message.at
        secrets = [secret for secret in (self.secret, self.old_secret) if secret]
        answer = post(
            self.url,
            headers={
                "Content-Type": "application/json",
                "User-Agent": "leeway",
                "webhook-id": notification.key,
                "webhook-timestamp": str(int(at.timestamp())),
                "webhook-signature": signature(secrets, id_=notification.key, at=at, body=body),
            },
            body=body,
            deadline_s=self.deadline_s,
            allow_http=self.allow_http,
            allow_private=self.allow_private,
            allowed_hosts=self.allowed_hosts,
        )
        if 200 <= answer.status < 300:
            return Receipt()
        raise refusal(answer, at)


def _payload(notification: Notification, message: Message) -> dict[str, object]:
    """The three members the specification asks for. Facts are data as they are: the receiver escapes."""
    if notification.action is Action.REQUEST:
        kind = "model.retraining.requested"
    elif notification.action is Action.TEST:
        kind = "leeway.test"
    else:
        kind = f"incident.{notification.reason}"
    data: dict[str, object] = dict(notification.facts)
    if not notification.plain:
        data["message"] = {
            "heading": message.heading,
            "lines": list(message.lines),
            "next": list(message.next_steps),
            "footer": message.footer,
        }
    return {"type": kind, "timestamp": notification.created.isoformat(), "data": data}
