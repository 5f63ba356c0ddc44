"""What is found, and how soon, when something is planted in made-up worlds?"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.quality import faults, still
from benchmarks.quality.drawn import Fault
from benchmarks.quality.history import History, Told, live
from benchmarks.quality.part import Part, Size, total
from benchmarks.quality.synthetic import WEIGHTS, Synthetic
from benchmarks.quality.tally import Tally
from benchmarks.rows import Row
from detectors._column import JOINT, PERFORMANCE

FOUND, PAGED = "found", "paged"
# Outcomes follow the features by other weights: what the model has learnt is not true any more.
CONCEPTS = {
    "concept drift, accuracy −5 points": {"driver": 0.75},
    "concept drift, accuracy −8 points": {"driver": 0.5},
    "concept drift, a new cause, −5 points": {"idle": 1.5},
}
# What a shift of 0.2 sd may meet: columns of 100 with no part in the model, of all the continuous shapes.
SHIFTED = ("idle", "left", "normal_0", "lognormal_1", "uniform_2", "heavy_3", "gappy_6")
_SD = {"lognormal": 1.3, "uniform": 28.87, "heavy": 1.79}  # of the shapes that are not standard normal


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One fault, and the column that is to blame."""

    name: str
    culprit: str
    fault: Fault
    length: int = 4  # windows it is watched for
    also: Callable[[Tally, str, Sequence[Told]], None] | None = None  # what else is asked


def watch(history: History, case: Case, at: int, tally: Tally) -> None:
    """Plant it once: found and paged by each window, and the culprit's rank when it is first found."""
    told = list(history.plant(at, case.fault, case.length))
    for asked, hits in (
        (FOUND, [t.found(case.culprit) for t in told]),
        (PAGED, [t.paged(case.culprit) for t in told]),
    ):
        for window in range(1, case.length + 1):
            tally.add(f"{case.name}|{asked}|{window}", any(hits[:window]))
    first = next((t for t in told if t.found(case.culprit)), None)
    # Of what the model says and of how it does, everything that the same window tells is one matter.
    if first is not None and case.culprit not in ("score", PERFORMANCE):
        tally.add("first", first.first == case.culprit)
        if first.first != case.culprit:
            tally.note("first", f"{first.first} before {case.culprit} ({case.name})")
    tally.add(f"{case.name}|performance", any(t.paged(PERFORMANCE) for t in told))
    if case.also:
        case.also(tally, case.name, told)


def unit_named(
    factor: float, column: str, conversion: str = ""
) -> Callable[[Tally, str, Sequence[Told]], None]:
    """The page names the factor, to 5 %; counted apart, the very conversion."""

    def also(tally: Tally, name: str, told: Sequence[Told]) -> None:
        named = converted = False
        for each in told:
            verdict = each.verdict(column)
            unit = verdict.facts.get("unit") if verdict else None
            if isinstance(unit, Mapping) and each.paged(column):
                named |= abs(unit["factor"] / factor - 1.0) <= 0.05
                converted |= conversion in str(unit["name"]).split(" or ")
        tally.add(f"{name}|named", named)
        if conversion:
            tally.add(f"{name}|converted", converted)

    return also


def title_names(*words: str) -> Callable[[Tally, str, Sequence[Told]], None]:
    """What is said names all of these in one of the windows."""

    def also(tally: Tally, name: str, told: Sequence[Told]) -> None:
        titles = [verdict.title for each in told for verdict in each.verdicts]
        tally.add(f"{name}|named", any(all(word in title for word in words) for title in titles))

    return also


def shift_of(column: str, sds: float) -> Fault:
    return faults.shifted(column, sds * _SD.get(column.partition("_")[0], 1.0))


def _cases_iid(number: int) -> Iterator[Case]:
    """20 columns, n = 1,000."""
    yield Case(name="missing +3 points", culprit="idle", fault=faults.missing("idle", 0.03))
    gappy = "gappy_6"
    yield Case(name="missing 2 → 5 %", culprit=gappy, fault=faults.missing(gappy, 0.03))
    yield Case(name="×100 in 5 % of rows", culprit="second", fault=faults.times("second", 100.0, share=0.05))
    log = "lognormal_1"
    yield Case(name="×100 in 5 % of rows, lognormal", culprit=log, fault=faults.times(log, 100.0, share=0.05))
    yield Case(name="unseen category of 2 %", culprit="colour", fault=faults.unseen("colour", 0.02))
    many = "many_levels_8"
    yield Case(name="unseen category of 2 %, 40 levels", culprit=many, fault=faults.unseen(many, 0.02))
    unit = faults.times(log, 1.609344)
    yield Case(name="unit ×1.609", culprit=log, fault=unit, also=unit_named(1.609344, log))
    inches = faults.times("uniform_2", 2.54)
    yield Case(name="unit ×2.54", culprit="uniform_2", fault=inches, also=unit_named(2.54, "uniform_2"))
    seconds = faults.times("integer_4", 60.0)
    yield Case(name="unit ×60", culprit="integer_4", fault=seconds, also=unit_named(60.0, "integer_4"))
    yield Case(name="shift 0.5 sd that harms", culprit="driver", fault=faults.shifted("driver", 0.5))
    yield Case(name="shift 0.5 sd of an unused column", culprit="idle", fault=faults.shifted("idle", 0.5))
    yield Case(name="shift 0.2 sd that harms", culprit="driver", fault=faults.shifted("driver", 0.2))
    yield Case(name="shift 0.2 sd of an unused column", culprit="idle", fault=faults.shifted("idle", 0.2))
    yield Case(name="spread ×1.5", culprit="idle", fault=faults.spread("idle", 1.5))
    yield Case(name="stuck", culprit="second", fault=faults.stuck("second"))
    yield Case(
        name="default 0 in 10 % of rows", culprit="uniform_2", fault=faults.defaulted("uniform_2", 0.1, 0.0)
    )
    yield Case(name="clipped at 1 sd", culprit="driver", fault=faults.clipped("driver", 1.0))
    yield Case(name="renamed label", culprit="colour", fault=faults.renamed("colour", "c2", "C2"))
    flip = title_names("left", "right")
    yield Case(name="relation flipped", culprit=JOINT, fault=faults.flipped("right"), also=flip)
    for name, weights in CONCEPTS.items():
        fault = faults.another_world({**WEIGHTS, **weights})
        yield Case(name=name, culprit=PERFORMANCE, fault=fault)
    yield Case(name="scores drawn to ½, same predictions", culprit="score", fault=faults.unsure(0.4))
    yield Case(name="score × 0.6", culprit="score", fault=faults.answered(0.6))
    del number


def _cases_slices(number: int) -> Iterator[Case]:
    """A fault in the rows of one colour alone, a fifth to a tenth of all."""
    label = ("c1", "c2", "c3")[number % 3]
    named = title_names("idle", f"colour={label}")
    lost = faults.within("colour", label, faults.missing("idle", 0.1))
    yield Case(name="missing +10 points in one slice", culprit="idle", fault=lost, also=named)
    moved = faults.within("colour", label, faults.shifted("idle", 1.0))
    yield Case(name="+1 sd in one slice", culprit="idle", fault=moved, also=named)


def _sliced(seed: int, size: Size) -> Synthetic:
    return replace(still.IID(seed, size), segments=("colour",))


def _slices_rows(tallies: Mapping[int, Tally]) -> Iterator[Row]:
    tally = total(tallies)
    for case in ("missing +10 points in one slice", "+1 sd in one slice"):
        yield replace(named_row(tally, case, None), what=f"{case}: the slice named")
        yield row(tally, case, FOUND, 3, None)


def _planted(
    world: Callable[[int, Size], Synthetic], cases: Callable[[int], Iterator[Case]]
) -> Callable[[int, Size, Path], Tally]:
    def run(seed: int, size: Size, folder: Path) -> Tally:
        del folder
        tally = Tally()
        made = world(seed, size)
        history = live(made)
        for number, at in enumerate(history.onsets(size.onsets, 4)):
            for case in cases(number + seed):
                watch(history, case, at, tally)
        return tally

    return run


def row(tally: Tally, case: str, asked: str, window: int, at_least: float | None, **more: float) -> Row:
    key = f"{case}|{asked}|{window}"
    by = "at once" if window == 1 else f"by window {window}"
    note = f"{tally.tries(key)} onsets"
    return Row(
        what=f"{case}: {asked} {by}", measured=tally.share(key), unit="", at_least=at_least, note=note, **more
    )


def _iid_rows(tallies: Mapping[int, Tally]) -> Iterator[Row]:
    tally = total(tallies)
    for case in (
        "missing +3 points",
        "missing 2 → 5 %",
        "×100 in 5 % of rows",
        "×100 in 5 % of rows, lognormal",
        "unseen category of 2 %",
        "unseen category of 2 %, 40 levels",
    ):
        yield row(tally, case, FOUND, 1, 0.98)
    for case in ("unit ×1.609", "unit ×2.54", "unit ×60"):
        yield named_row(tally, case, 0.95)
    yield row(tally, "relation flipped", FOUND, 1, 0.95)
    yield replace(named_row(tally, "relation flipped", 0.95), what="relation flipped: the pair named")
    for case in CONCEPTS:
        yield row(tally, case, FOUND, 1, 0.95)
        yield row(tally, case, FOUND, 2, None)
        yield row(tally, case, PAGED, 4, None)
    yield at_most(tally, "scores drawn to ½, same predictions", 0.05)
    yield row(tally, "scores drawn to ½, same predictions", FOUND, 1, None)
    yield row(tally, "score × 0.6", FOUND, 3, 0.95)
    for sd in ("0.5", "0.2"):
        yield row(tally, f"shift {sd} sd that harms", PAGED, 4, 0.95 if sd == "0.5" else None)
        key = f"shift {sd} sd of an unused column"
        yield Row(
            what=f"{key}: paged by window 4",
            measured=tally.share(f"{key}|{PAGED}|4"),
            unit="",
            at_most=0.05,
            note=f"{tally.tries(f'{key}|{PAGED}|4')} onsets",
        )
        yield row(tally, key, FOUND, 3, None)
    for case in ("spread ×1.5", "stuck", "default 0 in 10 % of rows", "clipped at 1 sd", "renamed label"):
        yield row(tally, case, FOUND, 1, None)
    yield first_row(tally)


def named_row(tally: Tally, case: str, at_least: float | None) -> Row:
    key = f"{case}|named"
    return Row(
        what=f"{case}: a page that names the factor",
        measured=tally.share(key),
        unit="",
        at_least=at_least,
        note=f"{tally.tries(key)} onsets",
    )


def first_row(tally: Tally) -> Row:
    return Row(
        what="culprit first when first found",
        measured=tally.share("first"),
        unit="",
        at_least=0.97,
        note=f"{tally.tries('first')} onsets; {tally.most('first', 2)}",
    )


def at_most(tally: Tally, case: str, limit: float) -> Row:
    """False performance pages."""
    key = f"{case}|performance"
    return Row(
        what=f"{case}: a page on performance",
        measured=tally.share(key),
        unit="",
        at_most=limit,
        note=f"{tally.tries(key)} onsets",
    )


def _cases_wide(number: int) -> Iterator[Case]:
    """One of 100 columns."""
    column = SHIFTED[number % len(SHIFTED)]
    yield Case(name="0.2 sd in 1 of 100 columns", culprit=column, fault=shift_of(column, 0.2))
    yield Case(name="0.2 sd in 1 of 100 that harms", culprit="driver", fault=faults.shifted("driver", 0.2))


def _wide_rows(tallies: Mapping[int, Tally]) -> Iterator[Row]:
    tally = total(tallies)
    yield row(tally, "0.2 sd in 1 of 100 columns", FOUND, 1, None)
    yield row(tally, "0.2 sd in 1 of 100 columns", FOUND, 3, 0.95)
    yield row(tally, "0.2 sd in 1 of 100 that harms", FOUND, 3, 0.95)
    yield row(tally, "0.2 sd in 1 of 100 that harms", PAGED, 4, 0.9)
    yield first_row(tally)


def _cases_small(number: int) -> Iterator[Case]:
    column = SHIFTED[number % len(SHIFTED)]
    yield Case(name="0.5 sd at n = 50", culprit=column, fault=shift_of(column, 0.5))
    yield Case(name="0.5 sd at n = 50 that harms", culprit="driver", fault=faults.shifted("driver", 0.5))


def _small_rows(tallies: Mapping[int, Tally]) -> Iterator[Row]:
    tally = total(tallies)
    yield row(tally, "0.5 sd at n = 50", FOUND, 4, 0.9)
    yield row(tally, "0.5 sd at n = 50 that harms", FOUND, 4, 0.9)
    yield row(tally, "0.5 sd at n = 50 that harms", PAGED, 4, 0.8)
    yield first_row(tally)


def _big(seed: int, size: Size, folder: Path) -> Tally:
    """0.01 sd at a million rows is nothing that anybody should hear of. The reference is a sample."""
    del folder
    rows = 1_000_000 if size.judged is None else 2_000
    world = Synthetic(seed=seed, columns=8, rows=20_000, judged_rows=rows, reference=size.reference, judged=4)
    history = live(world)
    tally = Tally()
    for at in range(2 if size.judged is None else 1):
        for told in history.plant(at, faults.shifted("driver", 0.01), 2):
            tally.add("told", bool(told.pages or told.tickets))
            for column in told.pages + told.tickets:
                tally.note("told", column)
    return tally


def _big_rows(tallies: Mapping[int, Tally]) -> Iterator[Row]:
    tally = total(tallies)
    yield Row(
        what="0.01 sd at 1e6 rows: windows with a ticket or page",
        measured=100 * tally.share("told"),
        unit="of 100",
        at_most=0.0,
        note=f"{tally.tries('told')} windows {tally.most('told')}".rstrip(),
    )


PARTS = {
    "planted": Part(
        title="Faults, iid, n = 1,000, 20 columns, R = 60",
        run=_planted(still.IID, _cases_iid),
        rows=_iid_rows,
        weight=4.0,
    ),
    "planted-wide": Part(
        title="Faults, iid, n = 1,000, 100 columns, R = 60",
        run=_planted(still.WIDE, _cases_wide),
        rows=_wide_rows,
        weight=5.0,
    ),
    "planted-small": Part(
        title="Faults, iid, n = 50, 20 columns, R = 60",
        run=_planted(still.SMALL, _cases_small),
        rows=_small_rows,
        weight=2.0,
    ),
    "planted-few": Part(
        title="Faults, iid, n = 1,000, 20 columns, R = 20",
        run=_planted(still.FEW, _cases_iid),
        rows=lambda tallies: _untargeted(_iid_rows(tallies)),
        weight=4.0,
    ),
    "planted-few-small": Part(
        title="Faults, iid, n = 50, 20 columns, R = 20",
        run=_planted(still.FEW_SMALL, _cases_small),
        rows=lambda tallies: _untargeted(_small_rows(tallies)),
        weight=2.0,
    ),
    "slices": Part(
        title="Faults in one slice, iid, n = 1,000, 20 columns, R = 60",
        run=_planted(_sliced, _cases_slices),
        rows=_slices_rows,
        weight=2.0,
    ),
    "big": Part(title="A million rows", run=_big, rows=_big_rows, weight=3.0),
}


def _untargeted(rows: Iterator[Row]) -> Iterator[Row]:
    """The targets are for R ≥ 60."""
    for row in rows:
        yield replace(row, at_least=None, at_most=None)
