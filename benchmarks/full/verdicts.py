"""Which promises are kept? Rows with their targets from what the contest measured."""

from collections.abc import Iterator, Sequence

from benchmarks.full.contest import FLOOR, LEEWAY, Result
from benchmarks.full.processes import Took
from benchmarks.rows import Row

# The numbers, for a window of 1e6 rows and 200 columns.
TIMES_FLOOR = 1.5
AT_LEAST = {"evidently": 60.0, "whylogs": 40.0, "nannyml": 8.0}
WALL_SHARE = 0.6
PEAK_MIB = 600.0
PEAK_GROWTH = 1.1


def table(results: Sequence[Result]) -> Iterator[Row]:
    """Each measurement: CPU seconds, the rest in the note. What was not measured is a row as well."""
    for one in results:
        what = f"{one.tool}, {one.rows:,} rows × {one.columns}"
        if one.took is None:
            yield Row(what=what, measured=float("nan"), unit="s of CPU", note=f"NOT MEASURED: {one.why}")
            continue
        took = one.took
        runs = "1 run" if took.runs == 1 else f"{took.runs} runs"
        note = f"{took.wall_s:.2f} s on the clock, {took.peak_mib:,.0f} MiB, {runs}"
        yield Row(what=what, measured=took.cpu_s, unit="s of CPU", note=note)


def beside(results: Sequence[Result]) -> Iterator[Row]:
    """Leeway against each tool, both whole processes, at the most rows that the tool was measured at."""
    ours = {one.rows: one.took for one in results if one.tool == LEEWAY and one.took is not None}
    most = max((one.rows for one in results), default=0)
    for tool in dict.fromkeys(one.tool for one in results if one.tool != LEEWAY):
        theirs = {one.rows: one.took for one in results if one.tool == tool and one.took is not None}
        shared = [rows for rows in theirs if rows in ours]
        floor = tool == FLOOR
        rows = max(shared, default=most)
        ratio = _ratio(theirs[rows], ours[rows], floor=floor) if shared else float("nan")
        why = next((one.why for one in results if one.tool == tool and one.took is None), "")
        yield Row(
            what=f"Leeway, of {tool}'s own read" if floor else f"{tool}, of Leeway",
            measured=ratio,
            unit="× CPU",
            at_most=TIMES_FLOOR if floor else None,
            at_least=AT_LEAST.get(tool),
            note=f"at {rows:,} rows" + (f"; {why}" if why else ""),
        )


def _ratio(theirs: Took, ours: Took, *, floor: bool) -> float:
    return ours.cpu_s / theirs.cpu_s if floor else theirs.cpu_s / ours.cpu_s


def itself(one_core: Took, two_cores: Took, manifold: Took, rows: int, times: int) -> Iterator[Row]:
    """`manifold`: what so many `times` the rows took, on two cores."""
    yield Row(
        what=f"Leeway: wall on 2 cores of the CPU on one, {rows:,} rows",
        measured=two_cores.wall_s / one_core.cpu_s,
        unit="×",
        at_most=WALL_SHARE,
        note=f"{two_cores.wall_s:.2f} s, {one_core.cpu_s:.2f} s; the clock counts the neighbours too",
    )
    yield Row(
        what=f"Leeway: memory at its highest, {rows:,} rows",
        measured=two_cores.peak_mib,
        unit="MiB",
        at_most=PEAK_MIB,
    )
    yield Row(
        what=f"Leeway: memory at {times * rows:,} rows",
        measured=manifold.peak_mib / two_cores.peak_mib,
        unit="×",
        at_most=PEAK_GROWTH,
        note=f"{manifold.peak_mib:,.0f} MiB, {manifold.cpu_s:.1f} s of CPU; {times} names of one file",
    )
