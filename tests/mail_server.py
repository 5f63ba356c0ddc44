"""A mail server on 127.0.0.1: aiosmtpd, with what it says and how it ends scripted per step.

Every mail it *accepts* is kept before a byte of its reply leaves: the ground truth, whatever the client
believed.
"""

import asyncio
import itertools
import logging
import socket
import ssl
import struct
from collections import defaultdict, deque
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from types import TracebackType
from typing import Any, Literal, Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

logging.getLogger("mail.log").setLevel(logging.CRITICAL)  # aiosmtpd writes down what it is told

End = Literal["reply", "reset", "hang", "drip", "huge"]
Step = Literal["connect", "ehlo", "starttls", "auth", "mail", "rcpt", "data", "content"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """What happens at a step. `accept`: whether a mail at "content" counts as delivered."""

    reply: str = ""  # "" what a server that is content says
    end: End = "reply"
    accept: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """One accepted mail."""

    sender: str
    recipients: tuple[str, ...]
    raw: bytes

    @property
    def mail(self) -> EmailMessage:
        parsed = message_from_bytes(self.raw, policy=default)
        assert isinstance(parsed, EmailMessage)
        return parsed

    def text(self, kind: str = "plain") -> str:
        part = self.mail.get_body((kind,))
        assert part is not None
        return str(part.get_content())


class MailServer:
    """Use as a context manager. `tls`: encrypted from the start; `starttls`: offered; `login`: asked for."""

    def __init__(
        self,
        *,
        tls: ssl.SSLContext | None = None,
        starttls: ssl.SSLContext | None = None,
        login: tuple[str, str] | None = None,
    ) -> None:
        self.delivered: list[Delivered] = []
        self.steps: list[str] = []  # what was reached, in order, over all connections
        self.logins: list[bool] = []
        self.transports: list[asyncio.WriteTransport] = []
        self._login = login
        self._script: dict[str, deque[Act]] = defaultdict(deque)
        self._always: dict[str, Act] = {}
        options: dict[str, Any] = {"enable_SMTPUTF8": False}
        if starttls is not None:
            options |= {"tls_context": starttls}
        if login is not None:
            options |= {"authenticator": self._authenticate, "auth_required": True}
            options |= {"auth_require_tls": starttls is not None}
        self._controller = _Controller(self, options, ssl_context=tls)

    def __enter__(self) -> Self:
        self._controller.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._controller.server is None:  # stopped already
            return
        asyncio.run_coroutine_threadsafe(self._end_all(), self._controller.loop).result(5)
        self._controller.stop()

    async def _end_all(self) -> None:
        """What still hangs or drips ends, and leaves no open socket behind."""
        for transport in self.transports:
            transport.abort()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)  # the transports close their sockets in the loop's next turn

    @property
    def port(self) -> int:
        server = self._controller.server
        assert isinstance(server, asyncio.Server)
        return int(server.sockets[0].getsockname()[1])

    def script(self, step: Step, *acts: Act) -> None:
        """The next times this step is reached."""
        self._script[step].extend(acts)

    def always(self, step: Step, act: Act) -> None:
        """Each time this step is reached and no script covers it."""
        self._always[step] = act

    def take(self, step: Step) -> Act | None:
        self.steps.append(step)
        planned = self._script[step]
        return planned.popleft() if planned else self._always.get(step)

    def keep(self, envelope: Envelope) -> None:
        content = envelope.content
        assert isinstance(content, bytes)
        self.delivered.append(
            Delivered(sender=envelope.mail_from or "", recipients=tuple(envelope.rcpt_tos), raw=content)
        )

    def _authenticate(self, server: SMTP, session: Session, envelope: Envelope, way: str, data: Any) -> Any:
        act = self.take("auth")
        if act is not None and act.reply:
            return AuthResult(success=False, handled=True, message=act.reply)
        assert isinstance(data, LoginPassword)
        good = self._login == (data.login.decode(), data.password.decode())
        self.logins.append(good)
        return AuthResult(success=good, handled=False)


class _Controller(Controller):
    def __init__(
        self, box: MailServer, options: dict[str, Any], *, ssl_context: ssl.SSLContext | None
    ) -> None:
        self._box, self._options = box, options
        super().__init__(_Keeper(box), hostname="127.0.0.1", port=0, ssl_context=ssl_context)

    def factory(self) -> SMTP:
        return _Played(self._box, self.handler, hostname="loopback.test", **self._options)

    def _trigger_server(self) -> None:
        """The base class connects once to see whether it runs: to the port that 0 became."""
        self.port = self._box.port
        super()._trigger_server()  # type: ignore[no-untyped-call]
        self._box.steps.clear()


class _Keeper:
    def __init__(self, box: MailServer) -> None:
        self._box = box

    async def handle_DATA(self, server: "_Played", session: Session, envelope: Envelope) -> str:
        act = self._box.take("content")
        if act is None or act.accept:
            self._box.keep(envelope)
        if act is not None:
            if act.end != "reply":
                await server.finish(act.end)
            if act.reply:
                return act.reply
        return "250 2.0.0 taken"


class _Played(SMTP):
    """aiosmtpd's server, which first looks into the script."""

    def __init__(self, box: MailServer, *args: Any, **options: Any) -> None:
        self._box = box
        self._greeted = False
        super().__init__(*args, **options)

    def connection_made(self, transport: Any) -> None:
        self._box.transports.append(transport)
        super().connection_made(transport)

    async def push(self, status: Any) -> None:
        if not self._greeted:
            self._greeted = True
            if await self._played("connect"):
                return
        await super().push(status)

    async def smtp_EHLO(self, hostname: str) -> None:
        if not await self._played("ehlo"):
            await super().smtp_EHLO(hostname)

    async def smtp_HELO(self, hostname: str) -> None:
        if not await self._played("ehlo"):
            await super().smtp_HELO(hostname)

    async def smtp_STARTTLS(self, arg: str) -> None:
        if not await self._played("starttls"):
            await super().smtp_STARTTLS(arg)

    async def smtp_MAIL(self, arg: str) -> None:
        if not await self._played("mail"):
            await super().smtp_MAIL(arg)

    async def smtp_RCPT(self, arg: str) -> None:
        if not await self._played("rcpt"):
            await super().smtp_RCPT(arg)

    async def smtp_DATA(self, arg: str) -> None:
        if not await self._played("data"):
            await super().smtp_DATA(arg)

    async def _played(self, step: Step) -> bool:
        act = self._box.take(step)
        if act is None:
            return False
        if act.end != "reply":
            await self.finish(act.end)
        elif act.reply:
            await super().push(act.reply)
            return True
        return act.end != "reply"

    async def finish(self, end: End) -> None:
        transport = self.transport
        assert isinstance(transport, asyncio.WriteTransport)
        if end == "hang":
            await asyncio.sleep(60)
        elif end == "reset":
            sock: socket.socket = transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            transport.abort()
            await asyncio.sleep(0.05)
        else:  # a reply of ever more lines: slowly, or as fast as it can be taken
            data = b"250-more\r\n"
            chunks = (bytes([byte]) for byte in itertools.cycle(data)) if end == "drip" else [data * 200_000]
            for chunk in chunks:
                if transport.is_closing():
                    return
                transport.write(chunk)
                await asyncio.sleep(0.1 if end == "drip" else 0)
            await asyncio.sleep(60)
