"""How does an answer look in Slack that one person alone sees?"""

from collections.abc import Sequence
from itertools import groupby

from alerting.blocks import fit
from alerting.sanitise import clean_line, escape

LONGEST = 2_900  # characters, escaped and framed: a section takes 3,000 (docs.slack.dev, Block Kit)

_FRAME = "```\n{}\n```"
_WIDEST = 240  # characters of a line


def sentence(text: str) -> dict[str, object]:
    """A few words."""
    return _ephemeral(fit(clean_line(text, LONGEST), LONGEST))


def printed(text: str) -> dict[str, object]:
    """What a terminal would show, in a code block: whole lines, as many as there is room for."""
    lines = [clean_line(line, _WIDEST) for line in _aligned(text.splitlines())]
    drawn: list[str] = []
    room = LONGEST - len(_FRAME.format("")) - len("… 1234567 lines more")
    for line in lines:
        escaped = escape(line)
        room -= len(escaped) + 1
        if room < 0:
            break
        drawn.append(escaped)
    if len(drawn) < len(lines):
        drawn.append(f"… {len(lines) - len(drawn)} lines more")
    return _ephemeral(_FRAME.format("\n".join(drawn)))


def _aligned(lines: Sequence[str]) -> list[str]:
    """Tables come in tab-separated; each in columns that stand below each other."""
    out: list[str] = []
    for tabs, group in groupby(lines, key=lambda line: line.count("\t")):
        rows = [[clean_line(cell, _WIDEST) for cell in line.split("\t")] for line in group]
        if not tabs:
            out += [cells[0] for cells in rows]
            continue
        widths = [max(len(row[i]) for row in rows) for i in range(tabs + 1)]
        out += ["  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in rows]
    return out


def _ephemeral(text: str) -> dict[str, object]:
    """`verbatim`: no link, mention or channel is made of plain words; the message pressed stays as it is."""
    section = {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}}
    return {
        "response_type": "ephemeral",
        "replace_original": False,
        "parse": "none",
        "link_names": False,
        "text": "Leeway answers",
        "blocks": [section],
    }
