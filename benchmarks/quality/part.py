"""What is one part of the suite? A question that a seed answers with counts, and the rows they make."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.quality.tally import Tally
from benchmarks.rows import Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much a seed does."""

    onsets: int  # of each fault a seed: with five seeds at least a hundred
    permutations: int  # of the flights a seed: at least ten in all
    judged: int | None = None  # windows of a made-up world; None: as many as each part says
    reference: int = 60
    reference_weeks: int = 24  # of the flights
    weeks: int = 28  # judged
    peers: int = 40  # windows that the cheap peers see a seed
    evidently: int = 10  # and Evidently

    @classmethod
    def full(cls, seeds: int) -> "Size":
        """At least 100 onsets and ten permutations, whatever the seeds."""
        return cls(onsets=max(20, -(-100 // seeds)), permutations=max(1, -(-10 // seeds)))

    @classmethod
    def toy(cls) -> "Size":
        """Only to see that it runs."""
        return cls(
            onsets=2,
            permutations=1,
            judged=12,
            reference=22,
            reference_weeks=4,
            weeks=2,
            peers=2,
            evidently=1,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A question. `run` in a process of its own, a seed at a time; `folder` keeps the scored flights."""

    title: str
    run: Callable[[int, Size, Path], Tally]
    rows: Callable[[Mapping[int, Tally]], Iterable[Row]]
    weight: float = 1.0  # about how long a seed takes: the long ones go first


def total(tallies: Mapping[int, Tally]) -> Tally:
    """All seeds together."""
    return sum(tallies.values(), start=Tally())
