"""What is wrong with the config, where, and what would be right?"""

import difflib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

Path = tuple[str | int, ...]

# Keys whose values are never repeated, whatever is wrong with them.
SECRET_KEY = re.compile(
    r"token|secret|password|passwd|api_?key|signing_key|routing_key|credential|webhook_url|service_url",
    re.IGNORECASE,
)
PASSWORD = re.compile(r"://[^/@]*:[^/@]+@|[?&](ssl)?password=")  # in a URL


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One mistake. `got` is the value as written; empty where there is none or it must not be repeated."""

    path: Path
    expectation: str  # "must be an integer ≥ 2"
    got: str = ""
    hint: str = ""
    line: int | None = None  # from 1

    def __str__(self) -> str:
        where = f"line {self.line}: " if self.line is not None else ""
        name = spell(self.path)
        got = f", got {self.got}" if self.got else ""
        hint = f"; {self.hint}" if self.hint else ""
        return f"{where}{name + ': ' if name else ''}{self.expectation}{got}{hint}"


class ConfigError(Exception):
    """The config cannot be used: fix the file. All problems at once."""

    def __init__(self, problems: Iterable[Problem], *, file: str = "") -> None:
        self.problems: Sequence[Problem] = sorted(problems, key=lambda problem: problem.line or 0)
        self.file = file
        heading = f"{file}: {len(self.problems)} problem{'s' if len(self.problems) != 1 else ''}"
        super().__init__("\n".join([heading, *map(str, self.problems)] if file else map(str, self.problems)))


def spell(path: Path) -> str:
    """`models.churn.policy.thresholds[0].metric`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            bare = re.fullmatch(r"[A-Za-z0-9_-]+", part) is not None
            text += ("." if text else "") + (part if bare else json.dumps(part, ensure_ascii=False))
    return text


def display(value: object, key: str | int = "") -> str:
    """A value in a message: short, quoted like TOML, and never one that looks like a secret."""
    if isinstance(key, str) and SECRET_KEY.search(key) and not key.endswith(("_env", "_file")):
        return ""
    if isinstance(value, str) and PASSWORD.search(value):
        return ""
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list | tuple):
        return "an array"
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, str | bool) else str(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint: the nearest known word, else all of them."""
    names = sorted(known)
    close = difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    if close:
        return f'did you mean "{close[0]}"?'
    return f"known: {', '.join(names)}" if names else ""


def get(document: object, path: Path) -> object:
    """The value at a path; None where there is none."""
    for part in path:
        if isinstance(part, int):
            document = document[part] if isinstance(document, list) and part < len(document) else None
        else:
            document = document.get(part) if isinstance(document, dict) else None
    return document


def has(document: object, path: Path) -> bool:
    """Whether the document says anything at a path; TOML has no null."""
    return get(document, path) is not None
