"""How often does the default policy page on real flights that do not drift, and what does it find in them?"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from benchmarks.quality import faults, planted, still
from benchmarks.quality.departures import Flights
from benchmarks.quality.history import History, live
from benchmarks.quality.part import Part, Size, total
from benchmarks.quality.planted import FOUND, PAGED, Case, watch
from benchmarks.quality.tally import Tally
from benchmarks.rows import Row
from detectors._column import BEHAVIOUR, PERFORMANCE

# Columns that never lack a value in the clean data, in turn; and some of the weather, which lacks up to a
# sixth of its rows on 16 days of the year by itself.
COMPLETE = ("carrier", "origin", "dest", "distance", "hour", "dep_delay")
GAPPY = ("temp", "humid", "visib")
_MPH_TO_MS = 0.44704
_SD_OF_DISTANCE = 733.0  # miles, of the whole year


def _world(seed: int | None, permutation: int, size: Size, folder: Path, hours: int) -> Flights:
    # Seeds of their own for further permutations of one seed given.
    own = None if seed is None else seed + 10_000 * permutation
    return Flights(
        folder=folder, seed=own, hours=hours, reference_weeks=size.reference_weeks, weeks=size.weeks
    )


def _permuted(hours: int) -> Part:
    title = "week-permuted flights, " + ("days" if hours == 24 else f"{hours} hours")

    def run(seed: int, size: Size, folder: Path) -> Tally:
        tally = Tally()
        for permutation in range(size.permutations):
            one = still.count_clean(live(_world(seed, permutation, size, folder, hours)))
            tally.put("rate", 100 * one.share("page"))
            tally += one
        return tally

    def rows(tallies: Mapping[int, Tally]) -> Iterator[Row]:
        pooled, _, tickets = still.false_pages(tallies, title, 1.0, worst=4.0)
        yield pooled
        rates = total(tallies).values["rate"]
        yield Row(
            what=f"  the worst of {len(rates)} permutations",
            measured=max(rates),
            unit="of 100",
            at_most=4.0,
            note=", ".join(f"{rate:.2f}" for rate in rates),
        )
        yield tickets

    return Part(title=title[0].upper() + title[1:], run=run, rows=rows, weight=4.0 if hours == 24 else 20.0)


def _natural(seed: int, size: Size, folder: Path) -> Tally:
    """The same for every seed."""
    del seed
    return still.count_clean(live(_world(None, 0, size, folder, 24)))


def _natural_rows(tallies: Mapping[int, Tally]) -> Iterator[Row]:
    one = next(iter(tallies.values()))
    for name, what in (("page", "pages"), ("ticket", "tickets")):
        yield Row(
            what=f"flights in natural order, days: windows with a {name}",
            measured=100 * one.share(name),
            unit="of 100",
            note=f"{one.most(what, 6)}",
        )


def _cases(number: int) -> Iterator[Case]:
    complete, gappy = COMPLETE[number % len(COMPLETE)], GAPPY[number % len(GAPPY)]
    yield Case(name="missing +3 points", culprit=complete, fault=faults.missing(complete, 0.03), length=1)
    yield Case(name="missing +3 points, weather", culprit=gappy, fault=faults.missing(gappy, 0.03), length=1)
    yield Case(
        name="unseen carrier of 2 %", culprit="carrier", fault=faults.unseen("carrier", 0.02), length=1
    )
    yield Case(
        name="×100 in 5 % of distance",
        culprit="distance",
        fault=faults.times("distance", 100.0, share=0.05),
        length=1,
    )
    miles = faults.times("distance", 1.609344)
    named = planted.unit_named(1.609344, "distance", "miles → kilometres")
    yield Case(name="distance in kilometres", culprit="distance", fault=miles, also=named)
    celsius = faults.times("temp", 5 / 9, offset=-160 / 9)
    yield Case(name="temp in °C", culprit="temp", fault=celsius, also=planted.unit_named(5 / 9, "temp"))
    slow = faults.times("wind_speed", _MPH_TO_MS)
    yield Case(
        name="wind_speed in m/s",
        culprit="wind_speed",
        fault=slow,
        also=planted.unit_named(_MPH_TO_MS, "wind_speed"),
        length=7,
    )
    further = faults.shifted("distance", 0.5 * _SD_OF_DISTANCE)
    yield Case(name="distance +0.5 sd", culprit="distance", fault=further)
    yield Case(name="wind_speed stuck", culprit="wind_speed", fault=faults.stuck("wind_speed"), length=1)


def _planted(seed: int, size: Size, folder: Path) -> Tally:
    tally = Tally()
    for permutation in range(size.permutations):
        history = live(_world(seed, permutation, size, folder, 24))
        for number, at in enumerate(history.onsets(-(-size.onsets // size.permutations), 7)):
            for case in _cases(number):
                watch(history, case, at, tally)
    return tally


def _answers(number: int) -> Iterator[Case]:
    """What must be found while the weather changes from day to day."""
    del number
    yield Case(name="score × 0.6", culprit="", fault=faults.answered(0.6), length=3)
    yield Case(name="late from 5 minutes on", culprit=PERFORMANCE, fault=faults.relabelled(5.0), length=30)


def _of_answers(seed: int, size: Size, folder: Path) -> Tally:
    tally = Tally()
    for permutation in range(size.permutations):
        history = live(_world(seed, permutation, size, folder, 24))
        each = -(-size.onsets // size.permutations)
        for case in _answers(0):
            for at in history.onsets(each, min(case.length, history.world.judged - 1)):
                _until_found(history, case, at, tally)
    return tally


def _until_found(history: History, case: Case, at: int, tally: Tally) -> None:
    """Days until the first ticket or page; a score is found by its own column or by what the model makes of
    its inputs."""
    columns = (case.culprit,) if case.culprit else ("score", BEHAVIOUR)
    found = paged = None
    for day, told in enumerate(history.plant(at, case.fault, case.length), start=1):
        if found is None and any(told.found(column) for column in columns):
            found = day
        if any(told.paged(column) for column in columns):
            paged = day
            break
    for asked, when in ((FOUND, found), (PAGED, paged)):
        tally.add(f"{case.name}|{asked}|{case.length}", when is not None)
        if when is not None:
            tally.put(f"{case.name}|{asked}", when)


def _answers_rows(tallies: Mapping[int, Tally]) -> Iterator[Row]:
    tally = total(tallies)
    for case in _answers(0):
        for asked, least in ((FOUND, 0.95), (PAGED, None)):
            days = sorted(tally.values.get(f"{case.name}|{asked}", ()))
            key = f"{case.name}|{asked}|{case.length}"
            middle = f", median day {days[len(days) // 2]:.0f}" if days else ""
            yield Row(
                what=f"{case.name}: {asked} in {case.length} days",
                measured=tally.share(key),
                unit="",
                at_least=least,
                note=f"{tally.tries(key)} onsets{middle}",
            )


def _planted_rows(tallies: Mapping[int, Tally]) -> Iterator[Row]:
    tally = total(tallies)
    yield planted.row(tally, "missing +3 points", FOUND, 1, 0.98)
    yield planted.row(tally, "missing +3 points, weather", FOUND, 1, None)
    yield planted.row(tally, "unseen carrier of 2 %", FOUND, 1, 0.98)
    yield planted.row(tally, "×100 in 5 % of distance", FOUND, 1, 0.98)
    for case, at_least in (
        ("distance in kilometres", 0.95),
        ("temp in °C", None),
        ("wind_speed in m/s", None),
    ):
        yield planted.named_row(tally, case, at_least)
        if case == "distance in kilometres":
            yield Row(
                what=f"{case}: a page that names the conversion",
                measured=tally.share(f"{case}|converted"),
                unit="",
                note=f"{tally.tries(f'{case}|converted')} onsets",
            )
        yield planted.row(tally, case, FOUND, 4, None)
    yield planted.row(tally, "distance +0.5 sd", FOUND, 3, None)
    yield planted.row(tally, "distance +0.5 sd", PAGED, 4, None)
    yield planted.row(tally, "wind_speed stuck", FOUND, 1, None)
    yield planted.first_row(tally)


PARTS = {
    "flights": _permuted(24),
    "flights-3h": _permuted(3),
    "flights-planted": Part(
        title="Faults, week-permuted flights, days", run=_planted, rows=_planted_rows, weight=12.0
    ),
    "flights-answers": Part(
        title="The model and its labels, week-permuted flights, days",
        run=_of_answers,
        rows=_answers_rows,
        weight=15.0,
    ),
    "flights-natural": Part(
        title="Flights in natural order: what changed is real, so no target",
        run=_natural,
        rows=_natural_rows,
        weight=0.1,
    ),
}
