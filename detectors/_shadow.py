"""How far does a second score, of a challenger on the same rows, lie from the model's own?

Per row, where both are known: whether the two predict the same class (classification), how far apart they
are, and which is higher. Regression: in reference sd of the score. Binary: by the class "1", else the first.
Multiclass: the distance is half the sum of the absolute differences of the probabilities, the difference that
of the largest ones.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors._column import Columns
from detectors._column_profile import ColumnProfile, NumericProfile
from detectors._derived import ScoreSpec, numbers, probabilities
from detectors._sums import Sums


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowSummary:
    """Rows whose own and second score are both known, of all rows of the window."""

    agreed: int  # rows of the same predicted class; 0 for a regression
    distance: Sums
    difference: Sums  # second − own

    @property
    def rows(self) -> int:
        return self.distance.rows

    def __add__(self, other: "ShadowSummary") -> "ShadowSummary":
        if not isinstance(other, ShadowSummary):
            return NotImplemented
        return ShadowSummary(
            agreed=self.agreed + other.agreed,
            distance=self.distance + other.distance,
            difference=self.difference + other.difference,
        )

    @property
    def agreement(self) -> float:
        """Share of the rows; NaN without rows."""
        return self.agreed / self.rows if self.rows else np.nan

    @property
    def mean_distance(self) -> tuple[float, float]:
        """Mean and variance over the rows, 0 of a single one; NaN without rows."""
        return _moments(self.distance)

    @property
    def mean_difference(self) -> tuple[float, float]:
        """Mean and variance over the rows, 0 of a single one; NaN without rows."""
        return _moments(self.difference)


def count_shadow(
    columns: Columns,
    score: ScoreSpec,
    shadow: Mapping[str, str],
    profiles: Mapping[str, ColumnProfile],
) -> ShadowSummary | None:
    """`shadow`: {class: column} as in ScoreSpec. None where the batch lacks a column of either score."""
    second = shadow_columns(columns, score, shadow)
    if second is None:
        return None
    # ∞ − ∞ is unknown, as is what overflows.
    with np.errstate(invalid="ignore", over="ignore"):
        distance, difference, agreed = _apart(columns, second, score, profiles)
    known = np.isfinite(distance) & np.isfinite(difference)
    return ShadowSummary(
        agreed=int((agreed & known).sum()),
        distance=Sums.of(distance[known]),
        difference=Sums.of(difference[known]),
    )


def shadow_columns(columns: Columns, score: ScoreSpec, shadow: Mapping[str, str]) -> Columns | None:
    """The batch as if the second score were the model's own; None where a column of either is absent."""
    pairs = {score.columns[name]: column for name, column in _by_class(score, shadow).items()}
    if any(name not in columns for pair in pairs.items() for name in pair):
        return None
    return {**columns, **{own: columns[second] for own, second in pairs.items()}}


def _apart(
    columns: Columns, second: Columns, score: ScoreSpec, profiles: Mapping[str, ColumnProfile]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """Distance, difference and agreement of each row."""
    mine, theirs = probabilities(columns, score), probabilities(second, score)
    if mine is None or theirs is None:
        (name,) = score.columns.values()
        reference = profiles.get(name)
        sd = reference.sd if isinstance(reference, NumericProfile) else 1.0
        scale = sd if np.isfinite(sd) and sd > 0.0 else 1.0
        difference = (numbers(name, second[name]) - numbers(name, columns[name])) / scale
        return np.abs(difference), difference, np.zeros(difference.shape, dtype=np.bool_)
    classes, (own, other) = mine[0], (np.stack(mine[1]), np.stack(theirs[1]))
    if score.task == "binary":
        positive = classes.index("1") if "1" in classes else 0
        difference = other[positive] - own[positive]
    else:
        difference = other.max(axis=0) - own.max(axis=0)
    return 0.5 * np.abs(other - own).sum(axis=0), difference, other.argmax(axis=0) == own.argmax(axis=0)


def _by_class(score: ScoreSpec, shadow: Mapping[str, str]) -> Mapping[str, str]:
    """Both scores name their columns by the same classes; a score of one column by nothing."""
    if len(score.columns) == 1:
        (key,) = score.columns
        return {key: next(iter(shadow.values()))}
    return {name: shadow[name] for name in score.columns}


def _moments(sums: Sums) -> tuple[float, float]:
    return sums.mean, 0.0 if sums.rows == 1 else sums.variance
