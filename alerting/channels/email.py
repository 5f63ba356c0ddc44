"""Channel `email`: a mail by SMTP, in text and HTML; what belongs together is a thread.

The message id comes from the notification's key, so a mail that goes out twice is the same mail to every
server and program that knows ids. Mails cannot be edited: what changes is a reply in the thread.
"""

import json
import logging
import ssl
from dataclasses import dataclass, field
from email.errors import MessageError
from email.headerregistry import Address
from email.policy import SMTP
from typing import ClassVar

from alerting.channel import Receipt
from alerting.connection import Reach, check_host
from alerting.letter import Envelope, letter, message_id
from alerting.message import Message
from alerting.notification import Notification
from alerting.submission import PORTS, MailServer, Security, submit

_log = logging.getLogger(__name__)

MOST_RECIPIENTS = 50  # RFC 5321, 4.5.3.1.8, lets a server stop at 100; a list has an address of its own
_PATIENCE = 3  # attempts for which a recipient that is put off holds up the others: twenty seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailChannel:
    """Without `username` there is no login. A login never goes over a line in clear."""

    host: str  # of the mail server
    sender: str  # "leeway@example.com" or "Leeway <leeway@example.com>"
    to: tuple[str, ...]
    port: int = 0  # 0: 587 for starttls, 465 for tls, 25 for none
    security: Security = Security.STARTTLS
    username: str = ""
    password: str = field(default="", repr=False)
    ca_file: str = ""  # certificates to trust instead of the system's
    allow_private: bool = False  # loopback, link-local and private addresses
    allowed_hosts: tuple[str, ...] = ()  # globs; empty: every host
    deadline_s: float = 20.0  # of one attempt, by the wall clock

    threads: ClassVar[bool] = True
    edits: ClassVar[bool] = False
    # A request means a person with a mailbox: the same mail twice does no harm.
    idempotent: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Refuse at once what could never be sent. ValueError, without the password."""
        if not self.host or not self.host.isascii() or any(c in self.host for c in " /@:\r\n"):
            raise ValueError('host: must be the name of a mail server, such as "smtp.example.com"')
        check = {"host": self.host, "sender": self.sender, "username": self.username}
        for name, value in (*check.items(), ("password", self.password)):
            if name != "sender" and not (value.isascii() and (value == "" or value.isprintable())):
                raise ValueError(f"{name}: must hold printable ASCII characters alone")
        if not 0 <= self.port <= 65535:
            raise ValueError("port: must be between 1 and 65535, or 0 for the usual one")
        if bool(self.username) != bool(self.password):
            raise ValueError("username: needs a password (password_env or password_file), and the other way")
        if self.username and self.security is Security.NONE:
            raise ValueError('security: must be "starttls" or "tls" where there is a login')
        if not 1 <= len(self.to) <= MOST_RECIPIENTS:
            raise ValueError(f"to: must name 1 to {MOST_RECIPIENTS} addresses")
        _address("sender", self.sender)
        for each in self.to:
            _address("to", each)
        try:
            check_host(self.host, self.allowed_hosts)
        except ValueError as error:
            raise ValueError(f"host: {error}") from None
        if self.ca_file:
            try:
                ssl.create_default_context(cafile=self.ca_file)
            except (OSError, ssl.SSLError):
                raise ValueError("ca_file: cannot be read as certificates in PEM form") from None

    def send(self, notification: Notification, message: Message) -> Receipt:
        """Hand the mail over; the receipt is its id, on which replies hang."""
        sender = _address("sender", self.sender)
        recipients = [_address("to", each) for each in self.to]
        if notification.uncertain:
            message = message.as_possible_repeat()
        id_ = message_id(notification.key, sender.domain)
        mail = letter(
            message,
            Envelope(
                sender=sender,
                recipients=recipients,
                message_id=id_,
                thread=notification.root.get("message_id", ""),
                at=message.at,
                urgent=notification.facts.get("severity") == "page",
            ),
            html=not notification.plain,
        )
        refused = submit(
            mail,
            sender=sender.addr_spec,
            recipients=[each.addr_spec for each in recipients],
            server=MailServer(
                host=self.host,
                port=self.port or PORTS[self.security],
                security=self.security,
                username=self.username,
                password=self.password,
                ca_file=self.ca_file,
                reach=Reach(hosts=self.allowed_hosts, private=self.allow_private),
            ),
            deadline_s=self.deadline_s,
            patient=notification.attempt <= _PATIENCE,
        )
        if refused:
            _log.error(
                "notification.recipient_refused channel=%s key=%s refused=%s",
                notification.channel,
                notification.key,
                json.dumps(", ".join(refused)),  # one quoted field
            )
        # The thread's first mail is what replies name, also once there are many.
        return Receipt(reference={"message_id": id_} | ({"refused": ", ".join(refused)} if refused else {}))


def _address(name: str, text: str) -> Address:
    """One address, with or without a name before it. ValueError for what is none or holds a line break."""
    wrong = ValueError(f'{name}: must be an address such as "oncall@example.com", got {text!r}')
    if not text.isprintable():
        raise wrong
    try:
        header = SMTP.header_factory("from", text)
        (address,) = header.addresses
    except (ValueError, MessageError, IndexError):
        raise wrong from None
    if header.defects or not address.username or "." not in f"{address.domain}." or not address.domain:
        raise wrong
    if not address.addr_spec.isascii():
        raise ValueError(f"{name}: must be an ASCII address, got {text!r}")
    return Address(display_name=address.display_name, addr_spec=address.addr_spec)
