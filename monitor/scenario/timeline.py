"""How does a scenario look from afar? One sign a window, one line a series, and the messages below."""

from collections.abc import Iterator, Mapping, Sequence

from monitor.scenario.found import Found, Words
from monitor.scenario.model import Scenario
from monitor.scenario.notation import Moment
from monitor.scenario.places import Place

_VERDICTS: Mapping[str | None, str] = {
    "clear": ".",
    "breach": "b",
    "hold": "~",
    "no_data": "0",
    "low_volume": "l",
    "error": "!",
    None: " ",
}
_CONDITIONS: Mapping[str | None, str] = {"ok": ".", "pending": "p", "firing": "F", "recovering": "r"}
_WINDOWS: Mapping[str | None, str] = {
    "done": ".",
    "no_data": "0",
    "low_volume": "l",
    "failed": "!",
    "skipped": "-",
    "planned": "?",
}
_LEGEND = (
    "windows   . done   0 no_data   l low_volume   ! failed   - skipped   ? planned",
    "verdicts  . clear  b breach    ~ hold         ! error    0 no_data   l low_volume",
    "becomes   . ok     p pending   F firing       r recovering",
)
_WIDTH = 80  # windows a line


def timeline(scenario: Scenario, found: Found) -> list[str]:
    """The drawing, in stretches of windows that fit on a screen; a digit is so many messages."""
    rows = list(_rows(scenario, found))
    width = max(len(name) for name, _ in rows)
    lines: list[str] = []
    for first in range(0, scenario.windows, _WIDTH):
        last = min(first + _WIDTH, scenario.windows)
        lines += ["", *_ruler(width, first, last)] if first else _ruler(width, first, last)
        lines += [f"{name.ljust(width)}  {signs[first:last]}".rstrip() for name, signs in rows]
    told = [each for each in found.messages if each.is_news]
    lines += ["", *(f"{each.at!s:<12} {each.channel:<12} {each.lines[1].lstrip(' |')}" for each in told)]
    return [*lines, *([""] if told else []), *_LEGEND]


def _ruler(width: int, first: int, last: int) -> list[str]:
    """Tens above, units below, so that a column of signs is a window's number."""
    numbers = range(first + 1, last + 1)
    tens = "".join(str(n // 10 % 10) if n % 10 == 0 else " " for n in numbers)
    units = "".join(str(n % 10) for n in numbers)
    head = [f"{'window'.ljust(width)}  {units}"]
    return [f"{' ' * width}  {tens}".rstrip(), *head] if tens.strip() else head


def _rows(scenario: Scenario, found: Found) -> Iterator[tuple[str, str]]:
    feed = Place(column="")
    if any(word != "done" for word in found.windows):
        yield "feed", _signs(_WINDOWS, found.windows)
    if any(word != "ok" for word in found.health[feed]):
        yield "  becomes", _signs(_CONDITIONS, found.health[feed])
    for place, said in found.verdicts.items():
        if place == feed:
            continue
        yield str(place), _signs(_VERDICTS, said)
        yield "  becomes", _signs(_CONDITIONS, found.conditions[place])
        if any(word != "ok" for word in found.health[place]):
            yield "  its data", _signs(_CONDITIONS, found.health[place])
    for channel in scenario.channels:
        at = [each.at for each in found.messages if each.channel == channel and each.is_news]
        yield f"✉ {channel}", _messages(at, scenario.windows)


def _signs(signs: Mapping[str | None, str], words: Words) -> str:
    return "".join(signs.get(word, "?") for word in words)


def _messages(at: Sequence[Moment], windows: int) -> str:
    """How many arrived before the next window was due."""
    counts = [sum(each.window == number for each in at) for number in range(1, windows + 1)]
    return "".join("." if not count else str(count) if count < 10 else "+" for count in counts)
