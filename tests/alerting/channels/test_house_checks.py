"""What every channel that talks to a host must do, asked of all of them in the same words.

A channel is a member of alerting/channels: one that is not in `HOUSE` fails the first test here.
"""

import json
import logging
import pkgutil
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

import pytest

import alerting.channels
from alerting.channel import Channel, DeliveryError, Failure, Receipt
from alerting.channels.apprise import AppriseChannel
from alerting.channels.email import EmailChannel
from alerting.channels.log import LogChannel
from alerting.channels.pagerduty import PagerDutyChannel
from alerting.channels.slack import SlackChannel
from alerting.channels.webhook import WebhookChannel
from alerting.message import word
from alerting.notification import Action, Notification
from alerting.submission import Security
from tests.alerting.outbox_rows import NOW, facts, notification
from tests.loopback import Loopback, Reply, error
from tests.mail_server import Act, MailServer
from tests.patience import within

CANARY = "CANARY0123456789abcdef0123456789"  # 32 letters and digits: good for every kind of secret here
WHSEC = "whsec_" + b64encode(CANARY.encode()).decode()

End = Literal["reset", "hang", "drip", "huge"]


class House:
    """One channel and the server it talks to. `other` is a second server: nothing may ever arrive there."""

    path: str

    def __init__(self, folder: Path) -> None:
        self.server = Loopback(folder / "accepted.jsonl", history_scope=False)
        self.other = Loopback(folder / "other.jsonl")

    def __enter__(self) -> "House":
        self.server.__enter__()
        self.other.__enter__()
        return self

    def __exit__(self, *raised: Any) -> None:
        self.server.__exit__(*raised)
        self.other.__exit__(*raised)

    def channel(self, **options: Any) -> Channel:
        raise NotImplementedError

    def answer(self, status: int, headers: dict[str, str] | None = None) -> None:
        """The next message is refused with this HTTP status; its body repeats what must not be repeated."""
        body = f"<html>{CANARY} {WHSEC}</html>".encode()
        self.server.script(self.path, [Reply(status=status, headers=headers or {}, body=body, accept=False)])

    def end(self, end: End) -> None:
        """The next message is accepted, and this is how the answer goes."""
        self.server.script(self.path, [Reply(end=end)])

    def accepted(self) -> int:
        return len(self.server.accepted())

    def reached(self) -> bool:
        return bool(self.server.seen)

    def stop(self) -> None:
        self.server.__exit__(None, None, None)

    def texts(self) -> list[str]:
        """What a person or a program there is shown of each message."""
        return [each.body.decode() for each in self.server.seen]


class Slack(House):
    path = "/api/chat.postMessage"

    def channel(self, **options: Any) -> Channel:
        options.pop("allow_private", None)  # it is private where base_url is at loopback, and nowhere else
        given = {"token": f"xoxb-{CANARY}", "channel": "#c", "base_url": self.server.slack}
        return SlackChannel(**{**given, **options})


class SlackWebhook(House):
    path = f"/services/T0/B0/{CANARY}"

    def channel(self, **options: Any) -> Channel:
        options.pop("allow_private", None)
        return SlackChannel(webhook_url=f"{self.server.url}{self.path}", **options)


class Webhook(House):
    path = f"/hook/{CANARY}"

    def channel(self, **options: Any) -> Channel:
        given = {"url": f"{self.server.url}{self.path}", "secret": WHSEC, "old_secret": WHSEC}
        return WebhookChannel(**{**given, "allow_http": True, "allow_private": True, **options})


class PagerDuty(House):
    path = "/v2/enqueue"

    def channel(self, **options: Any) -> Channel:
        given = {"routing_key": CANARY, "base_url": self.server.url, "allow_http": True}
        return PagerDutyChannel(**{**given, "allow_private": True, **options})


class Apprise(House):
    path = f"/hook/{CANARY}"

    def channel(self, **options: Any) -> Channel:
        url = f"json://127.0.0.1:{self.server.port}{self.path}"
        # A child process starts first: on a busy machine that alone takes seconds.
        deadline_s = within(max(10.0, options.pop("deadline_s", 10.0)))
        return AppriseChannel(service_url=url, deadline_s=deadline_s, **{"allow_private": True, **options})

    def end(self, end: End) -> None:
        if end == "hang":  # the server's own patience may be shorter than a child's on a busy machine
            end = "drip"
        self.server.script(self.path, [Reply(end="drip_headers" if end == "drip" else end)])


class Email(House):
    """Statuses are replies of SMTP here: `answer` is given those."""

    def __init__(self, folder: Path) -> None:
        self.mail = MailServer()
        self.other = Loopback(folder / "other.jsonl")

    def __enter__(self) -> "House":
        self.mail.__enter__()
        self.other.__enter__()
        return self

    def __exit__(self, *raised: Any) -> None:
        self.mail.__exit__(*raised)
        self.other.__exit__(*raised)

    def channel(self, **options: Any) -> Channel:
        given = {"host": "127.0.0.1", "port": self.mail.port, "security": Security.NONE}
        address = {"sender": "leeway@example.com", "to": ("ada@example.com",), "allow_private": True}
        return EmailChannel(**{**given, **address, **options})

    def answer(self, status: int, headers: dict[str, str] | None = None) -> None:
        self.mail.script("content", Act(reply=f"{status} {CANARY} {WHSEC}", accept=False))

    def end(self, end: End) -> None:
        self.mail.script("content", Act(end=end))

    def accepted(self) -> int:
        return len(self.mail.delivered)

    def reached(self) -> bool:
        return bool(self.mail.steps)

    def stop(self) -> None:
        self.mail.__exit__(None, None, None)

    def texts(self) -> list[str]:
        return [part for each in self.mail.delivered for part in (each.text("plain"), each.text("html"))]


HOUSE: dict[str, tuple[type[House], ...]] = {
    "slack": (Slack, SlackWebhook),
    "webhook": (Webhook,),
    "pagerduty": (PagerDuty,),
    "apprise": (Apprise,),
    "email": (Email,),
    "log": (),  # talks to no host: tests/alerting/channels/test_log.py
}
ALL = [kind for kinds in HOUSE.values() for kind in kinds]
HTTP = [kind for kind in ALL if kind is not Email]


@pytest.fixture
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    with request.param(tmp_path) as running:
        yield running


every = pytest.mark.parametrize("house", ALL, indirect=True, ids=lambda kind: kind.__name__)
every_http = pytest.mark.parametrize("house", HTTP, indirect=True, ids=lambda kind: kind.__name__)


def send(channel: Channel, row: Notification | None = None) -> Receipt:
    row = row or notification()
    return channel.send(row, word(row, NOW))


def failure(channel: Channel, row: Notification | None = None) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        send(channel, row)
    return caught.value


def test_every_member_is_in_the_house() -> None:
    """A new channel is asked all of this, or says here why not."""
    members = {name for _, name, _ in pkgutil.iter_modules(alerting.channels.__path__)}
    assert {name for name in members if not name.startswith("_")} == set(HOUSE)


T, R, A, B, P = (
    Failure.TRANSIENT,
    Failure.RATE,
    Failure.AMBIGUOUS,
    Failure.CHANNEL_BROKEN,
    Failure.PAYLOAD,
)
STATUSES = [
    *((status, T) for status in (408, 425, 500, 502, 503, 504)),
    (429, R),
    *((status, B) for status in (301, 302, 303, 307, 308, 401, 403, 404, 405, 410)),
    *((status, P) for status in (400, 413, 422)),
]


@pytest.mark.parametrize("kind", [kind for kind in HTTP if kind is not Apprise], ids=lambda k: k.__name__)
def test_every_status_has_its_class(kind: type[House], tmp_path: Path) -> None:
    """T7: the same for all that speak HTTP, whatever the body says."""
    with kind(tmp_path) as house:
        found = []
        for status, _ in STATUSES:
            house.answer(status)
            found.append((status, failure(house.channel()).failure))
        assert found == STATUSES
        assert house.accepted() == 0


def test_every_status_has_its_class_in_the_child_too(tmp_path: Path) -> None:
    """A process each: one of each class."""
    with Apprise(tmp_path) as house:
        for status, expected in ((503, T), (429, R), (302, B), (401, B), (413, P)):
            house.answer(status)
            assert failure(house.channel()).failure is expected


@every
def test_it_arrives_once(house: House) -> None:
    """And a receipt says so."""
    send(house.channel())
    assert house.accepted() == 1


@every
def test_a_reset_after_it_was_accepted_is_ambiguous(house: House) -> None:
    """T4: accepted once; no client beneath us has tried again by itself."""
    house.end("reset")
    assert failure(house.channel()).failure is A
    assert house.accepted() == 1


@every
@pytest.mark.parametrize("end", ["hang", "drip"])
def test_the_deadline_is_by_the_wall_clock(house: House, end: End) -> None:
    """T9: however slowly the answer comes, at most a second later than it was given."""
    house.end(end)
    channel = house.channel(deadline_s=1.0)
    began = time.monotonic()
    failed = failure(channel)
    assert failed.failure in (A, T)
    assert house.accepted() == 1
    assert failed.failure is A
    assert time.monotonic() - began < channel.deadline_s + within(1.0)  # type: ignore[attr-defined]
    for thread in threading.enumerate():
        if thread.name == "leeway-exchange":
            thread.join(2)
            assert not thread.is_alive()


@every
def test_an_answer_without_end_is_not_read(house: House) -> None:
    """T9: 64 kB of it, then what is known decides; the memory does not grow with it."""
    house.end("huge")
    began, channel = time.monotonic(), house.channel(deadline_s=5.0)
    try:
        send(channel)
    except DeliveryError as failed:
        assert failed.failure in (A, T)  # noqa: PT017 - a status alone may be enough, or not
    assert time.monotonic() - began < channel.deadline_s + within(1.0)  # type: ignore[attr-defined]


@every_http
@pytest.mark.parametrize("status", [302, 307])
def test_no_redirect_is_followed(house: House, status: int) -> None:
    """T10: the second server receives nothing, no token least of all."""
    house.answer(status, {"Location": f"{house.other.url}/{CANARY}"})
    failed = failure(house.channel())
    assert failed.failure is B
    assert "redirect" in failed.reason
    assert house.other.seen == []


@every
def test_no_proxy_from_the_environment(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would see the secret."""
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, house.other.url)
    send(house.channel())
    assert (house.accepted(), house.other.seen) == (1, [])


@every
def test_nobody_there_is_transient(house: House) -> None:
    """Connection refused: certainly not accepted."""
    channel = house.channel()
    house.stop()
    assert failure(channel).failure is T


@every
def test_a_host_that_is_not_allowed_gets_nothing(house: House) -> None:
    """At start where the URL says it, else when it would be sent."""
    try:
        channel = house.channel(allowed_hosts=("*.example.com",))
    except ValueError as refused:
        assert "allowed_hosts" in str(refused)  # noqa: PT017 - either is good, and one of them it must be
    else:
        assert "allowed_hosts" in failure(channel).reason
    assert not house.reached()


@pytest.mark.parametrize("kind", [Webhook, PagerDuty, Email, Apprise], ids=lambda kind: kind.__name__)
def test_a_private_address_gets_nothing(kind: type[House], tmp_path: Path) -> None:
    """T29: unless the config allows it, looked at when it connects."""
    with kind(tmp_path) as house:
        failed = failure(house.channel(allow_private=False))
        assert failed.failure is B
        assert "allow_private" in failed.reason
        assert not house.reached()


@every
def test_no_secret_in_repr_error_or_log(
    house: House, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """T24: in clear, url-encoded or base64, with failures provoked that echo it, at DEBUG."""
    channel = house.channel(deadline_s=1.0)
    said = [repr(channel), str(channel)]
    provoked: list[Callable[[], None]] = [
        lambda: house.answer(500),
        lambda: house.answer(400 if not isinstance(house, Email) else 554),
        lambda: house.end("reset"),
        lambda: house.end("hang"),
    ]
    with caplog.at_level(logging.DEBUG):
        for provoke in provoked[: 2 if isinstance(house, Apprise) else None]:
            provoke()
            failed = failure(channel)
            said += [str(failed), repr(failed), repr(failed.__cause__), repr(failed.__context__)]
    ours = "\n".join(line for line in caplog.text.splitlines() if "aiosmtpd" not in line)
    text = "\n".join([*said, ours, *capfd.readouterr()])
    for canary in (CANARY, WHSEC[6:], quote(WHSEC[6:], safe=""), b64encode(CANARY.encode()).decode()):
        assert canary not in text


NAMES = (
    "<!channel> <@U1> <https://evil.example|x> & @here [x](https://evil.example) \u202eevil\x1b[31m\r\nX: y"
)


@every
def test_hostile_names_do_nothing(house: House) -> None:
    """T11: no mention, no link, no mark-up, no control character made of data."""
    line = dict(facts()["lines"][0])  # type: ignore[index, call-overload]
    row = notification(facts=facts({**line, "column": NAMES, "title": NAMES}, model=NAMES, runbook=None))
    send(house.channel(), row)
    for text in house.texts():
        assert "<!channel>" not in text
        assert "<@U1>" not in text
        assert "<https://evil" not in text
        assert "\u202e" not in text
        assert "\x1b" not in text


def test_a_line_of_the_log_holds_no_control_character(tmp_path: Path) -> None:
    """The log channel escapes what would steer a terminal; whoever parses the line gets the data back."""
    row = notification(facts=facts(model=f"{NAMES}\x9b\u2028\U000e0001"))
    LogChannel(path=str(tmp_path / "log")).send(row, word(row, NOW))
    (line,) = (tmp_path / "log").read_text("utf-8").splitlines()
    assert line.isprintable()
    assert json.loads(line)["facts"]["model"] == row.facts["model"]


@every
def test_it_says_of_itself_what_it_can(house: House) -> None:
    """What cannot hang a reply on a root cannot edit one either; a test message always passes."""
    channel = house.channel()
    assert channel.threads or not channel.edits
    send(channel, notification(action=Action.TEST, reason="test", facts={"kind": "test", "model": ""}))
    assert house.accepted() >= 1


def test_slack_refuses_in_json_too(tmp_path: Path) -> None:
    """Its own form of a refusal, beside the statuses: the code decides."""
    with Slack(tmp_path) as house:
        house.server.script(house.path, [error("invalid_auth")])
        assert failure(house.channel()).failure is B
