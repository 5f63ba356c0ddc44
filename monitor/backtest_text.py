"""How does a backtest read, as records and as tables?"""

from collections.abc import Iterator
from typing import Any
from zoneinfo import ZoneInfo

from alerting.incident import Incident
from alerting.series import PLAIN
from monitor.backtest import Backtest
from monitor.retold import Met, Said, Tally
from storage.encoding import iso

COUNTED = (
    ("pages", "pages"),
    ("tickets", "tickets"),
    ("windows_with_page", "windows with a page"),
    ("windows_with_ticket", "windows with a ticket only"),
    ("false_pages", "pages marked as false"),
)


def payload(model: str, rules: str, found: Backtest) -> dict[str, Any]:
    """Everything, for --json."""
    return {
        "model": model,
        "rules": rules,
        "windows": found.windows,
        "windows_left_out": found.left_out,
        "verdicts": found.verdicts,
        "verdicts_alike": found.alike,
        "same": found.same,
        "before": _tally(found.before),
        "after": _tally(found.after),
        "incidents": [_met(each) for each in found.incidents],
        "otherwise": [_said(each) for each in found.otherwise],
    }


def tally_rows(found: Backtest) -> list[list[object]]:
    """What was counted, as it was and as it would have been."""
    return [
        [words, getattr(found.before, name), getattr(found.after, name)]
        for name, words in COUNTED
        if name != "false_pages" or found.before.false_pages
    ]


def incident_rows(found: Backtest, zone: ZoneInfo, *, most: int) -> list[list[object]]:
    """The incidents; where they do not all fit, those first that come out otherwise."""
    unlike = [each for each in found.incidents if _severity(each.before) != _severity(each.after)]
    alike = [each for each in found.incidents if each not in unlike]
    chosen = [*unlike, *alike][:most]
    return [
        [
            f"{each.one.opened.astimezone(zone):%Y-%m-%d %H:%M}",
            _place(each.one),
            _severity(each.before) or "—",
            _severity(each.after) or "—",
            each.one.title or each.one.change,
        ]
        for each in found.incidents
        if each in chosen
    ]


def last_words(found: Backtest, *, most: int) -> Iterator[str]:
    """What the tables do not say."""
    if found.same:
        yield f"the same in everything: all {found.verdicts:,} verdicts and incidents come out to the bit"
    else:
        numbers = found.verdicts - found.alike - sum(bool(each.before) for each in found.otherwise)
        yield (
            f"{found.verdicts:,} verdicts: {found.alike:,} the same to the bit, {len(found.otherwise):,} say "
            f"something else, {max(numbers, 0):,} differ in numbers alone"
        )
    if len(found.incidents) > most:
        yield f"{len(found.incidents) - most} more incidents; --json has all"
    if found.left_out:
        yield (
            f"{found.left_out} older windows are left out: they were cut otherwise, and a backtest cannot "
            "cut time anew"
        )


def _tally(tally: Tally) -> dict[str, int]:
    return {name: getattr(tally, name) for name, _ in COUNTED}


def _met(met: Met) -> dict[str, object]:
    return {
        "incident_id": met.one.id,
        "opened": iso(met.one.opened),
        "column_name": met.one.series.column,
        "segment": met.one.series.segment,
        "version": met.one.series.version,
        "kind": met.one.kind.value,
        "change": met.one.change,
        "title": met.one.title,
        "before": _severity(met.before),
        "after": _severity(met.after),
        "opened_after": None if met.after is None else iso(met.after.opened),
        "false_page": met.before is not None and bool(met.before.false_page_by),
    }


def _said(said: Said) -> dict[str, object]:
    return {
        "window_start": iso(said.start),
        "column_name": said.column,
        "segment": said.segment,
        "version": said.version,
        "before": said.before or None,
        "after": said.after or None,
    }


def _severity(incident: Incident | None) -> str | None:
    return None if incident is None else incident.severity.value


def _place(incident: Incident) -> str:
    column = PLAIN.get(incident.series.column, incident.series.column)
    return f"{column}, {incident.series.segment}" if incident.series.segment else column
