"""Which stretch of time? Half-open, UTC."""

from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Span:
    """[start, end): aware UTC datetimes, start < end."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.start.tzinfo is not UTC or self.end.tzinfo is not UTC:
            raise ValueError(f"span: times must be aware UTC, got {self.start!r} to {self.end!r}")
        if self.start >= self.end:
            raise ValueError(f"span: start must lie before end, got {self.start} to {self.end}")
