"""What does everything that is measured of a window cost, beside counting its columns alone?

One window in batches as a source gives them, CPU time, one run. The pass: its columns, and what is derived
from the score, counted. All of it: the same with relations, and then every statistic, component and piece of
evidence, the estimate before labels, and performance with them.
"""

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from benchmarks.rows import Row, median_cpu_s
from detectors import Column, NumericColumn, Profile, Role, ScoreSpec, WindowSummary, build_profile, count
from detectors._performance import (
    count_performance,
    no_performance,
    performance_components,
    performance_evidence,
    performance_measurements,
)
from monitor.measuring import Detector, measure_window
from monitor.members import Family, kinds, member
from monitor.reference_parts import Asked, fit_parts
from monitor.reference_rows import Rows
from monitor.sources._scan import BATCH_ROWS

COLUMNS = 40
REFERENCE_ROWS = 20_000
# The number ("Cost"): all of it, of the pass on the same window.
TIMES_PASS = 1.5

Batch = tuple[Mapping[str, Column], NDArray[np.float64], int]


def window(rows: int, seed: int = 0) -> Iterator[Row]:
    """A binary model of 40 numeric features with one factor in common."""
    rng = np.random.default_rng(seed)
    plain, profile = _profiles(rng, rows)
    columns, outcome = _draw(rng, rows)
    batches = [_cut(columns, outcome, start) for start in range(0, rows, BATCH_ROWS)]
    detectors: list[Detector] = []
    for kind in kinds(Family.DETECTOR):
        made = member(Family.DETECTOR, kind)()
        if hasattr(made, "measure"):  # performance measures rows with outcomes
            detectors.append(made)

    def counted(on: Profile) -> WindowSummary:
        total = WindowSummary.empty(on)
        for part, _, size in batches:
            total = total + count(on, part, size)
        return total

    summary = counted(profile)

    def labelled() -> object:
        total = no_performance(profile)
        for part, outcomes, size in batches:
            total = total + count_performance(profile, part, outcomes, size)
        components = performance_components(profile, total)
        return components, performance_measurements(profile, total), performance_evidence(profile, total)

    pass_s = median_cpu_s(lambda: counted(plain), 5)
    parts = {
        "counting, with relations": median_cpu_s(lambda: counted(profile), 5),
        "every statistic, estimate and fact": median_cpu_s(
            lambda: measure_window(profile, summary, (), detectors), 5
        ),
        "performance of labelled rows": median_cpu_s(labelled, 5),
    }
    together = sum(parts.values())
    yield Row(
        what=f"all that is measured, {COLUMNS} columns",
        measured=together / pass_s,
        unit="× the pass",
        at_most=TIMES_PASS
        if rows >= 500_000
        else None,  # what does not grow with rows is most of a small one
        note=f"{together * 1e3:.0f} ms of {rows:,} rows, pass {pass_s * 1e3:.0f} ms",
    )
    for what, seconds in parts.items():
        yield Row(
            what=f"  {what}", measured=seconds / pass_s, unit="× the pass", note=f"{seconds * 1e3:.0f} ms"
        )


def _profiles(rng: np.random.Generator, window_rows: int) -> tuple[Profile, Profile]:
    """The reference's columns alone, and with all that is learnt beside them."""
    columns, outcome = _draw(rng, REFERENCE_ROWS)
    plain = build_profile(
        columns,
        roles={"score": Role.SCORE},
        score=ScoreSpec(task="binary", columns={"": "score"}),
        outcome=outcome,
    )
    rows = Rows(columns=columns, count=REFERENCE_ROWS, times=None)
    parts = fit_parts(plain, rows, outcome, [], Asked(), window_rows=window_rows)
    return plain, plain.with_parts(parts)


def _draw(rng: np.random.Generator, rows: int) -> tuple[dict[str, Column], NDArray[np.float64]]:
    factor = rng.normal(size=rows)
    columns: dict[str, Column] = {
        f"x{i}": NumericColumn(values=0.4 * factor + rng.normal(size=rows)) for i in range(COLUMNS)
    }
    score = 1.0 / (1.0 + np.exp(-factor - 0.5 * rng.normal(size=rows)))
    columns["score"] = NumericColumn(values=score)
    return columns, (rng.random(rows) < score).astype(np.float64)


def _cut(columns: Mapping[str, Column], outcome: NDArray[np.float64], start: int) -> Batch:
    stop = start + BATCH_ROWS
    part: dict[str, Column] = {
        name: NumericColumn(values=column.values[start:stop])
        for name, column in columns.items()
        if isinstance(column, NumericColumn)
    }
    return part, outcome[start:stop], len(outcome[start:stop])
