"""Channel `github`: a `repository_dispatch` event that a workflow of the repository listens to.

POST /repos/OWNER/NAME/dispatches (docs.github.com, REST API, "Create a repository dispatch event"): 204 and
no body when it is taken. The same event twice starts two runs and nothing tells them apart before they run:
an uncertain request is a person's to decide. `client_payload` may have ten members at its top; the request is
one of them.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar

from alerting.channel import DeliveryError, Failure, Receipt
from alerting.connection import check_host
from alerting.exchange import Answer, check_url, post, refusal
from alerting.message import Message
from alerting.notification import Notification
from alerting.target import asked

_REPOSITORY = re.compile(r"[A-Za-z0-9-]{1,39}/[A-Za-z0-9._-]{1,100}")
_LONGEST_EVENT = 100  # "Must be 100 characters or fewer"


@dataclass(frozen=True, slots=True, kw_only=True)
class GithubChannel:
    """The token needs write access to the repository's contents, and to nothing else."""

    repository: str  # owner/name
    token: str = field(repr=False)
    event_type: str = ""  # "": model.retraining.requested, or model.rollback.requested
    url: str = "https://api.github.com"  # of the API; an Enterprise server has its own
    allow_http: bool = False
    allow_private: bool = False  # an Enterprise server in one's own network
    allowed_hosts: tuple[str, ...] = ()  # globs; empty: every host
    deadline_s: float = 10.0

    threads: ClassVar[bool] = False
    idempotent: ClassVar[bool] = False
    takes_requests: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """ValueError for what could never be sent; without the token."""
        if not _REPOSITORY.fullmatch(self.repository) or self.repository.endswith(("/.", "/..")):
            raise ValueError(f'repository: must be "owner/name", got "{self.repository[:80]}"')
        if len(self.event_type) > _LONGEST_EVENT:
            raise ValueError(f"event_type: must have {_LONGEST_EVENT} characters at most")
        try:
            check_host(check_url(self.url, allow_http=self.allow_http).hostname or "", self.allowed_hosts)
        except ValueError as error:
            raise ValueError(f"url: {error}") from None

    @property
    def host(self) -> str:
        return check_url(self.url, allow_http=self.allow_http).hostname or ""

    def send(self, notification: Notification, message: Message) -> Receipt:
        """Dispatch it once."""
        request = asked(notification)
        body = {
            "event_type": self.event_type or str(request.get("event", "")),
            "client_payload": {"id": notification.key, "model": request.get("model"), "request": request},
        }
        answer = post(
            f"{self.url.rstrip('/')}/repos/{self.repository}/dispatches",
            headers={
                "Accept": "application/vnd.github+json",
                "Authorization": f"Bearer {self.token}",
                "Content-Type": "application/json",
                "User-Agent": "leeway",
                "X-GitHub-Api-Version": "2022-11-28",
            },
            body=json.dumps(body, sort_keys=True, default=str).encode(),
            deadline_s=self.deadline_s,
            allow_http=self.allow_http,
            allow_private=self.allow_private,
            allowed_hosts=self.allowed_hosts,
        )
        if answer.status == 204:
            return Receipt()
        raise _failure(answer, message.at)


def _failure(answer: Answer, now: datetime) -> DeliveryError:
    """A limit is told as 403 or 429 with its end (docs.github.com, "Rate limits for the REST API")."""
    if answer.status in (403, 429) and (wait := _limited_s(answer.headers, now)) is not None:
        return DeliveryError(Failure.RATE, f"asked to slow down: HTTP {answer.status}", retry_after_s=wait)
    if 200 <= answer.status < 300:  # something answers that is not this API: whether it took it, nobody knows
        return DeliveryError(Failure.AMBIGUOUS, f"answered HTTP {answer.status} where 204 was expected")
    return refusal(answer, now)


def _limited_s(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds to wait; None: no limit was meant."""
    after, reset = headers.get("retry-after", ""), headers.get("x-ratelimit-reset", "")
    if after.isdecimal():
        return float(after)
    if headers.get("x-ratelimit-remaining") == "0" and reset.isdecimal():
        return max(1.0, float(reset) - now.timestamp())
    return None
