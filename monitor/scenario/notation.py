"""How is a series of windows, or a moment, written in a scenario?

A series is one entry a window, left to right: `clear x5 breach x3 clear`. `x5` repeats the entry before it;
`_` is a window in which nothing is said. A moment is a window's number (`7`: once window 7 is due and the
daemon has looked), that and a while (`7 + 10m`), or a while since the start (`90m`).
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from monitor.config_problem import nearest
from monitor.duration import parse_duration

NOTHING = "_"
MOST_WINDOWS = 2_000  # a scenario is read by a person; more is a slip of the key

# Verdicts of a column. The first is short for `page`.
VERDICTS = ("breach", "ticket", "page", "sure", "clear", "hold", "no_data", "low_volume", "error", "absent")
# How a window as a whole ends; `broken` is `failed` for good: no permission, every column absent.
FEEDS = ("done", "no_data", "low_volume", "failed", "broken")
CONDITIONS = ("ok", "pending", "firing", "recovering")
ENDINGS = ("done", "no_data", "low_volume", "failed", "skipped", "planned")
SAID = ("breach", "clear", "hold", "no_data", "low_volume", "error")

_TIMES = re.compile(r"x([0-9]{1,5})")
_MOMENT = re.compile(r"(?P<window>[1-9][0-9]{0,4})(?:\s*\+\s*(?P<later>.+))?")
Entry = TypeVar("Entry")


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """`window` None: counted from the start of the scenario."""

    window: int | None = None  # from 1
    later: timedelta = timedelta(0)

    def __str__(self) -> str:
        if self.window is None:
            return f"{_spelled(self.later)} after the start"
        return f"{self.window} + {_spelled(self.later)}" if self.later else str(self.window)


def series(text: str, entry: Callable[[str], Entry]) -> tuple[Entry | None, ...]:
    """Every window's entry, None for `_`. ValueError names the first word that is none."""
    found: list[Entry | None] = []
    tokens = [part for token in text.split() for part in _apart(token)]
    if not tokens:
        raise ValueError('must name at least one window, such as "clear x5 breach x3"')
    for position, token in enumerate(tokens):
        times = _TIMES.fullmatch(token)
        if times is None:
            found.append(None if token == NOTHING else entry(token))
            continue
        if position == 0 or _TIMES.fullmatch(tokens[position - 1]):
            raise ValueError(f'"{token}" must follow what it repeats, such as "clear {token}"')
        if int(times[1]) < 1:
            raise ValueError(f'"{token}" must repeat at least once')
        if len(found) + int(times[1]) > MOST_WINDOWS:
            raise ValueError(f"must be {MOST_WINDOWS:,} windows at most")
        found += [found[-1]] * (int(times[1]) - 1)
    return tuple(found)


def words(known: Sequence[str]) -> Callable[[str], str]:
    """An entry that is one of these words."""

    def entry(token: str) -> str:
        if token not in known:
            hint = nearest(token, known)
            raise ValueError(f'"{token}" is not a word of it; {hint}')
        return token

    return entry


def numbers(token: str) -> float:
    """An entry that is a number, or `nan`."""
    try:
        return float(token)
    except ValueError:
        raise ValueError(f'"{token}" is not a number') from None


def moment(value: int | str) -> Moment:
    """ValueError says what was expected."""
    if isinstance(value, int):
        if value < 1:
            raise ValueError(f"windows are numbered from 1, got {value}")
        return Moment(window=value)
    match = _MOMENT.fullmatch(value.strip())
    if match is not None:
        later = parse_duration(match["later"]) if match["later"] else timedelta(0)
        return Moment(window=int(match["window"]), later=later)
    try:
        return Moment(later=parse_duration(value))
    except ValueError:
        raise ValueError(
            f'must be a window\'s number (7), that and a while ("7 + 10m"), or a while since the start '
            f'("90m"), got "{value}"'
        ) from None


def _apart(token: str) -> list[str]:
    """`0.12x3` is `0.12 x3`, and `clearx5` is `clear x5`."""
    body, times = token.rpartition("x")[::2]
    if body and times.isdigit() and not body.endswith("x"):
        return [body, f"x{times}"]
    return [token]


def _spelled(duration: timedelta) -> str:
    """`1h 30m`: what is over is left out, microseconds too."""
    seconds = round(duration.total_seconds())
    if seconds == 0:
        return "0s"
    parts = []
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)):
        count, seconds = divmod(seconds, size)
        parts += [f"{count}{unit}"] if count else []
    return " ".join(parts)
