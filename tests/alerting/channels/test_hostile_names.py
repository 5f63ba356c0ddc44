"""T11: 2,000 hostile names through every channel: nothing they say is mark-up, a mention or a link there.

And whatever they are, a message stays within the vendor's limits.
"""

import json
import re
import unicodedata
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from alerting.channels import apprise
from alerting.channels.apprise import AppriseChannel
from alerting.channels.email import EmailChannel
from alerting.channels.log import LogChannel
from alerting.channels.pagerduty import PagerDutyChannel
from alerting.channels.slack import SlackChannel
from alerting.channels.webhook import WebhookChannel
from alerting.message import word
from alerting.sanitise import clean, inert, json_text, visible_json
from alerting.submission import Security
from tests.alerting.channels.hostile import COUNT, RUNBOOK, names, rows
from tests.alerting.outbox_rows import NOW, notification
from tests.loopback import Loopback
from tests.mail_server import MailServer

ROWS = list(rows())
SECRET = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz"
# What a phone, a mail program or a chat makes active: brackets, schemes, bare hosts, addresses, mentions.
ACTIVE = re.compile(r"[<>@]|://|\bwww\.|\bmailto:|\]\(|\]\[|\]:", re.IGNORECASE)
STEERING = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def test_every_name_is_used() -> None:
    """Two thousand, all in some row."""
    text = json.dumps([[dict(row.facts), row.last_failure, row.reason] for row in ROWS])
    assert len(names()) == COUNT
    missing = [ascii(name) for name in names() if json.dumps(name)[1:-1] not in text]
    assert missing == []


def strings(value: object) -> Iterator[str]:
    """Names and texts of a document, at any depth."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield str(name)
            yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)


def harmless(text: str, *, lines: bool = False) -> None:
    """Nothing to tap, ring or steer with; our own runbook aside."""
    text = text.replace(RUNBOOK, "")
    found = ACTIVE.search(text)
    steers = steering(text.replace("\n", "") if lines else text)
    if found or steers:  # in ASCII: a lone surrogate would break the report of the failure
        pytest.fail(f"{found and found[0]!a} {steers!a} in {text!a}")


def steering(text: str) -> list[str]:
    """Characters that a terminal obeys, or that turn a line around."""
    return [ascii(ch) for ch in text if unicodedata.category(ch) in STEERING]


def known(value: object) -> str:
    """What JSON makes of it: two halves of a character that happen to meet are one."""
    return ascii(json.loads(json.dumps(value)))


def sort(value: object) -> str:
    return known(json.dumps(value, sort_keys=True))


def runs(server: Loopback, channel: Any) -> list[Any]:
    """What arrived, message by message."""
    for row in ROWS:
        channel.send(row, word(row, NOW))
    assert len(server.seen) >= len(ROWS)
    return server.seen


@pytest.mark.parametrize("kind", ["token", "webhook"])
def test_slack(kind: str, server: Loopback) -> None:
    """No `<` or `>` but our own link; texts are verbatim; block, text and message limits hold."""
    server.history_scope = False
    options: dict[str, Any] = {"token": "xoxb-1", "channel": "#c", "base_url": server.slack}
    if kind == "webhook":
        options = {"webhook_url": f"{server.url}/services/T/B/x"}
    for seen in runs(server, SlackChannel(**options)):
        sent = seen.json
        drawn = sent.get("blocks") or []
        drawn = json.loads(drawn) if isinstance(drawn, str) else drawn
        texts = [text for block in drawn for text in block.get("elements") or [block["text"]]]
        assert sent["parse"] == "none"
        assert sent["text"].strip()
        assert all(text.get("verbatim") or text["type"] == "plain_text" for text in texts)
        for text in [sent["text"], *(text["text"] for text in texts)]:
            bare = text.replace(f"<{RUNBOOK}|Runbook>", "")
            assert not re.search(r"[<>]|&(?!amp;|lt;|gt;)", bare), ascii(bare)
            assert steering(bare.replace("\n", "")) == []
        assert len(drawn) <= 15
        assert all(len(block["text"]["text"]) <= 150 for block in drawn if block["type"] == "header")
        assert all(len(text["text"]) <= 3000 for text in texts)
        assert len(sent["text"]) + sum(len(text["text"]) for text in texts) <= 12_000


def test_webhook(server: Loopback) -> None:
    """The data itself, for a program; the bytes hold no mark-up for whoever shows them."""
    channel = WebhookChannel(url=f"{server.url}/hook", secret=SECRET, allow_http=True, allow_private=True)
    for row, seen in zip(ROWS, runs(server, channel), strict=True):
        assert seen.body.isascii()
        assert not re.search(rb"[<>&\x00-\x1f\x7f]", seen.body)
        data = json.loads(seen.body)["data"]
        assert ascii(data["model"]) == known(row.facts["model"])
        assert sort(data["lines"]) == sort(row.facts["lines"])


def test_pagerduty(server: Loopback) -> None:
    """Summary and details are inert; 1,024 characters and 512 kB hold."""
    channel = PagerDutyChannel(routing_key="0" * 32, base_url=server.url, allow_http=True, allow_private=True)
    for seen in runs(server, channel):
        assert len(seen.body) <= 512 * 1024
        assert not re.search(rb"[<>&\x00-\x1f\x7f]", seen.body)
        event = seen.json
        assert len(event.get("dedup_key", "")) <= 255
        if "payload" in event:
            assert 1 <= len(event["payload"]["summary"]) <= 1024
            assert all(link["href"] == RUNBOOK for link in event["links"])
            for text in strings(event["payload"]):
                harmless(text)


class _Tags(HTMLParser):
    """Which tags and attributes a browser would see, and the text between them."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[tuple[str, str | None]] = set()
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= set(attrs)

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def test_email() -> None:
    """Headers, recipients and mark-up are ours alone; every line is one a server must take."""
    with MailServer() as server:
        channel = EmailChannel(
            host="127.0.0.1",
            port=server.port,
            security=Security.NONE,
            sender="leeway@example.com",
            to=("ada@example.com",),
            allow_private=True,
        )
        for row in ROWS:
            channel.send(row, word(row, NOW))
        delivered = server.delivered
    assert len(delivered) == len(ROWS)
    for each in delivered:
        assert (each.sender, each.recipients) == ("leeway@example.com", ("ada@example.com",))
        assert each.raw.isascii()
        assert max(len(line) for line in each.raw.split(b"\r\n")) <= 998
        headers = {name for name, _ in each.mail.items()}
        assert headers <= {
            *("From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "X-Auto-Response-Suppress"),
            *("Importance", "MIME-Version", "Content-Type", "Content-Transfer-Encoding"),
        }
        assert len(each.mail.get_all("Subject", [])) == 1
        harmless(str(each.mail["Subject"]))
        harmless(each.text("plain").replace("\r\n", "\n"), lines=True)
        if (part := each.mail.get_body(("html",))) is not None:
            seen = _Tags()
            seen.feed(part.get_content())
            assert seen.tags <= {
                *("html", "head", "meta", "body", "h1", "p", "b", "br", "table", "tr", "th", "td"),
                *("ul", "li", "code", "a"),
            }
            assert {value for name, value in seen.attributes if name == "href"} <= {RUNBOOK}
            assert {name for name, _ in seen.attributes} <= {"href", "style", "charset"}
            harmless("".join(seen.words).replace("\r\n", "\n"), lines=True)


def test_log(tmp_path: Path) -> None:
    """A printable line each, and the data as it was for whoever reads it as JSON."""
    channel = LogChannel(path=str(tmp_path / "log"))
    for row in ROWS:
        channel.send(row, word(row, NOW))
    lines = (tmp_path / "log").read_bytes().split(b"\n")[:-1]
    assert len(lines) == len(ROWS)
    for row, line in zip(ROWS, lines, strict=True):
        text = line.decode()
        assert steering(text) == []
        assert ascii(json.loads(text)["facts"]["model"]) == known(row.facts["model"])


def test_apprise(server: Loopback) -> None:
    """What the library is given, for all of them; and for some what it makes of it."""
    for row in ROWS:
        message = word(row, NOW)
        body = apprise._body(message)
        harmless(inert(clean(message.heading, 200)))
        harmless(body, lines=True)
        assert len(body) <= apprise.BODY
    channel = AppriseChannel(service_url=f"json://127.0.0.1:{server.port}/hook", allow_private=True)
    for row in ROWS[:3]:
        channel.send(row, word(row, NOW))
    for seen in server.seen:
        harmless(seen.json["title"])
        harmless(seen.json["message"], lines=True)


def test_each_name_alone() -> None:
    """The functions below the channels, name by name."""
    for name in names():
        harmless(inert(clean(name, 10_000)))
        assert ascii(json.loads(json_text(name))) == known(name)
        assert ascii(json.loads(visible_json(name))) == known(name)
        assert steering(visible_json(name)) == []
        assert len(clean(name)) <= 80
    assert inert("a plain column_name 3.5 %") == "a plain column_name 3.5 %"
    assert word(notification(), NOW).heading == inert(word(notification(), NOW).heading)
