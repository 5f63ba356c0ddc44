"""H4 on a whole database: do its incidents follow from the verdicts it holds, by the oracle?

Reads the tables with sqlite3 and nothing of ours, so that it can be held against a file that a killed process
left behind. It asks about the fold alone: `gone`, `rebaselined`, `paused`, `removed` and manual ends are not
of the table, and a database that has one is refused rather than half looked at.
"""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from tests import oracle
from tests.oracle import Rules

LABEL_FEED = "__labels__"
_FEEDS = {"inputs": "", "labels": LABEL_FEED}


@dataclass(frozen=True, slots=True, order=True)
class Line:
    """A series of one axis."""

    model: str
    stream: str
    segment: str
    column: str
    version: str
    rule: str  # "" or data_health

    @property
    def is_feed(self) -> bool:
        return self.column in ("", LABEL_FEED) and not self.segment


@dataclass(frozen=True, slots=True)
class Told:
    """An incident with its windows as their start and end in microseconds."""

    opened: int
    resolved: int | None
    severity: str
    relapses: int
    reopens: int


Incidents = Mapping[Line, list[Told]]


def compare(
    database: Path, *, rules: Rules | None = None, health_for: int = 2, every_hours: float
) -> tuple[Incidents, Incidents]:
    """Those in the database, and those that the oracle tells from its verdicts: equal if it was exact."""
    rules = rules or Rules()
    with closing(sqlite3.connect(database)) as connection:
        windows = connection.execute(
            "SELECT id, model, stream, start, end, state FROM ledger WHERE folded_at IS NOT NULL "
            "AND superseded_by IS NULL AND kind != 'backfill' ORDER BY start"
        ).fetchall()
        verdicts = connection.execute(
            "SELECT ledger_id, segment, column_name, version, verdict, severity_asked, sure, immediate "
            "FROM verdict"
        ).fetchall()
        incidents = connection.execute(
            "SELECT model, segment, column_name, version, rule, opened, resolved, severity, relapses, "
            "reopens, resolved_reason FROM incident ORDER BY opened"
        ).fetchall()
    others = {row[10] for row in incidents} - {"", "recovered"}
    if others:
        raise ValueError(f"oracle: ends as {', '.join(sorted(others))} are not of the fold's table")
    of_window = {row[0]: (row[1], row[2]) for row in windows}
    said: dict[tuple[int, str, str, str], str] = {}
    lines: set[tuple[str, str, str, str, str]] = set()
    for id_, segment, column, version, *verdict in verdicts:
        if id_ in of_window:
            said[id_, segment, column, version] = letter(*verdict)
            lines.add((*of_window[id_], segment, column, version))
    lines |= {(model, stream, "", _FEEDS[stream], "") for model, stream in of_window.values()}
    expected: dict[Line, list[Told]] = {}
    for model, stream, segment, column, version in lines:
        mine = [row for row in windows if (row[1], row[2]) == (model, stream)]
        feed = "".join(_feed(row, said.get((row[0], "", _FEEDS[stream], ""))) for row in mine)
        text = "".join(said.get((row[0], segment, column, version), ".") for row in mine)
        is_feed = (segment, column, version) == ("", _FEEDS[stream], "")
        text = feed if is_feed else text
        seen = oracle.health(
            text, feed, hours=every_hours, column=not is_feed, asks="t" if stream == "labels" else None
        )
        for rule, story in (
            ("", oracle.tell(text, rules)),
            ("data_health", oracle.tell(seen, oracle.health_rules(rules, health_for))),
        ):
            told = [
                Told(
                    opened=mine[tale.opened][3],
                    resolved=None if tale.resolved is None else mine[tale.resolved][4],
                    severity=tale.severity,
                    relapses=tale.relapses,
                    reopens=tale.reopens,
                )
                for tale in story.tales
            ]
            if told:
                expected[Line(model, stream, segment, column, version, rule)] = told
    found: dict[Line, list[Told]] = {}
    streams = {(model, segment, column, version): stream for model, stream, segment, column, version in lines}
    for model, segment, column, version, rule, *numbers, _ in incidents:
        line = Line(model, streams[model, segment, column, version], segment, column, version, rule)
        found.setdefault(line, []).append(Told(*numbers))
    return found, expected


def letter(kind: str, asked: str, sure: int, immediate: int) -> str:
    """The oracle's letter of a verdict row."""
    if kind == "breach":
        found = "p" if asked == "page" else "t"
        return found.upper() if sure else found
    return {"clear": "c", "hold": "h", "no_data": "z", "low_volume": "l"}.get(kind, "E" if immediate else "e")


def _feed(window: tuple[object, ...], said: str | None) -> str:
    """A feed that is well has no verdict row. Nothing at all is said of a skipped window, nor of the labels
    of one that has too few rows."""
    mute = window[5] == "skipped" or (window[2] == "labels" and window[5] != "done")
    return said or ("." if mute else "c")
