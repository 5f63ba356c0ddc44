"""How does Leeway stay within call of Slack? One connection of Socket Mode: opened, read, answered, ended.

The library's own ways of connecting follow a redirect and know no end of the whole handshake, so the socket
comes from alerting/connection.py: one deadline by the wall clock over name, TCP, TLS and handshake, the
address checked, no redirect, no proxy. What Slack names as the address must lie in Slack's house, for the
address is a secret and so is what comes over it. No error here holds either.
"""

import json
import logging
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any, Protocol
from urllib.parse import urlsplit

from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException
from websockets.protocol import Event
from websockets.sync.client import ClientConnection, connect

from alerting.channel import DeliveryError, Failure
from alerting.connection import Line, Reach, converse
from alerting.exchange import post
from alerting.slack_errors import not_slack, refused
from alerting.slack_requests import is_of_slack
from monitor.clock import Clock

STALE_AFTER_S = 60.0  # without a frame of any kind: a line that is dead and does not say so

_LARGEST = 512 * 1024  # bytes of one message; a button sends its whole message along
_QUEUED = 16  # messages that are read ahead
_CLOSE_WITHIN_S = 2.0


class LinkLost(Exception):
    """The connection is over. `str()` says why, in our words."""


class Listening(Protocol):
    """What a channel says of where its people may answer: alerting/channels/slack.py."""

    app_token: str
    base_url: str
    allowed_hosts: Sequence[str]
    deadline_s: float


class Link:
    """One open connection; `close` it. Read by one thread."""

    def __init__(self, connection: "_Connection", ends: ExitStack, stale_after_s: float) -> None:
        self._connection = connection
        self._ends = ends
        self._stale_after_s = stale_after_s

    def next(self, within_s: float) -> Mapping[str, object] | None:
        """The next message; None: none came in that time, or none that can be read. LinkLost at its end."""
        try:
            text = self._connection.recv(timeout=within_s)
        except TimeoutError:
            silent_s = time.monotonic() - self._connection.heard
            if silent_s > self._stale_after_s:
                raise LinkLost(f"slack was silent for {silent_s:.0f} s") from None
            return None
        except (WebSocketException, OSError) as error:
            raise LinkLost(_how_it_ended(error)) from None
        try:
            message = json.loads(text)
        except (ValueError, RecursionError):
            return None
        return message if isinstance(message, dict) else None

    def acknowledge(self, envelope: str) -> None:
        """Slack waits three seconds for it (docs.slack.dev, "Socket Mode")."""
        try:
            self._connection.send(json.dumps({"envelope_id": envelope}))
        except (WebSocketException, OSError) as error:
            raise LinkLost(_how_it_ended(error)) from None

    def close(self) -> None:
        try:
            self._ends.close()
        except (WebSocketException, OSError):
            return  # gone already


def open_link(to: Listening, clock: Clock, *, stale_after_s: float = STALE_AFTER_S) -> Link:
    """Ask Slack for an address and connect to it. DeliveryError: why not, its class says what helps."""
    loopback = urlsplit(to.base_url).scheme == "http"
    url = _address(to, clock, loopback=loopback)
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or (80 if loopback else 443)
    reach = Reach(hosts=to.allowed_hosts, private=loopback)

    def talk(line: Line) -> Link:
        sock = line.open(host, port, reach)
        ends = ExitStack()
        connection = ends.enter_context(
            connect(
                url,
                sock=sock,
                ssl=None if loopback else ssl.create_default_context(),
                compression=None,
                proxy=None,
                user_agent_header="leeway",
                open_timeout=to.deadline_s,
                ping_interval=stale_after_s / 3,  # so that a line that lives is heard
                ping_timeout=None,
                close_timeout=_CLOSE_WITHIN_S,
                max_size=_LARGEST,
                max_queue=_QUEUED,
                logger=_silent(),
                create_connection=_Connection,
            )
        )
        assert isinstance(connection, _Connection)  # noqa: S101  as just asked for
        return Link(connection, ends, stale_after_s)

    return _worded(lambda: converse(talk, host=host, deadline_s=to.deadline_s))


def _address(to: Listening, clock: Clock, *, loopback: bool) -> str:
    """Good for one connection, for a while (docs.slack.dev, apps.connections.open)."""
    answer = post(
        f"{to.base_url}apps.connections.open",
        headers={
            "Authorization": f"Bearer {to.app_token}",
            "Content-Type": "application/x-www-form-urlencoded",
            "User-Agent": "leeway",
        },
        body=b"",
        deadline_s=to.deadline_s,
        allow_http=loopback,
        allow_private=loopback,
        allowed_hosts=tuple(to.allowed_hosts),
    )
    try:
        told: Any = json.loads(answer.body)
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict):
        raise not_slack(answer, clock.now())
    if told.get("ok") is not True:
        error = refused(told.get("error"), answer.status, answer.headers, clock.now())
        hint = "; the app token (xapp-…) needs connections:write, and the app Socket Mode"
        broken = error.failure is Failure.CHANNEL_BROKEN
        raise DeliveryError(
            error.failure, error.reason + (hint if broken else ""), retry_after_s=error.retry_after_s
        )
    url = told.get("url")
    scheme = "ws" if loopback else "wss"
    if not isinstance(url, str) or not url.startswith(f"{scheme}://"):
        raise DeliveryError(Failure.TRANSIENT, "slack named no address to connect to")
    as_http = f"{'http' if loopback else 'https'}{url.removeprefix(scheme)}"
    if not is_of_slack(as_http, to.base_url):
        raise DeliveryError(Failure.TRANSIENT, "slack named an address that is not its own")
    return url


class _Connection(ClientConnection):
    """The library's, which knows when anything came, pings and their answers included."""

    heard: float = float("inf")  # monotonic; from the handshake's answer on

    def process_event(self, event: Event) -> None:
        self.heard = time.monotonic()
        super().process_event(event)


def _worded(do: Callable[[], Link]) -> Link:
    """The library's errors quote addresses: their kind is all that is kept."""
    try:
        return do()
    except InvalidStatus as error:
        status = error.response.status_code
        raise DeliveryError(Failure.TRANSIENT, f"slack refused the connection: HTTP {status}") from None
    except (WebSocketException, ValueError) as error:
        reason = f"slack's side of the handshake cannot be read: {type(error).__name__}"
        raise DeliveryError(Failure.TRANSIENT, reason) from None


def _how_it_ended(error: Exception) -> str:
    if isinstance(error, ConnectionClosed) and error.rcvd is not None:
        return f"slack closed the connection: {error.rcvd.code}"
    return f"the connection ended: {type(error).__name__}"


def _silent() -> logging.Logger:
    """The library logs frames and addresses: nothing of that may reach our logs."""
    logger = logging.Logger("websockets.silent", level=logging.CRITICAL + 1)  # not registered
    logger.addHandler(logging.NullHandler())
    logger.propagate = False
    return logger
