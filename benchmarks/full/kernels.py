"""What does a value cost in the compiled loops, and the statistic on top of them? In this process, CPU time.

The cells alone, and the whole pass: cells, moments, missing, infinities, extremes and tails.
"""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from benchmarks.rows import Row, median_cpu_s
from detectors import NumericColumn, NumericProfile, WindowSummary, build_profile
from detectors._cells import KNOTS
from detectors._grid import grid
from detectors._number_counting import NO_CELLS, _count_bits, _count_uniform, _room, count_numbers
from detectors.ks import KolmogorovSmirnov

# The numbers.
CELLS_NS = 6.0  # at 4,096 knots
FEW_CELLS_NS = 4.0  # at 50 bins
FUSED_NS = 9.0
KS_TIMES_SCIPY = 40.0

_DRAWN: dict[str, Callable[[np.random.Generator, int], NDArray[np.float64]]] = {
    "normal": lambda rng, n: rng.normal(size=n),
    "lognormal": lambda rng, n: rng.lognormal(0.0, 2.0, n),
    "integers 0-49": lambda rng, n: rng.integers(0, 50, n).astype(np.float64),
}


def kernels(rows: int, seed: int = 0) -> Iterator[Row]:
    """Targets are for a million rows: what does not grow with them is most of a small number."""
    rng = np.random.default_rng(seed)
    for name, draw in _DRAWN.items():
        profile = _profile(draw(rng, rows))
        values = draw(rng, rows)
        full = profile.knots.size >= KNOTS
        note = f"{profile.knots.size:,} knots"
        for what, work, target in (
            ("cells alone", _cells(profile, values), CELLS_NS if full else FEW_CELLS_NS),
            ("cells, moments, missing in one", _fused(profile, values), FUSED_NS),
        ):
            yield Row(
                what=f"{what}, {name}",
                measured=median_cpu_s(work, 51) * 1e9 / rows,
                unit="ns a value",
                at_most=target,
                note=note,
            )
    yield _ks(rng, rows)


def _profile(values: NDArray[np.float64]) -> NumericProfile:
    profile = build_profile({"x": NumericColumn(values=values)}, roles={}).columns["x"]
    assert isinstance(profile, NumericProfile)
    return profile


def _fused(profile: NumericProfile, values: NDArray[np.float64]) -> Callable[[], object]:
    return lambda: count_numbers(profile, values)


def _cells(profile: NumericProfile, values: NDArray[np.float64]) -> Callable[[], object]:
    """The very kernel that the pass begins with."""
    found = grid(profile, values.size)
    counts, room = np.zeros(2 * profile.knots.size + 1, dtype=np.int64), _room()
    if found.uniform:
        return lambda: _count_uniform(
            values,
            found.knots,
            found.table,
            found.steps,
            found.outer,
            found.low,
            found.scale,
            counts,
            NO_CELLS,
            room.where,
            room.position,
        )
    bits, shift = values.view(np.int64), np.uint64(found.shift)
    return lambda: _count_bits(
        values,
        bits,
        found.knots,
        found.table,
        found.steps,
        found.key,
        shift,
        counts,
        NO_CELLS,
        room.where,
        room.position,
    )


def _ks(rng: np.random.Generator, rows: int) -> Row:
    reference, values = rng.normal(size=rows), rng.normal(0.01, 1.0, rows)
    whole = build_profile({"x": NumericColumn(values=reference)}, roles={})
    column = whole.columns["x"]
    assert isinstance(column, NumericProfile)

    def ours() -> object:
        counted = count_numbers(column, values)
        window = WindowSummary(rows=rows, columns={"x": counted}, profile_digest=whole.digest)
        return KolmogorovSmirnov().measure(whole, window)

    leeway_s = median_cpu_s(ours, 11)
    scipy_s = median_cpu_s(lambda: stats.ks_2samp(reference, values, method="asymp"), 3)
    return Row(
        what=f"scipy.stats.ks_2samp, {rows:,} against as many",
        measured=scipy_s / leeway_s,
        unit="× pass + KS",
        at_least=KS_TIMES_SCIPY,
        note=f"{scipy_s * 1e3:.0f} ms, {leeway_s * 1e3:.1f} ms",
    )
