"""Which parts does the suite have?"""

from pathlib import Path

from benchmarks.quality import beside, estimates, files, flown, planted, still
from benchmarks.quality.part import Part, Size
from benchmarks.quality.tally import Tally

PARTS: dict[str, Part] = {
    **still.PARTS,
    **planted.PARTS,
    **flown.PARTS,
    **estimates.PARTS,
    **beside.PARTS,
    **files.PARTS,
}


def needs_flights(name: str) -> bool:
    """Whether a part reads the flights, which are scored once for all."""
    return name.startswith("flights")


def one(name: str, seed: int, size: Size, folder: Path) -> Tally:
    """One seed of one part; in a process of its own."""
    return PARTS[name].run(seed, size, folder)
