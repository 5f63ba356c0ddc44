"""How does a JSON body take its values? By place, never by splicing text.

A template is a JSON value. A text in it that is just `{name}` becomes the value itself, whatever its type; in
a longer text the value stands as text. What comes out is encoded as a whole, so no value can break out of the
place it was given. `{{` and `}}` are braces.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

_FIELD = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")


def check(template: object, known: frozenset[str]) -> None:
    """ValueError for a field nobody knows, or a brace without its other."""
    render(template, dict.fromkeys(known, ""))


def render(template: object, values: Mapping[str, object]) -> Any:
    """The template with its fields filled in."""
    match template:
        case str():
            return _text(template, values)
        case Mapping():
            return {
                _text_of(_text(str(key), values)): render(value, values) for key, value in template.items()
            }
        case list() | tuple():
            return [render(value, values) for value in template]
        case _:
            return template


def _text(text: str, values: Mapping[str, object]) -> object:
    whole = _FIELD.fullmatch(text)
    if whole is not None and whole[1] is not None:
        return _value(whole[1], values)

    def filled(found: re.Match[str]) -> str:
        if found[0] in ("{{", "}}"):
            return found[0][0]
        if found[1] is None:
            raise ValueError("a single brace: write {{ or }} for one that is meant")
        return _text_of(_value(found[1], values))

    return _FIELD.sub(filled, text)


def _value(name: str, values: Mapping[str, object]) -> object:
    if name not in values:
        raise ValueError(f"{{{name[:40]}}}: is not a field; known are {', '.join(sorted(values))}")
    return values[name]


def _text_of(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)
