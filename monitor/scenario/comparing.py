"""Did what came of a scenario come as it was expected? Every difference, in words that say where to look."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from monitor.scenario.found import Found, FoundIncident, FoundMessage, Words
from monitor.scenario.model import IncidentExpected, MessageExpected, Scenario
from monitor.scenario.notation import Moment
from monitor.scenario.places import Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """`what`: the part of the scenario. The others in its notation; empty where there is nothing."""

    what: str
    expected: str = ""
    found: str = ""


Order = Callable[[Moment], object]


def differences(scenario: Scenario, found: Found, order: Order) -> list[Difference]:
    """None when all is as expected. `order` makes moments comparable."""
    expected = scenario.expect
    series: list[tuple[str, Words, Words]] = []
    if expected.windows is not None:
        series.append(("windows", expected.windows, found.windows))
    for what, wanted, got in (
        ("verdicts", expected.verdicts, found.verdicts),
        ("conditions", expected.conditions, found.conditions),
        ("health", expected.health, found.health),
    ):
        for name, words in wanted.items():
            # Whoever expects a word of a slice or column has given values for it: the loader saw to that.
            series.append((f"{what}.{name}", words, got[Place.of(name)]))
    return [
        *(found_ for each in series for found_ in _series(*each)),
        *_incidents(scenario, found.incidents),
        *_messages(scenario, [each for each in found.messages if each.is_news], order),
    ]


def _series(what: str, expected: Words, found: Words) -> Iterator[Difference]:
    """Window by window; `_` expects nothing in particular."""
    wrong = [
        number
        for number, (want, got) in enumerate(zip(expected, found, strict=True), start=1)
        if want is not None and want != got
    ]
    if wrong:
        yield Difference(
            what=f"{what}, {'windows' if len(wrong) > 1 else 'window'} {_ranges(wrong)}",
            expected=compact(expected),
            found=compact(found),
        )


def _incidents(scenario: Scenario, found: Sequence[FoundIncident]) -> Iterator[Difference]:
    """By series and opening window; then field by field."""
    left = list(found)
    for expected in scenario.expect.incidents:
        place, health = Place.of(expected.column), expected.health or not Place.of(expected.column).column
        same = [each for each in left if (each.place, each.health) == (place, health)]
        match = next((each for each in same if each.opened == expected.opened), None)
        if match is None:
            yield Difference(what="incidents", expected=_wanted(expected))
            continue
        left.remove(match)
        if any(want != got for want, got in _fields(expected, match)):
            yield Difference(
                what="incidents", expected=_wanted(expected), found=_spelled(match, beside=expected)
            )
    if scenario.expect.only:
        for each in left:
            yield Difference(what="incidents", found=_spelled(each))


def _fields(expected: IncidentExpected, found: FoundIncident) -> Iterator[tuple[object, object]]:
    yield expected.resolved, found.resolved
    incident = found.incident
    for want, got in (
        (expected.reason, incident.resolved_reason),
        (expected.severity, incident.severity),
        (expected.kind, incident.kind),
        (expected.relapses, incident.relapses),
        (expected.reopens, incident.reopens),
        (expected.acknowledged_by, incident.acknowledged_by),
        (expected.escalation_step, incident.escalation_step),
    ):
        if want is not None:
            yield want, got


def _wanted(expected: IncidentExpected) -> str:
    named = {
        "severity": expected.severity,
        "kind": expected.kind,
        "reason": expected.reason,
        "relapses": expected.relapses,
        "reopens": expected.reopens,
        "acknowledged_by": expected.acknowledged_by,
        "escalation_step": expected.escalation_step,
    }
    return _line(
        Place.of(expected.column),
        expected.health,
        expected.opened,
        expected.resolved,
        {name: value for name, value in named.items() if value is not None},
    )


def _spelled(found: FoundIncident, beside: IncidentExpected | None = None) -> str:
    """All there is to say, or what the expectation beside it says as well."""
    incident = found.incident
    named: dict[str, object] = {
        "severity": incident.severity,
        "kind": incident.kind,
        "reason": incident.resolved_reason,
        "relapses": incident.relapses,
        "reopens": incident.reopens,
        "acknowledged_by": incident.acknowledged_by,
        "escalation_step": incident.escalation_step,
    }
    if beside is not None:
        named = {name: value for name, value in named.items() if getattr(beside, name) is not None}
    else:
        named = {name: value for name, value in named.items() if value}
    return _line(found.place, found.health, found.opened, found.resolved, named)


def _line(
    place: Place, health: bool, opened: Moment, resolved: Moment | None, named: Mapping[str, object]
) -> str:
    axis = ", health" if health and place.column else ""
    end = "still open" if resolved is None else f"resolved {resolved}"
    rest = "".join(
        f", {name} {value if value not in (None, '') else 'none'}" for name, value in named.items()
    )
    return f"{place}{axis}: opened {opened}, {end}{rest}"


def _messages(scenario: Scenario, found: Sequence[FoundMessage], order: Order) -> Iterator[Difference]:
    """Channel by channel, in order: what is aligned by its reason is held against what was wanted of it."""
    for channel in scenario.channels:
        wanted = [
            each for each in scenario.expect.messages if each.channel == channel for _ in range(each.times)
        ]
        got = [each for each in found if each.channel == channel]
        if not wanted and not scenario.expect.only:
            continue
        what = f"messages to {channel}"
        matcher = SequenceMatcher(
            a=[each.reason for each in wanted], b=[each.reason for each in got], autojunk=False
        )
        for tag, a, b, c, d in matcher.get_opcodes():
            if tag == "equal":
                for one, other in zip(wanted[a:b], got[c:d], strict=True):
                    yield from _message(what, one, other, order)
                continue
            for one in wanted[a:b]:
                yield Difference(what=what, expected=_asked(one))
            for other in got[c:d] if scenario.expect.only else ():
                yield Difference(what=what, found=_told(other))


def _message(what: str, expected: MessageExpected, found: FoundMessage, order: Order) -> Iterator[Difference]:
    late = expected.by is not None and order(found.at) > order(expected.by)  # type: ignore[operator]  # instants
    if (expected.at is not None and order(found.at) != order(expected.at)) or late:
        yield Difference(what=what, expected=_asked(expected), found=_told(found))
    for text in expected.contains:
        if text not in found.text:
            yield Difference(
                what=f"{what}, {found.reason} at {found.at}",
                expected=f'a text with "{text}"',
                found="\n".join(found.lines),
            )
    for text in expected.lacks:
        if text in found.text:
            yield Difference(
                what=f"{what}, {found.reason} at {found.at}",
                expected=f'a text without "{text}"',
                found="\n".join(found.lines),
            )


def _asked(expected: MessageExpected) -> str:
    at = f" at {expected.at}" if expected.at is not None else ""
    by = f" by {expected.by}" if expected.by is not None else ""
    return f"{expected.reason}{at}{by}"


def _told(found: FoundMessage) -> str:
    heading = found.lines[1].lstrip(" |") if len(found.lines) > 1 else ""
    return f"{found.reason} at {found.at}: {heading}"


def compact(words: Words) -> str:
    """`ok x5 pending firing x2`, as a person would write it."""
    runs: list[tuple[str, int]] = []
    for word in words:
        text = "_" if word is None else word
        if runs and runs[-1][0] == text:
            runs[-1] = (text, runs[-1][1] + 1)
        else:
            runs.append((text, 1))
    return " ".join(word if times == 1 else f"{word} x{times}" for word, times in runs)


def _ranges(numbers: Sequence[int]) -> str:
    """1, 3–5."""
    parts: list[list[int]] = []
    for number in numbers:
        if parts and number == parts[-1][-1] + 1:
            parts[-1] = [parts[-1][0], number]
        else:
            parts.append([number])
    return ", ".join("–".join(map(str, part)) for part in parts)
