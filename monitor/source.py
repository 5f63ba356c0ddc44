"""Where do rows come from, and what may a source say when they do not?

The daemon depends on this Protocol; monitor/sources fulfils it. Frames of any library end at a source's door:
what comes out is numbers, codes and labels.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from storage.span import Span

if TYPE_CHECKING:  # every command knows SourceError; those that only read history need no numpy for it
    import numpy as np
    from numpy.typing import NDArray

    from detectors._column import Columns, Kind


class SourceError(Exception):
    """No rows, and why. Transient: wait and ask again. Otherwise a person must change something.

    `str()` says what, where and the next step.
    """

    def __init__(self, reason: str, *, transient: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.transient = transient


class ColumnKind(StrEnum):
    """What a column of the source looks like, before anybody has said what it is to the model."""

    NUMERIC = "numeric"
    CATEGORY = "category"
    TIME = "time"
    OTHER = "other"  # lists, structs, binary: cannot be monitored


class Trouble(StrEnum):
    """Spelled as the column statuses of storage."""

    ABSENT = "absent"
    RETYPED = "retyped"


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnProblem:
    """One wanted column that cannot be given; the others go on."""

    column: str
    trouble: Trouble
    reason: str  # for a person: what was wanted, what was found, where


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Some rows. `times`: int64[rows], microseconds since the epoch, UTC; None where the source has no time.

    `columns` has every wanted column that is not among the window's problems, each with `rows` values.
    """

    rows: int
    columns: "Columns"
    times: "NDArray[np.int64] | None"


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The rows of [span.start, span.end), or of the whole source where `span` is None.

    Read `batches` once, to the end; it raises SourceError when the source fails or changes underneath.
    `problems` is complete from the start.
    """

    span: Span | None
    batches: Iterator[Batch]
    problems: Sequence[ColumnProblem]
    data_version: str = ""  # which data this is, for a person to compare; "" where the source cannot say
    files: Sequence[str] = ()  # of this machine, that hold the rows; empty where they are in none


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
    """Enough to see that late rows arrived. `newest`: the latest time in the span; None where it is empty."""

    rows: int
    newest: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Grain:
    """How much a place that counts its own rows can count: a model's reference is built no finer, so that a
    window is counted on all of it. How columns go together is left to rows."""

    place: str  # for a person
    intervals: int  # that a numeric column is cut into, at most


@runtime_checkable
class HasGrain(Protocol):
    """A source that may not count as finely as rows allow."""

    @property
    def grain(self) -> Grain | None:
        """None: it does."""


class Source(Protocol):
    """A member of monitor/sources: a frozen dataclass whose fields are its options. Read-only, thread-safe.

    Every method may raise SourceError. A glob that matches nothing yet is an empty source, not an error.
    """

    def watermark(self) -> datetime | None:
        """The newest time of the whole source; None while it is empty or where it has no time column."""

    def fingerprint(self, span: Span) -> Fingerprint:
        """What can be said about a span without reading its columns."""

    def schema(self) -> Mapping[str, ColumnKind]:
        """Every column, in the source's order; raises where there is nothing to look at yet."""

    def pull(self, span: Span | None, wanted: "Mapping[str, Kind]", moments: Collection[str] = ()) -> Window:
        """The wanted columns of a span, in batches. Types follow `wanted`, never a guess from the rows.

        `moments`: numeric ones that hold times, written as the source writes its own: µs since the epoch.
        """
