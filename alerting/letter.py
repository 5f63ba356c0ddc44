"""How does a message look as a mail: which headers, and which words in text and in HTML?

Everything that is not a link of the config goes through `sanitise.inert`: mail programs make links of plain
words. Headers are one line each, so nothing that data says can become a header of its own.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from html import escape

from alerting.message import Message
from alerting.sanitise import clean, inert

SUBJECT = 200  # characters; long enough for any heading of ours
_CELL = 60  # characters of a table's cell in the text part
_STYLES: Mapping[str, str] = {
    "body": "font-family:system-ui,sans-serif;font-size:14px;line-height:1.4",
    "h1": "font-size:17px;margin:0 0 12px",
    "table": "border-collapse:collapse;margin:12px 0",
    "cell": "border:1px solid #bbb;padding:3px 8px;text-align:left;vertical-align:top",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """Who writes to whom, and where in a thread it stands. Ids are message ids with their angle brackets."""

    sender: Address
    recipients: Sequence[Address]
    message_id: str
    thread: str = ""  # the id of the thread's first mail; "" for the first itself
    at: datetime
    urgent: bool = False


def message_id(key: str, domain: str) -> str:
    """The same key gives the same id: servers and programs that know ids show a repeat once."""
    return f"<leeway.{hashlib.sha256(key.encode()).hexdigest()[:40]}@{domain}>"


def letter(message: Message, envelope: Envelope, *, html: bool = True) -> bytes:
    """The mail as it goes over the wire, ASCII alone, lines ended by CR LF."""
    mail = EmailMessage(policy=SMTP)
    mail["From"] = envelope.sender
    mail["To"] = tuple(envelope.recipients)
    mail["Subject"] = inert(clean(message.heading, SUBJECT))
    mail["Date"] = format_datetime(envelope.at)
    mail["Message-ID"] = envelope.message_id
    if envelope.thread:
        mail["In-Reply-To"] = envelope.thread
        mail["References"] = envelope.thread
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's out-of-office note shall answer
    mail["X-Auto-Response-Suppress"] = "All"  # the same for Exchange
    if envelope.urgent:
        mail["Importance"] = "high"
    # Quoted-printable: 7 bits and short lines, whatever the servers on the way can do.
    mail.set_content(text_part(message), cte="quoted-printable")
    if html:
        mail.add_alternative(html_part(message), subtype="html", cte="quoted-printable")
    return mail.as_bytes()


def text_part(message: Message) -> str:
    """All of the message as plain text; links stand behind their labels."""
    parts = [inert(message.heading)]
    parts += ["\n".join(inert(line) for line in message.lines)] if message.lines else []
    parts += [_text_table(message)] if message.table else []
    steps = [f"- {inert(step)}" for step in message.next_steps]
    steps += [f"- {inert(label)}: {url}" for label, url in message.links]
    parts += ["Next:\n" + "\n".join(steps)] if steps else []
    parts += [inert(message.footer)] if message.footer else []
    return "\n\n".join(parts) + "\n"


def html_part(message: Message) -> str:
    """The same in HTML, without anything that loads from elsewhere."""
    parts = [f'<h1 style="{_STYLES["h1"]}">{_html(message.heading)}</h1>']
    parts += [f"<p>{'<br>'.join(_html_line(line) for line in message.lines)}</p>"] if message.lines else []
    parts += [_html_table(message)] if message.table else []
    steps = [f"<li>{_html_step(step)}</li>" for step in message.next_steps]
    steps += [
        f'<li><a href="{escape(url)}">{_html(label)}</a> ({escape(url)})</li>' for label, url in message.links
    ]
    parts += [f"<p><b>Next</b></p><ul>{''.join(steps)}</ul>"] if steps else []
    parts += [f"<p>{_html_line(message.footer)}</p>"] if message.footer else []
    body = "\n".join(parts)
    head = '<!DOCTYPE html><html><head><meta charset="utf-8"></head>'
    return f'{head}<body style="{_STYLES["body"]}">\n{body}\n</body></html>\n'


def _text_table(message: Message) -> str:
    rows = [[clean(inert(cell), _CELL) for cell in row] for row in message.table]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    padded = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    lines = [line.rstrip() for line in padded]
    return "\n".join([*lines, f"+{message.more} more"] if message.more else lines)


def _html_table(message: Message) -> str:
    header, *rows = message.table
    drawn = [_html_row("th", header), *(_html_row("td", row) for row in rows)]
    more = f"<p>+{message.more} more</p>" if message.more else ""
    return f'<table style="{_STYLES["table"]}">{"".join(drawn)}</table>{more}'


def _html_row(tag: str, cells: Sequence[str]) -> str:
    drawn = (f'<{tag} style="{_STYLES["cell"]}">{_html(cell)}</{tag}>' for cell in cells)
    return f"<tr>{''.join(drawn)}</tr>"


def _html_line(line: str) -> str:
    """`How bad: …` with the label in bold."""
    label, colon, rest = line.partition(": ")
    return f"<b>{_html(label)}:</b> {_html(rest)}" if colon and label.isascii() else _html(line)


def _html_step(step: str) -> str:
    return f"<code>{_html(step)}</code>" if step.startswith("leeway ") else _html(step)


def _html(text: str) -> str:
    return escape(inert(text))
