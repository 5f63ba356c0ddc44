"""How does a model's heat map look in a terminal? A line a column, a character a window, or a few of them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from math import ceil

from alerting.verdict import Severity, VerdictKind
from storage.due_window import WindowState
from storage.heat_map import HeatMap, Said


class Heat(StrEnum):
    """What a person sees of one column in one window, the worst first."""

    PAGE = "page"
    TICKET = "ticket"
    BREACH = "breach"  # not long enough, or silenced, or of no matter: it alerts nobody
    ERROR = "error"
    HOLD = "hold"
    CLEAR = "clear"
    NOTHING = "nothing"  # the window was not judged, or had too few rows to be


GLYPHS: Mapping[Heat, str] = {
    Heat.PAGE: "█",
    Heat.TICKET: "▓",
    Heat.BREACH: "▒",
    Heat.ERROR: "!",
    Heat.HOLD: "░",
    Heat.CLEAR: "·",
    Heat.NOTHING: " ",
}
STYLES: Mapping[Heat, str] = {
    Heat.PAGE: "bold red",
    Heat.TICKET: "dark_orange",
    Heat.BREACH: "yellow",
    Heat.ERROR: "magenta",
    Heat.HOLD: "cyan",
    Heat.CLEAR: "green",
    Heat.NOTHING: "default",
}
MEANINGS = "█ page  ▓ ticket  ▒ breach that alerts nobody  ! error  ░ hold  · clear  (blank) not judged"
_MANY = {
    Heat.PAGE: "pages",
    Heat.TICKET: "tickets",
    Heat.BREACH: "breaches",
    Heat.ERROR: "errors",
    Heat.HOLD: "holds",
}
_TOLD = tuple(_MANY)
_WORST = {heat: place for place, heat in enumerate(Heat)}
_UNJUDGED = (WindowState.NO_DATA, WindowState.LOW_VOLUME, WindowState.FAILED, WindowState.SKIPPED)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatLine:
    """One column over all windows, oldest first."""

    column: str
    heats: tuple[Heat, ...]

    def count(self, heat: Heat) -> int:
        return self.heats.count(heat)


def heat_lines(found: HeatMap) -> list[HeatLine]:
    """Columns of which anything but clear was said, the worst first; the config's own before derived ones."""
    lines = [
        HeatLine(
            column=column,
            heats=tuple(
                _heat(said.get(span.start), state, judged=span.start in found.judged)
                for span, state in found.windows.items()
            ),
        )
        for column, said in found.said.items()
    ]
    return sorted(
        lines,
        key=lambda line: ([-line.count(heat) for heat in _TOLD], line.column.startswith("__"), line.column),
    )


def _heat(said: Said | None, state: WindowState, *, judged: bool) -> Heat:
    if said is None:
        return Heat.CLEAR if judged and state not in _UNJUDGED else Heat.NOTHING
    if said.kind is VerdictKind.BREACH:
        return {Severity.PAGE: Heat.PAGE, Severity.TICKET: Heat.TICKET}.get(said.severity, Heat.BREACH)
    if said.kind is VerdictKind.ERROR:
        return Heat.ERROR
    return {VerdictKind.HOLD: Heat.HOLD, VerdictKind.CLEAR: Heat.CLEAR}.get(said.kind, Heat.NOTHING)


def squeezed(heats: Sequence[Heat], width: int) -> list[Heat]:
    """At most `width` of them: the worst of each group of neighbours; groups are counted from the newest."""
    each = max(1, ceil(len(heats) / max(1, width)))
    first = len(heats) % each
    groups = [heats[:first]] if first else []
    groups += [heats[at : at + each] for at in range(first, len(heats), each)]
    return [min(group, key=_WORST.__getitem__) for group in groups]


def counts(line: HeatLine) -> str:
    """For the end of a line: "3 pages, 1 ticket", in windows."""
    found = ((heat, line.count(heat)) for heat in _TOLD)
    return ", ".join(f"{count} {heat if count == 1 else _MANY[heat]}" for heat, count in found if count)


def footer(found: HeatMap, width: int, zone: str, shown: int, lines: int) -> Iterator[str]:
    """When the windows begin and end, what a character is, and what was left out."""
    spans = list(found.windows)
    each = max(1, ceil(len(spans) / max(1, width)))
    what = "a character is a window" if each == 1 else f"a character is {each} windows, the worst of them"
    yield f"{_minute(spans[0].start, zone)} to {_minute(spans[-1].end, zone)}, {len(spans)} windows; {what}"
    yield MEANINGS
    if shown < lines:
        yield f"{lines - shown} more columns were not always clear: --rows {lines} shows them"


def _minute(at: datetime, zone: str) -> str:
    from zoneinfo import ZoneInfo  # noqa: PLC0415  few commands need it

    return f"{at.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M}"
