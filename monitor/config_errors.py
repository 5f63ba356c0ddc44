"""What does a validation error mean to the person who wrote the file?"""

import json
import re
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from monitor.config import Config
from monitor.config_problem import Path, Problem, display, has, nearest

_TYPES = {
    "string": "a text in quotes",
    "int": "an integer",
    "float": "a number",
    "bool": "true or false",
    "dict": "a table",
    "model": "a table",
    "tuple": "an array",
    "list": "an array",
}
_BOUNDS = {
    "greater_than_equal": "≥ {ge}",
    "greater_than": "> {gt}",
    "less_than_equal": "≤ {le}",
    "less_than": "< {lt}",
}
# A rejected value may be a secret: it must not come back in a traceback.
_QUIET = ConfigDict(hide_input_in_errors=True)
# Our own validators may name the key inside the table they look at.
_INNER = re.compile(r"(?P<path>[a-z_]+(?:\.[a-z_]+)*): (?P<rest>.*)", re.S)


def translate(
    error: ValidationError, document: object, *, within: Path = (), root: type[BaseModel] = Config
) -> list[Problem]:
    """One problem a place: branches of a union are one mistake. `root`: whose file the document is."""
    merged: dict[Path, Problem] = {}
    for detail in error.errors(include_url=False):
        problem = _problem({**detail, "loc": (*within, *detail["loc"])}, document, root)
        known = merged.get(problem.path)
        if known is None:
            merged[problem.path] = problem
        elif problem.expectation.startswith("must be ") and problem.expectation not in known.expectation:
            both = f"{known.expectation} or {problem.expectation.removeprefix('must be ')}"
            merged[problem.path] = Problem(path=known.path, expectation=both, got=known.got, hint=known.hint)
    return list(merged.values())


def _problem(detail: Mapping[str, Any], document: object, root: type[BaseModel]) -> Problem:
    kind, context = detail["type"], detail.get("ctx", {})
    path = _real(detail["loc"], document, missing=kind == "missing")
    key = path[-1] if path else ""
    got = display(detail["input"], key)
    if kind == "extra_forbidden":
        hint = nearest(str(key), _known(path[:-1], root))
        return Problem(path=path, expectation="is not a known key", hint=hint)
    if kind == "missing":
        return Problem(path=path, expectation="is missing", hint=_wanted(path))
    if kind == "literal_error":
        choices = [word.strip("' ") for word in re.split(r",| or ", context["expected"])]
        hint = nearest(str(detail["input"]), choices)
        return Problem(
            path=path,
            expectation="must be " + " or ".join(f'"{word}"' for word in choices),
            got=got,
            hint=hint if hint.startswith("did") else "",
        )
    if kind == "union_tag_invalid":  # a table whose one key says which table it is
        name, choices = (
            context["discriminator"].strip("'"),
            re.findall(r"'([^']*)'", context["expected_tags"]),
        )
        return Problem(
            path=(*path, name),
            expectation="must be " + " or ".join(f'"{word}"' for word in choices),
            got=display(context["tag"]),
            hint=nearest(str(context["tag"]), choices),
        )
    if kind == "union_tag_not_found":
        return Problem(path=(*path, context["discriminator"].strip("'")), expectation="is missing")
    if kind in ("value_error", "assertion_error"):
        message = str(context.get("error", detail["msg"]))
        inner = _INNER.fullmatch(message)
        if inner is not None and isinstance(detail["input"], dict):
            path, message = (*path, *inner["path"].split(".")), inner["rest"]
        return Problem(path=path, expectation=message)
    if kind in _BOUNDS:
        value = next(iter(context.values()))
        expectation = "must be " + _BOUNDS[kind].format(ge=value, gt=value, le=value, lt=value)
        return Problem(path=path, expectation=expectation, got=got)
    if kind in ("too_short", "string_too_short"):
        return Problem(path=path, expectation="must not be empty")
    word = kind.removesuffix("_type").removesuffix("_parsing").removesuffix("_from_float")
    if word in _TYPES:
        return Problem(path=path, expectation=f"must be {_TYPES[word]}", got=got)
    return Problem(path=path, expectation=detail["msg"][:1].lower() + detail["msg"][1:], got=got)


def _real(location: Sequence[str | int], document: object, *, missing: bool) -> Path:
    """The path as written: unions put the name of their branch into a location."""
    path: Path = ()
    for position, part in enumerate(location):
        last = position == len(location) - 1
        if has(document, (*path, part)) or (missing and last):
            path = (*path, part)
    return path


def _wanted(path: Path) -> str:
    """What to write for a key that is missing."""
    examples = {
        "source": 'such as { kind = "parquet", path = "data/*.parquet", timestamp = "ts" }',
        "reference": 'such as { source = { kind = "parquet", path = "reference.parquet" } }',
        "task": 'write "binary", "multiclass" or "regression"',
        "kind": "name a member, as in the catalogue of README.md",
    }
    return examples.get(str(path[-1]), "") if path else ""


def _known(path: Path, root: type[BaseModel]) -> list[str]:
    """The keys a table of the file understands."""
    current: Any = root
    for part in path:
        current = next(_inside(current, part), None)
    if not (isinstance(current, type) and issubclass(current, BaseModel)):
        return []
    names = [field.alias or name for name, field in current.model_fields.items()]
    return [*names, "defaults"] if current is Config else names


def _inside(annotation: Any, part: str | int) -> Iterator[Any]:
    for candidate in _branches(annotation):
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            for name, field in candidate.model_fields.items():
                if part in (name, field.alias):
                    yield from (c for c in _branches(field.annotation) if c is not types.NoneType)
        elif get_origin(candidate) in (dict, Mapping, tuple, list, Sequence):
            arguments = [argument for argument in get_args(candidate) if argument is not Ellipsis]
            if arguments:
                yield from _branches(arguments[-1])


def _branches(annotation: Any) -> Iterator[Any]:
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _branches(get_args(annotation)[0])
    elif origin in (Union, types.UnionType, typing.Optional):
        for argument in get_args(annotation):
            yield from _branches(argument)
    else:
        yield annotation


def convert(annotation: Any, value: object, path: Path, document: object) -> tuple[Any, list[Problem]]:
    """A value of the file as an option of this type, or what is wrong with it."""
    try:
        # Strict as JSON is: an array becomes a tuple and a text an enumeration, but "10" is not a number.
        text = json.dumps(value, default=str)
        return TypeAdapter(annotation, config=_QUIET).validate_json(text, strict=True), []
    except ValidationError as error:
        return None, translate(error, document, within=path)
