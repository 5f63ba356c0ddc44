"""How is a mail handed to a server, and which failure does each of its replies stand for?

SMTP (RFC 5321) with STARTTLS (RFC 3207) or TLS from the start (RFC 8314) and a login (RFC 4954), by smtplib
over our own connection: smtplib's time-out is per read, and its errors quote what the server said. Of a reply
only the codes are repeated; its text may be an echo of anything.

A server may act on a mail only once the dot that ends it was sent (RFC 5321, 4.1.1.4). So whatever ends
before the mail's text begins is certainly not accepted, and whatever ends after that, without a reply, is
ambiguous.
"""

import errno
import os
import re
import smtplib
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NoReturn

from alerting import failpoint
from alerting.channel import DeliveryError, Failure
from alerting.connection import Line, Reach, converse

REPLY_LIMIT = 64 * 1024  # bytes of one reply
_ENHANCED = re.compile(rb"[245]\.\d{1,3}\.\d{1,3}(?= |$)")  # RFC 3463


class Security(StrEnum):
    """How the way to the server is protected; the value is the word in the config."""

    STARTTLS = "starttls"  # in clear until both agree; refused where the server does not offer it
    TLS = "tls"
    NONE = "none"  # a relay on the same machine


PORTS = {Security.STARTTLS: 587, Security.TLS: 465, Security.NONE: 25}


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    host: str
    port: int
    security: Security
    username: str = ""  # "": no login
    password: str = field(default="", repr=False)
    ca_file: str = ""  # certificates to trust; "": those of the system
    reach: Reach = field(default_factory=Reach)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a server said: 250, and 2.1.0 where it says more."""

    code: int  # -1: no reply of SMTP
    text: bytes = field(repr=False)

    def __str__(self) -> str:
        found = _ENHANCED.match(self.text)
        return f"{self.code} {found[0].decode()}" if found else str(self.code)

    @property
    def is_later(self) -> bool:
        """4yz: not now, the same may pass later."""
        return 400 <= self.code < 500


def submit(
    mail: bytes,
    *,
    sender: str,
    recipients: Sequence[str],
    server: MailServer,
    deadline_s: float,
    patient: bool = True,
) -> tuple[str, ...]:
    """Hand it over once. The recipients that the server refused, of several; DeliveryError when it took none.

    `patient`: a recipient that is only put off holds up the others; else they get it without that one.
    """
    return converse(
        lambda line: _talk(line, mail, sender, recipients, server, patient=patient),
        host=server.host,
        deadline_s=deadline_s,
    )


def _talk(
    line: Line, mail: bytes, sender: str, recipients: Sequence[str], server: MailServer, *, patient: bool
) -> tuple[str, ...]:
    session = _greet(line, server)
    try:
        _log_in(session, server)
        _expect(_said(session.mail(sender)), 250, "the sender", Failure.CHANNEL_BROKEN)
        refused = _name(session, recipients, server, patient=patient)
        _expect(_said(session.docmd("DATA")), 354, "a mail", Failure.CHANNEL_BROKEN)
        line.begin_writing()
        session.send(_stuffed(mail))
        failpoint.hit("after_bytes_written")
        reply = _said(session.getreply())
        if not 200 <= reply.code < 600:
            raise DeliveryError(Failure.AMBIGUOUS, f"{server.host} gave no reply of SMTP to the mail")
        _expect(reply, 250, "the content of the mail", Failure.PAYLOAD)
        session.leave()
        return refused
    finally:
        session.close()


def _greet(line: Line, server: MailServer) -> "_Session":
    sock = line.open(server.host, server.port, server.reach)
    try:
        if server.security is Security.TLS:
            sock = _context(server).wrap_socket(sock, server_hostname=server.host)
        session = _Session(sock, server.host)
    except BaseException:
        sock.close()
        raise
    try:
        _expect(_said(session.getreply()), 220, "us", Failure.CHANNEL_BROKEN)
        _hello(session)
        if server.security is Security.STARTTLS:
            if not session.has_extn("starttls"):
                _break("offers no STARTTLS", 'a server that speaks TLS at once needs security = "tls"')
            reply = _said(session.docmd("STARTTLS"))
            _expect(reply, 220, "STARTTLS", Failure.CHANNEL_BROKEN)
            session.secure(_context(server))
            _hello(session)
    except BaseException:
        session.close()
        raise
    return session


def _hello(session: "_Session") -> None:
    reply = _said(session.ehlo())
    if reply.code != 250:
        reply = _said(session.helo())
    _expect(reply, 250, "our greeting", Failure.CHANNEL_BROKEN)


def _log_in(session: "_Session", server: MailServer) -> None:
    if not server.username:
        return
    if not session.has_extn("auth"):
        _break("offers no login", "leave username and password out, or check security and port")
    try:
        session.login(server.username, server.password)
    except smtplib.SMTPAuthenticationError as error:
        text = error.smtp_error if isinstance(error.smtp_error, bytes) else b""
        _expect(Reply(code=error.smtp_code, text=text), 235, "the login", Failure.CHANNEL_BROKEN)
    except (smtplib.SMTPException, ValueError):
        # Nothing of ours in its list, or a challenge that cannot be read.
        _break("offers no login that we know", "PLAIN, LOGIN and CRAM-MD5 are known")


def _name(
    session: "_Session", recipients: Sequence[str], server: MailServer, *, patient: bool
) -> tuple[str, ...]:
    """Say whom it is for; the refused ones. All refused: it is the channel's trouble, not the mail's."""
    refused: list[str] = []
    later = True
    for recipient in recipients:
        reply = _said(session.rcpt(recipient))
        if reply.code in (250, 251, 252):
            continue
        if reply.code < 400 or (reply.is_later and patient):
            _refuse(reply, f"the recipient {recipient}", Failure.CHANNEL_BROKEN)
        later = later and reply.is_later
        refused.append(f"{recipient} ({reply})")
    if len(refused) == len(recipients):
        failure = Failure.TRANSIENT if later else Failure.CHANNEL_BROKEN
        said = ", ".join(refused[:3])
        raise DeliveryError(failure, f"{server.host} refused every recipient: {said}; check `to`")
    return tuple(refused)


def _said(answer: tuple[int, bytes]) -> Reply:
    code, text = answer
    return Reply(code=code, text=text)


def _expect(reply: Reply, code: int, what: str, refused: Failure) -> None:
    if reply.code != code and not (code == 250 and 200 <= reply.code < 300):
        _refuse(reply, what, refused)


def _refuse(reply: Reply, what: str, refused: Failure) -> NoReturn:
    """4yz later, 5yz never (RFC 5321, 4.2.1); anything else is not SMTP, or not where we are."""
    if 500 <= reply.code < 600:
        # 552 at MAIL and RCPT is about the size, 530 and 535 about the login, whatever was asked for.
        if reply.code == 552:
            refused = Failure.PAYLOAD
        elif reply.code in (530, 534, 535, 538):
            refused = Failure.CHANNEL_BROKEN
        remedy = "" if refused is Failure.PAYLOAD else "; check host, login, sender and recipients"
        raise DeliveryError(refused, f"the mail server refused {what}: SMTP {reply}{remedy}")
    if reply.is_later:
        raise DeliveryError(Failure.TRANSIENT, f"the mail server put {what} off: SMTP {reply}")
    raise DeliveryError(Failure.TRANSIENT, f"something that is not a mail server answered to {what}: {reply}")


def _break(what: str, remedy: str) -> NoReturn:
    raise DeliveryError(Failure.CHANNEL_BROKEN, f"the mail server {what}; {remedy}")


def _stuffed(mail: bytes) -> bytes:
    """A line that begins with a dot gets another; the mail ends with a dot of its own (4.5.2)."""
    return re.sub(rb"(?m)^\.", b"..", mail.removesuffix(b"\r\n")) + b"\r\n.\r\n"


def _context(server: MailServer) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=server.ca_file or None)


class _Session(smtplib.SMTP):
    """smtplib's commands over a connection that is given; replies are bounded, errors left as they are."""

    def __init__(self, sock: socket.socket, host: str) -> None:
        # A name given: the default asks the resolver, which may take longer than we have.
        super().__init__(local_hostname=_own_name())
        self.sock: Any = sock
        self.file: Any = None
        self._host = host

    def secure(self, context: ssl.SSLContext) -> None:
        """After the reply to STARTTLS. What was read in clear beyond it is thrown away (RFC 3207, 6)."""
        self.sock = context.wrap_socket(self.sock, server_hostname=self._host)
        if self.file is not None:
            self.file.close()
        self.file = None
        self.helo_resp = self.ehlo_resp = None
        self.esmtp_features = {}
        self.does_esmtp = False

    def send(self, s: Any) -> None:
        self.sock.sendall(s.encode(self.command_encoding) if isinstance(s, str) else s)

    def getreply(self) -> tuple[int, bytes]:
        """One reply, however many lines it has (RFC 5321, 4.2)."""
        if self.file is None:
            self.file = self.sock.makefile("rb")
        lines: list[bytes] = []
        left = REPLY_LIMIT
        while True:
            line = self.file.readline(left + 1)
            left -= len(line)
            if not line:
                raise ConnectionResetError(errno.ECONNRESET, "connection closed by the server")
            if left < 0 or not re.match(rb"\d{3}([ -]|\r?\n)", line):
                return -1, b"no reply of SMTP"  # smtplib takes "" after EHLO for a closed connection
            lines.append(line[4:].strip(b" \t\r\n"))
            if line[3:4] != b"-":
                return int(line[:3]), b"\n".join(lines)

    def leave(self) -> None:
        """Say good-bye and do not wait for an answer: the mail is theirs."""
        try:
            self.putcmd("quit")
        except OSError:
            return


def _own_name() -> str:
    """What we are called in a greeting: a full name, or the address literal that stands for none (4.1.3)."""
    name = os.uname().nodename
    return name if re.fullmatch(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+", name) else "[127.0.0.1]"
