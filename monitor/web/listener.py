"""How does the HTTP listener live inside the daemon? On a thread of its own, watched like the others.

It holds nothing that others wait for: a report is one short transaction, and rows have files of their own. A
port that is taken is said before anything else starts.
"""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Iterator

import uvicorn
from litestar.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from monitor.config import WebConfig
from monitor.exits import CommandError, Exit
from monitor.faults import Faults
from monitor.logs import logger
from monitor.runtime import InForce
from monitor.web.app import BODY_LIMIT, build_app
from monitor.web.inboxes import Inboxes
from monitor.web.tokens import read_tokens

CONNECTIONS = 64  # at once; more are answered 503
ANSWER_WITHIN_S = 30.0  # a request that does not come, or not whole, is given up
STOP_WITHIN_S = 5.0  # what is being answered when the daemon ends


class Listener:
    """Bound when it is made; answers between `start` and `stop`."""

    def __init__(
        self,
        config: WebConfig,
        in_force: InForce,
        *,
        faults: Faults | None = None,
        answer_within_s: float = ANSWER_WITHIN_S,
    ) -> None:
        app = build_app(in_force, read_tokens(config))
        self._socket = _bound(config)
        self.host, self.port = self._socket.getsockname()[:2]
        self._server = _Server(
            uvicorn.Config(
                _bounded(app, answer_within_s),
                log_config=None,
                access_log=False,
                lifespan="off",
                loop="asyncio",
                http=_impatient(answer_within_s),
                ws="none",
                server_header=False,
                proxy_headers=False,
                limit_concurrency=CONNECTIONS,
                timeout_keep_alive=5,
                timeout_graceful_shutdown=int(STOP_WITHIN_S),
                h11_max_incomplete_event_size=BODY_LIMIT,
            )
        )
        faults = faults or Faults(monotonic=in_force.runtime.clock.monotonic)
        self._inboxes = Inboxes(in_force, faults) if config.takes_rows else None
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, name="web", daemon=True
        )

    def start(self) -> None:
        self._thread.start()
        if self._inboxes is not None:
            self._inboxes.start()
        logger().info("web.started", host=self.host, port=self.port)

    def stop(self) -> threading.Thread:
        """Answer what was asked, take nothing new; the thread that ends by it."""
        self._server.should_exit = True
        if self._inboxes is not None:
            self._inboxes.stop()
        return self._thread

    @property
    def is_alive(self) -> bool:
        return self._thread.is_alive()


class _Server(uvicorn.Server):
    """Signals are the daemon's."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _impatient(within_s: float) -> type[H11Protocol]:
    """uvicorn's, which hangs up on whoever does not ask: it waits for the head of a first request for ever,
    and for the rest of one that was begun, and each that waits takes one of the places."""

    class Impatient(H11Protocol):
        _waits: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as theirs
            super().connection_made(transport)
            self._wait()

        def on_response_complete(self) -> None:
            self._wait()
            super().on_response_complete()

        def connection_lost(self, exc: Exception | None) -> None:
            if self._waits is not None:
                self._waits.cancel()
            super().connection_lost(exc)

        def _wait(self) -> None:
            if self._waits is not None:
                self._waits.cancel()
            self._waits = self.loop.call_later(within_s, self._hang_up)

        def _hang_up(self) -> None:
            cycle = getattr(self, "cycle", None)  # None before the first request, which their types leave out
            if cycle is None or cycle.response_complete:  # else `_bounded` looks after it
                self.transport.abort()  # without waiting for whoever does not read either

    return Impatient


def _bound(config: WebConfig) -> socket.socket:
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    try:
        return socket.create_server((config.host, config.port), family=family, backlog=CONNECTIONS)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise CommandError(
            f"web: cannot listen on {config.host} port {config.port}: {reason}; change web.host or web.port",
            code=Exit.UNAVAILABLE,
        ) from error


def _bounded(app: ASGIApp, within_s: float) -> ASGIApp:
    """The same application, which gives up whoever keeps it waiting."""

    async def bounded(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await asyncio.wait_for(app(scope, receive, send), within_s)
        except TimeoutError:
            logger().warning("web.given_up", path=str(scope.get("path", ""))[:80])

    return bounded
