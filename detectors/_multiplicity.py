"""How much must a p value be raised when many were looked at?"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjusted:
    """A p value raised for its family: min(1, step · size / rank)."""

    size: int  # p values in the family
    rank: int  # the rank, 1 = smallest, at which the family's step-up gave the least value
    step: float  # the family's p value of that rank: this one's own or a larger one

    @property
    def p(self) -> float:
        return min(1.0, self.step * self.size / self.rank)

    def of_part(self, p: float) -> float:
        """The same raise for a p no smaller than the one that was adjusted: one part of its column."""
        return max(self.p, min(1.0, p * self.size / self.rank))


def bonferroni(p: Sequence[float], m: int) -> float:
    """p of the whole: min(1, m·min p) over its m parts, of which some may be left out; 1 without any."""
    return min(1.0, m * min(p)) if p else 1.0


def benjamini_hochberg(p: Sequence[float]) -> list[Adjusted]:
    """Adjusted p values, in the given order: the smallest level at which each would be rejected.

    Benjamini & Hochberg, J. R. Statist. Soc. B 57 (1995) 289–300, the step-up procedure.
    """
    m = len(p)
    order = sorted(range(m), key=p.__getitem__, reverse=True)
    adjusted = [Adjusted(size=max(m, 1), rank=1, step=1.0)] * m
    best: Adjusted | None = None
    for rank, index in zip(range(m, 0, -1), order, strict=True):
        here = Adjusted(size=m, rank=rank, step=p[index])
        if best is None or here.step * m / rank < best.step * m / best.rank:
            best = here
        adjusted[index] = best
    return adjusted
