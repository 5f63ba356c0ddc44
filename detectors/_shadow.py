"""How far does a second score, of a challenger on the same rows, lie from the model's own?

Per row, where both are known: whether the two predict the same class (classification), how far apart they
are, and which is higher. Regression: in reference sd of the score. Multiclass: the distance is half the sum
of the absolute differences of the probabilities, the difference that of the largest ones.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors._column import Columns
from detectors._column_profile import ColumnProfile, NumericProfile
from detectors._derived import ScoreSpec, numbers, probabilities

# Sums over rows of rint(v·2²⁰), as moments in `_summary`: exact, so batches add up in any order. Half of 2¹¹
# reference sd is the most that counts of a regression's distance.
_UNIT = float(1 << 20)
_MOST = 1024.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowSummary:
    """Rows whose own and second score are both known, of all rows of the window."""

    rows: int
    agreed: int  # rows of the same predicted class; 0 for a regression
    distance: int  # Σ rint(d·2²⁰)
    distance2: int  # Σ rint(d²·2²⁰)
    difference: int  # Σ rint((second − own)·2²⁰)
    difference2: int

    def __add__(self, other: "ShadowSummary") -> "ShadowSummary":
        if not isinstance(other, ShadowSummary):
            return NotImplemented
        return ShadowSummary(
            rows=self.rows + other.rows,
            agreed=self.agreed + other.agreed,
            distance=self.distance + other.distance,
            distance2=self.distance2 + other.distance2,
            difference=self.difference + other.difference,
            difference2=self.difference2 + other.difference2,
        )

    @property
    def agreement(self) -> float:
        """Share of the rows; NaN without rows."""
        return self.agreed / self.rows if self.rows else np.nan

    @property
    def mean_distance(self) -> tuple[float, float]:
        """Mean and variance over the rows; NaN without rows."""
        return _moments(self.distance, self.distance2, self.rows)

    @property
    def mean_difference(self) -> tuple[float, float]:
        """Mean and variance over the rows; NaN without rows."""
        return _moments(self.difference, self.difference2, self.rows)


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
    if score.task == "regression":
        (name,) = score.columns.values()
        reference = profiles.get(name)
        sd = reference.sd if isinstance(reference, NumericProfile) else 1.0
        scale = sd if np.isfinite(sd) and sd > 0.0 else 1.0
        difference = (_values(second, name) - _values(columns, name)) / scale
        distance, agreed = np.abs(difference), np.zeros(difference.shape, dtype=np.bool_)
    else:
        mine, theirs = probabilities(columns, score), probabilities(second, score)
        if mine is None or theirs is None:
            return None
        own, other = np.stack(mine[1]), np.stack(theirs[1])
        difference = other[0] - own[0] if score.task == "binary" else other.max(axis=0) - own.max(axis=0)
        distance = 0.5 * np.abs(other - own).sum(axis=0)
        agreed = other.argmax(axis=0) == own.argmax(axis=0)
    known = np.isfinite(distance) & np.isfinite(difference)
    far, apart = distance[known].clip(0.0, _MOST), difference[known].clip(-_MOST, _MOST)
    return ShadowSummary(
        rows=int(known.sum()),
        agreed=int((agreed & known).sum()),
        distance=_fixed(far),
        distance2=_fixed(far**2),
        difference=_fixed(apart),
        difference2=_fixed(apart**2),
    )


def shadow_columns(columns: Columns, score: ScoreSpec, shadow: Mapping[str, str]) -> Columns | None:
    """The batch as if the second score were the model's own; None where a column of either is absent."""
    pairs = {score.columns[name]: column for name, column in _by_class(score, shadow).items()}
    if any(name not in columns for pair in pairs.items() for name in pair):
        return None
    return {**columns, **{own: columns[second] for own, second in pairs.items()}}


def _by_class(score: ScoreSpec, shadow: Mapping[str, str]) -> Mapping[str, str]:
    """Both scores name their columns by the same classes; a score of one column by nothing."""
    if len(score.columns) == 1:
        (key,) = score.columns
        return {key: next(iter(shadow.values()))}
    return {name: shadow[name] for name in score.columns}


def _values(columns: Columns, name: str) -> NDArray[np.float64]:
    return numbers(name, columns[name])


def _fixed(values: NDArray[np.float64]) -> int:
    return int(np.rint(values * _UNIT).astype(np.int64).sum())


def _moments(total: int, squares: int, rows: int) -> tuple[float, float]:
    if rows == 0:
        return np.nan, np.nan
    mean = total / (rows * _UNIT)
    if rows == 1:
        return mean, 0.0
    return mean, max((squares / _UNIT - rows * mean * mean) / (rows - 1), 0.0)
