"""Channel `slack`: a bot token posts, threads and edits; an incoming webhook only posts.

A picture is uploaded in the three steps that Slack asks for; its words are out by then, so one that fails is
left out. The client is slack-sdk's, with its transport replaced: the original follows a 302 to any host and
takes the bearer token along, retries a post that may have been accepted, and has no end by the wall clock.
"""

import json
import logging
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit
from urllib.request import Request

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.web import SlackResponse

from alerting.blocks import blocks, fit, plain
from alerting.channel import DeliveryError, Failure, Receipt
from alerting.connection import check_host
from alerting.exchange import Answer, check_url, post
from alerting.message import Message
from alerting.notification import Action, Notification
from alerting.slack_buttons import buttons
from alerting.slack_errors import not_slack, refused

EVENT_TYPE = "leeway_notification"  # of the message metadata that carries the key

_HISTORY_LIMIT = 1024 * 1024  # bytes of an answer to conversations.history: 100 messages with metadata
_CHANNEL_ID = re.compile(r"[CDG][A-Z0-9]{7,}")


@dataclass(frozen=True, slots=True, kw_only=True)
class SlackChannel:
    """`token` (xoxb-…) with `channel`, or `webhook_url` alone."""

    token: str = field(default="", repr=False)
    channel: str = ""  # an id (C0123…) or #name; only an id lets us look a lost root up
    webhook_url: str = field(default="", repr=False)  # the URL is the secret
    base_url: str = "https://slack.com/api/"
    allowed_hosts: tuple[str, ...] = ()  # globs; empty: every host
    deadline_s: float = 10.0  # of one call, by the wall clock
    pictures: bool = True  # uploaded into the thread; the token needs files:write
    app_token: str = field(default="", repr=False)  # xapp-…: people may answer (docs/alerting.md)

    def __post_init__(self) -> None:
        """Refuse at once what could never be sent. ValueError, without the secrets."""
        if bool(self.token) == bool(self.webhook_url):
            raise ValueError("slack: needs either a token with a channel, or a webhook_url")
        if self.token and not self.channel:
            raise ValueError('slack: channel is missing: "#name" or, better, its id')
        if self.app_token and not self.token:
            raise ValueError("app_token: needs a token too: an incoming webhook hears nothing")
        if self.app_token and find_spec("websockets") is None:
            raise ValueError("app_token: needs the library websockets; pip install 'leeway-monitor[slack]'")
        name, url = ("base_url", self.base_url) if self.token else ("webhook_url", self.webhook_url)
        try:
            check_host(check_url(url, allow_http=_loopback(url)).hostname or "", self.allowed_hosts)
        except ValueError as error:
            raise ValueError(f"slack: {name} {error}") from None

    @property
    def threads(self) -> bool:
        """An incoming webhook tells no message id: nothing can be threaded or edited."""
        return bool(self.token)

    @property
    def edits(self) -> bool:
        """As with threads."""
        return bool(self.token)

    @property
    def idempotent(self) -> bool:
        """A request means a person in a channel: a second one, marked, does no harm."""
        return True

    def send(self, notification: Notification, message: Message) -> Receipt:
        """Post, reply, or edit."""
        if not self.token:
            return self._post_to_webhook(notification, message)
        root = dict(notification.root)
        if notification.action is Action.PICTURE:
            return self._upload(message, root)
        if notification.action is Action.EDIT and root:
            return self._call("chat.update", notification, message, root)
        if notification.uncertain:
            found = self._look_up(notification, message.at)
            if isinstance(found, Receipt):
                return found
            if not found:
                message = message.as_possible_repeat()
        return self._call("chat.postMessage", notification, message, root)

    def _call(
        self, method: str, notification: Notification, message: Message, root: Mapping[str, str]
    ) -> Receipt:
        client = self._client()
        content: dict[str, Any] = {
            "text": plain(message) if notification.plain else fit(message.text, 600),
            "blocks": None if notification.plain else [*blocks(message), *self._buttons(notification)],
            "parse": "none",
            "link_names": False,
            "metadata": {"event_type": EVENT_TYPE, "event_payload": {"key": notification.key}},
        }
        with _worded(message.at):
            if method == "chat.update":
                if notification.plain:
                    content["blocks"] = []  # an update without them would keep the old ones
                answer = client.chat_update(channel=root["channel"], ts=root["ts"], **content)
            else:
                answer = client.chat_postMessage(
                    channel=root.get("channel") or self.channel,
                    thread_ts=root.get("ts"),
                    unfurl_links=False,
                    unfurl_media=False,
                    client_msg_id=_client_msg_id(notification),
                    **content,
                )
        return _receipt(answer)

    def _upload(self, message: Message, root: Mapping[str, str]) -> Receipt:
        """An address for the file, the file, and its place in the thread (docs.slack.dev, "Uploading files").

        Until the last step nobody sees anything, so what goes wrong before it may be tried again.
        """
        client, title = self._client(), fit(message.heading, 150)
        with _unseen(), _worded(message.at, scope="files:write"):
            ticket = client.files_getUploadURLExternal(
                filename="leeway.png", length=len(message.picture), alt_txt=title
            )
            url, file_id = ticket.get("upload_url"), ticket.get("file_id")
            if not (isinstance(url, str) and isinstance(file_id, str) and self._is_of_slack(url)):
                reason = "slack named no address of its own for the picture"
                raise DeliveryError(Failure.PAYLOAD, reason)
            answer = post(
                url,  # a secret: whoever knows it may write the file. The token does not go there
                headers={"Content-Type": "image/png", "User-Agent": "leeway"},
                body=message.picture,
                deadline_s=self.deadline_s,
                allow_http=_loopback(self.base_url),
                allow_private=_loopback(self.base_url),
                allowed_hosts=self.allowed_hosts,
            )
            if answer.status != 200:
                raise not_slack(answer, message.at)
        with _worded(message.at, scope="files:write"):
            done = client.files_completeUploadExternal(
                files=[{"id": file_id, "title": title}],
                channel_id=root["channel"],
                thread_ts=root["ts"],
            )
        if done.get("ok") is not True:
            raise DeliveryError(Failure.AMBIGUOUS, "slack did not say whether it shows the picture")
        return Receipt(reference={"channel": root["channel"], "file": file_id})

    def _is_of_slack(self, url: str) -> bool:
        """Whether an address lies in the house that the token belongs to: files.slack.com for slack.com."""
        own = urlsplit(self.base_url).hostname or ""
        try:
            host = check_url(url, allow_http=_loopback(self.base_url)).hostname or ""
        except ValueError:
            return False
        return host == own or host.endswith(f".{own}")

    def _buttons(self, notification: Notification) -> tuple[Mapping[str, object], ...]:
        """Only where somebody listens to them (monitor/slack_listening.py)."""
        return buttons(notification) if self.app_token else ()

    def _look_up(self, notification: Notification, now: datetime) -> Receipt | bool:
        """The post an earlier attempt left; True: certainly none; False: cannot be known, as without the
        scope, with a name instead of an id, or with more than one page of history."""
        root, since = dict(notification.root), notification.created - timedelta(minutes=5)
        channel = root.get("channel") or self.channel
        if not _CHANNEL_ID.fullmatch(channel):
            return False
        window: dict[str, Any] = {
            "oldest": f"{since.timestamp():.6f}",
            "limit": 100,
            "include_all_metadata": True,
        }
        client = self._client(limit=_HISTORY_LIMIT)
        try:
            with _worded(now):
                if "ts" in root:
                    answer = client.conversations_replies(channel=channel, ts=root["ts"], **window)
                else:
                    answer = client.conversations_history(channel=channel, **window)
        except DeliveryError:
            return False  # a marked repeat is better than a page that waits for a look into history
        messages = answer.get("messages")
        for found in messages if isinstance(messages, list) else ():
            metadata = found.get("metadata") if isinstance(found, dict) else None
            payload = metadata.get("event_payload") if isinstance(metadata, dict) else None
            if isinstance(payload, dict) and payload.get("key") == notification.key and found.get("ts"):
                return Receipt(reference={"channel": channel, "ts": str(found["ts"])})
        return isinstance(messages, list) and not answer.get("has_more")

    def _post_to_webhook(self, notification: Notification, message: Message) -> Receipt:
        """The plain fallback. Slack answers `ok` in text/plain, errors by status (docs.slack.dev)."""
        message = message.as_possible_repeat() if notification.uncertain else message
        content: dict[str, object] = {
            "text": plain(message) if notification.plain else fit(message.text, 600)
        }
        if not notification.plain:
            content["blocks"] = list(blocks(message))
        content |= {"parse": "none", "unfurl_links": False, "unfurl_media": False}
        answer = post(
            self.webhook_url,
            headers={"Content-Type": "application/json; charset=utf-8", "User-Agent": "leeway"},
            body=json.dumps(content).encode(),
            deadline_s=self.deadline_s,
            allow_http=_loopback(self.webhook_url),
            allow_private=_loopback(self.webhook_url),
            allowed_hosts=self.allowed_hosts,
        )
        if answer.status == 200 and answer.body.strip() == b"ok":
            return Receipt()
        raise not_slack(answer, message.at)

    def _client(self, limit: int = 64 * 1024) -> "_Client":
        return _Client(
            self.token,
            base_url=self.base_url,
            deadline_s=self.deadline_s,
            limit=limit,
            allowed_hosts=self.allowed_hosts,
        )


class _Client(WebClient):
    """slack-sdk's client over our exchange."""

    def __init__(
        self, token: str, *, base_url: str, deadline_s: float, limit: int, allowed_hosts: tuple[str, ...]
    ) -> None:
        super().__init__(token=token, base_url=base_url, retry_handlers=[], logger=_silent())
        self._deadline_s = deadline_s
        self._limit = limit
        self._allowed_hosts = allowed_hosts

    def _perform_urllib_http_request_internal(self, url: str, req: Request) -> dict[str, Any]:
        """Instead of urlopen: no redirect, no proxy from the environment, bounded in time and size."""
        body = req.data if isinstance(req.data, bytes) else b""
        loopback = _loopback(url)
        answer = post(
            url,
            headers=dict(req.header_items()),
            body=body,
            deadline_s=self._deadline_s,
            limit=self._limit,
            allow_http=loopback,
            allow_private=loopback,
            allowed_hosts=self._allowed_hosts,
        )
        if not _is_object(answer.body):
            raise _NotJson(answer)
        return {"status": answer.status, "headers": dict(answer.headers), "body": answer.body.decode()}


class _NotJson(Exception):
    def __init__(self, answer: Answer) -> None:
        super().__init__("no JSON object")
        self.answer = answer


class _worded:
    """Turns what slack-sdk raises into DeliveryError. `from None`: its errors quote answers and requests."""

    def __init__(self, now: datetime, scope: str = "chat:write") -> None:
        self.now = now
        self.scope = scope  # that the call needs

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, _NotJson):
            answer = error.answer
            raise not_slack(answer, self.now) from None
        if isinstance(error, SlackApiError):
            response = error.response
            code, status = response.get("error"), response.status_code
            raise refused(code, status, response.headers, self.now, scope=self.scope) from None


class _unseen:
    """Within it a failure left nothing that anybody could see: where it may have been accepted, try again."""

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, DeliveryError) and error.failure is Failure.AMBIGUOUS:
            raise DeliveryError(Failure.TRANSIENT, error.reason) from None


def _receipt(answer: SlackResponse) -> Receipt:
    """ok, ts and channel: all three or it was not accepted as far as we can tell."""
    ts, channel = answer.get("ts"), answer.get("channel")
    if answer.get("ok") is True and isinstance(ts, str) and ts and isinstance(channel, str) and channel:
        return Receipt(reference={"channel": channel, "ts": ts})
    raise DeliveryError(Failure.AMBIGUOUS, "slack answered ok without ts and channel")


def _client_msg_id(notification: Notification) -> str:
    """A UUID from the key, as Slack wants it; another one for the plain-text retry."""
    name = f"leeway:{notification.key}:{'plain' if notification.plain else 'rich'}"
    return str(uuid.uuid5(uuid.NAMESPACE_OID, name))


def _is_object(body: bytes) -> bool:
    try:
        return isinstance(json.loads(body.decode()), dict)
    except (ValueError, RecursionError):
        return False


def _loopback(url: str) -> bool:
    """Tests play Slack on the loopback address; nowhere else may it be plain http or private."""
    return url.startswith(("http://127.0.0.1:", "http://[::1]:", "http://localhost:"))


def _silent() -> logging.Logger:
    """slack-sdk logs requests and answers at DEBUG and ERROR: nothing of that may reach our logs."""
    logger = logging.Logger("slack_sdk.silent", level=logging.CRITICAL + 1)  # not registered
    logger.addHandler(logging.NullHandler())
    logger.propagate = False
    return logger
