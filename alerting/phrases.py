"""How are times, spans, sizes and probable causes said to a person?"""

import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from alerting.sanitise import clean

# What a named change (monitor/diagnosis.py) usually is, and where to look first. Said as a guess, because
# counts cannot know it.
CAUSES: Mapping[str, tuple[str, str]] = {
    "unit": (
        "the unit changed at the source; the world did not",
        "ask who writes this column what changed, and convert it back before the model reads it",
    ),
    "missing": ("a join, an export or a sensor upstream lost values", "check the job that fills this column"),
    "new_category": (
        "a new value appeared that the model was never trained on",
        "find out what the new value means and whether the encoder knows it",
    ),
    "renamed": (
        "a value was renamed at the source",
        "map the new name to the old one, or teach the model the new one",
    ),
    "stuck": ("a default or a frozen sensor fills the column", "check when this column last really changed"),
    "clipped": (
        "something upstream caps the values now",
        "look for a new limit, a narrower type or a clamp in the job that fills this column",
    ),
    "default_value": (
        "a default is filled in where nothing was measured",
        "look at the rows that carry it, and at what wrote them",
    ),
    "vanished": (
        "a value is no longer sent, or was merged into another",
        "check whether one of its sources went silent",
    ),
    "relation": (
        "columns come from different rows or moments than they did",
        "look at the join and at the time stamps of the column that moved",
    ),
    "behaviour": (
        "the model answers the same inputs otherwise: another version, other preprocessing or thresholds",
        "compare the deployed model and its feature code with those of the reference",
    ),
    "performance": (
        "what the model learnt holds less than it did",
        "see which slice got worse and what else alerted before it",
    ),
    "calibration": (
        "outcomes became more, or less, frequent than the scores say",
        "check whether the definition of the label changed, then recalibrate",
    ),
    "estimate": (
        "the model is asked more of what it was always worse at",
        "see which inputs moved; the labels will tell",
    ),
    "shadow": (
        "the challenger and the model part ways",
        "compare where they disagree before anybody promotes it",
    ),
    "volume": ("requests are lost, or sent twice, on the way", "check the feed and who calls the model"),
    "errors": ("the service fails more often", "read the errors of its latest deployment"),
    "out_of_range": ("values beyond anything in the reference arrive", "look at the extreme rows first"),
    "spread": ("the values scatter more, or less, than they did", "look for a second source mixed in"),
    "mix": ("the mix of the population moved", "see which slice grew or vanished"),
    "shifted": (
        "the values moved as a whole",
        "compare with the normal range, then ask what changed in the world",
    ),
}


def zone(name: object) -> tzinfo:
    """The time zone of that name, UTC for none or an unknown one."""
    if isinstance(name, str) and name:
        try:
            return ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            return UTC
    return UTC


def moment(value: object) -> datetime | None:
    """An aware time from a fact (ISO 8601 text), None where there is none."""
    if not isinstance(value, str):
        return None
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        return None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at


def when(at: datetime, now: datetime, tz: tzinfo) -> str:
    """`Mon 27 May, 04:00 UTC`; with the year where it is not this one; without the time at midnight."""
    local = at.astimezone(tz)
    year = f" {local.year}" if local.year != now.astimezone(tz).year else ""
    day = f"{local:%a} {local.day} {local:%b}{year}"
    return day if not (local.hour or local.minute) else f"{day}, {local:%H:%M} {local.tzname()}"


def window(start: datetime, end: datetime, now: datetime, tz: tzinfo) -> str:
    """A day by its name, hours of one day by both times, everything else from … to …."""
    a, b = start.astimezone(tz), end.astimezone(tz)
    midnight = not (a.hour or a.minute or b.hour or b.minute)
    if midnight and (b.date() - a.date()).days == 1:
        return when(start, now, tz)
    if midnight:
        return f"{when(start, now, tz)} to {when(end - timedelta(days=1), now, tz)}"
    if a.date() == b.date():
        year = f" {a.year}" if a.year != now.astimezone(tz).year else ""
        return f"{a:%a} {a.day} {a:%b}{year}, {a:%H:%M}–{b:%H:%M} {a.tzname()}"
    return f"{when(start, now, tz)} to {when(end, now, tz)}"


def how_long(span: timedelta) -> str:
    """The two largest units that matter: `14 d`, `4 h 30 min`, `43 min`."""
    minutes = max(0, round(span.total_seconds() / 60))
    days, rest = divmod(minutes, 24 * 60)
    hours, minutes = divmod(rest, 60)
    if days:
        return f"{days} d {hours} h" if hours and days < 7 else f"{days} d"
    if hours:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{minutes} min" if minutes else "less than a minute"


def number(value: object) -> float | None:
    """A finite number from a fact, None for anything else: not a number is never shown as one."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None


def signed(value: float, digits: int = 1) -> str:
    """With its sign, and the real minus."""
    return f"{value:+.{digits}f}".replace("-", "−")


def effect(line: Mapping[str, object], task: object = None) -> str:
    """What the change alone would do to the model (detectors' Harm): short, for a table cell. "" unknown."""
    harm, pull = number(line.get("harm")), number(line.get("pull"))
    if harm is not None:
        if task == "regression":
            return f"error {signed(-harm)} %"
        return f"accuracy {signed(harm)} pt" if task else f"harm {signed(harm)} pt"
    if pull is not None:
        return f"score {signed(pull, 3)}"
    return ""


def text(value: object, limit: int = 80) -> str:
    """A cleaned string from a fact; "" for None and everything that is not text or a number."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return clean(value, limit)


def count(n: int, noun: str) -> str:
    """`1 page`, `3 pages`."""
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"
