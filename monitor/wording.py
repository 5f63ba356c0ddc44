"""How are the numbers of a verdict written for a person?"""

from collections.abc import Mapping
from math import floor, log10

from alerting.sanitise import clean
from alerting.series import AGAINST_FIXED, CREEP, PLAIN
from storage.measurements import ColumnResult

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def place(result: ColumnResult) -> str:
    """Where something happened: "temp", "temp in origin=JFK", "performance of version v2"."""
    name = PLAIN.get(result.column, result.column)
    if result.segment.startswith(f"{CREEP}="):
        name = f"{name} {AGAINST_FIXED}"
    elif result.segment:
        name = f"{name} in {clean(result.segment)}"
    return f"{name} of version {clean(result.version)}" if result.version else name


def column_name(column: str) -> str:
    """As a person calls it: `distance`, `performance`, `max probability`."""
    plain = PLAIN.get(column)
    if plain is not None:
        return plain
    return column.strip("_").replace("_", " ") if column.startswith("__") else column


def number(value: float | None, digits: int = 4) -> str:
    """So many digits at most, thousands marked: 1429.13 → "1,429", 0.012345 → "0.01235"."""
    if value is None:
        return "none"
    if value == 0.0:
        return "0"
    size = floor(log10(abs(value)))
    if size >= 15 or size < -6:
        return f"{value:.3g}"
    text = f"{value:,.{max(0, digits - 1 - size)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def percent(share: float | None) -> str:
    """A share of rows: "3.6 %"; small ones keep a digit that is not 0."""
    if share is None:
        return "none"
    points = 100.0 * share
    if points == 0.0 or abs(points) >= 99.95:
        return f"{points:.0f} %"
    if abs(points) < 0.05:
        return f"{points:.2g} %"
    return f"{points:.1f} %"


def points(share: float) -> str:
    """A difference of shares, signed: "+3.2 points"."""
    return f"{100.0 * share:+.1f} points"


def slot(kind: str, code: int) -> str:
    """The slot a normal range belongs to: " for a Tuesday"; empty when all windows share one."""
    if kind == "day_of_week":
        return f" for a {_DAYS[code % 7]}"
    if kind == "weekend":
        return " for a weekend" if code else " for a weekday"
    if kind == "hour_of_day":
        return f" at {code:02d}:00"
    if kind == "hour_weekend":
        return f" at {code % 24:02d}:00 on a {'weekend' if code >= 24 else 'weekday'}"
    return ""


def label(text: str) -> str:
    """A category's label before a number, cleaned and cut: quoted where it would read as a number."""
    text = clean(text)
    return f'"{text}"' if text[:1].isdigit() or text[-1:].isdigit() else text


def label_list(labels: list[tuple[str, int]], total: int) -> str:
    """New labels by rows, with how many rows the ones not named have."""
    named = labels[:3]
    rest = total - sum(rows for _, rows in named)
    text = ", ".join(clean(label) for label, _ in named)
    return f"{text} and others" if rest > 0 else text


def pair(facts: object, key: str) -> tuple[float | None, float | None]:
    """[reference, window] of the evidence; None for what is undefined."""
    found = facts.get(key) if isinstance(facts, Mapping) else None
    if not isinstance(found, list) or len(found) != 2:
        return None, None
    before, after = found
    return before, after
