"""Mails to a real SMTP server, with and without TLS, and what each of its replies means."""

import logging
import ssl
import time
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from alerting.channel import DeliveryError, Failure, Receipt
from alerting.channels.email import EmailChannel
from alerting.message import word
from alerting.notification import Action, Notification
from alerting.submission import Security
from tests.alerting.outbox_rows import CARRIER, DISTANCE, NOW, facts, notification
from tests.certificates import self_signed
from tests.mail_server import Act, MailServer
from tests.patience import within

PASSWORD = "CANARY-mail-password"


@pytest.fixture
def mailbox() -> Iterator[MailServer]:
    """A relay on the same machine: no TLS, no login."""
    with MailServer() as running:
        yield running


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ssl.SSLContext]:
    return self_signed(tmp_path_factory.mktemp("tls"))


def email(server: MailServer, **options: Any) -> EmailChannel:
    given = {
        "host": "127.0.0.1",
        "port": server.port,
        "security": Security.NONE,
        "sender": "Leeway <leeway@example.com>",
        "to": ("ada@example.com",),
        "allow_private": True,
        "deadline_s": 5.0,
    }
    return EmailChannel(**{**given, **options})


def send(channel: EmailChannel, row: Notification) -> Receipt:
    return channel.send(row, word(row, NOW))


def failure(channel: EmailChannel, row: Notification | None = None) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        send(channel, row or notification())
    return caught.value


def test_a_mail_in_text_and_html(mailbox: MailServer) -> None:
    """Both parts say the same; the runbook is a link, and the only one."""
    send(email(mailbox), notification(facts=facts(DISTANCE, CARRIER)))
    (sent,) = mailbox.delivered
    assert sent.mail["Subject"] == "🔴 delays: distance looks like ×1.609 (miles → kilometres), and 1 more"
    assert sent.mail["From"] == "Leeway <leeway@example.com>"
    assert sent.mail["Auto-Submitted"] == "auto-generated"
    assert sent.mail["Importance"] == "high"
    for kind in ("plain", "html"):
        assert "new value ZZ in 4.1 % of rows" in sent.text(kind)
        assert "leeway incidents show d15a" in sent.text(kind)
    assert sent.text("html").count("<a href=") == 1
    assert '<a href="https://wiki.example.com/delays">Runbook</a>' in sent.text("html")
    assert sent.raw.isascii()
    assert max(map(len, sent.raw.split(b"\r\n"))) <= 998  # RFC 5322, 2.1.1


def test_the_message_id_is_the_keys(mailbox: MailServer) -> None:
    """A mail that goes out twice is one mail, and says of itself that it may be a repeat."""
    first = send(email(mailbox), notification())
    again = send(email(mailbox), notification(attempt=2, uncertain=True))
    assert first == again
    one, two = (each.mail for each in mailbox.delivered)
    assert one["Message-ID"] == two["Message-ID"] == first.reference["message_id"]
    assert str(two["Subject"]).startswith("(possible repeat) 🔴")


def test_replies_hang_on_the_threads_first_mail(mailbox: MailServer) -> None:
    """By References and In-Reply-To; each reply has an id of its own."""
    channel = email(mailbox)
    root = send(channel, notification()).reference
    for n in (1, 2):
        send(channel, notification(key=f"reply {n}", action=Action.REPLY, reason="repeat", root=root))
    _, one, two = (each.mail for each in mailbox.delivered)
    assert one["References"] == two["References"] == one["In-Reply-To"] == root["message_id"]
    assert len({each.mail["Message-ID"] for each in mailbox.delivered}) == 3


def test_a_plain_mail_has_no_html(mailbox: MailServer) -> None:
    """What a server refused with HTML is tried without."""
    send(email(mailbox), notification(plain=True))
    assert mailbox.delivered[0].mail.get_body(("html",)) is None


@pytest.mark.parametrize("security", [Security.STARTTLS, Security.TLS])
def test_tls_and_login(security: Security, certificate: tuple[Path, ssl.SSLContext]) -> None:
    """Both ways, with a certificate that the config trusts."""
    public, context = certificate
    tls: dict[str, Any] = {"tls" if security is Security.TLS else "starttls": context}
    login = {"username": "leeway", "password": PASSWORD}
    with MailServer(login=("leeway", PASSWORD) if security is Security.STARTTLS else None, **tls) as server:
        given = login if security is Security.STARTTLS else {}
        send(email(server, security=security, ca_file=str(public), **given), notification())
        assert len(server.delivered) == 1
        assert server.logins == ([True] if given else [])


def test_a_wrong_password_breaks_the_channel(certificate: tuple[Path, ssl.SSLContext]) -> None:
    """A person must act; nothing was sent."""
    public, context = certificate
    with MailServer(starttls=context, login=("leeway", "another")) as server:
        failed = failure(
            email(
                server,
                security=Security.STARTTLS,
                ca_file=str(public),
                username="leeway",
                password=PASSWORD,
            )
        )
        assert (failed.failure, server.delivered) == (Failure.CHANNEL_BROKEN, [])
        assert "535" in failed.reason


@pytest.mark.parametrize("security", [Security.STARTTLS, Security.TLS])
def test_a_certificate_nobody_knows_is_not_trusted(
    security: Security, certificate: tuple[Path, ssl.SSLContext]
) -> None:
    """No login and no mail goes to whoever stands in between."""
    _, context = certificate
    tls: dict[str, Any] = {"tls" if security is Security.TLS else "starttls": context}
    with MailServer(**tls) as server:
        failed = failure(email(server, security=security))
        assert failed.failure is Failure.TRANSIENT
        assert "certificate not trusted" in failed.reason
        assert "mail" not in server.steps


def test_a_server_without_starttls_gets_nothing(mailbox: MailServer) -> None:
    """Who strips the offer on the way does not get the mail in clear."""
    failed = failure(email(mailbox, security=Security.STARTTLS))
    assert (failed.failure, "mail" in mailbox.steps) == (Failure.CHANNEL_BROKEN, False)
    assert 'security = "tls"' in failed.reason


T, A, B, P = Failure.TRANSIENT, Failure.AMBIGUOUS, Failure.CHANNEL_BROKEN, Failure.PAYLOAD
REPLIES: list[tuple[Any, str, Failure]] = [
    *(("connect", f"{code} no", T) for code in (421, 450, 200, 999)),
    *(("connect", f"{code} no", B) for code in (521, 554)),
    ("connect", "HTTP/1.1 400 Bad Request", T),
    *(("ehlo", f"{code} no", B) for code in (501, 502, 504, 550)),
    ("ehlo", "421 4.3.2 shutting down", T),
    *(("mail", f"{code} no", T) for code in (421, 450, 451, 452, 455)),
    *(("mail", f"{code} no", B) for code in (501, 503, 530, 550, 553, 555)),
    ("mail", "552 5.3.4 too large", P),
    *(("rcpt", f"{code} no", T) for code in (421, 450, 451, 452, 354)),
    *(("rcpt", f"{code} no", B) for code in (500, 550, 551, 553)),
    *(("data", f"{code} no", T) for code in (421, 451, 250)),
    *(("data", f"{code} no", B) for code in (503, 554, 530)),
    *(("content", f"{code} no", T) for code in (421, 450, 451, 452)),
    *(("content", f"{code} no", P) for code in (550, 552, 554, 571)),
    *(("content", f"{code} no", B) for code in (530, 535)),
    ("content", "hello", A),
    ("content", "354 go on", T),
]


@pytest.mark.parametrize(("step", "reply", "expected"), REPLIES)
def test_every_reply_has_its_class(step: Any, reply: str, expected: Failure, mailbox: MailServer) -> None:
    """T7: by the step it answers and its first digit; only after the mail itself may it have been taken."""
    mailbox.always(step, Act(reply=reply, accept=False))
    failed = failure(email(mailbox))
    assert failed.failure is expected
    assert mailbox.delivered == []
    if reply[:3].isdigit() and expected is not A:
        assert reply[:3] in failed.reason


def test_one_bad_recipient_does_not_keep_the_others_waiting(
    mailbox: MailServer, caplog: pytest.LogCaptureFixture
) -> None:
    """They get it; the log and the receipt name who did not."""
    mailbox.script("rcpt", Act(reply="550 5.1.1 nobody here"))
    receipt = send(email(mailbox, to=("gone@example.com", "ada@example.com")), notification())
    assert mailbox.delivered[0].recipients == ("ada@example.com",)
    assert receipt.reference["refused"] == "gone@example.com (550 5.1.1)"
    assert "notification.recipient_refused" in caplog.text


@pytest.mark.parametrize(("attempt", "expected"), [(3, []), (4, [("ada@example.com",)])])
def test_a_recipient_that_is_put_off_holds_up_the_others_briefly(
    attempt: int, expected: list[tuple[str, ...]], mailbox: MailServer
) -> None:
    """Grey-listing passes in a minute; after the third attempt the others are told without that one."""
    mailbox.script("rcpt", Act(reply="450 4.2.0 later"))
    channel, row = email(mailbox, to=("busy@example.com", "ada@example.com")), notification(attempt=attempt)
    if expected:
        send(channel, row)
    else:
        assert failure(channel, row).failure is T
    assert [each.recipients for each in mailbox.delivered] == expected


@pytest.mark.parametrize("step", ["connect", "ehlo", "mail", "rcpt", "data"])
@pytest.mark.parametrize("end", ["reset", "hang", "drip", "huge"])
def test_what_ends_before_the_mail_is_certainly_not_accepted(
    step: Any, end: Any, mailbox: MailServer
) -> None:
    """RFC 5321, 4.1.1.4; and T9: by the wall clock, whatever drips in."""
    mailbox.always(step, Act(end=end))
    began = time.monotonic()
    assert failure(email(mailbox, deadline_s=0.5)).failure is T
    assert time.monotonic() - began < 0.5 + within(1.0)


def test_a_reply_without_end_is_not_kept(mailbox: MailServer) -> None:
    """T9: 64 kB of it; more is no reply of SMTP, and known at once, not at the deadline."""
    mailbox.always("ehlo", Act(end="huge"))
    failed = failure(email(mailbox, deadline_s=20.0))
    assert "not a mail server" in failed.reason


@pytest.mark.parametrize("end", ["reset", "hang", "drip"])
def test_what_ends_after_the_mail_is_ambiguous(end: Any, mailbox: MailServer) -> None:
    """T4: it was accepted once, and we do not know."""
    mailbox.script("content", Act(end=end))
    assert failure(email(mailbox, deadline_s=0.5)).failure is A
    assert len(mailbox.delivered) == 1


def test_nobody_listens(mailbox: MailServer) -> None:
    """Certainly not accepted."""
    channel = email(mailbox)
    mailbox.__exit__(None, None, None)
    assert failure(channel).failure is T


def test_private_addresses_are_not_connected_to(mailbox: MailServer) -> None:
    """T29: unless allow_private says so; the resolved address counts."""
    for host in ("127.0.0.1", "localhost"):
        failed = failure(email(mailbox, host=host, allow_private=False))
        assert failed.failure is Failure.CHANNEL_BROKEN
        assert "allow_private" in failed.reason
    assert mailbox.steps == []


HOSTILE = "x\r\nBcc: eve@example.com\r\n\r\n.\r\nMAIL FROM:<eve@example.com>"


def test_no_header_and_no_command_is_made_from_data(mailbox: MailServer) -> None:
    """Line breaks in names, titles, owners and keys stay text."""
    line = {**DISTANCE, "column": HOSTILE, "title": HOSTILE, "acknowledged_by": HOSTILE}
    row = notification(key=HOSTILE, facts=facts(line, model=HOSTILE), last_failure=HOSTILE)
    send(email(mailbox), row)
    (sent,) = mailbox.delivered
    assert sent.recipients == ("ada@example.com",)
    assert sent.mail["Bcc"] is None
    assert set(sent.mail.keys()) <= {
        *("From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "X-Auto-Response-Suppress"),
        *("Importance", "MIME-Version", "Content-Type", "Content-Transfer-Encoding"),
    }


@pytest.mark.parametrize(
    "options",
    [
        {"host": ""},
        {"host": "smtp.example.com:587"},
        {"host": "smtp.example.com\r\nX"},
        {"port": 70_000},
        {"to": ()},
        {"to": ("nobody",)},
        {"to": ("a@example.com, b@example.com",)},
        {"to": ("a@example.com\r\nBcc: b@example.com",)},
        {"to": ("a@exämple.com",)},
        {"sender": ""},
        {"sender": "leeway@example.com\nX: y"},
        {"username": "leeway"},
        {"username": "leeway", "password": PASSWORD, "security": Security.NONE},
        {"username": "leeway", "password": f"{PASSWORD}ä", "security": Security.TLS},
        {"ca_file": "/nowhere.pem"},
        {"allowed_hosts": ("*.example.com",)},
    ],
)
def test_options_that_cannot_work_are_refused(options: dict[str, Any], mailbox: MailServer) -> None:
    """At start, by name, without the password."""
    with pytest.raises(ValueError, match=r"^\w+: ") as caught:
        email(mailbox, **options)
    assert "CANARY" not in str(caught.value)


def test_no_secret_in_repr_error_or_log(
    certificate: tuple[Path, ssl.SSLContext],
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """T24: the password in clear and base64, echoed by the server at every step, at DEBUG."""
    public, context = certificate
    canaries = [PASSWORD, b64encode(f"\0leeway\0{PASSWORD}".encode()).decode()]
    with MailServer(starttls=context, login=("leeway", PASSWORD)) as server:
        channel = email(
            server, security=Security.STARTTLS, ca_file=str(public), username="leeway", password=PASSWORD
        )
        said = [repr(channel)]
        with caplog.at_level(logging.DEBUG, logger="alerting"):
            for step in ("connect", "ehlo", "starttls", "auth", "mail", "rcpt", "data", "content"):
                server.script(step, Act(reply=f"554 5.7.1 {' '.join(canaries)}", accept=False))
                if step == "ehlo":
                    server.script("ehlo", Act(reply="554 no"))
                failed = failure(channel)
                said += [str(failed), repr(failed), repr(failed.__cause__)]
    text = "\n".join([*said, caplog.text, *capfd.readouterr()])
    assert "554 5.7.1" in text
    for canary in ("CANARY", *canaries):
        assert canary not in text


def test_dots_at_the_start_of_a_line_survive(mailbox: MailServer) -> None:
    """A dot alone would end the mail (RFC 5321, 4.5.2)."""
    row = notification()
    message = replace(word(row, NOW), lines=(".", "..two", ".three"))
    email(mailbox).send(row, message)
    assert "\n.\n..two\n.three\n" in mailbox.delivered[0].text().replace("\r\n", "\n")
