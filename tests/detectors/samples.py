"""Small references and windows for the tests of detectors, and the simulation of their noise limits."""

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from detectors._column import CategoryColumn, Column, Columns, NumericColumn
from detectors._count import count
from detectors._measurement import Measurement
from detectors._profile import Profile, ScoreSpec, build_profile
from detectors._summary import WindowSummary

Rows = NDArray[np.float64] | Sequence[float] | Sequence[str | None]


def column(values: Rows) -> Column:
    """Strings and None make a category, anything else numbers."""
    if len(values) and isinstance(values[0], str | None):
        labels = tuple(sorted({value for value in values if isinstance(value, str)}))
        place = {label: code for code, label in enumerate(labels)}
        codes = [-1 if value is None else place[str(value)] for value in values]
        return CategoryColumn(codes=np.array(codes, dtype=np.int32), labels=labels)
    return NumericColumn(values=np.asarray(values, dtype=np.float64))


def reference(score: ScoreSpec | None = None, **columns: Rows) -> Profile:
    """A profile of these columns, every one a feature."""
    return build_profile({name: column(values) for name, values in columns.items()}, roles={}, score=score)


def window(profile: Profile, **columns: Rows) -> WindowSummary:
    """These columns counted on the profile."""
    return counted(profile, {name: column(values) for name, values in columns.items()})


def counted(profile: Profile, columns: Columns) -> WindowSummary:
    """Columns counted on the profile; all of one length."""
    return count(profile, columns, len(next(iter(columns.values()))))


def only(measurements: Sequence[Measurement], metric: str) -> Measurement:
    """The one measurement of this metric."""
    (found,) = [measurement for measurement in measurements if measurement.metric == metric]
    return found


class Simulated:
    """Windows without drift: how often a metric passed its limit, and how near the limit comes to it."""

    def __init__(self, values: NDArray[np.float64], limits: NDArray[np.float64]) -> None:
        assert np.isfinite(values).all()
        assert np.isfinite(limits).all()
        self.exceeded = float((values > limits + 1e-12).mean())
        self.slack = float(np.median(limits) / np.quantile(values, 0.999))


def simulate(
    measure: Callable[[Profile, WindowSummary], list[Measurement]],
    metric: str,
    draw: Callable[[np.random.Generator, int], Rows],
    *,
    rows_reference: int,
    rows: int,
    windows: int = 2_000,
    references: int = 10,
    knots: int = 512,
) -> Simulated:
    """`windows` windows over `references` references of the same law, fixed seed."""
    rng = np.random.default_rng(20130101)
    values, limits = [], []
    for _ in range(references):
        base = {"x": column(draw(rng, rows_reference))}
        profile = build_profile(base, roles={}, knots=knots)
        for _ in range(windows // references):
            found = only(measure(profile, counted(profile, {"x": column(draw(rng, rows))})), metric)
            values.append(found.value)
            limits.append(math.nan if found.noise_limit is None else found.noise_limit)
    return Simulated(np.array(values), np.array(limits))


def normal(rng: np.random.Generator, rows: int) -> NDArray[np.float64]:
    """Standard normal rows."""
    return rng.standard_normal(rows)


def lognormal(rng: np.random.Generator, rows: int) -> NDArray[np.float64]:
    """Rows with a long right tail."""
    return rng.lognormal(size=rows)


def counts(rng: np.random.Generator, rows: int) -> NDArray[np.float64]:
    """Rows with many ties."""
    return rng.poisson(3.0, rows).astype(np.float64)


def labels(rng: np.random.Generator, rows: int) -> list[str]:
    """Rows of 60 labels with falling shares."""
    weights = 1.0 / np.arange(1, 61) ** 1.2
    return [f"k{code:02d}" for code in rng.choice(60, rows, p=weights / weights.sum())]
