"""How is a message drawn in Slack's Block Kit?

Everything is escaped here and only here; `verbatim` keeps Slack from making links, channels or mentions out
of plain words. Limits (docs.slack.dev, Block Kit): 50 blocks, header 150 and section 3,000 characters; about
13,000 characters in all (slackapi/bolt-js issue 2509). We stay under 15 blocks and 4,000 characters.
"""

from collections.abc import Mapping, Sequence

from alerting.message import Message
from alerting.sanitise import clean, escape

_TABLE = 1_400  # of the table, after escaping …
_ALL, _LEAST = 3_800, 300  # … and less where the rest is long, but never less than this
_CELL_WIDTHS = (120, 80, 48, 32, 20, 12)  # tried in turn until the table fits

Block = Mapping[str, object]


def blocks(message: Message) -> tuple[Block, ...]:
    """Header, answers, table, next steps, who has it: at most five blocks."""
    drawn: list[Block] = [
        {"type": "header", "text": {"type": "plain_text", "text": fit(message.heading, 150), "emoji": False}}
    ]
    if message.lines:
        drawn.append(_section("\n".join(_labelled(line) for line in message.lines)))
    if message.table:
        drawn.append(_section(table(message, _room(message))))
    steps = [f"• {_step(step)}" for step in message.next_steps]
    steps += [f"• <{escape(url)}|{escape(label)}>" for label, url in message.links]
    if steps:
        drawn.append(_section("*Next*\n" + "\n".join(steps)))
    if message.footer:
        drawn.append({"type": "context", "elements": [_mrkdwn(_labelled(message.footer))]})
    return tuple(drawn)


def plain(message: Message) -> str:
    """All of it as one escaped text, for when blocks were refused and for channels without them."""
    parts = [fit(message.text, 600)]
    parts += [_labelled(line) for line in message.lines]
    if message.table:
        parts.append(table(message, _room(message)))
    parts += [f"• {_step(step)}" for step in message.next_steps]
    parts += [f"• <{escape(url)}|{escape(label)}>" for label, url in message.links]
    if message.footer:
        parts.append(_labelled(message.footer))
    return "\n".join(parts)


def _room(message: Message) -> int:
    """What the others leave for the table."""
    others = [fit(message.text, 600), *map(_labelled, (*message.lines, message.footer))]
    others += [_step(step) for step in message.next_steps]
    others += [escape(label + url) for label, url in message.links]
    return max(_LEAST, min(_TABLE, _ALL - sum(len(each) + 10 for each in others)))


def table(message: Message, room: int = _TABLE) -> str:
    """A code block with aligned columns: cells are cut, then rows left out, until it fits."""
    rows, more = message.table, message.more
    widths = list(_CELL_WIDTHS)
    while True:
        lines = _aligned([[clean(cell, widths[0]) for cell in row] for row in rows])
        drawn = escape("\n".join([*lines, f"+{more} more"] if more else lines))
        if len(drawn) <= room or len(rows) <= 1:
            return f"```\n{drawn}\n```"
        if len(widths) > 1:
            widths.pop(0)
        else:
            rows, more = rows[:-1], more + 1


def fit(text: str, limit: int) -> str:
    """Escaped, and at most `limit` characters after that, never cut inside an entity."""
    escaped = escape(text)
    while len(escaped) > limit:
        text = text[: len(text) - max(1, (len(escaped) - limit) // 5)]
        escaped = escape(text.rstrip() + "…")
    return escaped


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    padded = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return [line.rstrip() for line in padded]


def _labelled(line: str) -> str:
    """`How bad: …` with the label in bold. Labels are ours; the rest is escaped and cut."""
    label, colon, rest = line.partition(": ")
    return f"*{escape(label)}* {fit(rest, 280)}" if colon and label.isascii() else fit(line, 240)


def _step(step: str) -> str:
    return f"`{fit(step, 250)}`" if step.startswith("leeway ") else fit(step, 250)


def _section(text: str) -> Block:
    return {"type": "section", "text": _mrkdwn(text)}


def _mrkdwn(text: str) -> Block:
    return {"type": "mrkdwn", "text": text, "verbatim": True}
