"""How did the model do on the rows of one window whose outcome is known, counted so that batches add up?"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors._reliability import Reliability
from detectors._summary import NumericSummary
from detectors._sums import Sums

Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Classified:
    """Rows with outcome and score, of k classes in the order of the score's."""

    actual: Counts  # int64[k], rows by true class
    predicted: Counts  # int64[k], rows by predicted class
    correct: Counts  # int64[k], rows whose true class was predicted
    foreign: int  # rows whose outcome is no class of the score: never right, in no `actual`
    # Rows of a class, and of all others, by cell of its score; binary: of the positive class alone.
    positives: tuple[Counts, ...]
    negatives: tuple[Counts, ...]
    reliability: Reliability  # of the positive class's score; multiclass: of the largest probability
    residual: Sums  # y − score; multiclass: correct − largest probability
    squared: Sums  # Brier: (y − score)²; multiclass Σ over classes, 0 to 2
    log_loss: Sums  # nats

    @property
    def rows(self) -> int:
        return self.residual.rows

    def __add__(self, other: "Classified") -> "Classified":
        if not isinstance(other, Classified):
            return NotImplemented
        return Classified(
            actual=self.actual + other.actual,
            predicted=self.predicted + other.predicted,
            correct=self.correct + other.correct,
            foreign=self.foreign + other.foreign,
            positives=_pairwise(self.positives, other.positives),
            negatives=_pairwise(self.negatives, other.negatives),
            reliability=self.reliability + other.reliability,
            residual=self.residual + other.residual,
            squared=self.squared + other.squared,
            log_loss=self.log_loss + other.log_loss,
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Classified):
            return NotImplemented
        return (
            all(map(np.array_equal, self._arrays(), other._arrays()))
            and self.reliability == other.reliability
            and self._sums() == other._sums()
        )

    __hash__ = None  # type: ignore[assignment]  # holds arrays

    def _arrays(self) -> tuple[Counts, ...]:
        return (self.actual, self.predicted, self.correct, *self.positives, *self.negatives)

    def _sums(self) -> tuple[int, Sums, Sums, Sums]:
        return self.foreign, self.residual, self.squared, self.log_loss


@dataclass(frozen=True, slots=True, kw_only=True)
class Regressed:
    """Rows with outcome y and prediction; e = y − prediction, in scales of the reference (`Scales`)."""

    error: Sums  # e / error scale
    absolute: Sums  # |e| / absolute scale
    squared: Sums  # (e / error scale)²
    relative: Sums  # |e| / |y| over the rows with y ≠ 0
    outcome: Sums  # (y − centre) / outcome scale
    outcome_squared: Sums  # its square
    errors: NumericSummary  # e by cell, for its quantiles

    @property
    def rows(self) -> int:
        return self.error.rows

    def __add__(self, other: "Regressed") -> "Regressed":
        if not isinstance(other, Regressed):
            return NotImplemented
        return Regressed(
            error=self.error + other.error,
            absolute=self.absolute + other.absolute,
            squared=self.squared + other.squared,
            relative=self.relative + other.relative,
            outcome=self.outcome + other.outcome,
            outcome_squared=self.outcome_squared + other.outcome_squared,
            errors=self.errors + other.errors,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PerformanceSummary:
    """All rows of one window, or of a part of it."""

    rows: int  # all rows, without outcome too
    unscored: int  # rows with an outcome but without a score: they count as unlabelled
    found: Classified | Regressed
    profile_digest: str  # summaries of two profiles do not add up

    @property
    def labelled(self) -> int:
        """Rows whose outcome and score are known: all numbers rest on them."""
        return self.found.rows

    @property
    def unlabelled(self) -> int:
        return self.rows - self.labelled

    def __add__(self, other: "PerformanceSummary") -> "PerformanceSummary":
        if not isinstance(other, PerformanceSummary):
            return NotImplemented
        if self.profile_digest != other.profile_digest:
            raise ValueError(
                f"performance of two profiles does not add up: {self.profile_digest[:12]} "
                f"and {other.profile_digest[:12]}"
            )
        return PerformanceSummary(
            rows=self.rows + other.rows,
            unscored=self.unscored + other.unscored,
            found=self.found + other.found,  # type: ignore[operator]  # same profile, so of one kind
            profile_digest=self.profile_digest,
        )


def _pairwise(a: tuple[Counts, ...], b: tuple[Counts, ...]) -> tuple[Counts, ...]:
    return tuple(x + y for x, y in zip(a, b, strict=True))
