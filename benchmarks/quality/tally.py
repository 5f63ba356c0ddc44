"""What did the seeds of one part count? Hits out of tries, and values, by name; they add up."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True, kw_only=True)
class Tally:
    """Counts of one seed, or of many."""

    hits: dict[str, list[int]] = field(default_factory=dict)  # [hits, tries] by name
    values: dict[str, list[float]] = field(default_factory=dict)
    where: dict[str, dict[str, int]] = field(default_factory=dict)  # e.g. false pages by column

    def add(self, name: str, hit: bool) -> None:
        found = self.hits.setdefault(name, [0, 0])
        found[0] += hit
        found[1] += 1

    def note(self, name: str, what: str) -> None:
        found = self.where.setdefault(name, {})
        found[what] = found.get(what, 0) + 1

    def put(self, name: str, value: float) -> None:
        self.values.setdefault(name, []).append(value)

    def share(self, name: str) -> float:
        """NaN where nothing was tried: no target is met by not trying."""
        hits, tries = self.hits.get(name, (0, 0))
        return hits / tries if tries else float("nan")

    def tries(self, name: str) -> int:
        return self.hits.get(name, [0, 0])[1]

    def __add__(self, other: "Tally") -> "Tally":
        total = Tally()
        for one in (self, other):
            for name, (hits, tries) in one.hits.items():
                found = total.hits.setdefault(name, [0, 0])
                found[0] += hits
                found[1] += tries
            for name, numbers in one.values.items():
                total.values.setdefault(name, []).extend(numbers)
            for name, places in one.where.items():
                for what, times in places.items():
                    at = total.where.setdefault(name, {})
                    at[what] = at.get(what, 0) + times
        return total

    def most(self, name: str, number: int = 4) -> str:
        """The places met most often, for a note."""
        ordered = sorted(self.where.get(name, {}).items(), key=lambda item: -item[1])
        return ", ".join(f"{what} {times}" for what, times in ordered[:number])

    def facts(self) -> dict[str, Any]:
        """For a machine."""
        return {"hits": self.hits, "values": self.values, "where": self.where}
