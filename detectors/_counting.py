"""How many rows fall in each cell, and have each label? Batches of columns, one after the other.

Imported only where a window is counted, since it loads numba.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from detectors._column import Column, Columns, NumericColumn
from detectors._column_profile import ColumnProfile, NumericProfile, wrong_kind
from detectors._derived import derive
from detectors._label_counts import LabelCount
from detectors._number_counting import NO_CELLS, NumberCount
from detectors._summary import ColumnSummary

if TYPE_CHECKING:
    from detectors._profile import Profile

Cells = dict[str, NDArray[np.uint32]]


class ColumnCounts:
    """What the columns of batches that follow each other have added up to so far."""

    def __init__(self, profile: "Profile") -> None:
        self._profile = profile
        self._numbers: dict[str, NumberCount] = {}
        self._labels: dict[str, LabelCount] = {}

    def add(self, columns: Columns, rows: int, cells: Cells | None = None) -> None:
        """Counts those of a batch's columns that the profile holds, derived ones included.

        `cells`, where given, receives the cell of each row of the numeric columns that the batch holds.
        """
        for name, column in {**columns, **derive(columns, self._profile.score)}.items():
            reference = self._profile.columns.get(name)
            if reference is None:
                continue
            if len(column) != rows:
                raise ValueError(f'column "{name}": {len(column)} values in a batch of {rows} rows')
            kept = NO_CELLS
            if cells is not None and name in columns and isinstance(reference, NumericProfile):
                kept = cells[name] = np.empty(rows, dtype=np.uint32)
            self._add(name, reference, column, kept)

    def summaries(self) -> dict[str, ColumnSummary]:
        """Of all batches so far, in the profile's order; nothing is added after it."""
        found: dict[str, NumberCount | LabelCount] = {**self._numbers, **self._labels}
        return {name: found[name].summary() for name in self._profile.columns if name in found}

    def _add(self, name: str, reference: ColumnProfile, column: Column, cells: NDArray[np.uint32]) -> None:
        if isinstance(reference, NumericProfile):
            if not isinstance(column, NumericColumn):
                raise wrong_kind(reference)
            number = self._numbers.get(name)
            if number is None:
                number = self._numbers[name] = NumberCount(reference)
            number.add(column.values, cells)
            return
        if isinstance(column, NumericColumn):
            raise wrong_kind(reference)
        label = self._labels.get(name)
        if label is None:
            label = self._labels[name] = LabelCount(reference)
        label.add(column)


def count_columns(
    profile: "Profile", columns: Columns, rows: int, cells: Cells | None = None
) -> dict[str, ColumnSummary]:
    """Summaries of one batch: see `ColumnCounts`."""
    counts = ColumnCounts(profile)
    counts.add(columns, rows, cells)
    return counts.summaries()
