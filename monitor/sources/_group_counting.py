"""How is one row group counted? A few columns at a time, each read once, on the threads of a pool.

Columns that have to be side by side are the first stripe. Those of relations come last, in stripes like the
others: the first one has said by then which rows are looked at, and their scores of a byte each are kept.
"""

from collections import deque
from collections.abc import Collection, Iterable, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from detectors import Profile, WindowSummary, count
from detectors._apart import ApartCount, LookedAt, Reading
from detectors._count import Extras
from monitor.source import Batch
from monitor.sources._row_groups import Chosen, RowGroups

if TYPE_CHECKING:
    from detectors._joint import JointSummary

_Part = Future[WindowSummary]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stripes:
    """Names of columns. `first` may have none: it says how many rows there are."""

    first: Sequence[str]
    apart: Sequence[Sequence[str]]
    late: Sequence[Sequence[str]] = ()

    @classmethod
    def of(cls, names: Collection[str], how: Reading, size: int) -> "Stripes":
        """Of all these columns, so many at a time where they need not be together."""
        first = [name for name in names if how.together is None or name in how.together]
        late = [name for name in names if name in how.late]
        apart = [name for name in names if name not in first and name not in late]
        return cls(first=first, apart=cut(apart, size), late=cut(late, size))


class GroupCount:
    """One row group, whose stripes wait for a thread or are counted."""

    def __init__(
        self,
        groups: RowGroups,
        chosen: Chosen,
        stripes: Stripes,
        how: Reading,
        profile: Profile,
        extras: Extras,
        pool: Executor,
    ) -> None:
        self._groups, self._chosen, self._how = groups, chosen, how
        self._profile, self._extras = profile, extras
        self._looked = None if how.relations is None else LookedAt(profile, how.relations)
        first = pool.submit(self._first, stripes.first)
        self._parts: list[_Part] = [
            first,
            *(pool.submit(self._apart, names) for names in stripes.apart),
            # A pool takes them in this order: who waits for the first keeps it from nothing.
            *(pool.submit(self._late, names, first) for names in stripes.late),
        ]

    def result(self) -> WindowSummary:
        """The count of all its chosen rows, once it is there; raises what reading raised."""
        whole = WindowSummary.empty(self._profile)
        for part in self._parts:
            whole = whole + part.result()
        if self._looked is None:
            return whole
        joint = self._side_by_side() if self._looked.too_many else self._looked.count()
        return replace(whole, joint=joint)

    def cancel(self) -> None:
        """What has not begun does not begin."""
        for part in self._parts:
            part.cancel()

    def _first(self, names: Sequence[str]) -> WindowSummary:
        looked = self._looked
        batches = self._groups.batches(self._chosen, names)
        # By map, which keeps no batch while the next one is read.
        if looked is None:
            whole = WindowSummary.empty(self._profile)
            for part in map(self._all_of, batches):
                whole = whole + part
            return whole
        counted = ApartCount(self._profile, self._extras)

        def add(batch: Batch) -> None:
            cells: dict[str, NDArray[np.uint32]] = {}
            counted.add(batch.columns, batch.rows, cells)
            looked.choose(batch.columns, cells, batch.rows)

        _each(map(add, batches))
        looked.settle()
        return counted.summary(says_rows=True)

    def _apart(self, names: Sequence[str]) -> WindowSummary:
        counted = ApartCount(self._profile)

        def add(batch: Batch) -> None:
            counted.add(batch.columns, batch.rows)

        _each(map(add, self._groups.batches(self._chosen, names)))
        return counted.summary()

    def _late(self, names: Sequence[str], first: _Part) -> WindowSummary:
        first.result()
        counted = ApartCount(self._profile)

        def add(batch: Batch) -> None:
            start = counted.rows
            cells: dict[str, NDArray[np.uint32]] = {}
            counted.add(batch.columns, batch.rows, cells)
            if self._looked is not None:
                self._looked.take(batch.columns, cells, start, batch.rows)

        _each(map(add, self._groups.batches(self._chosen, names)))
        return counted.summary()

    def _all_of(self, batch: Batch) -> WindowSummary:
        return count(self._profile, batch.columns, batch.rows, self._extras)

    def _side_by_side(self) -> "JointSummary":
        """In a pass of their own: too many rows are looked at for their scores to be kept."""
        from detectors._joint import JointSummary  # noqa: PLC0415
        from detectors._joint_counting import count_joint  # noqa: PLC0415 - loads the compiler

        relations = self._how.relations
        if relations is None:
            raise ValueError("no relations: nothing is looked at together")
        joint = JointSummary.empty(relations.columns)
        names = [name for name in relations.columns if name in self._groups.wanted]
        for batch in self._groups.batches(self._chosen, names):
            joint = joint + count_joint(self._profile, relations, batch.columns, batch.rows)
        return joint


def cut(names: Sequence[str], size: int) -> list[Sequence[str]]:
    """So many at a time."""
    return [names[start : start + size] for start in range(0, len(names), size)]


def _each(done: Iterable[None]) -> None:
    deque(done, maxlen=0)
