"""Two thousand names that whoever fills a table might choose, and rows of the outbox full of them."""

import random
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

from alerting.digest import digest
from alerting.notification import Action, Notification
from tests.alerting.outbox_rows import DISTANCE, NOW, facts, notification

COUNT = 2000
RUNBOOK = "https://wiki.example.com/delays"
_PIECES = (
    *("<", ">", "&", "&lt;", "<!channel>", "<!here>", "<!everyone>", "<@U012AB3CD>", "<#C012AB3CD>"),
    *("@here", "@channel", "@everyone", "<http://evil.example|Runbook>", "http://evil.example/?a=b&c=d"),
    *("HTTPS://EVIL.EXAMPLE", "www.evil.example", "WWW.evil.example", "mailto:eve@evil.example"),
    *(
        "eve@evil.example",
        "javascript:alert(1)",
        "[click](http://evil.example)",
        "![x](https://evil.example)",
    ),
    *("[x]: http://evil.example", "[a][b]", "<https://evil.example>", "`code`", "```", "*bold*", "_under_"),
    *("~~gone~~", "# heading", "> quote", "| cell |", "||spoiler||", "<script>alert(1)</script>"),
    *('<img src=x onerror="alert(1)">', "<a href='//evil.example'>x</a>", "</td></table>", "<!--", "]]>"),
    *("\r\nBcc: eve@evil.example\r\n\r\n", "\n.\n", "\r", "\n", "\t", "\v", "\f", "\0", "\x1b[31m", "\x7f"),
    *("\x9b31m", "\u2028", "\u2029", "\u202e", "\u2066", "\u200b", "\u200d", "\ufeff", "\U000e0001"),
    *(
        "\ud800",
        "\udfff",
        "\ue000",
        "\uffff",
        "é",
        "е",
        "漢字",
        "العربية",
        "😀",
        "👩‍👩‍👧",
        "{{7*7}}",
        "${x}",
        "%s%n",
    ),
    *("'; drop table x;--", '"', "\\", "../../etc/passwd", "=cmd|' /C calc'!A0", "a" * 300, " ", "temp"),
)


def names() -> list[str]:
    """The same each time: single pieces first, then joined ones, some ten thousand characters long."""
    dice = random.Random(20261128)
    made = list(_PIECES)
    while len(made) < COUNT:
        name = "".join(dice.choice(_PIECES) for _ in range(dice.randint(1, 8)))
        if dice.random() < 0.05:
            name = (name * 10_000)[:10_000]
        if dice.random() < 0.2:
            name += "".join(chr(dice.randrange(0x110000)) for _ in range(dice.randint(1, 20)))
        made.append(name)
    return made


def rows() -> Iterator[Notification]:
    """Every name somewhere in a row, of each kind in turn: roots, replies, plain ones, digests, requests."""
    given = iter(names())
    number = 0
    while True:
        taken = list(islice(given, 40))
        if not taken:
            return
        number += 1
        taken += taken[: 40 - len(taken)] if len(taken) < 40 else []
        yield from _rows(number, taken + ["x"] * (40 - len(taken)))


def _rows(number: int, taken: list[str]) -> list[Notification]:
    model, owner, channel, failure, target, why, zone, task, reason, runbook = taken[:10]
    lines = [
        {
            **DISTANCE,
            "incident_id": f"{number:016x}{n:016x}",
            "column": taken[10 + 3 * n],
            "title": taken[11 + 3 * n],
            "segment": taken[12 + 3 * n],
            "version": taken[(13 + 3 * n) % 40],
            "acknowledged_by": owner if n % 2 else "",
            "change": "unit" if n % 3 else taken[10 + 3 * n],
        }
        for n in range(10)
    ]
    gates = [{"name": target, "passed": False, "why": why}, {"name": reason, "passed": 1, "why": runbook}]
    said = facts(
        *lines,
        model=model,
        zone=zone,
        task=task,
        for_channel=channel,
        runbook=RUNBOOK if number % 2 else runbook,
        retraining={"outcome": "refused", "target": target, "request_id": why, "gates": gates},
        next=[f"leeway explain --column {taken[10]}", f"leeway incidents show {taken[11]}"],
        more=number % 3,
    )
    row = notification(
        key=f"hostile {number}",
        facts=said,
        last_failure=failure,
        created=NOW.replace(hour=1),
        uncertain=number % 5 == 0,
        plain=number % 4 == 0,
    )
    match number % 6:
        case 1:
            return [replace(row, action=Action.REPLY, reason="new_member")]
        case 2:
            return [replace(row, reason=reason)]
        case 3:
            parts = {f"oncall&model={model}": said, f"oncall&model={owner}": {**said, "lines": []}}
            return [row, digest("oncall", parts, now=NOW, why=why, created=NOW)]
        case 4:
            return [replace(row, action=Action.REPLY, reason="retraining")]
    return [replace(row, reason=reason)]
