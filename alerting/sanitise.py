"""What may a string from data look like when a person or Slack reads it?

Column names, category values and model names are written by whoever fills the table. None of them may ring
a channel (`<!channel>`), fake a link, break out of a code block, or reverse the line it stands in.
"""

import json
import re
import unicodedata
from collections.abc import Iterable

LIMIT = 80  # characters of one data string in a message

# Control, format (bidi overrides, zero width), surrogate, private use, unassigned, line and paragraph
# separators: Unicode general categories. Removing Cf also undoes joined emoji: a fair price.
_REMOVED = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_BACKTICKS = str.maketrans({"`": "'", "\u02cb": "'", "\uff40": "'"})

# What mail programs, phones and chats turn into something to tap on, or someone to ring: a scheme, www., an
# address or mention, and the destination of a Markdown link.
_ACTIVE = re.compile(r"(?P<scheme>:)//|(?P<www>\bwww)\.|(?P<mail>\bmailto):|@|\](?=[(\[:])", re.IGNORECASE)
_ANGLES = str.maketrans({"<": "‹", ">": "›"})


def clean(value: object, limit: int = LIMIT) -> str:
    """One line of printable text, at most `limit` characters, without back-ticks. Not yet escaped."""
    text = value if isinstance(value, str) else str(value)
    text = text[: 8 * limit]  # 5,000 characters need no full pass
    text = _shown(" " if ch in "\t\r\n" else ch for ch in text)
    text = " ".join(text.translate(_BACKTICKS).split())
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def clean_line(text: str, limit: int) -> str:
    """The same for a line that is laid out: its spaces stay as they are."""
    text = _shown(" " if ch == "\t" else ch for ch in text[: 8 * limit]).translate(_BACKTICKS)
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def escape(text: str) -> str:
    """For Slack: `& < >` as entities, the three it asks for (docs.slack.dev, formatting message text)."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def inert(text: str) -> str:
    """For readers that make links and mentions out of plain words: it reads the same and does nothing.

    Angle brackets become ‹ ›, an at sign ＠, `://` becomes `[:]//` and `www.` becomes `www[.]`.
    """
    return _ACTIVE.sub(_defused, text.translate(_ANGLES))


def _defused(found: re.Match[str]) -> str:
    if found["scheme"]:
        return "[:]//"
    if found["www"]:
        return f"{found['www']}[.]"
    if found["mail"]:
        return f"{found['mail']}[:]"
    return "＠" if found[0] == "@" else "] "


def json_text(document: object) -> str:
    """JSON of ASCII alone, with `< > &` escaped too: a page or log that shows it raw shows no mark-up."""
    text = json.dumps(document, ensure_ascii=True, sort_keys=True, default=str)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def visible_json(document: object) -> str:
    """JSON on one line for people: what would steer a terminal or turn a line around is escaped."""
    text = json.dumps(document, ensure_ascii=False, default=str)
    if text.isascii():  # JSON escapes control characters below 32 by itself
        return text.replace("\x7f", "\\u007f")
    return "".join(_escaped(ch) if unicodedata.category(ch) in _REMOVED else ch for ch in text)


def _escaped(ch: str) -> str:
    units = ch.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i] << 8 | units[i + 1]:04x}" for i in range(0, len(units), 2))


def _shown(text: Iterable[str]) -> str:
    return "".join(ch for ch in text if unicodedata.category(ch) not in _REMOVED)
