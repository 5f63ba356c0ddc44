"""Channel `apprise`: everything else, through the library of that name (optional: the extra `notify`).

The library knows some hundred services and is not sound enough to run inside the daemon: its time-outs are
per read, it follows redirects, says no more than yes or no, asks nobody which address it connects to, and
writes URLs that hold secrets to its log. So each message is sent by a child process (channels/_apprise.py)
that is killed at the deadline and holds the library to our rules. Price: about two seconds of one core a
message.
"""

import importlib.util
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from typing import Any, ClassVar

from alerting.channel import DeliveryError, Failure, Receipt
from alerting.exchange import Answer, refusal
from alerting.letter import SUBJECT, text_part
from alerting.message import Message
from alerting.notification import Notification
from alerting.sanitise import clean, inert

BODY = 3500  # characters; services with less get less (the library knows their limits)
_CHILD = "alerting.channels._apprise"
_BEGUN = "sending"
_URL = re.compile(r"[a-z][a-z0-9+.-]*://\S+", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class AppriseChannel:
    """One service: `service_url` as the library spells it, such as discord://…, tgram://… or msteams://…"""

    service_url: str = field(repr=False)  # the URL is the secret
    allow_private: bool = False  # loopback, link-local and private addresses
    allowed_hosts: tuple[str, ...] = ()  # globs; empty: every host
    deadline_s: float = 30.0  # of one attempt, by the wall clock; the start of the child included

    threads: ClassVar[bool] = False
    edits: ClassVar[bool] = False
    # A request means a person who reads it: a second one, marked, does no harm.
    idempotent: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Refuse at once what could never be sent. ValueError, without the URL."""
        if importlib.util.find_spec("apprise") is None:
            raise ValueError("apprise: the library is not installed; pip install 'leeway-monitor[notify]'")
        if not self.service_url.isprintable() or not _URL.fullmatch(self.service_url):
            raise ValueError("service_url: must be one URL as the library spells it, such as discord://…")

    def send(self, notification: Notification, message: Message) -> Receipt:
        """Let the child send it, and see what became of both."""
        message = message.as_possible_repeat() if notification.uncertain else message
        task = {
            "url": self.service_url,
            "title": inert(clean(message.heading, SUBJECT)),
            "body": _body(message),
            "type": _type(notification),
            "hosts": list(self.allowed_hosts),
            "private": self.allow_private,
        }
        begun, result = self._run(json.dumps(task))
        if result.get("ok") is True:
            return Receipt()
        raise _failure(begun, result, message, self.deadline_s)

    def _run(self, task: str) -> tuple[bool, dict[str, Any]]:
        """Whether it began to send, and what it said at the end: {} when it did not get that far."""
        # The URL goes through a pipe: everybody may read the arguments of a process.
        child = subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-m", _CHILD],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env=_environment(),
            text=True,
            encoding="utf-8",
        )
        with child:
            try:
                said, _ = child.communicate(task, timeout=self.deadline_s)
            except subprocess.TimeoutExpired:
                child.kill()
                said, _ = child.communicate()
        lines = said.splitlines()
        begun = _BEGUN in lines[:1]
        try:
            result = json.loads(lines[-1]) if lines else {}
        except ValueError:
            result = {}
        return begun, result if isinstance(result, dict) else {}


def _failure(begun: bool, result: dict[str, Any], message: Message, deadline_s: float) -> DeliveryError:
    if result.get("missing"):
        return DeliveryError(
            Failure.CHANNEL_BROKEN, "apprise is not installed; pip install 'leeway-monitor[notify]'"
        )
    if result.get("unknown"):
        return DeliveryError(Failure.CHANNEL_BROKEN, "apprise does not understand service_url; check it")
    if refused := str(result.get("refused") or ""):
        return DeliveryError(Failure.CHANNEL_BROKEN, refused)
    if result.get("network") == "before":
        return DeliveryError(Failure.TRANSIENT, "no connection to the service")
    status, wait = result.get("status"), result.get("retry_after")
    if result.get("network") != "after" and isinstance(status, int) and not 200 <= status < 300:
        headers = {"retry-after": wait} if isinstance(wait, str) else {}
        return refusal(Answer(status=status, headers=headers, body=b"", whole=True), message.at)
    if result:
        return DeliveryError(Failure.AMBIGUOUS, "apprise says that it failed, and not why")
    if begun:
        return DeliveryError(
            Failure.AMBIGUOUS, f"the service did not finish its answer within {deadline_s:g} s"
        )
    return DeliveryError(Failure.TRANSIENT, f"apprise did not begin to send within {deadline_s:g} s")


def _body(message: Message) -> str:
    """The mail's text without its heading: it leads no mark-up and makes no link of data."""
    text = text_part(message).partition("\n\n")[2].strip() or "-"
    return text if len(text) <= BODY else text[: BODY - 2].rstrip() + "\n…"


def _type(notification: Notification) -> str:
    """The library's word: services colour by it."""
    if notification.facts.get("state") == "resolved":
        return "success"
    return {"page": "failure", "ticket": "warning"}.get(str(notification.facts.get("severity")), "info")


def _environment() -> dict[str, str]:
    """What Python and TLS need, and nothing that could hold a secret or a proxy."""
    kept = ("PATH", "LANG", "LC_ALL", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "TZ")
    found = {name: os.environ[name] for name in kept if name in os.environ}
    # Where this program was found; the folder it is started in is none of them.
    return {**found, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path), "NETRC": os.devnull}
