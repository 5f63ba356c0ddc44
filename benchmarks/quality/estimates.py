"""How far is estimated accuracy from what the labels say later, beside a guess that never changes?"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from benchmarks.quality import still
from benchmarks.quality.departures import Flights
from benchmarks.quality.drawn import Fault, Rng
from benchmarks.quality.history import History, Told, live
from benchmarks.quality.part import Part, Size, total
from benchmarks.quality.tally import Tally
from benchmarks.rows import Row
from detectors import Column, NumericColumn
from detectors._column import ESTIMATED, PERFORMANCE

MOVED = ("driver", "second", "third", "idle")


def moved_at_random(at: int) -> Fault:
    """Covariate drift: each of four columns moves by up to 1 sd and is up to a third wider or narrower."""

    def nature(columns: dict[str, Column], rng: Rng) -> dict[str, Column]:
        del rng
        chance = np.random.default_rng((at, 77))
        found = dict(columns)
        for name in MOVED:
            column = columns[name]
            assert isinstance(column, NumericColumn)
            values = column.values * np.exp(chance.uniform(-0.3, 0.3)) + chance.uniform(-1.0, 1.0)
            found[name] = NumericColumn(values=values)
        return found

    return Fault(nature=nature)


def _count(tally: Tally, told: Told) -> None:
    estimate, realised = told.result(ESTIMATED), told.result(PERFORMANCE)
    if estimate is None or realised is None:
        return
    of = estimate.evidence.get("estimated")
    metrics, reference = realised.evidence["metrics"], realised.evidence["reference"]
    assert isinstance(of, Mapping)
    assert isinstance(metrics, Mapping)
    assert isinstance(reference, Mapping)
    if "accuracy" not in of or "accuracy" not in metrics:
        return
    foretold, band = of["accuracy"]
    found, usual = metrics["accuracy"][0], reference["accuracy"][0]
    tally.put("estimate", abs(foretold - found))
    tally.put("constant", abs(usual - found))
    tally.add("held", abs(foretold - found) <= band)
    tally.add("trusted", bool(estimate.evidence.get("trusted", True)))


def _synthetic(seed: int, size: Size, folder: Path) -> Tally:
    del folder
    tally = Tally()
    history = live(still.IID(seed, size), judged=8)
    for number in range(max(40, size.onsets) if size.judged is None else 2):
        for told in history.plant(number % 8, moved_at_random(100_000 * seed + number), 1):
            _count(tally, told)
    return tally


def _flights(seed: int, size: Size, folder: Path) -> Tally:
    """Natural order: season and weather move the inputs. The same for every seed."""
    del seed
    world = Flights(folder=folder, seed=None, reference_weeks=size.reference_weeks, weeks=size.weeks)
    tally = Tally()
    history: History = live(world)
    for told in history.told:
        _count(tally, told)
    return tally


def _rows(tally: Tally, what: str, at_most: float | None) -> Iterator[Row]:
    ours, constant = (np.mean(tally.values.get(name, [np.nan])) for name in ("estimate", "constant"))
    yield Row(
        what=f"estimated accuracy, {what}: error of a constant guess's",
        measured=float(ours / constant),
        unit="×",
        at_most=at_most,
        note=f"{100 * ours:.2f} against {100 * constant:.2f} points, {tally.tries('held')} windows",
    )
    yield Row(what="  realised within the stated band", measured=tally.share("held"), unit="")
    yield Row(what="  windows in which it is trusted", measured=tally.share("trusted"), unit="")


PARTS = {
    "estimates": Part(
        title="Estimated accuracy under covariate drift, n = 1,000",
        run=_synthetic,
        rows=lambda tallies: _rows(total(tallies), "covariate drift", 0.65),
        weight=1.0,
    ),
    "flights-estimates": Part(
        title="Estimated accuracy, flights in natural order",
        run=_flights,
        rows=lambda tallies: _rows(next(iter(tallies.values())), "flights, natural order", None),
        weight=0.1,
    ),
}
