"""What is in the columns of a reference that is not held in memory, before its knots are known?

The first of two looks at the rows, batch by batch: extremes, the distinct numbers of a column that has few,
the labels of a column of labels. All of it is the same in any order and split of the rows.
"""

from collections.abc import Collection, Mapping

import numpy as np
from numpy.typing import NDArray

from detectors._cells import KNOTS
from detectors._column import Columns, NumericColumn, Role
from detectors._derived import ScoreSpec, derive
from detectors._label_tally import LabelTally
from detectors._profile import IDENTIFIER_DISTINCT, POOLED_HASHES, may_be_left_out, refuse_reserved, role_of

Floats = NDArray[np.float64]


class NumberSurvey:
    """A numeric column: the ends of its finite values, and all of them while they are few."""

    def __init__(self, intervals: int = KNOTS) -> None:
        self.minimum, self.maximum, self._intervals = np.inf, -np.inf, intervals
        self._distinct: Floats | None = np.empty(0)

    def add(self, values: Floats) -> None:
        """One batch."""
        finite = values[np.isfinite(values)] + 0.0  # + 0.0: one zero
        if not finite.size:
            return
        self.minimum = min(self.minimum, float(finite.min()))
        self.maximum = max(self.maximum, float(finite.max()))
        if self._distinct is not None:
            found = np.union1d(self._distinct, finite)
            self._distinct = found if found.size <= self._intervals + 1 else None

    @property
    def distinct(self) -> Floats | None:
        """Every finite value, ascending; None where there are more than knots."""
        return self._distinct


class Survey:
    """All columns that are profiled, those derived from the score among them."""

    def __init__(
        self,
        *,
        roles: Mapping[str, Role],
        score: ScoreSpec | None,
        include: Collection[str] = (),
        intervals: int = KNOTS,
    ) -> None:
        """`intervals`: that a numeric column is cut into, at most."""
        refuse_reserved(roles)
        self.roles, self.score, self.include, self.intervals = roles, score, include, intervals
        self.rows = 0
        self.numbers: dict[str, NumberSurvey] = {}
        self.labels: dict[str, LabelTally] = {}

    def add(self, columns: Columns, rows: int) -> None:
        """One batch; columns without a role are not looked at."""
        self.rows += rows
        watched = {name: column for name, column in columns.items() if name in self.roles}
        for name, column in {**watched, **derive(columns, self.score)}.items():
            if isinstance(column, NumericColumn):
                self.numbers.setdefault(name, NumberSurvey(self.intervals)).add(column.values)
            else:
                self._tally(name).add(column)

    @property
    def left_out(self) -> frozenset[str]:
        """Columns of so many labels that they are not profiled, however many rows are still to come."""
        return frozenset(name for name, tally in self.labels.items() if tally.given_up)

    def _tally(self, name: str) -> LabelTally:
        found = self.labels.get(name)
        if found is None:
            leave = may_be_left_out(name, role_of(name, self.roles), self.include)
            found = self.labels[name] = LabelTally(
                most=POOLED_HASHES, give_up_above=IDENTIFIER_DISTINCT if leave else None
            )
        return found
