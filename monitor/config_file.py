"""What does this file say, and everything that is wrong with it?"""

import hashlib
import json
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path as FilePath
from typing import Any

from pydantic import ValidationError

from monitor.config import Config
from monitor.config_errors import translate
from monitor.config_lines import lines, nearest_line
from monitor.config_problem import (
    PASSWORD,
    SECRET_KEY,
    ConfigError,
    Path,
    Problem,
    display,
    get,
    has,
    nearest,
)
from monitor.targets import REQUESTS_ONLY, TARGETS

Document = dict[str, Any]
MemberCheck = Callable[[Mapping[str, Any]], list[Problem]]

_SYNTAX = re.compile(
    r"(?P<what>.*) \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)", re.S
)


def load(path: FilePath, *, members: MemberCheck | None = None) -> Config:
    """Raises ConfigError with every problem at once.

    `members` checks kinds and options of sources, channels and detectors (monitor.build.check); it imports
    them, which is why commands that only read history leave it out.
    """
    text = _read(path)
    return parse(text, path=path, members=members)


def parse(text: str, *, path: FilePath, members: MemberCheck | None = None) -> Config:
    """The same for a text that stands, or would stand, at `path`."""
    try:
        written = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([_syntax(str(error), text)], file=str(path)) from error
    document, problems = _merge_defaults(written)
    digests = {name: _digest(table) for name, table in _models(document)}
    problems += _inline_secrets(document)
    _anchor(document, path.resolve().parent)
    config: Config | None = None
    try:
        config = Config.model_validate(document)
    except ValidationError as error:
        problems += translate(error, document)
    problems += _dangling_names(document) + _deaf_targets(document)
    if members is not None:
        problems += members(document)
    if problems or config is None:
        raise ConfigError(_located(problems, written, text), file=str(path))
    return config.loaded(path, digests)


def located(error: ConfigError, path: FilePath) -> ConfigError:
    """The same with the file's lines, for mistakes that are found after loading."""
    text = _read(path)
    return ConfigError(_located(list(error.problems), tomllib.loads(text), text), file=str(path))


def _read(path: FilePath) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError as error:
        hint = "create it (config.example.toml shows every key) or name one with --config"
        raise ConfigError(
            [Problem(path=(), expectation="no such file", hint=hint)], file=str(path)
        ) from error
    except UnicodeDecodeError as error:
        hint = "save it again as UTF-8"
        problem = Problem(path=(), expectation=f"must be UTF-8, byte {error.start} is not", hint=hint)
        raise ConfigError([problem], file=str(path)) from error
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        hint = "name a file that this user may read with --config"
        problem = Problem(path=(), expectation=f"cannot be read ({reason})", hint=hint)
        raise ConfigError([problem], file=str(path)) from error


def _syntax(message: str, text: str) -> Problem:
    match = _SYNTAX.fullmatch(message)
    if match is None:
        return Problem(path=(), expectation=f"is not TOML: {message}")
    line = int(match["line"]) if match["line"] else text.count("\n") + 1
    what = match["what"][:1].lower() + match["what"][1:]
    hint = "texts stand in quotes; config.example.toml shows every key"
    return Problem(path=(), expectation=f"is not TOML: {what}", hint=hint, line=line)


def _merge_defaults(written: Document) -> tuple[Document, list[Problem]]:
    """`defaults.model` under every model: tables merge key by key, everything else is replaced."""
    document = dict(written)
    defaults = document.pop("defaults", {})
    if not isinstance(defaults, dict):
        return document, [Problem(path=("defaults",), expectation="must be a table", got=display(defaults))]
    problems = [
        Problem(path=("defaults", key), expectation="is not a known key", hint=nearest(key, ["model"]))
        for key in defaults
        if key != "model"
    ]
    shared = defaults.get("model", {})
    if not isinstance(shared, dict):
        problems.append(Problem(path=("defaults", "model"), expectation="must be a table"))
    elif isinstance(document.get("models"), dict):
        document["models"] = {
            name: _merged(shared, table) if isinstance(table, dict) else table
            for name, table in document["models"].items()
        }
    return json_copy(document), problems


def json_copy(node: Any) -> Any:
    """Tables and arrays anew, so that nothing written is changed in place."""
    if isinstance(node, dict):
        return {key: json_copy(value) for key, value in node.items()}
    return [json_copy(value) for value in node] if isinstance(node, list) else node


def _merged(below: Document, above: Document) -> Document:
    merged = dict(below)
    for key, value in above.items():
        under = merged.get(key)
        if isinstance(value, dict) and isinstance(under, dict):
            # A source of another kind is another source: options of the default's kind mean nothing to it.
            other = value.get("kind", under.get("kind")) != under.get("kind")
            merged[key] = value if other else _merged(under, value)
        else:
            merged[key] = value
    return merged


def _models(document: Document) -> Iterator[tuple[str, Document]]:
    models = document.get("models")
    if isinstance(models, dict):
        yield from ((name, table) for name, table in models.items() if isinstance(table, dict))


def _digest(table: Document) -> str:
    return hashlib.sha256(json.dumps(table, sort_keys=True, default=str).encode()).hexdigest()


def _anchor(node: Any, base: FilePath) -> None:
    """Paths are relative to the file: a member's `path`, every `*_file`, and SQLite's."""
    if isinstance(node, list):
        for value in node:
            _anchor(value, base)
    if not isinstance(node, dict):
        return
    for key, value in node.items():
        if not isinstance(value, str):
            _anchor(value, base)
        elif (
            key == "url"
            and value.startswith("sqlite:///")
            and value not in ("sqlite:///", "sqlite:///:memory:")
        ):
            node[key] = f"sqlite:///{base / value.removeprefix('sqlite:///')}"
        elif (key.endswith("_file") or (key == "path" and "kind" in node)) and "://" not in value:
            node[key] = str(base / FilePath(value).expanduser())


def _inline_secrets(document: Document) -> list[Problem]:
    """A secret in a file that is shown, diffed and committed is no secret."""
    problems = []
    storage = document.get("storage")
    url = storage.get("url") if isinstance(storage, dict) else None
    if isinstance(url, str) and PASSWORD.search(url):
        hint = 'put it into the environment and write url_env = "LEEWAY_DATABASE_URL", or use url_file'
        problems.append(Problem(path=("storage", "url"), expectation="must not hold a password", hint=hint))
    for path, table in _sources(document):
        url = table.get("url")
        if isinstance(url, str) and PASSWORD.search(url):
            hint = 'put it into the environment and write url_env = "NAME_OF_A_VARIABLE", or use url_file'
            problems.append(Problem(path=(*path, "url"), expectation="must not hold a password", hint=hint))
    for path, key in _member_keys(document):
        if SECRET_KEY.search(key) and not key.endswith(("_env", "_file")):
            hint = f'write {key}_env = "NAME_OF_A_VARIABLE" or {key}_file = "path" instead'
            problems.append(Problem(path=(*path, key), expectation="must not be in the config", hint=hint))
    return problems


def _sources(document: Document) -> Iterator[tuple[Path, Document]]:
    for model, table in _models(document):
        for section in ((), ("reference",), ("labels",)):
            path: Path = (*section, "source")
            found = get(table, path)
            if isinstance(found, dict):
                yield ("models", model, *path), found


def _member_keys(document: Document) -> Iterator[tuple[Path, str]]:
    for path, source in _sources(document):
        yield from ((path, key) for key in source)
    channels = document.get("channels")
    if isinstance(channels, dict):
        for name, table in channels.items():
            if isinstance(table, dict):
                yield from ((("channels", name), key) for key in table)


def _dangling_names(document: Document) -> list[Problem]:
    """Routes, their escalations and retraining name channels that exist."""
    channels = document.get("channels")
    known = list(channels) if isinstance(channels, dict) else []
    wanted: list[tuple[Path, object]] = [*_told(document)]
    switch = document.get("retraining")
    allowed = switch.get("targets") if isinstance(switch, dict) else None
    for index, name in enumerate(allowed if isinstance(allowed, list) else []):
        wanted.append((("retraining", "targets", index), name))
    for model, table in _models(document):
        retraining = table.get("retraining")
        if isinstance(retraining, dict) and "target" in retraining:
            wanted.append((("models", model, "retraining", "target"), retraining["target"]))
    return [
        Problem(path=path, expectation="must name a channel", got=display(name), hint=nearest(name, known))
        for path, name in wanted
        if isinstance(name, str) and name not in known
    ]


def _deaf_targets(document: Document) -> list[Problem]:
    """A request that lands in a chat or a file trains nothing, and would count as sent. And the other way
    round: what only takes requests reads no messages."""
    channels = document.get("channels")
    kinds = {
        name: table.get("kind")
        for name, table in (channels.items() if isinstance(channels, dict) else ())
        if isinstance(table, dict)
    }
    expectation = "must name a channel that takes requests, of kind " + ", ".join(TARGETS)
    problems = [
        Problem(path=path, expectation=expectation, got=display(name))
        for path, name in _asked(document)
        if isinstance(name, str) and name in kinds and kinds[name] not in TARGETS
    ]
    return problems + [
        Problem(path=path, expectation="must name a channel that people read", got=display(name))
        for path, name in _told(document)
        if isinstance(name, str) and kinds.get(name) in REQUESTS_ONLY
    ]


def _asked(document: Document) -> Iterator[tuple[Path, object]]:
    for model, table in _models(document):
        retraining = table.get("retraining")
        if isinstance(retraining, dict) and retraining.get("mode") in ("approve", "auto"):
            yield ("models", model, "retraining", "target"), retraining.get("target")
    switch = document.get("retraining")
    allowed = switch.get("targets") if isinstance(switch, dict) else None
    for index, name in enumerate(allowed if isinstance(allowed, list) else []):
        yield ("retraining", "targets", index), name


def _told(document: Document) -> Iterator[tuple[Path, object]]:
    routes = document.get("routes")
    for index, route in enumerate(routes if isinstance(routes, list) else []):
        names = route.get("channels") if isinstance(route, dict) else None
        for position, name in enumerate(names if isinstance(names, list) else []):
            yield ("routes", index, "channels", position), name
        steps = route.get("escalation") if isinstance(route, dict) else None
        for position, step in enumerate(steps if isinstance(steps, list) else []):
            name = step.get("channel") if isinstance(step, dict) else None
            yield ("routes", index, "escalation", position, "channel"), name
    daemon = document.get("daemon")
    if isinstance(daemon, dict) and "fallback" in daemon:
        yield ("daemon", "fallback"), daemon["fallback"]


def _located(problems: list[Problem], written: Document, text: str) -> list[Problem]:
    """With lines; what `defaults.model` brought into several models is said once, where it stands."""
    found = lines(text)
    located: dict[tuple[Path, str], Problem] = {}
    for problem in problems:
        path = problem.path
        shared: Path = ("defaults", "model", *path[2:])
        if path[:1] == ("models",) and len(path) > 2 and not has(written, path) and has(written, shared):
            path = shared
        line = problem.line if problem.line is not None else nearest_line(found, path)
        moved = Problem(
            path=path, expectation=problem.expectation, got=problem.got, hint=problem.hint, line=line
        )
        located.setdefault((path, problem.expectation), moved)
    return list(located.values())
