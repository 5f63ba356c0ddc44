"""What does the table say, and was the promise kept?"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

HEAD = (
    "fault",
    "database",
    "faults",
    "tries",
    "to the end",
    "windows lost",
    "messages lost",
    "doubled",
    "labelled",
    "same id",
    "differences",
    "per minute",
)


@dataclass(slots=True, kw_only=True)
class Row:
    """All tries of one kind on one database. `wrong`: what broke the promise, a line each."""

    fault: str
    database: str
    faults: int = 0
    tries: int = 0
    to_the_end: int = 0
    windows_lost: int = 0
    messages_lost: int = 0
    doubled: int = 0
    labelled: int = 0
    same_id: int = 0
    differences: int = 0
    seconds: float = 0.0  # of one job

    @property
    def per_minute(self) -> float:
        return 60.0 * self.faults / self.seconds if self.seconds else 0.0

    def cells(self) -> tuple[str, ...]:
        numbers = (
            self.faults,
            self.tries,
            self.to_the_end,
            self.windows_lost,
            self.messages_lost,
            self.doubled,
            self.labelled,
            self.same_id,
            self.differences,
        )
        return self.fault, self.database, *(f"{number:,}" for number in numbers), f"{self.per_minute:.0f}"


def lines(rows: Iterable[Row]) -> list[str]:
    """A Markdown table that is also readable as it is."""
    return markdown(HEAD, [row.cells() for row in rows], left=2)


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]], *, left: int) -> list[str]:
    """The first `left` columns begin on the left, the others end on the right."""
    widths = [max(len(row[n]) for row in (head, *rows)) for n in range(len(head))]

    def line(cells: Sequence[str]) -> str:
        told = (
            cell.ljust(width) if n < left else cell.rjust(width)
            for n, (cell, width) in enumerate(zip(cells, widths, strict=True))
        )
        return f"| {' | '.join(told)} |"

    rule = [("-" * width) if n < left else ("-" * (width - 1) + ":") for n, width in enumerate(widths)]
    return [line(head), line(rule), *map(line, rows)]
