"""Does the default policy stay silent on flights without drift, and does it find what is planted in them?

A table of benchmarks/quality/flights.py, the seeds shared out over the cores.
"""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from multiprocessing import get_context
from pathlib import Path

from benchmarks.quality.flights import Outcome, plant_bursts, run
from benchmarks.quality.permuted import Day, days_of_2013
from benchmarks.rows import Row

# The numbers ("Numbers to reach").
POOLED = 1.5
WORST = 5.0
FOUND_PERCENT = 95.0
MUST_BE_FOUND = ("missing +3 points", "unseen carrier 4 %")


def quality(seeds: Sequence[int], flights: Path) -> Iterator[Row]:
    """Pages a hundred windows without drift, and the share of planted bursts that are found.

    `flights`: a folder that keeps the scored flights between runs.
    """
    days_of_2013(flights)  # once, before two processes would both do it
    # "spawn": numba's and polars' threads do not survive a fork.
    workers = min(len(seeds), os.cpu_count() or 1)
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        outcomes = list(pool.map(one, seeds, [flights] * len(seeds)))
    windows, paged = sum(o.windows for o in outcomes), sum(o.paged for o in outcomes)
    rates = [100 * o.paged / o.windows for o in outcomes]
    yield Row(
        what=f"windows with a page, {len(seeds)} permutations pooled",
        measured=100 * paged / windows,
        unit="of 100",
        at_most=POOLED,
        note=f"{paged} of {windows}",
    )
    yield Row(
        what="  the worst permutation",
        measured=max(rates),
        unit="of 100",
        at_most=WORST,
        note=", ".join(f"{seed}: {rate:.2f}" for seed, rate in zip(seeds, rates, strict=True)),
    )
    tickets = sum(o.ticketed for o in outcomes)
    yield Row(what="windows with a ticket", measured=100 * tickets / windows, unit="of 100")
    for name in outcomes[0].found:
        both = [pair for o in outcomes for pair in o.found[name]]
        yield Row(
            what=f"found at once: {name}",
            measured=100 * sum(either for _, either in both) / len(both),
            unit="% of windows",
            at_least=FOUND_PERCENT if name in MUST_BE_FOUND else None,
            note=f"paged in {100 * sum(page for page, _ in both) / len(both):.1f} %",
        )


def one(seed: int, flights: Path) -> Outcome:
    """One permutation with its bursts; in a process of its own."""
    world, outcome = run(_days(flights), seed)
    plant_bursts(world, seed, outcome)
    return outcome


@cache
def _days(flights: Path) -> list[Day]:
    return days_of_2013(flights)
