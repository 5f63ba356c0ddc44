"""Which rows did a reading of a reference see, window by window? To know whether another one saw the same.

Rows and a sum over what they hold, in whole numbers: the same in any order and split of the rows. What a
source says of its data cannot be compared instead: a table that grows has a new version each time, though the
rows of a span stay, and a file with other values in it may have the old name, size and times.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from detectors import NumericColumn
from monitor.label_source import instant, micros
from monitor.source import Batch
from monitor.windows import WindowSpec, window_at, windows
from storage.span import Span

Integers = NDArray[np.int64]


class Footprint:
    """`add` every batch. `columns`: numeric ones whose values are part of it."""

    def __init__(self, spec: WindowSpec, columns: Sequence[str]) -> None:
        self._spec, self._columns = spec, tuple(columns)
        self.rows = 0
        self._first, self._last = np.iinfo(np.int64).max, np.iinfo(np.int64).min
        self._spans: list[Span] = []  # contiguous; empty where rows have no time
        self._edges: Integers = np.empty(0, dtype=np.int64)  # µs, one more than there are windows
        self._sizes: Integers = np.zeros(1, dtype=np.int64)
        self._sums: NDArray[np.uint64] = np.zeros(1, dtype=np.uint64)

    def like(self) -> "Footprint":
        """An empty one, for another reading of the same rows."""
        return Footprint(self._spec, self._columns)

    def add(self, batch: Batch) -> None:
        """One batch with all of the columns."""
        if not batch.rows:
            return
        self.rows += batch.rows
        place = np.zeros(batch.rows, dtype=np.int64)
        if batch.times is not None:
            self._reach(int(batch.times.min()), int(batch.times.max()))
            place = np.searchsorted(self._edges, batch.times, side="right") - 1
        self._sizes += np.bincount(place, minlength=self._sizes.size)
        np.add.at(self._sums, place, self._hashes(batch))

    @property
    def spans(self) -> list[Span]:
        """Every window from the first row's to the last row's."""
        return self._spans

    @property
    def sizes(self) -> list[int]:
        """Rows of each of them."""
        return [int(size) for size in self._sizes[: len(self._spans)]]

    @property
    def extent(self) -> Span | None:
        """From the first row to just after the last; None for rows without time."""
        if not self._spans:
            return None
        return Span(start=instant(self._first), end=instant(self._last + 1))

    def differing(self, other: "Footprint", among: Sequence[Span] | None = None) -> str:
        """What `other` saw otherwise, for a person; "" where it saw the same rows.

        `among`: windows of this one that are compared; None: everything.
        """
        if among is None:
            if self.rows != other.rows:
                return f"it had {self.rows:,} rows and now has {other.rows:,}"
            if [span.start for span in self._spans] != [span.start for span in other._spans]:
                return "its rows are of other times now"
        mine, theirs = self._by_start(), other._by_start()
        for start in mine if among is None else [micros(span.start) for span in among]:
            before, now = mine.get(start, (0, 0)), theirs.get(start, (0, 0))
            where = f"in the window of {instant(start):%Y-%m-%d %H:%M} UTC" if self._spans else "in it"
            if before[0] != now[0]:
                return f"{where} there were {before[0]:,} rows and now are {now[0]:,}"
            if before[1] != now[1]:
                return f"{where} are other values now"
        return ""

    def _by_start(self) -> dict[int, tuple[int, int]]:
        starts = self._edges[:-1] if self._spans else np.zeros(1, dtype=np.int64)
        pairs = zip(self._sizes.tolist(), self._sums.tolist(), strict=True)
        return dict(zip(starts.tolist(), pairs, strict=True))

    def _reach(self, low: int, high: int) -> None:
        """Windows for these times as well."""
        self._first, self._last = min(self._first, low), max(self._last, high)
        if not self._spans:
            until = window_at(self._spec, instant(high)).end
            self._spans = list(windows(self._spec, instant(low), until))
            self._sizes = np.zeros(len(self._spans), dtype=np.int64)
            self._sums = np.zeros(len(self._spans), dtype=np.uint64)
        before: list[Span] = []
        after: list[Span] = []
        if micros(self._spans[0].start) > low:
            before = list(windows(self._spec, instant(low), self._spans[0].start))
        if micros(self._spans[-1].end) <= high:
            until = window_at(self._spec, instant(high)).end
            after = list(windows(self._spec, self._spans[-1].end, until))
        if before or after or not self._edges.size:
            more = (len(before), len(after))
            self._spans = [*before, *self._spans, *after]
            self._sizes, self._sums = np.pad(self._sizes, more), np.pad(self._sums, more)
            starts = [micros(span.start) for span in self._spans]
            self._edges = np.array([*starts, micros(self._spans[-1].end)], dtype=np.int64)

    def _hashes(self, batch: Batch) -> NDArray[np.uint64]:
        # Here, not above: it loads the compiler.
        from detectors._joint_counting import key_hashes  # noqa: PLC0415

        keys: list[NDArray[np.float64] | None] = []
        for name in self._columns:
            column = batch.columns.get(name)
            numeric = isinstance(column, NumericColumn)
            keys.append(np.ascontiguousarray(column.values, dtype=np.float64) if numeric else None)  # type: ignore[union-attr]
        if batch.times is not None:  # exact: µs of this century and the next are below 2**53
            keys.append(batch.times.astype(np.float64))
        return key_hashes(keys, batch.rows)
