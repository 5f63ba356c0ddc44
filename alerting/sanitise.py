"""What may a string from data look like when a person or Slack reads it?

Column names, category values and model names are written by whoever fills the table. None of them may ring
a channel (`<!channel>`), fake a link, break out of a code block, or reverse the line it stands in.
"""

import unicodedata

LIMIT = 80  # characters of one data string in a message

# Control, format (bidi overrides, zero width), surrogate, private use, unassigned, line and paragraph
# separators: Unicode general categories. Removing Cf also undoes joined emoji: a fair price.
_REMOVED = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_BACKTICKS = str.maketrans({"`": "'", "\u02cb": "'", "\uff40": "'"})


def clean(value: object, limit: int = LIMIT) -> str:
    """One line of printable text, at most `limit` characters, without back-ticks. Not yet escaped."""
    text = value if isinstance(value, str) else str(value)
    text = text[: 8 * limit]  # 5,000 characters need no full pass
    kept = (" " if ch in "\t\r\n" else ch for ch in text)
    text = "".join(ch for ch in kept if unicodedata.category(ch) not in _REMOVED)
    text = " ".join(text.translate(_BACKTICKS).split())
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def escape(text: str) -> str:
    """For Slack: `& < >` as entities, the three it asks for (docs.slack.dev, formatting message text)."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
