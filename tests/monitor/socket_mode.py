"""A server on 127.0.0.1 that plays Slack's Socket Mode: greets, says what it is told, keeps what it hears.

`Loopback` plays the rest of Slack; it names this server's address when it is asked for one.
"""

import contextlib
import json
import queue
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import Server, ServerConnection, serve

from tests.loopback import Loopback, Reply

PATIENCE_S = 20.0  # a busy machine
HELLO = {"type": "hello", "num_connections": 1, "connection_info": {"app_id": "A1"}}


class SocketMode:
    """Each connection is greeted, then given what is in `to_say`; what comes in is in `heard`."""

    def __init__(self, slack: Loopback, *, greets: bool = True) -> None:
        self.heard: queue.Queue[dict[str, Any]] = queue.Queue()
        self.opened: queue.Queue[ServerConnection] = queue.Queue()
        self.connections = 0
        self._greets = greets
        self._server: Server = serve(
            self._talk, "127.0.0.1", 0, ping_interval=None, close_timeout=1, compression=None
        )
        self.port: int = self._server.socket.getsockname()[1]
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        name_address(slack, self.url)

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/link/?ticket=CANARY-ticket"

    def __enter__(self) -> "SocketMode":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        while True:
            with contextlib.suppress(queue.Empty):
                self.opened.get_nowait().close()
                continue
            break
        self._server.shutdown()
        self._thread.join(PATIENCE_S)

    def connection(self) -> ServerConnection:
        """The next one that was opened."""
        return self.opened.get(timeout=PATIENCE_S)

    def acknowledged(self) -> str:
        """The next envelope's id that was acknowledged."""
        return str(self.heard.get(timeout=PATIENCE_S)["envelope_id"])

    def _talk(self, connection: ServerConnection) -> None:
        self.connections += 1
        with contextlib.suppress(ConnectionClosed):
            if self._greets:
                say(connection, HELLO)
            self.opened.put(connection)
            for text in connection:
                self.heard.put(json.loads(text))


def say(connection: ServerConnection, message: Mapping[str, Any]) -> None:
    connection.send(json.dumps(message))


def name_address(slack: Loopback, url: str) -> None:
    """What apps.connections.open answers."""
    body = json.dumps({"ok": True, "url": url}).encode()
    slack.always("/api/apps.connections.open", Reply(body=body, accept=False))


@contextlib.contextmanager
def raw_server(talk: Callable[[socket.socket], None]) -> Iterator[str]:
    """One that speaks no protocol but what `talk` writes; its ws:// address."""
    listener = socket.create_server(("127.0.0.1", 0))
    peers: list[socket.socket] = []

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                peer, _ = listener.accept()
                peers.append(peer)
                threading.Thread(target=_quietly, args=(talk, peer), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield f"ws://127.0.0.1:{listener.getsockname()[1]}/link/?ticket=CANARY-ticket"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for peer in peers:
            peer.close()
        thread.join(PATIENCE_S)


def _quietly(talk: Callable[[socket.socket], None], peer: socket.socket) -> None:
    with contextlib.suppress(OSError):
        talk(peer)
