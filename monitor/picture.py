"""What does the picture of an incident show?

Numbers and words only, as they are stored: monitor/picturing.py finds them, monitor/plotting.py draws them in
a process of its own, to which they go as JSON. Labels in it are those that a message may name.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Self

WINDOWS = 30  # of the course on the right, and at most so many for the range on the left


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """How the rows of the window spread over the column's bins, against the reference. All of one length."""

    labels: tuple[str, ...]  # cleaned
    window: tuple[float, ...]  # shares of rows, sum 1 at most
    reference: tuple[float, ...]
    low: tuple[float, ...] = ()  # least and most share in the windows before; empty: too few of them
    high: tuple[float, ...] = ()
    windows: int = 0  # how many those were
    left_out: int = 0  # bins that moved least, where there are too many to draw


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """One measure over the last windows, oldest first, with where it stays when nothing has changed."""

    measure: str  # what it is, as a person calls it: "typical distance"
    percent: bool  # values are shares
    starts: tuple[datetime, ...]  # of the windows, aware UTC, ascending
    values: tuple[float, ...]
    low: tuple[float | None, ...]  # None: not known, or no limit on this side
    high: tuple[float | None, ...]
    breached: tuple[bool, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """At least one of the two sides."""

    heading: str  # "delays: distance"
    line: str  # what happened, as the message says it
    window: str  # "Mon 27 May": the window on the left
    rows: int
    latest: bool = True  # whether the window on the left is the last one on the right
    zone: str  # of the dates on the right
    shares: Shares | None = None  # None: what is no column has no bins
    course: Course | None = None  # None: nothing says what is normal for it

    def to_json(self) -> dict[str, Any]:
        """Only JSON values; `from_json` gives an equal picture back."""
        content = asdict(self)
        if self.course is not None:
            content["course"]["starts"] = [start.isoformat() for start in self.course.starts]
        return content

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        shares, course = content["shares"], content["course"]
        return cls(
            heading=content["heading"],
            line=content["line"],
            window=content["window"],
            rows=content["rows"],
            latest=content["latest"],
            zone=content["zone"],
            shares=None if shares is None else Shares(**_tuples(shares)),
            course=None if course is None else Course(**_tuples(_dated(course))),
        )


def _dated(course: Mapping[str, Any]) -> dict[str, Any]:
    return {**course, "starts": [datetime.fromisoformat(start) for start in course["starts"]]}


def _tuples(content: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in content.items()}
