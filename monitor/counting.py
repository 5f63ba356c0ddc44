"""Where is a window counted? Here, a batch at a time, or where its rows are: only summaries travel.

Counts add up, so every place gives the same integers on the same profile, and nothing after this file knows
which place it was.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol, runtime_checkable

from detectors import Kind, Profile, Role, WindowSummary, count
from detectors._count import NO_EXTRAS, Extras
from detectors._slices import slices_of
from monitor.source import ColumnProblem, Source, Window
from storage.span import Span

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """A window after its one pass. `newest`: the time of its newest row; None without rows or times."""

    summary: WindowSummary
    newest: datetime | None
    problems: Sequence[ColumnProblem] = ()
    data_version: str = ""
    left_out: str = ""  # rows of the span that could not be counted on this profile, and what to do; else ""


@runtime_checkable
class CountsWhereItIs(Protocol):
    """A source that can count without giving its rows away. Read-only, thread-safe."""

    def count(self, profile: Profile, span: Span | None, extras: Extras) -> Counted | None:
        """What `read_window` over its own `pull` would give, to the last integer; None: count it here.

        May raise SourceError, as `pull`.
        """


def count_span(source: Source, profile: Profile, span: Span | None, extras: Extras = NO_EXTRAS) -> Counted:
    """The rows of [span.start, span.end), or all rows; raises SourceError."""
    if isinstance(source, CountsWhereItIs):
        there = source.count(profile, span, extras)
        if there is not None:
            return there
    return read_window(profile, source.pull(span, wanted(profile, extras)), extras)


def read_window(profile: Profile, window: Window, extras: Extras = NO_EXTRAS) -> Counted:
    """Read a window to its end, a batch at a time, in bounded memory."""
    summary, newest = WindowSummary.empty(profile), None
    for batch in window.batches:
        summary = summary + count(profile, batch.columns, batch.rows, extras)
        if batch.times is not None and batch.rows:
            last = int(batch.times.max())
            newest = last if newest is None else max(newest, last)
    return Counted(
        summary=summary,
        newest=None if newest is None else _EPOCH + timedelta(microseconds=newest),
        problems=tuple(window.problems),
        data_version=window.data_version,
    )


def wanted(profile: Profile, extras: Extras = NO_EXTRAS) -> dict[str, Kind]:
    """The columns a source is asked for; types are fixed by the reference, never guessed from a window."""
    found = {name: column.kind for name, column in profile.columns.items() if column.role is not Role.DERIVED}
    slices = slices_of(profile)
    for segment in slices.segments if slices else ():
        found.setdefault(segment.column, Kind.CATEGORY)
    for name in (extras.version, extras.error):
        if name is not None:
            found.setdefault(name, Kind.CATEGORY)
    for name in extras.shadow.values():
        found.setdefault(name, Kind.NUMERIC)
    return found
