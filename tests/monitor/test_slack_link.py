"""Laws of the line to Slack: an end by the wall clock, no other host, and no secret in any error."""

import base64
import hashlib
import json
import logging
import re
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from alerting.channel import DeliveryError, Failure
from alerting.channels.slack import SlackChannel
from monitor.clock import SystemClock
from monitor.slack_link import Link, LinkLost, open_link
from tests.loopback import Loopback, Reply, error
from tests.monitor.socket_mode import HELLO, PATIENCE_S, SocketMode, name_address, raw_server, say

OPEN = "/api/apps.connections.open"
TOKEN = "xapp-CANARY-app-token"


@pytest.fixture
def slack(tmp_path: Path) -> Iterator[Loopback]:
    with Loopback(tmp_path / "accepted") as played:
        yield played


def channel(slack: Loopback, deadline_s: float = PATIENCE_S) -> SlackChannel:
    return SlackChannel(
        token="xoxb-CANARY-token",
        channel="C0LOOPBACK",
        base_url=slack.slack,
        app_token=TOKEN,
        deadline_s=deadline_s,
    )


def opened(slack: Loopback, *, deadline_s: float = PATIENCE_S, stale_after_s: float = 60.0) -> Link:
    return open_link(channel(slack, deadline_s), SystemClock(), stale_after_s=stale_after_s)


def failure(slack: Loopback, deadline_s: float = PATIENCE_S) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        opened(slack, deadline_s=deadline_s)
    chain: list[BaseException] = [caught.value]
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    assert not [each for each in chain if "CANARY" in str(each)]
    return caught.value


def ending(link: Link) -> str:
    def listen() -> None:
        for _ in range(1_000):
            link.next(0.05)

    with pytest.raises(LinkLost) as caught:
        listen()
    assert "CANARY" not in str(caught.value)
    return str(caught.value)


def test_it_asks_with_the_app_token_and_hears_what_is_said(slack: Loopback) -> None:
    """The bot's token is for posting, the app's for listening; neither goes to the line itself."""
    with SocketMode(slack) as mode:
        link = opened(slack)
        assert slack.requests(OPEN)[0].headers["authorization"] == f"Bearer {TOKEN}"
        peer = mode.connection()
        assert peer.request is not None
        assert "authorization" not in {name.lower() for name in peer.request.headers}
        assert link.next(PATIENCE_S) == HELLO
        say(peer, {"type": "x"})
        assert link.next(PATIENCE_S) == {"type": "x"}
        link.acknowledge("e1")
        assert mode.acknowledged() == "e1"
        link.close()
        link.close()


def test_what_cannot_be_read_is_passed_over(slack: Loopback) -> None:
    """No JSON, no object, binary, nested without end: the next message is heard all the same."""
    with SocketMode(slack, greets=False) as mode:
        link = opened(slack)
        peer = mode.connection()
        for text in ("no json", "[]", b"\xff\x00", "[" * 100_000):
            peer.send(text)
            assert link.next(PATIENCE_S) is None
        say(peer, HELLO)
        assert link.next(PATIENCE_S) == HELLO
        link.close()


def test_a_server_that_closes_ends_it(slack: Loopback) -> None:
    """With the code, not with the words: they are the other side's."""
    with SocketMode(slack) as mode:
        link = opened(slack)
        mode.connection().close(1001, "CANARY")
        assert ending(link) == "slack closed the connection: 1001"
        with pytest.raises(LinkLost):
            link.acknowledge("e1")
        link.close()


def test_a_connection_that_is_reset_ends_it(slack: Loopback) -> None:
    """Without a closing handshake."""
    with SocketMode(slack) as mode:
        link = opened(slack)
        mode.connection().socket.shutdown(socket.SHUT_RDWR)
        assert ending(link).startswith("the connection ended: ")
        link.close()


def test_a_message_without_end_ends_it(slack: Loopback) -> None:
    """Memory is bounded: Slack's own are a few kilobytes."""
    with SocketMode(slack) as mode:
        link = opened(slack)
        mode.connection().send("x" * 600_000)
        assert ending(link).startswith("the connection ended: ")
        link.close()


def test_a_half_open_line_is_noticed(slack: Loopback) -> None:
    """The other side is gone and nothing says so: no answer to pings, no frame."""
    with raw_server(_greet_and_fall_silent) as url:
        name_address(slack, url)
        link = opened(slack, stale_after_s=0.5)
        began = time.monotonic()
        assert re.fullmatch(r"slack was silent for \d+ s", ending(link))
        assert time.monotonic() - began < PATIENCE_S
        link.close()


def test_a_quiet_line_that_lives_is_kept(slack: Loopback) -> None:
    """Nobody presses anything at night: the answers to our pings are signs of life."""
    with SocketMode(slack) as mode:
        link = opened(slack, stale_after_s=2.0)
        assert link.next(PATIENCE_S) == HELLO
        until = time.monotonic() + 4.0
        while time.monotonic() < until:
            assert link.next(0.2) is None
        say(mode.connection(), {"type": "x"})
        assert link.next(PATIENCE_S) == {"type": "x"}
        link.close()


def test_the_whole_handshake_has_one_deadline(slack: Loopback) -> None:
    """One byte now and then is no progress."""
    over = threading.Event()

    def drip(peer: socket.socket) -> None:
        peer.recv(65536)
        for byte in b"HTTP/1.1 101 Switching Protocols\r\n" * 1_000:
            peer.sendall(bytes([byte]))
            if over.wait(0.05):
                return

    with raw_server(drip) as url:
        name_address(slack, url)
        began = time.monotonic()
        assert failure(slack, deadline_s=1.0).failure is Failure.TRANSIENT
        assert time.monotonic() - began < 5.0
        over.set()


@pytest.mark.parametrize(
    "head",
    [
        "HTTP/1.1 302 Found\r\nLocation: {elsewhere}\r\n",
        "HTTP/1.1 308 Permanent Redirect\r\nLocation: {elsewhere}\r\n",
        "HTTP/1.1 401 Unauthorized\r\n",
        "HTTP/1.1 200 OK\r\n",
        "nonsense\r\n",
    ],
)
def test_a_handshake_that_is_refused_leads_nowhere_else(slack: Loopback, head: str) -> None:
    """No redirect is followed: the ticket would go with it."""
    visits: list[bytes] = []

    def elsewhere(peer: socket.socket) -> None:
        visits.append(peer.recv(65536))

    def refuse(peer: socket.socket) -> None:
        peer.recv(65536)
        peer.sendall(f"{head.format(elsewhere=other)}Content-Length: 0\r\n\r\n".encode())
        peer.shutdown(socket.SHUT_WR)

    with raw_server(elsewhere) as other, raw_server(refuse) as url:
        name_address(slack, url)
        assert failure(slack).failure is Failure.TRANSIENT
        assert visits == []


@pytest.mark.parametrize(
    "url",
    [
        "ws://evil.example/link?ticket=CANARY",
        "wss://127.0.0.1:1/CANARY",
        "http://127.0.0.1:1/CANARY",
        "ws://127.0.0.1:1@evil.example/CANARY",
        "ws://[::1/CANARY",
        "ws://127.0.0.1:x/CANARY",
        "",
        7,
    ],
)
def test_an_address_that_is_not_slacks_is_not_connected_to(slack: Loopback, url: object) -> None:
    """Only the house that the token belongs to."""
    slack.always(OPEN, Reply(body=json.dumps({"ok": True, "url": url}).encode(), accept=False))
    assert "slack named" in failure(slack).reason


@pytest.mark.parametrize(
    ("reply", "meant", "words"),
    [
        (error("invalid_auth"), Failure.CHANNEL_BROKEN, "connections:write"),
        (error("ratelimited", status=429, headers={"Retry-After": "7"}), Failure.RATE, ""),
        (error("internal_error"), Failure.AMBIGUOUS, ""),
        (Reply(status=302, headers={"Location": "http://127.0.0.1:1/"}, accept=False), None, "redirect"),
        (Reply(status=503, body=b"<html>CANARY", accept=False), Failure.TRANSIENT, ""),
        (Reply(body=b"[]", accept=False), Failure.TRANSIENT, "not slack"),
    ],
)
def test_why_slack_gives_no_address_is_said_by_its_class(
    slack: Loopback, reply: Reply, meant: Failure | None, words: str
) -> None:
    """As for a message: the class decides how long to wait."""
    slack.always(OPEN, reply)
    caught = failure(slack)
    assert caught.failure is (meant or Failure.CHANNEL_BROKEN)
    assert words in caught.reason
    assert caught.retry_after_s == (7.0 if meant is Failure.RATE else None)


def test_a_token_that_cannot_be_sent_is_not_repeated(slack: Loopback) -> None:
    """T24: it holds a line break; http.client quotes it."""
    with pytest.raises(DeliveryError) as caught:
        open_link(replace(channel(slack), app_token=f"{TOKEN}\r"), SystemClock())
    assert "CANARY" not in str(caught.value)


def test_nothing_of_the_line_is_logged(slack: Loopback, caplog: pytest.LogCaptureFixture) -> None:
    """At no level: the library logs addresses and frames."""
    caplog.set_level(logging.DEBUG)
    with SocketMode(slack) as mode:
        link = opened(slack)
        say(mode.connection(), {"type": "x", "secret": "CANARY"})
        assert link.next(PATIENCE_S) == HELLO
        link.close()
    ours = [record for record in caplog.records if not record.name.startswith("websockets.server")]
    assert not [record for record in ours if "CANARY" in record.getMessage()]


def _greet_and_fall_silent(peer: socket.socket) -> None:
    """The handshake by hand (RFC 6455, 4.2.2), and then nothing, whatever comes."""
    request = b""
    while b"\r\n\r\n" not in request:
        request += peer.recv(65536)
    key = re.search(rb"(?i)sec-websocket-key: (\S+)", request)
    assert key is not None
    digest = hashlib.sha1(key[1] + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
    lines = (
        "HTTP/1.1 101 Switching Protocols",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Accept: {base64.b64encode(digest).decode()}",
    )
    peer.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
    while peer.recv(65536):
        continue
