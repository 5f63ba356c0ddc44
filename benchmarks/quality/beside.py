"""What do the usual tools say of the very same windows?"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from benchmarks.quality import faults, peers, still
from benchmarks.quality.departures import Flights
from benchmarks.quality.drawn import Fault, joined
from benchmarks.quality.history import World
from benchmarks.quality.part import Part, Size, total
from benchmarks.quality.planted import shift_of
from benchmarks.quality.tally import Tally
from benchmarks.rows import Row
from detectors import Column

_LEAST = 20  # rows: nobody would run these tests on fewer


def _run(world: World, size: Size, seed: int, planted: Mapping[str, tuple[str, Fault]]) -> Tally:
    """Clean windows, then one fault at a time in some of them."""
    reference = joined([world.draw(index) for index in range(world.reference)])[0]
    sample = peers.sample(reference, seed)
    tally = Tally()
    for number in range(size.peers):
        at = world.reference + number * world.judged // size.peers
        slow = number % max(1, size.peers // size.evidently) == 0
        _count(tally, "clean", "", sample, world.draw(at), slow)
        if slow:
            for name, (column, fault) in planted.items():
                _count(tally, name, column, sample, world.draw(at, fault), slow)
    return tally


def _count(
    tally: Tally, name: str, column: str, sample: Mapping[str, Column], drawn: object, slow: bool
) -> None:
    from benchmarks.quality.drawn import Drawn

    assert isinstance(drawn, Drawn)
    if drawn.rows < _LEAST:
        return
    window = {each: drawn.columns[each] for each in sample}
    flagged = peers.cheap(sample, window)
    if slow:
        flagged |= peers.evidently(sample, window)
    for rule, columns in flagged.items():
        hit = bool(columns) if not column or rule == peers.EVIDENTLY_DATASET else column in columns
        tally.add(f"{name}|{rule}", hit)


def _rows(tallies: Mapping[int, Tally], what: str) -> Iterator[Row]:
    tally = total(tallies)
    names = list(dict.fromkeys(key.partition("|")[0] for key in tally.hits))
    for name in names:
        for rule in peers.RULES:
            key = f"{name}|{rule}"
            said = "windows with an alert, nothing changed" if name == "clean" else f"found: {name}"
            yield Row(
                what=f"{rule}: {said}",
                measured=100 * tally.share(key) if name == "clean" else tally.share(key),
                unit="of 100" if name == "clean" else "",
                note=f"{tally.tries(key)} windows, {what}",
            )


_FAULTS = {
    "0.2 sd": ("idle", faults.shifted("idle", 0.2)),
    "missing +3 points": ("idle", faults.missing("idle", 0.03)),
    "×100 in 5 % of rows": ("second", faults.times("second", 100.0, share=0.05)),
    "unseen category of 2 %": ("colour", faults.unseen("colour", 0.02)),
    "relation flipped": ("right", faults.flipped("right")),
}
_HALF = {"0.5 sd": ("idle", shift_of("idle", 0.5))}


def _part(
    what: str,
    world: Callable[[int, Size, Path], World],
    planted: Mapping[str, tuple[str, Fault]],
    weight: float,
) -> Part:
    return Part(
        title=f"Others on the same windows: {what}",
        run=lambda seed, size, folder: _run(world(seed, size, folder), size, seed, planted),
        rows=lambda tallies: _rows(tallies, what),
        weight=weight,
    )


def _flights(hours: int) -> Callable[[int, Size, Path], World]:
    return lambda seed, size, folder: Flights(
        folder=folder, seed=seed, hours=hours, reference_weeks=size.reference_weeks, weeks=size.weeks
    )


PARTS = {
    "peers-iid": _part("iid, n = 1,000", lambda seed, size, _: still.IID(seed, size), _FAULTS, 8.0),
    "peers-small": _part("iid, n = 50", lambda seed, size, _: still.SMALL(seed, size), _HALF, 4.0),
    "peers-ar": _part("AR(1)", lambda seed, size, _: still.DEPENDENT(seed, size), {}, 3.0),
    "flights-peers": _part("week-permuted flights, days", _flights(24), {}, 3.0),
    "flights-peers-3h": _part("week-permuted flights, 3 hours", _flights(3), {}, 3.0),
}
