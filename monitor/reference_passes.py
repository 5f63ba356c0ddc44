"""How is a reference read that memory does not hold? Again and again, in batches, and it must stay the same.

The first reading finds what is there: its windows, the ends and labels of its columns, and a sample. Whoever
reads it again gets the same rows or a SourceError.
"""

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from detectors import Column, Kind, NumericColumn
from detectors._column import taken
from detectors._label_tally import LabelTally
from detectors._slices import labels_of
from detectors._survey import Survey
from monitor.footprint import Footprint
from monitor.reference_rows import Rows, covered, no_rows, outside
from monitor.reference_sample import RowSample
from monitor.source import Batch, Source, SourceError
from monitor.windows import WindowSpec
from storage.span import Span

Told = Callable[[int], None]  # rows read so far

_LABEL = 64  # bytes of a label as text, about
_VERSIONS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Where a reference's rows come from, each time they are asked for."""

    source: Source
    span: Span | None
    wanted: Mapping[str, Kind]
    moments: Collection[str]
    excluded: Sequence[Span]

    def without(self, absent: Collection[str]) -> "Reading":
        """Of the columns that the source can give."""
        return replace(self, wanted={name: kind for name, kind in self.wanted.items() if name not in absent})

    def again(self, names: Collection[str], span: Span | None = None) -> Iterator[Batch]:
        """These columns of all rows, or of those of a span."""
        window = self.source.pull(
            _inner(span, self.span),
            {name: kind for name, kind in self.wanted.items() if name in names},
            [name for name in self.moments if name in names],
        )
        if window.problems:  # the first reading could give them all
            raise changed("; ".join(f"{each.column}: {each.reason}" for each in window.problems))
        return self.of(window.batches)

    def of(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """Without the rows of excluded spans, and batches without rows."""
        for batch in batches:
            kept = _without(batch, self.excluded)
            if kept.rows:
                yield kept


@dataclass(slots=True, kw_only=True)
class Surveyed:
    """What the first reading found."""

    footprint: Footprint
    survey: Survey
    sample: Rows  # in time order
    windows: list[Span]  # that the rows cover and no excluded span touches
    sizes: Mapping[Span, int]  # rows of each window
    versions: list[str]  # of the model, that answered the rows

    @property
    def rows(self) -> int:
        return self.footprint.rows


def hold(batches: Iterator[Batch], memory: int) -> tuple[deque[Batch], bool]:
    """Batches while their rows take no more bytes than that; and whether these are all."""
    held: deque[Batch] = deque()
    taken = 0
    for batch in batches:
        held.append(batch)
        taken += _bytes(batch)
        if taken > memory:
            return held, False
    return held, True


def emptying(held: deque[Batch]) -> Iterator[Batch]:
    """Each batch once, and held no longer."""
    while held:
        yield held.popleft()


def survey_rows(
    batches: Iterator[Batch],
    reading: Reading,
    survey: Survey,
    *,
    spec: WindowSpec,
    most: int,
    needed: Collection[str],
    version: str | None,
    told: Told,
) -> Surveyed:
    """The first reading, of these batches. `most`: rows of the sample.

    `needed`: columns of the sample that are asked for although they may not be profiled. `version`: the
    column that names the model's.
    """
    numeric = [name for name, kind in reading.wanted.items() if kind is Kind.NUMERIC and name in survey.roles]
    footprint, sample = Footprint(spec, numeric), RowSample(most)
    versions = LabelTally(most=_VERSIONS)
    for batch in reading.of(batches):
        footprint.add(batch)
        survey.add(batch.columns, batch.rows)
        sample.add(batch)
        sample.drop(survey.left_out.difference(needed))
        if version is not None and version in batch.columns:
            versions.add(labels_of(batch.columns[version]))
        told(footprint.rows)
    if not footprint.rows:
        raise no_rows()
    spans, sizes = footprint.spans, footprint.sizes
    return Surveyed(
        footprint=footprint,
        survey=survey,
        sample=sample.rows(),
        windows=covered(spans, sizes, reading.excluded),
        sizes=dict(zip(spans, sizes, strict=True)),
        versions=sorted(versions.counts),
    )


def changed(what: str) -> SourceError:
    """What to raise where another reading saw other rows."""
    return SourceError(
        f"the reference changed while it was read: {what}; build it again once nothing writes to it",
        transient=True,
    )


def by_window(batch: Batch, edges: Sequence[int]) -> Iterator[tuple[int, Batch]]:
    """The rows of each window that has some, with its place. `edges`: µs, start and end of each window in
    turn; windows ascend and do not overlap."""
    if batch.times is None:
        raise ValueError("rows without time have no windows")
    # Odd: at or after the start of a window and before its end.
    place = np.searchsorted(np.asarray(edges, dtype=np.int64), batch.times, side="right")
    if np.all(place[1:] >= place[:-1]):  # in order of time, as most sources are: nothing is copied
        ends = np.append(np.flatnonzero(np.diff(place)) + 1, batch.rows)
        for start, stop in pairwise([0, *ends.tolist()]):
            index, inside = divmod(int(place[start]), 2)
            if inside:
                yield index, _cut(batch, start, stop)
        return
    order = np.argsort(place, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(place[order])) + 1):
        index, inside = divmod(int(place[rows[0]]), 2)
        if inside:
            yield index, _picked(batch, rows)


def _inner(span: Span | None, whole: Span | None) -> Span | None:
    """A window may begin before the reference does."""
    if span is None or whole is None:
        return span or whole
    return Span(start=max(span.start, whole.start), end=min(span.end, whole.end))


def _without(batch: Batch, excluded: Sequence[Span]) -> Batch:
    if batch.times is None or not excluded:
        return batch
    keep = outside(batch.times, excluded)
    return batch if keep.all() else _picked(batch, np.flatnonzero(keep))


def _cut(batch: Batch, start: int, stop: int) -> Batch:
    columns: dict[str, Column] = {
        name: taken(column, slice(start, stop)) for name, column in batch.columns.items()
    }
    times = None if batch.times is None else batch.times[start:stop]
    return replace(batch, rows=stop - start, columns=columns, times=times)


def _picked(batch: Batch, rows: NDArray[np.int64]) -> Batch:
    columns: dict[str, Column] = {name: taken(column, rows) for name, column in batch.columns.items()}
    times = None if batch.times is None else batch.times[rows]
    return replace(batch, rows=int(rows.size), columns=columns, times=times)


def _bytes(batch: Batch) -> int:
    taken = 0 if batch.times is None else batch.times.nbytes
    for column in batch.columns.values():
        if isinstance(column, NumericColumn):
            taken += column.values.nbytes
        else:
            taken += column.codes.nbytes + _LABEL * len(column.labels)
    return taken
