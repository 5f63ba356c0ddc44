"""What does one pass over a column cost, and what do the statistics add? CPU time, one run, same inputs.

Compile time is apart: every path runs once before it is measured. The comparison, `searchsorted` and
`bincount` on the same knots, counts cells only; the pass also gives moments, missing, extremes and tails.
"""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from benchmarks.bench_window import window as whole_window
from benchmarks.rows import Row, median_cpu_s
from detectors import NumericColumn, NumericProfile, WindowSummary, build_profile
from detectors._cells import KNOTS
from detectors._components import components
from detectors._number_counting import count_numbers
from detectors.jensen_shannon import JensenShannon
from detectors.ks import KolmogorovSmirnov
from detectors.psi import PopulationStabilityIndex

Values = NDArray[np.float64]
SAMPLES: dict[str, Callable[[np.random.Generator, int], Values]] = {
    "normal": lambda rng, n: rng.normal(size=n),
    "lognormal": lambda rng, n: rng.lognormal(0.0, 2.0, n),
    "Cauchy": lambda rng, n: rng.standard_cauchy(n),
    "uniform": lambda rng, n: rng.random(n),
    "normal, 5 % missing": lambda rng, n: np.where(rng.random(n) < 0.05, np.nan, rng.normal(size=n)),
    "integers 0-9999": lambda rng, n: rng.integers(0, 10_000, n).astype(np.float64),
    "integers 0-49": lambda rng, n: rng.integers(0, 50, n).astype(np.float64),
}
# The numbers ("Numbers to reach"), for a column of 4,096 knots.
PASS_NS = 12.0
PASS_TIMES_NUMPY = 9.0
STATISTICS_PERCENT = 5.0
KS_TIMES_SCIPY = 20.0
KS_BOUND = 2.5e-4


def counting(rows: int, seed: int = 0) -> Iterator[Row]:
    """The one pass, in ns a value and as a multiple of NumPy's two."""
    rng = np.random.default_rng(seed)
    for name, draw in SAMPLES.items():
        reference, values = draw(rng, rows), draw(rng, rows)
        profile = build_profile({"x": NumericColumn(values=reference)}, roles={}).columns["x"]
        assert isinstance(profile, NumericProfile)

        def twin(knots: Values = profile.knots, values: Values = values) -> object:
            return np.bincount(np.searchsorted(knots, values), minlength=knots.size + 1)

        def product(profile: NumericProfile = profile, values: Values = values) -> object:
            return count_numbers(profile, values)

        ours, numpys = median_cpu_s(product, 11), median_cpu_s(twin, 3)
        full = profile.knots.size >= KNOTS
        note = f"{profile.knots.size} knots"
        yield Row(
            what=f"pass, {name}",
            measured=ours * 1e9 / rows,
            unit="ns a value",
            at_most=PASS_NS if full else None,
            note=note,
        )
        yield Row(
            what=f"searchsorted + bincount, {name}",
            measured=numpys / ours,
            unit="× the pass",
            at_least=PASS_TIMES_NUMPY if full else None,
            note=f"{note}, {numpys * 1e9 / rows:.0f} ns a value",
        )


def statistics(rows: int, seed: int = 0) -> Iterator[Row]:
    """PSI, KS, Jensen-Shannon and the components from the pass's counts; KS against SciPy's."""
    rng = np.random.default_rng(seed)
    reference, values = rng.normal(size=rows), rng.normal(0.01, 1.0, rows)
    whole = build_profile({"x": NumericColumn(values=reference)}, roles={})
    column = whole.columns["x"]
    assert isinstance(column, NumericProfile)
    summary = count_numbers(column, values)
    window = WindowSummary(rows=rows, columns={"x": summary}, profile_digest=whole.digest)
    psi, ks, divergence = PopulationStabilityIndex(), KolmogorovSmirnov(), JensenShannon()
    parts: dict[str, Callable[[], object]] = {
        "PSI": lambda: psi.measure(whole, window),
        "KS": lambda: ks.measure(whole, window),
        "Jensen-Shannon": lambda: divergence.measure(whole, window),
        "components": lambda: components(column, summary, rows),
    }
    pass_s = median_cpu_s(lambda: count_numbers(column, values), 21)
    together = median_cpu_s(lambda: [part() for part in parts.values()], 15, repeats=20)
    yield Row(
        what="PSI, KS, JS and components from the counts",
        measured=100 * together / pass_s,
        unit="% of a pass",
        at_most=STATISTICS_PERCENT,
        note=f"{together * 1e6:.0f} µs, pass {pass_s * 1e3:.2f} ms",
    )
    spent = {name: median_cpu_s(part, 15, repeats=20) for name, part in parts.items()}
    for name, seconds in spent.items():
        yield Row(
            what=f"  {name}",
            measured=100 * seconds / pass_s,
            unit="% of a pass",
            note=f"{seconds * 1e6:.0f} µs",
        )
    scipy_s = median_cpu_s(lambda: stats.ks_2samp(reference, values, method="asymp"), 3)
    found = ks.measure(whole, window)[0]
    exact = float(stats.ks_2samp(reference, values, method="asymp").statistic)
    yield Row(
        what="scipy.stats.ks_2samp",
        measured=scipy_s / (pass_s + spent["KS"]),
        unit="× pass + KS",
        at_least=KS_TIMES_SCIPY,
        note=f"{scipy_s * 1e3:.0f} ms",
    )
    yield from whole_window(rows)
    bound = found.bound or 0.0
    yield Row(what="stated bound of KS", measured=bound, unit="", at_most=KS_BOUND)
    yield Row(
        what="KS against the exact statistic",
        measured=abs(found.value - exact),
        unit="",
        at_most=bound,
        note=f"{found.value:.6f}, exact {exact:.6f}",
    )
