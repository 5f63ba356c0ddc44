"""How good was the model in this window, in the words of the field, and by which few means is it judged?

Every number rests on the rows with outcome and score alone, and comes with twice its standard error, rows
taken as independent: what the same model would scatter by chance. docs/detectors.md, row `performance`, has
the formulas. What is judged are component means like those of a column, with a noise model of their own.
"""

import math

import numpy as np

from detectors._column import PERFORMANCE
from detectors._learning import Prior
from detectors._measurement import Component, Measurement
from detectors._performance_counting import count_performance, fit_performance, no_performance
from detectors._performance_metrics import Metric, metrics
from detectors._performance_profile import PerformanceProfile, performance_of
from detectors._performance_summary import Classified, PerformanceSummary, Regressed
from detectors._profile import Profile

__all__ = [
    "count_performance",
    "fit_performance",
    "no_performance",
    "performance_components",
    "performance_evidence",
    "performance_measurements",
    "performance_of",
    "performance_priors",
]


def performance_components(
    profile: Profile,  # noqa: ARG001 - components of every sort are asked for alike
    summary: PerformanceSummary,
) -> tuple[Component, ...]:
    """What decides; none without a labelled row.

    Classification: accuracy (a share), bias = mean(y − score), brier. Multiclass bias: mean(correct − largest
    probability). Regression: bias = mean(y − prediction) in sd of the reference's errors, mae in reference
    MAE.
    """
    return _components(summary.found)


def performance_priors(profile: Profile) -> dict[tuple[str, str], Prior]:
    """What the reference file says of each component, for a reference without windows.

    Empty where it has no outcomes.
    """
    part = performance_of(profile)
    if part is None or part.reference is None:
        return {}
    return {(PERFORMANCE, one.name): Prior(mean=one.y, rows=one.n) for one in _components(part.reference)}


def performance_measurements(profile: Profile, summary: PerformanceSummary) -> list[Measurement]:
    """Every metric, `bound` twice its standard error; NaN where it is not defined (no rows, one class)."""
    part = _part(profile)
    before = {} if part.reference is None else metrics(part, part.reference)
    return [
        _measurement(name, found, before.get(name), part.rows)
        for name, found in metrics(part, summary.found).items()
    ]


def performance_evidence(profile: Profile, summary: PerformanceSummary) -> dict[str, object]:
    """JSON: how many rows it rests on, and the metrics here and in the reference with their half widths."""
    part = _part(profile)
    now = metrics(part, summary.found)
    before = {} if part.reference is None else metrics(part, part.reference)
    found: dict[str, object] = {
        "task": part.task,
        "rows": summary.rows,
        "labelled": summary.labelled,
        "unlabelled": summary.unlabelled,
        "unscored": summary.unscored,
        "reference_rows": part.rows,
        "metrics": {name: _told(metric) for name, metric in now.items()},
        "reference": {name: _told(metric) for name, metric in before.items()},
    }
    if isinstance(summary.found, Classified):
        found["foreign"] = summary.found.foreign
        found["classes"] = _classes(part, summary.found)
    return found


def _components(found: Classified | Regressed) -> tuple[Component, ...]:
    n = found.rows
    if n == 0:
        return ()
    if isinstance(found, Regressed):
        means = (("bias", found.error), ("mae", found.absolute))
        shares: tuple[Component, ...] = ()
    else:
        means = (("bias", found.residual), ("brier", found.squared))
        y = int(found.correct.sum()) / n
        shares = (Component(name="accuracy", y=y, n=n, variance=y * (1.0 - y), share=True),)
    return shares + tuple(
        Component(name=name, y=sums.mean, n=n, variance=sums.variance if n > 1 else 0.0, share=False)
        for name, sums in means
    )


def _part(profile: Profile) -> PerformanceProfile:
    part = performance_of(profile)
    if part is None:
        raise ValueError("the reference has no performance part: rebuild it, with a score")
    return part


def _measurement(name: str, now: Metric, before: Metric | None, n_reference: int) -> Measurement:
    difference = now.value - before.value if before is not None else math.nan
    bound = 2.0 * now.error
    return Measurement(
        column=PERFORMANCE,
        metric=name,
        value=now.value,
        bound=bound if math.isfinite(bound) and bound > 0.0 else None,
        direction=int(np.sign(difference)) if math.isfinite(difference) else 0,
        n_reference=n_reference,
        n=now.rows,
    )


def _told(metric: Metric) -> list[float | None]:
    """[value, half width]; None where not defined."""
    pair = (metric.value, 2.0 * metric.error)
    return [value if math.isfinite(value) else None for value in pair]


def _classes(part: PerformanceProfile, found: Classified) -> dict[str, list[int]]:
    """By class: rows of it, predicted as it, and both."""
    triples = np.stack((found.actual, found.predicted, found.correct), axis=1)
    return dict(zip(part.classes, triples.tolist(), strict=True))
