"""Channel `http`: a POST of your own JSON to whatever starts your training.

The body is a template (alerting/template.py): `{id}`, `{event}`, `{model}`, `{reference_version}`,
`{call_back}`, `{incidents}`, `{windows}` and `{request}`, the whole of it. With `id_header` the request's id
is sent as a header too, which many job services take as an idempotency key; `idempotent = true` says that
yours does, and then an uncertain request is sent again.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from alerting import template
from alerting.channel import Receipt
from alerting.connection import check_host
from alerting.exchange import check_url, post, refusal
from alerting.message import Message
from alerting.notification import Notification
from alerting.target import asked

FIELDS = frozenset(
    {"id", "event", "model", "reference_version", "call_back", "incidents", "windows", "request"}
)
_HEADER = re.compile(r"[A-Za-z0-9-]{1,60}")
_OURS = frozenset(
    {"authorization", "connection", "content-length", "content-type", "host", "transfer-encoding"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpChannel:
    """2xx is success, and so is what `taken` names (such as 409 for "there already")."""

    url: str = field(repr=False)  # may hold a secret: never in an error, a log or a repr
    body: dict[str, Any] = field(default_factory=lambda: {"request": "{request}"})
    token: str = field(default="", repr=False)  # sent as `Authorization: Bearer …`
    headers: dict[str, str] = field(default_factory=dict)  # others; no secrets
    id_header: str = ""  # "Idempotency-Key", say
    taken: tuple[int, ...] = ()
    idempotent: bool = False
    allow_http: bool = False
    allow_private: bool = False
    allowed_hosts: tuple[str, ...] = ()  # globs; empty: every host
    deadline_s: float = 10.0

    threads: ClassVar[bool] = False
    takes_requests: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """ValueError for what could never be sent; without a secret."""
        try:
            check_host(check_url(self.url, allow_http=self.allow_http).hostname or "", self.allowed_hosts)
        except ValueError as error:
            raise ValueError(f"url: {error}") from None
        try:
            template.check(self.body, FIELDS)
        except ValueError as error:
            raise ValueError(f"body: {error}") from None
        for name in (*self.headers, *([self.id_header] if self.id_header else [])):
            if not _HEADER.fullmatch(name) or name.lower() in _OURS:
                raise ValueError(f'headers: "{name[:60]}" is not a header that may be set')
        if any(not value.isascii() or not value.isprintable() for value in self.headers.values()):
            raise ValueError("headers: must hold printable ASCII")
        if any(not 400 <= status < 500 for status in self.taken):
            raise ValueError("taken: must be statuses of 400 to 499; 2xx is success anyway")

    @property
    def host(self) -> str:
        return check_url(self.url, allow_http=self.allow_http).hostname or ""

    def send(self, notification: Notification, message: Message) -> Receipt:
        """POST it once."""
        body = template.render(self.body, _values(asked(notification), notification.key))
        headers = {**self.headers, "Content-Type": "application/json"}
        headers.setdefault("User-Agent", "leeway")
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        if self.id_header:
            headers[self.id_header] = notification.key
        answer = post(
            self.url,
            headers=headers,
            body=json.dumps(body, sort_keys=True, default=str).encode(),
            deadline_s=self.deadline_s,
            allow_http=self.allow_http,
            allow_private=self.allow_private,
            allowed_hosts=self.allowed_hosts,
        )
        if 200 <= answer.status < 300 or answer.status in self.taken:
            return Receipt()
        raise refusal(answer, message.at)


def _values(request: Mapping[str, object], key: str) -> dict[str, object]:
    reference = request.get("reference")
    version = reference.get("version") if isinstance(reference, Mapping) else None
    plain = {name: request.get(name, "") for name in ("event", "model", "call_back", "incidents", "windows")}
    return {**plain, "id": key, "reference_version": version, "request": request}
