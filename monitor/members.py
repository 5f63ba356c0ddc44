"""Which members does a plural folder have, and do these options fit one of them?

A public module is a member, its file name the word in the config; the fields of its one public dataclass are
the options. An option that is a text may be given as `name_env` or `name_file`: that is how secrets come in
(monitor/secret.py). A field whose metadata has an `option` is written by that word in the config.
"""

import importlib
import pkgutil
import typing
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import StrEnum
from functools import cache
from typing import Any

from monitor.config_errors import convert
from monitor.config_problem import ConfigError, Path, Problem, nearest
from monitor.config_routes import CHANNEL_KEYS
from monitor.secret import read_secret


class Family(StrEnum):
    """A plural folder; the value is its package."""

    DETECTOR = "detectors"
    CHANNEL = "alerting.channels"
    SOURCE = "monitor.sources"


# What a member does, by which its class is known; performance measures rows with outcomes, not windows.
_VERBS = {
    Family.DETECTOR: ("measure", "measure_performance"),
    Family.CHANNEL: ("send",),
    Family.SOURCE: ("pull",),
}


@cache  # a config with twenty detectors asks dozens of times, and each reads the folder
def kinds(family: Family) -> tuple[str, ...]:
    """The members of a folder, by name; imports none of them."""
    package = importlib.import_module(family.value)
    return tuple(
        sorted(name for _, name, _ in pkgutil.iter_modules(package.__path__) if not name.startswith("_"))
    )


def member(family: Family, kind: str) -> type[Any]:
    """The one public dataclass of a member's file."""
    module = importlib.import_module(f"{family.value}.{kind}")
    found = [
        value
        for name, value in vars(module).items()
        if isinstance(value, type)
        and not name.startswith("_")
        and value.__module__ == module.__name__
        and is_dataclass(value)
        and any(hasattr(value, verb) for verb in _VERBS[family])
    ]
    if len(found) != 1:
        raise TypeError(f"{module.__name__}: a member has one public dataclass, found {len(found)}")
    return found[0]


def options(family: Family, kind: str) -> dict[str, Any]:
    """A member's options by the word of the config, each with its type."""
    cls = member(family, kind)
    hints = typing.get_type_hints(cls, include_extras=True)
    return {_word(field): hints[field.name] for field in fields(cls) if field.init}


def check(document: Mapping[str, Any]) -> list[Problem]:
    """Everything wrong with kinds and options, as `monitor.config_file.load` wants it."""
    problems: list[Problem] = []
    for path, family, table in _members(document):
        kind = table.get("kind")
        if isinstance(kind, str):  # else the models say so
            general = CHANNEL_KEYS if family is Family.CHANNEL else {"kind"}
            given = {key: value for key, value in table.items() if key not in general}
            problems += convert_options(family, kind, given, path)[1]
        if path[0] == "models" and path[2:] == ("source",) and table and "timestamp" not in table:
            hint = "name the column that says when a row happened"
            problems.append(Problem(path=(*path, "timestamp"), expectation="is missing", hint=hint))
    for path, kind, table in _detectors(document):
        problems += convert_options(
            Family.DETECTOR, kind, {k: v for k, v in table.items() if k != "enabled"}, path
        )[1]
    return problems


def convert_options(
    family: Family, kind: str, given: Mapping[str, Any], path: Path, *, secrets: bool = False
) -> tuple[dict[str, Any], list[Problem]]:
    """Options ready for the member. Without `secrets` those are left out; a member without any is tried."""
    if kind not in kinds(family):
        at = path if family is Family.DETECTOR else (*path, "kind")
        word = family.name.lower()
        hint = nearest(kind, kinds(family))
        return {}, [Problem(path=at, expectation=f"must be a kind of {word}", got=f'"{kind}"', hint=hint)]
    known = options(family, kind)
    converted: dict[str, Any] = {}
    problems: list[Problem] = []
    late = False
    for key, value in given.items():
        base, suffix = key.rpartition("_")[::2]
        if key in known:
            converted[key], wrong = convert(known[key], value, (*path, key), _nested((*path, key), value))
            problems += wrong
        elif suffix in ("env", "file") and base in known and known[base] is str:
            late = True
            try:
                converted[base] = read_secret(key, value, (*path, key)) if secrets else ""
            except ConfigError as error:
                problems += error.problems
                converted[base] = ""  # given, if not at hand: it is not missing too
        else:
            hint = nearest(key, [*known, *(CHANNEL_KEYS if family is Family.CHANNEL else ())])
            problems.append(Problem(path=(*path, key), expectation="is not a known option", hint=hint))
    cls = member(family, kind)
    required = [_word(field) for field in fields(cls) if field.init and _is_required(field)]
    problems += [
        Problem(path=(*path, name), expectation="is missing") for name in required if name not in converted
    ]
    names = {_word(field): field.name for field in fields(cls) if field.init}
    converted = {names[word]: value for word, value in converted.items()}
    if not problems and not secrets and not late:
        try:
            cls(**converted)
        except ValueError as error:
            problems.append(refusal(error, kind, path))
    return converted, problems


def _word(field: Field[Any]) -> str:
    """What the config calls it."""
    return str(field.metadata.get("option", field.name))


def _is_required(field: Field[Any]) -> bool:
    return field.default is MISSING and field.default_factory is MISSING


def refusal(error: ValueError, kind: str, path: Path) -> Problem:
    """A member's own words; `bins: must be …` names the option."""
    name, colon, rest = str(error).partition(": ")
    if colon and name.isidentifier():
        return Problem(path=path if name == kind else (*path, name), expectation=rest)
    return Problem(path=path, expectation=str(error))


def _nested(path: Path, value: object) -> object:
    """A document that holds the value at the path, for spelling what is wrong inside it."""
    document: object = value
    for part in reversed(path):
        document = {part: document} if isinstance(part, str) else [document]
    return document


def _members(document: Mapping[str, Any]) -> Sequence[tuple[Path, Family, Mapping[str, Any]]]:
    found: list[tuple[Path, Family, Any]] = [
        (("channels", name), Family.CHANNEL, table) for name, table in _table(document, "channels").items()
    ]
    for name, model in _table(document, "models").items():
        path: Path = ("models", name)
        found.append(((*path, "source"), Family.SOURCE, _table(model, "source")))
        for section in ("reference", "labels"):
            table = _table(_table(model, section), "source")
            found.append(((*path, section, "source"), Family.SOURCE, table))
    return [(path, family, table) for path, family, table in found if isinstance(table, dict)]


def _detectors(document: Mapping[str, Any]) -> Sequence[tuple[Path, str, Mapping[str, Any]]]:
    return [
        (("models", name, "detectors", kind), kind, table)
        for name, model in _table(document, "models").items()
        for kind, table in _table(model, "detectors").items()
        if isinstance(table, dict)
    ]


def _table(node: object, key: str) -> Mapping[str, Any]:
    value = node.get(key) if isinstance(node, dict) else None
    return value if isinstance(value, dict) else {}
