"""Which rows of a reference are held in memory where not all of them can be?

Those whose position among all rows hashes lowest: drawn without regard to what they hold, spread over the
whole reference, and the same ones for the same rows in the same order, in whatever batches they come.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors import CategoryColumn, Column, Kind, NumericColumn
from detectors._column import taken
from monitor.reference_rows import Rows
from monitor.source import Batch

# 4,096 knots with 244 rows of the sample from one to the next: a cell holds 1/4,096 of all rows give or take
# 6 %, the largest of all cells a third more (detectors/_large_profile.py). More rows would cost time alone:
# what is learnt beside the columns takes 200,000 at most.
MOST_ROWS = 1_000_000
_SLACK = 1.25  # of the rows: so much is gathered before what is too much is dropped
_POSITION = 8 + 8  # bytes: hash and time
_KEY = 100  # bytes of a label that no other row has, as text


def sample_rows(memory: int, wanted: Mapping[str, Kind], key: str | None = None) -> int:
    """How many rows of these columns so many bytes hold. `key`: a column whose labels are all different."""
    row = sum(8 if kind is Kind.NUMERIC else 4 for kind in wanted.values()) + _POSITION
    return max(1, min(MOST_ROWS, int(memory / _SLACK) // (row + (_KEY if key in wanted else 0))))


@dataclass(slots=True)
class _Held:
    """One column of the rows gathered so far, in parts; codes are those of `labels`."""

    parts: list[NDArray[np.float64] | NDArray[np.int32]]
    labels: dict[str, int] | None  # None: numbers

    def add(self, column: Column) -> None:
        if isinstance(column, NumericColumn):
            self.parts.append(column.values)
        elif self.labels is not None:
            table = np.full(len(column.labels) + 1, -1, dtype=np.int32)
            for code in np.unique(column.codes[column.codes >= 0]).tolist():
                table[code] = self.labels.setdefault(column.labels[code], len(self.labels))
            self.parts.append(table[column.codes])

    def column(self) -> Column:
        whole = np.concatenate(self.parts)
        if self.labels is None:
            return NumericColumn(values=whole.astype(np.float64, copy=False))
        return CategoryColumn(codes=whole.astype(np.int32, copy=False), labels=tuple(self.labels))

    def keep(self, rows: NDArray[np.bool_]) -> None:
        """Only these rows, and no label that none of them has."""
        column = taken(self.column(), rows)
        self.parts = []
        if self.labels is not None:
            self.labels = {}
        self.add(column)


class RowSample:
    """`add` every batch, then take the `rows` once."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._seen = 0
        self._below = np.uint64(np.iinfo(np.uint64).max)  # hashes of the rows that may stay
        self._hashes: list[NDArray[np.uint64]] = []
        self._times: list[NDArray[np.int64]] = []
        self._columns: dict[str, _Held] = {}
        self._dropped: set[str] = set()
        self._gathered = 0

    def add(self, batch: Batch) -> None:
        """One batch."""
        hashes = _mixed(np.arange(self._seen, self._seen + batch.rows, dtype=np.uint64))
        self._seen += batch.rows
        mine = hashes <= self._below
        self._hashes.append(hashes[mine])
        if batch.times is not None:
            self._times.append(batch.times[mine])
        for name, column in batch.columns.items():
            if name in self._dropped:
                continue
            held = self._columns.get(name)
            if held is None:
                numeric = isinstance(column, NumericColumn)
                held = self._columns[name] = _Held(parts=[], labels=None if numeric else {})
            held.add(taken(column, mine))
        self._gathered += int(mine.sum())
        if self._gathered > _SLACK * self._most:
            self._thin()

    def drop(self, names: Collection[str]) -> None:
        """Columns that nobody needs after all."""
        self._dropped.update(names)
        for name in names:
            self._columns.pop(name, None)

    def rows(self) -> Rows:
        """The sample in time order; ties keep the source's order. Nothing is held here afterwards."""
        if self._gathered > self._most:
            self._thin()
        times = np.concatenate(self._times) if self._times else None
        order = None if times is None else np.argsort(times, kind="stable")
        ordered: dict[str, Column] = {}
        for name in list(self._columns):  # one by one: two copies of one column at a time
            column = self._columns.pop(name).column()
            ordered[name] = column if order is None else taken(column, order)
        return Rows(
            columns=ordered,
            count=self._gathered,
            times=None if times is None or order is None else times[order],
        )

    def _thin(self) -> None:
        hashes = np.concatenate(self._hashes)
        self._below = np.partition(hashes, self._most - 1)[self._most - 1]
        mine = hashes <= self._below  # hashes of positions are all different: exactly so many
        self._hashes = [hashes[mine]]
        if self._times:
            self._times = [np.concatenate(self._times)[mine]]
        for held in self._columns.values():
            held.keep(mine)
        self._gathered = self._most


def _mixed(positions: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """One to one. The finaliser of SplitMix64 (Steele, Lea & Flood, OOPSLA 2014)."""
    z = positions + np.uint64(0x9E37_79B9_7F4A_7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58_476D_1CE4_E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D0_49BB_1331_11EB)
    return z ^ (z >> np.uint64(31))
