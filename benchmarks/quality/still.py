"""How often does the default policy page when nothing has drifted? Made-up worlds."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from benchmarks.quality.history import History, Told, live
from benchmarks.quality.part import Part, Size, total
from benchmarks.quality.synthetic import Synthetic
from benchmarks.quality.tally import Tally
from benchmarks.rows import Row
from monitor.policy import JudgePolicy

MIN_ROWS = JudgePolicy().min_rows


def count_clean(history: History) -> Tally:
    """Windows with a page and with a ticket; only windows large enough to judge are counted."""
    tally = Tally()
    for told in history.told:
        if told.rows >= MIN_ROWS:
            note_clean(tally, told)
    return tally


def note_clean(tally: Tally, told: Told) -> None:
    pages, tickets = told.pages, told.tickets
    tally.add("page", bool(pages))
    tally.add("ticket", bool(tickets) and not pages)
    for column in pages:
        tally.note("pages", column)
    for column in tickets:
        tally.note("tickets", column)


def false_pages(
    tallies: Mapping[int, Tally], what: str, at_most: float | None, worst: float
) -> Iterator[Row]:
    """Pooled over the seeds, and the worst of them."""
    pooled = total(tallies)
    rates = {seed: 100 * tally.share("page") for seed, tally in tallies.items()}
    yield Row(
        what=f"false-page windows: {what}",
        measured=100 * pooled.share("page"),
        unit="of 100",
        at_most=at_most,
        note=f"{pooled.hits['page'][0]} of {pooled.tries('page')} windows {pooled.most('pages')}".rstrip(),
    )
    yield Row(
        what="  the worst seed",
        measured=max(rates.values()),
        unit="of 100",
        at_most=worst if at_most is not None else None,
        note=", ".join(f"{seed}: {rate:.2f}" for seed, rate in rates.items()),
    )
    yield Row(
        what="  windows with tickets alone",
        measured=100 * pooled.share("ticket"),
        unit="of 100",
        note=pooled.most("tickets"),
    )


def _world(
    columns: int, rows: int, judged: int, tau: float = 0.0, reference: int | None = None
) -> Callable[[int, Size], Synthetic]:
    def made(seed: int, size: Size) -> Synthetic:
        return Synthetic(
            seed=seed,
            columns=columns,
            rows=rows,
            reference=reference or size.reference,
            judged=size.judged or judged,
            tau=tau,
            rho=0.6,
        )

    return made


IID = _world(20, 1_000, 240)
WIDE = _world(100, 1_000, 120)
SMALL = _world(20, 50, 300)
DEPENDENT = _world(20, 1_000, 240, tau=0.12)
FEW = _world(20, 1_000, 240, reference=20)
FEW_SMALL = _world(20, 50, 300, reference=20)
FEW_WIDE = _world(100, 1_000, 120, reference=20)
FEW_DEPENDENT = _world(20, 1_000, 240, tau=0.12, reference=20)


def _part(title: str, world: Callable[[int, Size], Synthetic], at_most: float | None, weight: float) -> Part:
    def run(seed: int, size: Size, folder: Path) -> Tally:
        del folder
        return count_clean(live(world(seed, size)))

    def rows(tallies: Mapping[int, Tally]) -> Iterator[Row]:
        return false_pages(tallies, title, at_most, worst=4.0)

    return Part(title=title, run=run, rows=rows, weight=weight)


PARTS = {
    "iid": _part("iid, n = 1,000, 20 columns", IID, 0.5, 1.0),
    "wide": _part("iid, n = 1,000, 100 columns", WIDE, 0.5, 3.0),
    "small": _part("iid, n = 50, 20 columns", SMALL, 0.5, 1.0),
    "ar": _part("AR(1) window effects, 0.12 sd, ρ = 0.6", DEPENDENT, 1.0, 1.0),
    "few": _part("R = 20, iid, n = 1,000, 20 columns", FEW, None, 1.0),
    "few-wide": _part("R = 20, iid, n = 1,000, 100 columns", FEW_WIDE, None, 2.5),
    "few-small": _part("R = 20, iid, n = 50", FEW_SMALL, None, 1.0),
    "few-ar": _part("R = 20, AR(1)", FEW_DEPENDENT, None, 1.0),
}
