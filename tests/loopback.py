"""A server on 127.0.0.1 that plays Slack's web API, PagerDuty's events, incoming and generic webhooks.

What it does with a request is scripted per path: answer, accept and then reset, hang, drip, send a gigabyte,
redirect. Every message it *accepts* is appended to a file and synced before a byte of the answer leaves: that
file is the ground truth of the delivery tests, whatever the client believed.
"""

import contextlib
import itertools
import json
import os
import socket
import struct
import threading
import time
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self
from urllib.parse import parse_qs

End = Literal["answer", "reset", "hang", "drip", "drip_headers", "huge", "cut"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What happens to one request. `accept`: whether the message counts as delivered."""

    status: int = 200
    body: bytes | None = None  # None: what the played service would say
    headers: Mapping[str, str] = field(default_factory=dict)
    end: End = "answer"
    accept: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One request as it arrived."""

    method: str
    path: str
    headers: Mapping[str, str]  # names in lower case
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        """The body: JSON, or a form."""
        if self.headers.get("content-type", "").startswith("application/json"):
            loaded: dict[str, Any] = json.loads(self.body)
            return loaded
        return {name: values[0] for name, values in parse_qs(self.body.decode()).items()}


def error(code: str, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    """Slack's way to refuse."""
    body = json.dumps({"ok": False, "error": code}).encode()
    return Reply(status=status, body=body, headers=headers or {}, accept=False)


class Loopback:
    """Use as a context manager. `history_scope`: whether the token may read conversations.history.

    `port` 0 is any free one.
    """

    def __init__(self, accepted: Path, *, history_scope: bool = True, port: int = 0) -> None:
        self.accepted_file = accepted
        self.history_scope = history_scope
        self.seen: list[Seen] = []
        self._script: dict[str, deque[Reply]] = defaultdict(deque)
        self._always: dict[str, Reply] = {}
        self._pace: dict[str, float] = {}  # seconds between two that are taken
        self._taken_at: dict[str, list[float]] = defaultdict(list)
        self._posts: list[dict[str, Any]] = []
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", port))
        self._listener.settimeout(0.1)  # how soon the thread notices the stop
        self.port: int = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._serve, daemon=True)]

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(5)
        self._listener.close()

    @property
    def url(self) -> str:
        """Without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def slack(self) -> str:
        """The base_url of a Slack client."""
        return f"{self.url}/api/"

    def script(self, path: str, replies: Iterable[Reply]) -> None:
        """The next requests to `path` get these, in order; later ones what the service would say."""
        self._script[path].extend(replies)

    def always(self, path: str, reply: Reply | None) -> None:
        """Every request to `path` that no script covers; None: as the service would."""
        if reply is None:
            self._always.pop(path, None)
        else:
            self._always[path] = reply

    def pace(self, path: str, every_s: float) -> None:
        """Take one request in so many seconds; what comes sooner is told to wait, as Slack tells it."""
        self._pace[path] = every_s

    def gaps(self, path: str) -> list[float]:
        """Seconds between those of a paced path that were taken."""
        return [b - a for a, b in pairwise(self._taken_at[path])]

    def accepted(self) -> list[dict[str, Any]]:
        """The accepted messages, from the file."""
        if not self.accepted_file.exists():
            return []
        return [json.loads(line) for line in self.accepted_file.read_text("utf-8").splitlines()]

    def requests(self, path: str) -> list[Seen]:
        """Those to `path`, in order."""
        return [seen for seen in self.seen if seen.path == path]

    def _serve(self) -> None:
        while not self._stop.is_set():
            try:
                peer, _ = self._listener.accept()
            except TimeoutError:
                continue
            thread = threading.Thread(target=self._handle, args=(peer,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _handle(self, peer: socket.socket) -> None:
        peer.settimeout(5)
        with contextlib.suppress(OSError), peer:
            seen = _read(peer)
            if seen is None:
                return
            with self._lock:
                self.seen.append(seen)
                planned = self._script[seen.path]
                usual = Reply(status=202) if seen.path.startswith("/v2/") else Reply()
                reply = planned.popleft() if planned else self._always.get(seen.path, usual)
                if not planned and self._is_too_soon(seen.path):
                    reply = error("ratelimited", status=429, headers={"Retry-After": "1"})
                body = reply.body
                if reply.accept:
                    played = self._play(seen)
                    body = played if body is None else body
                if reply.accept and not seen.path.startswith("/api/conversations."):
                    self._keep(seen)
            _finish(peer, reply, body or b"", self._stop)

    def _is_too_soon(self, path: str) -> bool:
        every, now = self._pace.get(path), time.monotonic()
        taken = self._taken_at[path]
        if every is None or (taken and now < taken[-1] + every):
            return every is not None
        taken.append(now)
        return False

    def _keep(self, seen: Seen) -> None:
        line = {"path": seen.path, "webhook_id": seen.headers.get("webhook-id"), "json": seen.json}
        with self.accepted_file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def _play(self, seen: Seen) -> bytes:
        """What the real service would answer to a request it accepts."""
        if seen.path.startswith("/api/conversations."):
            if not self.history_scope:
                return json.dumps({"ok": False, "error": "missing_scope"}).encode()
            return json.dumps({"ok": True, "messages": self._posts[::-1], "has_more": False}).encode()
        if seen.path == "/api/chat.postMessage":
            sent = seen.json
            ts = f"1700000000.{next(self._numbers):06d}"
            self._posts.append({"ts": ts, "text": sent["text"], "metadata": sent.get("metadata")})
            channel = sent["channel"] if sent["channel"].startswith("C") else "C0LOOPBACK"
            return json.dumps({"ok": True, "channel": channel, "ts": ts}).encode()
        if seen.path == "/api/chat.update":
            return json.dumps({"ok": True, "channel": seen.json["channel"], "ts": seen.json["ts"]}).encode()
        if seen.path.startswith("/v2/"):
            return b'{"status": "success", "message": "Event processed"}'
        if seen.path.startswith("/services/"):
            return b"ok"
        return b""


def _read(peer: socket.socket) -> Seen | None:
    """One request with a Content-Length; None when the client went away."""
    data = b""
    while b"\r\n\r\n" not in data:
        chunk = peer.recv(65536)
        if not chunk:
            return None
        data += chunk
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    while len(body) < int(headers.get("content-length", 0)):
        chunk = peer.recv(65536)
        if not chunk:
            return None
        body += chunk
    method, path, _ = first.split(" ")
    return Seen(method=method, path=path.partition("?")[0], headers=headers, body=body)


def _finish(peer: socket.socket, reply: Reply, body: bytes, stop: threading.Event) -> None:
    if reply.end == "reset":
        # Linger 0: close() sends RST instead of FIN.
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return
    if reply.end == "hang":
        stop.wait(60)
        return
    length = 10**9 if reply.end == "huge" else len(body) + (100 if reply.end in ("cut", "drip") else 0)
    lines = [f"HTTP/1.1 {reply.status} Played", f"Content-Length: {length}", "Connection: close"]
    names = {name.lower() for name in reply.headers}
    if "content-type" not in names:
        lines.append(f"Content-Type: {'application/json' if body.startswith(b'{') else 'text/plain'}")
    lines += [f"{name}: {value}" for name, value in reply.headers.items()]
    head = ("\r\n".join(lines) + "\r\n\r\n").encode()
    if reply.end == "drip_headers":
        _drip(peer, itertools.chain(head[:-2], itertools.cycle(b"X-More: 1\r\n")), stop)
        return
    peer.sendall(head)
    if reply.end == "drip":
        _drip(peer, itertools.cycle(b" "), stop)
    elif reply.end == "huge":
        chunk = b"x" * (1 << 20)
        for _ in range(1000):
            if stop.is_set():
                return
            peer.sendall(chunk)
    else:
        peer.sendall(body)


def _drip(peer: socket.socket, data: Iterable[int], stop: threading.Event) -> None:
    """One byte every 0.1 s: faster than any time-out per read, slower than any answer."""
    for byte in data:
        peer.sendall(bytes([byte]))
        if stop.wait(0.1):
            return
