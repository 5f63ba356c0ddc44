"""How is a window counted whose columns are not there at once? Some side by side, the others by themselves.

Counts of one column need no other one. How columns go together is seen in their normal scores, a byte a row:
these are kept of each column as it comes by, of the rows that are looked at, and summed when all have come.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from detectors._column import Columns, NumericColumn
from detectors._count import NO_EXTRAS, Extras
from detectors._profile import Profile
from detectors._relations import Relations, relations_of
from detectors._slices import slices_of
from detectors._summary import WindowSummary

if TYPE_CHECKING:
    from detectors._counting import Cells
    from detectors._joint import JointSummary
    from detectors._joint_counting import Scores

MOST_ROWS = 1 << 20  # whose scores are kept: of 40 columns 42 MB


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """`together`: the columns that have to be read side by side; None: all of them.

    `late`: those that are read after them, in any order, as only their normal scores are looked at together.
    """

    together: frozenset[str] | None
    late: tuple[str, ...] = ()
    relations: Relations | None = None  # that look at `late`

    @property
    def beside(self) -> frozenset[str] | None:
        """Those of which not everything can be said column by column; None: all of them."""
        return None if self.together is None else self.together.union(self.late)

    def of_rows(self, rows: int) -> "Reading":
        """How so many rows are read: of too many no scores are kept."""
        if self.relations is None or self.relations.sparsity or rows <= MOST_ROWS:
            return self
        return Reading(together=self.beside)


def reading(profile: Profile, extras: Extras = NO_EXTRAS) -> Reading:
    """How a window of this profile may be read."""
    if extras.version is not None:
        return Reading(together=None)  # each is counted by version
    found = set(extras.shadow.values()) | ({extras.error} if extras.error is not None else set())
    if profile.score is not None:
        found |= set(profile.score.columns.values())
    relations, slices = relations_of(profile), slices_of(profile)
    if slices is not None:
        found |= {segment.column for segment in slices.segments}
        found |= {name for each in slices.profiles.values() for name in each.columns}
    if relations is None:
        return Reading(together=frozenset(found))
    if slices is not None or extras.shadow:
        return Reading(together=frozenset(found | {*relations.columns, *relations.keys}))
    found |= set(relations.keys if relations.sparsity else ())
    late = tuple(name for name in relations.columns if name not in found)
    return Reading(together=frozenset(found), late=late, relations=relations)


class ApartCount:
    """Batches of some columns, each counted by itself; added to the others it is the count of the whole."""

    def __init__(self, profile: Profile, extras: Extras = NO_EXTRAS) -> None:
        # Here, not above: it loads the compiler.
        from detectors._counting import ColumnCounts  # noqa: PLC0415

        self.rows = 0  # added so far
        self._digest, self._error = profile.digest, extras.error
        self._errors: int | None = None
        self._columns = ColumnCounts(profile)

    def add(self, columns: Columns, rows: int, cells: "Cells | None" = None) -> None:
        """Counts a batch; `cells`: see `ColumnCounts.add`."""
        self._columns.add(columns, rows, cells)
        self.rows += rows
        if self._error is not None and self._error in columns:
            from detectors._service import error_rows  # noqa: PLC0415 - as above

            self._errors = (self._errors or 0) + int(error_rows(columns[self._error]).sum())

    def summary(self, *, says_rows: bool = False) -> WindowSummary:
        """Of all batches; one of those that add up says how many rows there are. The last call."""
        return WindowSummary(
            rows=self.rows if says_rows else 0,
            columns=self._columns.summaries(),
            profile_digest=self._digest,
            errors=self._errors,
        )


class LookedAt:
    """Of a stretch of rows, those that are looked at together, and what normal scores their columns have.

    One thread `choose`s in all of the stretch and then `settle`s; then any may `take` other columns.
    """

    def __init__(self, profile: Profile, relations: Relations) -> None:
        self._profile, self._relations = profile, relations
        self._place = {name: place for place, name in enumerate(relations.columns)}
        self._rows = self._looked_at = 0  # seen, and of these chosen
        self._chosen: list[NDArray[np.int64]] = []  # ascending, in the stretch; of all rows nothing is kept
        self._early: dict[str, list[Scores]] = {}  # by column, batch after batch
        self._places: NDArray[np.int64] | None = None
        self._scores = np.empty((0, 0), dtype=np.int8)

    @property
    def too_many(self) -> bool:
        """Nothing is kept: the keys say what those of the reference never did, as where all are missing."""
        return self._looked_at > MOST_ROWS

    def choose(self, columns: Columns, cells: "Cells", rows: int) -> None:
        """The next batch of the stretch, with the keys that there are, and the cells of its values."""
        from detectors._joint_counting import chosen  # noqa: PLC0415 - loads the compiler

        if self.too_many:
            return
        keys = [_numbers(columns, name) for name in self._relations.keys]
        mine = chosen(keys, self._relations.sparsity, rows)
        self._looked_at += rows if mine is None else mine.size
        if self.too_many:
            self._chosen, self._early = [], {}
            return
        if mine is not None:
            self._chosen.append(mine + self._rows)
        self._rows += rows
        for name in self._place.keys() & cells.keys():
            part = np.empty(rows if mine is None else mine.size, dtype=np.int8)
            self._score(name, columns, cells, mine, part)
            self._early.setdefault(name, []).append(part)

    def settle(self) -> None:
        """All rows have been seen."""
        from detectors._joint_counting import no_scores  # noqa: PLC0415 - as above

        if self.too_many:
            return
        if self._relations.sparsity:
            self._places = np.concatenate([np.empty(0, dtype=np.int64), *self._chosen])
        self._scores = no_scores(self._relations, self._rows if self._places is None else self._places.size)
        for name, parts in self._early.items():
            self._scores[self._place[name]] = np.concatenate(parts)
        self._chosen, self._early = [], {}

    def take(self, columns: Columns, cells: "Cells", start: int, rows: int) -> None:
        """A batch of other columns, which begins at row `start` of the stretch."""
        if not self._scores.size:
            return
        first, last, mine = start, start + rows, None
        if self._places is not None:
            first, last = (int(place) for place in np.searchsorted(self._places, (start, start + rows)))
            mine = self._places[first:last] - start
        for name in self._place.keys() & cells.keys():
            self._score(name, columns, cells, mine, self._scores[self._place[name], first:last])

    def count(self) -> "JointSummary":
        """What counting whole rows would give."""
        from detectors._joint_counting import count_scores  # noqa: PLC0415 - as above

        return count_scores(self._relations, self._scores)

    def _score(
        self,
        name: str,
        columns: Columns,
        cells: "Cells",
        rows: NDArray[np.int64] | None,
        into: "Scores",
    ) -> None:
        from detectors._joint_counting import score  # noqa: PLC0415 - as above

        values = _numbers(columns, name)
        if values is not None:
            every = slice(None) if rows is None else rows
            score(self._profile.columns[name], values[every], cells[name][every], into)


def _numbers(columns: Columns, name: str) -> NDArray[np.float64] | None:
    """Those of a column of numbers; None where the batch has none."""
    column = columns.get(name)
    return column.values if isinstance(column, NumericColumn) else None
