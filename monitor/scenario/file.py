"""What does this scenario say, and everything that is wrong with it?"""

import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path as FilePath
from typing import Any

from pydantic import ValidationError

from alerting.grouping import Reason
from monitor.config_errors import translate
from monitor.config_lines import lines, nearest_line
from monitor.config_problem import ConfigError, Path, Problem, display, nearest
from monitor.scenario.model import Scenario, Z
from monitor.scenario.notation import Moment
from monitor.scenario.places import FEED, Place

_SYNTAX = re.compile(r"(?P<what>.*) \(at (?:line (?P<line>\d+), column \d+|end of document)\)", re.S)
_EXAMPLE = "docs/scenarios.md shows the notation"
_PLACE = re.compile(r"[^@]*[^@\s]\s*(@\s*[^@=\s][^@=]*=[^@]*\S\s*)?")


def load(path: FilePath) -> Scenario:
    """Raises ConfigError with every problem at once."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ConfigError(
            [Problem(path=(), expectation=f"cannot be read ({reason})")], file=str(path)
        ) from error
    except UnicodeDecodeError as error:
        problem = Problem(path=(), expectation=f"must be UTF-8, byte {error.start} is not")
        raise ConfigError([problem], file=str(path)) from error
    return parse(text, file=str(path))


def parse(text: str, *, file: str) -> Scenario:
    """The same for a text."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([_syntax(str(error), text)], file=file) from error
    problems: list[Problem] = []
    scenario: Scenario | None = None
    try:
        scenario = Scenario.model_validate(document)
    except ValidationError as error:
        problems = translate(error, document, root=Scenario)
    else:
        problems = list(_problems(scenario))
    if problems or scenario is None:
        raise ConfigError(_located(problems, text), file=file)
    return scenario


def _syntax(message: str, text: str) -> Problem:
    match = _SYNTAX.fullmatch(message)
    if match is None:
        return Problem(path=(), expectation=f"is not TOML: {message}", hint=_EXAMPLE)
    line = int(match["line"]) if match["line"] else text.count("\n") + 1
    what = match["what"][:1].lower() + match["what"][1:]
    return Problem(path=(), expectation=f"is not TOML: {what}", hint=_EXAMPLE, line=line)


def _located(problems: Iterable[Problem], text: str) -> list[Problem]:
    found = lines(text)
    return [
        Problem(
            path=each.path,
            expectation=each.expectation,
            got=each.got,
            hint=each.hint,
            line=each.line or nearest_line(found, each.path),
        )
        for each in problems
    ]


def _problems(scenario: Scenario) -> Iterator[Problem]:
    """What no single value can know to be wrong."""
    yield from _lengths(scenario)
    yield from _series(scenario)
    yield from _silent_windows(scenario)
    yield from _too_few(scenario)
    yield from _thresholds(scenario)
    yield from _channels(scenario)
    yield from _moments(scenario)


def _lengths(scenario: Scenario) -> Iterator[Problem]:
    """Windows stand below each other: a series that is shorter hides which windows it is about."""
    lengths = dict(scenario.lengths)
    longest = max(lengths, key=lambda path: lengths[path])
    expected = scenario.expect
    if expected.windows is not None:
        lengths["expect", "windows"] = len(expected.windows)
    for table, known in (
        ("verdicts", expected.verdicts),
        ("conditions", expected.conditions),
        ("health", expected.health),
    ):
        lengths |= {("expect", table, name): len(words) for name, words in known.items()}
    for path, length in lengths.items():
        if length != scenario.windows:
            yield Problem(
                path=path,
                expectation=f"must have {scenario.windows} windows, as many as {'.'.join(map(str, longest))}",
                got=str(length),
                hint="write _ for a window in which nothing is said",
            )


def _series(scenario: Scenario) -> Iterator[Problem]:
    """Every name of a series is one that windows are given for."""
    given = {**scenario.verdicts, **scenario.values}
    known = [FEED, *given]
    for table, names in (("verdicts", scenario.verdicts), ("values", scenario.values)):
        for name in names:
            if Place.of(name).column == "" or _PLACE.fullmatch(name) is None:
                yield Problem(
                    path=(table, name),
                    expectation='must be a column, or a column and a slice such as "distance @ origin=JFK"',
                    hint="`feed = …` at the top says how whole windows end" if name == FEED else "",
                )
            same = [other for other in given if Place.of(other) == Place.of(name)]
            if len(same) > 1 or (table == "values" and name in scenario.verdicts):
                yield Problem(path=(table, name), expectation="must be given once")
    expected = scenario.expect
    places = {str(Place.of(name)): name for name in known}
    wanted: list[tuple[Path, str]] = [(("columns", name), name) for name in scenario.columns]
    for table, said in (
        ("verdicts", expected.verdicts),
        ("conditions", expected.conditions),
        ("health", expected.health),
    ):
        wanted += [(("expect", table, name), name) for name in said]
    wanted += [
        (("expect", "incidents", index, "column"), each.column)
        for index, each in enumerate(expected.incidents)
        if not (each.kind == "daemon" and each.column in scenario.channels)
    ]
    wanted += [
        (("actions", index, "column"), str(column))
        for index, action in enumerate(scenario.actions)
        if (column := getattr(action, "column", None)) is not None
    ]
    for path, name in wanted:
        if str(Place.of(name)) not in places:
            expectation = "must be a series of this scenario"
            yield Problem(path=path, expectation=expectation, got=display(name), hint=nearest(name, known))


def _silent_windows(scenario: Scenario) -> Iterator[Problem]:
    """Nothing is measured in a window without rows, so nothing can be said of a column there."""
    if scenario.feed is None:
        return
    mute = {
        index: word
        for index, word in enumerate(scenario.feed)
        if word in ("no_data", "low_volume", "failed", "broken")
    }
    tables: list[tuple[Path, Sequence[object]]] = [
        (("verdicts", name), said) for name, said in scenario.verdicts.items()
    ]
    tables += [
        (("values", name, metric), values)
        for name, metrics in scenario.values.items()
        for metric, values in metrics.items()
    ]
    for path, said in tables:
        for index, word in mute.items():
            if index < len(said) and said[index] is not None:
                expectation = f"must be _ in window {index + 1}: its feed is {word}, so nothing is measured"
                yield Problem(path=path, expectation=expectation, got=display(said[index]))
                break


def _too_few(scenario: Scenario) -> Iterator[Problem]:
    """A window that has rows, and fewer than min_rows."""
    said = {word for words in (scenario.feed or (), *scenario.verdicts.values()) for word in words}
    if "low_volume" in said and scenario.window.min_rows < 2:
        expectation = "must be at least 2 where a window has low_volume"
        yield Problem(path=("window", "min_rows"), expectation=expectation, got=str(scenario.window.min_rows))


def _thresholds(scenario: Scenario) -> Iterator[Problem]:
    """A metric without a limit is reported and never judged: such a scenario could only be green."""
    for name, metrics in scenario.values.items():
        column = Place.of(name).column
        for metric in metrics:
            limits = scenario.policy.thresholds
            if metric != Z and not any(t.metric == metric and fnmatchcase(column, t.column) for t in limits):
                yield Problem(
                    path=("values", name, metric),
                    expectation="must have a limit that judges it",
                    hint=f'add [[policy.thresholds]] with metric = "{metric}" and ticket or page; '
                    f"or give `{Z}`, sd of a usual window",
                )


def _channels(scenario: Scenario) -> Iterator[Problem]:
    known = list(scenario.channels)
    wanted: list[tuple[Path, str]] = [
        (("routes", index, "channels", position), name)
        for index, route in enumerate(scenario.routes)
        for position, name in enumerate(route.channels)
    ]
    wanted += [
        (("expect", "messages", index, "channel"), each.channel)
        for index, each in enumerate(scenario.expect.messages)
    ]
    wanted += [
        (("routes", index, "escalation", position, "channel"), step.channel)
        for index, route in enumerate(scenario.routes)
        for position, step in enumerate(route.escalation)
    ]
    if scenario.fallback is not None:
        wanted.append((("fallback",), scenario.fallback))
    if scenario.retraining.target is not None:
        wanted.append((("retraining", "target"), scenario.retraining.target))
    for path, name in wanted:
        if name not in scenario.channels:
            yield Problem(
                path=path, expectation="must name a channel", got=display(name), hint=nearest(name, known)
            )
    reasons = [*(str(reason) for reason in Reason), "retraining"]
    for index, each in enumerate(scenario.expect.messages):
        if each.reason not in reasons:
            hint = nearest(each.reason, reasons)
            path = ("expect", "messages", index, "reason")
            yield Problem(
                path=path, expectation="must be a reason to tell", got=display(each.reason), hint=hint
            )


def _moments(scenario: Scenario) -> Iterator[Problem]:
    """A moment names a window that is there; what is down comes back later."""
    for path, at in _every_moment(scenario, ()):
        if at.window is not None and at.window > scenario.windows:
            expectation = f"must be one of {scenario.windows} windows"
            yield Problem(path=path, expectation=expectation, got=json.dumps(str(at)))
    spans: list[tuple[Path, Moment, Moment]] = [
        (("down", index), each.from_, each.to) for index, each in enumerate(scenario.down)
    ]
    for name, channel in scenario.channels.items():
        spans += [
            (("channels", name, "down", index), each.from_, each.to)
            for index, each in enumerate(channel.down)
        ]
    for path, start, end in spans:
        comparable = (start.window is None) == (end.window is None)
        if comparable and (start.window or 0, start.later) >= (end.window or 0, end.later):
            got = f"{start} to {end}"
            yield Problem(path=path, expectation="must end after it begins", got=got)


def _every_moment(node: Any, path: Path) -> Iterator[tuple[Path, Moment]]:
    """Every moment of the scenario with its path as written."""
    if isinstance(node, Moment):
        yield path, node
    elif isinstance(node, dict):
        for key, value in node.items():
            yield from _every_moment(value, (*path, key))
    elif isinstance(node, tuple):
        for index, value in enumerate(node):
            if not isinstance(value, str | float | None):
                yield from _every_moment(value, (*path, index))
    elif hasattr(type(node), "model_fields"):
        for name, field in type(node).model_fields.items():
            yield from _every_moment(getattr(node, name), (*path, field.alias or name))
