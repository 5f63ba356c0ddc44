"""What does one pass over a column cost, and what do the statistics add? CPU time, one run, same inputs.

    python benchmarks/bench_counting.py [rows]

Compile time is apart: every path runs once before it is measured. The comparison, `searchsorted` and
`bincount` on the same knots, counts cells only; the pass also gives moments, missing, extremes and tails.
"""

import statistics
import sys
import time
from collections.abc import Callable
from functools import partial

import numpy as np
from scipy import stats

from detectors import NumericColumn, NumericProfile, WindowSummary, build_profile
from detectors._components import components
from detectors._counting import count_numbers
from detectors._grid import grid
from detectors.jensen_shannon import JensenShannon
from detectors.ks import KolmogorovSmirnov
from detectors.psi import PopulationStabilityIndex

SAMPLES: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "normal": lambda rng, n: rng.normal(size=n),
    "lognormal": lambda rng, n: rng.lognormal(0.0, 2.0, n),
    "Cauchy": lambda rng, n: rng.standard_cauchy(n),
    "uniform": lambda rng, n: rng.random(n),
    "integers 0-9999": lambda rng, n: rng.integers(0, 10_000, n).astype(np.float64),
    "integers 0-49": lambda rng, n: rng.integers(0, 50, n).astype(np.float64),
    "normal, 5 % missing": lambda rng, n: np.where(rng.random(n) < 0.05, np.nan, rng.normal(size=n)),
}
REPEATS = 50


def cpu_s(work: Callable[[], object], runs: int) -> float:
    """Median CPU seconds of `runs` runs, after one that is not counted."""
    work()
    taken = []
    for _ in range(runs):
        start = time.process_time()
        work()
        taken.append(time.process_time() - start)
    return statistics.median(taken)


def repeat(work: Callable[[], object]) -> None:
    """A statistic takes microseconds, the clock ticks in microseconds: many at a time."""
    for _ in range(REPEATS):
        work()


def main(rows: int = 1_000_000, seed: int = 0) -> None:
    rng = np.random.default_rng(seed)
    print(f"{rows:,} float64 values, CPU time, medians; numpy {np.__version__}, seed {seed}")
    print(f"{'column':22}{'knots':>7}{'grid':>9}{'steps':>7}{'pass ns':>10}{'numpy ns':>10}{'ratio':>8}")
    for name, draw in SAMPLES.items():
        reference, values = draw(rng, rows), draw(rng, rows)
        profile = build_profile({"x": NumericColumn(values=reference)}, roles={}).columns["x"]
        assert isinstance(profile, NumericProfile)

        def twin(knots: np.ndarray = profile.knots, values: np.ndarray = values) -> object:
            return np.bincount(np.searchsorted(knots, values), minlength=knots.size + 1)

        def product(profile: NumericProfile = profile, values: np.ndarray = values) -> object:
            return count_numbers(profile, values)

        ours, numpys = cpu_s(product, 11) * 1e9 / rows, cpu_s(twin, 3) * 1e9 / rows
        used = grid(profile)
        kind = "width" if used.uniform else "bits"
        print(
            f"{name:22}{profile.knots.size:>7}{kind:>9}{used.steps:>7}"
            f"{ours:>10.1f}{numpys:>10.1f}{numpys / ours:>8.1f}"
        )

    reference, values = rng.normal(size=rows), rng.normal(0.01, 1.0, rows)
    whole = build_profile({"x": NumericColumn(values=reference)}, roles={})
    column = whole.columns["x"]
    assert isinstance(column, NumericProfile)
    summary = count_numbers(column, values)
    window = WindowSummary(rows=rows, columns={"x": summary}, profile_digest=whole.digest)
    pass_s = cpu_s(lambda: count_numbers(column, values), 11)
    scipy_s = cpu_s(lambda: stats.ks_2samp(reference, values, method="asymp"), 3)
    exact = float(stats.ks_2samp(reference, values, method="asymp").statistic)
    parts: dict[str, Callable[[], object]] = {
        "PSI": lambda: PopulationStabilityIndex().measure(whole, window),
        "KS": lambda: KolmogorovSmirnov().measure(whole, window),
        "Jensen-Shannon": lambda: JensenShannon().measure(whole, window),
        "components": lambda: components(column, summary, rows),
    }
    print(f"\nstatistics from the counts, as a share of the pass ({pass_s * 1e3:.2f} ms)")
    spent = {name: cpu_s(partial(repeat, work), 5) / REPEATS for name, work in parts.items()}
    for name, seconds in spent.items():
        print(f"{name:22}{seconds * 1e6:>8.0f} us{100 * seconds / pass_s:>8.2f} %")
    print(f"{'together':22}{sum(spent.values()) * 1e6:>8.0f} us{100 * sum(spent.values()) / pass_s:>8.2f} %")
    ks_s = pass_s + spent["KS"]
    found = KolmogorovSmirnov().measure(whole, window)[0]
    print(
        f"\nKS {rows:,} against {rows:,}: pass and statistic {ks_s * 1e3:.2f} ms, "
        f"scipy.stats.ks_2samp {scipy_s * 1e3:.0f} ms, ratio {scipy_s / ks_s:.0f}; "
        f"value {found.value:.6f}, exact {exact:.6f}, stated bound {found.bound or 0.0:.1e}"
    )


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:2]))
