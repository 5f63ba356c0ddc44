"""What is asked for by `/leeway …`, as the arguments of the command that answers it on a terminal?

Only what reads, and only options that pick what is read: no file, no config, nothing that changes anything.
"""

import re
import shlex
from collections.abc import Mapping

LONGEST = 500  # characters
LAST = 10  # rows of history, unless asked for otherwise …
MOST = 50  # … and at most

HELP = """/leeway status                       every model: last window, open incidents, what is not right
/leeway history MODEL [incidents]    what opened and ended; also: windows, verdicts, measurements
        [--column NAME] [--metric NAME] [--segment X=Y] [--stream inputs|labels]
        [--severity ticket|page] [--since 7d] [--until 2013-05-27] [--last 10]
/leeway explain MODEL COLUMN         the arithmetic of a verdict, the latest unless you say which
        [--window 2013-05-27] [--segment X=Y] [--model-version V]
/leeway help                         this

Names with spaces go into quotes. Answers are seen by you alone."""

_ABOUT = ("incidents", "windows", "verdicts", "measurements")
_HISTORY = ("column", "metric", "segment", "stream", "severity", "since", "until", "last")
_EXPLAIN = ("window", "segment", "model-version")
# What phones and desktops make of what was typed: “curly quotes”, and an em dash of two hyphens.
_TYPED = str.maketrans({"“": '"', "”": '"', "„": '"', "‘": "'", "’": "'"})
_ENTITIES = (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&"))


def arguments(text: str) -> tuple[str, ...]:
    """For `leeway …`; empty: help is asked for. ValueError says in words what cannot be answered."""
    words = _words(text)
    if not words or words[0] == "help":
        return ()
    verb, rest = words[0], words[1:]
    if verb == "status":
        if rest:
            raise ValueError("status takes no arguments; for one model there is /leeway history MODEL")
        return ("status",)
    if verb == "history":
        return _history(rest)
    if verb == "explain":
        return _explain(rest)
    raise ValueError(f"no command {_shown(verb)}; there is status, history, explain and help")


def _history(words: list[str]) -> tuple[str, ...]:
    names, options = _split(words, _HISTORY, "history")
    if not 1 <= len(names) <= 2:
        raise ValueError("history: say of which model: /leeway history MODEL")
    about = names[1] if len(names) == 2 else _ABOUT[0]
    if about not in _ABOUT:
        raise ValueError(f"history: no {_shown(about)}; there is {', '.join(_ABOUT)}")
    last = options.pop("last", str(LAST))
    if not re.fullmatch(r"[1-9][0-9]?", last) or int(last) > MOST:
        raise ValueError(f"history: --last is a number from 1 to {MOST}")
    return ("history", about, f"--model={names[0]}", f"--last={last}", *_joined(options))


def _explain(words: list[str]) -> tuple[str, ...]:
    names, options = _split(words, _EXPLAIN, "explain")
    if len(names) != 2:
        raise ValueError("explain: say what of which model: /leeway explain MODEL COLUMN")
    return ("explain", f"--model={names[0]}", f"--column={names[1]}", *_joined(options))


def _words(text: str) -> list[str]:
    if len(text) > LONGEST:
        raise ValueError(f"that is longer than {LONGEST} characters")
    for entity, sign in _ENTITIES:
        text = text.replace(entity, sign)
    text = re.sub(r"(^|\s)—(?=\w)", r"\1--", text.translate(_TYPED))
    if not text.isprintable():
        raise ValueError("there are characters in it that cannot be typed")
    try:
        return shlex.split(text)
    except ValueError as error:
        raise ValueError("a quotation mark is not closed") from error


def _split(words: list[str], known: tuple[str, ...], verb: str) -> tuple[list[str], dict[str, str]]:
    """Names, and options as `--name value` or `--name=value`."""
    names: list[str] = []
    options: dict[str, str] = {}
    rest = iter(words)
    for word in rest:
        if not word.startswith("-"):
            names.append(word)
            continue
        name, equals, value = word.removeprefix("--").partition("=")
        if not word.startswith("--") or name not in known:
            raise ValueError(f"{verb}: no option {_shown(word)}; there is --{', --'.join(known)}")
        given = value if equals else next(rest, None)
        if given is None:
            raise ValueError(f"{verb}: --{name} needs a value")
        options[name] = given
    return names, options


def _joined(options: Mapping[str, str]) -> list[str]:
    """In one word each: what begins with a dash stays a value."""
    return [f"--{name}={value}" for name, value in options.items()]


def _shown(word: str) -> str:
    return f'"{word[:40]}"'
