"""How many rows does each label of a column have, however many labels there are? In bounded memory.

Exact up to twice `most` labels. Beyond, the `most` labels whose hashes are the least are kept, with all their
rows: a label is among them or not by its name alone, so they are a fair sample of the labels and the same one
in any order and split of the rows (bottom-k sketch: Cohen & Kaplan, PODC 2007; k − 1 over the k-th hash
estimates the distinct labels to 1/√k: Bar-Yossef et al., RANDOM 2002).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from detectors._column import CategoryColumn
from detectors._column_profile import label_hash

_HASHES = 2.0**64


@dataclass(slots=True, kw_only=True)
class LabelTally:
    """`give_up_above`: labels from which on nobody wants to know them; None: never."""

    most: int
    give_up_above: int | None = None
    rows: int = 0
    missing: int = 0
    given_up: bool = False
    _counts: dict[str, int] = field(default_factory=dict)
    _below: int | None = None  # hashes of the labels kept; None: all of them

    def add(self, column: CategoryColumn) -> None:
        """One batch."""
        tally = np.bincount(column.codes.astype(np.int64) + 1, minlength=len(column.labels) + 1)
        self.rows += len(column)
        self.missing += int(tally[0])
        if self.given_up:
            return
        counts = self._counts
        for code in np.flatnonzero(tally[1:]).tolist():
            label = column.labels[code]
            if label in counts:
                counts[label] += int(tally[code + 1])
            elif self._below is None or int(label_hash(label)) < self._below:
                counts[label] = int(tally[code + 1])
        if self.give_up_above is not None and len(counts) > self.give_up_above:
            self.given_up = True
            counts.clear()
        elif len(counts) > 2 * self.most:
            self._thin()

    @property
    def is_exact(self) -> bool:
        """Whether every label is among `counts`."""
        return self._below is None and not self.given_up

    @property
    def counts(self) -> Mapping[str, int]:
        """Rows of every label kept."""
        self._settle()
        return self._counts

    @property
    def distinct(self) -> int:
        """Labels there are, kept or not; where not all of them are, as far as hashes tell."""
        self._settle()
        if self._below is None:
            return len(self._counts)
        return round((len(self._counts) - 1) * _HASHES / self._below)

    @property
    def singletons(self) -> int:
        """Labels of one row; where not all labels are kept, as many as their share of those kept."""
        single = sum(rows == 1 for rows in self.counts.values())
        return single if self._below is None else round(single / len(self._counts) * self.distinct)

    def _settle(self) -> None:
        """How often labels were dropped on the way depends on the batches; what is left now does not."""
        if self._below is not None and len(self._counts) > self.most:
            self._thin()

    def _thin(self) -> None:
        by_hash = sorted((int(label_hash(label)), label) for label in self._counts)
        self._counts = {label: self._counts[label] for _, label in by_hash[: self.most]}
        self._below = by_hash[self.most][0]
