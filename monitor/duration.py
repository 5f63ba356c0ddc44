"""How long is "10m"?"""

import re
from datetime import timedelta

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_PATTERN = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(s|m|h|d|w)")
EXPECTED = 'a duration such as "30s", "10m", "24h", "7d" or "2w"'


def parse_duration(text: str) -> timedelta:
    """A day is 24 hours here; only `window.every` knows calendar days. ValueError says what was expected."""
    match = _PATTERN.fullmatch(text.strip())
    if match is None:
        raise ValueError(f'must be {EXPECTED}, got "{text}"')
    try:
        return timedelta(**{_UNITS[match[2]]: float(match[1])})
    except OverflowError as error:
        raise ValueError(f'must be {EXPECTED}, got "{text}", which is longer than time') from error


def format_duration(duration: timedelta) -> str:
    """The shortest spelling that `parse_duration` reads back: 1 day is "1d", 90 minutes "90m"."""
    seconds = duration.total_seconds()
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds and seconds % size == 0:
            return f"{int(seconds // size)}{unit}"
    return f"{seconds:g}s"
