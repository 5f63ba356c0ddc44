"""Has asking for retraining helped, or has it to stop until a person has looked?

A fold over what became of the requests of one model. It opens after two requests without improvement, or two
reports of failure, with no success between them; only a person closes it. Nothing is kept but the requests
themselves and when a person closed it, so no crash can lose the count.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

UNIMPROVED = 2
FAILED = 2


class Came(StrEnum):
    """What a request came to, as far as the breaker cares."""

    FAILED = "failed"  # the target said so
    UNIMPROVED = "unimproved"  # it was sent, and nobody reported; or it was done and did not help
    SUCCEEDED = "succeeded"  # the target said so; whether it helped is not known yet
    IMPROVED = "improved"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One thing that became known about a request."""

    at: datetime
    came: Came
    request_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaker:
    """Open: nothing is asked for. `since` and `why` are those of the moment it opened."""

    is_open: bool = False
    since: datetime | None = None
    unimproved: int = 0  # in a row
    failed: int = 0

    @property
    def why(self) -> str:
        """For a person."""
        if not self.is_open:
            return f"closed: {self.unimproved} without improvement, {self.failed} failed in a row"
        what = (
            f"{self.failed} requests in a row failed"
            if self.failed >= FAILED
            else f"{self.unimproved} requests in a row brought no improvement"
        )
        since = f" since {self.since.isoformat()}" if self.since else ""
        return f"open{since}: {what}; a person has to close it"


def breaker(outcomes: Iterable[Outcome], closed_at: datetime | None) -> Breaker:
    """How it stands after these, in the order in which they became known; `closed_at`: the last closing."""
    standing = Breaker()
    for each in sorted(outcomes, key=lambda outcome: (outcome.at, outcome.request_id)):
        if (closed_at is not None and each.at <= closed_at) or standing.is_open:
            continue
        unimproved, failed = standing.unimproved, standing.failed
        match each.came:
            case Came.FAILED:
                failed += 1
            case Came.UNIMPROVED:
                unimproved += 1
            case Came.SUCCEEDED:
                failed = 0
            case Came.IMPROVED:
                unimproved = failed = 0
        opens = unimproved >= UNIMPROVED or failed >= FAILED
        standing = Breaker(
            is_open=opens, since=each.at if opens else None, unimproved=unimproved, failed=failed
        )
    return standing
